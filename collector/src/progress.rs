//! How is it going? One line every ten seconds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::info;

use crate::health::Connection;
use crate::lane::{Lane, Trouble};
use crate::outbox::Counts;
use crate::publish::Publisher;
use crate::recorder::RecordingEnd;

/// Time between two lines.
const EVERY: Duration = Duration::from_secs(10);

/// Sums over all users, and what they were the last time.
pub(crate) struct Progress {
    lanes: Vec<Arc<Lane>>,
    recording: RecordingEnd,
    /// Whether the log-in is a token.
    has_token: bool,
    last: Instant,
    samples_before: u64,
}

impl Progress {
    pub(crate) fn new(lanes: &[Arc<Lane>], recording: RecordingEnd, has_token: bool) -> Self {
        Self { lanes: lanes.to_vec(), recording, has_token, last: Instant::now(), samples_before: 0 }
    }

    /// Says how it is going, if it is time.
    pub(crate) fn tick(&mut self, publisher: &Publisher) {
        let elapsed = self.last.elapsed();
        if elapsed < EVERY {
            return;
        }
        let counts = self.counts();
        let per_second = (counts.n_samples - self.samples_before) as f64 / elapsed.as_secs_f64();
        info!(
            samples_per_s = format!("{per_second:.1}"),
            blocks_acked = counts.n_blocks,
            kib = counts.n_bytes / 1_024,
            queued = self.n_waiting(),
            dropped = counts.n_dropped,
            missed = counts.n_missed,
            refused = counts.n_refused,
            saturated = counts.n_saturated,
            lost_kafka = publisher.n_losses(),
            kafka = self.kafka(publisher),
            recording = self.recording.reason(),
            "publishing"
        );
        self.last = Instant::now();
        self.samples_before = counts.n_samples;
    }

    /// What keeps records back, if anything does.
    fn kafka(&self, publisher: &Publisher) -> &'static str {
        match publisher.connection() {
            Connection::Good => {}
            Connection::Lost => return "lost",
            Connection::LoginRefused if self.has_token => return "token refused",
            Connection::LoginRefused => return "log-in refused",
            Connection::WritingRefused => return "writing refused",
        }
        match self.lanes.iter().find_map(|lane| lane.trouble()) {
            Some(Trouble::NoTopic) => "topic missing",
            Some(Trouble::Refused) => "topic refused",
            None => "ok",
        }
    }

    /// Records of all users that have not reached Kafka.
    pub(crate) fn n_waiting(&self) -> usize {
        self.lanes.iter().map(|lane| lane.n_waiting()).sum()
    }

    /// What has happened to the records of all users.
    pub(crate) fn counts(&self) -> Counts {
        self.lanes.iter().map(|lane| lane.counts()).fold(Counts::default(), Counts::plus)
    }
}
