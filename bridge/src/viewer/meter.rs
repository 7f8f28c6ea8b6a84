//! Does anything still move on a viewer's connection, and not too much of it?

use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::rate::Rate;

/// Bytes that a viewer may send: in the long run per second, and at once. A whole message fits several times.
const BYTES: (u32, u32) = (16 * 1024, 64 * 1024);

/// Counts what is written, and bounds what is read. Frames that never become a message (empty fragments) are bounded
/// only here.
pub(super) struct Metered<S> {
    inner: S,
    incoming: Rate,
    written: Written,
}

/// Bytes that the kernel took so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Written(Arc<AtomicU64>);

impl Written {
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl<S> Metered<S> {
    pub(super) fn new(inner: S, now: Instant) -> Self {
        Self { inner, incoming: Rate::new(BYTES.0, BYTES.1, now), written: Written::default() }
    }

    pub(super) fn written(&self) -> Written {
        self.written.clone()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let n_before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        let n_read = u32::try_from(buf.filled().len() - n_before).unwrap_or(u32::MAX);
        if !self.incoming.take(n_read, Instant::now()) {
            return Poll::Ready(Err(Error::new(ErrorKind::QuotaExceeded, "too many bytes")));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let n_written = ready!(Pin::new(&mut self.inner).poll_write(cx, bytes))?;
        self.written.0.fetch_add(n_written as u64, Ordering::Relaxed);
        Poll::Ready(Ok(n_written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn a_flood_of_bytes_ends_the_connection() {
        let (near, mut far) = duplex(1024 * 1024);
        far.write_all(&[0; 65 * 1024 + 1024]).await.expect("there is room");
        let mut near = Metered::new(near, Instant::now());
        let mut bytes = vec![0; 64 * 1024];
        near.read_exact(&mut bytes).await.expect("a burst is fine");
        let error = near.read_exact(&mut bytes[..2048]).await.expect_err("that was too much");
        assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    }

    #[tokio::test]
    async fn what_is_written_is_counted() {
        let (near, _far) = duplex(1024);
        let mut near = Metered::new(near, Instant::now());
        let written = near.written();
        near.write_all(&[0; 100]).await.expect("there is room");
        assert_eq!(written.get(), 100);
    }
}
