//! What must the next Fetch of a connection say, so that the broker reads exactly what is wanted?
//!
//! Where a broker keeps a session (KIP-227), a Fetch names only what changed since the one before; where it has none to
//! give, each names every partition. Both follow from one list: what the broker believes.

/// One partition as a Fetch names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) partition: u16,
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
}

/// The next Fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) session_id: i32,
    pub(crate) session_epoch: i32,
    pub(crate) partitions: Vec<Wanted>,
    pub(crate) forgotten: Vec<u16>,
    pub(crate) max_wait_ms: i32,
    pub(crate) max_bytes: i32,
}

/// A connection's fetch session, if the broker gave one.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// 0: none.
    id: i32,
    /// Of the next Fetch.
    epoch: i32,
    /// What the broker was told; matters only with a session.
    told: Vec<Wanted>,
}

impl Session {
    /// Names what changed, or everything.
    pub(crate) fn ask(&mut self, wanted: Vec<Wanted>, max_wait_ms: i32, max_bytes: i32) -> Ask {
        let (partitions, forgotten) = if self.id == 0 {
            (wanted.clone(), Vec::new())
        } else {
            let changed = wanted.iter().filter(|wanted| !self.told.contains(wanted)).copied().collect();
            let still = |told: &&Wanted| wanted.iter().any(|wanted| wanted.partition == told.partition);
            let forgotten = self.told.iter().filter(|told| !still(told)).map(|told| told.partition).collect();
            (changed, forgotten)
        };
        self.told = wanted;
        Ask { session_id: self.id, session_epoch: self.epoch, partitions, forgotten, max_wait_ms, max_bytes }
    }

    /// Takes what a good answer says of the session.
    pub(crate) fn take_answer(&mut self, session_id: i32) {
        self.id = session_id;
        // A full Fetch with epoch 0 asks for a session; the next of one that was given has epoch 1, and 0 never comes again.
        self.epoch = if session_id == 0 { 0 } else { self.epoch.checked_add(1).unwrap_or(1) };
    }

    /// Begins again with a full Fetch.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(partition: u16, offset: i64) -> Wanted {
        Wanted { partition, offset, leader_epoch: 3 }
    }

    #[track_caller]
    fn check(session: &mut Session, wanted: &[Wanted], expected: (i32, i32, &[Wanted], &[u16])) {
        let ask = session.ask(wanted.to_vec(), 5, 6);
        assert_eq!((ask.session_id, ask.session_epoch, &ask.partitions[..], &ask.forgotten[..]), expected);
    }

    #[test]
    fn with_a_session_only_changes_are_named() {
        let mut session = Session::default();
        check(&mut session, &[at(0, 5), at(1, 7)], (0, 0, &[at(0, 5), at(1, 7)], &[]));
        session.take_answer(9);
        check(&mut session, &[at(0, 5), at(1, 7)], (9, 1, &[], &[]));
        session.take_answer(9);
        check(&mut session, &[at(0, 6), at(1, 7)], (9, 2, &[at(0, 6)], &[]));
        session.take_answer(9);
        check(&mut session, &[at(1, 7)], (9, 3, &[], &[0]));
        session.take_answer(9);
        check(&mut session, &[at(0, 6), at(1, 7)], (9, 4, &[at(0, 6)], &[]));
    }

    #[test]
    fn without_a_session_everything_is_named_each_time() {
        let mut session = Session::default();
        for offset in 0..3 {
            check(&mut session, &[at(0, offset)], (0, 0, &[at(0, offset)], &[]));
            session.take_answer(0);
        }
    }

    #[test]
    fn a_lost_session_begins_again_in_full() {
        let mut session = Session::default();
        session.ask(vec![at(0, 5)], 5, 6);
        session.take_answer(9);
        session.reset();
        check(&mut session, &[at(0, 5)], (0, 0, &[at(0, 5)], &[]));
    }

    #[test]
    fn the_epoch_never_comes_back_to_0() {
        let mut session = Session { id: 9, epoch: i32::MAX, told: Vec::new() };
        session.take_answer(9);
        assert_eq!(session.epoch, 1);
    }
}
