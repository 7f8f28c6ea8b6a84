//! What are the dashboard's files, and what does a request for one get?
//!
//! They are read once, when the bridge starts: no request reaches the disk, so none leads out of the folder, and page and
//! scripts always belong together. Next to `name` there may be `name.br`, the same file compressed with brotli by the build.

mod encoding;
mod policy;

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use warp::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use warp::http::{HeaderMap, HeaderValue, StatusCode};
use warp::reply::Response;

use crate::origin::Origin;

/// Most bytes of all files: enough for a page, not for someone's home folder.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Most files, and folders within folders.
const MAX_FILES: usize = 10_000;
const MAX_DEPTH: usize = 16;
/// A file whose name holds a hash of its content never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// All others are asked for again each time, and answered with 304 while they have not changed.
const ASK_AGAIN: &str = "no-cache";

/// The dashboard's files, ready to be sent.
#[derive(Clone)]
pub struct Dashboard {
    /// By path, without the slash in front.
    files: Arc<HashMap<String, File>>,
    policy: HeaderValue,
}

struct File {
    media_type: &'static str,
    cache: &'static str,
    plain: Content,
    brotli: Option<Content>,
}

/// One form of a file.
struct Content {
    bytes: Bytes,
    /// The same for the same bytes, and for no others.
    tag: HeaderValue,
}

impl Dashboard {
    /// Reads all files in `dir`, which must have an `index.html`. Its page may connect to its own bridge and to `bridges`.
    /// Files whose name begins with a dot stay out.
    ///
    /// # Errors
    /// One sentence that names the settings to change.
    pub fn load(dir: &Path, bridges: &[Origin]) -> anyhow::Result<Self> {
        let index = dir.join("index.html");
        ensure!(
            index.is_file(),
            "{} does not exist; build the dashboard, or name another folder (--dashboard-dir, DASHBOARD_DIR)",
            index.display()
        );
        let mut read = HashMap::new();
        let mut n_bytes = 0;
        read_folder(dir, "", 0, &mut |path, bytes| {
            n_bytes += bytes.len();
            read.insert(path, bytes);
            n_bytes <= MAX_BYTES && read.len() <= MAX_FILES
        })
        .with_context(|| {
            format!("cannot read the dashboard in {} (--dashboard-dir, DASHBOARD_DIR)", dir.display())
        })?;
        let policy = HeaderValue::from_str(&policy::policy(bridges))
            .context("--dashboard-bridges (DASHBOARD_BRIDGES)")?;
        Ok(Self { files: Arc::new(files_of(read)), policy })
    }

    /// The answer to a GET for `path` (with its slash in front); `None` where there is no such file.
    pub(crate) fn answer(&self, path: &str, headers: &HeaderMap) -> Option<Response> {
        let mut path = unescaped(path.strip_prefix('/')?)?;
        if path.is_empty() || path.ends_with('/') {
            path.push_str("index.html");
        }
        let file = self.files.get(&path)?;
        let compressed = file.brotli.as_ref().filter(|_| encoding::takes_brotli(headers));
        let content = compressed.unwrap_or(&file.plain);

        let mut response = Response::default();
        let to = response.headers_mut();
        to.insert(CACHE_CONTROL, HeaderValue::from_static(file.cache));
        to.insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        to.insert(ETAG, content.tag.clone());
        if file.brotli.is_some() {
            to.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        if has_already(headers, &content.tag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Some(response);
        }
        to.insert(CONTENT_TYPE, HeaderValue::from_static(file.media_type));
        if compressed.is_some() {
            to.insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
        }
        *response.body_mut() = content.bytes.clone().into();
        Some(response)
    }
}

impl fmt::Debug for Dashboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dashboard").field("n_files", &self.files.len()).finish_non_exhaustive()
    }
}

/// Hands each file below `dir` to `take`, by its path; `take` says whether there is room for more.
fn read_folder(
    dir: &Path,
    prefix: &str,
    depth: usize,
    take: &mut impl FnMut(String, Vec<u8>) -> bool,
) -> anyhow::Result<()> {
    ensure!(depth <= MAX_DEPTH, "it has more than {MAX_DEPTH} folders within folders");
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let file = entry.path();
        // Nobody can ask for a name that is not Unicode.
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{prefix}{name}");
        // Of what a link points to: some deployments consist of links.
        let metadata = fs::metadata(&file).with_context(|| file.display().to_string())?;
        if metadata.is_dir() {
            read_folder(&file, &format!("{path}/"), depth + 1, take)?;
            continue;
        }
        ensure!(
            metadata.len() <= MAX_BYTES as u64
                && take(path, fs::read(&file).with_context(|| file.display().to_string())?),
            "it has more than {MAX_FILES} files or {} MiB, which is not a dashboard",
            MAX_BYTES / (1024 * 1024)
        );
    }
    Ok(())
}

/// What was read, as it is sent: a compressed form is not a file of its own.
fn files_of(mut read: HashMap<String, Vec<u8>>) -> HashMap<String, File> {
    let compressed: Vec<String> =
        read.keys().filter(|path| is_compressed_form(path, &read)).cloned().collect();
    let mut forms: HashMap<String, Vec<u8>> =
        compressed.into_iter().filter_map(|path| read.remove_entry(&path)).collect();
    let file = |(path, bytes): (String, Vec<u8>)| {
        let brotli = forms.remove(&format!("{path}.br")).filter(|compressed| compressed.len() < bytes.len());
        let file = File {
            media_type: media_type(&path),
            cache: if is_named_by_content(&path) { FOR_EVER } else { ASK_AGAIN },
            plain: Content::new(bytes),
            brotli: brotli.map(Content::new),
        };
        (path, file)
    };
    read.into_iter().map(file).collect()
}

fn is_compressed_form(path: &str, read: &HashMap<String, Vec<u8>>) -> bool {
    path.strip_suffix(".br").is_some_and(|whole| read.contains_key(whole))
}

impl Content {
    fn new(bytes: Vec<u8>) -> Self {
        let hash = URL_SAFE_NO_PAD.encode(&digest(&SHA256, &bytes).as_ref()[..16]);
        // Base64 has no character that a header could not hold.
        let tag = HeaderValue::from_str(&format!("\"{hash}\"")).unwrap_or(HeaderValue::from_static("\"\""));
        Self { bytes: bytes.into(), tag }
    }
}

/// A path without its `%20`s; `None` where it is not Unicode or not escaped properly.
fn unescaped(path: &str) -> Option<String> {
    let mut parts = path.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        let escaped = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| escaped)?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// Whether the caller has the bytes of this tag (RFC 9110, section 13.1.2).
fn has_already(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let listed = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    listed
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|item| item == "*" || item.strip_prefix("W/").unwrap_or(item).as_bytes() == tag.as_bytes())
}

/// Whether a file's name holds a hash of its content, as Vite makes it: `assets/index-DY1xiMf0.css`.
fn is_named_by_content(path: &str) -> bool {
    let Some((stem, _)) = path.strip_prefix("assets/").and_then(|name| name.rsplit_once('.')) else {
        return false;
    };
    let Some((before, hash)) = stem.len().checked_sub(8).and_then(|at| stem.split_at_checked(at)) else {
        return false;
    };
    // A word of eight letters is not a hash; a hash without one capital or digit is asked for again, which does no harm.
    before.len() > 1
        && before.ends_with('-')
        && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        && hash.bytes().any(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_with_a_hash_are_cached_for_a_year() {
        for path in [
            "assets/index-DY1xiMf0.css",
            "assets/inter-latin-ext-wght-normal-DO1Apj_S.woff2",
            "assets/a-b-1Apj_S-x.js",
        ] {
            assert!(is_named_by_content(path), "{path}");
        }
        for path in [
            "index.html",
            "icon-DY1xiMf0.svg",
            "assets/logo.svg",
            "assets/team-overview.js",
            "assets/DY1xiMf0.js",
            "assets/-DY1xiMf0.js",
            "assets/xDY1xiMf0.js",
            "assets/index-DY1xiMf.js",
            "assets/index-ÄY1xiMf.js",
            "assets/index-DY1xiMf0",
            "other/assets/index-DY1xiMf0.js",
        ] {
            assert!(!is_named_by_content(path), "{path}");
        }
    }

    #[test]
    fn a_folder_that_is_not_a_dashboard_is_not_read() {
        let dir = std::env::temp_dir().join(format!("bridge-dashboard-{}", std::process::id()));
        let deep = (0..=MAX_DEPTH).fold(dir.clone(), |dir, _| dir.join("in"));
        fs::create_dir_all(&deep).expect("the temporary folder is writable");
        let refused = || format!("{:#}", Dashboard::load(&dir, &[]).expect_err("it is not a dashboard"));
        assert!(refused().contains("index.html does not exist"), "{}", refused());
        fs::write(dir.join("index.html"), "hello").expect("the temporary folder is writable");
        assert!(refused().contains("more than 16 folders"), "{}", refused());
        fs::remove_dir_all(dir.join("in")).expect("made above");
        assert!(Dashboard::load(&dir, &[]).is_ok());
        // Of this length without its bytes.
        let large = fs::File::create(dir.join("film.mp4")).expect("the temporary folder is writable");
        large.set_len(MAX_BYTES as u64 + 1).expect("a file can be long");
        assert!(refused().contains("64 MiB") && refused().contains("DASHBOARD_DIR"), "{}", refused());
        fs::remove_dir_all(dir).expect("made above");
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unescaped("a%20b/%C3%A4.js").as_deref(), Some("a b/ä.js"));
        assert_eq!(unescaped("").as_deref(), Some(""));
        for odd in ["%", "a%2", "%+1", "%zz", "%ff", "%ä"] {
            assert_eq!(unescaped(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_compressed_form_counts_where_it_is_smaller() {
        let read = [("a.js", "1234"), ("a.js.br", "123"), ("b.js", "12"), ("b.js.br", "123"), ("c.br", "1")];
        let files = files_of(read.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).into());
        let mut paths: Vec<_> =
            files.iter().map(|(path, file)| (path.as_str(), file.brotli.is_some())).collect();
        paths.sort_unstable();
        assert_eq!(paths, [("a.js", true), ("b.js", false), ("c.br", false)]);
        assert_ne!(files["a.js"].plain.tag, files["a.js"].brotli.as_ref().expect("it is smaller").tag);
    }

    #[test]
    fn a_tag_is_found_among_others() {
        let tag = HeaderValue::from_static("\"abc\"");
        let check = |value: &'static str, expected| {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static(value))]);
            assert_eq!(has_already(&headers, &tag), expected, "{value}");
        };
        check("\"abc\"", true);
        check("W/\"abc\"", true);
        check("\"x\", \"abc\"", true);
        check("*", true);
        check("\"abcd\"", false);
        check("abc", false);
        check("", false);
        assert!(!has_already(&HeaderMap::new(), &tag));
    }
}
