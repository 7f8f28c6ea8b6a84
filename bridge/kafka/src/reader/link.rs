//! What is one connection of a reader doing?

use std::time::Instant;

use super::login::LoggedIn;
use super::{Address, LinkId};
use crate::partition::Question;
use crate::session::Session;
use crate::{LogIn, Versions};

/// A connection to one broker.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) address: Address,
    /// Opened only to ask for metadata; it stays if its broker turns out to lead something.
    pub(super) is_extra: bool,
    pub(super) state: State,
    pub(super) versions: Versions,
    pub(super) session: Session,
    pub(super) login: LoggedIn,
}

#[derive(Debug)]
pub(super) enum State {
    Opening {
        until: Instant,
    },
    /// Free from then on: a broker may ask for a pause.
    Idle {
        since: Instant,
    },
    Busy {
        asked: Asked,
        number: i32,
        flexible: bool,
        until: Instant,
    },
}

/// Which question waits for its answer.
#[derive(Debug)]
pub(super) enum Asked {
    Metadata,
    Offsets(Vec<(u16, Question)>),
    Records(Vec<u16>),
    LogIn(LogIn),
}

impl Link {
    pub(super) fn opening(
        id: LinkId,
        address: Address,
        is_extra: bool,
        until: Instant,
        login: LoggedIn,
    ) -> Self {
        Self {
            id,
            address,
            is_extra,
            state: State::Opening { until },
            versions: Versions { fetch: 0 },
            session: Session::default(),
            login,
        }
    }

    pub(super) fn is_idle(&self, now: Instant) -> bool {
        matches!(self.state, State::Idle { since } if since <= now)
    }

    pub(super) fn is_late(&self, now: Instant) -> bool {
        match self.state {
            State::Opening { until } | State::Busy { until, .. } => until <= now,
            State::Idle { .. } => false,
        }
    }

    /// When something is due: the answer that is awaited, or what comes after it.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = Instant> {
        let (own, login) = match self.state {
            State::Opening { until } | State::Busy { until, .. } => (until, None),
            State::Idle { since } => (since, self.login.deadline()),
        };
        std::iter::once(own).chain(login)
    }
}
