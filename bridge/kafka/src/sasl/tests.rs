//! Log-ins against answers that another implementation of the protocol writes.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{
    RequestHeader, SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest,
    SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use proptest::prelude::*;

use super::*;

const NUMBER: i32 = 7;
const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2VjcmV0";

fn bearer() -> Identity {
    Identity::bearer(TOKEN, 1_000).expect("a token")
}

fn written(message: &impl Encodable, version: i16) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes, version).expect("an answer");
    bytes.to_vec()
}

fn handshake(error: i16, mechanisms: &[&'static str]) -> Vec<u8> {
    let mechanisms = mechanisms.iter().map(|name| StrBytes::from_static_str(name)).collect();
    written(&SaslHandshakeResponse::default().with_error_code(error).with_mechanisms(mechanisms), 1)
}

fn authenticated(error: i16, message: &'static [u8], lifetime_ms: i64) -> Vec<u8> {
    let answer = SaslAuthenticateResponse::default()
        .with_error_code(error)
        .with_error_message((error != 0).then(|| StrBytes::from_string(format!("no: {TOKEN}"))))
        .with_auth_bytes(Bytes::from_static(message))
        .with_session_lifetime_ms(lifetime_ms);
    written(&answer, 2)
}

/// What is asked, without length and header.
fn asked<M: Decodable>(request: &Request, version: i16, header_version: i16) -> M {
    let mut bytes = request.bytes.slice(4..);
    let header = RequestHeader::decode(&mut bytes, header_version).expect("a header");
    assert_eq!(header.correlation_id, NUMBER);
    let message = M::decode(&mut bytes, version).expect("a request");
    assert!(bytes.is_empty(), "a request ends where its length says");
    message
}

fn message(step: Result<Step, LogInError>) -> Bytes {
    match step {
        Ok(Step::Ask(request)) => asked::<SaslAuthenticateRequest>(&request, 2, 2).auth_bytes,
        other => panic!("nothing to send: {other:?}"),
    }
}

/// A log-in whose mechanism was taken, and its first message.
fn taken(identity: Identity) -> (LogIn, Bytes) {
    let (mut log_in, request) = LogIn::begin(identity, NUMBER);
    let named = asked::<SaslHandshakeRequest>(&request, 1, 1).mechanism;
    assert_eq!(named.as_str(), log_in.identity.mechanism().name());
    let first = message(log_in.take(&handshake(0, &["PLAIN"]), NUMBER));
    (log_in, first)
}

#[test]
fn a_token_is_one_message() {
    let (mut log_in, first) = taken(bearer());
    assert_eq!(first, format!("n,,\x01auth=Bearer {TOKEN}\x01\x01"));
    let done = log_in.take(&authenticated(0, b"", 29_500), NUMBER);
    assert_eq!(done, Ok(Step::Done { lifetime: Some(Duration::from_millis(29_500)) }));
}

#[test]
fn a_password_that_is_shown_is_one_message() {
    let (mut log_in, first) = taken(Identity::plain("svc-bridge", "correct horse"));
    assert_eq!(&first[..], b"\0svc-bridge\0correct horse");
    for lifetime_ms in [0, -1, i64::MIN] {
        let done = log_in.take(&authenticated(0, b"", lifetime_ms), NUMBER);
        assert_eq!(done, Ok(Step::Done { lifetime: None }));
    }
}

#[test]
fn a_password_that_is_not_shown_takes_two_messages() {
    let (mut log_in, first) = taken(Identity::scram(ScramHash::Sha512, "svc-bridge", "pencil"));
    let first = std::str::from_utf8(&first).expect("text");
    let nonce = first.strip_prefix("n,,n=svc-bridge,r=").expect("a nonce");
    let answer = format!("r={nonce}broker,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    let answer = authenticated(0, answer.leak().as_bytes(), 0);
    let last = message(log_in.take(&answer, NUMBER));
    assert!(last.starts_with(format!("c=biws,r={nonce}broker,p=").as_bytes()));
    let forged = log_in.take(&authenticated(0, b"v=AAAA", 0), NUMBER);
    assert_eq!(forged, Err(Refusal::Impostor.into()));
}

#[test]
fn a_listener_without_the_mechanism_is_named_with_what_it_has() {
    let (mut log_in, _) = LogIn::begin(bearer(), NUMBER);
    let refused = log_in.take(&handshake(33, &["SCRAM-SHA-512", "GSSAPI", "PLAIN"]), NUMBER);
    let error = refused.expect_err("refused").to_string();
    assert_eq!(error, "the listener does not take OAUTHBEARER; it has PLAIN, SCRAM-SHA-512");
    let (mut log_in, _) = LogIn::begin(bearer(), NUMBER);
    assert_eq!(log_in.take(&handshake(34, &[]), NUMBER), Err(Refusal::Other(ErrorCode(34)).into()));
}

#[test]
fn a_bad_token_or_password_is_refused() {
    let refused = || Err(Refusal::Credentials(Mechanism::OAuthBearer).into());
    let (mut log_in, _) = taken(bearer());
    assert_eq!(log_in.take(&authenticated(0, br#"{"status":"invalid_token"}"#, 0), NUMBER), refused());
    let (mut log_in, _) = taken(bearer());
    assert_eq!(log_in.take(&authenticated(58, b"", 0), NUMBER), refused());
    let (mut log_in, _) = taken(Identity::scram(ScramHash::Sha256, "a", "b"));
    let refused = Err(Refusal::Credentials(Mechanism::ScramSha256).into());
    assert_eq!(log_in.take(&authenticated(58, b"", 0), NUMBER), refused);
}

#[test]
fn nothing_that_is_printed_holds_a_secret() {
    let (mut log_in, first) = taken(bearer());
    let request = Request::sasl_authenticate(first, NUMBER);
    let step = Step::Ask(request.clone());
    let refused = log_in.take(&authenticated(58, b"", 0), NUMBER).expect_err("refused");
    let (scram, _) = taken(Identity::scram(ScramHash::Sha512, "svc", "pencil"));
    let plain = Identity::plain("svc", "pencil");
    let printed = format!("{log_in:?} {request:?} {step:?} {refused:?} {refused} {scram:?} {plain:?}");
    assert!(
        !printed.contains("eyJ") && !printed.contains("c2VjcmV0") && !printed.contains("pencil"),
        "{printed}"
    );
}

#[test]
fn a_token_holds_nothing_but_a_token() {
    for text in ["", "a\u{1}auth=Bearer b", "a b", "a,b", "a\n", "é"] {
        assert_eq!(Identity::bearer(text, 0).err(), Some(BadToken), "{text:?}");
    }
    assert!(Identity::bearer("aZ09-._~+/==", 0).is_ok());
}

#[test]
fn an_answer_that_is_cut_anywhere_is_malformed() {
    let answer = handshake(33, &["PLAIN", "OAUTHBEARER"]);
    for length in 0..answer.len() {
        let (mut log_in, _) = LogIn::begin(bearer(), NUMBER);
        assert_eq!(log_in.take(&answer[..length], NUMBER), Err(Malformed.into()), "{length}");
    }
    // What follows the lifetime are fields that newer brokers add.
    let answer = authenticated(0, b"", 1000);
    for length in 0..answer.len() - 1 {
        let (mut log_in, _) = taken(bearer());
        assert_eq!(log_in.take(&answer[..length], NUMBER), Err(Malformed.into()), "{length}");
    }
}

proptest! {
    #[test]
    fn no_answers_make_a_log_in_panic_or_last(answers in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 5)) {
        for identity in [bearer(), Identity::plain("a", "b"), Identity::scram(ScramHash::Sha256, "a", "b")] {
            let (mut log_in, _) = LogIn::begin(identity, NUMBER);
            let n_asked = answers.iter().take_while(|answer| matches!(log_in.take(answer, NUMBER), Ok(Step::Ask(_)))).count();
            prop_assert!(n_asked <= 2);
        }
    }
}
