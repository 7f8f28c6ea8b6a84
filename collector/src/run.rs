//! What does the program do from start to end? Open the source, reach Kafka, publish, and stop without losing anything.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use purple_sector_codec::{SessionId, Topic, UserId};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::asker::Asker;
use crate::clock::Clock;
use crate::config::{Config, Security, SourceConfig};
use crate::failure::{Failure, SettingsError};
use crate::lane::Lane;
use crate::login::{Access, Login};
use crate::outbox::Outbox;
use crate::pipeline::Pipeline;
use crate::progress::Progress;
use crate::publish::Publisher;
use crate::pump;
use crate::recorder::{Recorder, RecordingEnd};
use crate::session::{draw_epoch, new_session};
use crate::source::Source;
use crate::source::replay::Replay;
use crate::source::simulated::Simulated;
use crate::source::simulator::SimulatorSettings;
use crate::token_file::TokenWatch;
use crate::topic;
use crate::topic_watch::TopicWatch;

/// How long stopping waits for Kafka to take what is queued.
const DRAIN_WITHIN: Duration = Duration::from_secs(5);
/// How often the main loop checks whether anything is due.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Publishes until the source ends or `shutdown` completes; then delivers what is left, within a deadline.
///
/// # Errors
/// [`Failure`]: one sentence each.
pub async fn run(config: Config, shutdown: impl Future<Output = ()>) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    // Kafka's client and the pacing of samples block: they have threads of their own.
    let mut work = tokio::task::spawn_blocking(move || publish(&config, &stopping));
    let result = tokio::select! {
        result = &mut work => result,
        () = shutdown => {
            info!("stopping");
            stop.cancel();
            work.await
        }
    };
    result
        .unwrap_or_else(|error| Err(Failure::Running(anyhow!("the collector's main thread failed: {error}"))))
}

fn publish(config: &Config, stop: &CancellationToken) -> Result<(), Failure> {
    let clock = Clock::start();
    let security = config.common.security.check().map_err(SettingsError::from)?;
    let users = config.users(security.token()).map_err(SettingsError::from)?;
    let sources = open_sources(config, &users)?;
    let (_token_watch, login) = log_in(&security, &users)?;
    let asker = Asker::new(Access { settings: config.kafka(&security), login: login.clone() });
    let asker = asker.map_err(|error| SettingsError::client(&error))?;
    let record = config.common.record.as_deref();
    let recorder = record.map(Recorder::create).transpose();
    let mut recorder = recorder.map_err(SettingsError::from)?.unwrap_or_default();
    let recording = recorder.end();
    let session = match config.common.session {
        Some(session) => session,
        None => new_session(clock).context("no session id can be made from the time")?,
    };
    let Some(lanes) = open_lanes(config, &asker, &users, session, clock, stop)? else { return Ok(()) };
    let mut pipelines = Vec::new();
    for (source, lane) in sources.into_iter().zip(&lanes) {
        let stream = (session, draw_epoch());
        let recorder = std::mem::take(&mut recorder);
        let pipeline = Pipeline::new(source, stream, config.block(), lane.clone(), recorder);
        pipelines.push(pipeline.map_err(SettingsError::from)?);
    }
    announce(&users, session, &lanes, config);
    let has_token = matches!(login, Login::Token { .. });
    let access = Access { settings: config.producer(&security), login };
    let publisher = Arc::new(Publisher::start(access, lanes.clone())?);
    let _topic_watch = TopicWatch::start(asker, lanes.clone(), publisher.clone(), stop.child_token())?;
    let progress = Progress::new(&lanes, recording.clone(), has_token);
    pump_until_done(pipelines, config, clock, &publisher, progress, stop)?;
    report_recording(&recording)
}

/// A recording that was asked for and ended early is a failure, even if everything was published.
fn report_recording(recording: &RecordingEnd) -> Result<(), Failure> {
    let reason = recording.reason().map(|reason| Failure::Running(anyhow!("{reason}")));
    reason.map_or(Ok(()), Err)
}

/// Opens one source per user, and checks it as far as possible before anything is published.
fn open_sources(config: &Config, users: &[UserId]) -> Result<Vec<Box<dyn Source>>, SettingsError> {
    let lossless = config.common.lossless;
    let open = |(index, user): (usize, &UserId)| -> Result<Box<dyn Source>, SettingsError> {
        match &config.source {
            SourceConfig::Simulator(simulator) => {
                let settings = SimulatorSettings {
                    seed: simulator.seed.wrapping_add(index as u64),
                    rate_hz: simulator.rate,
                    track: simulator.track.clone(),
                    start_us: 0,
                    pit_every_laps: simulator.pit_every,
                };
                Ok(Box::new(Simulated::new(settings, user.as_str(), lossless)?))
            }
            SourceConfig::Replay(replay) => {
                Ok(Box::new(Replay::open(&replay.file, replay.repeat, lossless)?))
            }
        }
    };
    users.iter().enumerate().map(open).collect()
}

/// The log-in, and the thread that keeps its token new, if it has one.
fn log_in(security: &Security, users: &[UserId]) -> anyhow::Result<(Option<TokenWatch>, Login)> {
    if security.sends_secrets_in_the_clear() {
        warn!(
            "the log-in is not encrypted: anyone on the way to Kafka can read it (KAFKA_SECURITY_PROTOCOL=SASL_SSL \
             encrypts it)"
        );
    }
    let (Some(file), Some(user)) = (security.token(), users.first()) else {
        return Ok((None, Login::Settings));
    };
    let (watch, login) = TokenWatch::start(file.clone(), user.clone())
        .context("cannot start the thread that watches the token's file")?;
    Ok((Some(watch), login))
}

/// One empty lane per user; `None` if the program was stopped while it waited for a topic.
fn open_lanes(
    config: &Config,
    asker: &Asker,
    users: &[UserId],
    session: SessionId,
    clock: Clock,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Vec<Arc<Lane>>>> {
    let topics: Vec<Topic> = users.iter().map(UserId::topic).collect();
    let counts = topic::partition_counts(asker, &config.common.brokers, &topics, stop)?;
    let max_bytes = usize::try_from(config.common.queue_mib)?.saturating_mul(1 << 20);
    Ok(counts.map(|counts| {
        let lanes = topics.into_iter().zip(counts).map(|(topic, n_partitions)| {
            let outbox = Outbox::new(max_bytes, config.common.local_broker);
            Arc::new(Lane::new(topic, session, n_partitions, clock, outbox))
        });
        lanes.collect()
    }))
}

fn announce(users: &[UserId], session: SessionId, lanes: &[Arc<Lane>], config: &Config) {
    let (Some(user), Some(lane)) = (users.first(), lanes.first()) else { return };
    let (brokers, topic, partition) = (&config.common.brokers, lane.topic(), lane.partition());
    match users.len() {
        1 => info!(%user, %session, %topic, partition, brokers, "publishing begins"),
        n_users => info!(n_users, first = %user, %session, brokers, "publishing begins"),
    }
}

/// Runs the source's thread, and reports how it is doing until it has ended and everything is delivered.
fn pump_until_done(
    pipelines: Vec<Pipeline>,
    config: &Config,
    clock: Clock,
    publisher: &Arc<Publisher>,
    mut progress: Progress,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let (pace, of_pump, stop_pump) = (config.pace(), publisher.clone(), stop.clone());
    let source = std::thread::Builder::new()
        .name("source".into())
        .spawn(move || pump::run(pipelines, pace, clock, &of_pump, &stop_pump).map(drop))
        .context("cannot start the source's thread")?;
    while !source.is_finished() {
        std::thread::sleep(LOOK_EVERY);
        progress.tick(publisher);
    }
    let result = source.join().map_err(|_| anyhow!("the source's thread ended with a panic"))?;
    // After a source that ended by itself, Kafka may take all the time it needs; a person who stops it does not wait that long.
    let mut give_up_at = None;
    while progress.n_waiting() > 0 {
        if stop.is_cancelled()
            && *give_up_at.get_or_insert_with(|| Instant::now() + DRAIN_WITHIN) < Instant::now()
        {
            break;
        }
        std::thread::sleep(LOOK_EVERY);
        progress.tick(publisher);
    }
    let (counts, n_left) = (progress.counts(), progress.n_waiting());
    result.map_err(|error| Failure::Running(error.into()))?;
    if n_left > 0 {
        warn!(n_left, "stopped before everything was delivered");
        let (brokers, seconds) = (&config.common.brokers, DRAIN_WITHIN.as_secs());
        return Err(Failure::Running(anyhow!(
            "stopped with {n_left} records undelivered: Kafka at {brokers} did not take them within {seconds}s"
        )));
    }
    info!(samples = counts.n_samples, blocks = counts.n_blocks, "stopped: everything is delivered");
    Ok(())
}
