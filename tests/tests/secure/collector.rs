//! What does a collector do on a secured Kafka, with its user's own token: what may it, what becomes of it when its token or its
//! rights end, and what does it say? The real program.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use purple_sector_codec::{Topic, UserId};
use purple_sector_tests::binaries::path_of;
use purple_sector_tests::clients::{admin, allow, forbid, service_config};
use purple_sector_tests::log::Log;
use purple_sector_tests::process::{Process, Program};
use purple_sector_tests::publisher::create_topic_by;
use purple_sector_tests::secure::acl::Acl;
use purple_sector_tests::secure::principal::{ADMIN, Access};
use purple_sector_tests::secure::{Authority, SecureKafka};
use serde_json::json;

use crate::{LIFE, User};

const LIMIT: Duration = Duration::from_secs(40);
/// How long a token lives in the tests that outlive one.
const SHORT: Duration = Duration::from_secs(4);
/// Longer than that, with the broker's leeway for clocks (5 s).
const OUTLIVED: Duration = Duration::from_secs(11);
/// As long as a stop without anything to deliver may take.
const STOPPED_WITHIN: Duration = Duration::from_secs(4);

/// A collector that connects by these settings, and by nothing else from the environment.
fn collector(brokers: &str, settings: &[(&str, &str)]) -> Result<Program> {
    let mut program = Program::new("collector", path_of("collector")?)
        .env_clear()
        .env("KAFKA_BROKERS", brokers)
        .args(["simulator"]);
    for (name, value) in settings {
        program = program.env(name, value);
    }
    Ok(program)
}

/// A collector that logs in with the token in `file`, and takes its user from there.
fn with_token(kafka: &SecureKafka, file: &Path) -> Result<Program> {
    let (ca, file) = (kafka.ca().display().to_string(), file.display().to_string());
    let settings = [
        ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL"),
        ("KAFKA_SSL_CA_LOCATION", ca.as_str()),
        ("KAFKA_SASL_MECHANISM", "OAUTHBEARER"),
        ("KAFKA_TOKEN_FILE", file.as_str()),
    ];
    collector(&kafka.users(), &settings)
}

/// The file of a collector, with a token. Replaced as a careful program does it: by renaming another over it.
fn put_token(kafka: &SecureKafka, name: &str, token: &str) -> Result<PathBuf> {
    let file = kafka.folder().join(format!("{name}.jwt"));
    let next = file.with_extension("next");
    fs::write(&next, format!("{token}\n"))?;
    fs::rename(&next, &file)?;
    Ok(file)
}

fn log(kafka: &SecureKafka, topic: &Topic) -> Result<Log> {
    Log::open_as(service_config(kafka, &kafka.service(ADMIN)?), topic)
}

/// Fails unless the samples from the first to the last are 60 a second, without a hole.
fn check_whole(kafka: &SecureKafka, user: &UserId, span: Duration) -> Result<()> {
    let mut log = log(kafka, &user.topic())?;
    let span_us = |log: &Log| {
        let ends = log.times_us.first().zip(log.times_us.last());
        ends.map_or(0, |(first, last)| last.saturating_sub(*first))
    };
    log.read_until(LIMIT, |log| u128::from(span_us(log)) >= span.as_micros())?;
    ensure!(log.n_holes == 0, "{} holes", log.n_holes);
    let longest_us = log.times_us.windows(2).map(|pair| pair[1].abs_diff(pair[0])).max().unwrap_or_default();
    ensure!(longest_us < 20_000, "samples are missing: {longest_us} µs from one to the next");
    Ok(())
}

/// How often it has said this.
fn n_times(collector: &Process, text: &str) -> usize {
    collector.lines().iter().filter(|line| line.contains(text)).count()
}

fn stop(mut collector: Process) -> Result<()> {
    let stopping = Instant::now();
    let status = collector.stop()?;
    ensure!(status.success(), "{status}: {}", collector.last_lines(5));
    ensure!(stopping.elapsed() < STOPPED_WITHIN, "it took {:?} to stop", stopping.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_writes_to_the_topic_of_its_token_and_to_no_other() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let alice = User::new(kafka, "drives-alice").await?;
    let bob = User::new(kafka, "drives-bob").await?;
    let file = put_token(kafka, "drives-alice", &alice.writes)?;
    let mut hers = with_token(kafka, &file)?.start()?;
    let begins = hers.wait_for_line("publishing begins", LIMIT)?;
    ensure!(begins.contains(&alice.topic()), "{begins}");
    check_whole(kafka, &alice.id, Duration::from_secs(2))?;
    ensure!(!hers.lines().iter().any(|line| line.contains(&alice.writes)), "the token is in the log");
    stop(hers)?;

    // A setting that contradicts the token is noticed before Kafka is asked.
    let mut lies = with_token(kafka, &file)?.env("USER_ID", "drives-bob").start()?;
    ensure!(lies.exit_code(LIMIT)? == 2, "{}", lies.last_lines(5));
    let said = lies.last_lines(1);
    let names = ["\"drives-alice\"", "\"drives-bob\"", "USER_ID", "KAFKA_TOKEN_FILE"];
    ensure!(names.iter().all(|name| said.contains(name)), "{said}");

    // And what the collector believes of the token is nothing to Kafka, which goes by another claim.
    let mut claims = kafka.issuer().claims(&alice.id, Access::Write, LIFE);
    claims["sub"] = json!(bob.id.as_str());
    let forged = put_token(kafka, "drives-forged", &kafka.issuer().key().sign(&claims)?)?;
    let mut forged = with_token(kafka, &forged)?.start()?;
    let waits = forged.wait_for_line("waiting for the topic", LIMIT)?;
    ensure!(waits.contains(&bob.topic()) && waits.contains("this user may not write to it"), "{waits}");
    tokio::time::sleep(Duration::from_secs(1)).await;
    ensure!(n_times(&forged, "waiting for the topic") == 1, "{}", forged.last_lines(10));
    stop(forged)?;
    let empty =
        log(kafka, &bob.id.topic())?.read_until(Duration::from_millis(500), |log| !log.times_us.is_empty());
    ensure!(empty.is_err(), "bob's topic holds samples of alice's");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_replaced_in_time_is_not_noticed() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let user = User::new(kafka, "drives-on").await?;
    let put = || put_token(kafka, "drives-on", &kafka.issuer().token(&user.id, Access::Write, SHORT)?);
    let mut collector = with_token(kafka, &put()?)?.env("LOG_LEVEL", "info,librdkafka=debug").start()?;
    collector.wait_for_line("publishing begins", LIMIT)?;
    let start = Instant::now();
    while start.elapsed() < OUTLIVED {
        tokio::time::sleep(SHORT / 4).await;
        put()?;
    }
    check_whole(kafka, &user.id, OUTLIVED)?;
    // librdkafka tells its log of each connection that ends.
    for trouble in ["facility=\"FAIL\"", "WARN", "ERROR"] {
        ensure!(n_times(&collector, trouble) == 0, "{}", collector.last_lines(20));
    }
    ensure!(n_times(&collector, "the token was replaced") > 5, "{}", collector.last_lines(20));
    stop(collector)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_has_ended_is_said_once_and_nothing_is_lost_until_the_next_one() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let user = User::new(kafka, "drives-late").await?;
    let short = kafka.issuer().token(&user.id, Access::Write, SHORT)?;
    let file = put_token(kafka, "drives-late", &short)?;
    let mut collector = with_token(kafka, &file)?.start()?;
    collector.wait_for_line("publishing begins", LIMIT)?;
    let start = Instant::now();
    let refused = collector.wait_for_line("Kafka refuses the log-in", LIMIT)?;
    ensure!(
        refused.contains(&file.display().to_string()) && refused.contains("has come to its end"),
        "{refused}"
    );
    collector.wait_for_line("kafka=\"token refused\"", LIMIT)?;
    // Neither a broken token nor one of another user makes it worse.
    fs::write(&file, "not a token")?;
    collector.wait_for_line("there is no token in", LIMIT)?;
    let other = kafka.issuer().token(&UserId::parse("drives-other")?, Access::Write, LIFE)?;
    put_token(kafka, "drives-late", &other)?;
    collector.wait_for_line("token of another user now", LIMIT)?;

    let renewed = Instant::now();
    put_token(kafka, "drives-late", &user.writes)?;
    collector.wait_for_line("Kafka takes records again", LIMIT)?;
    println!("away for {:?}, back {:?} after the next token", start.elapsed(), renewed.elapsed());
    ensure!(n_times(&collector, "Kafka refuses the log-in") == 1, "{}", collector.last_lines(30));
    ensure!(n_times(&collector, "lost Kafka") <= 1, "{}", collector.last_lines(30));
    check_whole(kafka, &user.id, start.elapsed())?;
    stop(collector)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_waits_for_a_token_a_right_and_a_topic_and_says_who_gives_them() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let (id, admin) = (UserId::parse("drives-soon")?, admin(kafka)?);
    let mut claims = kafka.issuer().claims(&id, Access::Write, LIFE);
    claims["exp"] = json!(claims["iat"].as_u64().unwrap_or_default() - 60);
    claims["iat"] = json!(claims["iat"].as_u64().unwrap_or_default() - 600);
    let file = put_token(kafka, "drives-soon", &kafka.issuer().key().sign(&claims)?)?;
    let mut collector = with_token(kafka, &file)?.start()?;
    collector.wait_for_line("has come to its end; put a new one there", LIMIT)?;

    put_token(kafka, "drives-soon", &kafka.issuer().token(&id, Access::Write, LIFE)?)?;
    collector.wait_for_line("Kafka takes the token", LIMIT)?;
    collector.wait_for_line("the bridge makes it when its first viewer comes", LIMIT)?;
    allow(&admin, &Acl::of_user(&id))?;
    collector.wait_for_line("this user may not create it", LIMIT)?;
    create_topic_by(&admin, &id, &Topic::SETTINGS).await?;
    collector.wait_for_line("publishing begins", LIMIT)?;
    check_whole(kafka, &id, Duration::from_secs(1))?;
    ensure!(n_times(&collector, "waiting for the topic") == 2, "{}", collector.last_lines(20));

    // Later on the same is no end either.
    forbid(&admin, &Acl::of_user(&id))?;
    collector.wait_for_line("does not allow this user to see the topic any longer", LIMIT)?;
    allow(&admin, &Acl::of_user(&id))?;
    collector.wait_for_line("lets this user see the topic again", LIMIT)?;
    check_whole(kafka, &id, Duration::from_secs(5))?;
    stop(collector)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewers_token_writes_nothing_and_a_collectors_goes_on_where_it_left_off() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let user = User::new(kafka, "drives-reader").await?;
    let file = put_token(kafka, "drives-reader", &user.reads)?;
    let mut collector = with_token(kafka, &file)?.start()?;
    let start = Instant::now();
    collector.wait_for_line("Kafka lets this user write nowhere", LIMIT)?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    ensure!(n_times(&collector, "Kafka lets this user write nowhere") == 1, "{}", collector.last_lines(20));
    put_token(kafka, "drives-reader", &user.writes)?;
    collector.wait_for_line("Kafka takes records again", LIMIT)?;
    check_whole(kafka, &user.id, start.elapsed() - Duration::from_secs(1))?;
    stop(collector)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_logs_in_too() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let user = User::new(kafka, "drives-certified").await?;
    let (ca, shown) = (kafka.ca().display().to_string(), kafka.service(ADMIN)?);
    let (certificate, key) = (shown.certificate.display().to_string(), shown.key.display().to_string());
    let settings = [
        ("USER_ID", user.id.as_str()),
        ("KAFKA_SECURITY_PROTOCOL", "ssl"),
        ("KAFKA_SSL_CA_LOCATION", &ca),
        ("KAFKA_SSL_CERTIFICATE_LOCATION", &certificate),
        ("KAFKA_SSL_KEY_LOCATION", &key),
    ];
    let mut collector = collector(&kafka.services(), &settings)?;
    collector =
        collector.args(["--kafka-property", "compression.type=lz4", "--kafka-property", "linger.ms=5"]);
    let mut collector = collector.start()?;
    collector.wait_for_line("publishing begins", LIMIT)?;
    check_whole(kafka, &user.id, Duration::from_secs(1))?;
    stop(collector)
}

#[test]
fn what_keeps_it_out_is_said_in_a_sentence_that_names_the_setting() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let another = kafka.folder().join("collectors-other-ca.pem");
    fs::write(&another, Authority::new("another")?.certificate())?;
    let broken = kafka.folder().join("collectors-broken-ca.pem");
    fs::write(&broken, "no certificate")?;
    let password = kafka.folder().join("collectors-password");
    fs::write(&password, "wrong")?;
    let [ca, another, broken, password] =
        [kafka.ca(), another, broken, password].map(|path| path.display().to_string());
    let (services, users) = (kafka.services(), kafka.users());
    let tls = ("KAFKA_SECURITY_PROTOCOL", "SSL");
    let with_ca = ("KAFKA_SSL_CA_LOCATION", ca.as_str());
    let scram = [
        ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL"),
        ("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512"),
        ("KAFKA_SASL_USERNAME", "u-alice"),
        ("KAFKA_SASL_PASSWORD_FILE", &password),
        with_ca,
    ];
    let cases = [
        (&services, &[][..], 1, "does it want TLS or a log-in? (KAFKA_SECURITY_PROTOCOL)"),
        (&services, &[tls, with_ca], 1, "KAFKA_SSL_CERTIFICATE_LOCATION"),
        (&services, &[tls, ("KAFKA_SSL_CA_LOCATION", &another)], 1, "KAFKA_SSL_CA_LOCATION"),
        (&services, &[tls, ("KAFKA_SSL_CA_LOCATION", &broken)], 2, "does not accept the settings"),
        (&users, &scram, 1, "supported mechanisms: OAUTHBEARER"),
    ];
    // All at once: some are given 5 s.
    let started = cases.map(|(brokers, settings, code, part)| {
        let started = collector(brokers, settings)?.env("USER_ID", "alice").start()?;
        anyhow::Ok((started, settings, code, part))
    });
    for started in started {
        let (mut collector, settings, code, part) = started?;
        let ended = collector.exit_code(LIMIT)?;
        let said = collector.lines().join("\n");
        ensure!(ended == code && said.contains(part), "{settings:?}: {ended}, {said}");
        ensure!(said.lines().filter(|line| line.starts_with("collector: ")).count() == 1, "{said}");
        println!("{said}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_logs_in_too_and_a_wrong_one_ends_it() -> Result<()> {
    let login = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
    let kafka = SecureKafka::start_with(&[
        "listener.name.users.sasl.enabled.mechanisms=OAUTHBEARER,SCRAM-SHA-512",
        &format!("listener.name.users.scram-sha-512.sasl.jaas.config={login}"),
    ])?;
    let user = User::new(&kafka, "alice").await?;
    let password = "SCRAM-SHA-512=[password=correct-horse]";
    let set = ["--alter", "--add-config", password, "--entity-type", "users", "--entity-name", "u-alice"];
    kafka.broker().tool("kafka.admin.ConfigCommand", &set)?;
    let (ca, file) = (kafka.ca().display().to_string(), kafka.folder().join("alices-password"));
    fs::write(&file, "correct-horse\n")?;
    let by_password = || -> Result<Program> {
        let settings = [
            ("USER_ID", "alice"),
            ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL"),
            ("KAFKA_SSL_CA_LOCATION", &ca),
            ("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512"),
            ("KAFKA_SASL_USERNAME", "u-alice"),
            ("KAFKA_SASL_PASSWORD_FILE", &file.display().to_string()),
        ];
        collector(&kafka.users(), &settings)
    };
    let mut right = by_password()?.start()?;
    right.wait_for_line("publishing begins", LIMIT)?;
    check_whole(&kafka, &user.id, Duration::from_secs(1))?;
    stop(right)?;
    fs::write(&file, "battery-staple")?;
    let mut wrong = by_password()?.start()?;
    ensure!(wrong.exit_code(LIMIT)? == 1, "{}", wrong.last_lines(5));
    let said = wrong.last_lines(1);
    ensure!(said.contains("refuses the log-in") && said.contains("KAFKA_SASL_PASSWORD_FILE"), "{said}");
    ensure!(!said.contains("battery"), "{said}");
    Ok(())
}
