//! What does a driver's telemetry look like when nobody drives? Plausible laps, the same for the same seed.
//!
//! [`Simulator`] is pure: no clock, no I/O, no global state. It gives sample after sample, as fast as it is asked.
//! A car with gears, an engine and grip limits follows a driver's plan around a [`Track`]; tyres and brakes warm and wear,
//! fuel burns, pit stops and mistakes happen. Road and sensor noise is no smaller than that of the reference trace
//! (`tests/noise.rs` compares), so that nothing measured on it is flattered.
//!
//! Only IEEE basic operations are used (see `math.rs`): the same seed and rate give the same samples on every platform.

mod car;
mod driver;
mod emit;
mod math;
mod motion;
mod noise;
mod pit;
mod profile;
mod settings;
#[cfg(test)]
mod tests;
mod timing;
mod track;
mod tracks;
mod tyres;
mod weather;

pub use self::settings::{RATES_HZ, SimulatorError, SimulatorSettings};
pub use self::track::Track;

use purple_sector_codec::{LapSummary, Sample};

use self::driver::{Driver, LOOK_AHEAD_S, View};
use self::emit::Emitter;
use self::motion::{Around, Motion};
use self::noise::Noise;
use self::pit::{LANE_OFFSET_M, Pit, PitEvent};
use self::profile::Profile;
use self::timing::Timing;
use self::tyres::{Tyre, Work};
use self::weather::Weather;

/// A car on a track, sample by sample; it never ends.
#[derive(Debug, Clone)]
pub struct Simulator {
    settings: SimulatorSettings,
    track: Track,
    n_samples: u64,
    state: State,
    profile: Profile,
    driver: Driver,
    pit: Pit,
    chance: Noise,
    emitter: Emitter,
    finished_lap: Option<LapSummary>,
    pit_stop: bool,
    sample: Sample,
}

/// Everything about the car that a sample shows.
#[derive(Debug, Clone)]
struct State {
    now_us: i64,
    motion: Motion,
    tyres: [Tyre; 4],
    timing: Timing,
    weather: Weather,
    fuel_l: f64,
    fuel_at_lap_start_l: f64,
    fuel_per_lap_l: Option<f64>,
    fuel_used_l: f64,
    /// Front, rear, left, right, centre.
    damage: [f64; 5],
    race_position: i32,
    place: track::Place,
    lap_fraction: f64,
    in_lane: bool,
    in_box: bool,
    /// Whether the car was in the pit lane on this lap, and its highest speed on it.
    pit_lap: bool,
    top_speed_mps: f64,
    stops: i32,
    tyre_set: i32,
    charge: f64,
}

impl Simulator {
    /// Puts a car on the track, shortly before the start line.
    ///
    /// # Errors
    /// [`SimulatorError`] for a rate or a track that cannot be simulated.
    pub fn new(settings: SimulatorSettings) -> Result<Self, SimulatorError> {
        let rate_hz = settings.rate_hz;
        if !RATES_HZ.contains(&rate_hz) {
            return Err(SimulatorError::Rate { rate_hz });
        }
        let Some(track) = Track::by_name(&settings.track) else {
            return Err(SimulatorError::Track { track: settings.track });
        };
        let seed = settings.seed;
        let mut chance = Noise::new(seed, 1);
        let fuel_l = chance.between(52.0, 74.0);
        let distance_m = -chance.between(60.0, 260.0);
        let state = State {
            now_us: 0,
            motion: Motion::new(distance_m, chance.between(38.0, 46.0)),
            tyres: [Tyre::new(); 4],
            timing: Timing::new(),
            weather: Weather::new(seed),
            fuel_l,
            fuel_at_lap_start_l: fuel_l,
            fuel_per_lap_l: None,
            fuel_used_l: 0.0,
            damage: [0.0; 5],
            race_position: 1 + (chance.uniform() * 20.0).floor() as i32,
            place: track.at(distance_m),
            lap_fraction: 0.0,
            in_lane: false,
            in_box: false,
            pit_lap: false,
            top_speed_mps: 0.0,
            stops: 0,
            tyre_set: 1,
            charge: 0.8,
        };
        // The plan is for the car at the start of a stint; the driver's feeling for grip does the rest.
        let profile = Profile::new(&track, car::MASS_KG + fuel_l * car::FUEL_DENSITY_KG_PER_L, 1.0);
        Ok(Self {
            sample: Sample::absent(settings.start_us),
            pit: Pit::new(settings.pit_every_laps),
            driver: Driver::new(seed),
            emitter: Emitter::new(seed),
            finished_lap: None,
            pit_stop: false,
            n_samples: 0,
            settings,
            track,
            state,
            profile,
            chance,
        })
    }

    /// The track driven on.
    pub fn track(&self) -> &Track {
        &self.track
    }

    /// What was asked for.
    pub fn settings(&self) -> &SimulatorSettings {
        &self.settings
    }

    /// Moves on by one sample and gives it; its time is `start_us + n / rate_hz`, exact to the µs.
    pub fn advance(&mut self) -> &Sample {
        let elapsed_us = self.n_samples * 1_000_000 / u64::from(self.settings.rate_hz);
        self.n_samples += 1;
        self.step(elapsed_us as i64);
        self.sample.captured_at_us = self.settings.start_us + elapsed_us;
        self.emitter.fill(&self.state, self.track.length_m(), &mut self.sample);
        &self.sample
    }

    /// The lap that the last [`Simulator::advance`] ended, if it ended one.
    pub fn finished_lap(&self) -> Option<&LapSummary> {
        self.finished_lap.as_ref()
    }

    /// Whether the last [`Simulator::advance`] ended a pit stop: tyres are new, the tank is full.
    pub fn ended_pit_stop(&self) -> bool {
        self.pit_stop
    }

    fn step(&mut self, now_us: i64) {
        let dt_s = 1.0 / f64::from(self.settings.rate_hz);
        let state = &mut self.state;
        let before_us = state.now_us;
        state.now_us = now_us;
        state.weather.step(dt_s);
        let length_m = self.track.length_m();
        let before_m = state.motion.distance_m;
        let grip = state.grip();
        let mass_kg = car::MASS_KG + state.fuel_l * car::FUEL_DENSITY_KG_PER_L;
        let along_m = before_m - (before_m / length_m + 0.5).floor() * length_m;

        // Decide, then move.
        let feeling = grip.sqrt();
        let speed = state.motion.speed_mps;
        let view = View {
            speed_mps: speed,
            plan_mps: self.profile.at(&self.track, before_m) * feeling,
            plan_ahead_mps: self.profile.at(&self.track, before_m + speed * LOOK_AHEAD_S) * feeling,
            pit_limit_mps: self.pit.limit_mps(along_m + speed * LOOK_AHEAD_S),
            mass_kg,
            rpm: state.motion.rpm,
            gear: state.motion.gear,
        };
        let mut pedals = self.driver.decide(&view, dt_s);
        if self.pit.in_box() {
            pedals = driver::Pedals { throttle: 0.0, brake: 0.6 };
        }
        let around = Around {
            place: self.track.at(before_m),
            curvature_ahead_per_m: self.track.at(before_m + speed * 1.5).curvature_per_m,
            mass_kg,
            grip,
            lane_m: self.pit.in_lane().then_some(LANE_OFFSET_M),
        };
        let was_out = state.motion.tyres_out() == 4;
        state.motion.step(pedals, &around, dt_s);
        state.place = self.track.at(state.motion.distance_m);
        self.wear(mass_kg, dt_s);

        // Then see what came of it.
        let state = &mut self.state;
        let pit_event = self.pit.step(along_m, state.motion.speed_mps, dt_s, &mut self.chance);
        self.pit_stop = pit_event == PitEvent::Served;
        if self.pit_stop {
            state.serve();
        }
        (state.in_lane, state.in_box) = (self.pit.in_lane(), self.pit.in_box());
        state.pit_lap |= state.in_lane;
        state.top_speed_mps = state.top_speed_mps.max(state.motion.speed_mps);
        if state.motion.tyres_out() == 4 && !state.in_lane {
            state.timing.valid = false;
            if !was_out && self.chance.chance(0.15) {
                let part = (self.chance.uniform() * 5.0).floor() as usize;
                state.damage[part.min(4)] += self.chance.between(0.02, 0.25);
            }
        }
        self.time_lap(before_us, before_m);
    }

    /// Heats, wears and burns.
    fn wear(&mut self, mass_kg: f64, dt_s: f64) {
        let state = &mut self.state;
        let motion = &state.motion;
        let braking_w = motion.brake.min(0.9) * driver::FULL_BRAKE_MPS2 * mass_kg * motion.speed_mps;
        for (wheel, tyre) in state.tyres.iter_mut().enumerate() {
            let share = if wheel < 2 { car::BRAKE_BIAS } else { 1.0 - car::BRAKE_BIAS } / 2.0;
            let outward = if wheel.is_multiple_of(2) { -motion.left_mps2 } else { motion.left_mps2 };
            let work = Work {
                load_n: motion.loads_n[wheel],
                forward_mps2: motion.forward_mps2,
                outward_mps2: outward,
                speed_mps: motion.speed_mps,
                brake_w: braking_w * share,
                air_c: state.weather.air_c,
                road_c: state.weather.road_c,
            };
            tyre.step(&work, dt_s);
        }
        let burnt_l = (car::engine_power_w(motion.rpm, motion.throttle) * 0.95e-7 + 0.000_6) * dt_s;
        state.fuel_l = (state.fuel_l - burnt_l).max(0.0);
        state.fuel_used_l += burnt_l;
        let draw = if motion.throttle > 0.9 && motion.speed_mps > 35.0 { -0.03 } else { 0.0 };
        state.charge = (state.charge + (motion.brake * 0.09 + draw) * dt_s).clamp(0.05, 1.0);
    }

    /// Looks for the line and the sectors between the last step and this one.
    fn time_lap(&mut self, before_us: i64, before_m: f64) {
        let state = &mut self.state;
        let length_m = self.track.length_m();
        let (before, after) = (before_m / length_m, state.motion.distance_m / length_m);
        self.finished_lap = None;
        if after.floor() > before.floor() {
            let share = (after.floor() - before) / (after - before);
            let crossed_us = before_us + ((state.now_us - before_us) as f64 * share).floor() as i64;
            if let Some(times) = state.timing.cross_line(crossed_us) {
                let fuel_l = state.fuel_at_lap_start_l - state.fuel_l;
                // Refuelled on the way: what was burnt is not what is missing.
                state.fuel_per_lap_l = if fuel_l > 0.0 { Some(fuel_l) } else { state.fuel_per_lap_l };
                self.finished_lap = Some(LapSummary {
                    number: times.number,
                    time_ms: times.time_ms,
                    sector_ms: times.sector_ms.to_vec(),
                    valid: times.valid,
                    pit: state.pit_lap,
                    fuel_used_l: (fuel_l > 0.0).then_some(fuel_l as f32),
                    top_speed_mps: Some(state.top_speed_mps as f32),
                });
                self.driver.begin_lap();
                self.pit.finish_lap();
                let change = i32::from(self.chance.chance(0.12)) - i32::from(self.chance.chance(0.15));
                state.race_position = (state.race_position + change).clamp(1, 20);
            }
            state.fuel_at_lap_start_l = state.fuel_l;
            (state.pit_lap, state.top_speed_mps) = (state.in_lane, 0.0);
        }
        state.lap_fraction = after - after.floor();
        state.timing.step(state.now_us, state.lap_fraction);
    }
}

impl State {
    /// Share of the best grip that the tyres give together now.
    fn grip(&self) -> f64 {
        self.tyres.iter().map(Tyre::grip).sum::<f64>() / 4.0
    }

    /// A pit stop: new tyres, a full tank, everything repaired.
    fn serve(&mut self) {
        self.tyres = [Tyre { brake_c: self.tyres[0].brake_c, ..Tyre::new() }; 4];
        self.fuel_l = self.fuel_l.clamp(70.0, car::TANK_L);
        self.fuel_at_lap_start_l = self.fuel_l;
        self.fuel_used_l = 0.0;
        self.damage = [0.0; 5];
        self.stops += 1;
        self.tyre_set += 1;
    }
}

impl Iterator for Simulator {
    type Item = Sample;

    /// The next sample; there always is one.
    fn next(&mut self) -> Option<Sample> {
        Some(self.advance().clone())
    }
}
