//! How is a recording played? The file's kind is recognised by how it begins; each kind is read in a small file of its own.
//!
//! The known kinds are recordings of this collector (`--record`) and four CSV files of real and reference laps, plain or
//! gzip. A CSV's samples hold the channels that the file has and no others; what it lacks stays absent.

mod ac_csv;
mod acc_fragment;
mod acc_laps;
mod csv;
mod recorded;
mod reference;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use purple_sector_codec::recording::MAGIC;
use purple_sector_codec::{Facts, Row, Schema};

use self::csv::{CsvFormat, CsvReplay, Lines};
use self::recorded::Recorded;
use super::{LineFault, Source, SourceError, Step};

/// How a gzip file begins.
const GZIP: [u8; 2] = [0x1F, 0x8B];

/// A recording, played once or again and again.
pub struct Replay {
    path: PathBuf,
    repeat: bool,
    lossless: bool,
    /// One round of it; its times count from its own first sample.
    playing: Box<dyn Source>,
    /// When the round that is played began, µs since the source began, and the last sample's time.
    round_us: u64,
    last_us: u64,
    /// Distance between the last two samples, µs: that of a round's end to the next one's start.
    spacing_us: u64,
}

impl Replay {
    /// Opens a recording and reads through all of it, so that a broken one is reported before anything is published.
    ///
    /// # Errors
    /// A [`SourceError`] that names the file, the line or byte, and what is wrong.
    pub fn open(path: &Path, repeat: bool, lossless: bool) -> Result<Self, SourceError> {
        let mut trial = open_once(path, lossless)?;
        let mut n_samples = 0_u64;
        loop {
            match trial.advance()? {
                Step::Sample { .. } => n_samples += 1,
                Step::End => break,
                Step::Event(_) | Step::Facts => {}
            }
        }
        if n_samples == 0 {
            return Err(SourceError::NoSamples { path: path.to_owned() });
        }
        let playing = open_once(path, lossless)?;
        let path = path.to_owned();
        Ok(Self { path, repeat, lossless, playing, round_us: 0, last_us: 0, spacing_us: 16_667 })
    }
}

impl Source for Replay {
    fn schema(&self) -> &Schema {
        self.playing.schema()
    }

    fn facts(&self) -> &Facts {
        self.playing.facts()
    }

    fn advance(&mut self) -> Result<Step, SourceError> {
        match self.playing.advance()? {
            Step::Sample { elapsed_us } => {
                let at_us = self.round_us + elapsed_us;
                if at_us > self.last_us {
                    self.spacing_us = (at_us - self.last_us).min(1_000_000);
                }
                self.last_us = at_us;
                Ok(Step::Sample { elapsed_us: at_us })
            }
            Step::Event(event) => Ok(Step::Event(event.shifted(|us| self.round_us + us))),
            Step::End if self.repeat => {
                let before = self.playing.schema().hash();
                self.playing = open_once(&self.path, self.lossless)?;
                if self.playing.schema().hash() != before {
                    return Err(SourceError::Changed { path: self.path.clone() });
                }
                self.round_us = self.last_us + self.spacing_us;
                Ok(Step::Facts)
            }
            step => Ok(step),
        }
    }

    fn row(&self) -> Row<'_> {
        self.playing.row()
    }
}

/// Opens the file and chooses its reader.
fn open_once(path: &Path, lossless: bool) -> Result<Box<dyn Source>, SourceError> {
    let failed = |error: io::Error| SourceError::Read { path: path.to_owned(), error };
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let is_gzip = file.fill_buf().map_err(failed)?.starts_with(&GZIP);
    let mut file: Box<dyn BufRead + Send> =
        if is_gzip { Box::new(BufReader::new(MultiGzDecoder::new(file))) } else { Box::new(file) };
    if file.fill_buf().map_err(failed)?.starts_with(&MAGIC) {
        file.read_exact(&mut [0; MAGIC.len()]).map_err(failed)?;
        return Ok(Box::new(Recorded::new(path, file, lossless)?));
    }
    let mut lines = Lines::new(path, file);
    let first = lines.next_line()?.unwrap_or_default().to_owned();
    let format: Box<dyn CsvFormat> = if let Some(format) = ac_csv::AcCsv::recognise(&first) {
        Box::new(format)
    } else if let Some(format) = acc_laps::AccLaps::recognise(&first) {
        Box::new(format)
    } else if let Some(format) = reference::Reference::recognise(&first) {
        Box::new(format)
    } else if let Some(format) = acc_fragment::AccFragment::recognise(&first, &mut lines)? {
        Box::new(format)
    } else {
        return Err(lines.wrong(LineFault::UnknownKind));
    };
    Ok(Box::new(CsvReplay::new(format, lines, lossless)?))
}

#[cfg(test)]
mod tests {
    use purple_sector_codec::{ChannelId, Event, Position, ch};

    use super::*;
    use crate::source::LineError;

    fn recording(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/recordings").join(name)
    }

    /// Time of a sample, and the values of some of its channels.
    type Shown = (u64, Vec<f64>);

    /// Every sample of one round.
    fn play(name: &str, channels: &[&str]) -> (Vec<Shown>, Vec<Event>, Facts) {
        let mut replay = Replay::open(&recording(name), false, false).expect("a good recording");
        let positions: Vec<Position> =
            channels.iter().map(|name| replay.schema().position(name).expect("the file has it")).collect();
        let (mut samples, mut events) = (Vec::new(), Vec::new());
        loop {
            match replay.advance().expect("a good recording") {
                Step::Sample { elapsed_us } => {
                    let row = replay.row();
                    let value = |position: &Position| match *position {
                        Position::Float(i) => f64::from(row.floats[i]),
                        Position::Int(i) => f64::from(row.ints[i]),
                    };
                    samples.push((elapsed_us, positions.iter().map(value).collect()));
                }
                Step::Event(event) => events.push(event),
                Step::Facts => {}
                Step::End => return (samples, events, replay.facts().clone()),
            }
        }
    }

    fn has(name: &str, id: ChannelId) -> bool {
        let replay = Replay::open(&recording(name), false, false).expect("a good recording");
        replay.schema().channels().iter().any(|channel| channel.id == id)
    }

    fn lap_times_ms(events: &[Event]) -> Vec<u32> {
        let time = |event: &Event| match event {
            Event::LapFinished { lap, .. } => Some(lap.time_ms),
            _ => None,
        };
        events.iter().filter_map(time).collect()
    }

    #[test]
    fn imola_has_three_laps_and_no_wind() {
        let name = "ac-imola-36c.csv.gz";
        let (samples, events, facts) = play(name, &["speed_mps", "lap_fraction", "tyre_pressure_kpa_fl"]);
        assert_eq!(samples.len(), 3_000);
        assert_eq!(lap_times_ms(&events).len(), 3);
        for (found, told) in lap_times_ms(&events).into_iter().zip([110_784_u32, 96_228, 93_138]) {
            assert!(found.abs_diff(told) <= 3, "{found} ms, the recording's notes say {told} ms");
        }
        let fastest = samples.iter().map(|(_, values)| values[0]).fold(0.0, f64::max);
        assert!((60.0..100.0).contains(&fastest), "{fastest} m/s");
        assert!((145.0..200.0).contains(&samples[0].1[2]), "{} kPa", samples[0].1[2]);
        let seconds = samples[2_999].0 as f64 / 1e6;
        assert!((355.0..385.0).contains(&seconds), "{seconds} s");
        assert!(samples.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(
            !has(name, ch::WIND_SPEED_MPS.id()) && !has(name, ch::GEAR.id()) && !has(name, ch::FUEL_L.id())
        );
        assert_eq!(facts.game.as_deref(), Some("Assetto Corsa"));
    }

    #[test]
    fn acc_laps_have_their_official_times() {
        let (samples, events, facts) = play("acc-laps-6hz.csv.gz", &["gear", "speed_mps", "laps_completed"]);
        assert_eq!(events.len(), 13);
        assert_eq!(lap_times_ms(&events)[0], 89_537);
        assert_eq!(samples[0].1[0], 5.0);
        assert!((samples[0].1[1] - 222.086 / 3.6).abs() < 0.01);
        assert_eq!(facts.track.as_deref(), Some("WeatherTech Raceway Laguna Seca"), "of the last lap");
        let spacing_us = samples[1].0 - samples[0].0;
        assert!((150_000..160_000).contains(&spacing_us), "{spacing_us}");
    }

    #[test]
    fn the_fragment_sorts_its_wheels_and_keeps_constant_zeros_out() {
        let name = "acc-hungaroring-fragment.csv.gz";
        let channels =
            ["wheel_speed_radps_fl", "wheel_speed_radps_rl", "brake_temp_c_fl", "brake_temp_c_rl", "gear"];
        let (samples, _, facts) = play(name, &channels[2..]);
        assert_eq!(samples.len(), 32);
        assert!((samples[0].1[0] - 401.186).abs() < 0.01 && (samples[0].1[1] - 305.996).abs() < 0.01);
        assert_eq!(samples[0].1[2], 4.0);
        assert_eq!(facts.track.as_deref(), Some("Hungaroring"));
        assert!(!has(name, ch::TYRE_WEAR_FL.id()) && !has(name, ch::WHEEL_LOAD_N_FL.id()));
    }

    #[test]
    fn the_reference_trace_keeps_its_values() {
        let (samples, _, _) = play("reference-60hz.csv.gz", &["speed_mps", "tyre_pressure_kpa_fl", "gear"]);
        assert_eq!(samples.len(), 6_000);
        assert_eq!(samples[0].0, 0);
        assert_eq!(samples[0].1, [f64::from(40.01253_f32), f64::from(166.08292_f32), 4.0]);
        assert_eq!(samples[1].0, 16_666);
    }

    #[test]
    fn a_loop_goes_on_in_time() {
        let mut replay =
            Replay::open(&recording("acc-hungaroring-fragment.csv.gz"), true, false).expect("good");
        let mut times = Vec::new();
        while times.len() < 100 {
            if let Step::Sample { elapsed_us } = replay.advance().expect("good") {
                times.push(elapsed_us);
            }
        }
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
    }

    #[track_caller]
    fn check_refused(content: &[u8], message: &str) {
        let name = format!("collector-replay-{}-{:p}", std::process::id(), content);
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content).expect("a temporary file");
        let result = Replay::open(&path, false, false).map(|_| ());
        std::fs::remove_file(&path).expect("it was written");
        let error = result.expect_err("refused").to_string();
        assert!(error.contains(message), "{error}");
        assert!(error.contains(&path.display().to_string()), "{error} does not name the file");
    }

    #[test]
    fn broken_files_name_the_line_and_what_is_wrong() {
        let header = "lap_row,track,session,lap_time_text,lap_counter,sample,speed[km/h],steerAngle[-1..1],\
                      gear[-1=R 0=N],gas[0..1],brake[0..1]\n";
        let with = |row: &str| [header, row].concat().into_bytes();
        check_refused(b"", "line 1: neither");
        check_refused(b"a,b,c\n1,2,3\n", "line 1: neither");
        check_refused(header.as_bytes(), "no samples");
        check_refused(
            &with("2,B,P,01:29.537,1,0,fast,0,5,1,0\n"),
            "line 2, column speed[km/h]: \"fast\" is not a number",
        );
        check_refused(&with("2,B,P,01:29.537,1,0,100\n"), "line 2: 7 columns instead of 11");
        check_refused(
            &with("2,B,P,soon,1,0,100,0,5,1,0\n"),
            "line 2, column lap_time_text: \"soon\" is not a lap time",
        );
        check_refused(&[header.as_bytes(), &[0xFF, 0xFE, b'\n']].concat(), "line 2: not UTF-8 text");
        check_refused(b"PSREC\x01\x05\x00\x00\x00hello", "byte 6: ");
        check_refused(b"PSREC\x01\x00\x00\x00\x00", "byte 6: a record of 0 bytes");
        check_refused(&[0x1F, 0x8B, 8, 0], "cannot read");
    }

    #[test]
    fn the_place_of_a_fault_can_be_taken_from_the_error() {
        let path = std::env::temp_dir().join(format!("collector-replay-{}-place", std::process::id()));
        let header = "lap_row,track,session,lap_time_text,lap_counter,sample,speed[km/h],steerAngle[-1..1],\
                      gear[-1=R 0=N],gas[0..1],brake[0..1]\n";
        std::fs::write(&path, [header, "2,B,P,01:29.537,1,0,fast,0,5,1,0\n"].concat()).expect("a file");
        let result = Replay::open(&path, false, false).map(|_| ());
        std::fs::remove_file(&path).expect("it was written");
        let Err(SourceError::Line { path: found, line, error }) = result else { panic!("{result:?}") };
        assert_eq!((found, line), (path, 2));
        let fault = LineFault::Number { text: "fast".to_owned() };
        assert_eq!(error, LineError { column: Some("speed[km/h]".to_owned()), fault });
    }

    #[test]
    fn a_missing_file_is_named() {
        let error =
            Replay::open(Path::new("/no/such/file.csv"), false, false).map(|_| ()).expect_err("refused");
        assert!(error.to_string().contains("/no/such/file.csv"), "{error}");
    }
}
