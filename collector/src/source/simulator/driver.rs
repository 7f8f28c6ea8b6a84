//! What does the driver do with pedals and gears? Follows the plan, a little differently every lap, and errs at times.

use super::car;
use super::noise::{Noise, Wander};

/// How far the driver looks ahead along the plan, seconds.
pub(crate) const LOOK_AHEAD_S: f64 = 0.16;

/// What the driver sees when deciding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub speed_mps: f64,
    /// Planned speeds here and [`LOOK_AHEAD_S`] further, before the driver's own form.
    pub plan_mps: f64,
    pub plan_ahead_mps: f64,
    /// What the pits allow, m/s.
    pub pit_limit_mps: f64,
    pub mass_kg: f64,
    pub rpm: f64,
    pub gear: i32,
}

/// The pedals' positions that the driver wants, `0.0..=1.0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pedals {
    pub throttle: f64,
    pub brake: f64,
}

/// A driver's form.
#[derive(Debug, Clone)]
pub(crate) struct Driver {
    /// Share of the planned speed driven in this lap.
    pace: f64,
    /// Where this driver's right foot ends: a pedal is seldom pressed to the very stop.
    full_throttle: f64,
    wobble: Wander,
    mistake_left_s: f64,
    mistake: f64,
    braking: bool,
    noise: Noise,
}

impl Driver {
    pub(crate) fn new(seed: u64) -> Self {
        let mut noise = Noise::new(seed, 11);
        let skill = noise.between(0.955, 0.985);
        let full_throttle = noise.between(0.955, 0.975);
        let wobble = Wander::new(4.0, 0.006);
        Self { pace: skill, full_throttle, wobble, mistake_left_s: 0.0, mistake: 1.0, braking: false, noise }
    }

    /// Begins a lap, with a new form that is never far from the last.
    pub(crate) fn begin_lap(&mut self) {
        let towards = self.noise.between(0.955, 0.992);
        self.pace += (towards - self.pace) * 0.4;
    }

    /// Decides what the feet do for the next `dt_s` seconds.
    pub(crate) fn decide(&mut self, view: &View, dt_s: f64) -> Pedals {
        let form = self.form(view, dt_s);
        let target = (view.plan_ahead_mps * form).min(view.pit_limit_mps);
        let wanted_mps2 = (target - view.speed_mps) / LOOK_AHEAD_S;
        let resisting_mps2 = car::resistance_n(view.speed_mps) / view.mass_kg;
        if wanted_mps2 > -resisting_mps2 - 0.4 {
            let full_n = car::engine_force_n(view.rpm, view.gear, 1.0).max(1.0);
            let throttle = (wanted_mps2 + resisting_mps2) * view.mass_kg / full_n;
            Pedals { throttle: throttle.clamp(0.0, self.full_throttle), brake: 0.0 }
        } else {
            let brake = (-wanted_mps2 - resisting_mps2) / FULL_BRAKE_MPS2;
            Pedals { throttle: 0.0, brake: brake.clamp(0.0, 1.0) }
        }
    }

    /// Share of the planned speed driven right now; rolls the dice at each braking point.
    fn form(&mut self, view: &View, dt_s: f64) -> f64 {
        let wobble = self.wobble.step(dt_s, &mut self.noise);
        let braking = view.plan_ahead_mps < view.plan_mps - 0.5 && view.speed_mps > view.plan_mps * 0.9;
        if braking && !self.braking && self.mistake_left_s <= 0.0 && self.noise.chance(MISTAKE_CHANCE) {
            self.mistake = self.noise.between(1.04, 1.10);
            self.mistake_left_s = self.noise.between(2.0, 3.5);
        }
        self.braking = braking;
        self.mistake_left_s -= dt_s;
        let mistake = if self.mistake_left_s > 0.0 { self.mistake } else { 1.0 };
        self.pace * (1.0 + wobble) * mistake
    }
}

/// Deceleration that a fully pressed pedal asks for, m/s².
pub(crate) const FULL_BRAKE_MPS2: f64 = 2.5 * car::GRAVITY;
/// Probability of braking too late, per braking point.
const MISTAKE_CHANCE: f64 = 0.02;

/// The gear that the driver wants next: the same, or one up or down.
pub(crate) fn wanted_gear(rpm: f64, gear: i32, pedals: Pedals, speed_mps: f64) -> i32 {
    let lower_rpm = car::rpm_at(speed_mps, gear - 1);
    if rpm > car::SHIFT_RPM && gear < car::TOP_GEAR && pedals.throttle > 0.3 {
        gear + 1
    } else if gear > 1 && lower_rpm < 6_900.0 && (rpm < 4_300.0 || (pedals.brake > 0.1 && rpm < 5_600.0)) {
        gear - 1
    } else {
        gear
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(speed_mps: f64, plan_mps: f64) -> View {
        View {
            speed_mps,
            plan_mps,
            plan_ahead_mps: plan_mps,
            pit_limit_mps: f64::INFINITY,
            mass_kg: 1_400.0,
            rpm: 6_000.0,
            gear: 4,
        }
    }

    #[test]
    fn far_below_the_plan_is_full_throttle_far_above_is_braking() {
        let mut driver = Driver::new(1);
        let slow = driver.decide(&view(30.0, 60.0), 0.016);
        assert!(slow.throttle > 0.9 && slow.brake == 0.0, "{slow:?}");
        let fast = driver.decide(&view(60.0, 40.0), 0.016);
        assert!(fast.throttle == 0.0 && fast.brake > 0.5, "{fast:?}");
    }

    #[test]
    fn the_pit_limit_wins_over_the_plan() {
        let view = View { pit_limit_mps: 22.0, ..view(40.0, 60.0) };
        assert!(Driver::new(1).decide(&view, 0.016).brake > 0.3);
    }

    #[test]
    fn gears_go_up_at_the_shift_light_and_down_under_braking() {
        let (on, off) = (Pedals { throttle: 1.0, brake: 0.0 }, Pedals { throttle: 0.0, brake: 0.8 });
        assert_eq!(wanted_gear(car::SHIFT_RPM + 1.0, 3, on, 40.0), 4);
        assert_eq!(wanted_gear(car::SHIFT_RPM - 1.0, 3, on, 40.0), 3);
        assert_eq!(wanted_gear(7_700.0, car::TOP_GEAR, on, 75.0), car::TOP_GEAR);
        assert_eq!(wanted_gear(5_000.0, 5, off, 45.0), 4);
        assert_eq!(wanted_gear(2_000.0, 1, off, 2.0), 1);
    }
}
