//! Attack 47: a user with a good token talks to Kafka directly. What is the user's own works, and nothing else.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use purple_sector_codec::{Topic, UserId};
use purple_sector_tests::clients::{
    Reports, admin, allow, consumer, forbid, producer, provision, service_config, user_admin,
};
use purple_sector_tests::eventually;
use purple_sector_tests::publisher::create_topic_by;
use purple_sector_tests::secure::SecureKafka;
use purple_sector_tests::secure::acl::Acl;
use purple_sector_tests::secure::principal::{ADMIN, Access, of_user};
use rdkafka::TopicPartitionList;
use rdkafka::admin::{AdminOptions, AlterConfig, ConfigResourceResult, NewPartitions, ResourceSpecifier};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::topic_partition_list::Offset;
use rdkafka::types::RDKafkaErrorCode;

use crate::{LIFE, User};

const LIMIT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_token_writes_to_its_own_topic_only() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let (alice, bob) = (User::new(kafka, "writes-alice").await?, User::new(kafka, "writes-bob").await?);
    // Her name begins his, so that a right by prefix would be found.
    let longer = User::new(kafka, "writes-alice2").await?;
    let (producer, _) = producer(kafka, &alice.writes, &[])?;
    write(&producer, &alice.topic()).await.context("her own topic")?;
    for topic in
        [&bob.topic(), &longer.topic(), "telemetry-user-nobody", "telemetry-user-", "__consumer_offsets"]
    {
        let refused = write(&producer, topic).await;
        ensure!(refused == Err(RDKafkaErrorCode::TopicAuthorizationFailed), "{topic}: {refused:?}");
    }
    // The refusals have not hurt her.
    write(&producer, &alice.topic()).await.context("her own topic, again")?;
    let reader = consumer(kafka, &alice.writes, &alice.id.group())?;
    let refused = read(&reader, &alice.topic());
    ensure!(refused == Err(RDKafkaErrorCode::TopicAuthorizationFailed), "a write token read: {refused:?}");
    // Nothing of hers has reached the others.
    for other in [bob, longer] {
        let reader = consumer(kafka, &other.reads, &other.id.group())?;
        let (first, next) = reader.fetch_watermarks(&other.topic(), 0, LIMIT)?;
        ensure!(first == next, "{} holds records of someone else", other.topic());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_token_reads_its_own_topic_only() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let (alice, bob) = (User::new(kafka, "reads-alice").await?, User::new(kafka, "reads-bob").await?);
    for user in [&alice, &bob] {
        let (producer, _) = producer(kafka, &user.writes, &[])?;
        write(&producer, &user.topic()).await?;
    }
    let reader = consumer(kafka, &alice.reads, &alice.id.group())?;
    ensure!(read(&reader, &alice.topic())? == alice.topic().as_bytes(), "she does not read her own record");
    ensure!(reader.context().all().is_empty(), "reading is not clean: {:?}", reader.context().all());
    let reader = consumer(kafka, &alice.reads, &alice.id.group())?;
    let mut foreign = TopicPartitionList::new();
    for topic in [&bob.topic(), "telemetry-user-nobody", "__consumer_offsets", "__cluster_metadata"] {
        let seen = reader.fetch_metadata(Some(topic), LIMIT)?;
        let refused = seen.topics()[0].error().map(RDKafkaErrorCode::from);
        ensure!(refused == Some(RDKafkaErrorCode::TopicAuthorizationFailed), "{topic}: {refused:?}");
        foreign.add_partition_offset(topic, 0, Offset::Beginning)?;
    }
    // librdkafka hides the refusal of a fetch: no error comes, and must no record.
    reader.assign(&foreign)?;
    let deadline = Instant::now() + Duration::from_secs(2);
    while Instant::now() < deadline {
        let polled = reader.poll(Duration::from_millis(100));
        ensure!(!matches!(polled, Some(Ok(_))), "a foreign record was read: {polled:?}");
    }
    // A reader of nothing else can write: a stolen page's token forges no telemetry.
    let (producer, _) = producer(kafka, &alice.reads, &[("enable.idempotence", "false")])?;
    let refused = write(&producer, &alice.topic()).await;
    ensure!(refused == Err(RDKafkaErrorCode::TopicAuthorizationFailed), "a read token wrote: {refused:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_sees_no_topic_and_no_group_of_another() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let alice = User::new(kafka, "sees-alice").await?;
    User::new(kafka, "sees-bob").await?;
    for token in [&alice.writes, &alice.reads] {
        let client = consumer(kafka, token, &alice.id.group())?;
        let seen = client.fetch_metadata(None, LIMIT)?;
        let topics: Vec<&str> = seen.topics().iter().map(|topic| topic.name()).collect();
        ensure!(topics == [alice.topic()], "she sees {topics:?}");
        let groups = client.fetch_group_list(None, LIMIT).map(|groups| groups.groups().len());
        ensure!(!matches!(groups, Ok(n_groups) if n_groups > 0), "she sees {groups:?} groups");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_creates_deletes_and_alters_nothing() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let (alice, bob) = (User::new(kafka, "alters-alice").await?, User::new(kafka, "alters-bob").await?);
    let (producer, _) = producer(kafka, &alice.writes, &[])?;
    write(&producer, &alice.topic()).await?;
    let new = UserId::parse("alters-new")?;
    let options = AdminOptions::new().request_timeout(Some(LIMIT));
    for token in [&alice.writes, &alice.reads] {
        let client = user_admin(kafka, token)?;
        let made = create_topic_by(&client, &new, &Topic::SETTINGS).await;
        let said = format!("{made:?}");
        ensure!(said.contains("AuthorizationFailed"), "a topic was made: {said}");
        for topic in [alice.topic(), bob.topic()] {
            let deleted = client.delete_topics(&[&topic], &options).await?;
            check_refused("delete", deleted.into_iter().map(|result| result.map_err(|(_, code)| code)))?;
            let more = NewPartitions::new(&topic, 20);
            let grown = client.create_partitions([&more], &options).await?;
            check_refused("grow", grown.into_iter().map(|result| result.map_err(|(_, code)| code)))?;
            // Of settings rdkafka tells no refusal; that nothing has changed is looked at below.
            let change = AlterConfig::new(ResourceSpecifier::Topic(&topic)).set("retention.ms", "1000");
            client.alter_configs([&change], &options).await?;
            let seen = client.describe_configs([&ResourceSpecifier::Topic(&topic)], &options).await?;
            check_undisclosed(seen)?;
            let mut all = TopicPartitionList::new();
            all.add_partition_offset(&topic, 0, Offset::End)?;
            let emptied = client.delete_records(&all, &options).await;
            let was_done = emptied.is_ok_and(|list| list.elements().iter().any(|one| one.error().is_ok()));
            ensure!(!was_done, "records of {topic} were deleted");
        }
        let broker = AlterConfig::new(ResourceSpecifier::Broker(1)).set("log.retention.ms", "1000");
        client.alter_configs([&broker], &options).await?;
        let seen = client.describe_configs([&ResourceSpecifier::Broker(1)], &options).await?;
        check_undisclosed(seen)?;
    }
    // All is as it was.
    let admin = admin(kafka)?;
    for (resource, setting) in [
        (ResourceSpecifier::Topic(&alice.topic()), "retention.ms"),
        (ResourceSpecifier::Topic(&bob.topic()), "retention.ms"),
        (ResourceSpecifier::Broker(1), "log.retention.ms"),
    ] {
        let settings = admin.describe_configs([&resource], &options).await?;
        let settings = settings.into_iter().next().context("no settings")?.map_err(|code| anyhow!(code))?;
        let value = settings.get(setting).and_then(|entry| entry.value.clone());
        ensure!(value.as_deref() != Some("1000"), "{resource:?} was altered");
    }
    let seen = admin.inner().fetch_metadata(None, LIMIT)?;
    let n_partitions = |user: &UserId| {
        let topics = seen.topics().iter();
        topics
            .clone()
            .find(|topic| topic.name() == user.topic().as_str())
            .map(|topic| topic.partitions().len())
    };
    ensure!(n_partitions(&new).is_none(), "the topic is there");
    let expected = Some(usize::from(Topic::PARTITIONS));
    ensure!(n_partitions(&alice.id) == expected && n_partitions(&bob.id) == expected, "a topic has changed");
    let reader = consumer(kafka, &alice.reads, &alice.id.group())?;
    ensure!(read(&reader, &alice.topic())? == alice.topic().as_bytes(), "her record is gone");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_gets_into_no_group() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let (alice, bob) = (User::new(kafka, "groups-alice").await?, User::new(kafka, "groups-bob").await?);
    for user in [&alice, &bob] {
        commit_as_admin(kafka, user)?;
    }
    // Her own group she may see, and no more: the bridge publishes there how far it has read.
    for group in [alice.id.group(), bob.id.group(), "any".to_owned()] {
        let member = consumer(kafka, &alice.reads, &group)?;
        member.subscribe(&[&alice.topic()])?;
        let joined = answer(&member);
        ensure!(joined == Err(RDKafkaErrorCode::GroupAuthorizationFailed), "join {group}: {joined:?}");
    }
    let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(2)));
    let admin = user_admin(kafka, &alice.reads)?;
    for (user, operation) in [(&alice, "READ"), (&bob, "DESCRIBE")] {
        let reader = consumer(kafka, &alice.reads, &user.id.group())?;
        // To wait for librdkafka's word would take a minute where the group may not be seen.
        reader.commit(&first_partition(&alice, Offset::Offset(2))?, CommitMode::Async)?;
        let denial = format!(
            "Denied operation = {operation} from host = 127.0.0.1 on resource = Group:LITERAL:{}",
            user.id.group()
        );
        let is_it =
            |line: &String| line.contains("Principal = User:v-groups-alice is ") && line.contains(&denial);
        eventually("the commit is refused", LIMIT, async || {
            Ok(kafka.broker().log().iter().any(is_it).then_some(()))
        })
        .await?;
        // It closes for a minute, until it gives up on a group that it may not see.
        thread::spawn(move || drop(reader));
        let deleted = admin.delete_groups(&[&user.id.group()], &options).await;
        let deleted = deleted.map_or(true, |groups| groups.iter().all(Result::is_err));
        ensure!(deleted, "a group was deleted");
        ensure!(
            committed_as_admin(kafka, user)? == Offset::Offset(1),
            "the group of {} has changed",
            user.id
        );
    }
    Ok(())
}

/// Commits offset 1 in the user's group, as a bridge would.
fn commit_as_admin(kafka: &SecureKafka, user: &User) -> Result<()> {
    let committed = first_partition(user, Offset::Offset(1))?;
    group_as_admin(kafka, user)?.commit(&committed, CommitMode::Sync).context("as svc-admin")
}

fn committed_as_admin(kafka: &SecureKafka, user: &User) -> Result<Offset> {
    let partition = first_partition(user, Offset::Invalid)?;
    let committed = group_as_admin(kafka, user)?.committed_offsets(partition, LIMIT)?;
    Ok(committed.elements()[0].offset())
}

fn group_as_admin(kafka: &SecureKafka, user: &User) -> Result<BaseConsumer> {
    let mut config = service_config(kafka, &kafka.service(ADMIN)?);
    Ok(config.set("group.id", user.id.group()).create()?)
}

fn first_partition(user: &User, offset: Offset) -> Result<TopicPartitionList> {
    let mut partition = TopicPartitionList::new();
    partition.add_partition_offset(&user.topic(), 0, offset)?;
    Ok(partition)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_grants_nothing_and_starts_no_transaction() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let (alice, bob) = (User::new(kafka, "grants-alice").await?, User::new(kafka, "grants-bob").await?);
    for (token, access) in [(&alice.writes, Access::Write), (&alice.reads, Access::Read)] {
        let mut wanted = Acl::of_user(&bob.id);
        wanted.iter_mut().for_each(|acl| {
            acl.principal = of_user(&alice.id, access);
        });
        let client = user_admin(kafka, token)?;
        let granted = allow(&client, &wanted).map_err(|error| error.to_string());
        ensure!(
            granted.as_ref().is_err_and(|said| said.starts_with("ClusterAuthorizationFailed")),
            "{granted:?}"
        );
        let taken = forbid(&client, &Acl::of_user(&bob.id));
        let taken = taken.map_err(|error| error.to_string());
        ensure!(
            taken.as_ref().is_err_and(|said| said.starts_with("ClusterAuthorizationFailed")),
            "{taken:?}"
        );
    }
    let (producer, _) = producer(kafka, &alice.writes, &[("transactional.id", "grants")])?;
    let started = producer.init_transactions(LIMIT).map_err(|error| error.to_string());
    ensure!(started.as_ref().is_err_and(|said| said.contains("authorization failed")), "{started:?}");
    Ok(())
}

/// Kafka's Java client asks for more than librdkafka can.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_changes_nothing_with_kafkas_own_tools_either() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let alice = User::new(kafka, "tools-alice").await?;
    let token = kafka.write_token(&alice.id, Access::Write, LIFE)?;
    let listed = kafka.tool_as_user(&token, "org.apache.kafka.tools.TopicCommand", &["--list"])?;
    ensure!(listed.lines().any(|line| line == alice.topic()), "she does not see her own topic: {listed}");
    let me = ["--alter", "--entity-type", "users", "--entity-name", "u-tools-alice", "--add-config"];
    let cases: [(&str, Vec<&str>); 3] = [
        ("kafka.admin.ConfigCommand", [&me[..], &["producer_byte_rate=99999999"]].concat()),
        ("kafka.admin.ConfigCommand", [&me[..], &["SCRAM-SHA-256=[password=x]"]].concat()),
        ("org.apache.kafka.tools.AclCommand", vec!["--list"]),
    ];
    let check = |(class, args): &(&str, Vec<&str>)| {
        let said = kafka.tool_as_user(&token, class, args).unwrap_or_else(|error| format!("{error:#}"));
        ensure!(said.contains("ClusterAuthorizationException"), "{class} {args:?}: {said}");
        Ok(())
    };
    thread::scope(|scope| {
        let checks: Vec<_> = cases.iter().map(|case| scope.spawn(move || check(case))).collect();
        checks.into_iter().try_for_each(|check| check.join().map_err(|_| anyhow!("a check panicked"))?)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_with_the_name_of_a_service_is_only_a_user() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    for name in ["svc-broker", "svc-admin", "User:svc-admin"] {
        let user = User::new(kafka, name).await?;
        let (producer, _) = producer(kafka, &user.writes, &[])?;
        write(&producer, &user.topic()).await.with_context(|| name.to_owned())?;
        let granted = allow(&user_admin(kafka, &user.writes)?, &Acl::of_user(&user.id));
        ensure!(granted.is_err(), "{name} may grant rights");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_without_rights_has_none() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let id = UserId::parse("nothing-yet")?;
    create_topic_by(&admin(kafka)?, &id, &Topic::SETTINGS).await?;
    let token = kafka.issuer().token(&id, Access::Write, LIFE)?;
    // An idempotent one would be lost for good: Kafka gives a producer id only to those who may write somewhere.
    let (producer, _) = producer(kafka, &token, &[("enable.idempotence", "false")])?;
    let refused = write(&producer, &id.topic()).await;
    ensure!(refused == Err(RDKafkaErrorCode::TopicAuthorizationFailed), "{refused:?}");
    provision(kafka, &id).await?;
    // librdkafka remembers the refusal for a moment.
    eventually("she writes with the right", LIMIT, async || Ok(write(&producer, &id.topic()).await.ok()))
        .await
}

/// Writes a record that says the topic's name to its first partition.
async fn write(producer: &FutureProducer<Reports>, topic: &str) -> Result<(), RDKafkaErrorCode> {
    let record = FutureRecord::<(), _>::to(topic).payload(topic).partition(0);
    producer.send(record, LIMIT).await.map(drop).map_err(|(error, _)| code(error))
}

/// The first record of the topic's first partition.
fn read(reader: &BaseConsumer<Reports>, topic: &str) -> Result<Vec<u8>, RDKafkaErrorCode> {
    let mut partition = TopicPartitionList::new();
    partition.add_partition_offset(topic, 0, Offset::Beginning).map_err(code)?;
    reader.assign(&partition).map_err(code)?;
    loop {
        match answer(reader) {
            // Of the group that librdkafka asks for, and that nobody joins.
            Err(RDKafkaErrorCode::GroupAuthorizationFailed) => {}
            answer => return answer,
        }
    }
}

/// The first record, or the first refusal.
fn answer(reader: &BaseConsumer<Reports>) -> Result<Vec<u8>, RDKafkaErrorCode> {
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        match reader.poll(Duration::from_millis(100)) {
            Some(Ok(record)) => return Ok(record.payload().unwrap_or_default().to_vec()),
            Some(Err(error)) => return Err(code(error)),
            None => {}
        }
    }
    Err(RDKafkaErrorCode::OperationTimedOut)
}

fn code(error: KafkaError) -> RDKafkaErrorCode {
    error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)
}

/// Every one of the results must be a refusal.
fn check_refused<T>(
    what: &str,
    results: impl IntoIterator<Item = Result<T, RDKafkaErrorCode>>,
) -> Result<()> {
    let mut n_results = 0;
    for result in results {
        n_results += 1;
        match result {
            Err(
                RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed,
            ) => {}
            Err(other) => bail!("{what}: {other:?}"),
            Ok(_) => bail!("{what} was allowed"),
        }
    }
    (n_results > 0).then_some(()).ok_or_else(|| anyhow!("{what}: nobody answered"))
}

/// None of the answers may hold a setting.
fn check_undisclosed(answers: Vec<ConfigResourceResult>) -> Result<()> {
    for resource in answers.into_iter().flatten() {
        ensure!(resource.entries.is_empty(), "settings were shown: {:?}", resource.specifier);
    }
    Ok(())
}
