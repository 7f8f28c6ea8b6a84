//! What can the car do? Engine, gears, brakes, aerodynamics and grip, as plain numbers and formulas.

/// Standard gravity, m/s².
pub(crate) const GRAVITY: f64 = 9.806_65;

/// Kilograms without fuel, driver included.
pub(crate) const MASS_KG: f64 = 1_330.0;
pub(crate) const FUEL_DENSITY_KG_PER_L: f64 = 0.74;
pub(crate) const TANK_L: f64 = 110.0;
pub(crate) const WHEEL_RADIUS_M: f64 = 0.335;
pub(crate) const WHEELBASE_M: f64 = 2.64;
pub(crate) const HALF_TRACK_M: f64 = 0.82;
pub(crate) const CG_HEIGHT_M: f64 = 0.42;
/// Share of the weight on the front axle.
pub(crate) const FRONT_WEIGHT: f64 = 0.46;
pub(crate) const BRAKE_BIAS: f64 = 0.56;
pub(crate) const IDLE_RPM: f64 = 1_650.0;
pub(crate) const SHIFT_RPM: f64 = 7_350.0;
pub(crate) const MAX_RPM: f64 = 7_800.0;
pub(crate) const SHIFT_TIME_S: f64 = 0.085;
/// Front wheels' angle at full lock, radians.
pub(crate) const FULL_LOCK_RAD: f64 = 0.30;

const FINAL_DRIVE: f64 = 3.2;
const GEARS: [f64; 6] = [3.0, 2.25, 1.78, 1.45, 1.22, 1.05];
const DRIVELINE_EFFICIENCY: f64 = 0.92;
const DRAG_N_PER_MPS2: f64 = 0.62;
const DOWNFORCE_N_PER_MPS2: f64 = 1.55;
const ROLLING_N: f64 = 190.0;
/// Friction of a tyre at its best temperature, new, on a good road.
const GRIP: f64 = 1.48;

/// Engine revolutions per minute for a driven wheel's rim speed in `gear` (1 to 6).
pub(crate) fn rpm_at(wheel_mps: f64, gear: i32) -> f64 {
    wheel_mps / WHEEL_RADIUS_M * ratio(gear) * 60.0 / std::f64::consts::TAU
}

/// Force at the driven wheels' rims, N, for a throttle of `0.0..=1.0`.
pub(crate) fn engine_force_n(rpm: f64, gear: i32, throttle: f64) -> f64 {
    let drag_nm = 18.0 + rpm * 0.006;
    let torque_nm = full_torque_nm(rpm) * throttle - drag_nm * (1.0 - throttle);
    torque_nm * ratio(gear) * DRIVELINE_EFFICIENCY / WHEEL_RADIUS_M
}

/// The engine's power now, W; never negative.
pub(crate) fn engine_power_w(rpm: f64, throttle: f64) -> f64 {
    full_torque_nm(rpm) * throttle * rpm * std::f64::consts::TAU / 60.0
}

fn full_torque_nm(rpm: f64) -> f64 {
    if rpm >= MAX_RPM {
        return 0.0;
    }
    let off_peak = (rpm - 5_600.0) / 4_900.0;
    (530.0 * (1.0 - off_peak * off_peak)).max(120.0)
}

fn ratio(gear: i32) -> f64 {
    let index = (gear - 1).clamp(0, GEARS.len() as i32 - 1) as usize;
    GEARS[index] * FINAL_DRIVE
}

/// The highest gear.
pub(crate) const TOP_GEAR: i32 = GEARS.len() as i32;

/// Air and rolling resistance, N, at a speed in m/s.
pub(crate) fn resistance_n(speed_mps: f64) -> f64 {
    DRAG_N_PER_MPS2 * speed_mps * speed_mps + ROLLING_N * (speed_mps / 2.0).min(1.0)
}

/// Downforce, N, at a speed in m/s.
pub(crate) fn downforce_n(speed_mps: f64) -> f64 {
    DOWNFORCE_N_PER_MPS2 * speed_mps * speed_mps
}

/// The largest acceleration in any direction that the tyres give, m/s², at full `grip` (1.0: tyres at their best).
pub(crate) fn grip_mps2(speed_mps: f64, mass_kg: f64, grip: f64) -> f64 {
    GRIP * grip * (GRAVITY + downforce_n(speed_mps) / mass_kg)
}

/// The fastest speed, m/s, through a curve of that curvature.
pub(crate) fn corner_speed_mps(curvature_per_m: f64, mass_kg: f64, grip: f64) -> f64 {
    let share = GRIP * grip * DOWNFORCE_N_PER_MPS2 / mass_kg;
    let demand = curvature_per_m.abs() - share;
    if demand < 1e-6 { 120.0 } else { (GRIP * grip * GRAVITY / demand).sqrt().min(120.0) }
}

/// Load on each wheel, N (FL, FR, RL, RR), under those accelerations (forward, to the left positive), m/s².
pub(crate) fn wheel_loads_n(speed_mps: f64, mass_kg: f64, forward_mps2: f64, left_mps2: f64) -> [f64; 4] {
    let weight = mass_kg * GRAVITY;
    let aero = downforce_n(speed_mps);
    let pitch = mass_kg * forward_mps2 * CG_HEIGHT_M / WHEELBASE_M;
    let front = weight * FRONT_WEIGHT + aero * 0.42 - pitch;
    let rear = weight * (1.0 - FRONT_WEIGHT) + aero * 0.58 + pitch;
    let roll = mass_kg * left_mps2 * CG_HEIGHT_M / (2.0 * HALF_TRACK_M);
    // Turning left presses the right wheels.
    let pairs = [(front, roll * 0.54), (rear, roll * 0.46)];
    let load = |(axle, shift): (f64, f64), side: f64| (axle / 2.0 + side * shift).max(80.0);
    [load(pairs[0], -1.0), load(pairs[0], 1.0), load(pairs[1], -1.0), load(pairs[1], 1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn top_speed_is_that_of_a_gt_car() {
        let holds = |speed: f64| {
            let rpm = rpm_at(speed, TOP_GEAR);
            engine_force_n(rpm, TOP_GEAR, 1.0) > resistance_n(speed)
        };
        assert!(holds(68.0), "must reach 245 km/h");
        assert!(!holds(82.0), "must not reach 295 km/h");
    }

    #[test]
    fn downforce_raises_grip_with_speed() {
        let slow = grip_mps2(15.0, MASS_KG, 1.0) / GRAVITY;
        let fast = grip_mps2(65.0, MASS_KG, 1.0) / GRAVITY;
        assert!((1.4..1.7).contains(&slow), "{slow} g");
        assert!((1.8..2.6).contains(&fast), "{fast} g");
    }

    #[test]
    fn corner_speed_uses_exactly_the_grip() {
        for radius in [20.0_f64, 45.0, 120.0] {
            let speed = corner_speed_mps(1.0 / radius, MASS_KG, 1.0);
            let used = speed * speed / radius;
            assert!((used - grip_mps2(speed, MASS_KG, 1.0)).abs() < 1e-6, "radius {radius}");
        }
    }

    #[test]
    fn loads_add_up_and_move_outwards_and_forwards() {
        let loads = wheel_loads_n(40.0, MASS_KG, -10.0, 10.0);
        let total: f64 = loads.iter().sum();
        assert!((total - MASS_KG * GRAVITY - downforce_n(40.0)).abs() < 1.0);
        assert!(loads[1] > loads[0] && loads[0] > loads[2], "{loads:?}");
    }
}
