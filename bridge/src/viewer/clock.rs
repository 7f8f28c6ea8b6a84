//! When does a viewer's connection need attention?
//!
//! Pure: two clocks that are told the time. Pings find dead peers; the token's end is announced, then enforced.

use std::time::{Duration, Instant};

use crate::auth::LEEWAY;

/// How often a ping is sent.
pub(super) const PING_EVERY: Duration = Duration::from_secs(20);
/// How long the answer to a ping may take.
const PONG_WITHIN: Duration = Duration::from_secs(10);
/// How long before its end a token is said to expire.
const WARN_BEFORE: Duration = Duration::from_secs(45);
/// Ends that are further away need no timer: no connection lives so long.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Whether the peer is alive.
#[derive(Debug)]
pub(super) enum Pulse {
    /// All is well until then, when a ping is due.
    Quiet { ping_at: Instant },
    /// A ping is out; without an answer until then the peer is dead.
    Asked { dead_at: Instant },
}

/// What a clock wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Ping,
    Dead,
    TokenExpires { in_s: u32 },
    TokenExpired,
}

impl Pulse {
    pub(super) fn new(now: Instant) -> Self {
        Self::Quiet { ping_at: now + PING_EVERY }
    }

    /// Something came from the peer.
    pub(super) fn heard(&mut self, now: Instant) {
        if let Self::Asked { .. } = self {
            *self = Self::new(now);
        }
    }

    /// When to look again.
    pub(super) fn deadline(&self) -> Instant {
        match *self {
            Self::Quiet { ping_at: at } | Self::Asked { dead_at: at } => at,
        }
    }

    /// What is due now, if anything.
    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        match *self {
            Self::Quiet { ping_at } if now >= ping_at => {
                *self = Self::Asked { dead_at: now + PONG_WITHIN };
                Some(Due::Ping)
            }
            Self::Asked { dead_at } if now >= dead_at => Some(Due::Dead),
            _ => None,
        }
    }
}

/// When a viewer's token ends.
#[derive(Debug)]
pub(super) enum TokenClock {
    /// Never, or not while anyone watches.
    Endless,
    /// To be announced at `warn_at`.
    Good { warn_at: Instant, closes_at: Instant },
    /// Announced; a new token must come before `closes_at`.
    Ending { closes_at: Instant },
}

impl TokenClock {
    /// For a token that ends at `expires_at_s`, when it is `now_s` on the clock (both Unix seconds) and `now` on ours.
    pub(super) fn new(expires_at_s: Option<u64>, now_s: u64, now: Instant) -> Self {
        let Some(expires_at_s) = expires_at_s else { return Self::Endless };
        let left = Duration::from_secs(expires_at_s.saturating_add(LEEWAY.as_secs()).saturating_sub(now_s));
        if left > FAR {
            return Self::Endless;
        }
        Self::Good { warn_at: now + left.saturating_sub(WARN_BEFORE + LEEWAY), closes_at: now + left }
    }

    /// Whole seconds until the token ends, its leeway not counted.
    pub(super) fn seconds_left(&self, now: Instant) -> u32 {
        match self {
            Self::Endless => u32::MAX,
            Self::Good { closes_at, .. } | Self::Ending { closes_at } => {
                let left = closes_at.saturating_duration_since(now).saturating_sub(LEEWAY);
                u32::try_from(left.as_secs()).unwrap_or(u32::MAX)
            }
        }
    }

    /// When the token's leeway is over, if ever.
    pub(super) fn closes_at(&self) -> Option<Instant> {
        match *self {
            Self::Endless => None,
            Self::Good { closes_at, .. } | Self::Ending { closes_at } => Some(closes_at),
        }
    }

    /// When to look again, if ever.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match *self {
            Self::Endless => None,
            Self::Good { warn_at: at, .. } | Self::Ending { closes_at: at } => Some(at),
        }
    }

    /// What is due now, if anything.
    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        match *self {
            Self::Good { warn_at, closes_at } if now >= warn_at => {
                *self = Self::Ending { closes_at };
                Some(Due::TokenExpires { in_s: self.seconds_left(now) })
            }
            Self::Ending { closes_at } if now >= closes_at => Some(Due::TokenExpired),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_silent_peer_is_dead_after_half_a_minute() {
        let start = Instant::now();
        let mut pulse = Pulse::new(start);
        assert_eq!(pulse.due(start + s(19)), None);
        assert_eq!(pulse.due(start + s(20)), Some(Due::Ping));
        assert_eq!(pulse.due(start + s(29)), None);
        assert_eq!(pulse.due(start + s(30)), Some(Due::Dead));
    }

    #[test]
    fn an_answer_starts_the_next_quiet_time() {
        let start = Instant::now();
        let mut pulse = Pulse::new(start);
        assert_eq!(pulse.due(start + s(20)), Some(Due::Ping));
        pulse.heard(start + s(21));
        assert_eq!(pulse.deadline(), start + s(41));
        // What the peer sends by itself does not put the ping off: only an answer proves both directions.
        pulse.heard(start + s(40));
        assert_eq!(pulse.due(start + s(41)), Some(Due::Ping));
    }

    #[test]
    fn a_token_is_announced_and_then_ends() {
        let start = Instant::now();
        let mut token = TokenClock::new(Some(1_100), 1_000, start);
        assert_eq!(token.deadline(), Some(start + s(55)));
        assert_eq!(token.due(start + s(54)), None);
        assert_eq!(token.due(start + s(55)), Some(Due::TokenExpires { in_s: 45 }));
        assert_eq!(token.due(start + s(104)), None);
        assert_eq!(token.due(start + s(105)), Some(Due::TokenExpired));
    }

    #[test]
    fn a_token_at_its_end_is_announced_at_once() {
        let start = Instant::now();
        for expires_at_s in [996, 1_000, 1_045] {
            let mut token = TokenClock::new(Some(expires_at_s), 1_000, start);
            assert!(matches!(token.due(start), Some(Due::TokenExpires { .. })));
            assert_eq!(token.deadline(), Some(start + s(expires_at_s + 5 - 1_000)));
        }
    }

    #[test]
    fn no_timer_runs_for_ages() {
        let start = Instant::now();
        assert!(TokenClock::new(Some(253_402_300_799), 0, start).deadline().is_none());
        assert!(TokenClock::new(None, 0, start).deadline().is_none());
    }
}
