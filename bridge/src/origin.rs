//! Does this page come from where it may come from?
//!
//! WebSockets are not covered by CORS: a page of any site can open one. What distinguishes them is the `Origin` header,
//! which no page can forge.

use crate::host::is_local_name;

/// Scheme, host and port of a page, as browsers send them: lower case, no default port, no slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: &'static str,
    /// Host, and `:port` where it is not the scheme's own.
    authority: String,
}

impl Origin {
    /// Reads `https://host` or `http://host:port`; anything else, `null` included, is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, default_port, authority) = if let Some(authority) = text.strip_prefix("https://") {
            ("https", ":443", authority)
        } else {
            ("http", ":80", text.strip_prefix("http://")?)
        };
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
        if authority.is_empty() || !authority.bytes().all(allowed) {
            return None;
        }
        let authority = authority.to_ascii_lowercase();
        let authority = authority.strip_suffix(default_port).unwrap_or(&authority).to_owned();
        Some(Self { scheme, authority })
    }

    /// Its scheme, and that of its WebSockets.
    pub(crate) fn schemes(&self) -> [&'static str; 2] {
        [self.scheme, if self.scheme == "https" { "wss" } else { "ws" }]
    }

    /// Host, and `:port` where it is not the scheme's own.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }
}

/// Which pages may connect.
#[derive(Debug, Clone)]
pub struct Origins {
    /// Origins that may connect besides the bridge's own.
    pub allowed: Vec<Origin>,
    /// The bridge runs without tokens. Then a page may not claim to be the bridge's own by a name that anyone could make
    /// point here (DNS rebinding): only by an address or a local name.
    pub open: bool,
}

impl Origins {
    /// Whether a page of `origin` may connect to a bridge that it addressed as `host` (the `Host` header).
    pub fn allows(&self, origin: &str, host: &str) -> bool {
        let Some(origin) = Origin::parse(origin) else { return false };
        let host = host.to_ascii_lowercase();
        let own = Origin::parse(&format!("{}://{host}", origin.scheme)).is_some_and(|own| own == origin)
            && (!self.open || is_local_name(name_of(&host)));
        own || self.allowed.contains(&origin)
    }
}

/// `host` without its port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(origin: &str, host: &str, expected: bool) {
        let allowed = vec![Origin::parse("https://app.example.com").expect("an origin")];
        let origins = Origins { allowed, open: false };
        assert_eq!(origins.allows(origin, host), expected, "{origin} at {host}");
    }

    #[test]
    fn the_own_host_and_listed_origins_may_connect() {
        check("http://localhost:8080", "localhost:8080", true);
        check("https://bridge.example.com", "bridge.example.com", true);
        check("https://bridge.example.com", "bridge.example.com:443", true);
        check("http://[::1]:8080", "[::1]:8080", true);
        check("HTTP://x", "x", false); // browsers send lower case; anything else is not a browser
        check("https://app.example.com", "bridge.example.com", true);
    }

    #[test]
    fn everything_else_may_not() {
        for origin in [
            "null",
            "",
            "https://evil.com",
            "http://app.example.com",
            "https://app.example.com:8443",
            "https://app.example.com/",
            "https://app.example.com.evil.com",
            "https://evil.com/https://app.example.com",
            "https://app.example.com@evil.com",
            "https://xapp.example.com",
            "https://app.example.com\u{0}",
            "app.example.com",
            "//app.example.com",
            "file://",
            "http://bridge.example.com:8080",
            "https://bridge.example.com.evil.com",
            "http://",
            "https://аpp.example.com",
        ] {
            check(origin, "bridge.example.com", false);
        }
        check("http://localhost:8081", "localhost:8080", false);
        check("http://localhost", "localhost:8080", false);
    }

    #[test]
    fn without_tokens_a_public_name_is_not_believed_to_be_ours() {
        let origins = Origins { allowed: Vec::new(), open: true };
        for host in
            ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "racing-pc:8080", "pc.local", "a.localhost"]
        {
            assert!(origins.allows(&format!("http://{host}"), host), "{host}");
        }
        for host in ["rebind.evil.com:8080", "evil.com", "127.0.0.1.evil.com", "1.2.3.4.nip.io:8080"] {
            assert!(!origins.allows(&format!("http://{host}"), host), "{host}");
        }
    }
}
