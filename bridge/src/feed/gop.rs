//! Which blocks are kept for viewers who join, and which of them go first when that is too much?
//!
//! A GOP is a key block and the blocks after it. Every stream keeps its current one, within limits of its own; all of them
//! together stay within the process's budget: beyond it the GOP whose key block is oldest goes, whichever feed it is of.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::record::Record;
use crate::stats::Counter;

/// Blocks of one GOP. Key blocks come at least this often.
const MAX_BLOCKS: usize = 256;
/// Bytes of one GOP.
const MAX_BYTES: usize = 256 * 1024;

/// The GOPs of all feeds, and how many bytes they may take together with schemas and facts.
///
/// Its lock and that of a GOP's blocks are held for a few steps each, and never one under the other.
pub(crate) struct GopBudget {
    used: Arc<Counter>,
    limit: u64,
    /// Oldest first. Written once per GOP, not per block.
    by_age: Mutex<BTreeMap<Age, Arc<Mutex<Blocks>>>>,
    last_no: AtomicU64,
}

/// When a GOP's key block came, and the number of its stream in this process.
type Age = (Instant, u64);

/// A GOP's records; none if it was dropped.
#[derive(Default)]
struct Blocks {
    records: Vec<Record>,
    n_bytes: usize,
}

impl GopBudget {
    /// A budget of `limit` bytes; `used` shows how many are taken.
    pub(crate) fn new(used: Arc<Counter>, limit: u64) -> Arc<Self> {
        Arc::new(Self { used, limit, by_age: Mutex::default(), last_no: AtomicU64::new(0) })
    }

    /// Drops the oldest GOPs while all together are more than they may be. Their streams find them empty.
    fn keep(&self) {
        while self.used.get() > self.limit {
            let Some((_, oldest)) = lock(&self.by_age).pop_first() else { return };
            self.empty(&oldest);
        }
    }

    /// Counts bytes that are kept besides the GOPs.
    pub(super) fn hold(&self, n_bytes: usize) {
        self.used.add(n_bytes as u64);
        self.keep();
    }

    /// The opposite of [`GopBudget::hold`].
    pub(super) fn release(&self, n_bytes: usize) {
        self.used.sub(n_bytes as u64);
    }

    fn push(&self, blocks: &mut Blocks, record: &Record) {
        blocks.n_bytes += record.message.len();
        self.used.add(record.message.len() as u64);
        blocks.records.push(record.clone());
    }

    fn empty(&self, blocks: &Mutex<Blocks>) {
        let Blocks { records, n_bytes } = std::mem::take(&mut *lock(blocks));
        self.used.sub(n_bytes as u64);
        // Freed after the lock.
        drop(records);
    }
}

/// The current GOP of one stream; empty means that joining viewers wait for the next key block.
pub(super) struct Gop {
    budget: Arc<GopBudget>,
    no: u64,
    /// Since when, and the blocks, which the budget may take away at any time.
    current: Option<(Instant, Arc<Mutex<Blocks>>)>,
}

impl Gop {
    pub(super) fn new(budget: Arc<GopBudget>) -> Self {
        let no = budget.last_no.fetch_add(1, Ordering::Relaxed);
        Self { budget, no, current: None }
    }

    /// Begins again with a key block that came at `at`.
    pub(super) fn start(&mut self, key: &Record, at: Instant) {
        self.clear();
        let mut blocks = Blocks::default();
        self.budget.push(&mut blocks, key);
        let blocks = Arc::new(Mutex::new(blocks));
        lock(&self.budget.by_age).insert((at, self.no), blocks.clone());
        self.current = Some((at, blocks));
        self.budget.keep();
    }

    /// Takes the next block, if there is a key block before it.
    pub(super) fn add(&mut self, block: &Record) {
        let Some((_, blocks)) = &self.current else { return };
        let too_large = {
            let mut blocks = lock(blocks);
            if blocks.records.is_empty() {
                return;
            }
            self.budget.push(&mut blocks, block);
            blocks.records.len() > MAX_BLOCKS || blocks.n_bytes > MAX_BYTES
        };
        if too_large {
            self.clear();
        }
        self.budget.keep();
    }

    pub(super) fn clear(&mut self) {
        if let Some((at, blocks)) = self.current.take() {
            lock(&self.budget.by_age).remove(&(at, self.no));
            self.budget.empty(&blocks);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.current.as_ref().is_none_or(|(_, blocks)| lock(blocks).records.is_empty())
    }

    /// The key block and the blocks after it; copies share their bytes.
    pub(super) fn records(&self) -> Vec<Record> {
        self.current.as_ref().map(|(_, blocks)| lock(blocks).records.clone()).unwrap_or_default()
    }
}

impl Drop for Gop {
    fn drop(&mut self) {
        self.clear();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::testing::record;
    use super::*;

    /// Bytes of a record here, as a message.
    const LEN: u64 = 1_000;

    fn block() -> Record {
        let empty = record(0, 0, 0, &[]).message.len();
        record(0, 0, 0, &vec![0; LEN as usize - empty])
    }

    /// A GOP of `n_blocks` whose key block came at `at`.
    fn gop(budget: &Arc<GopBudget>, at: Instant, n_blocks: usize) -> Gop {
        let mut gop = Gop::new(budget.clone());
        gop.start(&block(), at);
        (1..n_blocks).for_each(|_| gop.add(&block()));
        gop
    }

    fn lens(gops: &[&Gop]) -> Vec<usize> {
        gops.iter().map(|gop| gop.records().len()).collect()
    }

    #[test]
    fn the_oldest_goes_first_whichever_grows() {
        let budget = GopBudget::new(Arc::default(), 10 * LEN);
        let (start, s) = (Instant::now(), Duration::from_secs(1));
        let mut young = gop(&budget, start + 2 * s, 4);
        let mut old = gop(&budget, start, 2);
        let mut middle = gop(&budget, start + s, 4);
        assert_eq!(lens(&[&old, &middle, &young]), [2, 4, 4], "just fits");
        young.add(&block());
        assert_eq!(lens(&[&old, &middle, &young]), [0, 4, 5]);
        old.add(&block());
        assert!(old.is_empty(), "not before its next key block");
        middle.add(&block());
        middle.add(&block());
        assert_eq!(lens(&[&old, &middle, &young]), [0, 0, 5], "the one that grows, as it is the oldest");
        old.start(&block(), start + 3 * s);
        old.add(&block());
        assert_eq!(lens(&[&old, &middle, &young]), [2, 0, 5]);
        assert_eq!(budget.used.get(), 7 * LEN);
        drop((old, middle, young));
        assert_eq!((budget.used.get(), lock(&budget.by_age).len()), (0, 0), "nothing stays behind");
    }

    #[test]
    fn a_budget_smaller_than_one_gop_keeps_none() {
        let budget = GopBudget::new(Arc::default(), LEN - 1);
        let gop = gop(&budget, Instant::now(), 3);
        assert!(gop.is_empty());
        assert_eq!((budget.used.get(), lock(&budget.by_age).len()), (0, 0));
    }

    #[test]
    fn feeds_on_many_threads_keep_the_budget_and_its_count() {
        const N_THREADS: u64 = 8;
        let budget = GopBudget::new(Arc::default(), 50 * LEN);
        std::thread::scope(|scope| {
            for _ in 0..N_THREADS {
                scope.spawn(|| {
                    let mut gops: Vec<Gop> = (0..8).map(|_| Gop::new(budget.clone())).collect();
                    for n in 0..20_000 {
                        let gop = &mut gops[n % 8];
                        if n / 8 % 20 == 0 {
                            gop.start(&block(), Instant::now())
                        } else {
                            gop.add(&block())
                        }
                        // Each thread may be between a block and the look at the budget.
                        assert!(budget.used.get() <= (50 + N_THREADS) * LEN);
                    }
                });
            }
        });
        assert_eq!((budget.used.get(), lock(&budget.by_age).len()), (0, 0));
    }
}
