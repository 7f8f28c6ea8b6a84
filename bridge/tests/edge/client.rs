//! A client that writes its own bytes.

use std::net::SocketAddr;
use std::time::Duration;

use purple_sector_codec::bridge_protocol::{ClientMessage, ServerMessage};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

/// Longer than anything here should take, short enough to see a failure. It bounds a whole wait, so that a bridge that
/// goes on sending something else is seen as well as one that is silent.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The stable code of a refusal.
    pub(crate) fn code(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["error"]["code"].as_str().unwrap_or("(none)").to_owned()
    }
}

/// One connection, plain at first.
pub(crate) struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

impl From<TcpStream> for Client {
    fn from(stream: TcpStream) -> Self {
        Self { stream, read: Vec::new() }
    }
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        TcpStream::connect(address).await.expect("the port is open").into()
    }

    /// Writes as much as the server takes; a server that has closed is seen when reading.
    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = timeout(PATIENCE, self.stream.write_all(bytes.as_ref())).await.expect("the server reads");
    }

    /// Reads more; false at the end of the connection.
    async fn more(&mut self, deadline: Instant) -> bool {
        let read = timeout_at(deadline, self.stream.read_buf(&mut self.read)).await;
        read.expect("it comes in time").is_ok_and(|n| n > 0)
    }

    /// Takes at most this many bytes out of the connection.
    pub(crate) async fn sip(&mut self, n_bytes: usize) {
        let mut bytes = vec![0; n_bytes];
        let _ = timeout(Duration::from_millis(100), self.stream.read(&mut bytes)).await;
    }

    /// Reads the head of one HTTP answer, and nothing after it; `None` if the connection ends without one.
    pub(crate) async fn head(&mut self) -> Option<Answer> {
        self.head_until(Instant::now() + PATIENCE).await
    }

    async fn head_until(&mut self, deadline: Instant) -> Option<Answer> {
        let head_len = loop {
            if let Some(at) = self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            if !self.more(deadline).await {
                return None;
            }
        };
        let head = String::from_utf8(self.read.drain(..head_len).collect()).expect("a head is text");
        let status =
            head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("an answer has a status");
        Some(Answer { status, head, body: String::new() })
    }

    /// Reads one HTTP answer; `None` if the connection ends without one.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        let deadline = Instant::now() + PATIENCE;
        let mut answer = self.head_until(deadline).await?;
        let body_len = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        while self.read.len() < body_len {
            assert!(self.more(deadline).await, "the body is whole");
        }
        answer.body = String::from_utf8_lossy(&self.read.drain(..body_len).collect::<Vec<_>>()).into_owned();
        Some(answer)
    }

    /// Waits for the end of the connection, whatever comes before it.
    pub(crate) async fn ended(&mut self) {
        self.ended_within(PATIENCE).await;
    }

    pub(crate) async fn ended_within(&mut self, patience: Duration) {
        let deadline = Instant::now() + patience;
        while self.more(deadline).await {
            self.read.clear();
        }
    }

    /// Sends a frame as clients do: masked (here with zeros). `head` is FIN, reserved bits and opcode.
    pub(crate) async fn frame(&mut self, head: u8, payload: &[u8]) {
        let mut bytes = vec![head];
        match payload.len() {
            n @ 0..=125 => bytes.push(0x80 | n as u8),
            n @ 126..=65_535 => {
                bytes.push(0x80 | 126);
                bytes.extend((n as u16).to_be_bytes());
            }
            n => {
                bytes.push(0x80 | 127);
                bytes.extend((n as u64).to_be_bytes());
            }
        }
        bytes.extend([0; 4]);
        bytes.extend(payload);
        self.write(bytes).await;
    }

    pub(crate) async fn send(&mut self, message: ClientMessage<'_>) {
        self.frame(0x80 | BINARY, &message.to_bytes()).await;
    }

    /// The next frame's opcode and payload; `None` at the end of the connection.
    pub(crate) async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        self.next_until(Instant::now() + PATIENCE).await
    }

    pub(crate) async fn next_until(&mut self, deadline: Instant) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some((start, end)) = frame_bounds(&self.read) {
                let opcode = self.read[0] & 0x0f;
                assert_eq!(self.read[0] & 0xf0, 0x80, "the bridge sends whole frames without extensions");
                let payload = self.read[start..end].to_vec();
                self.read.drain(..end);
                return Some((opcode, payload));
            }
            if !self.more(deadline).await {
                return None;
            }
        }
    }

    /// Waits for a message of the bridge that `wanted` likes.
    pub(crate) async fn until<T>(&mut self, wanted: impl Fn(ServerMessage<'_>) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let next = self.next_until(deadline).await;
            let (opcode, payload) = next.expect("the message comes before the end");
            assert_ne!(opcode, CLOSE, "closed: {payload:?}");
            if opcode == BINARY
                && let Some(found) =
                    wanted(ServerMessage::parse(&payload).expect("the bridge speaks its protocol"))
            {
                return found;
            }
        }
    }

    /// Waits for the close frame: its code, and the code of the goodbye before it.
    pub(crate) async fn close_code(&mut self) -> (u16, Option<u16>) {
        let (mut goodbye, deadline) = (None, Instant::now() + PATIENCE);
        loop {
            let next = self.next_until(deadline).await;
            let (opcode, payload) = next.expect("a close frame comes before the end");
            if opcode == CLOSE {
                let code = payload.get(..2).map_or(1005, |code| u16::from_be_bytes([code[0], code[1]]));
                return (code, goodbye);
            }
            if let Ok(ServerMessage::Bye { code, .. }) = ServerMessage::parse(&payload) {
                goodbye = Some(code);
            }
        }
    }
}

/// Where the first frame's payload is, if all of it is there.
fn frame_bounds(bytes: &[u8]) -> Option<(usize, usize)> {
    let (start, len) = match bytes.get(1)? & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize),
        short => (2, usize::from(short)),
    };
    (bytes.len() >= start + len).then_some((start, start + len))
}

/// A GET with these header lines, on a connection of its own.
pub(crate) async fn get(address: SocketAddr, path: &str, headers: &[&str]) -> Answer {
    let mut client = Client::connect(address).await;
    let host = format!("host: {address}");
    client.write(request("GET", path, &[&[host.as_str()], headers].concat())).await;
    client.answer().await.expect("the server answers")
}

pub(crate) fn request(method: &str, path: &str, headers: &[&str]) -> String {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    format!("{method} {path} HTTP/1.1\r\n{lines}\r\n")
}

pub(crate) const HANDSHAKE: [&str; 5] = [
    "host: bridge.test",
    "connection: Upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
];

/// Asks for a WebSocket, with more header lines.
pub(crate) async fn upgrade(address: SocketAddr, path: &str, headers: &[&str]) -> (Answer, Client) {
    upgrade_on(Client::connect(address).await, path, headers).await
}

async fn upgrade_on(mut client: Client, path: &str, headers: &[&str]) -> (Answer, Client) {
    client.write(request("GET", path, &[&HANDSHAKE[..], headers].concat())).await;
    let answer = client.answer().await.expect("the server answers");
    (answer, client)
}

/// A viewer that got in with a token, as a program sends it.
pub(crate) async fn viewer(address: SocketAddr, token: &str) -> Client {
    viewer_on(Client::connect(address).await, token).await
}

pub(crate) async fn viewer_on(client: Client, token: &str) -> Client {
    let (answer, client) =
        upgrade_on(client, "/v1/stream", &[&format!("authorization: Bearer {token}")]).await;
    assert_eq!(answer.status, 101, "{answer:?}");
    client
}
