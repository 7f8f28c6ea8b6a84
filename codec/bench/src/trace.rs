//! Where do the samples come from? CSV recordings, plain or gzipped, read whole.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use purple_sector_codec::channels::{FLOAT_CHANNELS, INT_CHANNELS};

use crate::layouts::{AccFragment, AccLaps, AssettoCorsa, Plain, Reference, Simulated};
use crate::source::simulator::{Simulator, SimulatorSettings};

/// Samples under the name that the results use.
pub(crate) struct Trace<P> {
    pub(crate) name: String,
    pub(crate) samples: Vec<P>,
}

/// A CSV file in memory: the titles of its columns and its rows.
struct Csv {
    titles: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// The reference trace, or another file with its columns.
pub(crate) fn reference(path: &Path, name: &str) -> Result<Trace<Reference>> {
    let csv = read_csv(path, 0)?;
    read_samples(path, name, &csv, |row| Ok(csv.cell(row, "t_us")?.parse()?))
}

/// One of the two Assetto Corsa recordings. Its clock is the lap's; a reset counts as one usual step.
pub(crate) fn assetto_corsa(path: &Path, name: &str) -> Result<Trace<AssettoCorsa>> {
    const USUAL_STEP_US: u64 = 124_000;
    let csv = read_csv(path, 0)?;
    let (mut time_us, mut last_lap_us) = (0, None);
    read_samples(path, name, &csv, |row| {
        let lap_us = lap_clock_us(csv.cell(row, "current_time_str")?)?;
        time_us += match last_lap_us {
            Some(last) if lap_us > last => lap_us - last,
            Some(_) => USUAL_STEP_US,
            None => 0,
        };
        last_lap_us = Some(lap_us);
        Ok(time_us)
    })
}

/// The ACC recording of whole laps, polled every 155 ms or so.
pub(crate) fn acc_laps(path: &Path, name: &str) -> Result<Trace<AccLaps>> {
    let csv = read_csv(path, 0)?;
    let mut time_us = 0;
    read_samples(path, name, &csv, |_| {
        time_us += 155_000;
        Ok(time_us)
    })
}

/// The ACC fragment: seven lines about the session come before the titles.
pub(crate) fn acc_fragment(path: &Path, name: &str) -> Result<Trace<AccFragment>> {
    let csv = read_csv(path, 7)?;
    read_samples(path, name, &csv, |row| {
        let lap_s: f64 = csv.cell(row, "LapTime [s]")?.parse()?;
        Ok((lap_s * 1e6) as u64)
    })
}

/// The simulator at the rate of the games' physics, once there is a best lap to compare with: from then on no float is
/// absent, which JSON could not say.
pub(crate) fn simulated(name: &str) -> Result<Trace<Simulated>> {
    const RATE_HZ: u32 = 333;
    const RUN_UP_S: u32 = 300;
    const N_SAMPLES: usize = 6000;
    let mut simulator =
        Simulator::new(SimulatorSettings { rate_hz: RATE_HZ, ..SimulatorSettings::default() })?;
    for _ in 0..RUN_UP_S * RATE_HZ {
        simulator.advance();
    }
    let floats = FLOAT_CHANNELS.iter().map(|info| info.name.to_string());
    let titles = floats.chain(INT_CHANNELS.iter().map(|info| info.name.to_string())).collect();
    let (mut times_us, mut rows) = (Vec::new(), Vec::new());
    for _ in 0..N_SAMPLES {
        let sample = simulator.advance();
        times_us.push(sample.captured_at_us);
        let floats = sample.floats().iter().map(f32::to_string);
        rows.push(floats.chain(sample.ints().iter().map(i32::to_string)).collect());
    }
    let mut times_us = times_us.into_iter();
    let csv = Csv { titles, rows };
    read_samples(Path::new(name), name, &csv, |_| times_us.next().context("a sample has no time"))
}

/// The folder with the recordings, outside the crate.
pub(crate) fn recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/recordings")
}

impl Csv {
    fn cell<'a>(&self, row: &'a [String], title: &str) -> Result<&'a str> {
        let at = self.titles.iter().position(|found| found == title);
        let cell = at.and_then(|at| row.get(at)).with_context(|| format!("there is no column {title}"))?;
        Ok(cell)
    }
}

fn read_samples<P: Plain>(
    path: &Path,
    name: &str,
    csv: &Csv,
    mut time_us: impl FnMut(&[String]) -> Result<u64>,
) -> Result<Trace<P>> {
    let sample = |(number, row): (usize, &Vec<String>)| {
        let read = time_us(row).and_then(|time_us| P::read(time_us, &|title| csv.cell(row, title)));
        read.with_context(|| format!("{}: sample {}", path.display(), number + 1))
    };
    let samples = csv.rows.iter().enumerate().map(sample).collect::<Result<Vec<_>>>()?;
    if samples.is_empty() {
        bail!("{} holds no samples", path.display());
    }
    Ok(Trace { name: name.into(), samples })
}

fn read_csv(path: &Path, n_skipped_lines: usize) -> Result<Csv> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = if bytes.starts_with(&[0x1f, 0x8b]) { unzip(&bytes) } else { Ok(String::from_utf8(bytes)?) };
    let text = text.with_context(|| format!("{} is not a CSV file", path.display()))?;
    let mut lines = text.lines().skip(n_skipped_lines).filter(|line| !line.is_empty());
    let cells = |line: &str| line.split(',').map(String::from).collect::<Vec<_>>();
    let titles = cells(lines.next().with_context(|| format!("{} is empty", path.display()))?);
    Ok(Csv { titles, rows: lines.map(cells).collect() })
}

fn unzip(bytes: &[u8]) -> Result<String> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes).read_to_string(&mut text)?;
    Ok(text)
}

/// `1:02:345` (minutes, seconds, milliseconds) in microseconds.
fn lap_clock_us(text: &str) -> Result<u64> {
    let mut parts = text.split(':').map(str::parse::<u64>);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(Ok(minutes)), Some(Ok(seconds)), Some(Ok(millis)), None) => {
            Ok(((minutes * 60 + seconds) * 1000 + millis) * 1000)
        }
        _ => bail!("{text:?} is not a lap time"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lap_clocks_are_minutes_seconds_milliseconds() {
        assert_eq!(lap_clock_us("1:02:345").unwrap(), 62_345_000);
        assert!(lap_clock_us("1:02").is_err());
        assert!(lap_clock_us("1:02:345:6").is_err());
    }

    #[test]
    fn every_recording_is_read_whole() {
        let at = recordings();
        assert_eq!(reference(&at.join("reference-60hz.csv.gz"), "r").unwrap().samples.len(), 6000);
        assert_eq!(assetto_corsa(&at.join("ac-imola-36c.csv.gz"), "i").unwrap().samples.len(), 3000);
        assert_eq!(acc_fragment(&at.join("acc-hungaroring-fragment.csv.gz"), "h").unwrap().samples.len(), 32);
        assert!(acc_laps(&at.join("acc-laps-6hz.csv.gz"), "l").unwrap().samples.len() > 5000);
    }
}
