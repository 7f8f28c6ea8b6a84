//! How does a connection get from the listener to the routes?
//!
//! `warp::serve` has no time-outs and no limits, so the filters run on our own loop over hyper's HTTP/1.

mod gate;
mod problem;
mod tls;

pub(crate) use self::gate::Gate;
pub(crate) use self::problem::Problem;
pub(crate) use self::tls::Tls;

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};
use warp::filters::BoxedFilter;
use warp::http::{HeaderValue, header};
use warp::reply::Response;

use self::gate::Permit;
use crate::places::Full;

/// How long a request's head may take, also between two requests.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// Most bytes of a request's head; beyond this the answer is 431.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Most header lines; beyond this the answer is 431.
const MAX_HEADERS: usize = 64;
/// How long a connection serves plain requests before it is asked to close. Upgraded ones are not counted here.
const LIFETIME: Duration = Duration::from_secs(60);
/// How long the last answer of a closing connection may take.
const LAST_ANSWER: Duration = Duration::from_secs(10);
/// Pause after a failed accept, such as one without a free file descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Bytes that may wait in the kernel unsent: what is live must not grow old there.
const MAX_UNSENT_BYTES: u32 = 32 * 1024;

/// What one connection passes on to its requests.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    /// Where it comes from.
    pub(crate) address: IpAddr,
    /// Frees the connection's place when the last user of it is gone, which may be a viewer.
    _permit: Arc<Permit>,
}

/// Serves `routes` on `listener` until `stop`, over TLS where there is a `tls`; connections run in `tasks`.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    routes: BoxedFilter<(Response,)>,
    gate: Gate,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let mut last_warning: Option<Instant> = None;
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, peer)) => match gate.enter(peer.ip()) {
                Ok(permit) => {
                    tune(&stream);
                    let connection = Connection { address: peer.ip(), _permit: Arc::new(permit) };
                    let (routes, stop) = (routes.clone(), stop.clone());
                    match tls.clone() {
                        None => tasks.spawn(serve_connection(stream, connection, routes, stop)),
                        Some(tls) => tasks.spawn(async move {
                            match timeout(HEAD_WITHIN, tls.accept(stream)).await {
                                Ok(Ok(stream)) => serve_connection(stream, connection, routes, stop).await,
                                Ok(Err(error)) => debug!(%peer, %error, "no TLS handshake"),
                                Err(_) => debug!(%peer, "a TLS handshake took too long"),
                            }
                        }),
                    };
                }
                Err(full) => {
                    debug!(%peer, ?full, "connection refused");
                    // Over TLS an answer would need a handshake, which is what there is no room for.
                    if tls.is_none()
                        && let Some(slot) = gate.refusal()
                    {
                        tasks.spawn(async move {
                            // Best effort: the caller is turned away in any case.
                            let _ = timeout(Duration::from_secs(1), turn_away(stream, full)).await;
                            drop(slot);
                        });
                    }
                }
            },
            Err(error) => {
                if last_warning.is_none_or(|at| at.elapsed() > Duration::from_secs(10)) {
                    last_warning = Some(Instant::now());
                    warn!(%error, "cannot accept a connection, trying again");
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Answers a connection for which there is no room. What it sent is read first, or closing would cut the answer off.
async fn turn_away(mut stream: TcpStream, full: Full) -> io::Result<()> {
    let status = match full {
        Full::InAll => "503 Service Unavailable",
        Full::Each => "429 Too Many Requests",
    };
    let mut head = vec![0; 4096];
    if stream.read(&mut head).await? == 0 {
        return Ok(());
    }
    let body =
        r#"{"error":{"code":"too_many_connections","message":"too many connections, try again later"}}"#;
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nretry-after: 5\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// Makes a connection send at once, and keep little that is unsent. One that refuses either works as well.
fn tune(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(MAX_UNSENT_BYTES);
}

async fn serve_connection<S>(
    stream: S,
    connection: Connection,
    routes: BoxedFilter<(Response,)>,
    stop: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let served_routes = TowerToHyperService::new(warp::service(routes));
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(connection.clone());
        // No route takes a body, and a request that gives its length in two ways is an attempt at request smuggling.
        let answer = if request.headers().contains_key(header::TRANSFER_ENCODING) {
            Err(Problem::BadRequest("no request here has a body").into_response())
        } else {
            Ok(served_routes.call(request))
        };
        async move {
            Ok::<_, Infallible>(harden(match answer {
                Ok(answer) => answer.await.unwrap_or_else(|never| match never {}),
                Err(refusal) => refusal,
            }))
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut served = pin!(served);
    tokio::select! {
        result = served.as_mut() => return log(result),
        () = stop.cancelled() => {}
        () = sleep(LIFETIME) => {}
    }
    served.as_mut().graceful_shutdown();
    if let Ok(result) = timeout(LAST_ANSWER, served).await {
        log(result);
    }
}

/// What every answer says to browsers.
fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn log(result: hyper::Result<()>) {
    if let Err(error) = result {
        debug!(%error, "connection ended");
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::io::{DuplexStream, duplex};
    use tokio::time::Instant;
    use warp::{Filter, Reply};

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    const SOON: Duration = Duration::from_millis(10);

    /// The other end of a connection whose answers take this long.
    fn connect(answer_takes: Duration, stop: &CancellationToken) -> DuplexStream {
        let routes = warp::any().then(move || async move {
            sleep(answer_takes).await;
            "here you are".into_response()
        });
        let permit = Gate::new(1, 1).enter(Ipv4Addr::LOCALHOST.into()).expect("there is room");
        let (near, far) = duplex(64 * 1024);
        let connection = Connection { address: Ipv4Addr::LOCALHOST.into(), _permit: Arc::new(permit) };
        tokio::spawn(serve_connection(near, connection, routes.boxed(), stop.clone()));
        far
    }

    /// Reads until there is no more; what came, and how long that took.
    async fn rest(far: &mut DuplexStream) -> (String, Duration) {
        let (started, mut bytes) = (Instant::now(), Vec::new());
        far.read_to_end(&mut bytes).await.expect("a clean end");
        (String::from_utf8_lossy(&bytes).into_owned(), started.elapsed())
    }

    #[track_caller]
    fn check_time(took: Duration, expected: Duration) {
        assert!((expected..expected + SOON).contains(&took), "{took:?} instead of {expected:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_must_come_within_five_seconds() {
        let stop = CancellationToken::new();
        let mut silent = connect(Duration::ZERO, &stop);
        check_time(rest(&mut silent).await.1, HEAD_WITHIN);

        // One byte now and then does not help.
        let (mut slow, started) = (connect(Duration::ZERO, &stop), Instant::now());
        for byte in &REQUEST[..4] {
            slow.write_all(&[*byte]).await.expect("it is open");
            sleep(Duration::from_secs(1)).await;
        }
        rest(&mut slow).await;
        check_time(started.elapsed(), HEAD_WITHIN);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_another_request_is_closed() {
        let mut idle = connect(Duration::ZERO, &CancellationToken::new());
        idle.write_all(REQUEST).await.expect("it is open");
        let (answer, took) = rest(&mut idle).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("here you are"), "{answer}");
        check_time(took, HEAD_WITHIN);
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_connection_is_asked_to_close_after_a_minute() {
        let (mut busy, started) = (connect(Duration::ZERO, &CancellationToken::new()), Instant::now());
        let (mut bytes, mut n_answers) = ([0; 4096], 0);
        // Every four seconds, so that no head is late, and none in the very moment in which the minute is over.
        sleep(Duration::from_secs(1)).await;
        while busy.write_all(REQUEST).await.is_ok() && busy.read(&mut bytes).await.unwrap_or(0) > 0 {
            n_answers += 1;
            assert!(started.elapsed() < 2 * LIFETIME, "it never ends");
            sleep(Duration::from_secs(4)).await;
        }
        assert_eq!(n_answers, LIFETIME.as_secs() / 4);
    }

    #[tokio::test(start_paused = true)]
    async fn when_the_bridge_stops_an_answer_may_finish_but_not_take_long() {
        for (answer_takes, is_answered) in [(LAST_ANSWER - SOON, true), (LAST_ANSWER + SOON, false)] {
            let stop = CancellationToken::new();
            let mut client = connect(answer_takes, &stop);
            client.write_all(REQUEST).await.expect("it is open");
            sleep(Duration::from_millis(1)).await;
            stop.cancel();
            let (answer, took) = rest(&mut client).await;
            assert_eq!(answer.starts_with("HTTP/1.1 200 "), is_answered, "{answer}");
            assert!(took <= LAST_ANSWER + SOON, "{took:?}");
        }
    }
}
