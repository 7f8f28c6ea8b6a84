//! How do the dashboard's files get to the browser?

use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::HeaderMap;
use warp::path::FullPath;
use warp::reply::Response;

use crate::dashboard::Dashboard;

/// Serves the dashboard, `index.html` at `/`.
pub(super) fn dashboard(dashboard: Dashboard) -> BoxedFilter<(Response,)> {
    warp::get()
        .or(warp::head())
        .unify()
        .and(warp::path::full())
        .and(warp::header::headers_cloned())
        .and_then(move |path: FullPath, headers: HeaderMap| {
            let answer = dashboard.answer(path.as_str(), &headers);
            async move { answer.ok_or_else(warp::reject::not_found) }
        })
        .boxed()
}
