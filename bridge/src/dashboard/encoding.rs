//! Does the caller take brotli? As `Accept-Encoding` says it (RFC 9110, section 12.5.3).

use warp::http::HeaderMap;
use warp::http::header::ACCEPT_ENCODING;

/// Whether brotli is accepted, and not less welcome than the file as it is.
pub(super) fn takes_brotli(headers: &HeaderMap) -> bool {
    let (mut brotli, mut any, mut identity) = (None, None, None);
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    for item in values.flat_map(|value| value.split(',')) {
        let (coding, weight) = item.split_once(';').unwrap_or((item, "q=1"));
        // What cannot be read does not count.
        let Some(weight) = weight_of(weight) else { continue };
        match coding.trim() {
            "*" => any = Some(weight),
            coding if coding.eq_ignore_ascii_case("br") => brotli = Some(weight),
            coding if coding.eq_ignore_ascii_case("identity") => identity = Some(weight),
            _ => {}
        }
    }
    let brotli = brotli.or(any).unwrap_or(0);
    brotli > 0 && brotli >= identity.unwrap_or(0)
}

/// The weight in `q=0.5`, in thousandths; `None` where it is not written as one.
fn weight_of(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, fraction) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{fraction:0<3}").parse().ok()?;
    match (whole, thousandths) {
        ("0", _) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use warp::http::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(lines: &[&'static str], expected: bool) {
        let lines = lines.iter().map(|line| (ACCEPT_ENCODING, HeaderValue::from_static(line)));
        assert_eq!(takes_brotli(&HeaderMap::from_iter(lines)), expected);
    }

    #[test]
    fn brotli_is_taken_where_it_is_welcome() {
        check(&["gzip, deflate, br, zstd"], true);
        check(&["br"], true);
        check(&["BR"], true);
        check(&["gzip;q=1.0, br;q=0.8"], true);
        check(&["br ; Q=0.001"], true);
        check(&["*"], true);
        check(&["gzip, *;q=0.5"], true);
        check(&["identity;q=0, br"], true);
        check(&["identity;q=0.5, br;q=0.5"], true);
        check(&["br;q=1."], true);
    }

    #[test]
    fn and_nowhere_else() {
        check(&[], false);
        check(&[""], false);
        check(&["gzip, deflate"], false);
        check(&["br;q=0"], false);
        check(&["br;q=0.000"], false);
        check(&["*;q=0"], false);
        check(&["*, br;q=0"], false);
        check(&["identity, br;q=0.5"], false);
        check(&["brotli"], false);
        check(&["x-br"], false);
        for odd in [
            "br;q",
            "br;q=",
            "br;q=2",
            "br;q=1.001",
            "br;q=-1",
            "br;q=0.5555",
            "br;q=nan",
            "br;x=1",
            "br;q=.5",
        ] {
            check(&[odd], false);
        }
    }

    #[test]
    fn several_lines_are_one() {
        check(&["gzip", "br"], true);
    }
}
