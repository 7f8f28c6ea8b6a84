//! Where is the car, how fast, and what do engine, wheels and tyres do? One step of time at a time.

use super::car;
use super::driver::{FULL_BRAKE_MPS2, Pedals, wanted_gear};
use super::track::Place;

/// Half the road's width, metres; further out the tyres are off it.
const HALF_ROAD_M: f64 = 6.0;

/// The moving car.
#[derive(Debug, Clone)]
pub(crate) struct Motion {
    /// Along the middle of the road since the first start line; negative before it.
    pub distance_m: f64,
    pub speed_mps: f64,
    /// To the left of the middle of the road, metres, and how fast that grows.
    pub offset_m: f64,
    pub offset_mps: f64,
    pub forward_mps2: f64,
    pub left_mps2: f64,
    pub throttle: f64,
    pub brake: f64,
    /// 0 = foot off the pedal, 1 = pressed.
    pub clutch: f64,
    pub gear: i32,
    pub rpm: f64,
    pub boost_bar: f64,
    /// Share of each tyre's grip in use, 1.0 = all of it (FL, FR, RL, RR), and the part of it along the car.
    pub grip_used: [f64; 4],
    pub slip_ratio: [f64; 4],
    pub slip_angle_rad: [f64; 4],
    pub loads_n: [f64; 4],
    pub abs_active: bool,
    pub tc_active: bool,
    since_shift_s: f64,
}

/// What surrounds the car during a step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around {
    pub place: Place,
    /// Curvature of the road about a second and a half ahead.
    pub curvature_ahead_per_m: f64,
    pub mass_kg: f64,
    /// 1.0 = tyres at their best on a good road.
    pub grip: f64,
    /// Where the car must be across the road, if it may not choose (the pit lane), metres to the left.
    pub lane_m: Option<f64>,
}

impl Motion {
    /// Rolling towards the line.
    pub(crate) fn new(distance_m: f64, speed_mps: f64) -> Self {
        Self {
            distance_m,
            speed_mps,
            offset_m: 0.0,
            offset_mps: 0.0,
            forward_mps2: 0.0,
            left_mps2: 0.0,
            throttle: 0.5,
            brake: 0.0,
            clutch: 0.0,
            gear: 4,
            rpm: car::rpm_at(speed_mps, 4),
            boost_bar: 0.5,
            grip_used: [0.0; 4],
            slip_ratio: [0.0; 4],
            slip_angle_rad: [0.0; 4],
            loads_n: car::wheel_loads_n(speed_mps, car::MASS_KG, 0.0, 0.0),
            abs_active: false,
            tc_active: false,
            since_shift_s: 1.0,
        }
    }

    /// Wheels off the road, 0 to 4.
    pub(crate) fn tyres_out(&self) -> i32 {
        match self.offset_m.abs() - HALF_ROAD_M {
            over if over > 1.6 => 4,
            over if over > 0.0 => 2,
            _ => 0,
        }
    }

    /// Moves on by `dt_s` seconds.
    pub(crate) fn step(&mut self, wanted: Pedals, around: &Around, dt_s: f64) {
        self.move_feet(wanted, dt_s);
        self.shift(wanted, dt_s);
        self.accelerate(around, dt_s);
        self.steer(around, dt_s);
        self.distance_m += self.speed_mps * dt_s;
        self.turn_engine(dt_s);
        self.load_tyres(around);
    }

    fn move_feet(&mut self, wanted: Pedals, dt_s: f64) {
        let towards =
            |now: f64, wanted: f64, up: f64, down: f64| now + (wanted - now).clamp(-down * dt_s, up * dt_s);
        self.throttle = towards(self.throttle, wanted.throttle, 5.0, 14.0);
        self.brake = towards(self.brake, wanted.brake, 11.0, 6.0);
    }

    fn shift(&mut self, wanted: Pedals, dt_s: f64) {
        self.since_shift_s += dt_s;
        let gear = wanted_gear(self.rpm, self.gear, wanted, self.speed_mps);
        if gear != self.gear && self.since_shift_s > 0.22 {
            self.gear = gear;
            self.since_shift_s = 0.0;
        }
        let shifting = self.since_shift_s < car::SHIFT_TIME_S;
        let slow = self.speed_mps < 4.0;
        let pressed = if shifting { 1.0 - self.since_shift_s / car::SHIFT_TIME_S } else { 0.0 };
        self.clutch = if slow { (1.0 - self.speed_mps / 4.0).max(pressed) } else { pressed };
    }

    fn accelerate(&mut self, around: &Around, dt_s: f64) {
        let mass = around.mass_kg;
        let off_road = self.tyres_out() > 2 && around.lane_m.is_none();
        let limit = car::grip_mps2(self.speed_mps, mass, around.grip * if off_road { 0.62 } else { 1.0 });
        let lateral = (self.speed_mps * self.speed_mps * around.place.curvature_per_m).abs();
        let along = (limit * limit - (lateral * lateral).min(limit * limit * 0.96)).sqrt();
        // A clutch slipping at the start still pulls; one pressed for a shift does not.
        let cut = if self.speed_mps < 4.0 { 1.0 } else { 1.0 - self.clutch };
        let drive = car::engine_force_n(self.rpm, self.gear, self.throttle) / mass * cut;
        // Only the rear tyres drive; acceleration presses them.
        let traction = along * (1.0 - car::FRONT_WEIGHT + 0.12);
        self.tc_active = drive > traction;
        let braking = self.brake * FULL_BRAKE_MPS2;
        self.abs_active = braking > along * 0.97 && self.speed_mps > 3.0;
        let resisting = car::resistance_n(self.speed_mps) / mass * if off_road { 3.0 } else { 1.0 };
        let rolls = (self.speed_mps / 0.5).min(1.0);
        self.forward_mps2 = drive.min(traction)
            - (braking.min(along) + resisting) * rolls
            - around.place.grade * car::GRAVITY * rolls;
        self.speed_mps = (self.speed_mps + self.forward_mps2 * dt_s).max(0.0);
        self.left_mps2 = lateral.min(limit) * around.place.curvature_per_m.signum();
    }

    /// Across the road: to the apex, out of it, or wide when the tyres do not hold.
    fn steer(&mut self, around: &Around, dt_s: f64) {
        let curvature = around.place.curvature_per_m;
        let slide = self.speed_mps * self.speed_mps * curvature.abs() - self.left_mps2.abs();
        let inside = (curvature * 170.0).clamp(-4.2, 4.2);
        let approach = (around.curvature_ahead_per_m * 110.0).clamp(-3.0, 3.0);
        let (line, pull) = around.lane_m.map_or((inside - approach, 1.1), |lane| (lane, 1.6));
        let mut acceleration = (line - self.offset_m) * pull * pull - 2.0 * pull * self.offset_mps;
        if slide > 0.0 && around.lane_m.is_none() {
            acceleration -= slide * 2.5 * curvature.signum();
        }
        self.offset_mps += acceleration * dt_s;
        // Standing still, nothing moves sideways.
        self.offset_mps *= (self.speed_mps / 2.0).min(1.0);
        self.offset_m = (self.offset_m + self.offset_mps * dt_s).clamp(-14.0, 14.0);
    }

    fn turn_engine(&mut self, dt_s: f64) {
        let slip = self.slip_ratio[2].max(self.slip_ratio[3]).max(0.0);
        let driven = car::rpm_at(self.speed_mps * (1.0 + slip), self.gear);
        let free = car::IDLE_RPM + self.throttle * 3_200.0;
        let wanted = (driven * (1.0 - self.clutch) + free.max(driven) * self.clutch)
            .clamp(car::IDLE_RPM, car::MAX_RPM);
        self.rpm += (wanted - self.rpm) * dt_s / (0.022 + dt_s);
        let spool = self.throttle * (self.rpm / 6_000.0).min(1.0) * 1.4;
        self.boost_bar += (spool - self.boost_bar) * dt_s / (0.22 + dt_s);
    }

    fn load_tyres(&mut self, around: &Around) {
        let mass = around.mass_kg;
        self.loads_n = car::wheel_loads_n(self.speed_mps, mass, self.forward_mps2, self.left_mps2);
        let limit = car::grip_mps2(self.speed_mps, mass, around.grip);
        let sideways = self.left_mps2 / limit;
        for wheel in 0..4 {
            let front = wheel < 2;
            let share = if self.brake > 0.0 {
                if front { car::BRAKE_BIAS * 1.9 } else { (1.0 - car::BRAKE_BIAS) * 1.9 }
            } else if front {
                0.06
            } else {
                1.5
            };
            let along = (self.forward_mps2 / limit * share).clamp(-1.15, 1.15);
            self.grip_used[wheel] = (along * along + sideways * sideways).sqrt();
            self.slip_ratio[wheel] = along * 0.075;
            self.slip_angle_rad[wheel] = -sideways * if front { 0.085 } else { 0.075 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn straight() -> Around {
        Around {
            place: Place::default(),
            curvature_ahead_per_m: 0.0,
            mass_kg: 1_400.0,
            grip: 1.0,
            lane_m: None,
        }
    }

    fn drive(mut motion: Motion, pedals: Pedals, around: &Around, seconds: f64) -> Motion {
        (0..(seconds * 100.0) as usize).for_each(|_| motion.step(pedals, around, 0.01));
        motion
    }

    #[test]
    fn full_throttle_from_standstill_is_a_racing_start() {
        let car = drive(Motion::new(0.0, 0.0), Pedals { throttle: 1.0, brake: 0.0 }, &straight(), 7.0);
        assert!((40.0..62.0).contains(&car.speed_mps), "{} m/s after 7 s", car.speed_mps);
        assert!(car.gear >= 3, "gear {}", car.gear);
    }

    #[test]
    fn full_braking_stops_and_stays_stopped() {
        let car = drive(Motion::new(0.0, 60.0), Pedals { throttle: 0.0, brake: 1.0 }, &straight(), 6.0);
        assert_eq!(car.speed_mps, 0.0);
        assert!((70.0..150.0).contains(&car.distance_m), "{} m", car.distance_m);
    }

    #[test]
    fn too_fast_into_a_corner_runs_wide() {
        let place = Place { curvature_per_m: 1.0 / 40.0, ..Place::default() };
        let around = Around { place, ..straight() };
        let car = drive(Motion::new(0.0, 33.0), Pedals { throttle: 0.3, brake: 0.0 }, &around, 1.5);
        assert!(car.offset_m < -HALF_ROAD_M, "offset {}", car.offset_m);
        assert_eq!(car.tyres_out(), 4);
    }
}
