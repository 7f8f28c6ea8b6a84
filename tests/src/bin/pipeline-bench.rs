//! How long does a sample take from the encoder to a decoded column in Node, and how long to a bare Kafka consumer?
//!
//! `cargo xtask bench pipeline` runs this: one user at 60 Hz through a real, warmed-up Apache Kafka and the real bridge;
//! a bare rdkafka consumer reads the same topic in the same run. Writes `target/bench/pipeline.json`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use purple_sector_codec::{Schema, SessionId, UserId, partition_for};
use purple_sector_tests::bridge::{Bridge, token};
use purple_sector_tests::figures;
use purple_sector_tests::kafka::Kafka;
use purple_sector_tests::node;
use purple_sector_tests::publisher::{N_PARTITIONS, Publisher, create_topic};
use purple_sector_tests::rows::Rows;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use serde_json::{Value, json};

/// One sample to a block, and the collector's default at this rate.
const BLOCK_LENGTHS: [usize; 2] = [1, 2];
const INTERVAL: Duration = Duration::from_nanos(16_666_667);
const WARM_UP: Duration = Duration::from_secs(30);
const MEASURED: Duration = Duration::from_secs(60);
const SESSION: &str = "bench";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    println!("starting Apache Kafka and the bridge");
    let kafka = Kafka::start()?;
    let brokers = kafka.brokers();
    let bridge = Bridge::start(&brokers)?;
    println!("warming up the JVM for {} s", WARM_UP.as_secs());
    run(&brokers, &bridge, "warm-up", 1, Duration::from_millis(2), WARM_UP).await?;
    let mut all = Vec::new();
    println!("{:>6} {:>18} {:>10} {:>10}", "name", "samples per block", "p50 ms", "p99 ms");
    for samples_per_block in BLOCK_LENGTHS {
        let user = format!("block-of-{samples_per_block}");
        let delays = run(&brokers, &bridge, &user, samples_per_block, INTERVAL, MEASURED).await?;
        for (name, mut delays_ms) in [("pipeline", delays.node_ms), ("bare", delays.bare_ms)] {
            ensure!(delays_ms.len() > 100, "{name} saw only {} blocks", delays_ms.len());
            delays_ms.sort_by(f64::total_cmp);
            let (p50, p99) = (figures::quantile(&delays_ms, 0.50), figures::quantile(&delays_ms, 0.99));
            println!("{name:>8} {samples_per_block:>16} {p50:>10.2} {p99:>10.2}");
            for (metric, value) in [("latency_ms_p50", p50), ("latency_ms_p99", p99)] {
                all.push(json!({
                    "name": name, "samples_per_block": samples_per_block, "metric": metric, "unit": "ms", "value": value,
                }));
            }
        }
    }
    figures::write("pipeline", &all)
}

/// Delays from the encoding of a block's last sample, in ms, one per block.
struct Delays {
    node_ms: Vec<f64>,
    bare_ms: Vec<f64>,
}

async fn run(
    brokers: &str,
    bridge: &Bridge,
    user: &str,
    samples_per_block: usize,
    interval: Duration,
    duration: Duration,
) -> Result<Delays> {
    let user_id = UserId::parse(user)?;
    create_topic(brokers, &user_id).await?;
    let seconds = (duration.as_secs() + 30).to_string();
    let flags = ["--url", &bridge.url(), "--token", &token(user)?, "--latency", "--seconds", &seconds];
    let mut viewer = node::client(&flags)?;
    viewer.wait_for_line(r#""state":"waiting""#, Duration::from_secs(30))?;

    let sent: Arc<Mutex<HashMap<usize, f64>>> = Arc::default();
    let over = Arc::new(AtomicBool::new(false));
    let consumer = bare_consumer(brokers, &user_id)?;
    let (sent_for_bare, over_for_bare) = (sent.clone(), over.clone());
    let bare = thread::spawn(move || read_bare(&consumer, &sent_for_bare, &over_for_bare));

    let mut publisher = Publisher::start(brokers, &user_id, SESSION, Schema::full(), samples_per_block)?;
    let mut rows = Rows::new(&Schema::full(), 1, 1_000_000, 16_667);
    let start = Instant::now();
    for tick in 1u32.. {
        let mut row = rows.next_row();
        row.captured_at_us = monotonic_us()?;
        let at = publisher.n_records();
        sent.lock().unwrap_or_else(PoisonError::into_inner).insert(at, micros(row.captured_at_us));
        publisher.push(row)?;
        let next = interval * tick;
        if next > duration {
            break;
        }
        thread::sleep(next.saturating_sub(start.elapsed()));
    }
    publisher.flush()?;
    thread::sleep(Duration::from_secs(1));
    over.store(true, Ordering::Relaxed);
    let bare_ms = bare.join().map_err(|_| anyhow::anyhow!("the bare consumer panicked"))??;
    viewer.stop()?;
    let node_ms = viewer
        .lines()
        .iter()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["type"] == "latency" && line["snapshot"] != true)
        .filter_map(|line| line["ms"].as_f64())
        .collect();
    Ok(Delays { node_ms: without_start(node_ms), bare_ms: without_start(bare_ms) })
}

fn bare_consumer(brokers: &str, user: &UserId) -> Result<BaseConsumer> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "bare")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "100")
        .create()?;
    let mut partitions = TopicPartitionList::new();
    let partition = partition_for(&SessionId::parse(SESSION)?, N_PARTITIONS);
    partitions.add_partition_offset(&user.topic(), i32::try_from(partition)?, Offset::Beginning)?;
    consumer.assign(&partitions)?;
    Ok(consumer)
}

/// The n-th record of the topic's partition is the n-th that was published.
fn read_bare(
    consumer: &BaseConsumer,
    sent: &Mutex<HashMap<usize, f64>>,
    over: &AtomicBool,
) -> Result<Vec<f64>> {
    let mut delays_ms = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let Some(record) = consumer.poll(Duration::from_millis(50)) else { continue };
        let now = micros(monotonic_us()?);
        let offset = usize::try_from(record?.offset())?;
        if let Some(at) = sent.lock().unwrap_or_else(PoisonError::into_inner).get(&offset) {
            delays_ms.push((now - at) / 1000.0);
        }
    }
    Ok(delays_ms)
}

/// Without the first tenth: connections and caches warm up there.
fn without_start(delays_ms: Vec<f64>) -> Vec<f64> {
    let start = delays_ms.len() / 10;
    delays_ms.into_iter().skip(start).collect()
}

fn micros(us: u64) -> f64 {
    us as f64
}

/// The clock that `process.hrtime` reads in Node.
fn monotonic_us() -> Result<u64> {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: clock_gettime writes one timespec to the address it is given, which is ours.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    ensure!(status == 0, "the monotonic clock cannot be read");
    Ok(u64::try_from(now.tv_sec)? * 1_000_000 + u64::try_from(now.tv_nsec)? / 1000)
}
