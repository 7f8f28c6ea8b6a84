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

use crate::audit::{self, What};
use crate::auth::{Access, Admission, Refusal, Secret};
use crate::bridge::Bridge;
use crate::config::{Config, Operators};
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
        .then(|bridge: Arc<Bridge>, method, headers, query: Vec<_>, on_upgrade, connection| async move {
            stream(&bridge, &method, &headers, &query, on_upgrade, connection)
                .await
                .unwrap_or_else(Problem::into_response)
        });
    let hosts = config.operators.hosts.clone();
    let own_stats = with(bridge)
        .and(warp::path!("v1" / "stats"))
        .and(warp::get())
        .and(warp::host::optional())
        .and(warp::header::headers_cloned())
        .and(warp::query::<Vec<(String, String)>>())
        .and(warp::ext::get::<Connection>())
        .then(
            move |bridge: Arc<Bridge>,
                  host: Option<Authority>,
                  headers,
                  query: Vec<_>,
                  connection: Connection| {
                // Without tokens, a stranger's page must not read it under a name that the stranger made point here.
                let is_hidden = matches!(bridge.access, Access::Open) && !hosts.allows(host.as_ref());
                async move {
                    if is_hidden {
                        return Problem::Host.into_response();
                    }
                    let admission = admit(What::Stats, &bridge, &headers, &query, &connection).await;
                    admission.map_or_else(Problem::into_response, |caller| {
                        no_store(stats::of_user(bridge.feeds.stats(), caller.user().id()))
                    })
                }
            },
        );
    let files = match &config.dashboard {
        Some(dashboard) => files::dashboard(dashboard.clone()),
        None => warp::any().and_then(|| async { Err(warp::reject::not_found()) }).boxed(),
    };
    let routes = stream.or(own_stats).unify().or(health(bridge)).unify().or(files).unify();
    routes.recover(reject).unify().boxed()
}

/// What operators reach. There may be no secret, so a stranger's page must not read it under a name that the stranger made
/// point here.
pub(crate) fn operators(bridge: &Arc<Bridge>, settings: Operators) -> BoxedFilter<(Response,)> {
    let Operators { hosts, secret, .. } = settings;
    let by_a_known_name = warp::host::optional()
        .and_then(move |authority: Option<Authority>| {
            let known = hosts.allows(authority.as_ref());
            async move { if known { Ok(()) } else { Err(warp::reject::custom(Problem::Host)) } }
        })
        .untuple_one();
    let all_stats = with(bridge)
        .and(warp::path!("v1" / "stats"))
        .and(warp::get())
        .and(warp::header::headers_cloned())
        .map(move |bridge: Arc<Bridge>, headers| match check_secret(secret.as_ref(), &headers) {
            Ok(()) => no_store(stats::of_all(bridge.feeds.stats())),
            Err(problem) => problem.into_response(),
        });
    let routes = by_a_known_name.and(all_stats.or(health(bridge)).unify());
    routes.recover(reject).unify().boxed()
}

/// Whether an operator sent the secret, where there is one. How long it takes says nothing about what is right in it.
fn check_secret(secret: Option<&Secret>, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(secret) = secret else { return Ok(()) };
    let sent = handshake::read_credentials(headers)?.token.ok_or(Refusal::TokenMissing)?;
    let is_right =
        aws_lc_rs::constant_time::verify_slices_are_equal(sent.as_bytes(), secret.expose().as_bytes())
            .is_ok();
    if is_right { Ok(()) } else { Err(Refusal::TokenInvalid.into()) }
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

/// Everything that is checked before there is a WebSocket; none of it involves Kafka.
async fn stream(
    bridge: &Arc<Bridge>,
    method: &Method,
    headers: &HeaderMap,
    query: &[(String, String)],
    on_upgrade: Option<OnUpgrade>,
    connection: Connection,
) -> Result<Response, Problem> {
    let accept = match handshake::accept_websocket(method, headers) {
        // A browser hides why an upgrade was refused; its page asks again plainly and learns it here.
        Err(Problem::UpgradeRequired) => {
            let admitted = admit(What::Watch, bridge, headers, query, &connection).await;
            return Err(admitted.err().unwrap_or(Problem::UpgradeRequired));
        }
        accept => accept?,
    };
    let subprotocol = handshake::read_credentials(headers)?.subprotocol;
    let admission = admit(What::Watch, bridge, headers, query, &connection).await?;
    if bridge.stop.is_cancelled() {
        return Err(Problem::Stopping);
    }
    let seat = bridge.seats.take(admission.user().id().clone()).map_err(|_| Problem::TooManyViewers)?;
    let on_upgrade = on_upgrade.ok_or(Problem::BadRequest("this connection cannot be upgraded"))?;
    let thread = bridge.feeds.thread_of(admission.user().id());
    let viewer = Viewer::new(bridge.clone(), admission, seat, connection);
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
async fn admit(
    what: What,
    bridge: &Bridge,
    headers: &HeaderMap,
    query: &[(String, String)],
    connection: &Connection,
) -> Result<Admission, Problem> {
    let credentials = handshake::read_credentials(headers)?;
    let pages_send_this = credentials.by_subprotocol && !matches!(bridge.access, Access::Open);
    handshake::check_origin(headers, &bridge.origins, pages_send_this)?;
    let asked = handshake::read_asked_user(query)?;
    let admitted = bridge.access.admit(credentials.token, asked, unix_s).await;
    match &admitted {
        Ok(admission) => audit::allowed(what, admission, connection.address),
        Err(refused) => audit::refused(what, None, connection.address, refused),
    }
    admitted.map_err(|refused| refused.refusal.into())
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
