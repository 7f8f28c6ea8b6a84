//! How far has the bridge read, for anyone who looks at the lag? Written to each user's consumer group, which nobody is
//! a member of, by a task of its own that never delays anything else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use purple_sector_codec::Topic;
use purple_sector_kafka::{ErrorCode, admin};
use tokio::sync::mpsc;
use tracing::debug;

use super::client::{AskError, Services};
use crate::stats::Stats;

/// Reports that may wait; more are dropped and counted, as the next one says more.
const MAX_WAITING: usize = 4_096;
/// Groups that are looked up together.
const MAX_BATCH: usize = 256;
/// How long each answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The next offset of each partition of a topic.
#[derive(Debug)]
pub(crate) struct Positions {
    pub(crate) topic: Topic,
    pub(crate) next: Vec<(u16, i64)>,
}

/// Where readers report their positions.
#[derive(Debug, Clone)]
pub(crate) struct Offsets {
    /// None where they are not published.
    reports: Option<mpsc::Sender<Positions>>,
    stats: Arc<Stats>,
}

impl Offsets {
    pub(crate) fn none(stats: Arc<Stats>) -> Self {
        Self { reports: None, stats }
    }

    pub(crate) fn new(stats: Arc<Stats>) -> (Self, mpsc::Receiver<Positions>) {
        let (reports, received) = mpsc::channel(MAX_WAITING);
        (Self { reports: Some(reports), stats }, received)
    }

    /// Hands positions over; never waits.
    pub(crate) fn publish(&self, positions: Positions) {
        if self.reports.as_ref().is_some_and(|reports| reports.try_send(positions).is_err()) {
            self.stats.group_offset_errors.add(1);
        }
    }
}

/// Writes what is reported; never ends.
pub(crate) async fn run(
    reports: Arc<tokio::sync::Mutex<mpsc::Receiver<Positions>>>,
    services: Services,
    stats: Arc<Stats>,
) {
    let mut reports = reports.lock().await;
    let mut batch = Vec::new();
    while reports.recv_many(&mut batch, MAX_BATCH).await > 0 {
        let n_reports = batch.len() as u64;
        if let Err(error) = write(std::mem::take(&mut batch), &services, &stats).await {
            stats.group_offset_errors.add(n_reports);
            debug!(%error, "cannot publish how far the bridge has read");
        }
    }
}

async fn write(batch: Vec<Positions>, services: &Services, stats: &Stats) -> Result<(), AskError> {
    let groups: BTreeMap<String, Positions> = batch
        .into_iter()
        .filter_map(|positions| Some((positions.topic.user()?.group(), positions)))
        .collect();
    let mut client = services.connect().await?;
    let find = |number| admin::find_coordinators(groups.keys().map(String::as_str), number);
    let found = client.ask(find, admin::coordinators, ANSWER_WITHIN).await?;
    let mut by_address: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for coordinator in &found {
        match &coordinator.address {
            Ok(address) => by_address.entry(address.clone()).or_default().push(&coordinator.group),
            // Kafka makes its own topic for positions when it is first asked.
            Err(error) => failed(stats, &coordinator.group, *error),
        }
    }
    for (address, of_address) in by_address {
        let mut client = services.connect_to(&address.into()).await?;
        for group in of_address {
            let Some(positions) = groups.get(group) else { continue };
            let commit = |number| admin::commit_offsets(group, &positions.topic, &positions.next, number);
            let error = client.ask(commit, admin::committed, ANSWER_WITHIN).await?;
            if error != ErrorCode::NONE {
                failed(stats, group, error);
            }
        }
    }
    Ok(())
}

fn failed(stats: &Stats, group: &str, error: ErrorCode) {
    stats.group_offset_errors.add(1);
    debug!(group, %error, "cannot publish how far the bridge has read");
}
