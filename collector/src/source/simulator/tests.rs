//! Is what the simulator gives plausible, exact in time, and the same for the same seed?

use purple_sector_codec::{ABSENT, ch};

use super::*;

fn simulator(seed: u64, rate_hz: u32, track: &str) -> Simulator {
    let settings =
        SimulatorSettings { seed, rate_hz, track: track.to_owned(), ..SimulatorSettings::default() };
    Simulator::new(settings).expect("valid settings")
}

/// A number that changes when any bit of any sample does.
fn fingerprint(simulator: Simulator, n_samples: usize) -> u64 {
    simulator.take(n_samples).fold(0xCBF2_9CE4_8422_2325, |hash, sample| {
        let floats = sample.floats().iter().map(|value| u64::from(value.to_bits()));
        let ints = sample.ints().iter().map(|value| u64::from(*value as u32));
        floats
            .chain(ints)
            .chain([sample.captured_at_us])
            .fold(hash, |hash, word| (hash ^ word).wrapping_mul(0x0000_0100_0000_01B3))
    })
}

#[test]
fn same_seed_same_samples_other_seed_other_samples() {
    let of = |seed| fingerprint(simulator(seed, 60, "lindenring"), 3_000);
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
}

#[test]
fn sample_times_are_exact_at_every_rate() {
    for rate_hz in [60, 333] {
        let mut simulator = simulator(1, rate_hz, "lindenring");
        let first_us = simulator.advance().captured_at_us;
        let after_s = (0..rate_hz).map(|_| simulator.advance().captured_at_us).last();
        assert_eq!(after_s, Some(first_us + 1_000_000));
    }
}

#[test]
fn three_laps_of_every_track_are_plausible() {
    for track in Track::NAMES {
        let mut simulator = simulator(3, 60, track);
        let mut laps = Vec::new();
        let mut fuel_before_l = f32::INFINITY;
        while laps.len() < 3 {
            let sample = simulator.advance();
            assert!((0.0..90.0).contains(&sample[ch::SPEED_MPS]), "{track}: {} m/s", sample[ch::SPEED_MPS]);
            for g in [ch::ACCEL_LATERAL_MPS2, ch::ACCEL_LONGITUDINAL_MPS2, ch::ACCEL_VERTICAL_MPS2] {
                assert!(sample[g].abs() < 4.0 * 9.81, "{track}: {} m/s2", sample[g]);
            }
            assert!(sample[ch::FUEL_L] <= fuel_before_l, "{track}: fuel grows");
            fuel_before_l = sample[ch::FUEL_L];
            for wheel in [ch::TYRE_CORE_TEMP_C_FL, ch::TYRE_INNER_TEMP_C_RR, ch::TYRE_OUTER_TEMP_C_FR] {
                assert!((55.0..125.0).contains(&sample[wheel]), "{track}: tyre {} C", sample[wheel]);
            }
            assert!((20.0..900.0).contains(&sample[ch::BRAKE_TEMP_C_FL]), "{track}: brake");
            assert!((1_000.0..8_000.0).contains(&sample[ch::ENGINE_RPM]), "{track}: rpm");
            assert!((1..=6).contains(&sample[ch::GEAR]), "{track}: gear");
            assert!((0.0..=1.0).contains(&sample[ch::LAP_FRACTION]));
            laps.extend(simulator.finished_lap().cloned());
            assert!(
                simulator.n_samples < 60 * 600,
                "{track}: three laps take more than ten minutes: {laps:?}"
            );
        }
        for lap in &laps {
            assert!((60_000..150_000).contains(&lap.time_ms), "{track}: {lap:?}");
            assert_eq!(lap.sector_ms.iter().sum::<u32>(), lap.time_ms);
        }
        assert!(laps[1].time_ms != laps[2].time_ms, "{track}: no two laps are alike");
    }
}

#[test]
fn a_long_run_has_pit_stops_mistakes_and_shifts() {
    let mut simulator = simulator(2, 60, "kestrel-ridge");
    let (mut in_box, mut invalid, mut refuelled, mut gears) = (0, 0, 0, [0; 8]);
    let mut fuel_l = f32::INFINITY;
    let mut shifts = 0;
    let mut gear = 0;
    while simulator.state.timing.laps_completed < 17 {
        let sample = simulator.advance();
        in_box += usize::from(sample[ch::IN_PIT_BOX] == 1);
        refuelled += usize::from(sample[ch::FUEL_L] > fuel_l);
        fuel_l = sample[ch::FUEL_L];
        assert!(fuel_l > 1.0, "out of fuel");
        gears[sample[ch::GEAR].clamp(0, 7) as usize] += 1;
        shifts += usize::from(sample[ch::GEAR] != gear);
        gear = sample[ch::GEAR];
        invalid += usize::from(simulator.finished_lap().is_some_and(|lap| !lap.valid));
    }
    assert_eq!(refuelled, 2, "a stop every 8 laps");
    assert!(in_box > 60 * 30, "{in_box} samples in the box");
    assert!((1..14).contains(&invalid), "{invalid} invalid laps");
    assert!(gears[2..=6].iter().all(|&n| n > 200), "{gears:?}");
    let shifts_per_lap = shifts / 17;
    assert!((15..90).contains(&shifts_per_lap), "{shifts_per_lap} shifts per lap");
}

#[test]
fn the_car_turns_on_the_map_to_the_side_it_is_steered_to() {
    for track in Track::NAMES {
        let mut simulator = simulator(1, 10, track);
        let (mut turns, mut wrong) = (0, 0);
        let mut before = simulator.advance().clone();
        while simulator.state.timing.laps_completed < 1 {
            let now = simulator.advance().clone();
            let (from, to) = (velocity(&before), velocity(&now));
            // Seen from above, x to the right and z down, as games and their maps have it: positive to the right.
            let turned = (from.0 * to.1 - from.1 * to.0).atan2(from.0 * to.0 + from.1 * to.1);
            if now[ch::STEER].abs() > 0.15 && turned.abs() > 0.02 {
                turns += 1;
                wrong += usize::from((now[ch::STEER] > 0.0) != (turned > 0.0));
            }
            let moved = (
                now[ch::POSITION_X_M] - before[ch::POSITION_X_M],
                now[ch::POSITION_Z_M] - before[ch::POSITION_Z_M],
            );
            let apart = (moved.0 - from.0 / 10.0).hypot(moved.1 - from.1 / 10.0);
            assert!(
                apart < 0.2 * from.0.hypot(from.1) / 10.0 + 0.3,
                "{track}: moves as it drives: {apart} m"
            );
            let yawed = math::wrap_angle(f64::from(now[ch::HEADING_RAD] - before[ch::HEADING_RAD]));
            let rate = f64::from(now[ch::YAW_RATE_RADPS] + before[ch::YAW_RATE_RADPS]) / 2.0;
            assert!((yawed * 10.0 - rate).abs() < 0.8, "{track}: {yawed} rad in 0.1 s at {rate} rad/s");
            before = now;
        }
        assert!(turns > 50 && wrong * 50 < turns, "{track}: {wrong} of {turns} turns to the other side");
    }
}

/// Along x and z, m/s.
fn velocity(sample: &Sample) -> (f32, f32) {
    (sample[ch::VELOCITY_X_MPS], sample[ch::VELOCITY_Z_MPS])
}

#[test]
fn times_not_driven_yet_are_absent() {
    let mut simulator = simulator(1, 60, "lindenring");
    let sample = simulator.advance();
    assert_eq!((sample[ch::LAST_LAP_MS], sample[ch::BEST_LAP_MS]), (ABSENT, ABSENT));
    assert!(sample[ch::DELTA_BEST_S].is_nan());
}

#[test]
fn unknown_track_and_odd_rates_are_refused() {
    let new = |rate_hz, track: &str| {
        Simulator::new(SimulatorSettings { rate_hz, track: track.to_owned(), ..SimulatorSettings::default() })
    };
    assert_eq!(new(9, "lindenring").err(), Some(SimulatorError::Rate { rate_hz: 9 }));
    assert!(new(10, "lindenring").is_ok() && new(1_000, "lindenring").is_ok());
    assert_eq!(new(1_001, "lindenring").err(), Some(SimulatorError::Rate { rate_hz: 1_001 }));
    let error = new(60, "moon").err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("\"moon\"") && error.contains("lindenring"), "{error}");
}
