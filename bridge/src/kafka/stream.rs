//! What carries the bytes of a connection: TCP, or TLS over it?

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::security::Tls;

/// After which silence the system asks whether the broker's machine is there.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);

/// A connected stream. Most of a bridge's connections wait: neither kind holds a buffer while nothing comes.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls {
        stream: Box<TlsStream<TcpStream>>,
        /// Whether something is encrypted already and has not left yet.
        is_unsent: bool,
    },
}

impl Stream {
    /// Connects, and settles on keys with the broker where there is TLS.
    pub(super) async fn connect(address: &str, tls: Option<&Tls>) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE_AFTER);
        socket2::SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
        match tls {
            None => Ok(Self::Plain(stream)),
            Some(tls) => {
                let stream = Box::new(tls.connect(address, stream).await?);
                Ok(Self::Tls { stream, is_unsent: false })
            }
        }
    }

    /// Sends what the socket takes at once; what it refuses is sent, or fails, when polled.
    pub(super) fn try_send(&mut self, outgoing: &mut Bytes) {
        // What TLS writes has to be polled.
        let Self::Plain(stream) = self else { return };
        while !outgoing.is_empty() {
            match stream.try_write(outgoing) {
                Ok(n) => outgoing.advance(n),
                Err(_) => return,
            }
        }
    }

    /// Sends the rest.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>, outgoing: &mut Bytes) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => {
                while !outgoing.is_empty() {
                    ready!(stream.poll_write_ready(cx))?;
                    match stream.try_write(outgoing) {
                        Ok(n) => outgoing.advance(n),
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                        Err(error) => return Poll::Ready(Err(error)),
                    }
                }
            }
            Self::Tls { stream, is_unsent } => {
                while !outgoing.is_empty() {
                    let n = ready!(Pin::new(&mut *stream).poll_write(cx, outgoing))?;
                    outgoing.advance(n);
                    *is_unsent = true;
                }
                if *is_unsent {
                    ready!(Pin::new(stream).poll_flush(cx))?;
                    *is_unsent = false;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads what is there.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        chunk: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            // Unlike `try_read` this knows that a socket that gave less than there was room for is empty now.
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, chunk),
            Self::Tls { stream, .. } => Pin::new(stream).poll_read(cx, chunk),
        }
    }
}
