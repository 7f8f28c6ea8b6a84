//! What is a caller told who is refused?

use purple_sector_codec::bridge_protocol::SUBPROTOCOL;
use serde_json::json;
use thiserror::Error;
use warp::Reply;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use crate::auth::Refusal;

/// Why a request is refused before anything is served. Callers see it as `{"error":{"code":…,"message":…}}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub(crate) enum Problem {
    #[error(transparent)]
    Access(#[from] Refusal),
    #[error("pages of this origin may not connect; the operator can allow them (ALLOWED_ORIGINS)")]
    Origin,
    #[error(
        "this name is not known to be the operators' listener; use its address, or allow the name (OPS_HOSTS)"
    )]
    Host,
    #[error("{0}")]
    BadRequest(&'static str),
    #[error("there is nothing at this address")]
    NotFound,
    #[error("this method is not allowed here")]
    Method,
    #[error("this address speaks WebSocket, version 13")]
    UpgradeRequired,
    #[error("this user has too many viewers at once; close one or try again later")]
    TooManyViewers,
    #[error("the bridge is stopping")]
    Stopping,
    #[error("Kafka cannot be reached")]
    NotReady,
}

impl warp::reject::Reject for Problem {}

impl Problem {
    /// Status and stable code.
    fn name(self) -> (StatusCode, &'static str) {
        match self {
            Self::Access(Refusal::TokenMissing) => (StatusCode::UNAUTHORIZED, "token_missing"),
            Self::Access(Refusal::TokenExpired) => (StatusCode::UNAUTHORIZED, "token_expired"),
            Self::Access(Refusal::TokenInvalid) => (StatusCode::UNAUTHORIZED, "token_invalid"),
            Self::Access(Refusal::OtherUser) => (StatusCode::FORBIDDEN, "other_user"),
            Self::Access(Refusal::NotForKafka) => (StatusCode::FORBIDDEN, "token_not_for_kafka"),
            Self::Access(Refusal::UserMissing) => (StatusCode::BAD_REQUEST, "user_missing"),
            Self::Access(Refusal::UserInvalid) => (StatusCode::BAD_REQUEST, "user_invalid"),
            Self::Origin => (StatusCode::FORBIDDEN, "origin_refused"),
            Self::Host => (StatusCode::MISDIRECTED_REQUEST, "host_refused"),
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, "bad_request"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::UpgradeRequired => (StatusCode::UPGRADE_REQUIRED, "upgrade_required"),
            Self::TooManyViewers => (StatusCode::TOO_MANY_REQUESTS, "too_many_viewers"),
            Self::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
            Self::NotReady => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
        }
    }

    /// The answer to the caller.
    pub(crate) fn into_response(self) -> Response {
        let (status, code) = self.name();
        let body = json!({ "error": { "code": code, "message": self.to_string() } });
        let mut response = warp::reply::with_status(warp::reply::json(&body), status).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self {
            Self::Access(_) if status == StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::Method => {
                headers.insert(header::ALLOW, HeaderValue::from_static("GET"));
            }
            Self::UpgradeRequired => {
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
                headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
                headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
            }
            Self::TooManyViewers | Self::Stopping | Self::NotReady => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
        response
    }
}
