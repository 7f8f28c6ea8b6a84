//! What does each channel mean? The table; every other list of channels is made from it.
//!
//! Ids are grouped with room between the groups. A row is never removed and an id never reused; a new channel
//! takes a new id at the end of its group. World axes are the games': x and z lie in the plane, y points up.
//! Ratios marked AC or ACC only come from that game; `BOTH` from either, in the same unit.

use super::{ChannelId, FloatInfo, Games, IntInfo, Pace, channels};

const AC: Games = Games { assetto_corsa: true, acc: false };
const ACC: Games = Games { assetto_corsa: false, acc: true };
const BOTH: Games = Games { assetto_corsa: true, acc: true };

channels! {
    floats {
        // Driver and engine, 1 to 39.
        1 SPEED_MPS: "m/s", 0.01, 0.0..=200.0, Fast, BOTH, "Speed over ground.";
        2 THROTTLE: "ratio", 0.001, 0.0..=1.0, Fast, BOTH, "Throttle pedal after assists, 0 released to 1 fully pressed.";
        3 BRAKE: "ratio", 0.001, 0.0..=1.0, Fast, BOTH, "Brake pedal, 0 released to 1 fully pressed.";
        4 CLUTCH: "ratio", 0.001, 0.0..=1.0, Fast, BOTH, "Clutch pedal, 0 released to 1 fully pressed.";
        5 STEER: "ratio", 0.0005, -1.5..=1.5, Fast, BOTH, "Steering input as a share of full lock, positive to the right.";
        6 ENGINE_RPM: "rev/min", 1.0, -1000.0..=30000.0, Fast, BOTH, "Engine speed.";
        7 ENGINE_MAX_RPM: "rev/min", 1.0, 0.0..=30000.0, Slow, BOTH, "Engine speed at the limiter.";
        8 BOOST_BAR: "bar", 0.005, -2.0..=10.0, Fast, BOTH, "Turbo pressure above air pressure.";
        9 BRAKE_BIAS: "ratio", 0.001, 0.0..=1.0, Slow, BOTH, "Front share of the braking force.";
        10 FORCE_FEEDBACK: "ratio", 0.002, -10.0..=10.0, Fast, BOTH, "Force sent to the wheel; beyond 1 it clips.";
        11 TC_SLIP_LIMIT: "ratio", 0.001, 0.0..=10.0, Slow, AC, "Slip that traction control allows, 0 when it is off.";
        12 ABS_SLIP_LIMIT: "ratio", 0.001, 0.0..=10.0, Slow, AC, "Slip that ABS allows, 0 when it is off.";

        // Lap and session, 40 to 79.
        40 LAP_FRACTION: "ratio", 0.00001, 0.0..=1.0, Fast, BOTH, "Place on the lap, 0 and 1 at the line.";
        41 DISTANCE_M: "m", 0.1, 0.0..=10000000.0, Fast, BOTH, "Distance driven in this session (ACC: stint).";
        42 DELTA_BEST_S: "s", 0.001, -3600.0..=3600.0, Fast, BOTH, "Time against the best lap at this place, negative when faster.";
        43 PENALTY_TIME_S: "s", 0.1, 0.0..=3600.0, Slow, BOTH, "Penalty time still to serve.";
        44 TIME_OF_DAY_S: "s", 0.1, 0.0..=86400.0, Slow, ACC, "Time of day at the track, since midnight.";

        // Place and motion, 80 to 119.
        80 POSITION_X_M: "m", 0.01, -100000.0..=100000.0, Fast, BOTH, "Place of the car in the world, x.";
        81 POSITION_Y_M: "m", 0.01, -100000.0..=100000.0, Fast, BOTH, "Place of the car in the world, y (up).";
        82 POSITION_Z_M: "m", 0.01, -100000.0..=100000.0, Fast, BOTH, "Place of the car in the world, z.";
        83 VELOCITY_X_MPS: "m/s", 0.01, -500.0..=500.0, Fast, BOTH, "Velocity along the world's x axis.";
        84 VELOCITY_Y_MPS: "m/s", 0.01, -500.0..=500.0, Fast, BOTH, "Velocity along the world's y axis (up).";
        85 VELOCITY_Z_MPS: "m/s", 0.01, -500.0..=500.0, Fast, BOTH, "Velocity along the world's z axis.";
        86 HEADING_RAD: "rad", 0.0001, -7.0..=7.0, Fast, BOTH, "Direction the car points to, around the vertical axis.";
        87 PITCH_RAD: "rad", 0.0001, -7.0..=7.0, Fast, BOTH, "Pitch angle, positive with the nose up.";
        88 ROLL_RAD: "rad", 0.0001, -7.0..=7.0, Fast, BOTH, "Roll angle.";
        89 ACCEL_LATERAL_MPS2: "m/s²", 0.01, -1000.0..=1000.0, Fast, BOTH, "Acceleration across the car.";
        90 ACCEL_VERTICAL_MPS2: "m/s²", 0.01, -1000.0..=1000.0, Fast, BOTH, "Acceleration along the car's vertical axis, 0 at rest.";
        91 ACCEL_LONGITUDINAL_MPS2: "m/s²", 0.01, -1000.0..=1000.0, Fast, BOTH, "Acceleration along the car, positive forward.";
        92 YAW_RATE_RADPS: "rad/s", 0.001, -100.0..=100.0, Fast, BOTH, "Rotation around the car's vertical axis.";
        93 PITCH_RATE_RADPS: "rad/s", 0.001, -100.0..=100.0, Fast, BOTH, "Rotation around the car's lateral axis.";
        94 ROLL_RATE_RADPS: "rad/s", 0.001, -100.0..=100.0, Fast, BOTH, "Rotation around the car's long axis.";
        95 CG_HEIGHT_M: "m", 0.001, -10.0..=10.0, Slow, AC, "Height of the centre of gravity.";
        96 RIDE_HEIGHT_FRONT_M: "m", 0.0001, -10.0..=10.0, Fast, AC, "Ride height at the front axle.";
        97 RIDE_HEIGHT_REAR_M: "m", 0.0001, -10.0..=10.0, Fast, AC, "Ride height at the rear axle.";

        // Wheels, 120 to 299: front left, front right, rear left, rear right.
        120 WHEEL_SPEED_RADPS_FL WHEEL_SPEED_RADPS_FR WHEEL_SPEED_RADPS_RL WHEEL_SPEED_RADPS_RR:
            "rad/s", 0.05, -2000.0..=2000.0, Fast, BOTH, "Rotation speed of the wheel.";
        124 WHEEL_SLIP_FL WHEEL_SLIP_FR WHEEL_SLIP_RL WHEEL_SLIP_RR:
            "ratio", 0.002, -1000.0..=1000.0, Fast, BOTH, "Combined slip of the tyre; in AC 1 is the peak of grip.";
        128 SLIP_RATIO_FL SLIP_RATIO_FR SLIP_RATIO_RL SLIP_RATIO_RR:
            "ratio", 0.002, -1000.0..=1000.0, Fast, BOTH, "Slip along the tyre (AC: UDP only).";
        132 SLIP_ANGLE_RAD_FL SLIP_ANGLE_RAD_FR SLIP_ANGLE_RAD_RL SLIP_ANGLE_RAD_RR:
            "rad", 0.001, -7.0..=7.0, Fast, BOTH, "Slip angle of the tyre (AC: UDP only).";
        136 WHEEL_LOAD_N_FL WHEEL_LOAD_N_FR WHEEL_LOAD_N_RL WHEEL_LOAD_N_RR:
            "N", 5.0, -100000.0..=1000000.0, Fast, AC, "Load on the tyre.";
        140 TYRE_PRESSURE_KPA_FL TYRE_PRESSURE_KPA_FR TYRE_PRESSURE_KPA_RL TYRE_PRESSURE_KPA_RR:
            "kPa", 0.1, 0.0..=1000.0, Fast, BOTH, "Tyre pressure, hot.";
        144 TYRE_CORE_TEMP_C_FL TYRE_CORE_TEMP_C_FR TYRE_CORE_TEMP_C_RL TYRE_CORE_TEMP_C_RR:
            "°C", 0.1, -100.0..=1000.0, Fast, BOTH, "Temperature in the tyre's core.";
        148 TYRE_INNER_TEMP_C_FL TYRE_INNER_TEMP_C_FR TYRE_INNER_TEMP_C_RL TYRE_INNER_TEMP_C_RR:
            "°C", 0.1, -100.0..=1000.0, Fast, AC, "Temperature of the tread, inner third.";
        152 TYRE_MIDDLE_TEMP_C_FL TYRE_MIDDLE_TEMP_C_FR TYRE_MIDDLE_TEMP_C_RL TYRE_MIDDLE_TEMP_C_RR:
            "°C", 0.1, -100.0..=1000.0, Fast, AC, "Temperature of the tread, middle third.";
        156 TYRE_OUTER_TEMP_C_FL TYRE_OUTER_TEMP_C_FR TYRE_OUTER_TEMP_C_RL TYRE_OUTER_TEMP_C_RR:
            "°C", 0.1, -100.0..=1000.0, Fast, AC, "Temperature of the tread, outer third.";
        160 TYRE_WEAR_FL TYRE_WEAR_FR TYRE_WEAR_RL TYRE_WEAR_RR:
            "ratio", 0.0001, 0.0..=2.0, Slow, AC, "What is left of the tyre: 1 when new, less as it wears.";
        164 TYRE_DIRT_FL TYRE_DIRT_FR TYRE_DIRT_RL TYRE_DIRT_RR:
            "ratio", 0.001, 0.0..=100.0, Slow, AC, "Dirt on the tyre, 0 when clean.";
        168 BRAKE_TEMP_C_FL BRAKE_TEMP_C_FR BRAKE_TEMP_C_RL BRAKE_TEMP_C_RR:
            "°C", 1.0, -100.0..=3000.0, Fast, BOTH, "Temperature of the brake disc.";
        172 BRAKE_PRESSURE_FL BRAKE_PRESSURE_FR BRAKE_PRESSURE_RL BRAKE_PRESSURE_RR:
            "ratio", 0.001, 0.0..=100.0, Fast, ACC, "Brake pressure before the car's own coefficient.";
        176 SUSPENSION_TRAVEL_M_FL SUSPENSION_TRAVEL_M_FR SUSPENSION_TRAVEL_M_RL SUSPENSION_TRAVEL_M_RR:
            "m", 0.0001, -2.0..=2.0, Fast, BOTH, "Travel of the suspension.";
        180 SUSPENSION_DAMAGE_FL SUSPENSION_DAMAGE_FR SUSPENSION_DAMAGE_RL SUSPENSION_DAMAGE_RR:
            "ratio", 0.001, 0.0..=100.0, Slow, ACC, "Damage to the suspension, 0 when whole.";
        184 CAMBER_RAD_FL CAMBER_RAD_FR CAMBER_RAD_RL CAMBER_RAD_RR:
            "rad", 0.0001, -7.0..=7.0, Fast, AC, "Camber angle, left and right with opposite signs.";
        188 BRAKE_PAD_MM_FL BRAKE_PAD_MM_FR BRAKE_PAD_MM_RL BRAKE_PAD_MM_RR:
            "mm", 0.01, 0.0..=1000.0, Slow, ACC, "What is left of the brake pad.";
        192 BRAKE_DISC_MM_FL BRAKE_DISC_MM_FR BRAKE_DISC_MM_RL BRAKE_DISC_MM_RR:
            "mm", 0.01, 0.0..=1000.0, Slow, ACC, "What is left of the brake disc.";
        196 PIT_TYRE_PRESSURE_KPA_FL PIT_TYRE_PRESSURE_KPA_FR PIT_TYRE_PRESSURE_KPA_RL PIT_TYRE_PRESSURE_KPA_RR:
            "kPa", 0.1, 0.0..=1000.0, Slow, ACC, "Cold pressure chosen for the next pit stop.";

        // Car, 300 to 349.
        300 FUEL_L: "l", 0.01, 0.0..=1000.0, Slow, BOTH, "Fuel in the tank.";
        301 FUEL_PER_LAP_L: "l", 0.01, 0.0..=1000.0, Slow, ACC, "Fuel used per lap, as the game estimates it.";
        302 FUEL_LAPS_LEFT: "laps", 0.01, 0.0..=10000.0, Slow, ACC, "Laps that the fuel lasts for.";
        303 FUEL_USED_L: "l", 0.01, 0.0..=1000.0, Slow, ACC, "Fuel used since the last refuelling.";
        304 PIT_FUEL_TO_ADD_L: "l", 0.1, 0.0..=1000.0, Slow, ACC, "Fuel chosen for the next pit stop.";
        305 WATER_TEMP_C: "°C", 0.1, -100.0..=1000.0, Slow, ACC, "Temperature of the cooling water.";
        306 EXHAUST_TEMP_C: "°C", 1.0, -100.0..=3000.0, Slow, ACC, "Temperature of the exhaust gas.";
        307 DAMAGE_FRONT: "ratio", 0.01, 0.0..=100000.0, Slow, BOTH, "Damage to the front of the body, 0 when whole.";
        308 DAMAGE_REAR: "ratio", 0.01, 0.0..=100000.0, Slow, BOTH, "Damage to the rear of the body.";
        309 DAMAGE_LEFT: "ratio", 0.01, 0.0..=100000.0, Slow, BOTH, "Damage to the left of the body.";
        310 DAMAGE_RIGHT: "ratio", 0.01, 0.0..=100000.0, Slow, BOTH, "Damage to the right of the body.";
        311 DAMAGE_CENTER: "ratio", 0.01, 0.0..=100000.0, Slow, BOTH, "Damage to the middle of the body.";
        312 BALLAST_KG: "kg", 0.1, 0.0..=10000.0, Slow, AC, "Ballast.";
        313 KERS_CHARGE: "ratio", 0.001, 0.0..=1.0, Slow, AC, "Charge of the KERS or ERS battery.";
        314 KERS_INPUT: "ratio", 0.001, 0.0..=1.0, Slow, AC, "KERS or ERS power asked for.";
        315 KERS_USED_KJ: "kJ", 0.1, 0.0..=100000.0, Slow, AC, "KERS or ERS energy used on this lap.";

        // Weather and surface, 350 to 399.
        350 AIR_TEMP_C: "°C", 0.1, -100.0..=200.0, Slow, BOTH, "Temperature of the air.";
        351 ROAD_TEMP_C: "°C", 0.1, -100.0..=200.0, Slow, BOTH, "Temperature of the track's surface.";
        352 AIR_DENSITY_KGPM3: "kg/m³", 0.001, 0.0..=10.0, Slow, AC, "Density of the air.";
        353 WIND_SPEED_MPS: "m/s", 0.1, 0.0..=200.0, Slow, BOTH, "Speed of the wind.";
        354 WIND_DIRECTION_RAD: "rad", 0.01, -7.0..=7.0, Slow, BOTH, "Direction of the wind.";
        355 SURFACE_GRIP: "ratio", 0.001, 0.0..=2.0, Slow, AC, "Grip of the track's surface, 1 at its best.";
        356 CLOUD_COVER: "ratio", 0.01, 0.0..=1.0, Slow, ACC, "Cloud cover (broadcasting).";
        357 TRACK_WETNESS: "ratio", 0.01, 0.0..=1.0, Slow, ACC, "Wetness of the track (broadcasting).";
    }

    ints {
        // Driver and engine, 500 to 539.
        500 GEAR: "gear", -1..=12, Slow, BOTH, "Gear: -1 reverse, 0 neutral, 1 first.";
        501 TC_LEVEL: "level", 0..=20, Slow, ACC, "Setting of traction control.";
        502 TC_CUT_LEVEL: "level", 0..=20, Slow, ACC, "Setting of traction control's cut.";
        503 ABS_LEVEL: "level", 0..=20, Slow, ACC, "Setting of ABS.";
        504 ENGINE_MAP: "level", 0..=20, Slow, ACC, "Engine map in use.";
        505 ENGINE_BRAKE_LEVEL: "level", 0..=20, Slow, AC, "Setting of the engine brake.";
        506 TC_ACTIVE: "bool", 0..=1, Slow, BOTH, "Traction control is cutting now (AC: UDP only).";
        507 ABS_ACTIVE: "bool", 0..=1, Slow, BOTH, "ABS is working now (AC: UDP only).";
        508 TC_ENABLED: "bool", 0..=1, Slow, AC, "Traction control is switched on.";
        509 ABS_ENABLED: "bool", 0..=1, Slow, AC, "ABS is switched on.";
        510 AUTO_SHIFTER: "bool", 0..=1, Slow, BOTH, "The game shifts gears.";
        511 AI_CONTROLLED: "bool", 0..=1, Slow, BOTH, "The game drives the car.";
        512 IGNITION: "bool", 0..=1, Slow, ACC, "Ignition is on.";
        513 ENGINE_RUNNING: "bool", 0..=1, Slow, ACC, "The engine runs.";

        // Lap and session, 540 to 599.
        540 LAPS_COMPLETED: "laps", 0..=100000, Slow, BOTH, "Laps completed; the current lap is one more.";
        541 SECTOR: "index", 0..=31, Slow, BOTH, "Sector the car is in, 0 for the first.";
        542 CURRENT_LAP_MS: "ms", 0..=86400000, Fast, BOTH, "Time on the current lap.";
        543 LAST_LAP_MS: "ms", 0..=86400000, Slow, BOTH, "Time of the last lap; absent before the first.";
        544 BEST_LAP_MS: "ms", 0..=86400000, Slow, BOTH, "Time of the best lap; absent before the first.";
        545 LAST_SECTOR_MS: "ms", 0..=86400000, Slow, BOTH, "Time of the last sector; absent before the first.";
        546 ESTIMATED_LAP_MS: "ms", 0..=86400000, Slow, ACC, "Time the current lap will take, as the game estimates it.";
        547 LAP_VALID: "bool", 0..=1, Slow, ACC, "The current lap counts.";
        548 RACE_POSITION: "place", 1..=1000, Slow, BOTH, "Place in the order, 1 for the first; updated late.";
        549 CARS_ON_TRACK: "cars", 0..=1000, Slow, ACC, "Cars on the track.";
        550 GAP_AHEAD_MS: "ms", -86400000..=86400000, Slow, ACC, "Time to the car ahead.";
        551 GAP_BEHIND_MS: "ms", -86400000..=86400000, Slow, ACC, "Time to the car behind.";
        552 SESSION_KIND: "enum" ["practice" "qualify" "race" "hotlap" "time attack" "drift" "drag" "hotstint"
            "hotstint superpole"], 0..=8, Slow, BOTH, "Kind of session; absent when the game does not know.";
        553 SESSION_INDEX: "index", 0..=1000, Slow, ACC, "Which session of the weekend.";
        554 SESSION_LAPS: "laps", 0..=100000, Slow, AC, "Laps of the session; 0 when it is timed.";
        555 SESSION_TIME_LEFT_MS: "ms", -86400000..=1000000000, Fast, BOTH, "Time left in the session; can be negative.";
        556 GAME_STATUS: "enum" ["off" "replay" "live" "pause"], 0..=3, Slow, BOTH, "What the game is doing.";
        557 STINT_TIME_LEFT_MS: "ms", -86400000..=1000000000, Fast, ACC, "Time left in the driver's stint.";
        558 STINT_TOTAL_TIME_LEFT_MS: "ms", -86400000..=1000000000, Fast, ACC, "Driving time left to the driver.";

        // Flags, penalties, pits, 600 to 639.
        600 FLAG: "enum" ["none" "blue" "yellow" "black" "white" "chequered" "penalty" "green" "orange"],
            0..=8, Slow, BOTH, "Flag shown to the driver.";
        601 TRACK_FLAGS: "bits" ["yellow" "yellow sector 1" "yellow sector 2" "yellow sector 3" "white" "green"
            "chequered" "red"], 0..=255, Slow, ACC, "Flags shown around the track, one bit each, lowest first.";
        602 PENALTY: "enum" ["none" "drive-through, cutting" "stop-and-go 10 s, cutting" "stop-and-go 20 s, cutting"
            "stop-and-go 30 s, cutting" "disqualified, cutting" "best lap removed, cutting"
            "drive-through, pit speeding" "stop-and-go 10 s, pit speeding" "stop-and-go 20 s, pit speeding"
            "stop-and-go 30 s, pit speeding" "disqualified, pit speeding" "best lap removed, pit speeding"
            "disqualified, mandatory pit ignored" "post-race time" "disqualified, trolling"
            "disqualified, pit entry" "disqualified, pit exit" "disqualified, wrong way"
            "drive-through, driver stint ignored" "disqualified, driver stint ignored"
            "disqualified, driver stint exceeded"], 0..=21, Slow, ACC, "Penalty; newer games have more kinds.";
        603 TYRES_OUT: "tyres", 0..=4, Slow, AC, "Tyres off the track.";
        604 IN_PIT_BOX: "bool", 0..=1, Slow, BOTH, "The car stands in its pit box.";
        605 IN_PIT_LANE: "bool", 0..=1, Slow, BOTH, "The car is in the pit lane.";
        606 PIT_LIMITER: "bool", 0..=1, Slow, BOTH, "The pit limiter is on.";
        607 MANDATORY_PIT_DONE: "bool", 0..=1, Slow, BOTH, "The mandatory pit stop is done.";
        608 MANDATORY_PITS_MISSING: "stops", 0..=100, Slow, ACC, "Mandatory pit stops still to do.";

        // Car, 640 to 699.
        640 DRS_OPEN: "bool", 0..=1, Slow, AC, "The rear wing's flap is open.";
        641 DRS_AVAILABLE: "bool", 0..=1, Slow, AC, "The driver may open the flap here.";
        642 DRS_ENABLED: "bool", 0..=1, Slow, AC, "The rules allow the flap now.";
        643 ERS_RECOVERY_LEVEL: "level", 0..=100, Slow, AC, "Setting of energy recovery.";
        644 ERS_POWER_LEVEL: "level", 0..=100, Slow, AC, "Setting of energy use.";
        645 ERS_HEAT_CHARGING: "bool", 0..=1, Slow, AC, "The exhaust's heat charges the battery (else it drives the engine).";
        646 ERS_CHARGING: "bool", 0..=1, Slow, AC, "The battery is being charged.";
        647 P2P_ACTIVATIONS: "count", 0..=10000, Slow, AC, "Push-to-pass activations left.";
        648 P2P_STATUS: "enum" ["unknown" "unavailable" "available" "active"], 0..=3, Slow, AC, "State of push-to-pass.";
        649 RAIN_TYRES: "bool", 0..=1, Slow, ACC, "Rain tyres are fitted.";
        650 TYRE_SET: "set", 0..=1000, Slow, ACC, "Number of the tyre set fitted.";
        651 PIT_TYRE_SET: "set", 0..=1000, Slow, ACC, "Number of the tyre set chosen for the next pit stop.";
        652 STRATEGY_TYRE_SET: "set", 0..=1000, Slow, ACC, "Number of the tyre set that the strategy asks for.";
        653 BRAKE_COMPOUND_FRONT: "index", 0..=100, Slow, ACC, "Front brake pads fitted.";
        654 BRAKE_COMPOUND_REAR: "index", 0..=100, Slow, ACC, "Rear brake pads fitted.";
        655 LIGHTS_STAGE: "level", 0..=10, Slow, ACC, "Stage of the headlights, 0 off.";
        656 RAIN_LIGHTS: "bool", 0..=1, Slow, ACC, "The rain light is on.";
        657 FLASHING_LIGHTS: "bool", 0..=1, Slow, ACC, "The headlights flash.";
        658 WIPER_LEVEL: "level", 0..=10, Slow, ACC, "Stage of the wiper, 0 off.";

        // Weather and surface, 700 to 719.
        700 TRACK_GRIP: "enum" ["green" "fast" "optimum" "greasy" "damp" "wet" "flooded"], 0..=6, Slow, ACC,
            "State of the track.";
        701 RAIN: "enum" ["none" "drizzle" "light" "medium" "heavy" "thunderstorm"], 0..=5, Slow, ACC, "Rain now.";
        702 RAIN_IN_10_MIN: "enum" ["none" "drizzle" "light" "medium" "heavy" "thunderstorm"], 0..=5, Slow, ACC,
            "Rain in ten minutes.";
        703 RAIN_IN_30_MIN: "enum" ["none" "drizzle" "light" "medium" "heavy" "thunderstorm"], 0..=5, Slow, ACC,
            "Rain in thirty minutes.";
    }
}
