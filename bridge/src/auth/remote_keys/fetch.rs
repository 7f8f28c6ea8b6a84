//! How are an issuer's keys read over HTTP?

use std::fmt;
use std::time::Duration;

use reqwest::{Client, Url};
use serde::Deserialize;
use thiserror::Error;

use super::super::KeyError;

/// How long one answer may take, from connecting to its last byte.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Longest answer, in bytes.
const MAX_BYTES: usize = 1024 * 1024;
/// Where an issuer describes itself (OpenID Connect Discovery 1.0, section 4).
const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";

/// Where keys are published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// At this address.
    Jwks(Url),
    /// At the address that an OpenID issuer names in its description.
    Issuer {
        /// Its name, letter for letter as it is in tokens.
        name: String,
        /// Its description's address.
        description: Url,
    },
}

/// Why an address cannot be used, before it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EndpointError {
    /// Not an address.
    #[error("write a whole address, such as https://id.example.com")]
    NotAUrl,
    /// Anyone on the way could put their own keys there.
    #[error("keys must come over https; plain http is good only on this machine")]
    Plain,
}

/// Why keys did not come.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FetchError {
    /// There is no HTTP client.
    #[error("cannot prepare a client for https: {0}")]
    Client(#[source] reqwest::Error),
    /// No answer.
    #[error("{url} cannot be reached: {error}")]
    Unreachable {
        /// What was asked.
        url: Url,
        /// What happened.
        error: String,
    },
    /// An answer that says no.
    #[error("{url} answers with {status}")]
    Status {
        /// What was asked.
        url: Url,
        /// The HTTP status.
        status: u16,
    },
    /// More than keys can be.
    #[error("{url} answers with more than {} KiB", MAX_BYTES / 1024)]
    TooLong {
        /// What was asked.
        url: Url,
    },
    /// The description is not one, or describes someone else.
    #[error("{url} does not describe the issuer: {reason}")]
    Description {
        /// What was asked.
        url: Url,
        /// What is wrong.
        reason: String,
    },
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

impl FetchError {
    /// Whether trying again later may help without anyone changing a setting.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Status { status, .. } => *status >= 500 || *status == 429,
            _ => false,
        }
    }
}

impl Endpoint {
    /// Reads the address of a key set.
    ///
    /// # Errors
    /// See [`EndpointError`].
    pub fn jwks(text: &str) -> Result<Self, EndpointError> {
        parse(text).map(Self::Jwks)
    }

    /// Reads the address of an issuer, which is also its name in tokens.
    ///
    /// # Errors
    /// See [`EndpointError`].
    pub fn issuer(text: &str) -> Result<Self, EndpointError> {
        parse(text)?;
        let description = parse(&format!("{}{DISCOVERY_PATH}", text.trim_end_matches('/')))?;
        Ok(Self::Issuer { name: text.to_owned(), description })
    }
}

/// An address that only its owner can answer for.
fn parse(text: &str) -> Result<Url, EndpointError> {
    let url = Url::parse(text).map_err(|_| EndpointError::NotAUrl)?;
    let host = url.host_str().ok_or(EndpointError::NotAUrl)?;
    let is_this_machine = host == "localhost"
        || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_this_machine => Ok(url),
        "http" => Err(EndpointError::Plain),
        _ => Err(EndpointError::NotAUrl),
    }
}

/// A key set as it came.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fetched {
    pub(super) jwks: Vec<u8>,
}

pub(super) struct Fetcher {
    client: Client,
    endpoint: Endpoint,
}

#[derive(Deserialize)]
struct Description {
    issuer: String,
    jwks_uri: String,
}

impl Fetcher {
    pub(super) fn new(endpoint: Endpoint) -> Result<Self, FetchError> {
        // What an issuer publishes is at its own address; a redirect would move the trust somewhere else.
        let client = Client::builder().timeout(ANSWER_WITHIN).redirect(reqwest::redirect::Policy::none());
        Ok(Self { client: client.build().map_err(FetchError::Client)?, endpoint })
    }

    /// Reads the keys that are published now.
    pub(super) async fn fetch(&self) -> Result<Fetched, FetchError> {
        let url = match &self.endpoint {
            Endpoint::Jwks(url) => url.clone(),
            Endpoint::Issuer { name, description } => self.discover(name, description).await?,
        };
        Ok(Fetched { jwks: self.get(&url).await? })
    }

    /// Where the issuer says that its keys are.
    async fn discover(&self, name: &str, url: &Url) -> Result<Url, FetchError> {
        let answer = self.get(url).await?;
        let described = |reason: String| FetchError::Description { url: url.clone(), reason };
        let description: Description =
            serde_json::from_slice(&answer).map_err(|error| described(error.to_string()))?;
        if description.issuer != name {
            let found = description.issuer.escape_debug();
            return Err(described(format!("it says \"{found}\"; set the issuer letter for letter")));
        }
        parse(&description.jwks_uri).map_err(|error| described(format!("its jwks_uri: {error}")))
    }

    async fn get(&self, url: &Url) -> Result<Vec<u8>, FetchError> {
        let unreachable = |error: reqwest::Error| FetchError::Unreachable {
            url: url.clone(),
            error: causes(&error.without_url()),
        };
        let mut response = self.client.get(url.clone()).send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(FetchError::Status { url: url.clone(), status });
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(FetchError::TooLong { url: url.clone() });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// An error with what caused it, which says what went wrong.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl fmt::Display for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.endpoint {
            Endpoint::Jwks(url) | Endpoint::Issuer { description: url, .. } => url.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_https_or_from_this_machine() {
        for good in [
            "https://id.example",
            "https://id.example/realms/a/",
            "http://localhost:3000",
            "http://127.0.0.1:1",
            "http://[::1]:1/x",
        ] {
            assert!(Endpoint::issuer(good).is_ok(), "{good}");
        }
        for plain in [
            "http://id.example",
            "http://10.0.0.1",
            "http://localhost.evil.example",
            "http://127.0.0.1.nip.io",
        ] {
            assert_eq!(Endpoint::jwks(plain), Err(EndpointError::Plain), "{plain}");
        }
        for other in ["", "id.example", "file:///etc/passwd", "ftp://a.example", "https://", "data:,x"] {
            assert_eq!(Endpoint::jwks(other), Err(EndpointError::NotAUrl), "{other}");
        }
    }

    #[test]
    fn what_may_pass_is_waited_for() {
        let url = || Url::parse("https://id.example").expect("an address");
        let status = |status| FetchError::Status { url: url(), status };
        assert!(
            status(503).may_pass()
                && status(429).may_pass()
                && !status(404).may_pass()
                && !status(302).may_pass()
        );
        assert!(FetchError::Unreachable { url: url(), error: String::new() }.may_pass());
        assert!(!FetchError::from(KeyError::Empty).may_pass());
    }
}
