//! Do bad settings end in one clear sentence and the right exit code?

use std::process::{Command, Output};

fn collector(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_collector"));
    command.args(arguments).env_remove("USER_ID").env_remove("SESSION_ID").env_remove("KAFKA_BROKERS");
    command.output().expect("the program starts")
}

#[track_caller]
fn check(arguments: &[&str], exit_code: i32, says: &[&str]) {
    let output = collector(arguments);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(exit_code), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    for words in says {
        assert!(text.contains(words), "{text:?} does not say {words:?}");
    }
}

/// An address where nobody listens: bound, and given back.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

#[test]
fn without_arguments_it_says_what_it_can_do() {
    check(&[], 2, &["simulator", "replay", "Usage"]);
}

#[test]
fn a_missing_or_bad_user_is_named() {
    check(&["simulator"], 2, &["collector: ", "--user", "USER_ID"]);
    check(&["simulator", "--user", ""], 2, &["--user", "user id is empty"]);
    check(&["simulator", "--user", " alice"], 2, &["--user", "white space"]);
    check(&["simulator", "--user", "al\nice"], 2, &["--user", "control character"]);
}

#[test]
fn other_bad_settings_name_the_flag() {
    check(&["simulator", "--user", "alice", "--session", "a b"], 2, &["--session", "1 to 64"]);
    check(&["simulator", "--user", "alice", "--rate", "9000"], 2, &["9000", "--rate"]);
    check(&["simulator", "--user", "alice", "--brokers", "here"], 2, &["--brokers", "not host:port"]);
    check(&["simulator", "--user", "alice", "--log-level", "loud=very"], 2, &["collector: ", "LOG_LEVEL"]);
    check(&["simulator", "--user", "alice", "--block-time", "33"], 2, &["--block-time", "33ms"]);
    check(&["simulator", "--user", "alice", "--track", "moon"], 2, &["moon", "lindenring"]);
    let folder = std::env::temp_dir();
    let folder = folder.to_str().expect("a plain path");
    check(&["simulator", "--user", "alice", "--record", folder], 2, &["--record", folder]);
}

#[test]
fn kafka_settings_that_do_not_fit_name_the_setting() {
    let alice = ["simulator", "--user", "alice"];
    let check = |flags: &[&str], says: &str| check(&[&alice[..], flags].concat(), 2, &["collector: ", says]);
    check(&["--kafka-security-protocol", "SSL"], "KAFKA_SSL_CA_LOCATION");
    check(&["--kafka-token-file", "alice.jwt"], "KAFKA_SECURITY_PROTOCOL=SASL_SSL");
    check(&["--kafka-property", "acks=0"], "once and in order");
    check(&["--kafka-property", "sasl.password=hunter2"], "process lists");
    check(&["--kafka-property", "no.such.thing=1"], "No such configuration property: \"no.such.thing\"");
    check(&["--kafka-property", "compression.type=best"], "Invalid value \"best\"");
}

#[test]
fn a_bad_recording_is_reported_before_kafka_is_asked() {
    check(&["replay", "--user", "alice", "/no/such/file.csv"], 2, &["collector: ", "/no/such/file.csv"]);
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    check(&["replay", "--user", "alice", source], 2, &[source, "line 1"]);
}

#[test]
fn no_broker_is_one_sentence_and_exit_code_1() {
    let brokers = nobody();
    let sentence =
        format!("cannot reach Kafka at {brokers} within 5s; is it running? (--brokers, KAFKA_BROKERS)");
    check(&["simulator", "--user", "alice", "--brokers", &brokers], 1, &[&sentence]);
}

#[test]
fn a_variable_that_is_set_to_nothing_counts_as_not_set() {
    // As a compose file leaves them: each would be refused if it were read.
    let names =
        ["SESSION_ID", "BLOCK_TIME", "BLOCK_SAMPLES", "RECORD", "QUEUE_MIB", "LOG_LEVEL", "SIMULATOR_RATE"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_collector"));
    let brokers = nobody();
    command.args(["simulator", "--user", "alice", "--brokers", &brokers]).envs(names.map(|name| (name, "")));
    let output = command.output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && text.contains("cannot reach Kafka"), "{text}");
}
