//! Which columns have the Assetto Corsa recordings?

use super::layout;

layout! {
    /// The columns of the Assetto Corsa recordings.
    AssettoCorsa, AssettoCorsaProto:
    2 gas "gas" f32 float (0.001, Fast);
    3 brake "brake" f32 float (0.001, Fast);
    4 rpm "rpm" f32 float (1.0, Fast);
    5 steer "steer" f32 float (0.0005, Fast);
    6 speed "speed" f32 float (0.03, Fast);
    7 g_force_x "g_force_x" f32 float (0.001, Fast);
    8 g_force_y "g_force_y" f32 float (0.001, Fast);
    9 g_force_z "g_force_z" f32 float (0.001, Fast);
    10 wheel_slip_front_left "wheel_slip_front_left" f32 float (0.002, Fast);
    11 wheel_slip_front_right "wheel_slip_front_right" f32 float (0.002, Fast);
    12 wheel_slip_rear_left "wheel_slip_rear_left" f32 float (0.002, Fast);
    13 wheel_slip_rear_right "wheel_slip_rear_right" f32 float (0.002, Fast);
    14 pressure_front_left "pressure_front_left" f32 float (0.01, Fast);
    15 pressure_front_right "pressure_front_right" f32 float (0.01, Fast);
    16 pressure_rear_left "pressure_rear_left" f32 float (0.01, Fast);
    17 pressure_rear_right "pressure_rear_right" f32 float (0.01, Fast);
    18 yaw_rate "yaw_rate" f32 float (0.001, Fast);
    19 normalized_car_position "normalized_car_position" f32 float (0.00001, Fast);
    20 tyre_temp_front_left "tyre_temp_front_left" f32 float (0.1, Slow);
    21 tyre_temp_front_right "tyre_temp_front_right" f32 float (0.1, Slow);
    22 tyre_temp_rear_left "tyre_temp_rear_left" f32 float (0.1, Slow);
    23 tyre_temp_rear_right "tyre_temp_rear_right" f32 float (0.1, Slow);
    24 air_temp "air_temp" f32 float (0.1, Slow);
    25 road_temp "road_temp" f32 float (0.1, Slow);
    26 wind_speed "wind_speed" f32 float (0.1, Slow);
    27 wind_direction "wind_direction" f32 float (1.0, Slow);
}
