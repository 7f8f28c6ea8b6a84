//! A server for one test.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Parser;
use jsonwebtoken::{EncodingKey, Header};
use purple_sector_bridge::cli::Cli;
use purple_sector_bridge::config::Config;
use purple_sector_bridge::{bind, connect, serve};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

pub(crate) struct Server {
    pub(crate) public: SocketAddr,
    pub(crate) operators: SocketAddr,
    /// Where the embedded Kafka is reached, if there is one.
    pub(crate) kafka: Option<SocketAddr>,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Server {
    /// A server that checks tokens.
    pub(crate) async fn with_tokens(flags: &[&str]) -> Self {
        Self::start(&[&["--jwt-secret", SECRET], flags].concat()).await
    }

    pub(crate) async fn start(flags: &[&str]) -> Self {
        Self::start_on("--kafka embedded --kafka-embedded-port 0", flags).await
    }

    /// A server that checks tokens, on an Apache Kafka.
    pub(crate) async fn on_kafka(brokers: &str) -> Self {
        Self::start_on(&format!("--brokers {brokers}"), &["--jwt-secret", SECRET]).await
    }

    async fn start_on(kafka: &str, flags: &[&str]) -> Self {
        let own = format!("bridge {kafka} --port 0 --ops-addr 127.0.0.1:0");
        let flags = own.split(' ').chain(flags.iter().copied());
        let cli = Cli::try_parse_from(flags).expect("the test's flags are good");
        let mut config = Config::check(cli.serve).expect("the test's settings are good");
        let connected = connect(&mut config).await.expect("Kafka answers");
        let kafka = connected.feeds.embedded_kafka();
        let listeners = bind(&config).await.expect("there are free ports");
        let public = listeners.public.local_addr().expect("an open port has an address");
        let operators = listeners.operators.as_ref().map(|listener| listener.local_addr());
        let operators = operators.expect("asked for above").expect("an open port has an address");
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(serve(listeners, connected, config, async {
            let _ = stopped.await;
        }));
        Self { public, operators, kafka, stop, ended }
    }

    /// Asks the server to stop; what it does then is awaited by [`Self::ended`].
    pub(crate) fn stop(self) -> Ended {
        self.stop.send(()).expect("the server runs");
        Ended(self.ended)
    }
}

pub(crate) struct Ended(JoinHandle<()>);

impl Ended {
    pub(crate) async fn within(self, limit: Duration) {
        let ended = timeout(limit, self.0).await.expect("the server stops in time");
        ended.expect("the server does not panic");
    }
}

pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right").as_secs()
}

/// A token for `user` that ends at `exp` (Unix seconds).
pub(crate) fn token_until(user: &str, exp: u64) -> String {
    token_with(claims(user, exp, "t"))
}

/// What such a token says, with this `jti`.
pub(crate) fn claims(user: &str, exp: u64, id: &str) -> Value {
    let iat = exp.min(now_s()) - 60;
    let (iss, aud) = ("purple-sector", "purple-sector-bridge");
    json!({ "iss": iss, "aud": aud, "sub": user, "iat": iat, "exp": exp, "jti": id })
}

pub(crate) fn token(user: &str) -> String {
    token_until(user, now_s() + 600)
}

pub(crate) fn token_with(claims: Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&Header::default(), &claims, &key).expect("the claims can be signed")
}
