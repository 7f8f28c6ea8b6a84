//! Is the name that a caller used for this bridge one that strangers cannot make?
//!
//! A stranger's page may make its own name point to this machine (DNS rebinding). For the browser, what answers there is
//! then the page's own server, and what it says may be read. The `Host` header gives that away: it still holds the stranger's name.

use std::net::IpAddr;

use hyper::http::uri::Authority;

/// Names under which a listener without tokens may be reached, besides addresses and local names.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    /// In lower case.
    pub allowed: Vec<HostName>,
}

/// A DNS name, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName(String);

impl HostName {
    /// Reads a name without a scheme, a port or a path.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let good = !text.is_empty() && text.bytes().all(allowed);
        good.then(|| Self(text.to_ascii_lowercase()))
    }
}

impl Hosts {
    /// Whether a request that says it is for `authority` may be answered. Browsers always say so.
    pub(crate) fn allows(&self, authority: Option<&Authority>) -> bool {
        let host = authority.map(|authority| authority.host().to_ascii_lowercase()).unwrap_or_default();
        is_local_name(&host) || self.allowed.iter().any(|HostName(name)| *name == host)
    }
}

/// Whether `host` is an address, or a name that the public DNS cannot answer for. No port; lower case.
pub(crate) fn is_local_name(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().is_ok()
        || !(host.is_empty() || host.contains(['.', ':']))
        || [".localhost", ".local", ".internal"].iter().any(|end| host.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: &str, expected: bool) {
        let hosts = Hosts { allowed: vec![HostName::parse("Ops.example.com").expect("a name")] };
        let authority: Authority = host.parse().expect("a Host header that is read");
        assert_eq!(hosts.allows(Some(&authority)), expected, "{host}");
    }

    #[test]
    fn addresses_local_names_and_allowed_ones_are_answered() {
        for host in [
            "127.0.0.1:9100",
            "127.0.0.1",
            "[::1]:9100",
            "[2001:db8::1]",
            "10.0.0.7:9100",
            "localhost:9100",
            "LOCALHOST",
            "bridge:9100",
            "bridge.monitoring.svc.cluster.local:9100",
            "pc.internal",
            "ops.example.com",
            "OPS.example.com:9100",
        ] {
            check(host, true);
        }
    }

    #[test]
    fn other_names_are_not() {
        for host in [
            "evil.com",
            "rebind.evil.com:9100",
            "127.0.0.1.evil.com",
            "127.0.0.1.nip.io:9100",
            "localhost.evil.com",
            "local.evil.com:80",
            "xops.example.com",
            "ops.example.com.evil.com",
            "example.com",
            "evil.com.",
            "local.",
        ] {
            check(host, false);
        }
        assert!(!Hosts::default().allows(None));
    }

    #[test]
    fn a_name_has_no_scheme_port_or_path() {
        for text in ["", "https://a.example", "a.example:9100", "a.example/", "*.example", "a b", "é.example"]
        {
            assert_eq!(HostName::parse(text), None, "{text}");
        }
    }
}
