//! One connection to a broker: whole requests out, whole answers in.
//!
//! It holds no buffer while nothing comes. An answer's length is checked before memory is taken for it, and those that
//! are long share a budget, so that many of them at once wait for each other instead of filling the memory.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use purple_sector_kafka::{CloseReason, MAX_ANSWER_LEN};
use tokio::io::ReadBuf;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::security::Tls;
use super::stream::Stream;

/// What is read at once into the stack; most answers are shorter.
const CHUNK_LEN: usize = 16 * 1024;
/// Answers up to this length do not count against the budget. A Fetch asks for less.
const SMALL_LEN: usize = 96 * 1024;
/// What all longer answers may take together, in KiB.
const LONG_ANSWERS_KIB: usize = 6 * 1024;

/// The memory for long answers, shared by all connections.
#[derive(Debug, Clone)]
pub(crate) struct LongAnswers(Arc<Semaphore>);

impl Default for LongAnswers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LONG_ANSWERS_KIB)))
    }
}

/// A whole answer, without its length; its share of the budget goes with it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) bytes: Vec<u8>,
    _permit: Option<OwnedSemaphorePermit>,
}

pub(crate) struct Connection {
    stream: Stream,
    long_answers: LongAnswers,
    /// What was not sent yet.
    outgoing: Bytes,
    /// The answer that is coming: its length, then its bytes.
    incoming: Vec<u8>,
    /// The whole length of what is coming, once known.
    expected: Option<usize>,
    permit: Option<OwnedSemaphorePermit>,
    waiting: Option<Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>>,
    /// Why it broke, where that is known.
    failure: Option<io::Error>,
}

impl Connection {
    pub(crate) async fn connect(
        address: &str,
        tls: Option<&Tls>,
        long_answers: LongAnswers,
    ) -> io::Result<Self> {
        Ok(Self {
            stream: Stream::connect(address, tls).await?,
            long_answers,
            outgoing: Bytes::new(),
            incoming: Vec::new(),
            expected: None,
            permit: None,
            waiting: None,
            failure: None,
        })
    }

    /// Why it broke, where more is known than that it did.
    pub(crate) fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Takes a request, which leaves as the connection is polled. There is one at a time.
    pub(crate) fn send(&mut self, request: Bytes) {
        self.outgoing = request;
        // Nearly always the socket takes it at once.
        self.stream.try_send(&mut self.outgoing);
    }

    /// The next answer. Can be dropped half-way without loss.
    pub(crate) async fn answer(&mut self) -> Result<Answer, CloseReason> {
        std::future::poll_fn(|cx| self.poll_answer(cx)).await
    }

    pub(crate) fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Answer, CloseReason>> {
        if let Poll::Ready(Err(error)) = self.stream.poll_send(cx, &mut self.outgoing) {
            return Poll::Ready(Err(self.broke(error)));
        }
        loop {
            if let Some(waiting) = &mut self.waiting {
                self.permit = ready!(waiting.as_mut().poll(cx));
                self.waiting = None;
            }
            if let Some(answer) = self.take_answer() {
                return Poll::Ready(Ok(answer));
            }
            match ready!(self.poll_read(cx)) {
                Ok(()) => {}
                Err(reason) => return Poll::Ready(Err(reason)),
            }
        }
    }

    fn take_answer(&mut self) -> Option<Answer> {
        let expected = self.expected.filter(|expected| self.incoming.len() >= *expected)?;
        self.expected = None;
        // A broker answers one request at a time; anything behind the answer breaks the protocol and is dropped with it.
        self.incoming.truncate(expected);
        Some(Answer { bytes: std::mem::take(&mut self.incoming), _permit: self.permit.take() })
    }

    /// Reads what is there, and finds out how much is to come.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        let mut chunk = [MaybeUninit::uninit(); CHUNK_LEN];
        let mut chunk = ReadBuf::uninit(&mut chunk);
        ready!(self.stream.poll_read(cx, &mut chunk)).map_err(|error| self.broke(error))?;
        if chunk.filled().is_empty() {
            return Poll::Ready(Err(CloseReason::Lost));
        }
        self.incoming.extend_from_slice(chunk.filled());
        Poll::Ready(self.learn_length())
    }

    fn broke(&mut self, error: io::Error) -> CloseReason {
        self.failure = Some(error);
        CloseReason::Lost
    }

    fn learn_length(&mut self) -> Result<(), CloseReason> {
        let (None, Some(length)) = (self.expected, self.incoming.first_chunk::<4>()) else { return Ok(()) };
        let length = usize::try_from(i32::from_be_bytes(*length)).map_err(|_| CloseReason::Lost)?;
        if length > MAX_ANSWER_LEN {
            return Err(CloseReason::TooLong);
        }
        self.incoming.drain(..4);
        self.expected = Some(length);
        if length > SMALL_LEN && self.incoming.len() < length {
            let (semaphore, n_kib) = (self.long_answers.0.clone(), length.div_ceil(1024) as u32);
            self.waiting = Some(Box::pin(async move { semaphore.acquire_many_owned(n_kib).await.ok() }));
        }
        if length <= SMALL_LEN {
            self.incoming.reserve_exact(length.saturating_sub(self.incoming.len()));
        }
        Ok(())
    }
}
