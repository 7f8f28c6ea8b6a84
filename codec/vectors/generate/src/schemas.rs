//! Which channels and values do the golden vectors have? Small schemas, and rows made by whole-number arithmetic,
//! so that every machine makes the same.

use purple_sector_codec::{
    Channel, ChannelId, Coding, Pace, Row, Schema, SessionId, StreamEncoder, StreamSettings,
};

/// A channel that is not in the table.
pub(crate) fn channel(id: u16, name: &str, unit: &str, coding: Coding, pace: Pace) -> Channel {
    let id = ChannelId(ChannelId::FIRST_FREE.0 + id);
    Channel { id, name: name.into(), unit: unit.into(), coding, pace, labels: vec![] }
}

/// Three float channels with a stated error and two int channels.
pub(crate) fn fixed() -> Schema {
    let fixed = |resolution, min, max| Coding::Fixed { resolution, min, max };
    let mut state = channel(4, "test_state", "enum", Coding::Int { min: 0, max: 2 }, Pace::Slow);
    state.labels = ["off", "on", "broken"].map(String::from).to_vec();
    schema(vec![
        channel(0, "test_speed_mps", "m/s", fixed(0.01, -50.0, 150.0), Pace::Fast),
        channel(1, "test_pedal", "ratio", fixed(0.001, 0.0, 1.0), Pace::Fast),
        channel(2, "test_clock_ms", "ms", Coding::Int { min: 0, max: i32::MAX }, Pace::Fast),
        channel(3, "test_fuel_l", "l", fixed(0.05, 0.0, 200.0), Pace::Slow),
        state,
    ])
}

/// One lossless float channel and one int channel.
pub(crate) fn lossless() -> Schema {
    schema(vec![
        channel(8, "test_exact", "", Coding::Lossless { min: -1.0, max: 1.0 }, Pace::Fast),
        channel(9, "test_count", "", Coding::Int { min: 0, max: 9 }, Pace::Fast),
    ])
}

/// A schema of these channels.
pub(crate) fn own(channels: Vec<Channel>) -> Schema {
    Schema::new(channels).expect("a schema within the limits")
}

fn schema(mut channels: Vec<Channel>) -> Schema {
    for channel in channels.iter_mut().filter(|channel| channel.unit.is_empty()) {
        channel.unit = "1".into();
    }
    own(channels)
}

/// Row `i` of a drive in the channels of [`fixed`], 16,667 µs apart.
pub(crate) fn fixed_row(i: u32) -> ([f32; 3], [i32; 2]) {
    let pedal = (i * 37 % 200).min(100) as f32 / 100.0;
    (
        [20.0 + (i * i % 977) as f32 * 0.125, pedal, 60.0 - i as f32 * 0.03125],
        [i as i32 * 17, (i / 40 % 3) as i32],
    )
}

/// An encoder whose stream can be told by its epoch.
pub(crate) fn encoder(session: &str, epoch: u32, schema: Schema, samples_per_block: usize) -> StreamEncoder {
    let session = SessionId::parse(session).expect("a valid session id");
    let key_interval_us = StreamSettings::KEY_INTERVAL_US;
    StreamEncoder::new(StreamSettings { session, epoch, schema, samples_per_block, key_interval_us })
        .expect("settings within the limits")
}

/// When row `i` was captured.
pub(crate) fn time_us(i: u32) -> u64 {
    1_764_000_000_000_000 + u64::from(i) * 16_667
}

/// The record that this row completes.
pub(crate) fn push(encoder: &mut StreamEncoder, i: u32, floats: &[f32], ints: &[i32]) -> Option<Vec<u8>> {
    let row = Row { captured_at_us: time_us(i), floats, ints };
    encoder.push(row).expect("a row of the schema's shape").map(|block| block.to_vec())
}

/// The records of rows `from..to` of [`fixed_row`].
pub(crate) fn drive(encoder: &mut StreamEncoder, from: u32, to: u32) -> Vec<Vec<u8>> {
    (from..to)
        .filter_map(|i| {
            let (floats, ints) = fixed_row(i);
            push(encoder, i, &floats, &ints)
        })
        .collect()
}
