//! Which version? Read from what a tool prints, and from `Cargo.lock`.

/// The first dotted number in `text`, as `[major, minor, patch]`; missing parts are 0.
pub(crate) fn parse(text: &str) -> Option<[u32; 3]> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let number = text[start..].split(|c: char| !c.is_ascii_digit() && c != '.').next()?;
    let mut parts = number.split('.').map(|part| part.parse().unwrap_or(0));
    Some([parts.next()?, parts.next().unwrap_or(0), parts.next().unwrap_or(0)])
}

/// Whether `text` has the version `wanted` as a word of its own: `wasm-pack 0.15.1` has `0.15.1`, not `0.15`.
pub(crate) fn says(text: &str, wanted: &str) -> bool {
    text.split_whitespace().any(|word| word.trim_start_matches('v') == wanted)
}

/// The version of package `name` in the text of a `Cargo.lock`.
pub(crate) fn locked<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = lock.lines();
    lines.find(|line| value(line, "name") == Some(name))?;
    lines.next().and_then(|line| value(line, "version"))
}

fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_tools_print() {
        assert_eq!(parse("v20.20.2"), Some([20, 20, 2]));
        assert_eq!(parse("openjdk version \"17.0.15\" 2025-04-15"), Some([17, 0, 15]));
        assert_eq!(parse("rustc 1.96.0 (abc 2026-05-01)"), Some([1, 96, 0]));
        assert_eq!(parse("java 21"), Some([21, 0, 0]));
        assert_eq!(parse("no version"), None);
    }

    #[test]
    fn only_the_whole_version_counts() {
        assert!(says("wasm-pack 0.15.1", "0.15.1"));
        assert!(says("v0.15.1\n", "0.15.1"));
        assert!(!says("wasm-pack 0.15.10", "0.15.1"));
    }

    #[test]
    fn locked_version_is_that_of_the_named_package() {
        let lock = "[[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"0.2.9\"\n\n[[package]]\n\
                    name = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(locked(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked(lock, "js-sys"), None);
    }
}
