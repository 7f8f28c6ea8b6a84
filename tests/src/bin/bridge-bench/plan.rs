//! How much is measured? The whole bench, or a short form that shows that it works.

use std::time::Duration;

use crate::budgets::Loads;
use crate::results::Load;

/// Blocks a second of an active user.
pub(crate) const BLOCKS_PER_S: u32 = 30;

/// Numbers and times of all scenarios.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Load on the broker before anything is measured: a fresh JVM is slow.
    pub(crate) jvm_warm_up: Duration,
    /// Load on a bridge before its figures count.
    pub(crate) warm_up: Duration,
    /// The time whose figures count.
    pub(crate) window: Duration,
    /// The same where nothing happens.
    pub(crate) idle_window: Duration,
    pub(crate) n_active: usize,
    pub(crate) n_users: usize,
    pub(crate) repeats_alone: usize,
    pub(crate) repeats_crowd: usize,
    /// Users who come one wave after another.
    pub(crate) n_churn: usize,
    pub(crate) wave: usize,
    /// Users after whom memory is compared with the end.
    pub(crate) churn_first: usize,
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl Plan {
    pub(crate) const WHOLE: Self = Self {
        jvm_warm_up: s(60),
        warm_up: s(10),
        window: s(15),
        idle_window: s(30),
        n_active: 50,
        n_users: 1000,
        repeats_alone: 3,
        repeats_crowd: 3,
        n_churn: 5000,
        wave: 250,
        churn_first: 1000,
    };

    pub(crate) const QUICK: Self = Self {
        jvm_warm_up: s(10),
        warm_up: s(6),
        window: s(6),
        idle_window: s(6),
        n_active: 50,
        n_users: 200,
        repeats_alone: 1,
        repeats_crowd: 1,
        n_churn: 200,
        wave: 50,
        churn_first: 50,
    };

    /// The loads under which figures are kept.
    pub(crate) fn loads(&self) -> Loads {
        Loads {
            empty: Load { users: 0, active: 0 },
            alone: Load { users: self.n_active, active: self.n_active },
            idle: Load { users: self.n_users, active: 0 },
            among: Load { users: self.n_users, active: self.n_active },
            churn: Load { users: self.n_churn, active: 0 },
        }
    }
}
