//! How does the bench look at a bridge? One WebSocket for each user, all on one thread; what comes is put into the tally
//! the moment it is there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Error, Result, ensure};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use purple_sector_codec::UserId;
use purple_sector_codec::bridge_protocol::SUBPROTOCOL;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::contender::{Contender, token};
use crate::tally::Tally;

/// Handshakes at once.
const AT_ONCE: usize = 64;
/// Until the last viewer has been told that it is served.
const JOIN_LIMIT: Duration = Duration::from_secs(300);
/// After the last block was sent, until the last one must have come.
const DRAIN_LIMIT: Duration = Duration::from_secs(30);
const REPEATS_WITHIN: Duration = Duration::from_secs(1);

/// Connected viewers, one for each user.
pub(crate) struct Viewers {
    tally: Arc<Mutex<Tally>>,
    tasks: JoinSet<()>,
    leave: watch::Sender<bool>,
}

impl Viewers {
    /// Connects one viewer for each of `users` (number and id) and waits until the bridge serves all of them.
    ///
    /// # Errors
    /// Where the bridge refuses one, or does not say in time that it serves it.
    pub(crate) async fn join(contender: &Contender, users: &[(u16, UserId)], tally: Tally) -> Result<Self> {
        let (leave, leaving) = watch::channel(false);
        let mut viewers = Self { tally: Arc::new(Mutex::new(tally)), tasks: JoinSet::new(), leave };
        let port = contender.port();
        let handshakes = stream::iter(users).map(|(number, user)| async move {
            let socket = connect(port, user).await.with_context(|| format!("the viewer of {user}"))?;
            anyhow::Ok((*number, socket))
        });
        let mut handshakes = handshakes.buffer_unordered(AT_ONCE);
        while let Some((number, socket)) = handshakes.try_next().await? {
            viewers.tally().connected(number);
            viewers.tasks.spawn(watch(socket, number, viewers.tally.clone(), leaving.clone()));
        }
        let deadline = Instant::now() + JOIN_LIMIT;
        while viewers.tally().n_joined() < users.len() {
            let n_joined = viewers.tally().n_joined();
            ensure!(Instant::now() < deadline, "only {n_joined} of {} viewers are served", users.len());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(viewers)
    }

    /// What they have received.
    pub(crate) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the last of `n_blocks` blocks of each of `active`, and a moment longer for what comes twice.
    ///
    /// # Errors
    /// Where a block is missing or came twice, or one came to the wrong viewer.
    pub(crate) async fn check(&self, active: &[(u16, UserId)], n_blocks: u32) -> Result<()> {
        let active: Vec<u16> = active.iter().map(|(number, _)| *number).collect();
        let deadline = Instant::now() + DRAIN_LIMIT;
        while !self.tally().is_complete(&active, n_blocks) && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tokio::time::sleep(REPEATS_WITHIN).await;
        self.tally().verdict(&active, n_blocks).map_err(Error::msg)
    }

    /// Closes all of them in order.
    pub(crate) async fn leave(mut self) {
        self.leave.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn connect(port: u16, user: &UserId) -> Result<WebSocketStream<TcpStream>> {
    let mut request = format!("ws://127.0.0.1:{port}/v1/stream").into_client_request()?;
    let protocols = format!("{SUBPROTOCOL}, bearer.{}", token(user.as_str())?);
    request.headers_mut().append("sec-websocket-protocol", HeaderValue::from_str(&protocols)?);
    request.headers_mut().append("origin", HeaderValue::from_str(&format!("http://127.0.0.1:{port}"))?);
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default().read_buffer_size(4096);
    Ok(client_async_with_config(request, stream, Some(config)).await?.0)
}

async fn watch(
    mut socket: WebSocketStream<TcpStream>,
    user: u16,
    tally: Arc<Mutex<Tally>>,
    mut leaving: watch::Receiver<bool>,
) {
    let tally = || tally.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let message = tokio::select! {
            message = socket.next() => message,
            _ = leaving.changed() => break,
        };
        match message {
            Some(Ok(Message::Binary(bytes))) => tally().received(user, &bytes, unix_us()),
            // The Node bridge's way to say it.
            Some(Ok(Message::Text(_))) => tally().joined(user),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => {
                tally().breach(format!("user {user}: the bridge closed the connection"));
                return;
            }
        }
    }
    // Whether the other side answers in time is not what is measured.
    let _ = socket.close(None).await;
    let drained = async { while let Some(Ok(_)) = socket.next().await {} };
    let _ = tokio::time::timeout(Duration::from_secs(5), drained).await;
}

fn unix_us() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
