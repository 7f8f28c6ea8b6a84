//! How do the dashboard's files get to the browser?

use std::path::PathBuf;

use warp::filters::BoxedFilter;
use warp::http::{HeaderValue, header};
use warp::path::FullPath;
use warp::reply::Response;
use warp::{Filter, Reply};

/// What the page may do: run its own scripts and WebAssembly, and speak to a bridge.
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; connect-src 'self' ws: wss:; worker-src 'self' blob:; object-src 'none'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Files with a hash of their content in the name never change.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// All others are asked for again each time, and answered with 304 while they have not changed.
const ASK_AGAIN: &str = "no-cache";

/// Serves the files in `dir`, `index.html` at `/`. A path that would leave `dir` is not found.
pub(super) fn dashboard(dir: PathBuf) -> BoxedFilter<(Response,)> {
    warp::path::full()
        .and(warp::fs::dir(dir))
        .map(|path: FullPath, file: warp::fs::File| {
            let mut response = file.into_response();
            let cache = if path.as_str().starts_with("/assets/") { FOR_EVER } else { ASK_AGAIN };
            let headers = response.headers_mut();
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
            headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
            response
        })
        .boxed()
}
