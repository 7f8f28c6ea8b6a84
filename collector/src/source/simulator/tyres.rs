//! How warm, how hard and how worn is each tyre and brake?

use super::car::{GRAVITY, MASS_KG};

/// Best working temperature of the tread, °C.
const BEST_C: f64 = 88.0;
/// Pressure at [`BEST_C`], psi.
const HOT_PSI: f64 = 27.4;

/// One wheel's tyre and brake disc.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tyre {
    /// Tread temperatures, °C.
    pub inner_c: f64,
    pub middle_c: f64,
    pub outer_c: f64,
    /// Temperature of the carcass, °C.
    pub core_c: f64,
    /// What is left of the tread, 1.0 = new.
    pub tread: f64,
    pub brake_c: f64,
}

/// What a tyre goes through during one step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    pub load_n: f64,
    /// Acceleration that the tyres give now, m/s²: forward, and towards this wheel's outside.
    pub forward_mps2: f64,
    pub outward_mps2: f64,
    pub speed_mps: f64,
    /// Power that this wheel's brake turns into heat, W.
    pub brake_w: f64,
    pub air_c: f64,
    pub road_c: f64,
}

impl Tyre {
    /// A new tyre from its blanket.
    pub(crate) fn new() -> Self {
        Self { inner_c: 74.0, middle_c: 72.0, outer_c: 70.0, core_c: 72.0, tread: 1.0, brake_c: 240.0 }
    }

    /// Moves on by `dt_s` seconds.
    pub(crate) fn step(&mut self, work: &Work, dt_s: f64) {
        let load = work.load_n / (MASS_KG * GRAVITY / 4.0);
        let strain = (work.forward_mps2.abs() + work.outward_mps2.abs()) / GRAVITY;
        let rolling = work.speed_mps * load * 0.022;
        let sliding = work.speed_mps * load * strain * 0.031;
        let heat = rolling + sliding;
        // A wheel on the outside of the corner leans on its outer shoulder; camber favours the inner one.
        let lean = (work.outward_mps2 / GRAVITY * 0.18).clamp(-0.3, 0.3);
        let cooling = 0.021 + 0.00042 * work.speed_mps;
        let around = work.air_c * 0.6 + work.road_c * 0.4;
        let shares = [1.10 - lean, 1.0, 0.90 + lean];
        for (tread_c, share) in
            [&mut self.inner_c, &mut self.middle_c, &mut self.outer_c].into_iter().zip(shares)
        {
            *tread_c +=
                (heat * share - (*tread_c - around) * cooling - (*tread_c - self.core_c) * 0.12) * dt_s;
        }
        let tread_c = (self.inner_c + self.middle_c + self.outer_c) / 3.0;
        self.core_c += (tread_c - self.core_c) * dt_s / 25.0;
        self.tread = (self.tread - sliding * 3.4e-6 * dt_s).max(0.0);
        let brake_cooling = 0.003 + 0.000_6 * work.speed_mps;
        self.brake_c += (work.brake_w / 3_900.0 - (self.brake_c - around) * brake_cooling) * dt_s;
    }

    /// Share of the best grip that the tyre gives now.
    pub(crate) fn grip(&self) -> f64 {
        let off = (self.core_c - BEST_C) / 60.0;
        (1.0 - off * off * 0.35) * (0.88 + 0.12 * self.tread)
    }

    /// Pressure, psi: the gas law over the carcass temperature.
    pub(crate) fn pressure_psi(&self) -> f64 {
        HOT_PSI * (self.core_c + 273.15) / (BEST_C + 273.15)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: f64, work: Work) -> Tyre {
        let mut tyre = Tyre::new();
        let steps = (seconds * 100.0) as usize;
        (0..steps).for_each(|_| tyre.step(&work, 0.01));
        tyre
    }

    fn cruise() -> Work {
        Work {
            load_n: 3_600.0,
            forward_mps2: 3.0,
            outward_mps2: 7.0,
            speed_mps: 45.0,
            brake_w: 20_000.0,
            air_c: 22.0,
            road_c: 30.0,
        }
    }

    #[test]
    fn hard_laps_settle_at_working_temperature() {
        let tyre = after(900.0, cruise());
        for temp_c in [tyre.inner_c, tyre.middle_c, tyre.outer_c, tyre.core_c] {
            assert!((70.0..115.0).contains(&temp_c), "{tyre:?}");
        }
        assert!((0.9..0.9999).contains(&tyre.tread), "{}", tyre.tread);
    }

    #[test]
    fn the_outside_shoulder_gets_hotter_in_its_corner() {
        let outside = after(5.0, Work { outward_mps2: 14.0, ..cruise() });
        let inside = after(5.0, Work { outward_mps2: -14.0, ..cruise() });
        assert!(outside.outer_c > inside.outer_c);
        assert!(outside.inner_c < inside.inner_c);
    }

    #[test]
    fn a_standing_car_cools_and_does_not_wear() {
        let still = after(
            60.0,
            Work { forward_mps2: 0.0, outward_mps2: 0.0, speed_mps: 0.0, brake_w: 0.0, ..cruise() },
        );
        assert!(still.core_c < Tyre::new().core_c);
        assert!(still.tread >= 1.0);
    }

    #[test]
    fn warmer_is_harder() {
        let (cold, warm) = (Tyre::new(), Tyre { core_c: 90.0, ..Tyre::new() });
        assert!(warm.pressure_psi() > cold.pressure_psi());
        assert!((25.0..29.0).contains(&warm.pressure_psi()));
    }
}
