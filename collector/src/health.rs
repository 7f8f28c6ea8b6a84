//! How is the producer's connection to Kafka doing, and what of it is worth a line in the log? Each change once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::error::RDKafkaErrorCode;
use tracing::{error, info, warn};

use crate::asker::is_login_refusal;
use crate::login::Login;
use crate::outbox::Note;

/// How the connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// Kafka takes records, or has not been asked to yet.
    Good,
    /// Kafka is away.
    Lost,
    /// Kafka does not let the collector in: its token has ended, for instance.
    LoginRefused,
    /// Kafka lets it in, but it may write nowhere.
    WritingRefused,
}

/// What has been heard so far.
#[derive(Debug)]
pub(crate) struct Health {
    login: Login,
    state: Mutex<State>,
    n_losses: AtomicU64,
}

#[derive(Debug)]
struct State {
    connection: Connection,
    /// What was said since the connection was good.
    told: Vec<Connection>,
    /// The last refusal of a record that was logged, so that each is logged once.
    last_refusal: Option<(Option<RDKafkaErrorCode>, Note)>,
}

/// What follows from an error that librdkafka reports, for a connection that is `now` like this.
fn judge(code: RDKafkaErrorCode, now: Connection) -> Connection {
    match code {
        code if is_login_refusal(code) => Connection::LoginRefused,
        RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::SSL => Connection::Lost,
        // It follows from what was reported before, and after a refusal it is no news.
        RDKafkaErrorCode::AllBrokersDown if now != Connection::LoginRefused => Connection::Lost,
        RDKafkaErrorCode::ClusterAuthorizationFailed => Connection::WritingRefused,
        _ => now,
    }
}

impl Health {
    pub(crate) fn new(login: Login) -> Self {
        let state = State { connection: Connection::Good, told: Vec::new(), last_refusal: None };
        Self { login, state: Mutex::new(state), n_losses: AtomicU64::new(0) }
    }

    /// How the connection is doing now.
    pub(crate) fn connection(&self) -> Connection {
        self.lock().connection
    }

    /// Times that a good connection was lost.
    pub(crate) fn n_losses(&self) -> u64 {
        self.n_losses.load(Ordering::Relaxed)
    }

    /// Takes an error that librdkafka reports.
    pub(crate) fn note_error(&self, code: RDKafkaErrorCode, reason: &str) {
        let mut state = self.lock();
        let next = judge(code, state.connection);
        let before = std::mem::replace(&mut state.connection, next);
        if before == Connection::Good && next == Connection::Lost {
            self.n_losses.fetch_add(1, Ordering::Relaxed);
        }
        // Between two attempts with a bad token the connection is lost again and again.
        if before == next || state.told.contains(&next) {
            return;
        }
        state.told.push(next);
        match next {
            Connection::Good => {}
            Connection::Lost => warn!(reason, "lost Kafka; keeping what the source gives and trying again"),
            Connection::LoginRefused => {
                let advice = self.login.advice();
                warn!(reason, "Kafka refuses the log-in; keeping what the source gives: {advice}");
            }
            Connection::WritingRefused => error!(
                reason,
                "Kafka lets this user write nowhere; keeping what the source gives, and trying again: is this the token of a \
                 collector? Whoever runs Kafka grants the right to write to the user's topic"
            ),
        }
    }

    /// Takes the reason why a producer cannot go on; a new one follows.
    pub(crate) fn note_gave_up(&self, code: RDKafkaErrorCode, reason: &str) {
        if judge(code, Connection::Good) == Connection::Good {
            warn!(%code, reason, "Kafka's producer gave up; starting a new one");
        } else {
            self.note_error(code, reason);
        }
    }

    /// Takes that a record is in the log.
    pub(crate) fn note_delivered(&self) {
        let mut state = self.lock();
        if state.connection != Connection::Good {
            state.connection = Connection::Good;
            state.told.clear();
            info!("Kafka takes records again");
        }
    }

    /// Takes that a record was refused, and what follows from it.
    pub(crate) fn note_refused(&self, topic: &str, code: Option<RDKafkaErrorCode>, note: Note) {
        if self.lock().last_refusal.replace((code, note)) == Some((code, note)) {
            return;
        }
        let reason = code.map_or_else(|| "unknown".to_owned(), |code| code.to_string());
        match note {
            Note::SentAgain => {
                warn!(topic, reason, "Kafka refused a record; sending it again, with all behind it")
            }
            Note::SentOneByOne => {
                warn!(topic, reason, "Kafka refused a batch of records as too long; sending them one by one");
            }
            Note::LeftOut => {
                error!(
                    topic,
                    reason,
                    "Kafka will never take this record; it is left out (is max.message.bytes of the topic 131072?)"
                );
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_error_means() {
        use Connection::{Good, LoginRefused, Lost, WritingRefused};

        for (code, now, next) in [
            (RDKafkaErrorCode::BrokerTransportFailure, Good, Lost),
            (RDKafkaErrorCode::AllBrokersDown, Good, Lost),
            (RDKafkaErrorCode::Authentication, Good, LoginRefused),
            (RDKafkaErrorCode::Authentication, Lost, LoginRefused),
            (RDKafkaErrorCode::AllBrokersDown, LoginRefused, LoginRefused),
            (RDKafkaErrorCode::BrokerTransportFailure, LoginRefused, Lost),
            (RDKafkaErrorCode::ClusterAuthorizationFailed, Good, WritingRefused),
            (RDKafkaErrorCode::OperationTimedOut, Good, Good),
            (RDKafkaErrorCode::OperationTimedOut, Lost, Lost),
        ] {
            assert_eq!(judge(code, now), next, "{code:?} while {now:?}");
        }
    }

    #[test]
    fn a_loss_is_counted_once_and_a_delivery_ends_it() {
        let health = Health::new(Login::Settings);
        for code in [
            RDKafkaErrorCode::BrokerTransportFailure,
            RDKafkaErrorCode::AllBrokersDown,
            RDKafkaErrorCode::Authentication,
            RDKafkaErrorCode::BrokerTransportFailure,
        ] {
            health.note_error(code, "");
        }
        assert_eq!((health.connection(), health.n_losses()), (Connection::Lost, 1));
        health.note_delivered();
        assert_eq!(health.connection(), Connection::Good);
        health.note_error(RDKafkaErrorCode::AllBrokersDown, "");
        assert_eq!(health.n_losses(), 2);
    }
}
