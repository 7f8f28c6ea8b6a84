//! The task of one feed: its reader and its viewers meet here. It takes events to the state machine and carries its
//! actions out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use purple_sector_codec::Topic;
use purple_sector_kafka::{News, TopicId};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};

use super::action::{Action, Event};
use super::audience::{JoinOptions, ViewerId};
use super::ledger::Ledger;
use super::queue::{Closed, Item, ViewerQueue};
use super::state::Feed;
use crate::auth::UserToken;
use crate::kafka::{Kafka, MakeError, Positions, Source};
use crate::stats::{Stats, UserStats, now_ms};

/// How often the feed publishes how far it has read, if it has read anything.
const PUBLISH_EVERY: Duration = Duration::from_secs(20);

/// What viewers ask of a feed.
pub(super) enum Request {
    /// `joined` is answered as soon as it is known which topic this is.
    Join {
        viewer: ViewerId,
        options: JoinOptions,
        token: Option<UserToken>,
        queue: Arc<ViewerQueue>,
        joined: oneshot::Sender<()>,
    },
    Renew {
        viewer: ViewerId,
        token: UserToken,
    },
    Subscribe {
        viewer: ViewerId,
        options: JoinOptions,
    },
}

/// One feed at work.
pub(super) struct Task {
    pub(super) topic: Topic,
    pub(super) feed: Feed,
    pub(super) ledger: Ledger,
    pub(super) source: Source,
    pub(super) kafka: Arc<Kafka>,
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) left: mpsc::UnboundedReceiver<ViewerId>,
    pub(super) viewers: Viewers,
    pub(super) stop: CancellationToken,
}

/// The queues of a feed's viewers. However the feed ends, they are told.
pub(super) struct Viewers {
    queues: HashMap<ViewerId, Arc<ViewerQueue>>,
    /// Viewers that wait to know which topic this is.
    waiting: Vec<oneshot::Sender<()>>,
    end: Closed,
    stats: Arc<Stats>,
    user_stats: Arc<UserStats>,
}

impl Task {
    /// Runs until the feed ends.
    pub(super) async fn run(mut self) {
        info!(topic = %self.topic, "feed starts");
        let mut actions = Vec::new();
        let mut making: JoinSet<Result<(), MakeError>> = JoinSet::new();
        let mut published = Vec::new();
        // Feeds that start together publish apart.
        let mut publish_at =
            Instant::now() + PUBLISH_EVERY.mul_f64(f64::from(self.topic.len() as u32 % 8 + 1) / 8.0);
        self.viewers.end = loop {
            if let Some(reason) = self.carry_out(&mut actions, &mut making) {
                break reason;
            }
            let deadline = self.feed.deadline(now()).min(publish_at);
            let event = tokio::select! {
                () = self.stop.cancelled() => break Closed::Stopping,
                step = self.source.next() => {
                    let (feed, ledger) = (&mut self.feed, &self.ledger);
                    let wall_ms = now_ms();
                    self.source.take(&step, &mut |news: News<'_>| {
                        if let News::Record(record) = &news {
                            ledger.count_received(record.value.len() as u64, wall_ms);
                        }
                        feed.on(Event::Kafka { news, wall_ms }, now(), &mut actions);
                    });
                    continue;
                }
                Some(request) = self.requests.recv() => match request {
                    Request::Join { viewer, options, token, queue, joined } => {
                        self.viewers.insert(viewer, queue, joined, self.feed.topic_id());
                        Event::Join { viewer, options, token: token.and_then(|token| self.own(token)) }
                    }
                    Request::Renew { viewer, token } => match self.own(token) {
                        Some(token) => Event::Renew { viewer, token },
                        None => continue,
                    },
                    Request::Subscribe { viewer, options } => Event::Subscribe { viewer, options },
                },
                Some(viewer) = self.left.recv() => {
                    self.viewers.remove(viewer);
                    Event::Leave { viewer }
                }
                Some(made) = making.join_next() => match made {
                    Ok(result) => Event::Made(result),
                    Err(error) => Event::Made(Err(MakeError::TryLater(error.to_string()))),
                },
                () = tokio::time::sleep_until(deadline.into()) => Event::Time,
            };
            if now() >= publish_at {
                self.publish(&mut published);
                publish_at = now() + PUBLISH_EVERY;
            }
            self.feed.on(event, now(), &mut actions);
        };
        info!(topic = %self.topic, "feed ends");
    }

    /// Does what the state machine asks for; the reason if the feed is over.
    fn carry_out(
        &mut self,
        actions: &mut Vec<Action>,
        making: &mut JoinSet<Result<(), MakeError>>,
    ) -> Option<Closed> {
        let mut end = None;
        // What the reader answers at once may be more to do.
        while !actions.is_empty() {
            for action in std::mem::take(actions) {
                match action {
                    Action::Send { viewer, item } => {
                        let n_skipped = self.viewers.push(viewer, item);
                        if n_skipped > 0 {
                            debug!(topic = %self.topic, viewer = viewer.0, n_skipped, "viewer is slow, skips ahead");
                        }
                    }
                    Action::Make => {
                        let (kafka, topic) = (self.kafka.clone(), self.topic.clone());
                        making.spawn(async move { kafka.make(topic).await });
                    }
                    Action::LookAgain => {
                        let feed = &mut self.feed;
                        self.source.look_again(&mut |news: News<'_>| {
                            feed.on(Event::Kafka { news, wall_ms: now_ms() }, now(), actions);
                        });
                    }
                    Action::LogIn { token } => {
                        let feed = &mut self.feed;
                        let identity = token.map(|token| token.identity().clone());
                        self.source.log_in(identity, &mut |news: News<'_>| {
                            feed.on(Event::Kafka { news, wall_ms: now_ms() }, now(), actions);
                        });
                    }
                    Action::Close { viewer, reason } => self.viewers.close(viewer, reason),
                    Action::Check => self.kafka.check(self.topic.clone()),
                    Action::Known { id } => self.viewers.learn(id),
                    Action::Note(note) => self.ledger.take(note),
                    Action::End { reason } => end = Some(reason),
                }
            }
        }
        end
    }

    /// The token, which must be of the topic's user: nothing else may ever get to the reader.
    fn own(&self, token: UserToken) -> Option<UserToken> {
        if token.user().id().topic() == self.topic {
            return Some(token);
        }
        error!(topic = %self.topic, user = %token.user(), "a feed was given another user's token, it is dropped");
        None
    }

    /// Publishes how far the feed has read, unless it has not read since.
    fn publish(&self, published: &mut Vec<(u16, i64)>) {
        let next = self.source.positions();
        if !next.is_empty() && next != *published {
            published.clone_from(&next);
            self.kafka.publish(Positions { topic: self.topic.clone(), next });
        }
    }
}

impl Viewers {
    pub(super) fn new(stats: Arc<Stats>, user_stats: Arc<UserStats>) -> Self {
        // A task that panics has no time to say anything else.
        Self { queues: HashMap::new(), waiting: Vec::new(), end: Closed::Broken, stats, user_stats }
    }

    fn insert(
        &mut self,
        viewer: ViewerId,
        queue: Arc<ViewerQueue>,
        joined: oneshot::Sender<()>,
        id: Option<TopicId>,
    ) {
        self.waiting.retain(|waiting| !waiting.is_closed());
        self.waiting.push(joined);
        self.queues.insert(viewer, queue);
        self.stats.viewers.add(1);
        self.user_stats.viewers.add(1);
        self.stats.viewers_joined.add(1);
        if let Some(id) = id {
            self.learn(id);
        }
    }

    /// Lets viewers know which topic this is.
    fn learn(&mut self, id: TopicId) {
        self.queues.values().for_each(|queue| queue.set_topic_id(id));
        for joined in self.waiting.drain(..) {
            // A viewer that gave up waiting finds it in its queue.
            let _ = joined.send(());
        }
    }

    fn remove(&mut self, viewer: ViewerId) {
        if self.queues.remove(&viewer).is_some() {
            self.stats.viewers.sub(1);
            self.user_stats.viewers.sub(1);
        }
    }

    /// Tells one viewer why it gets no more.
    fn close(&mut self, viewer: ViewerId, reason: Closed) {
        if let Some(queue) = self.queues.get(&viewer) {
            queue.close(reason);
        }
        self.remove(viewer);
    }

    /// How many blocks the viewer misses because of this one.
    fn push(&self, viewer: ViewerId, item: Item) -> usize {
        let n_skipped = self.queues.get(&viewer).map_or(0, |queue| queue.push(item));
        if n_skipped > 0 {
            self.stats.skipped.add(n_skipped as u64);
            self.user_stats.skipped.add(n_skipped as u64);
        }
        n_skipped
    }
}

impl Drop for Viewers {
    fn drop(&mut self) {
        for queue in self.queues.values() {
            queue.close(self.end);
        }
        // They learn from their queue why it ended; without an answer they would begin the feed again.
        for joined in self.waiting.drain(..) {
            let _ = joined.send(());
        }
        let n_viewers = self.queues.len() as u64;
        self.stats.viewers.sub(n_viewers);
        self.user_stats.viewers.sub(n_viewers);
        self.stats.feeds.sub(1);
    }
}

/// Tokio's clock, which tests pause.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
