//! What becomes of attacks on the place where keys are published: an address, or a file?

use std::path::Path;
use std::time::{Duration, Instant};

use purple_sector_codec::bridge_protocol::{ClientMessage, ServerMessage};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::client::{Client, upgrade, viewer};
use crate::issuer::{Address, Key, Says, key_set};
use crate::server::Server;
use crate::sockets::ends_with;

/// Keys are not fetched more often than this.
const NOT_WITHIN: Duration = Duration::from_secs(30);
/// How soon a changed file is noticed, and a little more.
const NOTICED_WITHIN: Duration = Duration::from_secs(3);

async fn status(server: &Server, token: &str) -> u16 {
    upgrade(server.public, "/v1/stream", &[&format!("authorization: Bearer {token}")]).await.0.status
}

/// Whether a viewer is still served.
async fn is_served(client: &mut Client) {
    client.send(ClientMessage::Time { client_us: 1 }).await;
    client.until(|message| matches!(message, ServerMessage::Time { .. }).then_some(())).await;
}

async fn start_at(address: &Address) -> Server {
    Server::start(&["--jwks-url", &address.url, "--max-viewers-per-user", "1000"]).await
}

/// An address that publishes good keys, and says something else when it is asked again.
async fn pretend(what: &str, good: &Key, evil: &Key, says: Says) {
    let address = Address::start(Says::Text(200, key_set(&[good.public()]))).await;
    let started = Instant::now();
    let server = start_at(&address).await;
    let mut alice = viewer(server.public, &good.token("alice")).await;
    address.say(says);
    // A token whose key is not known has the address asked again, as soon as it may be.
    while address.n_asked() < 2 {
        assert_eq!(status(&server, &evil.token("alice")).await, 401, "{what}");
        assert!(started.elapsed() < 2 * NOT_WITHIN, "{what}: it is never asked again");
        is_served(&mut alice).await;
        sleep(Duration::from_millis(500)).await;
    }
    assert!(started.elapsed() >= NOT_WITHIN, "{what}: asked too soon");
    // A fetch may take 5 s.
    sleep(Duration::from_secs(7)).await;
    assert_eq!(status(&server, &evil.token("alice")).await, 401, "{what}");
    assert_eq!(status(&server, &good.token("alice")).await, 101, "{what}: the last keys stay in use");
    is_served(&mut alice).await;
    assert_eq!(address.n_asked(), 2, "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_says_something_else_changes_nothing() {
    let (good, evil) = (Key::new("k1"), Key::new("evil"));
    let elsewhere = Address::start(Says::Text(200, key_set(&[good.public(), evil.public()]))).await;
    let mut same_name = evil.public();
    same_name["kid"] = json!("k1");
    let mut private = evil.public();
    private["d"] = json!("AAAA");
    let secret = json!({ "kty": "oct", "kid": "evil", "k": "AAAA" });
    tokio::join!(
        pretend("a redirect", &good, &evil, Says::Redirect(elsewhere.url.clone())),
        pretend("endless", &good, &evil, Says::Endless),
        pretend("drop by drop", &good, &evil, Says::Drop),
        pretend("a page", &good, &evil, Says::Text(200, "<html>log in</html>".into())),
        pretend("gone", &good, &evil, Says::Text(404, key_set(&[evil.public()]))),
        pretend("one name twice", &good, &evil, Says::Text(200, key_set(&[good.public(), same_name]))),
        pretend("a private key", &good, &evil, Says::Text(200, key_set(&[good.public(), private]))),
        pretend("a secret", &good, &evil, Says::Text(200, key_set(&[good.public(), secret]))),
    );
    assert_eq!(elsewhere.n_asked(), 0, "redirects are not followed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_unknown_keys_asks_the_address_once_in_half_a_minute() {
    let good = Key::new("k1");
    let address = Address::start(Says::Text(200, key_set(&[good.public()]))).await;
    let started = Instant::now();
    let server = start_at(&address).await;
    for i in 0..500 {
        let unknown = good.sign(&json!({ "alg": "ES256", "kid": format!("unknown-{i}") }), "{}");
        assert_eq!(status(&server, &unknown).await, 401);
    }
    println!("500 unknown keys within {:?}", started.elapsed());
    let most = 1 + started.elapsed().as_secs() / NOT_WITHIN.as_secs();
    assert!(address.n_asked() as u64 <= most, "asked {} times", address.n_asked());
    assert_eq!(status(&server, &good.token("alice")).await, 101);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_key_under_the_same_name_ends_those_of_the_first() {
    let (first, second) = (Key::new("k1"), Key::new("k1"));
    let address = Address::start(Says::Text(200, key_set(&[first.public()]))).await;
    let server = start_at(&address).await;
    let mut alice = viewer(server.public, &first.token("alice")).await;
    assert_eq!(status(&server, &second.token("alice")).await, 401);
    address.say(Says::Text(200, key_set(&[second.public()])));
    // A name that is known asks for nothing; one that is not does.
    let unknown = first.sign(&json!({ "alg": "ES256", "kid": "k2" }), "{}");
    let started = Instant::now();
    while status(&server, &second.token("alice")).await != 101 {
        assert!(started.elapsed() < 2 * NOT_WITHIN, "the new key comes into use");
        assert_eq!(status(&server, &unknown).await, 401);
        // Who says nothing for half a minute is closed for that.
        alice.send(ClientMessage::Time { client_us: 1 }).await;
        sleep(Duration::from_millis(500)).await;
    }
    ends_with(&mut alice, 4501).await;
    assert_eq!(status(&server, &first.token("alice")).await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_come_drop_by_drop_hold_up_no_start_and_let_nobody_in() {
    let address = Address::start(Says::Drop).await;
    let server = timeout(Duration::from_secs(20), start_at(&address)).await.expect("it starts");
    assert_eq!(status(&server, &Key::new("k1").token("alice")).await, 401);
    assert_eq!(crate::client::get(server.public, "/healthz", &[]).await.status, 200);
}

/// Puts `text` where the key file is, in one step, as tools that replace files do.
fn replace(file: &Path, text: &str) {
    let beside = file.with_extension("new");
    std::fs::write(&beside, text).expect("the folder is writable");
    std::fs::rename(beside, file).expect("the file can be replaced");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_file_that_is_replaced_by_something_else_changes_nothing() {
    let (good, evil) = (Key::new("k1"), Key::new("evil"));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("jwks.json");
    replace(&file, &key_set(&[good.public()]));
    let flags = ["--jwks-file", &file.to_string_lossy(), "--max-viewers-per-user", "1000"];
    let server = Server::start(&flags).await;
    let mut alice = viewer(server.public, &good.token("alice")).await;

    let mut same_name = evil.public();
    same_name["kid"] = json!("k1");
    let two = key_set(&[evil.public(), same_name.clone(), good.public()]);
    let secret = key_set(&[evil.public(), json!({ "kty": "oct", "kid": "s", "k": "AAAA" })]);
    let large = format!("{}{}", key_set(&[evil.public()]), " ".repeat(1 << 20));
    let whole = key_set(&[evil.public()]);
    for (what, text) in [
        ("half a file", &whole[..whole.len() / 2]),
        ("empty", ""),
        ("one name twice", &two),
        ("a secret", &secret),
        ("too large", &large),
        ("no keys", r#"{"keys":[]}"#),
    ] {
        replace(&file, text);
        unchanged(&server, what, &good, &evil, &mut alice).await;
    }
    for (what, target) in [("an endless file", "/dev/zero"), ("a folder", "/"), ("itself", "jwks.json")] {
        std::fs::remove_file(&file).expect("it is there");
        std::os::unix::fs::symlink(target, &file).expect("the folder is writable");
        unchanged(&server, what, &good, &evil, &mut alice).await;
    }
    std::fs::remove_file(&file).expect("it is there");
    unchanged(&server, "nothing", &good, &evil, &mut alice).await;
    // What the operator puts there in the end counts.
    replace(&file, &whole);
    ends_with(&mut alice, 4501).await;
    assert_eq!(status(&server, &evil.token("alice")).await, 101);
    assert_eq!(status(&server, &good.token("alice")).await, 401);
}

async fn unchanged(server: &Server, what: &str, good: &Key, evil: &Key, alice: &mut Client) {
    sleep(NOTICED_WITHIN).await;
    assert_eq!(status(server, &evil.token("alice")).await, 401, "{what}");
    assert_eq!(status(server, &good.token("alice")).await, 101, "{what}");
    is_served(alice).await;
}
