//! As whom does a reader log in, and when again?
//!
//! A broker may end a session after some time, with the token at the latest. A connection logs in again before that,
//! between two requests, with what the reader was given last (KIP-368); and soon after it was given something newer.
//! Without anything good to show, nothing is opened, and what is open ends with its session.

use std::time::{Duration, Instant};

use super::link::{Asked, Link, State};
use super::{CloseReason, LinkId, News, Now, Output, Reader};
use crate::response::Malformed;
use crate::{Identity, LogIn, LogInError, Refusal, Step, Versions};

/// A broker takes one log-in of a connection a second.
const LOG_IN_EVERY: Duration = Duration::from_millis(1_200);
/// Which part of a session's life passes before it is renewed: readers that logged in together renew apart.
const RENEW_AFTER: (f64, f64) = (0.7, 0.85);
/// A token is not shown any more so shortly before its end: the broker's clock may be ahead. A session that ends within
/// this of its token ends because of it.
const TOKEN_MARGIN_MS: u64 = 2_000;
/// A session begins at the broker before its client hears of it, by less than this.
const HEARD_WITHIN: Duration = Duration::from_millis(250);

/// Sessions are not expected to last longer.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// As whom a reader logs in.
#[derive(Debug, Clone)]
pub enum Login {
    /// Nobody asks, or the connection itself shows it: no security, or a client certificate.
    ByConnection,
    /// As this one, by SASL.
    As(Identity),
    /// There is nobody as whom it may: it waits for [`Event::LogIn`](super::Event::LogIn).
    Nobody,
}

impl Login {
    pub(super) fn identity(&self) -> Option<&Identity> {
        match self {
            Self::As(identity) => Some(identity),
            Self::ByConnection | Self::Nobody => None,
        }
    }

    /// Whether a connection may be opened at this time.
    pub(super) fn is_good(&self, unix_ms: u64) -> bool {
        match self {
            Self::ByConnection => true,
            Self::As(identity) => {
                identity.expires_at_ms().is_none_or(|end_ms| unix_ms.saturating_add(TOKEN_MARGIN_MS) < end_ms)
            }
            Self::Nobody => false,
        }
    }
}

/// The session of one connection.
#[derive(Debug)]
pub(super) struct LoggedIn {
    /// Which log-in of the reader this is.
    no: u32,
    /// When it began.
    at: Instant,
    /// When to log in again, if that is of use.
    renew_at: Option<Instant>,
    /// When the broker takes no more requests.
    ends_at: Option<Instant>,
}

impl LoggedIn {
    pub(super) fn under_way(no: u32, now: Instant) -> Self {
        Self { no, at: now, renew_at: None, ends_at: None }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.renew_at.into_iter().chain(self.ends_at).min()
    }

    /// As much of `wait` as ends before something is due here.
    pub(super) fn not_beyond(&self, now: Instant, wait: Duration) -> Duration {
        self.deadline().map_or(wait, |at| wait.min(at.saturating_duration_since(now)))
    }

    /// The soonest that a broker takes another log-in.
    fn next_at(&self) -> Instant {
        self.at + LOG_IN_EVERY
    }
}

impl Reader {
    pub(super) fn open_link(
        &mut self,
        link: LinkId,
        versions: Versions,
        lifetime: Option<Duration>,
        now: Now,
    ) {
        let Some(index) = self.links.iter().position(|other| other.id == link) else { return };
        self.links[index].state = State::Idle { since: now.at };
        self.links[index].versions = versions;
        self.begin_session(index, lifetime, now);
    }

    /// From now on others are shown, or nobody.
    pub(super) fn log_in(&mut self, login: Login, now: Instant) {
        self.login = login;
        self.login_no = self.login_no.wrapping_add(1);
        // What failed may have failed for whom it was tried.
        self.failed.clear();
        self.look_at = self.look_at.min(now);
        for link in &mut self.links {
            link.login.renew_at = self.login.identity().map(|_| link.login.next_at().max(now));
        }
    }

    /// A broker says how long a log-in is good.
    fn begin_session(&mut self, index: usize, lifetime: Option<Duration>, now: Now) {
        let part = RENEW_AFTER.0 + (RENEW_AFTER.1 - RENEW_AFTER.0) * self.fraction();
        let is_older = self.links[index].login.no != self.login_no;
        // The token's end counts as well, whatever the broker says.
        let token_ms = self.login.identity().and_then(Identity::expires_at_ms).filter(|_| !is_older);
        let left = token_ms.map(|token_ms| Duration::from_millis(token_ms.saturating_sub(now.unix_ms)));
        // No session lasts for ages: a time that far away could not be counted.
        let lifetime = lifetime.into_iter().chain(left).map(|lifetime| lifetime.min(LONGEST)).min();
        let session = &mut self.links[index].login;
        session.at = now.at;
        session.ends_at = lifetime.map(|lifetime| now.at + lifetime - HEARD_WITHIN.min(lifetime / 4));
        let ends_with_token = |lifetime: Duration| {
            let end_ms = now.unix_ms.saturating_add(lifetime.as_millis() as u64 + TOKEN_MARGIN_MS);
            token_ms.is_some_and(|token_ms| token_ms <= end_ms)
        };
        session.renew_at = match (self.login.identity(), lifetime) {
            (None, _) => None,
            (Some(_), _) if is_older => Some(session.next_at()),
            // The same token again would give no more time.
            (Some(_), Some(lifetime)) if !ends_with_token(lifetime) => {
                Some((now.at + lifetime.mul_f64(part)).max(session.next_at()))
            }
            (Some(_), _) => None,
        };
    }

    /// Logs in again where it is time, and ends what may not be used any more.
    pub(super) fn renew_logins(&mut self, now: Now, out: &mut dyn FnMut(Output<'_>)) {
        let is_good = self.login.is_good(now.unix_ms);
        let mut index = 0;
        while index < self.links.len() {
            let link = &mut self.links[index];
            let is_idle = link.is_idle(now.at);
            if is_idle && link.login.renew_at.is_some_and(|at| at <= now.at) {
                // With nothing good to show it waits for something better; a Fetch must not wait for that.
                link.login.renew_at = None;
                if is_good {
                    self.begin_login(index, now.at, out);
                    index += 1;
                    continue;
                }
            }
            if is_idle && link.login.ends_at.is_some_and(|at| at <= now.at) {
                let id = link.id;
                self.break_off(id, now.at, out);
            } else {
                index += 1;
            }
        }
    }

    fn begin_login(&mut self, index: usize, now: Instant, out: &mut dyn FnMut(Output<'_>)) {
        let Some(identity) = self.login.identity().cloned() else { return };
        self.links[index].login.no = self.login_no;
        let (log_in, request) = LogIn::begin(identity, self.next_number());
        self.send(index, Asked::LogIn(log_in), request, Duration::ZERO, now, out);
    }

    /// Takes an answer to a log-in on an open connection. Where it is refused, a new connection is tried: only what that
    /// is told counts, as a session cannot pass from one principal to another.
    pub(super) fn take_login(
        &mut self,
        index: usize,
        mut log_in: LogIn,
        body: &[u8],
        now: Now,
        out: &mut dyn FnMut(Output<'_>),
    ) -> Result<i32, Malformed> {
        let number = self.next_number();
        match log_in.take(body, number) {
            Ok(Step::Ask(request)) => {
                self.send(index, Asked::LogIn(log_in), request, Duration::ZERO, now.at, out);
                Ok(0)
            }
            Ok(Step::Done { lifetime }) => {
                self.begin_session(index, lifetime, now);
                Ok(0)
            }
            Err(LogInError::Refused(_) | LogInError::Malformed(_) | LogInError::NoRandomness) => {
                Err(Malformed)
            }
        }
    }

    /// A connection was not let in. That of whom was shown before says nothing of whom is shown now.
    pub(super) fn tell_refusal(&mut self, link: &Link, refusal: Refusal, out: &mut dyn FnMut(Output<'_>)) {
        if link.login.no == self.login_no && self.login.identity().is_some() {
            self.login = Login::Nobody;
            out(Output::News(News::LoginRefused { refusal }));
        }
    }

    /// Ends a connection whose broker does not keep to the protocol, or whose session is over.
    pub(super) fn break_off(&mut self, link: LinkId, now: Instant, out: &mut dyn FnMut(Output<'_>)) {
        out(Output::Act(super::Action::Close { link }));
        self.forget_link(link, CloseReason::Lost, now, out);
    }
}
