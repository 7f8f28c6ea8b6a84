//! One user's live data inside this bridge: who watches it, and what do they get?
//!
//! [`Feeds::join`] gives a viewer its place in its user's feed, which begins with the first viewer and ends some time
//! after the last. `state` decides everything (`action`), `task` does it, `ledger` counts and logs it,
//! `stream` and `gop` keep what a joining viewer needs, and `queue` bounds what waits for each viewer.

mod action;
mod audience;
mod gop;
mod ledger;
pub(crate) mod message;
mod queue;
mod record;
mod state;
mod stream;
mod task;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tokens;
mod viewer;

pub use self::audience::JoinOptions;
pub use self::queue::Closed;
pub use self::viewer::ViewerHandle;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use purple_sector_codec::UserId;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::audience::ViewerId;
use self::gop::GopBudget;
use self::ledger::Ledger;
use self::queue::{QueueBudget, QueueLimits, ViewerQueue};
use self::state::Feed;
use self::task::{Request, Task, Viewers};
use crate::auth::{UserToken, VerifiedUser};
use crate::kafka::{Kafka, KafkaError, KafkaSettings};
use crate::stats::Stats;
use crate::workers::{Worker, Workers};

/// How long feeds may take to end.
const STOP_WITHIN: Duration = Duration::from_secs(1);
/// How long a viewer's greeting waits to know which topic it is; a topic that has to be created takes longer.
const ID_WITHIN: Duration = Duration::from_secs(1);

/// Limits of feeds and viewers.
#[derive(Debug, Clone)]
pub struct FeedSettings {
    /// Blocks that wait for one viewer before it skips ahead.
    pub viewer_queue_blocks: usize,
    /// Bytes that wait for one viewer, snapshot included, before it skips ahead.
    pub viewer_queue_bytes: usize,
    /// How long a feed stays after its last viewer left.
    pub linger: Duration,
    /// Bytes of blocks that all feeds together keep for viewers who join; beyond it the oldest go first.
    pub gop_bytes: u64,
    /// Bytes that wait for all viewers together; beyond it those with more than their share skip ahead.
    pub queue_bytes: u64,
    /// Feeds at the same time, those that linger included.
    pub max_feeds: usize,
}

impl Default for FeedSettings {
    fn default() -> Self {
        Self {
            viewer_queue_blocks: 256,
            viewer_queue_bytes: 4 * 1024 * 1024,
            linger: Duration::from_secs(15),
            gop_bytes: 128 * 1024 * 1024,
            queue_bytes: 128 * 1024 * 1024,
            max_feeds: 10_000,
        }
    }
}

/// Why a viewer cannot join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// As many feeds as this bridge may have; another instance or a later attempt may do.
    #[error("this bridge serves as many users as it may ({max}); try again later")]
    TooManyFeeds {
        /// The limit.
        max: usize,
    },
    /// The bridge is stopping.
    #[error("the bridge is stopping")]
    Stopping,
}

/// All feeds of this bridge.
pub struct Feeds {
    settings: FeedSettings,
    kafka: Arc<Kafka>,
    stats: Arc<Stats>,
    gops: Arc<GopBudget>,
    queues: Arc<QueueBudget>,
    feeds: Mutex<HashMap<UserId, Entry>>,
    workers: Workers,
    tasks: TaskTracker,
    stop: CancellationToken,
    last_viewer: AtomicU64,
}

impl Drop for Feeds {
    fn drop(&mut self) {
        self.workers.stop();
    }
}

/// How to reach a feed's task.
#[derive(Clone)]
struct Entry {
    requests: mpsc::Sender<Request>,
    left: mpsc::UnboundedSender<ViewerId>,
    worker: Worker,
}

impl Entry {
    /// Whether its task has ended, or cannot answer any longer.
    fn is_over(&self) -> bool {
        self.requests.is_closed() || self.worker.is_given_up()
    }
}

impl Feeds {
    /// Connects to Kafka (or starts the embedded one); no feed runs yet. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// [`KafkaError`] if Kafka does not answer, the embedded broker's port is in use, or the settings are refused.
    pub async fn start(settings: FeedSettings, kafka: &KafkaSettings) -> Result<Self, KafkaError> {
        let stats = Arc::new(Stats::default());
        let kafka = Arc::new(Kafka::start(kafka, stats.clone()).await?);
        let workers = Workers::start(stats.clone()).map_err(KafkaError::Thread)?;
        tokio::spawn(workers.clone().watch());
        let queues = QueueBudget::new(stats.queue_bytes.clone(), settings.queue_bytes);
        let gops = GopBudget::new(stats.gop_bytes.clone(), settings.gop_bytes);
        Ok(Self {
            settings,
            kafka,
            stats,
            gops,
            queues,
            feeds: Mutex::default(),
            workers,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            last_viewer: AtomicU64::new(0),
        })
    }

    /// Attaches a viewer to its user's feed, which begins with it if it is the first.
    ///
    /// The state and what is needed to draw the live sessions wait in the handle at once, or, where the feed begins,
    /// as soon as it has read them.
    ///
    /// # Errors
    /// [`JoinError::TooManyFeeds`], [`JoinError::Stopping`]. That the topic is missing or refused is only known later:
    /// then the handle gives [`Closed`].
    pub async fn join(&self, user: VerifiedUser, options: JoinOptions) -> Result<ViewerHandle, JoinError> {
        self.attach(user, None, options).await
    }

    /// As [`Feeds::join`], as the token's user: the feed's reader logs in to Kafka with it, or with a better one of
    /// another viewer.
    ///
    /// # Errors
    /// As [`Feeds::join`].
    pub async fn join_with(&self, token: UserToken, options: JoinOptions) -> Result<ViewerHandle, JoinError> {
        self.attach(token.user().clone(), Some(token), options).await
    }

    async fn attach(
        &self,
        user: VerifiedUser,
        token: Option<UserToken>,
        options: JoinOptions,
    ) -> Result<ViewerHandle, JoinError> {
        let viewer = ViewerId(self.last_viewer.fetch_add(1, Ordering::Relaxed));
        loop {
            if self.stop.is_cancelled() {
                return Err(JoinError::Stopping);
            }
            let Entry { requests, left, .. } = self.entry(&user)?;
            let limits = QueueLimits {
                blocks: self.settings.viewer_queue_blocks,
                bytes: self.settings.viewer_queue_bytes,
            };
            let queue = Arc::new(ViewerQueue::new(limits, self.queues.clone()));
            let handle = ViewerHandle { viewer, queue: queue.clone(), requests: requests.clone(), left };
            let (joined, is_joined) = oneshot::channel();
            let (options, token) = (options.clone(), token.clone());
            let join = Request::Join { viewer, options, token, queue, joined };
            if requests.send(join).await.is_ok() {
                // Where the topic is not known in time, the viewer waits for what there will be.
                if let Ok(Err(_)) = tokio::time::timeout(ID_WITHIN, is_joined).await {
                    continue;
                }
                return Ok(handle);
            }
            // The feed ended in this moment; the next attempt begins a new one.
        }
    }

    /// Whether viewers can be served: Kafka answered lately and the bridge is not stopping.
    pub fn ready(&self) -> bool {
        !self.stop.is_cancelled() && self.kafka.is_reachable() && self.workers.all_run()
    }

    /// The thread on which everything of a user runs.
    pub(crate) fn thread_of(&self, user: &UserId) -> Worker {
        self.workers.of(user)
    }

    /// All counters.
    pub fn stats(&self) -> &Arc<Stats> {
        &self.stats
    }

    /// Whether each user's reader logs in to Kafka as that user, so that Kafka itself keeps users apart.
    pub fn reads_as_users(&self) -> bool {
        self.kafka.reads_as_users()
    }

    /// Where collectors on this machine reach the embedded broker, if there is one.
    pub fn embedded_kafka(&self) -> Option<SocketAddr> {
        self.kafka.embedded_address()
    }

    /// Ends all feeds, which tells their viewers, and then the Kafka clients.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(STOP_WITHIN, self.tasks.wait()).await.is_err() {
            tracing::warn!(n_feeds = self.tasks.len(), "feeds take too long to end, leaving them");
        }
        self.kafka.shutdown();
    }

    /// Has the readers of two users read each the other's topic.
    #[cfg(test)]
    fn swap(&self, users: [&UserId; 2]) {
        self.kafka.swap(users.map(UserId::topic));
    }

    /// The user's feed; begins it if there is none, or if the one there was has ended.
    fn entry(&self, user: &VerifiedUser) -> Result<Entry, JoinError> {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = feeds.get(user.id()).filter(|entry| !entry.is_over()) {
            return Ok(entry.clone());
        }
        feeds.retain(|_, entry| !entry.is_over());
        if feeds.len() >= self.settings.max_feeds {
            return Err(JoinError::TooManyFeeds { max: self.settings.max_feeds });
        }
        let entry = self.begin(user);
        feeds.insert(user.id().clone(), entry.clone());
        Ok(entry)
    }

    fn begin(&self, user: &VerifiedUser) -> Entry {
        let topic = user.id().topic();
        let user_stats = self.stats.user(user.id());
        let now = tokio::time::Instant::now().into_std();
        let (requests, requests_received) = mpsc::channel(8);
        let (left, left_received) = mpsc::unbounded_channel();
        self.stats.feeds.add(1);
        let task = Task {
            feed: Feed::new(self.settings.linger, self.gops.clone(), now),
            ledger: Ledger::new(topic.clone(), self.stats.clone(), user_stats.clone()),
            source: self.kafka.source(topic.clone()),
            topic,
            kafka: self.kafka.clone(),
            requests: requests_received,
            left: left_received,
            viewers: Viewers::new(self.stats.clone(), user_stats),
            stop: self.stop.clone(),
        };
        let worker = self.workers.of(user.id());
        self.tasks.spawn_on(task.run(), worker.handle());
        Entry { requests, left, worker }
    }
}
