//! How are schemas made? From the channel table, whole or in part, and by adding your own channels.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::{Channel, Coding, MAX_CHANNELS, MAX_STRING_LEN, Position, Schema, SchemaError, SchemaHash};
use crate::channels::{ABSENT, ChannelId, FLOAT_CHANNELS, FloatInfo, Games, INT_CHANNELS, IntInfo};
use crate::sample::{Row, Sample};

/// Most steps between zero and the end of a range: differences of two values then always fit an `i32`.
const MAX_STEPS: f64 = (1 << 30) as f64;

impl Schema {
    /// Every channel of the table.
    pub fn full() -> Self {
        Self::of_games(|_| true)
    }

    /// The channels that Assetto Corsa fills.
    pub fn assetto_corsa() -> Self {
        Self::of_games(|games| games.assetto_corsa)
    }

    /// The channels that Assetto Corsa Competizione fills.
    pub fn acc() -> Self {
        Self::of_games(|games| games.acc)
    }

    /// These channels of the table, in this order.
    ///
    /// # Errors
    /// [`SchemaError::UnknownId`] for an id that the table does not have, [`SchemaError::RepeatedId`] for one that
    /// appears twice, [`SchemaError::ChannelCount`] for an empty list.
    pub fn subset(ids: &[ChannelId]) -> Result<Self, SchemaError> {
        let channels = ids.iter().map(|&id| channel_of(id).ok_or(SchemaError::UnknownId { id: id.0 }));
        Self::new(channels.collect::<Result<_, _>>()?)
    }

    /// This schema with one more channel at its end.
    ///
    /// # Errors
    /// As [`Schema::new`].
    pub fn with_channel(&self, channel: Channel) -> Result<Self, SchemaError> {
        let mut channels = self.channels.clone();
        channels.push(channel);
        Self::new(channels)
    }

    /// This schema with every float channel coded bit for bit.
    pub fn lossless(&self) -> Self {
        let mut channels = self.channels.clone();
        for channel in &mut channels {
            if let Coding::Fixed { min, max, .. } = channel.coding {
                channel.coding = Coding::Lossless { min, max };
            }
        }
        Self::checked(channels)
    }

    /// The built-in schema of this hash, if there is one.
    pub fn known(hash: SchemaHash) -> Option<Self> {
        let plain = [Self::full(), Self::assetto_corsa(), Self::acc()];
        let lossless = plain.each_ref().map(Self::lossless);
        plain.into_iter().chain(lossless).find(|schema| schema.hash == hash)
    }

    /// Copies this schema's channels out of `sample` into `row`. Channels that the table does not have stay absent.
    pub fn project(&self, sample: &Sample, row: &mut RowBuffer) {
        row.captured_at_us = sample.captured_at_us;
        row.floats.resize(self.n_floats(), f32::NAN);
        row.ints.resize(self.n_ints(), ABSENT);
        for (channel, position) in self.channels.iter().zip(&self.positions) {
            match *position {
                Position::Float(at) => {
                    let index = FLOAT_CHANNELS.binary_search_by_key(&channel.id, |info| info.id);
                    row.floats[at] = index.map_or(f32::NAN, |index| sample.floats()[index]);
                }
                Position::Int(at) => {
                    let index = INT_CHANNELS.binary_search_by_key(&channel.id, |info| info.id);
                    row.ints[at] = index.map_or(ABSENT, |index| sample.ints()[index]);
                }
            }
        }
    }

    fn of_games(wanted: impl Fn(Games) -> bool) -> Self {
        let floats = FLOAT_CHANNELS.iter().filter(|info| wanted(info.games)).map(of_float);
        let ints = INT_CHANNELS.iter().filter(|info| wanted(info.games)).map(of_int);
        Self::checked(floats.chain(ints).collect())
    }

    /// A schema of channels that are known to be good: rows of the table, or of a checked schema.
    fn checked(channels: Vec<Channel>) -> Self {
        match Self::new(channels) {
            Ok(schema) => schema,
            Err(_) => unreachable!("rows of the channel table are within all limits (tests of channels.rs)"),
        }
    }
}

/// Room for one [`Row`], kept between samples so that nothing is allocated per sample.
#[derive(Debug, Clone, Default)]
pub struct RowBuffer {
    /// When the values were read: microseconds since 1970 on the driver's clock.
    pub captured_at_us: u64,
    /// Values of the float channels, in the schema's order; absent is `NaN`.
    pub floats: Vec<f32>,
    /// Values of the int channels, in the schema's order; absent is [`ABSENT`].
    pub ints: Vec<i32>,
}

impl RowBuffer {
    /// Room for rows of `schema`, with every channel absent.
    pub fn new(schema: &Schema) -> Self {
        Self {
            captured_at_us: 0,
            floats: vec![f32::NAN; schema.n_floats()],
            ints: vec![ABSENT; schema.n_ints()],
        }
    }

    /// The row as it is now.
    pub fn row(&self) -> Row<'_> {
        Row { captured_at_us: self.captured_at_us, floats: &self.floats, ints: &self.ints }
    }
}

/// Checks everything a reader relies on.
pub(super) fn check(channels: &[Channel]) -> Result<(), SchemaError> {
    if channels.is_empty() || channels.len() > MAX_CHANNELS {
        return Err(SchemaError::ChannelCount { found: channels.len() });
    }
    for channel in channels {
        let id = channel.id.0;
        let mut texts = channel.labels.iter().chain([&channel.name, &channel.unit]);
        if !texts.all(|text| is_plain(text)) {
            return Err(SchemaError::BadText { id });
        }
        if !is_codable(channel.coding) {
            return Err(SchemaError::BadRange { id });
        }
    }
    // Pairs, not sorting: at most half a million quick comparisons, once per schema, and sorting would be a tenth of
    // the WebAssembly module.
    for (at, channel) in channels.iter().enumerate() {
        let before = &channels[..at];
        if before.iter().any(|other| other.id == channel.id) {
            return Err(SchemaError::RepeatedId { id: channel.id.0 });
        }
        if before.iter().any(|other| other.name == channel.name) {
            return Err(SchemaError::RepeatedName { name: channel.name.clone() });
        }
    }
    Ok(())
}

fn is_plain(text: &str) -> bool {
    // Control characters are those below 32, 127, and 128 to 159, which UTF-8 writes as C2 and themselves.
    let mut before = 0;
    let is_control = |byte: u8| {
        let is_second_of_two = before == 0xC2 && byte < 0xA0;
        before = byte;
        byte < 0x20 || byte == 0x7F || is_second_of_two
    };
    (1..=MAX_STRING_LEN).contains(&text.len()) && !text.bytes().any(is_control)
}

fn is_codable(coding: Coding) -> bool {
    match coding {
        Coding::Fixed { resolution, min, max } => {
            let steps = f64::from(min.abs().max(max.abs())) / f64::from(resolution);
            resolution.is_normal() && resolution > 0.0 && min < max && steps <= MAX_STEPS
        }
        Coding::Lossless { min, max } => min < max,
        Coding::Int { min, max } => min < max,
    }
}

fn channel_of(id: ChannelId) -> Option<Channel> {
    let float = FLOAT_CHANNELS.iter().find(|info| info.id == id).map(of_float);
    float.or_else(|| INT_CHANNELS.iter().find(|info| info.id == id).map(of_int))
}

fn of_float(info: &FloatInfo) -> Channel {
    Channel {
        id: info.id,
        name: info.name.to_string(),
        unit: info.unit.to_string(),
        coding: Coding::Fixed { resolution: info.resolution, min: info.min, max: info.max },
        pace: info.pace,
        labels: Vec::new(),
    }
}

fn of_int(info: &IntInfo) -> Channel {
    Channel {
        id: info.id,
        name: info.name.to_string(),
        unit: info.unit.to_string(),
        coding: Coding::Int { min: info.min, max: info.max },
        pace: info.pace,
        labels: info.labels.iter().map(|label| String::from(*label)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::{Pace, ch};

    fn own(id: u16, name: &str, coding: Coding) -> Channel {
        let (name, unit) = (name.to_string(), "m".to_string());
        Channel { id: ChannelId(id), name, unit, coding, pace: Pace::Fast, labels: Vec::new() }
    }

    #[track_caller]
    fn check_fixed(resolution: f32, min: f32, max: f32, expected: bool) {
        let result = Schema::new(vec![own(0x8000, "own", Coding::Fixed { resolution, min, max })]);
        assert_eq!(result.is_ok(), expected, "{result:?}");
    }

    #[test]
    fn resolution_and_range_must_be_codable() {
        check_fixed(0.5, 0.0, 1.0, true);
        check_fixed(0.0, 0.0, 1.0, false);
        check_fixed(-0.5, 0.0, 1.0, false);
        check_fixed(f32::NAN, 0.0, 1.0, false);
        check_fixed(0.5, 1.0, 1.0, false);
        check_fixed(0.5, 0.0, f32::INFINITY, false);
        check_fixed(1.0, 0.0, (1 << 30) as f32, true);
        check_fixed(1.0, 0.0, (1 << 30) as f32 * 1.001, false);
    }

    #[test]
    fn ids_and_names_must_differ() {
        let int = Coding::Int { min: 0, max: 1 };
        let base = Schema::new(vec![own(0x8000, "a", int)]).unwrap();
        assert_eq!(base.with_channel(own(0x8000, "b", int)), Err(SchemaError::RepeatedId { id: 0x8000 }));
        assert_eq!(
            base.with_channel(own(0x8001, "a", int)),
            Err(SchemaError::RepeatedName { name: "a".into() })
        );
        assert_eq!(base.with_channel(own(0x8001, "b", int)).unwrap().n_ints(), 2);
    }

    #[test]
    fn number_of_channels_is_limited() {
        let many = |n: u16| {
            (0..n).map(|id| own(id, &alloc::format!("c{id}"), Coding::Int { min: 0, max: 1 })).collect()
        };
        assert!(Schema::new(many(1024)).is_ok());
        assert_eq!(Schema::new(many(1025)), Err(SchemaError::ChannelCount { found: 1025 }));
        assert_eq!(Schema::new(many(0)), Err(SchemaError::ChannelCount { found: 0 }));
    }

    #[test]
    fn texts_are_limited() {
        let named = |len: usize| Schema::new(vec![own(1, &"x".repeat(len), Coding::Int { min: 0, max: 1 })]);
        assert!(named(256).is_ok());
        assert_eq!(named(257), Err(SchemaError::BadText { id: 1 }));
        assert_eq!(named(0), Err(SchemaError::BadText { id: 1 }));
    }

    #[test]
    fn control_characters_are_those_of_unicode() {
        for character in (0..0x300).filter_map(char::from_u32) {
            assert_eq!(is_plain(&character.to_string()), !character.is_control(), "{character:?}");
        }
    }

    #[test]
    fn games_get_only_channels_that_they_fill() {
        assert!(Schema::assetto_corsa().position("tyre_wear_fl").is_some());
        assert!(Schema::acc().position("tyre_wear_fl").is_none());
        assert!(Schema::acc().position("water_temp_c").is_some());
        assert!(Schema::assetto_corsa().position("water_temp_c").is_none());
    }

    #[test]
    fn subset_keeps_its_order_and_refuses_unknown_ids() {
        let schema = Schema::subset(&[ch::GEAR.id(), ch::BRAKE.id(), ch::SPEED_MPS.id()]).unwrap();
        assert_eq!(schema.position("gear"), Some(Position::Int(0)));
        assert_eq!(schema.position("speed_mps"), Some(Position::Float(1)));
        assert_eq!(schema.position("fuel_l"), None);
        assert_eq!(Schema::subset(&[ChannelId(0x7fff)]), Err(SchemaError::UnknownId { id: 0x7fff }));
    }

    #[test]
    fn built_in_schemas_are_known_by_hash() {
        for schema in [Schema::full(), Schema::acc(), Schema::assetto_corsa().lossless()] {
            assert_eq!(Schema::known(schema.hash()), Some(schema));
        }
        assert_eq!(Schema::known(SchemaHash(1)), None);
    }

    #[test]
    fn projecting_takes_the_schemas_channels_and_leaves_foreign_ones_absent() {
        let foreign = own(0x8000, "user_mark", Coding::Int { min: 0, max: 9 });
        let schema = Schema::subset(&[ch::GEAR.id(), ch::SPEED_MPS.id(), ch::BRAKE.id()]).unwrap();
        let schema = schema.with_channel(foreign).unwrap();
        let mut sample = Sample::absent(5);
        sample[ch::GEAR] = 2;
        sample[ch::SPEED_MPS] = 10.0;
        let mut row = RowBuffer::new(&schema);
        schema.project(&sample, &mut row);
        assert_eq!((row.captured_at_us, row.floats[0], &row.ints[..]), (5, 10.0, &[2, ABSENT][..]));
        assert!(row.floats[1].is_nan());
    }
}
