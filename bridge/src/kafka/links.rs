//! The connections of one reader: does what its state machine says, and reports what happens on them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use purple_sector_kafka::{Action, CloseReason, LinkId, Versions};
use tracing::debug;

use super::connection::{Answer, Connection};
use super::login::{Listener, LoginError, Opened};

type Opening = Pin<Box<dyn Future<Output = Result<Opened, LoginError>> + Send>>;

enum Link {
    Opening(Opening),
    Open(Box<Connection>),
}

/// What happened on a connection.
pub(crate) enum Happened {
    Opened { link: LinkId, versions: Versions, lifetime: Option<Duration> },
    Answer { link: LinkId, answer: Answer },
    Closed { link: LinkId, reason: CloseReason },
}

/// A reader's connections, one or two in most cases.
pub(crate) struct Links {
    links: Vec<(LinkId, Link)>,
    listener: Arc<Listener>,
}

impl Links {
    pub(crate) fn new(listener: Arc<Listener>) -> Self {
        Self { links: Vec::new(), listener }
    }

    pub(crate) fn act(&mut self, action: Action) {
        match action {
            Action::Connect { link, address, identity } => {
                let listener = self.listener.clone();
                let opening = Box::pin(async move {
                    let opened = listener.log_in(&address, identity).await;
                    if let Err(error) = &opened {
                        debug!(%address, %error, "no connection to Kafka");
                    }
                    opened
                });
                self.links.push((link, Link::Opening(opening)));
            }
            Action::Send { link, bytes } => {
                let of_link = self.links.iter_mut().find(|other| other.0 == link);
                if let Some((_, Link::Open(connection))) = of_link {
                    connection.send(bytes);
                }
            }
            Action::Close { link } => self.links.retain(|other| other.0 != link),
        }
    }

    /// What happens next. Can be dropped half-way without loss; never completes while there is no connection.
    pub(crate) async fn next(&mut self) -> Happened {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Happened> {
        for index in 0..self.links.len() {
            let (link, state) = &mut self.links[index];
            let link = *link;
            let closed = match state {
                Link::Opening(opening) => match opening.as_mut().poll(cx) {
                    Poll::Pending => continue,
                    Poll::Ready(Ok(Opened { connection, versions, lifetime })) => {
                        *state = Link::Open(Box::new(connection));
                        return Poll::Ready(Happened::Opened { link, versions, lifetime });
                    }
                    Poll::Ready(Err(error)) => error.reason(),
                },
                Link::Open(connection) => match connection.poll_answer(cx) {
                    Poll::Pending => continue,
                    Poll::Ready(Ok(answer)) => return Poll::Ready(Happened::Answer { link, answer }),
                    Poll::Ready(Err(reason)) => reason,
                },
            };
            self.links.swap_remove(index);
            return Poll::Ready(Happened::Closed { link, reason: closed });
        }
        Poll::Pending
    }
}
