//! Which columns has the ACC recording of whole laps?

use super::layout;

layout! {
    /// The columns of the ACC lap recording.
    AccLaps, AccLapsProto:
    2 speed "speed[km/h]" f32 float (0.03, Fast);
    3 steer "steerAngle[-1..1]" f32 float (0.0005, Fast);
    4 gas "gas[0..1]" f32 float (0.001, Fast);
    5 brake "brake[0..1]" f32 float (0.001, Fast);
    6 gear "gear[-1=R 0=N]" i32 sint32 (Slow);
    7 lap_counter "lap_counter" u32 uint32 (Slow);
}
