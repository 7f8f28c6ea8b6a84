//! A viewer of whom a test sees every message: a WebSocket that speaks the bridge protocol, and the codec's own reader.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use futures_util::{SinkExt, StreamExt};
use purple_sector_codec::bridge_protocol::{ClientMessage, SUBPROTOCOL, ServerMessage};
use purple_sector_codec::{Envelope, Header, Received, StreamReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::marks::Marks;

/// One sample as it came out of the reader, with where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The session it belongs to.
    pub session: String,
    /// Unix µs on the driver's clock.
    pub captured_at_us: u64,
    /// Float channels in schema order.
    pub floats: Vec<f32>,
    /// Int channels in schema order.
    pub ints: Vec<i32>,
    /// Whether it came in the snapshot that a viewer gets first.
    pub snapshot: bool,
}

/// What one message brought.
#[derive(Debug)]
pub enum News {
    /// Samples of a block; none for a repeat, a schema, or a block that waits for its key.
    Samples(Vec<Seen>),
    /// Data was skipped or is missing; the message as text.
    Gap(String),
    /// Any other message; as text.
    Other(String),
    /// The bridge closed the connection with this code.
    Closed(Option<u16>),
}

/// A connected viewer.
pub struct Viewer {
    socket: WebSocketStream<TcpStream>,
    reader: StreamReader,
    /// The only session of interest, if there is one.
    followed: Option<String>,
    /// Whose marks everything that comes must carry, and how many records have done so.
    marks: Option<Marks>,
    n_checked: usize,
}

impl Viewer {
    /// Connects to a bridge on this machine with a token, as a browser on the bridge's own page does.
    ///
    /// # Errors
    /// With the status where the bridge refuses.
    pub async fn connect(port: u16, token: &str) -> Result<Self> {
        Self::on(TcpStream::connect(("127.0.0.1", port)).await?, port, token).await
    }

    /// As [`Viewer::connect`], with a receive buffer so small that the connection fills up soon when nobody reads.
    ///
    /// # Errors
    /// As [`Viewer::connect`].
    pub async fn connect_narrow(port: u16, token: &str) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4096)?;
        Self::on(socket.connect((Ipv4Addr::LOCALHOST, port).into()).await?, port, token).await
    }

    async fn on(stream: TcpStream, port: u16, token: &str) -> Result<Self> {
        let bearer = format!("{SUBPROTOCOL}, bearer.{token}");
        let headers = [("origin", format!("http://127.0.0.1:{port}")), ("sec-websocket-protocol", bearer)];
        match Self::upgrade(stream, port, "/v1/stream", &headers).await? {
            Ok(viewer) => Ok(viewer),
            Err(status) => bail!("the bridge refused a good token with {status}"),
        }
    }

    /// Connects with exactly these headers; the status where the bridge answers with anything but an upgrade.
    ///
    /// # Errors
    /// Where there is no HTTP answer at all.
    pub async fn connect_with(
        port: u16,
        path: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Result<Self, StatusCode>> {
        Self::upgrade(TcpStream::connect(("127.0.0.1", port)).await?, port, path, headers).await
    }

    async fn upgrade(
        stream: TcpStream,
        port: u16,
        path: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Result<Self, StatusCode>> {
        let mut request = format!("ws://127.0.0.1:{port}{path}").into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().append(*name, HeaderValue::from_str(value)?);
        }
        stream.set_nodelay(true)?;
        match client_async(request, stream).await {
            Ok((socket, response)) => {
                let protocol = response.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
                if protocol.is_some_and(|name| name != SUBPROTOCOL) {
                    bail!("the bridge chose the subprotocol {protocol:?}");
                }
                Ok(Ok(Self {
                    socket,
                    reader: StreamReader::new(),
                    followed: None,
                    marks: None,
                    n_checked: 0,
                }))
            }
            Err(Error::Http(response)) => Ok(Err(response.status())),
            Err(error) => Err(anyhow!(error).context("no HTTP answer")),
        }
    }

    /// From now on gives samples of this session only.
    pub fn follow(&mut self, session: &str) {
        self.followed = Some(session.to_owned());
    }

    /// From now on everything that comes, of whichever session, must carry these marks; anything else is an error.
    pub fn expect_marks(&mut self, marks: Marks) {
        self.marks = Some(marks);
    }

    /// Records that came since [`Viewer::expect_marks`], each with its marks.
    pub fn n_checked(&self) -> usize {
        self.n_checked
    }

    /// Sends a message of the bridge protocol.
    ///
    /// # Errors
    /// Where the connection is gone.
    pub async fn send(&mut self, message: &ClientMessage<'_>) -> Result<()> {
        let bytes = message.to_bytes();
        self.socket.send(Message::Binary(bytes.into())).await.context("the connection is gone")
    }

    /// The next message, decoded.
    ///
    /// # Errors
    /// Where none comes within `limit`, or it cannot be decoded.
    pub async fn next(&mut self, limit: Duration) -> Result<News> {
        let deadline = Instant::now() + limit;
        loop {
            let message =
                tokio::time::timeout_at(deadline, self.socket.next()).await.context("no message in time")?;
            match message {
                Some(Ok(Message::Binary(bytes))) => return self.read(&bytes),
                Some(Ok(Message::Close(frame))) => {
                    return Ok(News::Closed(frame.map(|f: CloseFrame| f.code.into())));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => bail!("not a message of the bridge protocol: {other:?}"),
                Some(Err(_)) | None => return Ok(News::Closed(None)),
            }
        }
    }

    /// Reads until `n_samples` samples have come, and returns them.
    ///
    /// # Errors
    /// Where they do not come within `limit`, or the connection closes; the error names the gaps that were announced.
    pub async fn samples(&mut self, n_samples: usize, limit: Duration) -> Result<Vec<Seen>> {
        let deadline = Instant::now() + limit;
        let (mut all, mut gaps) = (Vec::new(), Vec::new());
        while all.len() < n_samples {
            let left = deadline.saturating_duration_since(Instant::now());
            let so_far = || format!("after {} of {n_samples} samples, gaps {gaps:?}", all.len());
            match self.next(left).await.with_context(so_far)? {
                News::Samples(samples) => all.extend(samples),
                News::Closed(code) => bail!("closed with {code:?} {}", so_far()),
                News::Gap(gap) => gaps.push(gap),
                News::Other(_) => {}
            }
        }
        Ok(all)
    }

    /// Reads until the bridge closes the connection, whatever it sends before; the close frame's code.
    ///
    /// # Errors
    /// Where the connection is still open after `limit`.
    pub async fn closed(&mut self, limit: Duration) -> Result<Option<u16>> {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if let News::Closed(code) = self.next(left).await.context("the connection is still open")? {
                return Ok(code);
            }
        }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<News> {
        match ServerMessage::parse(bytes).map_err(|error| anyhow!("{error}"))? {
            ServerMessage::Data { header, record } => self.read_record(record, header.snapshot),
            ServerMessage::Hello { user, .. }
                if self.marks.as_ref().is_some_and(|m| m.user().as_str() != user) =>
            {
                bail!("greeted as {user}")
            }
            gap @ ServerMessage::Gap { .. } => Ok(News::Gap(format!("{gap:?}"))),
            other => Ok(News::Other(format!("{other:?}"))),
        }
    }

    fn read_record(&mut self, record: &[u8], snapshot: bool) -> Result<News> {
        let received = self.reader.push(record).map_err(|error| anyhow!("{error}"))?;
        if let Some(marks) = &self.marks {
            check_marks(marks, record, &received)?;
            self.n_checked += 1;
        }
        let Received::Samples(samples) = received else { return Ok(News::Samples(Vec::new())) };
        let session = samples.stream.session.to_string();
        if self.followed.as_ref().is_some_and(|followed| *followed != session) {
            return Ok(News::Samples(Vec::new()));
        }
        let seen = (0..samples.len()).map(|i| Seen {
            session: session.clone(),
            captured_at_us: samples.captured_at_us()[i],
            floats: (0..samples.schema.n_floats()).map(|c| samples.float_column(c)[i]).collect(),
            ints: (0..samples.schema.n_ints()).map(|c| samples.int_column(c)[i]).collect(),
            snapshot,
        });
        Ok(News::Samples(seen.collect()))
    }
}

/// Whether a record says by its session whose it is, or else by each of its samples.
fn check_marks(marks: &Marks, record: &[u8], received: &Received<'_>) -> Result<()> {
    match Envelope::parse(record).map_err(|error| anyhow!("{error}"))?.header {
        Header::Key { session, .. }
        | Header::Schema { session, .. }
        | Header::Facts { session }
        | Header::Event { session }
        | Header::End { session, .. } => marks.check_session(session.as_str())?,
        // The stream whose samples these are began with a key.
        Header::Block { .. } => {}
        Header::Unknown(kind) => bail!("a record of the kind {kind}, which nobody here publishes"),
    }
    match received {
        Received::Samples(samples) => {
            marks.check_session(samples.stream.session.as_str())?;
            marks.check_samples(samples)
        }
        Received::Waiting { epoch, .. } => bail!("samples of epoch {epoch} that nobody can check"),
        _ => Ok(()),
    }
}
