//! What may the page do? Run its own scripts and WebAssembly, show its own files, and speak to the operator's bridges.

use crate::origin::Origin;

/// The page's Content-Security-Policy; `bridges` are where it may connect besides its own origin.
pub(super) fn policy(bridges: &[Origin]) -> String {
    let mut connect = "'self'".to_owned();
    for bridge in bridges {
        // The page asks by a plain request, too: it learns why a WebSocket was refused.
        for scheme in bridge.schemes() {
            connect.push_str(&format!(" {scheme}://{}", bridge.authority()));
        }
    }
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; font-src 'self'; \
         connect-src {connect}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        Origin::parse(text).expect("an origin")
    }

    #[test]
    fn the_page_connects_where_the_operator_says() {
        assert!(policy(&[]).contains("; connect-src 'self'; "));
        let policy = policy(&[origin("https://eu.example.com"), origin("http://127.0.0.1:8081")]);
        let expected = "; connect-src 'self' https://eu.example.com wss://eu.example.com \
                        http://127.0.0.1:8081 ws://127.0.0.1:8081; ";
        assert!(policy.contains(expected), "{policy}");
    }

    #[test]
    fn nothing_inline_runs() {
        assert!(!policy(&[]).contains("unsafe-inline") && !policy(&[]).contains("'unsafe-eval'"));
    }
}
