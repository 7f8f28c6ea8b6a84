//! What does a caller ask for, and is it asked properly?
//!
//! Pure: headers and query in, what they mean out. Everything that could be read in two ways is refused.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use purple_sector_codec::bridge_protocol::{SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use warp::http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, HeaderName, ORIGIN, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use warp::http::{HeaderMap, Method};

use crate::auth::Refusal;
use crate::http::Problem;
use crate::origin::Origins;

/// Who a caller claims to be.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct Credentials<'a> {
    /// The token, from `Authorization` or the offered subprotocols.
    pub(crate) token: Option<&'a str>,
    /// Whether a page could have sent the token: by subprotocol, the only way that pages have.
    pub(crate) by_subprotocol: bool,
    /// Whether our subprotocol was offered, so that it has to be chosen.
    pub(crate) subprotocol: bool,
}

/// Reads the offered subprotocols and `Authorization`.
pub(crate) fn read_credentials(headers: &HeaderMap) -> Result<Credentials<'_>, Problem> {
    let mut found = Credentials::default();
    let mut offered = false;
    for value in headers.get_all(SEC_WEBSOCKET_PROTOCOL) {
        let value = value.to_str().map_err(|_| Problem::BadRequest("a subprotocol is not ASCII"))?;
        for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            offered = true;
            if let Some(token) = name.strip_prefix(TOKEN_SUBPROTOCOL_PREFIX) {
                if found.token.replace(token).is_some() {
                    return Err(Problem::BadRequest("there is more than one token"));
                }
                found.by_subprotocol = true;
            } else if name == SUBPROTOCOL && std::mem::replace(&mut found.subprotocol, true) {
                return Err(Problem::BadRequest("a subprotocol is offered twice"));
            }
        }
    }
    if offered && !found.subprotocol {
        return Err(Problem::BadRequest("offer the subprotocol purple-sector.v1"));
    }
    if let Some(value) = single(headers, AUTHORIZATION, "there is more than one Authorization header")? {
        let token = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let (_, token) = token.ok_or(Refusal::TokenInvalid)?;
        if found.token.replace(token.trim()).is_some() {
            return Err(Problem::BadRequest("there is more than one token"));
        }
    }
    Ok(found)
}

/// Refuses pages that may not connect. `origin_required`: the credentials are of a kind that pages send.
pub(crate) fn check_origin(
    headers: &HeaderMap,
    origins: &Origins,
    origin_required: bool,
) -> Result<(), Problem> {
    match single(headers, ORIGIN, "there is more than one Origin header")? {
        None if origin_required => Err(Problem::Origin),
        None => Ok(()),
        Some(origin) => {
            let host = single(headers, HOST, "there is more than one Host header")?;
            let host = host.ok_or(Problem::BadRequest("there is no Host header"))?;
            if origins.allows(origin, host) { Ok(()) } else { Err(Problem::Origin) }
        }
    }
}

/// The user that the address names, if any.
pub(crate) fn read_asked_user(query: &[(String, String)]) -> Result<Option<&str>, Problem> {
    let mut asked = query.iter().filter(|(name, _)| name == "userId").map(|(_, value)| value.as_str());
    match (asked.next(), asked.next()) {
        (first, None) => Ok(first),
        _ => Err(Problem::BadRequest("userId is given more than once")),
    }
}

/// Whether a request wants to become a WebSocket, properly or not.
pub(crate) fn asks_websocket(headers: &HeaderMap) -> bool {
    lists(headers, UPGRADE, "websocket")
}

/// Checks a WebSocket handshake (RFC 6455, section 4.2.1); returns the value of `Sec-WebSocket-Accept`.
pub(crate) fn accept_websocket(method: &Method, headers: &HeaderMap) -> Result<String, Problem> {
    if method != Method::GET {
        return Err(Problem::Method);
    }
    if !asks_websocket(headers) || !lists(headers, CONNECTION, "upgrade") {
        return Err(Problem::UpgradeRequired);
    }
    if headers.get_all(UPGRADE).iter().count() > 1 {
        return Err(Problem::BadRequest("there is more than one Upgrade header"));
    }
    let has_body = headers.contains_key(TRANSFER_ENCODING)
        || headers.get_all(CONTENT_LENGTH).iter().any(|length| length.as_bytes() != b"0");
    if has_body {
        return Err(Problem::BadRequest("a WebSocket handshake has no body"));
    }
    let version =
        single(headers, SEC_WEBSOCKET_VERSION, "there is more than one Sec-WebSocket-Version header")?;
    match version.map(str::trim) {
        Some("13") => {}
        Some(_) => return Err(Problem::UpgradeRequired),
        None => return Err(Problem::BadRequest("there is no Sec-WebSocket-Version header")),
    }
    let key = single(headers, SEC_WEBSOCKET_KEY, "there is more than one Sec-WebSocket-Key header")?;
    let key = key.ok_or(Problem::BadRequest("there is no Sec-WebSocket-Key header"))?.trim();
    if !STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16) {
        return Err(Problem::BadRequest("Sec-WebSocket-Key is not 16 bytes in Base64"));
    }
    Ok(derive_accept_key(key.as_bytes()))
}

/// The value of a header that may be there once.
fn single<'a>(
    headers: &'a HeaderMap,
    name: HeaderName,
    twice: &'static str,
) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            Ok(Some(value.to_str().map_err(|_| Problem::BadRequest("a header is not ASCII"))?))
        }
        (Some(_), Some(_)) => Err(Problem::BadRequest(twice)),
    }
}

/// Whether a comma-separated header holds `word`, in any case.
fn lists(headers: &HeaderMap, name: HeaderName, word: &str) -> bool {
    let mut values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.any(|value| value.split(',').any(|item| item.trim().eq_ignore_ascii_case(word)))
}

#[cfg(test)]
mod tests {
    use warp::http::HeaderValue;

    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).expect("a header value"));
        }
        headers
    }

    const GOOD: [(&str, &str); 4] = [
        ("upgrade", "websocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    /// The good handshake with one header replaced, or removed where there is no value.
    #[track_caller]
    fn check(name: &'static str, value: Option<&str>, expected: Problem) {
        let lines = GOOD.iter().filter(|(line, _)| *line != name).copied();
        let lines: Vec<_> = lines.chain(value.map(|value| (name, value))).collect();
        assert_eq!(accept_websocket(&Method::GET, &headers(&lines)), Err(expected));
    }

    #[test]
    fn the_handshake_of_the_rfc_is_accepted() {
        let accept = accept_websocket(&Method::GET, &headers(&GOOD));
        assert_eq!(accept.as_deref(), Ok("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    }

    #[test]
    fn other_handshakes_are_refused() {
        check("upgrade", None, Problem::UpgradeRequired);
        check("upgrade", Some("h2c"), Problem::UpgradeRequired);
        check("connection", Some("keep-alive"), Problem::UpgradeRequired);
        check("sec-websocket-version", Some("8"), Problem::UpgradeRequired);
        check("sec-websocket-version", Some("13, 8"), Problem::UpgradeRequired);
        check("sec-websocket-version", None, Problem::BadRequest("there is no Sec-WebSocket-Version header"));
        check("sec-websocket-key", None, Problem::BadRequest("there is no Sec-WebSocket-Key header"));
        let key = Problem::BadRequest("Sec-WebSocket-Key is not 16 bytes in Base64");
        check("sec-websocket-key", Some("short"), key);
        check(
            "sec-websocket-key",
            Some("dGhlIHNhbXBsZSBub25jZQ=é"),
            Problem::BadRequest("a header is not ASCII"),
        );
        check("content-length", Some("5"), Problem::BadRequest("a WebSocket handshake has no body"));
        check("transfer-encoding", Some("chunked"), Problem::BadRequest("a WebSocket handshake has no body"));
        assert_eq!(accept_websocket(&Method::POST, &headers(&GOOD)), Err(Problem::Method));
    }

    #[test]
    fn a_token_comes_in_one_of_two_ways() {
        let one = headers(&[("sec-websocket-protocol", "purple-sector.v1, bearer.a.b.c")]);
        let expected = Credentials { token: Some("a.b.c"), by_subprotocol: true, subprotocol: true };
        assert_eq!(read_credentials(&one), Ok(expected));
        let two = headers(&[
            ("sec-websocket-protocol", "bearer.a.b.c"),
            ("sec-websocket-protocol", "purple-sector.v1"),
        ]);
        assert_eq!(read_credentials(&two).map(|found| found.token), Ok(Some("a.b.c")));
        for authorization in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c "] {
            let found = headers(&[("authorization", authorization)]);
            let expected = Credentials { token: Some("a.b.c"), by_subprotocol: false, subprotocol: false };
            assert_eq!(read_credentials(&found), Ok(expected));
        }
        assert_eq!(read_credentials(&HeaderMap::new()), Ok(Credentials::default()));
    }

    #[test]
    fn doubtful_credentials_are_refused() {
        let many = Problem::BadRequest("there is more than one token");
        for (lines, expected) in [
            (vec![("sec-websocket-protocol", "purple-sector.v1, bearer.a, bearer.a")], many),
            (
                vec![
                    ("sec-websocket-protocol", "purple-sector.v1, bearer.a"),
                    ("sec-websocket-protocol", "bearer.b"),
                ],
                many,
            ),
            (
                vec![("sec-websocket-protocol", "purple-sector.v1, bearer.a"), ("authorization", "Bearer a")],
                many,
            ),
            (
                vec![("authorization", "Bearer a"), ("authorization", "Bearer b")],
                Problem::BadRequest("there is more than one Authorization header"),
            ),
            (vec![("authorization", "Basic YTpi")], Refusal::TokenInvalid.into()),
            (vec![("authorization", "a.b.c")], Refusal::TokenInvalid.into()),
            (
                vec![("sec-websocket-protocol", "bearer.a.b.c")],
                Problem::BadRequest("offer the subprotocol purple-sector.v1"),
            ),
            (
                vec![("sec-websocket-protocol", "graphql-ws")],
                Problem::BadRequest("offer the subprotocol purple-sector.v1"),
            ),
        ] {
            assert_eq!(read_credentials(&headers(&lines)).err(), Some(expected), "{lines:?}");
        }
    }

    #[test]
    fn origin_is_needed_where_pages_could_have_sent_the_token() {
        let origins = Origins { allowed: Vec::new(), open: false };
        let check =
            |lines: &[(&'static str, &str)], required| check_origin(&headers(lines), &origins, required);
        assert_eq!(check(&[("host", "a.example")], false), Ok(()));
        assert_eq!(check(&[("host", "a.example")], true), Err(Problem::Origin));
        assert_eq!(check(&[("host", "a.example"), ("origin", "https://a.example")], true), Ok(()));
        assert_eq!(
            check(&[("host", "a.example"), ("origin", "https://evil.com")], false),
            Err(Problem::Origin)
        );
        assert_eq!(check(&[("host", "a.example"), ("origin", "null")], true), Err(Problem::Origin));
        let twice = [("host", "a.example"), ("origin", "https://evil.com"), ("origin", "https://a.example")];
        assert_eq!(check(&twice, true), Err(Problem::BadRequest("there is more than one Origin header")));
        let hosts = [("host", "evil.com"), ("host", "a.example"), ("origin", "https://evil.com")];
        assert_eq!(check(&hosts, true), Err(Problem::BadRequest("there is more than one Host header")));
    }

    #[test]
    fn the_user_is_named_at_most_once() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read_asked_user(&[]), Ok(None));
        assert_eq!(read_asked_user(&[pair("x", "1"), pair("userId", "alice")]), Ok(Some("alice")));
        let twice = [pair("userId", "alice"), pair("userId", "alice")];
        assert_eq!(read_asked_user(&twice), Err(Problem::BadRequest("userId is given more than once")));
    }
}
