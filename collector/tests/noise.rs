//! Is the simulator's noise at least the reference trace's? Otherwise figures measured on it would flatter the codec.
//!
//! Compared channel by channel: the median size of the second difference of three consecutive samples, at 60 Hz, over the
//! samples of steady, nearly straight driving. A median ignores corners and shifts; what is left is noise.

use std::path::Path;

use purple_sector_codec::Position;
use purple_sector_collector::source::replay::Replay;
use purple_sector_collector::source::simulated::Simulated;
use purple_sector_collector::source::simulator::SimulatorSettings;
use purple_sector_collector::source::{Source, Step};

/// Channels that carry noise in the reference trace. What moves smoothly there (temperatures of brakes and water, fuel,
/// wear, position, clocks) costs a codec next to nothing in both.
const NOISY: [&str; 26] = [
    "throttle",
    "steer",
    "engine_rpm",
    "accel_lateral_mps2",
    "accel_vertical_mps2",
    "accel_longitudinal_mps2",
    "velocity_y_mps",
    "pitch_rad",
    "roll_rad",
    "yaw_rate_radps",
    "pitch_rate_radps",
    "roll_rate_radps",
    "wheel_speed_radps_fl",
    "wheel_speed_radps_fr",
    "wheel_speed_radps_rl",
    "wheel_speed_radps_rr",
    "slip_ratio_rl",
    "slip_ratio_rr",
    "tyre_pressure_kpa_fl",
    "tyre_pressure_kpa_rr",
    "tyre_core_temp_c_fl",
    "tyre_core_temp_c_rr",
    "suspension_travel_m_fl",
    "suspension_travel_m_fr",
    "suspension_travel_m_rl",
    "suspension_travel_m_rr",
];

/// Medians of a finite sample of noise differ by a few percent.
const CHANCE: f64 = 0.95;

/// Of each noisy channel: the median of |second difference| where the car goes nearly straight.
fn noise(mut source: Box<dyn Source>, n_samples: usize) -> Vec<f64> {
    let position = |name: &str| match source.schema().position(name) {
        Some(Position::Float(position)) => position,
        other => panic!("{name}: {other:?}"),
    };
    let positions = NOISY.map(position);
    let (speed, lateral, brake) = (position("speed_mps"), position("accel_lateral_mps2"), position("brake"));
    let mut columns: Vec<Vec<f64>> = vec![Vec::new(); NOISY.len()];
    let mut steady = Vec::new();
    while steady.len() < n_samples {
        match source.advance().expect("a good source") {
            Step::Sample { .. } => {
                let floats = source.row().floats;
                steady.push(floats[speed] > 25.0 && floats[lateral].abs() < 6.0 && floats[brake] == 0.0);
                columns.iter_mut().zip(positions).for_each(|(column, at)| column.push(f64::from(floats[at])));
            }
            Step::End => break,
            Step::Event(_) | Step::Facts => {}
        }
    }
    let n_steady = steady.iter().filter(|steady| **steady).count();
    assert!(n_steady > 1_000, "only {n_steady} steady samples");
    let median = |column: &Vec<f64>| {
        let windows =
            column.windows(3).zip(steady.windows(3)).filter(|(_, steady)| steady.iter().all(|&is| is));
        let mut sizes: Vec<f64> = windows.map(|(w, _)| (w[2] - 2.0 * w[1] + w[0]).abs()).collect();
        sizes.sort_by(f64::total_cmp);
        sizes[sizes.len() / 2]
    };
    columns.iter().map(median).collect()
}

#[test]
fn no_channel_is_quieter_than_in_the_reference_trace() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/recordings/reference-60hz.csv.gz");
    let reference = noise(Box::new(Replay::open(&path, false, true).expect("the trace")), usize::MAX);
    for seed in [1, 2] {
        let settings = SimulatorSettings { seed, ..SimulatorSettings::default() };
        let simulated = noise(Box::new(Simulated::new(settings, "x", true).expect("valid")), 60 * 200);
        let pairs = NOISY.iter().zip(reference.iter().zip(simulated));
        let quieter: Vec<String> = pairs
            .filter(|(_, (reference, simulated))| *simulated < **reference * CHANCE)
            .map(|(name, (reference, simulated))| format!("{name}: {simulated:.6}, reference {reference:.6}"))
            .collect();
        assert!(quieter.is_empty(), "seed {seed}: {quieter:#?}");
    }
}
