//! Which quantities exist? The channel table: id, name, unit, resolution, range and meaning of every channel.
//!
//! The table itself is in `channels/table.rs`; this file holds the types of its rows and the macro that turns
//! the rows into [`FLOAT_CHANNELS`], [`INT_CHANNELS`] and the typed keys in [`ch`]. Nothing else in the
//! workspace repeats a name, a unit or a range: TypeScript and the documents are made from this table.
//!
//! A channel belongs to one of two families. **Float** channels hold an `f32`, absent is `NaN`, and travel as
//! fixed point with the stated resolution (or, where a schema says so, bit for bit). **Int** channels hold an
//! `i32`, absent is [`ABSENT`], and are exact: counters, clocks in milliseconds, enumerations and flags.
//! The time of a sample is not a channel; every sample has it.

mod table;

pub use self::table::{FLOAT_CHANNELS, INT_CHANNELS, N_FLOATS, N_INTS, ch};

use serde::{Deserialize, Serialize};

/// The value of an int channel that the source does not give. (A float channel uses `NaN`.)
pub const ABSENT: i32 = i32::MIN;

/// Names a channel permanently: ids are never reused and never change their meaning.
///
/// The built-in table uses ids below [`ChannelId::FIRST_FREE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChannelId(pub u16);

impl ChannelId {
    /// The first id that the built-in table will never use: for your own channels.
    pub const FIRST_FREE: ChannelId = ChannelId(0x8000);
}

/// Key of a float channel in a [`Sample`](crate::Sample): `sample[ch::SPEED_MPS] = 61.5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FloatChannel(u16);

impl FloatChannel {
    /// Position among the float channels of the table, and in [`Sample::floats`](crate::Sample::floats).
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The channel's row in the table.
    pub const fn info(self) -> &'static FloatInfo {
        &FLOAT_CHANNELS[self.0 as usize]
    }

    /// The channel's stable id.
    pub const fn id(self) -> ChannelId {
        self.info().id
    }
}

/// Key of an int channel in a [`Sample`](crate::Sample): `sample[ch::GEAR] = 3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IntChannel(u16);

impl IntChannel {
    /// Position among the int channels of the table, and in [`Sample::ints`](crate::Sample::ints).
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The channel's row in the table.
    pub const fn info(self) -> &'static IntInfo {
        &INT_CHANNELS[self.0 as usize]
    }

    /// The channel's stable id.
    pub const fn id(self) -> ChannelId {
        self.info().id
    }
}

/// One row of the table of float channels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FloatInfo {
    /// Stable id.
    pub id: ChannelId,
    /// Name in snake_case with its unit, the wheel last: `tyre_core_temp_c_fl`.
    pub name: &'static str,
    /// Unit as people write it: `m/s`, `°C`; `ratio` for shares of one.
    pub unit: &'static str,
    /// Step between two neighbouring values on the wire, in the channel's unit.
    pub resolution: f32,
    /// Smallest value on the wire; smaller ones are sent as this and counted.
    pub min: f32,
    /// Largest value on the wire; larger ones are sent as this and counted.
    pub max: f32,
    /// How often the value moves.
    pub pace: Pace,
    /// Which games fill it.
    pub games: Games,
    /// What the value means, in one line.
    pub meaning: &'static str,
}

/// One row of the table of int channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntInfo {
    /// Stable id.
    pub id: ChannelId,
    /// Name in snake_case with its unit: `last_lap_ms`.
    pub name: &'static str,
    /// Unit as people write it, or the sort of number: `ms`, `laps`, `bool`, `enum`, `bits`, `level`.
    pub unit: &'static str,
    /// Smallest value to expect. Int channels are exact: values outside the range travel unchanged.
    pub min: i32,
    /// Largest value to expect.
    pub max: i32,
    /// How often the value moves.
    pub pace: Pace,
    /// Which games fill it.
    pub games: Games,
    /// Names of the values from `min` on (enumerations and bits), else empty.
    pub labels: &'static [&'static str],
    /// What the value means, in one line.
    pub meaning: &'static str,
}

/// How often a channel moves. Slow channels share bits that say "none of us changed".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Pace {
    /// Moves with nearly every sample while driving.
    Fast,
    /// Moves rarely: settings, flags, counters, temperatures of air and water.
    Slow,
}

/// The games that fill a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Games {
    /// Assetto Corsa, from shared memory or UDP remote telemetry.
    pub assetto_corsa: bool,
    /// Assetto Corsa Competizione, from shared memory or broadcasting.
    pub acc: bool,
}

/// Turns the rows of `table.rs` into the tables, the keys and the counts.
///
/// A row names one channel, or one per wheel (`FL FR RL RR`), whose ids follow each other. The name on the wire
/// is the key in lower case.
macro_rules! channels {
    (
        floats { $(
            $f_id:literal $f_first:ident $($f_more:ident)*: $f_unit:literal, $resolution:literal,
            $f_min:literal..=$f_max:literal, $f_pace:ident, $f_games:ident, $f_meaning:literal;
        )+ }
        ints { $(
            $i_id:literal $i_name:ident: $i_unit:literal $([$($label:literal)+])?,
            $i_min:literal..=$i_max:literal, $i_pace:ident, $i_games:ident, $i_meaning:literal;
        )+ }
    ) => {
        // The position of each channel in its family: an enum counts for us.
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum FloatPosition { $($f_first, $($f_more,)*)+ End }
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum IntPosition { $($i_name,)+ End }

        /// Number of float channels in the table.
        pub const N_FLOATS: usize = FloatPosition::End as usize;

        /// Number of int channels in the table.
        pub const N_INTS: usize = IntPosition::End as usize;

        /// Typed keys of every channel in the table, for use with [`Sample`](crate::Sample).
        pub mod ch {
            use super::{FloatPosition, IntPosition};
            use crate::channels::{FloatChannel, IntChannel};

            $(
                #[doc = concat!($f_meaning, " Unit: ", $f_unit, ".")]
                pub const $f_first: FloatChannel = FloatChannel(FloatPosition::$f_first as u16);
                $(
                    #[doc = concat!($f_meaning, " Unit: ", $f_unit, ".")]
                    pub const $f_more: FloatChannel = FloatChannel(FloatPosition::$f_more as u16);
                )*
            )+
            $(
                #[doc = concat!($i_meaning, " Unit: ", $i_unit, ".")]
                pub const $i_name: IntChannel = IntChannel(IntPosition::$i_name as u16);
            )+
        }

        /// Every float channel, in the order of [`Sample::floats`](crate::Sample::floats).
        pub static FLOAT_CHANNELS: [FloatInfo; N_FLOATS] = [$(
            channels!(@float $f_first, $f_id, $f_unit, $resolution, $f_min, $f_max, $f_pace, $f_games, $f_meaning),
            $(channels!(
                @float $f_more, $f_id + (FloatPosition::$f_more as u16 - FloatPosition::$f_first as u16),
                $f_unit, $resolution, $f_min, $f_max, $f_pace, $f_games, $f_meaning
            ),)*
        )+];

        /// Every int channel, in the order of [`Sample::ints`](crate::Sample::ints).
        pub static INT_CHANNELS: [IntInfo; N_INTS] = [$(
            IntInfo {
                id: ChannelId($i_id), name: channels!(@lower $i_name), unit: $i_unit,
                min: $i_min, max: $i_max, pace: Pace::$i_pace, games: $i_games,
                labels: &[$($($label),+)?], meaning: $i_meaning,
            },
        )+];
    };

    (
        @float $name:ident, $id:expr, $unit:literal, $resolution:literal, $min:literal, $max:literal,
        $pace:ident, $games:ident, $meaning:literal
    ) => {
        FloatInfo {
            id: ChannelId($id), name: channels!(@lower $name), unit: $unit,
            resolution: $resolution, min: $min, max: $max, pace: Pace::$pace, games: $games, meaning: $meaning,
        }
    };

    (@lower $name:ident) => {{
        const BYTES: [u8; stringify!($name).len()] = $crate::channels::lower_case(stringify!($name));
        match core::str::from_utf8(&BYTES) {
            Ok(name) => name,
            Err(_) => panic!("channel names are ASCII"), // evaluated by the compiler, never at run time
        }
    }};
}
pub(crate) use channels;

/// The ASCII lower case of a key's name, computed by the compiler. `N` is its length.
const fn lower_case<const N: usize>(name: &str) -> [u8; N] {
    let mut lower = [0; N];
    let mut at = 0;
    while at < N {
        lower[at] = name.as_bytes()[at].to_ascii_lowercase();
        at += 1;
    }
    lower
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Id, name and unit of every channel in the table.
    fn all() -> impl Iterator<Item = (ChannelId, &'static str, &'static str)> {
        let floats = FLOAT_CHANNELS.iter().map(|info| (info.id, info.name, info.unit));
        floats.chain(INT_CHANNELS.iter().map(|info| (info.id, info.name, info.unit)))
    }

    #[test]
    fn ids_are_unique_and_below_the_free_range() {
        for (position, (id, name, _)) in all().enumerate() {
            assert!(id < ChannelId::FIRST_FREE, "{name}");
            assert!(all().skip(position + 1).all(|(other, ..)| other != id), "{name} shares id {}", id.0);
        }
    }

    #[test]
    fn names_are_unique_snake_case_and_fit_the_string_limit() {
        for (position, (_, name, unit)) in all().enumerate() {
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
                "{name}"
            );
            assert!(all().skip(position + 1).all(|(_, other, _)| other != name), "{name} appears twice");
            assert!(!unit.is_empty() && unit.len() < 16, "{name}");
        }
    }

    #[test]
    fn wheels_come_in_fours_with_consecutive_ids() {
        for (position, info) in
            FLOAT_CHANNELS.iter().enumerate().filter(|(_, info)| info.name.ends_with("_fl"))
        {
            for (step, wheel) in ["_fl", "_fr", "_rl", "_rr"].iter().enumerate() {
                let other = &FLOAT_CHANNELS[position + step];
                assert_eq!(other.id.0, info.id.0 + step as u16);
                assert_eq!(other.name, [info.name.trim_end_matches("_fl"), wheel].concat());
            }
        }
    }

    #[test]
    fn every_range_holds_zero_or_more_and_fits_the_wire() {
        for info in &FLOAT_CHANNELS {
            assert!(info.resolution > 0.0 && info.min < info.max, "{}", info.name);
            let steps = f64::from(info.max.abs().max(info.min.abs())) / f64::from(info.resolution);
            assert!(steps < f64::from(1 << 30), "{}: {steps} steps", info.name);
        }
        for info in &INT_CHANNELS {
            assert!(info.min < info.max && info.min != ABSENT, "{}", info.name);
        }
    }

    #[test]
    fn labels_name_every_value_of_an_enumeration() {
        for info in INT_CHANNELS.iter().filter(|info| info.unit == "enum") {
            assert_eq!(info.labels.len() as i32, info.max - info.min + 1, "{}", info.name);
        }
    }

    #[test]
    fn keys_find_their_row() {
        assert_eq!(ch::SPEED_MPS.info().name, "speed_mps");
        assert_eq!(ch::TYRE_CORE_TEMP_C_FL.info().name, "tyre_core_temp_c_fl");
        assert_eq!(ch::GEAR.info().name, "gear");
        assert_eq!(ch::SPEED_MPS.id(), ChannelId(1));
    }
}
