//! What happens while time passes?

use std::time::{Duration, Instant};

use super::super::super::*;
use super::super::cluster::FETCH;
use super::{Due, World};
use crate::Versions;

/// What a test looks at has few links with one request each, and waits between failures.
const MAX_EVENTS_PER_S: usize = 4000;

impl World {
    /// Answers waiting Fetches that have something to say by now.
    fn wake(&mut self) {
        for index in 0..self.links.len() {
            let link = &mut self.links[index];
            let Some((until, parked)) = &link.parked else { continue };
            if let Some(answer) = self.cluster.fetched(link.node, parked, *until <= self.now.at) {
                link.parked = None;
                let id = link.id;
                self.send(id, FETCH, answer);
            }
        }
    }

    /// Lets time pass.
    pub(in super::super) fn pass(&mut self, ms: u64) {
        let until = self.now.at + Duration::from_millis(ms);
        let mut n_events = 0;
        loop {
            self.wake();
            let due = self.due.iter().map(|due| due.0);
            let parked = self.links.iter().filter_map(|link| Some(link.parked.as_ref()?.0));
            let deadline = self.reader.deadline(self.now.at);
            let at = due.chain(parked).chain([deadline]).min().unwrap_or(until).max(self.now.at);
            if at > until {
                self.advance(until);
                return;
            }
            self.advance(at);
            n_events += 1;
            assert!(n_events < MAX_EVENTS_PER_S * (ms as usize / 1000 + 1), "a livelock");
            match self.due.iter().position(|due| due.0 <= at) {
                Some(index) => {
                    let (_, link, due) = self.due.remove(index);
                    self.deliver(link, due);
                }
                None if deadline <= at => self.on(Event::Time),
                None => {}
            }
        }
    }

    fn deliver(&mut self, id: LinkId, due: Due) {
        match due {
            Due::Opened => {
                let link = self.links.iter().find(|link| link.id == id).expect("a link");
                let versions = Versions { fetch: self.cluster.brokers[link.node as usize].fetch_version };
                let lifetime = link.guest.as_ref().and_then(|guest| guest.lifetime());
                self.on(Event::Opened { link: id, versions, lifetime });
            }
            Due::Closed(reason) => {
                self.forget(id);
                self.on(Event::Closed { link: id, reason });
            }
            Due::Answer(bytes) => {
                self.links.iter_mut().find(|link| link.id == id).expect("a link").is_busy = false;
                self.on(Event::Answer { link: id, bytes: &bytes });
            }
        }
    }

    fn advance(&mut self, at: Instant) {
        let passed = at - self.now.at;
        self.now.at = at;
        self.now.unix_ms += passed.as_millis() as u64;
    }
}
