//! The program itself: its commands, and how it ends with bad settings.

use std::process::{Command, Output};

use crate::server::SECRET;

/// Runs the program with nothing in its environment but these variables.
pub(crate) fn bridge(flags: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bridge"))
        .env_clear()
        .envs(environment.iter().copied())
        .args(flags)
        .output()
        .expect("the program starts")
}

/// Expects this exit code, and one line on standard error that holds these parts.
#[track_caller]
fn check(flags: &[&str], environment: &[(&str, &str)], code: i32, parts: &[&str]) {
    let output = bridge(flags, environment);
    let error = String::from_utf8(output.stderr).expect("errors are text");
    assert_eq!(output.status.code(), Some(code), "{flags:?}: {error}");
    assert!(parts.iter().all(|part| error.contains(part)), "{flags:?}: {error}");
    assert!(!error.contains("panicked") && !error.contains(SECRET), "{error}");
}

#[test]
fn bad_settings_end_with_a_sentence_that_names_them() {
    check(&[], &[], 2, &["bridge: ", "JWT_SECRET", "JWKS_FILE", "--open"]);
    check(&[], &[("JWT_SECRET", "too short")], 2, &["JWT_SECRET", "9 bytes", "32"]);
    check(&["--open"], &[("JWT_SECRET", SECRET)], 2, &["exclude each other"]);
    check(
        &["--open", "--kafka", "embedded"],
        &[("KAFKA_BROKERS", "a:1")],
        2,
        &["KAFKA_BROKERS", "exclude each other"],
    );
    check(&["--open"], &[("WS_PORT", "http")], 2, &["--port"]);
    check(&["--open"], &[("LOG_LEVEL", "x=y=z")], 2, &["LOG_LEVEL"]);
    check(&["--jwks-file", "/no/such/file"], &[], 2, &["/no/such/file", "JWKS_FILE"]);
    check(&["--jwks-file", "/dev/null"], &[], 2, &["/dev/null"]);
    check(&["--no-such-flag"], &[], 2, &["--no-such-flag"]);
    check(&["token", "mint", "--user", "alice"], &[], 2, &["JWT_SECRET", "--key"]);
    check(
        &["token", "mint", "--user", "a\nb\u{1b}[31m"],
        &[("JWT_SECRET", SECRET)],
        2,
        &["a\\nb\\u{1b}[31m"],
    );
    check(&["token", "mint", "--user", "a", "--secret", "short"], &[], 2, &["5 bytes"]);
    check(&["token", "mint", "--user", "a", "--key", "/dev/null"], &[], 2, &["/dev/null", "--key"]);
    let revoke = ["token", "revoke", "--brokers", "127.0.0.1:1"];
    check(&revoke, &[], 2, &["--id", "--user"]);
    check(&[&revoke[..], &["--id", "a", "--user", "b"]].concat(), &[], 2, &["cannot be used with"]);
    check(&[&revoke[..], &["--id", "a b"]].concat(), &[], 2, &["--id", "jti"]);
    check(&[&revoke[..], &["--user", " "]].concat(), &[], 2, &["--user"]);
    check(&[&revoke[..], &["--id", "a"]].concat(), &[], 2, &["nothing is revoked"]);
    check(&["--jwks-url", "http://id.example/keys"], &[], 2, &["JWKS_URL", "https"]);
    check(&["token", "mint", "--user", "a", "--ttl", "0s"], &[("JWT_SECRET", SECRET)], 2, &["--ttl"]);
}

#[test]
fn a_port_in_use_or_no_kafka_ends_with_what_to_change() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("there are free ports");
    let port = taken.local_addr().expect("an open port has an address").port().to_string();
    let embedded = ["--open", "--kafka", "embedded", "--kafka-embedded-port", "0"];
    check(&[&embedded[..], &["--port", &port]].concat(), &[], 1, &[&port, "WS_PORT"]);
    let ops = format!("127.0.0.1:{port}");
    check(&[&embedded[..], &["--port", "0", "--ops-addr", &ops]].concat(), &[], 1, &[&port, "OPS_ADDR"]);
    check(&["--open", "--kafka", "embedded", "--kafka-embedded-port", &port], &[], 1, &[&port]);
    check(&["--open", "--brokers", "127.0.0.1:1", "--port", "0"], &[], 1, &["127.0.0.1:1", "KAFKA_BROKERS"]);
}

#[test]
fn help_names_the_settings() {
    let output = bridge(&["--help"], &[("JWT_SECRET", SECRET)]);
    let help = String::from_utf8(output.stdout).expect("help is text");
    assert!(output.status.success());
    for part in [
        "KAFKA_BROKERS",
        "WS_PORT",
        "8080",
        "KAFKA_AUTO_CREATE_TOPICS",
        "JWKS_FILE",
        "--open",
        "token",
        "keys",
    ] {
        assert!(help.contains(part), "{part}");
    }
    assert!(!help.contains(SECRET));
}

#[test]
fn mint_prints_a_token_and_nothing_else() {
    let output = bridge(&["token", "mint", "--user", "alice", "--ttl", "10m"], &[("JWT_SECRET", SECRET)]);
    let token = String::from_utf8(output.stdout).expect("a token is text");
    assert!(output.status.success() && output.stderr.is_empty());
    assert_eq!(token.trim().split('.').count(), 3);
    assert_eq!(token.lines().count(), 1);
}

#[test]
fn generated_keys_are_private_and_never_overwritten() {
    let folder = std::env::temp_dir().join(format!("bridge-edge-generate-{}", std::process::id()));
    let flags = ["keys", "generate", "--out", &folder.to_string_lossy()];
    assert!(bridge(&flags, &[]).status.success());
    let private = folder.join("private.pem");
    let before = std::fs::read(&private).expect("the file is there");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&private).expect("the file is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    check(&flags, &[], 2, &["private.pem", "not overwritten"]);
    assert_eq!(std::fs::read(&private).expect("the file is there"), before);
    let public = std::fs::read_to_string(folder.join("jwks.json")).expect("the file is there");
    assert!(public.contains("\"kid\"") && !public.contains("\"d\""));
    std::fs::remove_dir_all(folder).expect("the folder is there");
}
