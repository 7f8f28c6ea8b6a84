//! What do the car's sensors say? The simulation's state, with road and sensor noise, in the units of the channel table.

use std::f64::consts::PI;

use purple_sector_codec::{ABSENT, FloatChannel, Sample, ch};

use super::car;
use super::math::{atan2, cos, sin, wrap_angle};
use super::noise::Noise;
use super::{State, Tyre};

const KPA_PER_PSI: f64 = 6.894_757;

type Wheels = [FloatChannel; 4];

macro_rules! wheels {
    ($fl:ident $fr:ident $rl:ident $rr:ident) => {
        [ch::$fl, ch::$fr, ch::$rl, ch::$rr]
    };
}

const WHEEL_SPEED: Wheels =
    wheels!(WHEEL_SPEED_RADPS_FL WHEEL_SPEED_RADPS_FR WHEEL_SPEED_RADPS_RL WHEEL_SPEED_RADPS_RR);
const WHEEL_SLIP: Wheels = wheels!(WHEEL_SLIP_FL WHEEL_SLIP_FR WHEEL_SLIP_RL WHEEL_SLIP_RR);
const SLIP_RATIO: Wheels = wheels!(SLIP_RATIO_FL SLIP_RATIO_FR SLIP_RATIO_RL SLIP_RATIO_RR);
const SLIP_ANGLE: Wheels = wheels!(SLIP_ANGLE_RAD_FL SLIP_ANGLE_RAD_FR SLIP_ANGLE_RAD_RL SLIP_ANGLE_RAD_RR);
const LOAD: Wheels = wheels!(WHEEL_LOAD_N_FL WHEEL_LOAD_N_FR WHEEL_LOAD_N_RL WHEEL_LOAD_N_RR);
const PRESSURE: Wheels =
    wheels!(TYRE_PRESSURE_KPA_FL TYRE_PRESSURE_KPA_FR TYRE_PRESSURE_KPA_RL TYRE_PRESSURE_KPA_RR);
const CORE: Wheels = wheels!(TYRE_CORE_TEMP_C_FL TYRE_CORE_TEMP_C_FR TYRE_CORE_TEMP_C_RL TYRE_CORE_TEMP_C_RR);
const INNER: Wheels =
    wheels!(TYRE_INNER_TEMP_C_FL TYRE_INNER_TEMP_C_FR TYRE_INNER_TEMP_C_RL TYRE_INNER_TEMP_C_RR);
const MIDDLE: Wheels =
    wheels!(TYRE_MIDDLE_TEMP_C_FL TYRE_MIDDLE_TEMP_C_FR TYRE_MIDDLE_TEMP_C_RL TYRE_MIDDLE_TEMP_C_RR);
const OUTER: Wheels =
    wheels!(TYRE_OUTER_TEMP_C_FL TYRE_OUTER_TEMP_C_FR TYRE_OUTER_TEMP_C_RL TYRE_OUTER_TEMP_C_RR);
const WEAR: Wheels = wheels!(TYRE_WEAR_FL TYRE_WEAR_FR TYRE_WEAR_RL TYRE_WEAR_RR);
const DIRT: Wheels = wheels!(TYRE_DIRT_FL TYRE_DIRT_FR TYRE_DIRT_RL TYRE_DIRT_RR);
const BRAKE_TEMP: Wheels = wheels!(BRAKE_TEMP_C_FL BRAKE_TEMP_C_FR BRAKE_TEMP_C_RL BRAKE_TEMP_C_RR);
const BRAKE_PRESSURE: Wheels =
    wheels!(BRAKE_PRESSURE_FL BRAKE_PRESSURE_FR BRAKE_PRESSURE_RL BRAKE_PRESSURE_RR);
const TRAVEL: Wheels =
    wheels!(SUSPENSION_TRAVEL_M_FL SUSPENSION_TRAVEL_M_FR SUSPENSION_TRAVEL_M_RL SUSPENSION_TRAVEL_M_RR);
const SUSPENSION_DAMAGE: Wheels =
    wheels!(SUSPENSION_DAMAGE_FL SUSPENSION_DAMAGE_FR SUSPENSION_DAMAGE_RL SUSPENSION_DAMAGE_RR);
const CAMBER: Wheels = wheels!(CAMBER_RAD_FL CAMBER_RAD_FR CAMBER_RAD_RL CAMBER_RAD_RR);
const PAD: Wheels = wheels!(BRAKE_PAD_MM_FL BRAKE_PAD_MM_FR BRAKE_PAD_MM_RL BRAKE_PAD_MM_RR);
const DISC: Wheels = wheels!(BRAKE_DISC_MM_FL BRAKE_DISC_MM_FR BRAKE_DISC_MM_RL BRAKE_DISC_MM_RR);
const PIT_PRESSURE: Wheels = wheels!(PIT_TYRE_PRESSURE_KPA_FL PIT_TYRE_PRESSURE_KPA_FR PIT_TYRE_PRESSURE_KPA_RL PIT_TYRE_PRESSURE_KPA_RR);

/// The sensors of one car.
#[derive(Debug, Clone)]
pub(super) struct Emitter {
    noise: Noise,
    /// Time of day at the track when the simulation begins, seconds since midnight.
    starts_at_s: f64,
    session_kind: i32,
}

impl Emitter {
    pub(super) fn new(seed: u64) -> Self {
        let mut noise = Noise::new(seed, 31);
        let starts_at_s = noise.between(10.0, 15.0) * 3_600.0;
        Self { session_kind: if noise.chance(0.5) { 0 } else { 2 }, noise, starts_at_s }
    }

    /// Writes every channel that the simulated game has.
    pub(super) fn fill(&mut self, state: &State, track_length_m: f64, sample: &mut Sample) {
        self.fill_controls(state, sample);
        self.fill_place_and_motion(state, sample);
        for wheel in 0..4 {
            self.fill_wheel(state, wheel, sample);
        }
        self.fill_car(state, sample);
        fill_lap(state, track_length_m, &mut self.noise, sample);
        self.fill_session(state, sample);
        fill_surroundings(state, &mut self.noise, sample);
    }

    fn fill_controls(&mut self, state: &State, sample: &mut Sample) {
        let motion = &state.motion;
        let noise = &mut self.noise;
        // A resting foot does not tremble, a pressing one does.
        let foot = |pedal: f64, noise: &mut Noise| {
            if pedal > 0.02 { (pedal + noise.bell(0.0066)).clamp(0.0, 1.0) } else { pedal }
        };
        sample[ch::SPEED_MPS] = (motion.speed_mps + noise.bell(0.001)).max(0.0) as f32;
        sample[ch::THROTTLE] = foot(motion.throttle, noise) as f32;
        sample[ch::BRAKE] = foot(motion.brake, noise) as f32;
        sample[ch::CLUTCH] = motion.clutch as f32;
        let wheel_angle = car::WHEELBASE_M * state.place.curvature_per_m
            + motion.left_mps2 * 0.0011
            + motion.offset_mps / motion.speed_mps.max(8.0) * 0.3;
        // Positive to the right.
        let steer = (-wheel_angle / car::FULL_LOCK_RAD).clamp(-1.0, 1.0);
        sample[ch::STEER] = (steer + noise.bell(0.0021)) as f32;
        sample[ch::ENGINE_RPM] = (motion.rpm + noise.bell(4.4)) as f32;
        sample[ch::ENGINE_MAX_RPM] = car::MAX_RPM as f32;
        sample[ch::BOOST_BAR] = (motion.boost_bar + noise.bell(0.000_4)) as f32;
        sample[ch::BRAKE_BIAS] = car::BRAKE_BIAS as f32;
        let load = (motion.loads_n[0] + motion.loads_n[1]) / 9_000.0;
        let force = -motion.left_mps2 / 20.0 * (0.55 + 0.2 * load);
        sample[ch::FORCE_FEEDBACK] = (force + noise.bell(0.036 * road(state))) as f32;
        sample[ch::TC_SLIP_LIMIT] = 0.12;
        sample[ch::ABS_SLIP_LIMIT] = 0.14;
        sample[ch::GEAR] = motion.gear;
        sample[ch::TC_ACTIVE] = i32::from(motion.tc_active);
        sample[ch::ABS_ACTIVE] = i32::from(motion.abs_active);
    }

    fn fill_place_and_motion(&mut self, state: &State, sample: &mut Sample) {
        let (motion, place) = (&state.motion, &state.place);
        let noise = &mut self.noise;
        let road = road(state);
        let (ahead_x, ahead_z) = (cos(place.heading_rad), -sin(place.heading_rad));
        let (left_x, left_z) = (ahead_z, -ahead_x);
        // The middle of the road, and the car's offset to its left.
        sample[ch::POSITION_X_M] = (place.x_m + left_x * motion.offset_m + noise.bell(0.001_5)) as f32;
        sample[ch::POSITION_Y_M] = (place.y_m + noise.bell(0.000_7)) as f32;
        sample[ch::POSITION_Z_M] = (place.z_m + left_z * motion.offset_m + noise.bell(0.001_5)) as f32;
        let along = motion.speed_mps;
        let across = motion.offset_mps;
        sample[ch::VELOCITY_X_MPS] = (along * ahead_x + across * left_x + noise.bell(0.001_2)) as f32;
        sample[ch::VELOCITY_Y_MPS] = (along * place.grade + noise.bell(0.052 * road)) as f32;
        sample[ch::VELOCITY_Z_MPS] = (along * ahead_z + across * left_z + noise.bell(0.001_2)) as f32;
        let drift = atan2(across, along.max(5.0)) - motion.left_mps2 * 0.002;
        sample[ch::HEADING_RAD] = wrap_angle(place.heading_rad + drift + noise.bell(0.000_03)) as f32;
        let pitch = atan2(place.grade, 1.0) + motion.forward_mps2 * 0.000_7;
        sample[ch::PITCH_RAD] = (pitch + noise.bell(0.000_44 * road)) as f32;
        sample[ch::ROLL_RAD] = (-motion.left_mps2 * 0.001_2 + noise.bell(0.000_44 * road)) as f32;
        sample[ch::ACCEL_LATERAL_MPS2] = (-motion.left_mps2 + noise.bell(0.26 * road)) as f32;
        sample[ch::ACCEL_VERTICAL_MPS2] = noise.bell(0.77 * road) as f32;
        sample[ch::ACCEL_LONGITUDINAL_MPS2] = (motion.forward_mps2 + noise.bell(0.22 * road)) as f32;
        let yaw_rate = motion.speed_mps * place.curvature_per_m;
        sample[ch::YAW_RATE_RADPS] = (yaw_rate + noise.bell(0.004_3 * road)) as f32;
        sample[ch::PITCH_RATE_RADPS] = noise.bell(0.014_2 * road) as f32;
        sample[ch::ROLL_RATE_RADPS] = noise.bell(0.013_7 * road) as f32;
        sample[ch::CG_HEIGHT_M] = car::CG_HEIGHT_M as f32;
        let squat = motion.forward_mps2 * 0.000_9;
        let aero = car::downforce_n(motion.speed_mps) * 1.8e-6;
        sample[ch::RIDE_HEIGHT_FRONT_M] = (0.062 + squat - aero + noise.bell(0.000_5 * road)) as f32;
        sample[ch::RIDE_HEIGHT_REAR_M] = (0.074 - squat - aero + noise.bell(0.000_5 * road)) as f32;
    }

    fn fill_wheel(&mut self, state: &State, wheel: usize, sample: &mut Sample) {
        let motion = &state.motion;
        let tyre: &Tyre = &state.tyres[wheel];
        let noise = &mut self.noise;
        let road = road(state);
        let (front, left) = (wheel < 2, wheel.is_multiple_of(2));
        let outer_side = if left { -car::HALF_TRACK_M } else { car::HALF_TRACK_M };
        let rim_mps = motion.speed_mps
            * (1.0 + outer_side * state.place.curvature_per_m)
            * (1.0 + motion.slip_ratio[wheel]);
        let shake = if front { 0.085 + motion.brake * 0.5 } else { 0.38 };
        sample[WHEEL_SPEED[wheel]] = (rim_mps / car::WHEEL_RADIUS_M + noise.bell(shake * road)) as f32;
        sample[WHEEL_SLIP[wheel]] = (motion.grip_used[wheel] + noise.bell(0.008 * road)).max(0.0) as f32;
        let slip_noise = if front { 0.000_8 + motion.brake * 0.008 } else { 0.004_5 };
        sample[SLIP_RATIO[wheel]] = (motion.slip_ratio[wheel] + noise.bell(slip_noise * road)) as f32;
        sample[SLIP_ANGLE[wheel]] = (motion.slip_angle_rad[wheel] + noise.bell(0.002 * road)) as f32;
        sample[LOAD[wheel]] = (motion.loads_n[wheel] + noise.bell(60.0 * road)) as f32;
        sample[PRESSURE[wheel]] = (tyre.pressure_psi() * KPA_PER_PSI + noise.bell(0.032)) as f32;
        sample[CORE[wheel]] = (tyre.core_c + noise.bell(0.054)) as f32;
        sample[INNER[wheel]] = (tyre.inner_c + noise.bell(0.06)) as f32;
        sample[MIDDLE[wheel]] = (tyre.middle_c + noise.bell(0.06)) as f32;
        sample[OUTER[wheel]] = (tyre.outer_c + noise.bell(0.06)) as f32;
        sample[WEAR[wheel]] = tyre.tread as f32;
        sample[DIRT[wheel]] = if motion.tyres_out() == 4 { 0.3 } else { 0.0 };
        sample[BRAKE_TEMP[wheel]] = (tyre.brake_c + noise.bell(0.05)) as f32;
        let share = if front { car::BRAKE_BIAS } else { 1.0 - car::BRAKE_BIAS };
        sample[BRAKE_PRESSURE[wheel]] = sample[ch::BRAKE] * share as f32;
        let static_load = car::MASS_KG * car::GRAVITY / 4.0;
        let travel = 0.032 + (motion.loads_n[wheel] / static_load - 1.0) * 0.012;
        sample[TRAVEL[wheel]] = (travel + noise.bell(0.000_68 * road)) as f32;
        sample[SUSPENSION_DAMAGE[wheel]] = (state.damage[if front { 0 } else { 1 }] * 0.3) as f32;
        let camber = (if front { 0.061 } else { 0.044 }) + travel * 0.2;
        sample[CAMBER[wheel]] = (if left { camber } else { -camber } + noise.bell(0.000_3 * road)) as f32;
        let braked_mm = (1.0 - tyre.tread) * if front { 8.0 } else { 5.0 };
        sample[PAD[wheel]] = (29.0 - braked_mm) as f32;
        sample[DISC[wheel]] = (32.0 - braked_mm * 0.4) as f32;
        sample[PIT_PRESSURE[wheel]] = 158.6;
    }

    fn fill_car(&mut self, state: &State, sample: &mut Sample) {
        let motion = &state.motion;
        sample[ch::FUEL_L] = state.fuel_l as f32;
        sample[ch::FUEL_USED_L] = state.fuel_used_l as f32;
        if let Some(per_lap_l) = state.fuel_per_lap_l {
            sample[ch::FUEL_PER_LAP_L] = per_lap_l as f32;
            sample[ch::FUEL_LAPS_LEFT] = (state.fuel_l / per_lap_l.max(0.1)) as f32;
        }
        sample[ch::PIT_FUEL_TO_ADD_L] = (70.0 - state.fuel_l).max(0.0).floor() as f32;
        let effort = motion.throttle * 4.0;
        sample[ch::WATER_TEMP_C] = (86.0 + effort * 0.4 + self.noise.bell(0.004)) as f32;
        sample[ch::EXHAUST_TEMP_C] = (420.0 + motion.rpm * 0.03 + motion.throttle * 160.0) as f32;
        let parts = [ch::DAMAGE_FRONT, ch::DAMAGE_REAR, ch::DAMAGE_LEFT, ch::DAMAGE_RIGHT, ch::DAMAGE_CENTER];
        for (channel, damage) in parts.into_iter().zip(state.damage) {
            sample[channel] = damage as f32;
        }
        sample[ch::BALLAST_KG] = 0.0;
        sample[ch::KERS_CHARGE] = state.charge as f32;
        let boosting = motion.throttle > 0.9 && motion.speed_mps > 35.0 && state.charge > 0.1;
        sample[ch::KERS_INPUT] = if boosting { 1.0 } else { 0.0 };
        sample[ch::KERS_USED_KJ] = ((state.fuel_at_lap_start_l - state.fuel_l).max(0.0) * 400.0) as f32;
        let on_straight = state.place.curvature_per_m.abs() < 0.0005 && motion.speed_mps > 50.0;
        sample[ch::DRS_AVAILABLE] = i32::from(on_straight);
        sample[ch::DRS_OPEN] = i32::from(on_straight && motion.throttle > 0.9);
        sample[ch::DRS_ENABLED] = 1;
        sample[ch::ERS_RECOVERY_LEVEL] = 5;
        sample[ch::ERS_POWER_LEVEL] = 2;
        sample[ch::ERS_HEAT_CHARGING] = 1;
        sample[ch::ERS_CHARGING] = i32::from(motion.brake > 0.05);
        sample[ch::P2P_ACTIVATIONS] = 0;
        sample[ch::P2P_STATUS] = 1;
        sample[ch::TC_LEVEL] = 3;
        sample[ch::TC_CUT_LEVEL] = 2;
        sample[ch::ABS_LEVEL] = 4;
        sample[ch::ENGINE_MAP] = if state.fuel_l < 12.0 { 3 } else { 1 };
        sample[ch::ENGINE_BRAKE_LEVEL] = 6;
        sample[ch::RAIN_TYRES] = 0;
        sample[ch::TYRE_SET] = state.tyre_set;
        sample[ch::PIT_TYRE_SET] = state.tyre_set + 1;
        sample[ch::STRATEGY_TYRE_SET] = state.tyre_set + 1;
        for on in [ch::TC_ENABLED, ch::ABS_ENABLED, ch::IGNITION, ch::ENGINE_RUNNING, ch::LIGHTS_STAGE] {
            sample[on] = 1;
        }
        for off in
            [ch::AUTO_SHIFTER, ch::AI_CONTROLLED, ch::RAIN_LIGHTS, ch::FLASHING_LIGHTS, ch::WIPER_LEVEL]
        {
            sample[off] = 0;
        }
        sample[ch::BRAKE_COMPOUND_FRONT] = 1;
        sample[ch::BRAKE_COMPOUND_REAR] = 1;
    }

    fn fill_session(&mut self, state: &State, sample: &mut Sample) {
        let elapsed_ms = (state.now_us / 1_000) as i32;
        let left = |length_s: i32| length_s.saturating_mul(1_000).saturating_sub(elapsed_ms);
        sample[ch::TIME_OF_DAY_S] = ((self.starts_at_s + state.now_us as f64 / 1e6) % 86_400.0) as f32;
        sample[ch::PENALTY_TIME_S] = 0.0;
        sample[ch::SESSION_KIND] = self.session_kind;
        sample[ch::SESSION_INDEX] = 0;
        sample[ch::SESSION_LAPS] = 0;
        sample[ch::SESSION_TIME_LEFT_MS] = left(24 * 3_600);
        sample[ch::STINT_TIME_LEFT_MS] = left(65 * 60);
        sample[ch::STINT_TOTAL_TIME_LEFT_MS] = left(14 * 3_600);
        sample[ch::GAME_STATUS] = 2;
        sample[ch::RACE_POSITION] = state.race_position;
        sample[ch::CARS_ON_TRACK] = 20;
        if self.session_kind == 2 {
            let ahead_ms = 1_800.0 + 900.0 * sin(state.lap_fraction * 2.0 * PI);
            sample[ch::GAP_AHEAD_MS] = if state.race_position > 1 { ahead_ms as i32 } else { ABSENT };
            sample[ch::GAP_BEHIND_MS] =
                if state.race_position < 20 { (3_400.0 - ahead_ms) as i32 } else { ABSENT };
        }
        sample[ch::PENALTY] = 0;
        sample[ch::MANDATORY_PIT_DONE] = i32::from(state.stops > 0);
        sample[ch::MANDATORY_PITS_MISSING] = i32::from(state.stops == 0);
    }
}

/// How much the road shakes the car: nothing at a standstill, all of it from 36 km/h on.
fn road(state: &State) -> f64 {
    0.03 + 0.97 * (state.motion.speed_mps / 10.0).min(1.0)
}

fn fill_lap(state: &State, track_length_m: f64, noise: &mut Noise, sample: &mut Sample) {
    let timing = &state.timing;
    let known = |value: Option<u32>| value.map_or(ABSENT, |ms| ms as i32);
    sample[ch::LAP_FRACTION] = state.lap_fraction as f32;
    sample[ch::DISTANCE_M] = (state.motion.distance_m + track_length_m).max(0.0) as f32;
    let delta_s = timing.delta_s(state.now_us, state.lap_fraction);
    sample[ch::DELTA_BEST_S] = delta_s.map_or(f32::NAN, |delta_s| (delta_s + noise.bell(0.000_025)) as f32);
    sample[ch::LAPS_COMPLETED] = timing.laps_completed as i32;
    sample[ch::SECTOR] = timing.sector() as i32;
    sample[ch::CURRENT_LAP_MS] = timing.current_ms(state.now_us) as i32;
    sample[ch::LAST_LAP_MS] = known(timing.last_ms);
    sample[ch::BEST_LAP_MS] = known(timing.best_ms);
    sample[ch::LAST_SECTOR_MS] = known(timing.last_sector_ms);
    let estimated =
        timing.best_ms.zip(delta_s).map(|(best_ms, delta_s)| (f64::from(best_ms) + delta_s * 1e3) as i32);
    sample[ch::ESTIMATED_LAP_MS] = estimated.unwrap_or(ABSENT);
    sample[ch::LAP_VALID] = i32::from(timing.valid);
}

fn fill_surroundings(state: &State, noise: &mut Noise, sample: &mut Sample) {
    let weather = &state.weather;
    sample[ch::AIR_TEMP_C] = weather.air_c as f32;
    sample[ch::ROAD_TEMP_C] = weather.road_c as f32;
    sample[ch::AIR_DENSITY_KGPM3] = (352.9 / (weather.air_c + 273.15)) as f32;
    sample[ch::WIND_SPEED_MPS] = (weather.wind_mps + noise.bell(0.01)).max(0.0) as f32;
    sample[ch::WIND_DIRECTION_RAD] = weather.wind_rad as f32;
    sample[ch::SURFACE_GRIP] = 0.985;
    sample[ch::CLOUD_COVER] = weather.cloud as f32;
    sample[ch::TRACK_WETNESS] = 0.0;
    sample[ch::TRACK_GRIP] = 2;
    for rain in [ch::RAIN, ch::RAIN_IN_10_MIN, ch::RAIN_IN_30_MIN] {
        sample[rain] = 0;
    }
    let yellow = weather.yellow_left_s > 0.0;
    let here = yellow && weather.yellow_sector == state.timing.sector();
    sample[ch::FLAG] = if here { 2 } else { 0 };
    sample[ch::TRACK_FLAGS] = if yellow { 1 | (2 << weather.yellow_sector) } else { 1 << 5 };
    sample[ch::TYRES_OUT] = if state.in_lane { 0 } else { state.motion.tyres_out() };
    sample[ch::IN_PIT_BOX] = i32::from(state.in_box);
    sample[ch::IN_PIT_LANE] = i32::from(state.in_lane);
    sample[ch::PIT_LIMITER] = i32::from(state.in_lane && !state.in_box);
}
