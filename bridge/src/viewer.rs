//! How does one viewer live?
//!
//! It is greeted, gets what its feed has for it, and is told why when it ends. All of it is one task, so nothing that a
//! viewer does or leaves undone can delay another.

mod clock;
mod ending;
mod meter;
mod rate;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use purple_sector_codec::SessionId;
use purple_sector_codec::bridge_protocol::{
    ClientMessage, MAX_CLIENT_MESSAGE_LEN, MAX_SERVER_MESSAGE_LEN, PROTOCOL_VERSION, ServerMessage, close,
};
use purple_sector_kafka::TopicId;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use self::clock::{Due, PING_EVERY, Pulse, TokenClock};
use self::ending::End;
use self::meter::{Metered, Written};
use self::rate::Rate;
use crate::audit::{self, What};
use crate::auth::{Admission, Refusal, VerifiedUser, Withdrawal};
use crate::bridge::{Bridge, Seat};
use crate::feed::{Closed, JoinOptions, ViewerHandle};
use crate::http::Connection;
use crate::time::{unix_s, unix_us};

/// How long the switch from HTTP to WebSocket may take.
const UPGRADE_WITHIN: Duration = Duration::from_secs(5);
/// How long writing may make no progress before the peer counts as dead.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// Messages that are written before a flush.
const MAX_BATCH: usize = 64;
/// Frames that a viewer may send: in the long run, and at once.
const FRAMES: (u32, u32) = (10, 30);
/// What viewers are told that this bridge can: bits of `bridge_protocol::capability`. Cursors and last seconds are
/// served live so far.
const CAPABILITIES: u32 = 0;

/// tungstenite's own default is 128 KiB of read buffer per socket. The write buffer grows only while there is something
/// to write, and puts small messages that wait together into one write.
const READ_BUFFER_BYTES: usize = 4 * 1024;
const WRITE_BUFFER_BYTES: usize = 4 * 1024;

/// A viewer's WebSocket, and what bounds its use.
struct Socket {
    stream: WebSocketStream<Metered<TokioIo<Upgraded>>>,
    /// How much of what was sent has left.
    written: Written,
    token: TokenClock,
}

/// A viewer that passed all checks.
pub(crate) struct Viewer {
    bridge: Arc<Bridge>,
    user: VerifiedUser,
    /// What let it in; a refresh brings a newer one for the same user.
    admission: Admission,
    /// Its place among the user's viewers.
    _seat: Seat,
    /// Its place among the connections.
    connection: Connection,
}

impl Viewer {
    pub(crate) fn new(bridge: Arc<Bridge>, admission: Admission, seat: Seat, connection: Connection) -> Self {
        let user = admission.user().clone();
        Self { bridge, user, admission, _seat: seat, connection }
    }
}

/// What can happen to a viewer.
enum Event {
    Stop,
    Withdrawn(Withdrawal),
    Clock,
    Client(Option<Result<Message, SocketError>>),
    Feed(Result<Bytes, Closed>),
}

/// Serves a viewer until it leaves or has to.
pub(crate) async fn run(viewer: Viewer, on_upgrade: OnUpgrade) {
    let upgraded = match timeout(UPGRADE_WITHIN, on_upgrade).await {
        Ok(Ok(upgraded)) => Metered::new(TokioIo::new(upgraded), Instant::now().into_std()),
        Ok(Err(error)) => {
            return debug!(user = %viewer.user, %error, "client left before its WebSocket was open");
        }
        Err(_) => return debug!(user = %viewer.user, "client took too long to open its WebSocket"),
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_BYTES + 2 * MAX_SERVER_MESSAGE_LEN)
        .max_message_size(Some(MAX_CLIENT_MESSAGE_LEN))
        .max_frame_size(Some(MAX_CLIENT_MESSAGE_LEN));
    let written = upgraded.written();
    let stream = WebSocketStream::from_raw_socket(upgraded, Role::Server, Some(config)).await;
    let token = token_clock(&viewer.admission);
    let mut socket = Socket { stream, written, token };
    debug!(user = %viewer.user, "viewer came");
    let Err(end) = live(&viewer, &mut socket).await;
    debug!(user = %viewer.user, %end, "viewer goes");
    ending::close(socket.stream, end).await;
}

/// Everything between the greeting and the end.
async fn live(viewer: &Viewer, socket: &mut Socket) -> Result<std::convert::Infallible, End> {
    let bridge = &viewer.bridge;
    let joined = match viewer.admission.for_kafka().cloned() {
        Some(token) => bridge.feeds.join_with(token, JoinOptions::default()).await,
        None => bridge.feeds.join(viewer.user.clone(), JoinOptions::default()).await,
    };
    let mut feed = joined.map_err(|error| End::could_not_join(&error))?;
    let mut greeted = feed.topic_id();
    greet(viewer, socket, greeted).await?;

    let started = Instant::now().into_std();
    let mut pulse = Pulse::new(started);
    let mut rate = Rate::new(FRAMES.0, FRAMES.1, started);
    let mut withdrawn = pin!(bridge.access.withdrawn(viewer.admission.clone()));
    loop {
        let look_at = socket.token.deadline().map_or(pulse.deadline(), |at| at.min(pulse.deadline()));
        let event = tokio::select! {
            biased;
            () = bridge.stop.cancelled() => Event::Stop,
            why = withdrawn.as_mut() => Event::Withdrawn(why),
            // Before the clock: after a pause of this process an answer may be waiting already.
            frame = socket.stream.next() => Event::Client(frame),
            () = sleep_until(look_at.into()) => Event::Clock,
            message = feed.next() => Event::Feed(message),
        };
        let now = Instant::now().into_std();
        match event {
            Event::Stop => return Err(End::stopping()),
            Event::Withdrawn(why) => {
                audit::withdrawn(&viewer.user, viewer.connection.address, why);
                return Err(End::close(close::BAD_TOKEN, why.to_string()));
            }
            Event::Clock => {
                for due in [pulse.due(now), socket.token.due(now)].into_iter().flatten() {
                    on_clock(viewer, socket, due).await?;
                }
            }
            Event::Client(None) => return Err(End::Left),
            Event::Client(Some(Err(error))) => return Err(End::broken(&error)),
            Event::Client(Some(Ok(frame))) => {
                pulse.heard(now);
                if !rate.take(1, now) {
                    return Err(End::close(close::TOO_MANY, "too many messages"));
                }
                match frame {
                    Message::Binary(bytes) => {
                        if let Some(admission) = on_message(viewer, socket, &feed, &bytes).await? {
                            withdrawn.set(bridge.access.withdrawn(admission));
                        }
                    }
                    Message::Text(_) => return Err(End::close(close::PROTOCOL_ERROR, "messages are binary")),
                    Message::Close(_) => return Err(End::Left),
                    // tungstenite has the answer to a ping ready; it goes out with a flush.
                    Message::Ping(_) => flush(viewer, socket).await?,
                    Message::Pong(_) | Message::Frame(_) => {}
                }
            }
            Event::Feed(Ok(first)) => {
                if feed.topic_id() != greeted {
                    greeted = feed.topic_id();
                    greet(viewer, socket, greeted).await?;
                }
                forward(viewer, socket, first, &mut feed).await?;
            }
            Event::Feed(Err(closed)) => return Err(End::feed_closed(closed)),
        }
    }
}

/// Says where the viewer is: at first, and again when its topic is another one.
async fn greet(viewer: &Viewer, socket: &mut Socket, topic_id: TopicId) -> Result<(), End> {
    let hello = ServerMessage::Hello {
        version: PROTOCOL_VERSION,
        user: viewer.user.id().as_str(),
        server_time_us: unix_us(),
        heartbeat_ms: PING_EVERY.as_millis() as u32,
        queue_messages: u32::try_from(viewer.bridge.queue_blocks).unwrap_or(u32::MAX),
        topic_id: topic_id.0,
        capabilities: CAPABILITIES,
    };
    send(viewer, socket, &hello).await
}

async fn on_clock(viewer: &Viewer, socket: &mut Socket, due: Due) -> Result<(), End> {
    match due {
        Due::Ping => send_frame(viewer, socket, Message::Ping(Bytes::new())).await,
        Due::Dead => Err(End::Gone("no answer to a ping")),
        Due::TokenExpires { in_s } => send(viewer, socket, &ServerMessage::TokenExpiring { in_s }).await,
        Due::TokenExpired => Err(End::token_expired()),
    }
}

/// Does what a message asks for. What a refresh brought is what keeps the viewer in from now on.
async fn on_message(
    viewer: &Viewer,
    socket: &mut Socket,
    feed: &ViewerHandle,
    bytes: &[u8],
) -> Result<Option<Admission>, End> {
    let received_us = unix_us();
    let message = ClientMessage::parse(bytes)
        .map_err(|error| End::close(close::PROTOCOL_ERROR, format!("message refused: {}", error.code())))?;
    match message {
        ClientMessage::Time { client_us } => {
            let time = ServerMessage::Time { client_us, received_us, sent_us: unix_us() };
            send(viewer, socket, &time).await.map(|()| None)
        }
        ClientMessage::Subscribe(subscribe) => {
            let session = subscribe.session.map(SessionId::parse).transpose();
            let session = session.map_err(|_| End::close(close::PROTOCOL_ERROR, "no session id"))?;
            feed.subscribe(JoinOptions { session, keys_only: subscribe.keys_only }).await;
            Ok(None)
        }
        ClientMessage::Refresh { token: fresh } => {
            let admission = refresh(viewer, fresh).await?;
            socket.token = token_clock(&admission);
            if let Some(token) = admission.for_kafka() {
                feed.renew(token.clone()).await;
            }
            let in_s = socket.token.seconds_left(Instant::now().into_std());
            send(viewer, socket, &ServerMessage::TokenExpiring { in_s }).await.map(|()| Some(admission))
        }
        // From a newer viewer; what it means is optional.
        _ => Ok(None),
    }
}

/// Checks a new token, which must be for the same user.
async fn refresh(viewer: &Viewer, token: &str) -> Result<Admission, End> {
    let asked = Some(viewer.user.id().as_str());
    let address = viewer.connection.address;
    match viewer.bridge.access.admit(Some(token), asked, unix_s).await {
        Ok(admission) => {
            audit::allowed(What::Refresh, &admission, address);
            Ok(admission)
        }
        Err(refused) => {
            audit::refused(What::Refresh, Some(&viewer.user), address, &refused);
            Err(match refused.refusal {
                Refusal::OtherUser => End::close(close::FORBIDDEN, "the token is not for this user"),
                Refusal::TokenExpired => End::token_expired(),
                refusal @ Refusal::NotForKafka => End::close(close::FORBIDDEN, refusal.to_string()),
                _ => End::close(close::BAD_TOKEN, "the token is not valid"),
            })
        }
    }
}

fn token_clock(admission: &Admission) -> TokenClock {
    TokenClock::new(admission.expires_at_s(), unix_s(), Instant::now().into_std())
}

/// Writes a message of the feed and those that wait behind it, then flushes once.
async fn forward(
    viewer: &Viewer,
    socket: &mut Socket,
    first: Bytes,
    feed: &mut ViewerHandle,
) -> Result<(), End> {
    let Socket { stream, written, token } = socket;
    write(&viewer.bridge.stop, written, token, async {
        stream.feed(Message::Binary(first)).await?;
        for _ in 1..MAX_BATCH {
            let Some(next) = feed.try_next() else { break };
            stream.feed(Message::Binary(next)).await?;
        }
        stream.flush().await
    })
    .await
}

async fn send(viewer: &Viewer, socket: &mut Socket, message: &ServerMessage<'_>) -> Result<(), End> {
    send_frame(viewer, socket, Message::Binary(message.to_bytes().into())).await
}

async fn send_frame(viewer: &Viewer, socket: &mut Socket, frame: Message) -> Result<(), End> {
    write(&viewer.bridge.stop, &socket.written, &socket.token, socket.stream.send(frame)).await
}

async fn flush(viewer: &Viewer, socket: &mut Socket) -> Result<(), End> {
    write(&viewer.bridge.stop, &socket.written, &socket.token, socket.stream.flush()).await
}

/// Does one piece of writing, as long as the peer takes some of it, its token is good and the bridge runs.
async fn write(
    stop: &CancellationToken,
    written: &Written,
    token: &TokenClock,
    work: impl Future<Output = Result<(), SocketError>>,
) -> Result<(), End> {
    let mut work = pin!(work);
    loop {
        let n_before = written.get();
        let still_until = Instant::now() + WRITE_WITHIN;
        // Reading drop by drop must not keep a viewer beyond its token.
        let until = token.closes_at().map_or(still_until, |closes_at| still_until.min(closes_at.into()));
        match stop.run_until_cancelled(timeout_at(until, work.as_mut())).await {
            Some(Ok(Ok(()))) => return Ok(()),
            Some(Ok(Err(error))) => return Err(End::broken(&error)),
            Some(Err(_)) if until < still_until => return Err(End::token_expired()),
            Some(Err(_)) if written.get() > n_before => {}
            Some(Err(_)) => return Err(End::close(close::SLOW, "it does not read")),
            None => return Err(End::stopping()),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;
    use crate::auth::LEEWAY;

    /// Writes 100 bytes to a peer that has no room until it reads, and returns how and when that ended.
    async fn write_to(
        peer: impl AsyncFnOnce(DuplexStream),
        token_ends_in_s: Option<u64>,
        stop: &CancellationToken,
    ) -> (Result<(), End>, Duration) {
        let started = Instant::now();
        let token = TokenClock::new(token_ends_in_s, 0, started.into_std());
        let (near, far) = duplex(1);
        let mut near = Metered::new(near, started.into_std());
        near.write_all(&[0]).await.expect("there is room for one");
        let written = near.written();
        let writing = async {
            let work = async { near.write_all(&[0; 100]).await.map_err(SocketError::Io) };
            let result = write(stop, &written, &token, work).await;
            (result, started.elapsed())
        };
        // A peer that holds on to its end does so for as long as the writing lasts.
        tokio::select! {
            biased;
            ended = writing => ended,
            () = async { peer(far).await; std::future::pending().await } => unreachable!("the peer waits"),
        }
    }

    /// Never reads.
    async fn deaf(far: DuplexStream) {
        let _far = far;
        std::future::pending().await
    }

    /// Reads a byte every few seconds.
    async fn sips(mut far: DuplexStream) {
        loop {
            tokio::time::sleep(Duration::from_secs(8)).await;
            let _ = far.read_u8().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_nothing_is_closed_after_ten_seconds() {
        let (result, after) = write_to(deaf, None, &CancellationToken::new()).await;
        assert_eq!(result, Err(End::close(close::SLOW, "it does not read")));
        assert!((WRITE_WITHIN..WRITE_WITHIN + Duration::from_millis(10)).contains(&after), "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_drop_by_drop_gets_everything() {
        let (result, after) = write_to(sips, None, &CancellationToken::new()).await;
        assert_eq!(result, Ok(()));
        assert!(after > 99 * Duration::from_secs(7), "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn reading_drop_by_drop_does_not_outlive_the_token() {
        let (result, after) = write_to(sips, Some(60), &CancellationToken::new()).await;
        assert_eq!(result, Err(End::token_expired()));
        let end = Duration::from_secs(60) + LEEWAY;
        assert!((end..end + Duration::from_millis(10)).contains(&after), "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn stopping_ends_a_write_at_once() {
        let stop = CancellationToken::new();
        let stopping = async |far: DuplexStream| {
            tokio::time::sleep(Duration::from_secs(3)).await;
            stop.cancel();
            deaf(far).await;
        };
        let (result, after) = write_to(stopping, None, &stop).await;
        assert_eq!(result, Err(End::stopping()));
        assert!((Duration::from_secs(3)..Duration::from_millis(3_010)).contains(&after), "{after:?}");
    }
}
