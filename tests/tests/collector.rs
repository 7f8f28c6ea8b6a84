//! What does the collector do when its topic is deleted, its records are refused or its disk is full? The real program, with a
//! real Kafka.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use purple_sector_codec::{Event, Topic, UserId};
use purple_sector_tests::binaries::path_of;
use purple_sector_tests::bridge::{Bridge, token};
use purple_sector_tests::kafka::Kafka;
use purple_sector_tests::log::Log;
use purple_sector_tests::process::{Process, Program};
use purple_sector_tests::publisher::{admin, create_topic};
use purple_sector_tests::viewer::{News, Viewer};
use rdkafka::admin::{
    AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};

const LIMIT: Duration = Duration::from_secs(40);
/// How long it may take until a deleted topic is noticed.
const NOTICED_WITHIN: Duration = Duration::from_secs(10);

fn start(brokers: &str, user: &str, arguments: &[&str]) -> Result<Process> {
    let mut collector = Program::new("collector", path_of("collector")?)
        .env_clear()
        .args(["simulator", "--user", user, "--brokers", brokers])
        .args(arguments)
        .start()?;
    collector.wait_for_line("publishing begins", LIMIT)?;
    Ok(collector)
}

fn topic_of(user: &str) -> Result<Topic> {
    Ok(UserId::parse(user)?.topic())
}

async fn delete(brokers: &str, topic: &Topic) -> Result<()> {
    admin(brokers)?.delete_topics(&[topic], &AdminOptions::new()).await?;
    Ok(())
}

/// Fails unless the samples are 60 a second, without a hole.
fn check_whole(log: &Log) -> Result<()> {
    ensure!(log.n_holes == 0, "{} holes", log.n_holes);
    let longest_us = log.times_us.windows(2).map(|pair| pair[1].abs_diff(pair[0])).max().unwrap_or_default();
    ensure!(longest_us < 20_000, "samples are missing: {longest_us} µs from one to the next");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_is_deleted_under_load_is_made_again_and_gets_what_was_kept() -> Result<()> {
    let brokers = Kafka::shared()?.brokers();
    let topic = topic_of("deleted")?;
    let mut collector = start(&brokers, "deleted", &[])?;
    Log::open(&brokers, &topic)?.read_until(LIMIT, |log| log.times_us.len() > 60)?;
    delete(&brokers, &topic).await?;
    let deleted = Instant::now();
    collector.wait_for_line("the topic was deleted", NOTICED_WITHIN)?;
    collector.wait_for_line("publishing goes on in it", LIMIT)?;
    let away = deleted.elapsed();
    let mut log = Log::open(&brokers, &topic)?;
    log.read_until(LIMIT, |log| log.times_us.len() > 300)?;
    check_whole(&log)?;
    ensure!(log.n_schemas > 0, "the new topic has no schema");
    println!("back {away:?} after the deletion");
    collector.stop()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_is_told_of_the_deletion_and_goes_on() -> Result<()> {
    let brokers = Kafka::shared()?.brokers();
    let bridge = Bridge::start(&brokers)?;
    let _collector = start(&brokers, "deleted-watched", &[])?;
    let mut viewer = Viewer::connect(bridge.port(), &token("deleted-watched")?).await?;
    viewer.samples(60, LIMIT).await?;
    delete(&brokers, &topic_of("deleted-watched")?).await?;
    let deleted = Instant::now();
    let announces = |news: News| matches!(news, News::Gap(gap) if gap.contains("TopicReplaced"));
    while !announces(viewer.next(NOTICED_WITHIN).await?) {
        ensure!(deleted.elapsed() < NOTICED_WITHIN, "the deletion was not announced");
    }
    let told = deleted.elapsed();
    viewer.samples(120, LIMIT).await?;
    println!("told after {told:?}, 120 samples after {:?}", deleted.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_was_made_again_at_once_with_fewer_partitions_is_published_to() -> Result<()> {
    let brokers = Kafka::shared()?.brokers();
    let topic = topic_of("remade")?;
    create_topic(&brokers, &UserId::parse("remade")?).await?;
    // In the last of ten partitions, which the new topic does not have.
    let session =
        (0..).map(|n| format!("s{n}")).find(|session| partition_of(session) == 9).unwrap_or_default();
    let _collector = start(&brokers, "remade", &["--session", &session])?;
    Log::open(&brokers, &topic)?.read_until(LIMIT, |log| log.times_us.len() > 60)?;
    delete(&brokers, &topic).await?;
    let small = NewTopic::new(&topic, 2, TopicReplication::Fixed(1));
    // The deletion takes effect a moment later.
    let deadline = Instant::now() + LIMIT;
    while admin(&brokers)?.create_topics([&small], &AdminOptions::new()).await?[0].is_err() {
        ensure!(Instant::now() < deadline, "the topic cannot be made again");
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut log = Log::open(&brokers, &topic)?;
    log.read_until(LIMIT, |log| log.times_us.len() > 300)?;
    check_whole(&log)
}

fn partition_of(session: &str) -> u32 {
    let session = purple_sector_codec::SessionId::parse(session).expect("valid");
    purple_sector_codec::partition_for(&session, u32::from(Topic::PARTITIONS))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_that_are_added_leave_a_session_where_it_is() -> Result<()> {
    let brokers = Kafka::shared()?.brokers();
    let topic = topic_of("grown")?;
    create_topic(&brokers, &UserId::parse("grown")?).await?;
    let mut collector = start(&brokers, "grown", &[])?;
    let more = NewPartitions::new(&topic, 20);
    admin(&brokers)?.create_partitions([&more], &AdminOptions::new()).await?;
    collector.wait_for_line("another number of partitions", LIMIT)?;
    let mut log = Log::open(&brokers, &topic)?;
    log.read_until(LIMIT, |log| log.times_us.len() > 600)?;
    ensure!(log.partitions.len() == 1, "samples in partitions {:?}", log.partitions);
    check_whole(&log)
}

/// The topic takes no blocks for a while, only events, which are shorter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_kafka_refuses_are_left_out_and_announced_and_the_others_arrive() -> Result<()> {
    let brokers = Kafka::shared()?.brokers();
    let topic = topic_of("refused")?;
    let mut collector = start(&brokers, "refused", &["--lossless", "--block-samples", "8"])?;
    let mut log = Log::open(&brokers, &topic)?;
    log.read_until(LIMIT, |log| log.times_us.len() > 60)?;
    limit_batches(&brokers, &topic, "300").await?;
    collector.wait_for_line("it is left out", LIMIT)?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    limit_batches(&brokers, &topic, "131072").await?;
    let n_lost = |log: &Log| -> u64 {
        let lost = |event: &Event| match event {
            Event::Gap { n_samples, .. } => *n_samples,
            _ => 0,
        };
        log.events.iter().map(lost).sum()
    };
    log.read_until(LIMIT, |log| n_lost(log) >= 60)?;
    // What waited in the meantime, and what came since.
    log.times_us.clear();
    log.read_until(LIMIT, |log| log.times_us.len() > 300)?;
    let tail = &log.times_us[log.times_us.len() - 200..];
    ensure!(tail.windows(2).all(|pair| pair[1] - pair[0] < 20_000), "samples are missing afterwards");
    collector.stop()?;
    Ok(())
}

async fn limit_batches(brokers: &str, topic: &Topic, n_bytes: &str) -> Result<()> {
    let limit = AlterConfig::new(ResourceSpecifier::Topic(topic)).set("max.message.bytes", n_bytes);
    admin(brokers)?.alter_configs([&limit], &AdminOptions::new()).await?;
    Ok(())
}

/// The limit on a file's length takes the place of a full disk: a write in the middle meets both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_that_finds_no_space_ends_and_the_telemetry_goes_on() -> Result<()> {
    let brokers = Kafka::shared()?.brokers();
    let recording = std::env::temp_dir().join(format!("purple-sector-full-{}.psrec", std::process::id()));
    let script = r#"trap '' XFSZ; ulimit -f 40; exec "$0" "$@""#;
    let mut collector = Program::new("collector", "sh")
        .args(["-c", script])
        .args([path_of("collector")?])
        .args(["simulator", "--user", "full-disk", "--brokers", &brokers, "--record"])
        .args([&recording])
        .start()?;
    collector.wait_for_line("ended early", LIMIT)?;
    let mut log = Log::open(&brokers, &topic_of("full-disk")?)?;
    log.read_until(LIMIT, |log| log.times_us.len() > 600)?;
    check_whole(&log)?;
    collector.wait_for_line("recording=", LIMIT)?;
    collector.signal(libc::SIGTERM)?;
    let code = collector.exit_code(LIMIT)?;
    ensure!(code == 1, "the exit code is {code}, although the recording is not what was asked for");
    // What came until then is a recording.
    let mut replay = Program::new("collector", path_of("collector")?)
        .env_clear()
        .args(["replay", "--user", "full-disk-again", "--brokers", &brokers, "--speed", "max"])
        .args([&recording])
        .start()?;
    let code = replay.exit_code(LIMIT)?;
    ensure!(code == 0, "the replay ended with {code}:\n{}", replay.last_lines(10));
    std::fs::remove_file(recording)?;
    Ok(())
}
