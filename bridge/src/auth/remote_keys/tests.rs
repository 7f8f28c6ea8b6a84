use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use super::*;

const EC: &str = r#""kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0""#;
const QUICK: Pace = Pace { every: Duration::from_secs(60), not_within: Duration::from_millis(300) };

fn set(kid: &str) -> String {
    format!(r#"{{"keys":[{{{EC},"kid":"{kid}"}}]}}"#)
}

/// An issuer on a port of this machine: says what it is told to, and keeps what it was asked for.
struct Issuer {
    url: String,
    says: Arc<Mutex<(u16, String)>>,
    asked: Arc<Mutex<VecDeque<String>>>,
}

impl Issuer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("it has an address"));
        let says = Arc::new(Mutex::new((200, set("k1"))));
        let asked: Arc<Mutex<VecDeque<String>>> = Arc::default();
        let (answer, keep) = (says.clone(), asked.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = [0; 4096];
                let n = stream.read(&mut head).await.unwrap_or(0);
                let line = String::from_utf8_lossy(&head[..n]).lines().next().unwrap_or_default().to_owned();
                keep.lock().unwrap_or_else(PoisonError::into_inner).push_back(line);
                let (status, body) = answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let length = body.len();
                let text = format!(
                    "HTTP/1.1 {status} X\r\nlocation: /elsewhere\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                let _ = stream.write_all(text.as_bytes()).await;
            }
        });
        Self { url, says, asked }
    }

    fn say(&self, status: u16, body: impl Into<String>) {
        *self.says.lock().unwrap_or_else(PoisonError::into_inner) = (status, body.into());
    }

    fn n_asked(&self) -> usize {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn keys(&self) -> RemoteKeys {
        RemoteKeys::at_pace(Endpoint::jwks(&self.url).expect("an address"), QUICK).expect("a client")
    }
}

fn knows(store: &KeyStore, kid: &str) -> bool {
    store.current().find(Some(kid)).is_some()
}

#[tokio::test]
async fn keys_are_fetched_and_a_source_that_fails_changes_nothing() {
    let issuer = Issuer::start().await;
    let mut keys = issuer.keys();
    let store = keys.store();
    assert!(!knows(&store, "k1"));
    keys.start().await.expect("keys come");
    assert!(knows(&store, "k1"));
    for (status, body) in
        [(503, String::new()), (200, "<html>".into()), (302, set("k2")), (200, " ".repeat(1 << 21))]
    {
        issuer.say(status, body);
        assert!(keys.look().await.is_err(), "{status}");
        assert!(knows(&store, "k1"));
    }
    issuer.say(200, set("k2"));
    keys.look().await.expect("keys come");
    assert!(knows(&store, "k2") && !knows(&store, "k1"));
}

#[tokio::test]
async fn a_start_waits_out_what_may_pass_and_ends_with_what_may_not() {
    let issuer = Issuer::start().await;
    issuer.say(503, "");
    assert!(issuer.keys().start().await.is_ok(), "it may come back");
    issuer.say(404, "");
    let error = issuer.keys().start().await.expect_err("there is nothing there");
    assert!(error.to_string().contains("answers with 404"), "{error}");
    issuer.say(200, "{}");
    let error = issuer.keys().start().await.expect_err("not a key set");
    assert!(error.to_string().contains("there is no list"), "{error}");
    // Nobody listens on port 1 of this machine.
    let endpoint = Endpoint::jwks("http://127.0.0.1:1").expect("an address");
    assert!(RemoteKeys::new(endpoint).expect("a client").start().await.is_ok(), "it may come");
}

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it_but_not_at_every_try() {
    let issuer = Issuer::start().await;
    let mut keys = issuer.keys();
    let store = keys.store();
    keys.start().await.expect("keys come");
    let stop = CancellationToken::new();
    let watching = tokio::spawn(keys.watch(stop.clone()));

    issuer.say(200, set("k2"));
    // Too soon after the last fetch: refused at once, and fetched as soon as it may be.
    assert!(!store.look_again().await);
    assert_eq!(issuer.n_asked(), 1);
    timeout(Duration::from_secs(5), async {
        while !knows(&store, "k2") {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the new key comes by itself");

    issuer.say(200, set("k3"));
    sleep(QUICK.not_within * 2).await;
    let n_before = issuer.n_asked();
    let asked = futures_util::future::join_all((0..20).map(|_| store.look_again())).await;
    assert!(asked.iter().all(|fetched| *fetched), "all wait for the same fetch: {asked:?}");
    assert!(knows(&store, "k3"));
    assert_eq!(issuer.n_asked(), n_before + 1);
    stop.cancel();
    watching.await.expect("it ends");
}

#[tokio::test]
async fn an_issuer_is_found_by_its_description() {
    let issuer = Issuer::start().await;
    let endpoint = Endpoint::issuer(&issuer.url).expect("an address");
    let mut keys = RemoteKeys::at_pace(endpoint, QUICK).expect("a client");
    for (issuer_claim, jwks_uri, part) in [
        (format!("{}/", issuer.url), format!("{}/keys", issuer.url), "letter for letter"),
        ("https://evil.example".into(), format!("{}/keys", issuer.url), "letter for letter"),
        (issuer.url.clone(), "http://evil.example/keys".into(), "its jwks_uri: keys must come over https"),
        (issuer.url.clone(), "file:///etc/passwd".into(), "its jwks_uri"),
    ] {
        issuer.say(200, format!(r#"{{"issuer":"{issuer_claim}","jwks_uri":"{jwks_uri}"}}"#));
        let error = keys.start().await.expect_err("it does not describe this issuer");
        assert!(error.to_string().contains(part), "{error}");
    }
    // The description, which has keys here as well, so that one answer does for both.
    let both =
        format!(r#"{{"issuer":"{0}","jwks_uri":"{0}/keys","keys":[{{{EC},"kid":"k1"}}]}}"#, issuer.url);
    issuer.say(200, both);
    keys.start().await.expect("keys come");
    assert!(knows(&keys.store(), "k1"));
    let asked: Vec<String> =
        issuer.asked.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
    let last: Vec<&str> = asked.iter().rev().take(2).map(String::as_str).collect();
    assert_eq!(last, ["GET /keys HTTP/1.1", "GET /.well-known/openid-configuration HTTP/1.1"]);
}
