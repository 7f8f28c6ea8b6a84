//! What the source gave is what a client decodes: in order, bit for bit in lossless mode, within half a step otherwise.

use std::time::Duration;

use anyhow::{Result, ensure};
use purple_sector_codec::{Row, Schema};
use purple_sector_tests::marks::marked_schema;
use purple_sector_tests::node::NodeViewer;
use purple_sector_tests::publisher::Publisher;
use purple_sector_tests::rows::{Rows, first_difference};

use crate::users::{User, brokers, live_viewer, now_us, shared_bridge};

const SESSION: &str = "fidelity";
const N_SAMPLES: usize = 3_000;
const INTERVAL_US: u64 = 16_667;
const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sample_arrives_once_in_order_within_half_a_step() -> Result<()> {
    native_round("fidelity-fixed", marked_schema(Schema::full())?, 2).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lossless_samples_arrive_bit_for_bit() -> Result<()> {
    native_round("fidelity-lossless", Schema::full().lossless(), 11).await
}

/// Publishes slowly enough for a live viewer, and compares each sample with what was sent.
async fn native_round(name: &str, schema: Schema, samples_per_block: usize) -> Result<()> {
    let (user, brokers) = (User::new(name)?, brokers()?);
    let mut viewer = live_viewer(&brokers, shared_bridge()?, &user).await?;
    viewer.follow(SESSION);
    let start_us = now_us()?;
    let sent = Rows::new(&schema, 77, start_us, INTERVAL_US);
    let publishing = publish(brokers, user, schema.clone(), samples_per_block, sent.clone());
    let (seen, ()) = tokio::try_join!(viewer.samples(N_SAMPLES, LIMIT), publishing)?;
    let mut sent = sent;
    for (at, seen) in seen.iter().enumerate() {
        let sent = sent.next_row();
        ensure!(sent.captured_at_us == seen.captured_at_us, "sample {at} has another time");
        let difference = first_difference(&schema, &sent, &seen.floats, &seen.ints);
        ensure!(difference.is_none(), "sample {at}: {difference:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webassembly_in_node_decodes_the_same_bits_as_native_rust() -> Result<()> {
    let (user, brokers) = (User::new("fidelity-node")?, brokers()?);
    let bridge = shared_bridge()?;
    let mut native = live_viewer(&brokers, bridge, &user).await?;
    native.follow(SESSION);
    let folder = tempfile::tempdir()?;
    let schema = marked_schema(Schema::full())?;
    let mut node = NodeViewer::start(&bridge.url(), &user.token, SESSION, N_SAMPLES, folder.path())?;
    node.wait_until_connected()?;
    let sent = Rows::new(&schema, 78, now_us()?, INTERVAL_US);
    let publishing = publish(brokers, user, schema.clone(), 2, sent);
    let (native, ()) = tokio::try_join!(native.samples(N_SAMPLES, LIMIT), publishing)?;
    let (node, done) = tokio::task::spawn_blocking(move || node.finish(LIMIT)).await??;
    ensure!(node.len() == N_SAMPLES, "Node decoded {} samples: {done}", node.len());
    for (at, (native, node)) in native.iter().zip(&node).enumerate() {
        let row = Row { captured_at_us: native.captured_at_us, floats: &native.floats, ints: &native.ints };
        ensure!(row.captured_at_us == node.captured_at_us, "sample {at} has another time");
        ensure!(bits(&schema, &row) == node.bits, "sample {at} differs: {row:?}");
    }
    Ok(())
}

async fn publish(
    brokers: String,
    user: User,
    schema: Schema,
    samples_per_block: usize,
    mut rows: Rows,
) -> Result<()> {
    let publishing = tokio::task::spawn_blocking(move || {
        let mut publisher = Publisher::start(&brokers, &user.id, SESSION, schema, samples_per_block)?;
        for at in 0..N_SAMPLES {
            publisher.push(rows.next_row())?;
            if at % 60 == 59 {
                std::thread::sleep(Duration::from_millis(40));
            }
        }
        publisher.end()
    });
    publishing.await?
}

fn bits(schema: &Schema, row: &Row<'_>) -> Vec<u32> {
    let of = |position: &purple_sector_codec::Position| match *position {
        purple_sector_codec::Position::Float(i) => row.floats[i].to_bits(),
        purple_sector_codec::Position::Int(i) => row.ints[i].cast_unsigned(),
    };
    schema.positions().iter().map(of).collect()
}
