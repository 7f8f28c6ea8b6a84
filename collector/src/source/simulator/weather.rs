//! What do air, road, wind, flags and damage do during a session?

use super::noise::{Noise, Wander};

/// Everything around the car that changes slowly.
#[derive(Debug, Clone)]
pub(crate) struct Weather {
    pub air_c: f64,
    pub road_c: f64,
    pub wind_mps: f64,
    pub wind_rad: f64,
    pub cloud: f64,
    /// Seconds that a yellow flag stays out, and where: 0 to 2.
    pub yellow_left_s: f64,
    pub yellow_sector: usize,
    base_air_c: f64,
    drift: Wander,
    gusts: Wander,
    turns: Wander,
    noise: Noise,
}

impl Weather {
    pub(crate) fn new(seed: u64) -> Self {
        let mut noise = Noise::new(seed, 21);
        let base_air_c = noise.between(16.0, 29.0);
        Self {
            air_c: base_air_c,
            road_c: base_air_c + 8.0,
            wind_mps: 2.0,
            wind_rad: noise.between(-3.0, 3.0),
            cloud: noise.between(0.0, 0.6),
            yellow_left_s: 0.0,
            yellow_sector: 0,
            base_air_c,
            drift: Wander::new(900.0, 0.8),
            gusts: Wander::new(12.0, 0.9),
            turns: Wander::new(60.0, 0.3),
            noise,
        }
    }

    /// Moves on by `dt_s` seconds.
    pub(crate) fn step(&mut self, dt_s: f64) {
        self.air_c = self.base_air_c + self.drift.step(dt_s, &mut self.noise);
        self.road_c += (self.air_c + 8.0 * (1.0 - self.cloud * 0.6) - self.road_c) * dt_s / 300.0;
        self.wind_mps = (2.4 + self.gusts.step(dt_s, &mut self.noise)).max(0.0);
        self.wind_rad += self.turns.step(dt_s, &mut self.noise) * dt_s * 0.1;
        self.wind_rad = super::math::wrap_angle(self.wind_rad);
        self.yellow_left_s = (self.yellow_left_s - dt_s).max(0.0);
        // About once in twelve minutes someone is in the gravel.
        if self.yellow_left_s == 0.0 && self.noise.chance(dt_s / 720.0) {
            self.yellow_left_s = self.noise.between(15.0, 45.0);
            self.yellow_sector = (self.noise.uniform() * 3.0).floor() as usize;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_stays_plausible_and_sees_a_flag() {
        let mut weather = Weather::new(5);
        let mut flags = 0;
        for _ in 0..3_600 * 10 {
            let before = weather.yellow_left_s;
            weather.step(0.1);
            flags += usize::from(before == 0.0 && weather.yellow_left_s > 0.0);
            assert!((8.0..40.0).contains(&weather.air_c) && weather.road_c > weather.air_c - 3.0);
            assert!((0.0..12.0).contains(&weather.wind_mps));
        }
        assert!((1..20).contains(&flags), "{flags} flags");
    }
}
