//! The task of one feed: takes events to the state machine and carries its actions out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::audience::{JoinOptions, ViewerId};
use super::queue::{Closed, ViewerQueue};
use super::state::{Action, Event, Feed};
use crate::kafka::{FromKafka, Kafka, Sink, Start, StartError};
use crate::stats::{Stats, UserStats, now_ms};

/// Records that may wait for the task before the consumer's thread does.
pub(super) const INBOX: usize = 1_024;

/// What viewers ask of a feed.
pub(super) enum Request {
    Join { viewer: ViewerId, options: JoinOptions, queue: Arc<ViewerQueue>, joined: oneshot::Sender<()> },
    Subscribe { viewer: ViewerId, options: JoinOptions },
}

/// One feed at work.
pub(super) struct Task {
    pub(super) topic: Arc<str>,
    pub(super) feed: Feed,
    pub(super) kafka: Arc<Kafka>,
    pub(super) stats: Arc<Stats>,
    pub(super) user_stats: Arc<UserStats>,
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) left: mpsc::UnboundedReceiver<ViewerId>,
    pub(super) records: mpsc::Receiver<FromKafka>,
    pub(super) inbox: mpsc::Sender<FromKafka>,
    pub(super) stop: CancellationToken,
}

impl Task {
    /// Runs until the feed ends; `actions` are those of its creation.
    pub(super) async fn run(mut self, mut actions: Vec<Action>) {
        info!(topic = %self.topic, "feed starts");
        let mut viewers = HashMap::new();
        let mut finding: JoinSet<(u64, Result<Vec<Start>, StartError>)> = JoinSet::new();
        let reason = loop {
            if let Some(reason) = self.carry_out(&mut actions, &mut viewers, &mut finding) {
                break reason;
            }
            let deadline = self.feed.deadline(now());
            let event = tokio::select! {
                () = self.stop.cancelled() => break Closed::Stopping,
                Some(from_kafka) = self.records.recv() => Event::Kafka { from_kafka, wall_ms: now_ms() },
                Some(request) = self.requests.recv() => match request {
                    Request::Join { viewer, options, queue, joined } => {
                        viewers.insert(viewer, queue);
                        self.count_viewers(1);
                        // A viewer that gave up waiting leaves by dropping its handle.
                        let _ = joined.send(());
                        Event::Join { viewer, options }
                    }
                    Request::Subscribe { viewer, options } => Event::Subscribe { viewer, options },
                },
                Some(viewer) = self.left.recv() => {
                    if viewers.remove(&viewer).is_some() {
                        self.count_viewers(-1);
                    }
                    Event::Leave { viewer }
                }
                Some(found) = finding.join_next() => match found {
                    Ok((generation, result)) => Event::Found { generation, result },
                    Err(_) => continue,
                },
                () = tokio::time::sleep_until(deadline.into()) => Event::Time,
            };
            self.feed.on(event, now(), &mut actions);
        };
        self.kafka.release(self.topic.clone(), u64::MAX);
        self.count_viewers(-(viewers.len() as i64));
        for queue in viewers.values() {
            queue.close(reason);
        }
        info!(topic = %self.topic, "feed ends");
    }

    /// Does what the state machine asks for; the reason if the feed is over.
    fn carry_out(
        &self,
        actions: &mut Vec<Action>,
        viewers: &mut HashMap<ViewerId, Arc<ViewerQueue>>,
        finding: &mut JoinSet<(u64, Result<Vec<Start>, StartError>)>,
    ) -> Option<Closed> {
        let mut end = None;
        for action in actions.drain(..) {
            match action {
                Action::Send { viewer, item } => {
                    let n_skipped = viewers.get(&viewer).map_or(0, |queue| queue.push(item));
                    if n_skipped > 0 {
                        self.stats.skipped.add(n_skipped as u64);
                        self.user_stats.skipped.add(n_skipped as u64);
                        debug!(topic = %self.topic, viewer = viewer.0, n_skipped, "viewer is slow, skips ahead");
                    }
                }
                Action::Find { generation } => {
                    let (kafka, topic) = (self.kafka.clone(), self.topic.clone());
                    finding.spawn(async move { (generation, kafka.find(topic).await) });
                }
                Action::Assign { generation, partitions } => {
                    let sink = Sink { inbox: self.inbox.clone(), generation };
                    self.kafka.assign(self.topic.clone(), sink, partitions);
                }
                Action::Release { generation } => self.kafka.release(self.topic.clone(), generation),
                Action::End { reason } => end = Some(reason),
            }
        }
        end
    }

    fn count_viewers(&self, n: i64) {
        for viewers in [&self.stats.viewers, &self.user_stats.viewers] {
            if n >= 0 { viewers.add(n as u64) } else { viewers.sub(n.unsigned_abs()) }
        }
        if n > 0 {
            self.stats.viewers_joined.add(n as u64);
        }
    }
}

/// Tokio's clock, which tests pause.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
