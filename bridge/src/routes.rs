//! Which addresses are there, and what do they answer?

mod files;
mod handshake;
mod stats;

use std::convert::Infallible;
use std::sync::Arc;

use hyper::upgrade::OnUpgrade;
use purple_sector_codec::bridge_protocol::SUBPROTOCOL;
use serde_json::json;
use warp::filters::BoxedFilter;
use warp::host::Authority;
use warp::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use warp::reject::{InvalidQuery, MethodNotAllowed, Rejection};
use warp::reply::Response;
use warp::{Filter, Reply};

use crate::auth::{Access, Admission};
use crate::bridge::Bridge;
use crate::config::Config;
use crate::host::Hosts;
use crate::http::{Connection, Problem};
use crate::time::unix_s;
use crate::viewer::{self, Viewer};

/// What browsers reach.
pub(crate) fn public(bridge: &Arc<Bridge>, config: &Config) -> BoxedFilter<(Response,)> {
    // At `/` a browser gets the dashboard, and a WebSocket client the stream.
    let asks_upgrade = warp::path::end()
        .and(warp::header::headers_cloned())
        .and_then(|headers: HeaderMap| async move {
            if handshake::asks_websocket(&headers) { Ok(()) } else { Err(warp::reject::not_found()) }
        })
        .untuple_one();
    let at_stream = warp::path!("v1" / "stream").or(asks_upgrade).unify();
    let stream = with(bridge)
        .and(at_stream)
        .and(warp::method())
        .and(warp::header::headers_cloned())
        .and(warp::query::<Vec<(String, String)>>())
        .and(warp::ext::optional::<OnUpgrade>())
        .and(warp::ext::get::<Connection>())
        .map(|bridge: Arc<Bridge>, method, headers, query: Vec<_>, on_upgrade, connection| {
            stream(&bridge, &method, &headers, &query, on_upgrade, connection)
                .unwrap_or_else(Problem::into_response)
        });
    let hosts = config.ops_hosts.clone();
    let own_stats = with(bridge)
        .and(warp::path!("v1" / "stats"))
        .and(warp::get())
        .and(warp::host::optional())
        .and(warp::header::headers_cloned())
        .and(warp::query::<Vec<(String, String)>>())
        .map(move |bridge: Arc<Bridge>, host: Option<Authority>, headers, query: Vec<_>| {
            // Without tokens, a page of a stranger must not read it by a name that it made.
            if matches!(bridge.access, Access::Open) && !hosts.allows(host.as_ref()) {
                return Problem::Host.into_response();
            }
            let admission = admit(&bridge, &headers, &query);
            admission.map_or_else(Problem::into_response, |caller| {
                no_store(stats::of_user(bridge.feeds.stats(), caller.user.id()))
            })
        });
    let files = match &config.dashboard {
        Some(dashboard) => files::dashboard(dashboard.clone()),
        None => warp::any().and_then(|| async { Err(warp::reject::not_found()) }).boxed(),
    };
    let routes = stream.or(own_stats).unify().or(health(bridge)).unify().or(files).unify();
    routes.recover(reject).unify().boxed()
}

/// What operators reach. There are no tokens here: a page of a stranger must not read it by a name that it made.
pub(crate) fn operators(bridge: &Arc<Bridge>, hosts: Hosts) -> BoxedFilter<(Response,)> {
    let by_a_known_name = warp::host::optional()
        .and_then(move |authority: Option<Authority>| {
            let known = hosts.allows(authority.as_ref());
            async move { if known { Ok(()) } else { Err(warp::reject::custom(Problem::Host)) } }
        })
        .untuple_one();
    let all_stats = with(bridge)
        .and(warp::path!("v1" / "stats"))
        .and(warp::get())
        .map(|bridge: Arc<Bridge>| no_store(stats::of_all(bridge.feeds.stats())));
    let routes = by_a_known_name.and(all_stats.or(health(bridge)).unify());
    routes.recover(reject).unify().boxed()
}

fn with(bridge: &Arc<Bridge>) -> impl Filter<Extract = (Arc<Bridge>,), Error = Infallible> + Clone + use<> {
    let bridge = bridge.clone();
    warp::any().map(move || bridge.clone())
}

/// `/healthz`: the process answers. `/readyz`: it can serve viewers.
fn health(bridge: &Arc<Bridge>) -> BoxedFilter<(Response,)> {
    let healthz = warp::path!("healthz").and(warp::get()).map(|| no_store(json!({ "status": "ok" })));
    let readyz = with(bridge).and(warp::path!("readyz")).and(warp::get()).map(|bridge: Arc<Bridge>| {
        if bridge.stop.is_cancelled() {
            Problem::Stopping.into_response()
        } else if !bridge.feeds.ready() {
            Problem::NotReady.into_response()
        } else {
            let login = if bridge.feeds.reads_as_users() { "user" } else { "bridge" };
            no_store(json!({ "status": "ready", "kafkaLogin": login }))
        }
    });
    healthz.or(readyz).unify().boxed()
}

/// Everything that is checked before there is a WebSocket; nothing of it touches Kafka.
fn stream(
    bridge: &Arc<Bridge>,
    method: &Method,
    headers: &HeaderMap,
    query: &[(String, String)],
    on_upgrade: Option<OnUpgrade>,
    connection: Connection,
) -> Result<Response, Problem> {
    let accept = match handshake::websocket_accept(method, headers) {
        // A browser hides why an upgrade was refused; its page asks again plainly and learns it here.
        Err(Problem::UpgradeRequired) => {
            return Err(admit(bridge, headers, query).err().unwrap_or(Problem::UpgradeRequired));
        }
        accept => accept?,
    };
    let subprotocol = handshake::credentials(headers)?.subprotocol;
    let Admission { user, expires_at_s, token } = admit(bridge, headers, query)?;
    if bridge.stop.is_cancelled() {
        return Err(Problem::Stopping);
    }
    let seat = bridge.seats.take(user.id().clone()).map_err(|_| Problem::TooManyViewers)?;
    let on_upgrade = on_upgrade.ok_or(Problem::BadRequest("this connection cannot be upgraded"))?;
    let viewer =
        Viewer { bridge: bridge.clone(), user, expires_at_s, token, _seat: seat, _connection: connection };
    let thread = bridge.feeds.thread_of(viewer.user.id());
    bridge.tasks.spawn_on(viewer::run(viewer, on_upgrade), thread.handle());

    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let accept = HeaderValue::from_str(&accept).map_err(|_| Problem::BadRequest("bad Sec-WebSocket-Key"))?;
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    if subprotocol {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    Ok(response)
}

/// Who calls, if they may.
fn admit(bridge: &Bridge, headers: &HeaderMap, query: &[(String, String)]) -> Result<Admission, Problem> {
    let credentials = handshake::credentials(headers)?;
    let pages_send_this = credentials.by_subprotocol && !matches!(bridge.access, Access::Open);
    handshake::check_origin(headers, &bridge.origins, pages_send_this)?;
    let asked = handshake::asked_user(query)?;
    Ok(bridge.access.admit(credentials.token, asked, unix_s())?)
}

fn no_store(body: serde_json::Value) -> Response {
    let mut response = warp::reply::json(&body).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Turns what no route answered into JSON.
async fn reject(rejection: Rejection) -> Result<Response, Infallible> {
    let problem = if let Some(problem) = rejection.find::<Problem>() {
        *problem
    } else if rejection.is_not_found() {
        Problem::NotFound
    } else if rejection.find::<MethodNotAllowed>().is_some() {
        Problem::Method
    } else if rejection.find::<InvalidQuery>().is_some() {
        Problem::BadRequest("the query cannot be read")
    } else {
        Problem::BadRequest("the request cannot be read")
    };
    Ok(problem.into_response())
}
