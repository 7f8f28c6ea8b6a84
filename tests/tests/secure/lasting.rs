//! What becomes of a connection that was let in: when its rights go, when its token ends, when it is renewed?

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use purple_sector_tests::clients::{
    FETCH_WAIT, admin, allow, consumer, forbid, producer, service_config, set_token,
};
use purple_sector_tests::eventually;
use purple_sector_tests::secure::SecureKafka;
use purple_sector_tests::secure::acl::Acl;
use purple_sector_tests::secure::principal::{ADMIN, Access};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::message::Message;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::topic_partition_list::Offset;
use rdkafka::types::RDKafkaErrorCode;

use crate::{LIFE, User};

const LIMIT: Duration = Duration::from_secs(20);
/// How long a session may last in the tests that outlive one.
const SESSION: Duration = Duration::from_secs(3);
/// Longer than the broker's leeway for clocks that differ (5 s).
const LEEWAY: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_that_are_taken_back_end_at_once_and_come_back_too() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let user = User::new(kafka, "taken-back").await?;
    let (admin, rights) = (admin(kafka)?, Acl::of_user(&user.id));
    let (producer, reports) = producer(kafka, &user.writes, &[])?;
    let topic = user.topic();
    let write = async |text: &str| {
        let record = FutureRecord::<(), _>::to(&topic).payload(text).partition(0);
        producer.send(record, LIMIT).await.map(drop).map_err(|(error, _)| error.rdkafka_error_code())
    };
    let reader = consumer(kafka, &user.reads, &user.id.group())?;
    start_reading(&reader, &topic)?;
    ensure!(write("first").await.is_ok() && next(&reader)? == "first", "a right that was granted is none");

    forbid(&admin, &rights)?;
    let refused = write("second").await;
    ensure!(refused == Err(Some(RDKafkaErrorCode::TopicAuthorizationFailed)), "the writer: {refused:?}");
    // A fetch that waits was allowed when it came.
    tokio::time::sleep(FETCH_WAIT * 2).await;
    // Written by someone who may, so that the reader would have something to see.
    let record = FutureRecord::<(), _>::to(&topic).payload("not for her").partition(0);
    let service: FutureProducer = service_config(kafka, &kafka.service(ADMIN)?).create()?;
    service.send(record, LIMIT).await.map_err(|(error, _)| error)?;
    let deadline = Instant::now() + Duration::from_secs(2);
    while Instant::now() < deadline {
        if let Some(Ok(record)) = reader.poll(Duration::from_millis(50)) {
            return Err(anyhow!("the reader went on: {:?}", record.payload()));
        }
    }

    allow(&admin, &rights)?;
    // librdkafka remembers the refusal for a moment.
    eventually("the right comes back", LIMIT, async || Ok(write("third").await.ok())).await?;
    ensure!(reports.all().is_empty(), "the connection was lost meanwhile: {:?}", reports.all());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_lasts_as_long_as_its_token_is_renewed_and_no_record_is_lost() -> Result<()> {
    let kafka = start_with_short_sessions()?;
    let user = User::new(&kafka, "renews").await?;
    let token = |access| kafka.issuer().token(&user.id, access, SESSION * 2);
    let (producer, reports) = producer(&kafka, &token(Access::Write)?, &[])?;
    let reader = consumer(&kafka, &token(Access::Read)?, &user.id.group())?;
    let topic = user.topic();
    start_reading(&reader, &topic)?;
    let start = Instant::now();
    let mut n_sent = 0_u32;
    // Longer than one token would last, with all leeway.
    while start.elapsed() < SESSION * 4 {
        // As a client does: with a new token long before the session ends.
        set_token(producer.client(), &token(Access::Write)?)?;
        set_token(reader.client(), &token(Access::Read)?)?;
        for _ in 0..10 {
            let text = n_sent.to_string();
            let record = FutureRecord::<(), _>::to(&topic).payload(&text).partition(0);
            producer.send(record, LIMIT).await.map_err(|(error, _)| anyhow!("record {text}: {error}"))?;
            let seen = next(&reader)?;
            ensure!(seen == text, "{seen} came instead of {text}");
            n_sent += 1;
            tokio::time::sleep(SESSION / 40).await;
        }
    }
    let reports: Vec<String> = reports.all().into_iter().chain(reader.context().all()).collect();
    ensure!(reports.is_empty(), "the connection was lost meanwhile: {reports:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_with_its_token_and_goes_on_with_the_next_one() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let user = User::new(kafka, "outlives").await?;
    let short = kafka.issuer().token(&user.id, Access::Write, SESSION)?;
    let (producer, reports) = producer(kafka, &short, &[])?;
    let topic = user.topic();
    let write = async |text: &str| {
        let record = FutureRecord::<(), _>::to(&topic).payload(text).partition(0);
        producer.send(record, LIMIT).await.map(drop).map_err(|(error, _)| anyhow!("{text}: {error}"))
    };
    write("while it is good").await?;
    tokio::time::sleep(SESSION + LEEWAY).await;
    let waiting = write("while it is not");
    let refused =
        async || Ok(reports.all().iter().any(|report| report.contains("invalid_token")).then_some(()));
    tokio::pin!(waiting);
    tokio::select! {
        done = &mut waiting => return Err(anyhow!("a record was taken without a good token: {done:?}")),
        refused = eventually("the old token is refused", LIMIT, refused) => refused?,
    }
    set_token(producer.client(), &user.writes)?;
    waiting.await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_taken_back_ends_the_sessions_that_it_let_in() -> Result<()> {
    let mut kafka = start_with_short_sessions()?;
    if kafka.broker().version()?.starts_with("3.") {
        // 3.6.2 learns of a key only when it starts, which ends all sessions anyway.
        return Ok(());
    }
    let user = User::new(&kafka, "old-key").await?;
    let (producer, reports) = producer(&kafka, &user.writes, &[])?;
    let topic = user.topic();
    let write = async |text: &str| {
        let record = FutureRecord::<(), _>::to(&topic).payload(text).partition(0);
        producer.send(record, LIMIT).await.map(drop).map_err(|(error, _)| anyhow!("{text}: {error}"))
    };
    write("with the old key").await?;
    kafka.issuer_mut().rotate()?;
    // By itself the client shows its token again before the session ends.
    eventually("the old key is refused", SESSION * 2, async || {
        Ok(reports.all().iter().any(|report| report.contains("invalid_token")).then_some(()))
    })
    .await?;
    let waiting = write("with the new key");
    tokio::pin!(waiting);
    let early = tokio::time::timeout(Duration::from_secs(1), &mut waiting).await;
    ensure!(early.is_err(), "a record was taken with the old key: {early:?}");
    set_token(producer.client(), &kafka.issuer().token(&user.id, Access::Write, LIFE)?)?;
    waiting.await
}

/// A broker of its own, where one must show a good token every few seconds.
fn start_with_short_sessions() -> Result<SecureKafka> {
    let session =
        format!("listener.name.users.oauthbearer.connections.max.reauth.ms={}", SESSION.as_millis());
    SecureKafka::start_with(&[&session])
}

/// Reads the first partition from its start on.
fn start_reading<C: ConsumerContext>(reader: &BaseConsumer<C>, topic: &str) -> Result<()> {
    let mut partition = TopicPartitionList::new();
    partition.add_partition_offset(topic, 0, Offset::Beginning)?;
    reader.assign(&partition).context("cannot read")
}

/// The next record as text.
fn next<C: ConsumerContext>(reader: &BaseConsumer<C>) -> Result<String> {
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        // Lost connections are told of too, and librdkafka connects again.
        if let Some(Ok(record)) = reader.poll(Duration::from_millis(100)) {
            return Ok(String::from_utf8_lossy(record.payload().unwrap_or_default()).into_owned());
        }
    }
    Err(anyhow!("no record within {} s", LIMIT.as_secs()))
}
