//! Batches as another implementation of the protocol writes them.

use std::time::Instant;

use bytes::BytesMut;
use kafka_protocol::records::{
    Compression as Codec, Record as Written, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use proptest::prelude::*;

use super::*;

/// A batch of these values from `first` on, with times of 1000 + n ms.
fn batch(first: i64, values: &[&[u8]], codec: Codec, change: impl Fn(&mut Written)) -> Vec<u8> {
    let records: Vec<Written> = values
        .iter()
        .enumerate()
        .map(|(n, value)| {
            let mut record = Written {
                transactional: false,
                control: false,
                partition_leader_epoch: 0,
                producer_id: -1,
                producer_epoch: -1,
                timestamp_type: TimestampType::Creation,
                offset: first + n as i64,
                sequence: n as i32,
                timestamp: 1000 + n as i64,
                key: Some(bytes::Bytes::from_static(b"session")),
                value: Some(bytes::Bytes::copy_from_slice(value)),
                headers: Default::default(),
                delete_horizon: false,
            };
            change(&mut record);
            record
        })
        .collect();
    let mut bytes = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: codec };
    RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();
    bytes.to_vec()
}

fn as_it_is(_: &mut Written) {}

/// What is read from offset `from` on: offset, time and value of each record; then the next offset, and what was not
/// readable.
type Seen = (Vec<(i64, i64, Vec<u8>)>, i64, Option<Unreadable>);

fn read(mut bytes: &[u8], from: i64) -> Seen {
    let mut allowance = Allowance::new(Instant::now());
    let (mut records, mut next_offset, mut why) = (Vec::new(), from, None);
    while let Some(batch) = next(&mut bytes) {
        let read = batch.records(from, &mut allowance, |record| {
            records.push((record.offset, record.time_ms, record.value.to_vec()));
        });
        why = why.or(read.err());
        next_offset = batch.next_offset;
    }
    (records, next_offset, why)
}

fn seen(from: i64, values: &[&[u8]]) -> Vec<(i64, i64, Vec<u8>)> {
    values.iter().enumerate().map(|(n, value)| (from + n as i64, 1000 + n as i64, value.to_vec())).collect()
}

#[test]
fn records_come_with_offset_time_and_value_however_they_are_compressed() {
    let values: [&[u8]; 3] = [b"a", b"", &[7; 5000]];
    for codec in [Codec::None, Codec::Gzip, Codec::Lz4] {
        let bytes = batch(50, &values, codec, as_it_is);
        assert_eq!(read(&bytes, 0), (seen(50, &values), 53, None), "{codec:?}");
        assert_eq!(read(&bytes, 52).0.len(), 1, "only what was not read before");
    }
    for (codec, name) in [(Codec::Snappy, "snappy"), (Codec::Zstd, "zstd")] {
        let bytes = batch(50, &values, codec, as_it_is);
        assert_eq!(read(&bytes, 0), (Vec::new(), 53, Some(Unreadable::Compression(name))));
    }
}

#[test]
fn the_brokers_time_counts_where_it_stamps() {
    let mut stamped = batch(5, &[b"a", b"b"], Codec::None, as_it_is);
    stamped[PREFIX_LEN + CHECKED_FROM + 1] |= 0x08;
    let (records, ..) = read(&with_good_checksum(stamped), 0);
    assert_eq!(records.iter().map(|record| record.1).collect::<Vec<_>>(), [1001, 1001]);
}

#[test]
fn markers_of_transactions_are_passed_over_and_transactions_read() {
    let marker = batch(7, &[b"commit"], Codec::None, |record| {
        (record.control, record.transactional) = (true, true);
    });
    assert_eq!(read(&marker, 0), (Vec::new(), 8, None));
    let data = batch(7, &[b"a"], Codec::None, |record| record.transactional = true);
    assert_eq!(read(&data, 0), (seen(7, &[b"a"]), 8, None));
}

#[test]
fn a_batch_that_is_cut_off_is_left_for_the_next_fetch() {
    let mut bytes = batch(0, &[b"a"], Codec::None, as_it_is);
    let whole = bytes.len();
    bytes.extend(batch(1, &[b"b"], Codec::None, as_it_is));
    for length in whole..bytes.len() {
        assert_eq!(read(&bytes[..length], 0), (seen(0, &[b"a"]), 1, None), "{length}");
    }
    assert_eq!(read(&bytes, 0).1, 2);
}

#[test]
fn what_was_changed_or_is_too_old_is_passed_over() {
    let good = batch(5, &[b"a", b"b"], Codec::None, as_it_is);
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(read(&changed, 0), (Vec::new(), 7, Some(Unreadable::Checksum)));
    let mut old = good.clone();
    old[16] = 1;
    assert_eq!(read(&old, 0), (Vec::new(), 6, Some(Unreadable::Format(1))));
    let after: Vec<u8> = [changed, batch(7, &[b"c"], Codec::None, as_it_is)].concat();
    assert_eq!(read(&after, 0).1, 8, "what comes after it is read");
}

#[test]
fn a_bomb_is_passed_over() {
    let zeros = vec![0; 20 * 1024 * 1024];
    for codec in [Codec::Gzip, Codec::Lz4] {
        let found = read(&batch(5, &[&zeros], codec, as_it_is), 0);
        assert_eq!(found, (Vec::new(), 6, Some(Unreadable::TooLarge)), "{codec:?}");
    }
}

/// With a checksum that fits, only the lengths inside are left to lie.
fn with_good_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = crc32c::crc32c(&bytes[PREFIX_LEN + CHECKED_FROM..]);
    bytes[17..21].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

#[test]
fn records_that_do_not_fit_their_batch_are_not_believed() {
    let good = batch(5, &[b"a", b"b"], Codec::None, as_it_is);
    let first_record = PREFIX_LEN + HEADER_LEN;
    for (at, byte) in
        [(first_record, 0x7E), (first_record, 0x01), (first_record + 3, 0x50), (first_record + 4, 0x7E)]
    {
        let mut bytes = good.clone();
        bytes[at] = byte;
        let (_, next_offset, why) = read(&with_good_checksum(bytes), 0);
        assert_eq!((next_offset, why), (7, Some(Unreadable::Records)), "{at} {byte}");
    }
}

proptest! {
    #[test]
    fn any_change_gives_records_or_a_reason(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), checksum in any::<bool>()
    ) {
        for codec in [Codec::None, Codec::Gzip, Codec::Lz4] {
            let mut bytes = batch(5, &[b"a", b"bc", b""], codec, as_it_is);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if checksum {
                bytes = with_good_checksum(bytes);
            }
            let (records, ..) = read(&bytes, 0);
            prop_assert!(records.is_sorted_by(|a, b| a.0 < b.0) || records.len() <= 3);
        }
    }
}
