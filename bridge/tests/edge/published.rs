//! What becomes of attacks on the place where keys are published: an address, or a file?

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
async fn keys_that_come_drop_by_drop_hold_up_no_start_and_let_nobody_in() {
    let address = Address::start(Says::Drop).await;
    let server = timeout(Duration::from_secs(20), start_at(&address)).await.expect("it starts");
    assert_eq!(status(&server, &Key::new("k1").token("alice")).await, 401);
    assert_eq!(crate::client::get(server.public, "/healthz", &[]).await.status, 200);
}

/// A server with a key file of its own.
struct WithFile {
    server: Server,
    folder: tempfile::TempDir,
}

impl WithFile {
    async fn start(key: &Key) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("jwks.json");
        std::fs::write(&file, key_set(&[key.public()])).expect("the folder is writable");
        let server = Server::start(&["--jwks-file", &file.to_string_lossy()]).await;
        Self { server, folder }
    }

    /// Puts `text` where the key file is, in one step, as tools that replace files do.
    fn replace(&self, text: &str) {
        let beside = self.folder.path().join("new");
        std::fs::write(&beside, text).expect("the folder is writable");
        std::fs::rename(beside, self.folder.path().join("jwks.json")).expect("the file can be replaced");
    }

    /// Puts a link to `target` where the key file is, or nothing.
    #[cfg(unix)]
    fn link(&self, target: Option<&str>) {
        let file = self.folder.path().join("jwks.json");
        std::fs::remove_file(&file).expect("it is there");
        if let Some(target) = target {
            std::os::unix::fs::symlink(target, file).expect("the folder is writable");
        }
    }
}

/// Something happens to a key file, by which the keys in use do not change.
async fn spoil(what: &str, good: &Key, evil: &Key, how: impl FnOnce(&WithFile)) {
    let bridge = WithFile::start(good).await;
    let mut alice = viewer(bridge.server.public, &good.token("alice")).await;
    how(&bridge);
    sleep(NOTICED_WITHIN).await;
    assert_eq!(status(&bridge.server, &evil.token("alice")).await, 401, "{what}");
    assert_eq!(status(&bridge.server, &good.token("alice")).await, 101, "{what}");
    is_served(&mut alice).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_file_that_is_replaced_by_something_else_changes_nothing() {
    let (good, evil) = (Key::new("k1"), Key::new("evil"));
    let mut same_name = evil.public();
    same_name["kid"] = json!("k1");
    let secret = json!({ "kty": "oct", "kid": "s", "k": "AAAA" });
    let whole = key_set(&[evil.public()]);
    let large = whole.clone() + &" ".repeat(1 << 20);
    let (twice, with_secret) =
        (key_set(&[evil.public(), same_name, good.public()]), key_set(&[evil.public(), secret]));
    tokio::join!(
        spoil("half a file", &good, &evil, |bridge| bridge.replace(&whole[..whole.len() / 2])),
        spoil("empty", &good, &evil, |bridge| bridge.replace("")),
        spoil("one name twice", &good, &evil, |bridge| bridge.replace(&twice)),
        spoil("a secret", &good, &evil, |bridge| bridge.replace(&with_secret)),
        spoil("too large", &good, &evil, |bridge| bridge.replace(&large)),
        spoil("no keys", &good, &evil, |bridge| bridge.replace(&key_set(&[]))),
        spoil("an endless file", &good, &evil, |bridge| bridge.link(Some("/dev/zero"))),
        spoil("a folder", &good, &evil, |bridge| bridge.link(Some("/"))),
        spoil("a link to itself", &good, &evil, |bridge| bridge.link(Some("jwks.json"))),
        spoil("nothing", &good, &evil, |bridge| bridge.link(None)),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_key_under_the_same_name_ends_those_of_the_first() {
    let (first, second) = (Key::new("k1"), Key::new("k1"));
    let bridge = WithFile::start(&first).await;
    let mut alice = viewer(bridge.server.public, &first.token("alice")).await;
    assert_eq!(status(&bridge.server, &second.token("alice")).await, 401);
    bridge.replace(&key_set(&[second.public()]));
    ends_with(&mut alice, 4501).await;
    assert_eq!(status(&bridge.server, &second.token("alice")).await, 101);
    assert_eq!(status(&bridge.server, &first.token("alice")).await, 401);
}
