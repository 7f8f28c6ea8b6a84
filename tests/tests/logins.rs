//! As whom does the bridge read? On a secured Kafka each user's reader logs in with that user's own token, or all as the
//! bridge; and what Kafka refuses ends with a reason.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use purple_sector_codec::bridge_protocol::ClientMessage;
use purple_sector_codec::{Schema, UserId};
use purple_sector_tests::binaries;
use purple_sector_tests::bridge::Bridge;
use purple_sector_tests::clients::{admin, allow, forbid, service_config};
use purple_sector_tests::marks::{Marks, marked_schema};
use purple_sector_tests::process::{Program, free_port};
use purple_sector_tests::publisher::Publisher;
use purple_sector_tests::rows::Rows;
use purple_sector_tests::secure::acl::Acl;
use purple_sector_tests::secure::principal::{ADMIN, Access, BRIDGE};
use purple_sector_tests::secure::{Authority, Issuer, SecureKafka};
use purple_sector_tests::viewer::{News, Seen, Viewer};

const LIMIT: Duration = Duration::from_secs(40);
const INTERVAL_US: u64 = 16_667;
const SAMPLES_PER_BLOCK: usize = 2;
const HOUR: Duration = Duration::from_secs(3600);

/// The broker that most tests share, with a bridge whose readers log in as their users.
fn shared() -> Result<(&'static SecureKafka, &'static Bridge)> {
    static SHARED: OnceLock<Result<Bridge, String>> = OnceLock::new();
    let kafka = SecureKafka::shared()?;
    let bridge = SHARED.get_or_init(|| {
        let allowed = admin(kafka).and_then(|admin| allow(&admin, &Acl::of_bridge()));
        allowed.and_then(|()| user_bridge(kafka)).map_err(|error| format!("{error:#}"))
    });
    Ok((kafka, bridge.as_ref().map_err(|error| anyhow::anyhow!(error.clone()))?))
}

/// A bridge whose readers log in as their users; it itself shows a certificate.
fn user_bridge(kafka: &SecureKafka) -> Result<Bridge> {
    let users = kafka.users();
    let settings = [("KAFKA_LOGIN", "user"), ("KAFKA_USER_BROKERS", &users), ("LOG_LEVEL", "trace")];
    bridge(kafka, &kafka.services(), &settings)
}

/// The ports from which somebody is connected to the listener for users.
fn readers(kafka: &SecureKafka) -> Result<Vec<String>> {
    const ESTABLISHED: &str = "01";
    let port: u16 = kafka.users().rsplit(':').next().context("a port")?.parse()?;
    let to_users = format!("0100007F:{port:04X}");
    let connections = std::fs::read_to_string("/proc/net/tcp")?;
    let rows = connections.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let own = rows.filter(|row| row.get(2) == Some(&&*to_users) && row.get(3) == Some(&ESTABLISHED));
    Ok(own.map(|row| row[1].to_owned()).collect())
}

/// A bridge with a certificate, and with these settings.
fn bridge(kafka: &SecureKafka, brokers: &str, settings: &[(&str, &str)]) -> Result<Bridge> {
    let (ca, identity) = (kafka.ca(), kafka.service(BRIDGE)?);
    let (ca, jwks) = (ca.display().to_string(), kafka.issuer().jwks().display().to_string());
    let (certificate, key) = (identity.certificate.display().to_string(), identity.key.display().to_string());
    let mut all = vec![
        ("JWT_SECRET", ""),
        ("JWKS_FILE", &jwks),
        ("JWT_ISSUER", Issuer::NAME),
        ("KAFKA_SECURITY_PROTOCOL", "SSL"),
        ("KAFKA_SSL_CA_LOCATION", &ca),
        ("KAFKA_SSL_CERTIFICATE_LOCATION", &certificate),
        ("KAFKA_SSL_KEY_LOCATION", &key),
        ("VIEWER_QUEUE_BLOCKS", "8192"),
    ];
    all.extend(settings);
    Bridge::start_with(brokers, &all)
}

/// A user who may read, on her way round the track, and what her viewer has seen of it.
struct Driver {
    id: UserId,
    publisher: Publisher,
    rows: Rows,
    driven_us: u64,
    seen_us: Option<u64>,
}

impl Driver {
    /// The topic must exist: a viewer makes it.
    fn start(kafka: &SecureKafka, id: &UserId) -> Result<Self> {
        let client = service_config(kafka, &kafka.service(ADMIN)?);
        let (schema, marks) = (marked_schema(Schema::full())?, Marks::of(id));
        let session = marks.session("lap");
        let now_us = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?;
        let rows = Rows::new(&schema, 1, now_us, INTERVAL_US).marked(&marks, &session);
        let publisher = Publisher::start_as(client, id, &session, schema, SAMPLES_PER_BLOCK)?;
        Ok(Self { id: id.clone(), publisher, rows, driven_us: 0, seen_us: None })
    }

    fn drive(&mut self, n_samples: usize) -> Result<()> {
        for _ in 0..n_samples {
            let row = self.rows.next_row();
            self.driven_us = row.captured_at_us;
            self.publisher.push(row)?;
        }
        self.publisher.flush()
    }

    /// Drives at 60 Hz until `until`, and sees each sample as it comes.
    async fn drive_until(&mut self, until: Instant, viewer: &mut Viewer) -> Result<()> {
        while Instant::now() < until {
            self.drive(SAMPLES_PER_BLOCK)?;
            self.all_is_seen(viewer).await?;
            tokio::time::sleep(Duration::from_micros(INTERVAL_US) * SAMPLES_PER_BLOCK as u32).await;
        }
        Ok(())
    }

    /// Reads until the viewer has seen all that was driven, sample by sample.
    async fn all_is_seen(&mut self, viewer: &mut Viewer) -> Result<()> {
        let deadline = Instant::now() + LIMIT;
        while self.seen_us != Some(self.driven_us) {
            match viewer.next(deadline.saturating_duration_since(Instant::now())).await? {
                News::Samples(samples) => self.see(&samples)?,
                News::Gap(gap) => bail!("{} was told of a gap: {gap}", self.id),
                News::Closed(code) => bail!("{} was closed with {code:?}", self.id),
                News::Other(_) => {}
            }
        }
        Ok(())
    }

    fn see(&mut self, samples: &[Seen]) -> Result<()> {
        for sample in samples {
            let (before, now) = (self.seen_us, sample.captured_at_us);
            ensure!(
                before.is_none_or(|before| now == before + INTERVAL_US),
                "{}: after {before:?} came {now}",
                self.id
            );
            self.seen_us = Some(now);
        }
        Ok(())
    }
}

/// A user with a viewer that is live: what is driven from now on reaches it as it comes.
async fn watched(
    kafka: &SecureKafka,
    bridge: &Bridge,
    name: &str,
    life: Duration,
) -> Result<(Driver, Viewer)> {
    let id = UserId::parse(name)?;
    allow(&admin(kafka)?, &Acl::of_user(&id))?;
    let token = kafka.issuer().token(&id, Access::Read, life)?;
    let mut viewer = Viewer::connect(bridge.port(), &token).await?;
    // Each record is checked for its user's marks.
    viewer.expect_marks(Marks::of(&id));
    // The bridge makes the topic.
    viewer.next(LIMIT).await?;
    let mut driver = Driver::start(kafka, &id)?;
    let deadline = Instant::now() + LIMIT;
    loop {
        driver.drive(SAMPLES_PER_BLOCK)?;
        if let Ok(News::Samples(samples)) = viewer.next(Duration::from_millis(100)).await {
            driver.see(&samples)?;
            if samples.iter().any(|sample| !sample.snapshot) {
                return Ok((driver, viewer));
            }
        }
        ensure!(Instant::now() < deadline, "{name} does not get live");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_users_see_their_own_records_each_by_a_reader_of_their_own_name() -> Result<()> {
    let (kafka, bridge) = shared()?;
    let (mut alice, mut alices) = watched(kafka, bridge, "login-alice", HOUR).await?;
    let (mut bob, mut bobs) = watched(kafka, bridge, "login-bob", HOUR).await?;
    for _ in 0..5 {
        alice.drive(20)?;
        bob.drive(20)?;
        alice.all_is_seen(&mut alices).await?;
        bob.all_is_seen(&mut bobs).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_whom_kafka_lets_read_nothing_is_told_so() -> Result<()> {
    let (kafka, bridge) = shared()?;
    let id = UserId::parse("login-nobody")?;
    let token = kafka.issuer().token(&id, Access::Read, HOUR)?;
    let mut viewer = Viewer::connect(bridge.port(), &token).await?;
    let code = viewer.closed(LIMIT).await?;
    ensure!(code == Some(4503), "closed with {code:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_kafka_does_not_take_closes_its_viewer_and_no_other() -> Result<()> {
    let (kafka, bridge) = shared()?;
    let (mut alice, mut alices) = watched(kafka, bridge, "login-carol", HOUR).await?;
    // Good for the bridge, which does not look at the claim; Kafka has no principal without it.
    let mut claims = kafka.issuer().claims(&alice.id, Access::Read, 2 * HOUR);
    claims.as_object_mut().context("claims")?.remove("kafka_principal");
    let mut other = Viewer::connect(bridge.port(), &kafka.issuer().key().sign(&claims)?).await?;
    let code = other.closed(LIMIT).await?;
    ensure!(code == Some(4503), "closed with {code:?}");
    alice.drive(20)?;
    alice.all_is_seen(&mut alices).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_without_kafkas_audience_is_refused_before_the_upgrade() -> Result<()> {
    let (kafka, bridge) = shared()?;
    let mut claims = kafka.issuer().claims(&UserId::parse("login-dave")?, Access::Read, HOUR);
    claims["aud"] = Issuer::BRIDGE_AUDIENCE.into();
    let token = kafka.issuer().key().sign(&claims)?;
    let headers = [
        ("origin", bridge.origin()),
        ("sec-websocket-protocol", format!("purple-sector.v1, bearer.{token}")),
    ];
    let status = Viewer::connect_with(bridge.port(), "/v1/stream", &headers).await?.err();
    ensure!(status.is_some_and(|status| status == 403), "{status:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access_that_is_taken_away_ends_the_users_viewers_and_no_others() -> Result<()> {
    let (kafka, bridge) = shared()?;
    let (mut alice, mut alices) = watched(kafka, bridge, "login-erin", HOUR).await?;
    let (mut bob, mut bobs) = watched(kafka, bridge, "login-frank", HOUR).await?;
    forbid(&admin(kafka)?, &Acl::of_user(&alice.id))?;
    alice.drive(2)?;
    let code = alices.closed(Duration::from_secs(10)).await?;
    ensure!(code == Some(4503), "closed with {code:?}");
    bob.drive(20)?;
    bob.all_is_seen(&mut bobs).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_outlives_sessions_and_its_first_token_without_a_gap() -> Result<()> {
    // Shorter than a Fetch waits.
    let kafka = SecureKafka::start_with(&["listener.name.users.oauthbearer.connections.max.reauth.ms=4000"])?;
    allow(&admin(&kafka)?, &Acl::of_bridge())?;
    let mut bridge = user_bridge(&kafka)?;
    let life = Duration::from_secs(25);
    let (mut driver, mut viewer) = watched(&kafka, &bridge, "alice", life).await?;
    let (began, reader) = (Instant::now(), readers(&kafka)?);
    ensure!(reader.len() == 1, "one reader, one broker: {reader:?}");
    driver.drive_until(began + Duration::from_secs(10), &mut viewer).await?;
    let fresh = kafka.issuer().token(&driver.id, Access::Read, HOUR)?;
    viewer.send(&ClientMessage::Refresh { token: &fresh }).await?;
    driver.drive_until(began + life + Duration::from_secs(10), &mut viewer).await?;
    ensure!(readers(&kafka)? == reader, "the session was renewed on a new connection, not on the open one");
    let log = bridge.process().lines().join("\n");
    let signature = fresh.rsplit('.').next().context("a signature")?;
    ensure!(!log.contains(signature), "the token is in the log");
    ensure!(log.contains("viewer came"), "there is a log");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_outlives_a_restart_of_kafka() -> Result<()> {
    let mut kafka = SecureKafka::start()?;
    allow(&admin(&kafka)?, &Acl::of_bridge())?;
    let bridge = user_bridge(&kafka)?;
    let (mut driver, mut viewer) = watched(&kafka, &bridge, "alice", HOUR).await?;
    driver.drive(20)?;
    driver.all_is_seen(&mut viewer).await?;
    kafka.broker_mut().restart()?;
    driver.drive(20)?;
    driver.all_is_seen(&mut viewer).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_log_in_as_the_bridge_by_certificate_and_by_password() -> Result<()> {
    let kafka = SecureKafka::start_with(&[
        "listener.name.users.sasl.enabled.mechanisms=OAUTHBEARER,SCRAM-SHA-512,SCRAM-SHA-256",
        "listener.name.users.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;",
        "listener.name.users.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;",
        "listener.name.users.scram-sha-512.connections.max.reauth.ms=3000",
    ])?;
    allow(&admin(&kafka)?, &Acl::of_reading_bridge())?;
    let users = ["--entity-type", "users", "--entity-name", BRIDGE];
    for password in ["SCRAM-SHA-512=[password=correct-horse]", "SCRAM-SHA-256=[password=correct-horse]"] {
        let alter = [&["--alter", "--add-config", password][..], &users].concat();
        kafka.broker().tool("kafka.admin.ConfigCommand", &alter)?;
    }
    let by_certificate = bridge(&kafka, &kafka.services(), &[("KAFKA_LOGIN", "bridge")])?;
    let (mut driver, mut viewer) = watched(&kafka, &by_certificate, "alice", HOUR).await?;
    driver.drive(20)?;
    driver.all_is_seen(&mut viewer).await?;

    let file = kafka.folder().join("password");
    std::fs::write(&file, "correct-horse\n")?;
    let file = file.display().to_string();
    // The last one has its users at the same listener.
    for (name, mechanism, login) in [
        ("bob", "SCRAM-SHA-512", "bridge"),
        ("carol", "SCRAM-SHA-256", "bridge"),
        ("dave", "SCRAM-SHA-512", "user"),
    ] {
        let settings = [
            ("KAFKA_LOGIN", login),
            ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL"),
            ("KAFKA_SASL_MECHANISM", mechanism),
            ("KAFKA_SASL_USERNAME", BRIDGE),
            ("KAFKA_SASL_PASSWORD_FILE", &file),
        ];
        let by_password = bridge(&kafka, &kafka.users(), &settings)?;
        let (mut driver, mut viewer) = watched(&kafka, &by_password, name, HOUR).await?;
        let reader = readers(&kafka)?;
        // Longer than a session of SCRAM-SHA-512.
        driver.drive_until(Instant::now() + Duration::from_secs(6), &mut viewer).await?;
        // What else the bridge asks goes over connections that are not renewed.
        let after = readers(&kafka)?;
        ensure!(reader.iter().any(|port| after.contains(port)), "{name}'s reader came again");
    }
    Ok(())
}

#[test]
fn what_keeps_the_bridge_out_is_said_in_a_sentence_that_names_the_setting() -> Result<()> {
    let (kafka, _) = shared()?;
    let stranger = kafka.write_identity("stranger", &kafka.authority().service("stranger")?)?;
    let another = kafka.folder().join("another-ca.pem");
    std::fs::write(&another, Authority::new("another")?.certificate())?;
    let (ca, other_ca) = (kafka.ca().display().to_string(), another.display().to_string());
    let (certificate, key) = (stranger.certificate.display().to_string(), stranger.key.display().to_string());
    let password = kafka.folder().join("no-password");
    std::fs::write(&password, "wrong")?;
    let password = password.display().to_string();
    let (services, users) = (kafka.services(), kafka.users());
    let tls = ("KAFKA_SECURITY_PROTOCOL", "SSL");
    let (with_ca, login) = (("KAFKA_SSL_CA_LOCATION", ca.as_str()), ("KAFKA_LOGIN", "bridge"));
    ends_with(&services, &[], "KAFKA_SECURITY_PROTOCOL")?;
    ends_with(&services, &[tls, login, with_ca], "KAFKA_SSL_CERTIFICATE_LOCATION")?;
    ends_with(&services, &[tls, login, ("KAFKA_SSL_CA_LOCATION", &other_ca)], "KAFKA_SSL_CA_LOCATION")?;
    let shown = [("KAFKA_SSL_CERTIFICATE_LOCATION", &*certificate), ("KAFKA_SSL_KEY_LOCATION", &key)];
    ends_with(&services, &[tls, login, with_ca, shown[0], shown[1]], "KAFKA_SSL_CERTIFICATE_LOCATION")?;
    let sasl = [
        ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL"),
        ("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512"),
        ("KAFKA_SASL_USERNAME", BRIDGE),
        ("KAFKA_SASL_PASSWORD_FILE", &password),
        login,
        with_ca,
    ];
    ends_with(
        &users,
        &sasl,
        "the listener does not take SCRAM-SHA-512; it has OAUTHBEARER (KAFKA_SASL_MECHANISM",
    )
}

/// A bridge with these settings ends with code 1, and says this.
#[track_caller]
fn ends_with(brokers: &str, settings: &[(&str, &str)], part: &str) -> Result<()> {
    let mut program = Program::new("bridge", binaries::path_of("bridge")?)
        .env_clear()
        .env("OPEN", "true")
        .env("WS_PORT", free_port()?.to_string())
        .env("KAFKA_BROKERS", brokers);
    for (name, value) in settings {
        program = program.env(name, *value);
    }
    let mut bridge = program.start()?;
    let code = bridge.exit_code(LIMIT)?;
    let said = bridge.lines().join("\n");
    ensure!(code == 1 && said.contains(part), "{settings:?}: {code}, {said}");
    Ok(())
}
