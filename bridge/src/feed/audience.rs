//! Who watches a feed, and which of its records does each of them get?

use std::collections::BTreeMap;

use bytes::Bytes;
use purple_sector_codec::{Kind, SessionId};

use super::queue::{Item, Role};
use super::record::Record;
use super::stream::Stream;

/// Names a viewer within this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ViewerId(pub(crate) u64);

/// What a viewer wants to get.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JoinOptions {
    /// Only this session's records; `None` for all sessions.
    pub session: Option<SessionId>,
    /// Key blocks only, to save data.
    pub keys_only: bool,
}

impl JoinOptions {
    /// Gives one viewer all it needs to draw a stream, if it wants that.
    pub(super) fn give(&self, viewer: ViewerId, stream: &Stream, send: &mut impl FnMut(ViewerId, Item)) {
        if self.session.is_some_and(|session| session != stream.session) {
            return;
        }
        for (record, kind) in stream.snapshot() {
            let role = match kind {
                Kind::Key => Role::Key(stream.no),
                Kind::Block if self.keys_only => continue,
                Kind::Block => Role::Block(stream.no),
                _ => Role::Aside,
            };
            let bytes = record.to_snapshot();
            send(viewer, Item { bytes, partition: record.partition, role, snapshot: true });
        }
    }

    fn wants(&self, session: Option<SessionId>, role: Role) -> bool {
        (self.session.is_none() || self.session == session)
            && !(self.keys_only && matches!(role, Role::Block(_)))
    }
}

/// The viewers of a feed.
#[derive(Default)]
pub(super) struct Audience {
    viewers: BTreeMap<ViewerId, JoinOptions>,
}

impl Audience {
    pub(super) fn insert(&mut self, viewer: ViewerId, options: JoinOptions) {
        self.viewers.insert(viewer, options);
    }

    pub(super) fn remove(&mut self, viewer: ViewerId) {
        self.viewers.remove(&viewer);
    }

    pub(super) fn contains(&self, viewer: ViewerId) -> bool {
        self.viewers.contains_key(&viewer)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.viewers.is_empty()
    }

    /// Gives every viewer who wants it what is needed to draw a stream.
    pub(super) fn give_all(&self, stream: &Stream, send: &mut impl FnMut(ViewerId, Item)) {
        for (viewer, options) in &self.viewers {
            options.give(*viewer, stream, send);
        }
    }

    /// Sends a live record to all who want it; they share its bytes.
    pub(super) fn forward(
        &self,
        session: Option<SessionId>,
        role: Role,
        record: &Record,
        send: &mut impl FnMut(ViewerId, Item),
    ) {
        for (viewer, _) in self.viewers.iter().filter(|(_, options)| options.wants(session, role)) {
            let bytes = record.message.clone();
            send(*viewer, Item { bytes, partition: record.partition, role, snapshot: false });
        }
    }

    /// Sends the feed's own news to everyone.
    pub(super) fn tell(&self, message: &Bytes, send: &mut impl FnMut(ViewerId, Item)) {
        for viewer in self.viewers.keys() {
            send(*viewer, Item::aside(message.clone()));
        }
    }
}
