//! Does a recording give back what was recorded, and does a damaged one say where?

use std::path::{Path, PathBuf};
use std::sync::Arc;

use purple_sector_codec::{SessionId, UserId};
use purple_sector_collector::clock::Clock;
use purple_sector_collector::lane::Lane;
use purple_sector_collector::outbox::Outbox;
use purple_sector_collector::pipeline::{BlockSize, Pipeline};
use purple_sector_collector::recorder::Recorder;
use purple_sector_collector::source::replay::Replay;
use purple_sector_collector::source::simulated::Simulated;
use purple_sector_collector::source::simulator::SimulatorSettings;
use purple_sector_collector::source::{Source, Step};

const N_SAMPLES: u64 = 601;

fn simulated() -> Simulated {
    Simulated::new(SimulatorSettings::default(), "alice", true).expect("valid")
}

/// Records `n_samples` of a simulated driver.
fn record(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("collector-{name}-{}.psrec", std::process::id()));
    let topic = UserId::parse("t").expect("valid").topic();
    let session = SessionId::parse("s").expect("valid");
    let lane = Arc::new(Lane::new(topic, session, 1, Clock::start(), Outbox::new(1 << 24, false)));
    let recorder = Recorder::create(&path).expect("a new file");
    let source = Box::new(simulated());
    let pipeline = Pipeline::new(source, (session, 1), BlockSize::Samples(4), lane, recorder);
    let mut pipeline = pipeline.expect("a good source");
    let at = |us: u64| 1_790_000_000_000_000 + us;
    for _ in 0..N_SAMPLES {
        let elapsed_us = pipeline.next_us().expect("a simulator never ends");
        pipeline.step(at(elapsed_us), at).expect("good");
    }
    pipeline.end().expect("written");
    path
}

/// A sample's time, and its values; floats by their bits.
type Sample = (u64, Vec<u32>, Vec<i32>);

/// Every sample of a recording.
fn play(path: &Path) -> Result<Vec<Sample>, String> {
    let mut replay = Replay::open(path, false, false).map_err(|error| error.to_string())?;
    let mut samples = Vec::new();
    loop {
        match replay.advance().map_err(|error| error.to_string())? {
            Step::Sample { elapsed_us } => samples.push(row(&replay, elapsed_us)),
            Step::End => return Ok(samples),
            Step::Event(_) | Step::Facts => {}
        }
    }
}

fn row(source: &dyn Source, elapsed_us: u64) -> Sample {
    let row = source.row();
    (elapsed_us, row.floats.iter().map(|value| value.to_bits()).collect(), row.ints.to_vec())
}

#[test]
fn a_lossless_recording_gives_every_sample_back_bit_for_bit() {
    let path = record("whole");
    let played = play(&path);
    std::fs::remove_file(&path).expect("it was written");
    let played = played.expect("a good recording");
    assert_eq!(played.len() as u64, N_SAMPLES);
    let mut source = simulated();
    for sample in played {
        let Ok(Step::Sample { elapsed_us }) = source.advance() else { panic!("no lap ends in ten seconds") };
        assert!(sample == row(&source, elapsed_us), "at {elapsed_us} us");
    }
}

#[test]
fn a_cut_recording_is_played_up_to_there_and_a_damaged_one_names_the_byte() {
    let path = record("damaged");
    let bytes = std::fs::read(&path).expect("it was written");
    std::fs::write(&path, &bytes[..bytes.len() - 40]).expect("cut");
    let cut = play(&path).map(|samples| samples.len() as u64);
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 0x40;
    std::fs::write(&path, &damaged).expect("damaged");
    let damaged = play(&path).map(|samples| samples.len());
    std::fs::remove_file(&path).expect("it was written");
    assert!(cut.as_ref().is_ok_and(|&n| (N_SAMPLES - 8..=N_SAMPLES).contains(&n)), "{cut:?}");
    let error = damaged.expect_err("refused");
    assert!(error.contains(&path.display().to_string()) && error.contains(", byte "), "{error}");
}
