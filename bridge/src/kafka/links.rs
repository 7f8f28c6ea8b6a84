//! The connections of one reader: does what its state machine says, and reports what happens on them.

use std::pin::Pin;
use std::task::{Context, Poll};

use purple_sector_kafka::{Action, CloseReason, LinkId, Versions};
use tracing::debug;

use super::connection::{Answer, Connection, LongAnswers};
use super::login::{LoginError, log_in};

type Opening = Pin<Box<dyn Future<Output = Result<(Connection, Versions), LoginError>> + Send>>;

enum Link {
    Opening(Opening),
    Open(Box<Connection>),
}

/// What happened on a connection.
pub(crate) enum Happened {
    Opened { link: LinkId, versions: Versions },
    Answer { link: LinkId, answer: Answer },
    Closed { link: LinkId, reason: CloseReason },
}

/// A reader's connections, one or two in most cases.
pub(crate) struct Links {
    links: Vec<(LinkId, Link)>,
    long_answers: LongAnswers,
}

impl Links {
    pub(crate) fn new(long_answers: LongAnswers) -> Self {
        Self { links: Vec::new(), long_answers }
    }

    pub(crate) fn act(&mut self, action: Action) {
        match action {
            Action::Connect { link, address } => {
                let long_answers = self.long_answers.clone();
                let opening = Box::pin(async move {
                    let opened = log_in(&address, long_answers).await;
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
                    Poll::Ready(Ok((connection, versions))) => {
                        *state = Link::Open(Box::new(connection));
                        return Poll::Ready(Happened::Opened { link, versions });
                    }
                    Poll::Ready(Err(_)) => CloseReason::Lost,
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
