//! What does the program log, also in trouble, and what must it never log?

use std::process::Command;
use std::time::Duration;

use purple_sector_codec::bridge_protocol::{ClientMessage, ServerMessage};

use crate::client::{CLOSE, Client, get, upgrade, viewer};
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
async fn a_token_where_none_belongs_is_neither_used_nor_logged() {
    let program = Program::start(&[("JWT_SECRET", SECRET), ("LOG_LEVEL", "trace"), ("LOG_FORMAT", "json")]);
    let token = token("alice");
    for path in ["token", "access_token", "ticket", "bearer", "userId", "jwt"] {
        let (answer, _) = upgrade(program.address, &format!("/v1/stream?{path}={token}"), &[]).await;
        assert_eq!(answer.code(), "token_missing", "{path}");
    }
    for path in [format!("/v1/stream/{token}"), format!("/{token}"), format!("/v1/stream;{token}")] {
        assert_eq!(get(program.address, &path, &[]).await.code(), "not_found");
    }
    let in_name = format!("http://alice:{token}@bridge.test/v1/stream");
    assert_eq!(upgrade(program.address, &in_name, &[]).await.0.code(), "token_missing");
    for name in ["x-authorization", "proxy-authorization", "cookie", "referer", "user-agent"] {
        let header = format!("{name}: Bearer {token}");
        assert_eq!(
            upgrade(program.address, "/v1/stream", &[&header]).await.0.code(),
            "token_missing",
            "{name}"
        );
    }
    let basic = format!("authorization: Basic {token}");
    assert_eq!(upgrade(program.address, "/v1/stream", &[&basic]).await.0.code(), "token_invalid");
    let logged = program.stop();
    let signature = token.rsplit('.').next().expect("three parts");
    assert!(logged.contains("stopped"), "the log is there");
    assert_eq!(logged.lines().find(|line| line.contains(signature)), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_reason_for_closing_can_forge_a_log_line() {
    let reason = "\r\n{\"level\":\"ERROR\",\"message\":\"forged\"}\u{1b}[2J\u{2028}";
    for format in ["json", "text"] {
        let settings = [("JWT_SECRET", SECRET), ("LOG_LEVEL", "trace"), ("LOG_FORMAT", format)];
        let program = Program::start(&settings);
        let mut client = viewer(program.address, &token("alice")).await;
        client.frame(0x80 | CLOSE, &[&1000_u16.to_be_bytes()[..], reason.as_bytes()].concat()).await;
        assert_eq!(client.close_code().await.0, 1000);
        client.ended().await;
        let logged = program.stop();
        assert!(logged.contains("viewer goes"), "{logged}");
        for line in logged.lines() {
            assert!(!line.starts_with("{\"level\"") && !line.contains('\u{1b}'), "{line:?}");
            let is_json = serde_json::from_str::<serde_json::Value>(line).is_ok();
            assert_eq!(is_json, format == "json", "{line:?}");
        }
    }
}

/// What every user of the machine may see of a process, and what its own user may.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_shows_in_the_list_of_processes() {
    let program = Program::start(&[("JWT_SECRET", SECRET)]);
    let token = token("alice");
    let mut client = viewer(program.address, &token).await;
    client.until(|message| matches!(message, ServerMessage::Hello { .. }).then_some(())).await;
    let read = |name: &str| {
        let bytes = std::fs::read(format!("/proc/{}/{name}", program.id())).expect("it runs");
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let signature = token.rsplit('.').next().expect("three parts");
    for name in ["cmdline", "environ", "comm", "status"] {
        assert!(!read(name).contains(signature), "{name}");
        // Only the environment, which the operator chose, holds the key; a file (JWKS_FILE) needs none there.
        assert!(name == "environ" || !read(name).contains(SECRET), "{name}");
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

/// Files of this process that its children have too: those without the flag that closes them.
#[cfg(target_os = "linux")]
fn n_inherited() -> usize {
    const CLOSE_ON_EXEC: u32 = 0o2_000_000;
    let files = std::fs::read_dir("/proc/self/fdinfo").expect("Linux lists open files");
    let is_inherited = |info: &String| {
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap_or_default();
        u32::from_str_radix(flags.trim(), 8).is_ok_and(|flags| flags & CLOSE_ON_EXEC == 0)
    };
    // One that is closed meanwhile is not counted.
    let infos = files.filter_map(|file| std::fs::read_to_string(file.ok()?.path()).ok());
    infos.filter(is_inherited).count()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_free_files_accepting_pauses_and_viewers_stay() {
    let mut command = Command::new("/bin/sh");
    // librdkafka's files in this process are open in its children too; beyond them there is room for a few viewers.
    let n_inherited = n_inherited();
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
