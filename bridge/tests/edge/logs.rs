//! What does the program log, also in trouble, and what must it never log?

use std::process::Command;
use std::time::Duration;

use purple_sector_codec::bridge_protocol::{ClientMessage, ServerMessage};

use crate::client::{Client, get, upgrade, viewer};
use crate::program::Program;
use crate::server::{SECRET, now_s, token, token_until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_or_secret_is_logged_at_any_level() {
    let program = Program::start(&[("JWT_SECRET", SECRET), ("LOG_LEVEL", "trace")]);
    let (first, fresh) = (token("alice"), token("alice\u{2028}x"));
    let mut client = viewer(program.address, &first).await;
    client.send(ClientMessage::Refresh { token: &first }).await;
    client.until(|message| matches!(message, ServerMessage::TokenExpiring { .. }).then_some(())).await;
    client.send(ClientMessage::Refresh { token: &fresh }).await;
    assert_eq!(client.close_code().await.0, 4503);
    let protocols = format!("sec-websocket-protocol: purple-sector.v1, bearer.{fresh}x");
    let (answer, _client) = upgrade(program.address, "/", &["origin: http://bridge.test", &protocols]).await;
    assert_eq!(answer.status, 401);
    let logged = program.stop();
    assert!(logged.contains("stopped"), "the log is there");
    for secret in [SECRET, &first, &fresh] {
        assert!(!logged.contains(secret));
        // Nor a part of it: the signature is what makes it worth anything.
        let signature = secret.rsplit('.').next().unwrap_or(secret);
        assert!(!logged.contains(signature));
        // Frames are printed as hexadecimal digits.
        let hex: String = signature.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!logged.to_lowercase().contains(&hex));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_caller_can_forge_a_log_line() {
    let program = Program::start(&[("JWT_SECRET", SECRET), ("LOG_LEVEL", "debug"), ("LOG_FORMAT", "json")]);
    for user in ["a\"b\\", "x\u{2028}y", "\u{202e}evil", "🏎", "a', {}"] {
        let _client = viewer(program.address, &token(user)).await;
    }
    for user in ["a\nb", "a\r\n{\"level\":\"ERROR\"}", "\u{1b}[2Jx"] {
        let bearer = format!("authorization: Bearer {}", token(user));
        assert_eq!(get(program.address, "/v1/stats", &[&bearer, "user-agent: a\tb"]).await.status, 401);
    }
    get(program.address, "/%0a%1b[31mERROR", &["user-agent: x"]).await;
    let logged = program.stop();
    assert!(logged.contains("viewer came") && logged.contains(r#""allowed":false"#));
    for line in logged.lines() {
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(line);
        assert!(parsed.is_ok_and(|line| line["level"].is_string()), "{line:?}");
        assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_decision_about_a_caller_is_one_line() {
    let settings = [("JWT_SECRET", SECRET), ("LOG_LEVEL", "off,audit=info"), ("LOG_FORMAT", "json")];
    let program = Program::start(&settings);
    let mut client = viewer(program.address, &token("alice")).await;
    client.send(ClientMessage::Refresh { token: &token("alice") }).await;
    client.until(|message| matches!(message, ServerMessage::TokenExpiring { .. }).then_some(())).await;
    client.send(ClientMessage::Refresh { token: &token("bob") }).await;
    assert_eq!(client.close_code().await.0, 4503);
    let bearer = format!("authorization: Bearer {}", token_until("carol", now_s() - 60));
    assert_eq!(get(program.address, "/v1/stats", &[&bearer]).await.status, 401);
    assert_eq!(get(program.address, "/v1/stats", &[]).await.status, 401);

    let logged = program.stop();
    let mut lines = logged.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).expect("each line is JSON");
        assert_eq!(line["target"], "audit", "{line}");
        assert_eq!(line["address"], "127.0.0.1", "{line}");
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        (text("what"), text("user"), line["allowed"] == true, text("jti"), text("why"))
    });
    let mut expect = |what: &str, user: &str, allowed: bool, jti: &str, why: &str| {
        let expected = (what.into(), user.into(), allowed, jti.into(), why.into());
        assert_eq!(lines.next(), Some(expected));
    };
    expect("watch", "alice", true, "t", "");
    expect("refresh", "alice", true, "t", "");
    expect("refresh", "alice", false, "", "the token is not for this user");
    expect("stats", "", false, "", "expired 60 s ago");
    expect("stats", "", false, "", "a token is needed");
    assert_eq!(lines.next(), None);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_free_files_accepting_pauses_and_viewers_stay() {
    let mut command = Command::new("/bin/sh");
    // librdkafka's files in this process are open in its children too; beyond them there is room for a few viewers.
    let n_inherited = std::fs::read_dir("/proc/self/fd").expect("Linux lists open files").count();
    let n_files = n_inherited + 150;
    let limited = format!("ulimit -n {n_files}; exec \"$0\" \"$@\"");
    command.args(["-c", &limited, env!("CARGO_BIN_EXE_bridge")]);
    let program = Program::run(command, &[("JWT_SECRET", SECRET)]);
    let mut client = viewer(program.address, &token("alice")).await;
    let mut crowd = Vec::new();
    // More than there is room for, and few enough that the listener's queue holds the rest.
    for _ in 0..200 {
        crowd.push(Client::connect(program.address).await);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    client.send(ClientMessage::Time { client_us: 1 }).await;
    client.until(|message| matches!(message, ServerMessage::Time { .. }).then_some(())).await;
    drop(crowd);
    assert_eq!(get(program.address, "/healthz", &[]).await.status, 200);
    let logged = program.stop();
    assert_eq!(logged.matches("cannot accept a connection").count(), 1, "{logged}");
}
