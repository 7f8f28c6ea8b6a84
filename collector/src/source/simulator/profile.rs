//! How fast may the car be at each place of the lap? The racing driver's plan: corner speeds and braking points.

use super::car;
use super::track::Track;

/// Share of the grip that a driver uses for braking in a straight line.
const BRAKING: f64 = 0.93;

/// The planned speed around one lap.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    speed_mps: Vec<f64>,
}

impl Profile {
    /// Plans a lap with that mass and grip.
    pub(crate) fn new(track: &Track, mass_kg: f64, grip: f64) -> Self {
        let nodes = track.nodes();
        let n = nodes.len();
        let mut speed_mps: Vec<f64> =
            nodes.iter().map(|node| car::corner_speed_mps(node.curvature_per_m, mass_kg, grip)).collect();
        // Twice around, backwards: the second round knows what comes after the line.
        for i in (0..2 * n).rev() {
            let (here, next) = (i % n, (i + 1) % n);
            let target = speed_mps[next];
            let used = target * target * nodes[here].curvature_per_m.abs();
            let limit = car::grip_mps2(target, mass_kg, grip);
            // What cornering uses of the friction circle is not there for braking.
            let braking =
                BRAKING * (limit * limit - used * used).max(0.0).sqrt() + car::resistance_n(target) / mass_kg;
            let reachable = (target * target + 2.0 * braking * track.step_m()).sqrt();
            speed_mps[here] = speed_mps[here].min(reachable);
        }
        Self { speed_mps }
    }

    /// The planned speed at a distance from the line, m/s.
    pub(crate) fn at(&self, track: &Track, distance_m: f64) -> f64 {
        let (i, j, t) = track.between(distance_m);
        self.speed_mps[i] + (self.speed_mps[j] - self.speed_mps[i]) * t
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braking_never_asks_for_more_than_the_tyres_give() {
        for name in Track::NAMES {
            let track = Track::by_name(name).expect("listed");
            let profile = Profile::new(&track, 1_400.0, 1.0);
            let n = profile.speed_mps.len();
            for i in 0..n {
                let (v, w) = (profile.speed_mps[i], profile.speed_mps[(i + 1) % n]);
                let braking = (v * v - w * w) / (2.0 * track.step_m()) - car::resistance_n(v) / 1_400.0;
                assert!(braking < car::grip_mps2(v, 1_400.0, 1.0), "{name}: {braking} m/s2 at node {i}");
            }
        }
    }

    #[test]
    fn less_grip_is_slower_everywhere() {
        let track = Track::by_name("lindenring").expect("listed");
        let (dry, worn) = (Profile::new(&track, 1_400.0, 1.0), Profile::new(&track, 1_400.0, 0.9));
        assert!(dry.speed_mps.iter().zip(&worn.speed_mps).all(|(dry, worn)| dry >= worn));
    }
}
