//! Which blocks are kept for viewers who join?

use std::sync::Arc;

use crate::kafka::Record;
use crate::stats::Counter;

/// Blocks of one GOP. Key blocks come at least this often.
const MAX_BLOCKS: usize = 256;
/// Bytes of one GOP.
const MAX_BYTES: usize = 256 * 1024;

/// Bytes that the GOPs of all feeds together may take.
#[derive(Clone, Debug)]
pub(crate) struct GopBudget {
    pub(crate) used: Arc<Counter>,
    pub(crate) limit: u64,
}

impl GopBudget {
    pub(super) fn is_exceeded(&self) -> bool {
        self.used.get() > self.limit
    }
}

/// A key block and those after it, within limits; empty means that joining viewers wait for the next key block.
pub(super) struct Gop {
    blocks: Vec<Record>,
    n_bytes: usize,
    budget: GopBudget,
}

impl Gop {
    pub(super) fn new(budget: GopBudget) -> Self {
        Self { blocks: Vec::new(), n_bytes: 0, budget }
    }

    pub(super) fn start(&mut self, key: &Record) {
        self.clear();
        self.push(key);
    }

    pub(super) fn add(&mut self, block: &Record) {
        if self.blocks.is_empty() {
            return;
        }
        self.push(block);
        if self.blocks.len() > MAX_BLOCKS || self.n_bytes > MAX_BYTES {
            self.clear();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    pub(super) fn records(&self) -> &[Record] {
        &self.blocks
    }

    fn push(&mut self, record: &Record) {
        self.n_bytes += record.message.len();
        self.budget.used.add(record.message.len() as u64);
        self.blocks.push(record.clone());
    }

    pub(super) fn clear(&mut self) {
        self.budget.used.sub(self.n_bytes as u64);
        self.n_bytes = 0;
        self.blocks.clear();
    }
}

impl Drop for Gop {
    fn drop(&mut self) {
        self.clear();
    }
}
