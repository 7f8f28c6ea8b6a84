//! Samples that a test can make again: a walk through every channel of a schema, by seed.

use purple_sector_codec::{ABSENT, Coding, Position, Row, Schema};

use crate::marks::{MARK, Marks, NUMBER};

/// An endless series of samples of one schema; the same seed gives the same samples.
#[derive(Debug, Clone)]
pub struct Rows {
    schema: Schema,
    /// Whose marks the samples carry, and in which session, if in any.
    marks: Option<(Marks, String)>,
    n_given: i32,
    random: u64,
    captured_at_us: u64,
    interval_us: u64,
    floats: Vec<f32>,
    ints: Vec<i32>,
}

impl Rows {
    /// The first sample is taken at `start_us`, the others `interval_us` apart.
    pub fn new(schema: &Schema, seed: u32, start_us: u64, interval_us: u64) -> Self {
        let (floats, ints) = (vec![0.0; schema.n_floats()], vec![0; schema.n_ints()]);
        let random = u64::from(seed) + 1;
        let captured_at_us = start_us - interval_us;
        let (schema, marks, n_given) = (schema.clone(), None, 0);
        Self { schema, marks, n_given, random, captured_at_us, interval_us, floats, ints }
    }

    /// The same, each sample with its mark and number in the channels of a [`marked_schema`](crate::marks::marked_schema).
    #[must_use]
    pub fn marked(mut self, marks: &Marks, session: &str) -> Self {
        self.marks = Some((marks.clone(), session.to_owned()));
        self
    }

    /// The next sample. Floats walk within their range and are absent now and then; ints move rarely.
    pub fn next_row(&mut self) -> Row<'_> {
        self.captured_at_us += self.interval_us;
        self.n_given += 1;
        for at in 0..self.schema.channels().len() {
            let random = self.random();
            let channel = &self.schema.channels()[at];
            match (self.schema.positions()[at], channel.coding) {
                (Position::Int(i), _) if channel.name == NUMBER => self.ints[i] = self.n_given,
                (Position::Int(i), _) if channel.name == MARK => {
                    let mark = |(marks, session): &(Marks, String)| marks.sample(session, self.n_given);
                    self.ints[i] = self.marks.as_ref().map_or(0, mark);
                }
                (Position::Int(i), Coding::Int { min, max }) if random.is_multiple_of(64) => {
                    let range = i64::from(max) - i64::from(min) + 1;
                    let value = i64::from(min) + (random >> 8) as i64 % range;
                    self.ints[i] = i32::try_from(value).unwrap_or(ABSENT);
                }
                (Position::Float(i), Coding::Fixed { min, max, .. } | Coding::Lossless { min, max }) => {
                    let step = (random >> 40) as f32 / (1 << 24) as f32 - 0.5;
                    let before = if self.floats[i].is_nan() { 0.5 * (min + max) } else { self.floats[i] };
                    let walked = (before + step * (max - min) * 0.01).clamp(min, max);
                    self.floats[i] = if random.is_multiple_of(512) { f32::NAN } else { walked };
                }
                _ => {}
            }
        }
        Row { captured_at_us: self.captured_at_us, floats: &self.floats, ints: &self.ints }
    }

    /// xorshift64*: enough to move every channel on its own.
    fn random(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}

/// What a viewer must see of `sample`: itself where every channel is exact, else within half a step (and one unit in
/// the last place). Returns the name of the first channel that is off.
pub fn first_difference(schema: &Schema, sent: &Row<'_>, floats: &[f32], ints: &[i32]) -> Option<String> {
    schema.channels().iter().zip(schema.positions()).find_map(|(channel, position)| {
        let right = match (*position, channel.coding) {
            (Position::Int(i), _) => sent.ints[i] == ints[i],
            (Position::Float(i), Coding::Fixed { resolution, .. }) => {
                is_within(sent.floats[i], floats[i], resolution)
            }
            (Position::Float(i), _) => {
                sent.floats[i].to_bits() == floats[i].to_bits()
                    || (sent.floats[i].is_nan() && floats[i].is_nan())
            }
        };
        (!right).then(|| format!("{} ({sent:?} became {floats:?} {ints:?})", channel.name))
    })
}

fn is_within(sent: f32, seen: f32, resolution: f32) -> bool {
    let last_place = f64::from(sent.abs()) * f64::from(f32::EPSILON);
    let error = (f64::from(sent) - f64::from(seen)).abs();
    (sent.is_nan() && seen.is_nan()) || error <= 0.5 * f64::from(resolution) + last_place
}
