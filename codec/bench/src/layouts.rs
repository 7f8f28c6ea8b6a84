//! What does one sample of each trace look like, as a plain struct and as a row of our own schema?
//!
//! A layout lists the columns of a trace once: protobuf tag, field, column title, type, protobuf type and, in
//! brackets, resolution and pace (a channel of our table has none: it takes the table's). From it come the struct that the general formats write, its protobuf twin, and
//! the schema and rows that our codec writes.

mod acc_fragment;
mod acc_laps;
mod assetto_corsa;
mod reference;
mod simulated;

pub(crate) use self::acc_fragment::AccFragment;
pub(crate) use self::acc_laps::AccLaps;
pub(crate) use self::assetto_corsa::AssettoCorsa;
pub(crate) use self::reference::Reference;
pub(crate) use self::simulated::Simulated;

use anyhow::{Context, Result};
use purple_sector_codec::schema::{Channel, Coding};
use purple_sector_codec::{ChannelId, Pace, Schema};

/// One sample of a trace as a plain struct: what the general formats encode and decode.
pub(crate) trait Plain:
    Clone + PartialEq + serde::Serialize + serde::de::DeserializeOwned + bitcode::Encode + bitcode::DecodeOwned
{
    /// The protobuf message with the same fields.
    type Proto: prost::Message + Default + PartialEq;

    /// Reads a sample from the cells of a CSV row. `column` finds a cell by its column's title.
    fn read<'a>(time_us: u64, column: &dyn Fn(&str) -> Result<&'a str>) -> Result<Self>;

    /// The protobuf message of this sample.
    fn to_proto(&self) -> Self::Proto;

    /// When the sample was taken, in µs.
    fn time_us(&self) -> u64;

    /// The values of float and int channels in schema order.
    fn values(&self, floats: &mut Vec<f32>, ints: &mut Vec<i32>);

    /// The channels of our schema for this layout: everything but time and texts.
    fn channels() -> Vec<Channel>;
}

/// Defines a layout; see the files in `layouts/`.
macro_rules! layout {
    (
        $(#[$doc:meta])* $plain:ident, $proto:ident:
        $( $tag:tt $field:ident $title:literal $kind:ident $wire:ident $(($($detail:tt)+))?; )+
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, bitcode::Encode, bitcode::Decode)]
        pub(crate) struct $plain {
            pub(crate) time_us: u64,
            $(pub(crate) $field: $crate::layouts::plain_type!($kind),)+
        }

        #[derive(Clone, PartialEq, prost::Message)]
        pub(crate) struct $proto {
            #[prost(uint64, tag = 1)]
            pub(crate) time_us: u64,
            $(
                #[prost($wire, tag = $tag)]
                pub(crate) $field: $crate::layouts::proto_type!($kind),
            )+
        }

        impl $crate::layouts::Plain for $plain {
            type Proto = $proto;

            fn read<'a>(
                time_us: u64,
                column: &dyn Fn(&str) -> anyhow::Result<&'a str>,
            ) -> anyhow::Result<Self> {
                Ok(Self { time_us, $($field: $crate::layouts::read!($kind, column($title)?, $title)?,)+ })
            }

            fn to_proto(&self) -> $proto {
                $proto { time_us: self.time_us, $($field: self.$field.clone().into(),)+ }
            }

            fn time_us(&self) -> u64 {
                self.time_us
            }

            fn values(&self, floats: &mut Vec<f32>, ints: &mut Vec<i32>) {
                let _ = &ints; // not every layout has int channels
                $($crate::layouts::value!($kind, self.$field, floats, ints);)+
            }

            fn channels() -> Vec<purple_sector_codec::Channel> {
                let mut channels = Vec::new();
                $($crate::layouts::channel!($kind, stringify!($field), channels $(, $($detail)+)?);)+
                channels
            }
        }
    };
}
use layout;

macro_rules! plain_type {
    (name) => {
        u8
    };
    (text) => {
        String
    };
    ($number:ident) => {
        $number
    };
}
use plain_type;

/// Protobuf has no 8-bit numbers.
macro_rules! proto_type {
    (u8) => {
        u32
    };
    (name) => {
        u32
    };
    (text) => {
        String
    };
    ($number:ident) => {
        $number
    };
}
use proto_type;

macro_rules! read {
    (f32, $cell:expr, $title:literal) => {
        $crate::layouts::number::<f32>($cell, $title)
    };
    (bool, $cell:expr, $title:literal) => {
        $crate::layouts::number::<f32>($cell, $title).map(|value| value != 0.0)
    };
    (name, $cell:expr, $title:literal) => {
        $crate::layouts::code_of_name($cell)
    };
    (text, $cell:expr, $title:literal) => {
        anyhow::Ok(String::from($cell))
    };
    ($int:ident, $cell:expr, $title:literal) => {
        $crate::layouts::number::<f64>($cell, $title).map(|value| value as $int)
    };
}
use read;

macro_rules! value {
    (f32, $value:expr, $floats:ident, $ints:ident) => {
        $floats.push($value)
    };
    (text, $value:expr, $floats:ident, $ints:ident) => {};
    ($int:ident, $value:expr, $floats:ident, $ints:ident) => {
        $ints.push($value as i32)
    };
}
use value;

macro_rules! channel {
    (f32, $name:expr, $channels:ident, $resolution:literal, $pace:ident) => {
        $crate::layouts::add(&mut $channels, $name, Some($resolution), purple_sector_codec::Pace::$pace)
    };
    (text, $name:expr, $channels:ident) => {};
    ($number:ident, $name:expr, $channels:ident) => {
        $crate::layouts::add_from_table(&mut $channels, $name)
    };
    ($int:ident, $name:expr, $channels:ident, $pace:ident) => {
        $crate::layouts::add(&mut $channels, $name, None, purple_sector_codec::Pace::$pace)
    };
}
use channel;

/// Adds a channel of our own: fixed point with this resolution and a range that no trace leaves, or an int.
fn add(channels: &mut Vec<Channel>, name: &str, resolution: Option<f32>, pace: Pace) {
    let coding = match resolution {
        Some(resolution) => Coding::Fixed { resolution, min: -1e9 * resolution, max: 1e9 * resolution },
        None => Coding::Int { min: 0, max: i32::MAX },
    };
    let id = ChannelId(ChannelId::FIRST_FREE.0 + channels.len() as u16);
    channels.push(Channel { id, name: name.into(), unit: "-".into(), coding, pace, labels: Vec::new() });
}

/// Adds a channel of the table.
fn add_from_table(channels: &mut Vec<Channel>, name: &str) {
    let table = Schema::full();
    channels.extend(table.channels().iter().find(|channel| channel.name == name).cloned());
}

fn number<T: std::str::FromStr>(cell: &str, title: &str) -> Result<T> {
    cell.parse().ok().with_context(|| format!("column {title} holds {cell:?}, which is not a number"))
}

/// Enumerations are texts in the reference trace and small codes in every codec.
fn code_of_name(cell: &str) -> Result<u8> {
    const NAMES: [&str; 7] = ["Soft", "Medium", "Hard", "Wet", "Practice", "Qualify", "Race"];
    let at = NAMES.iter().position(|name| *name == cell);
    at.map(|at| at as u8).with_context(|| format!("{cell:?} is none of the names {NAMES:?}"))
}
