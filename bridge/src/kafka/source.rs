//! A user's topic as a feed reads it: the reader's state machine and its connections, run by whoever polls it.

use std::sync::Arc;

use purple_sector_codec::Topic;
use purple_sector_kafka::{Event, Identity, Login, News, Now, Output, Reader, ReaderSettings};
use tokio::time::{Instant, sleep_until};

use super::links::{Happened, Links};
use super::login::Listener;
use crate::stats::now_ms;

/// Reads one topic.
pub(crate) struct Source {
    reader: Reader,
    links: Links,
    has_begun: bool,
}

/// Something for [`Source::take`].
pub(crate) enum Step {
    Happened(Happened),
    Time,
}

impl Source {
    pub(super) fn new(
        topic: Topic,
        settings: Arc<ReaderSettings>,
        listener: Arc<Listener>,
        login: Login,
        seed: u64,
    ) -> Self {
        let now = Instant::now().into_std();
        Self {
            reader: Reader::new(topic, settings, login, seed, now),
            links: Links::new(listener),
            has_begun: false,
        }
    }

    /// Waits for something to happen. Can be dropped half-way without loss.
    pub(crate) async fn next(&mut self) -> Step {
        if !self.has_begun {
            self.has_begun = true;
            return Step::Time;
        }
        let deadline = self.reader.deadline(Instant::now().into_std());
        tokio::select! {
            biased;
            happened = self.links.next() => Step::Happened(happened),
            () = sleep_until(deadline.into()) => Step::Time,
        }
    }

    /// Does what follows from it, and hands over what is new.
    pub(crate) fn take(&mut self, step: &Step, news: &mut dyn FnMut(News<'_>)) {
        let event = match step {
            Step::Happened(Happened::Opened { link, versions, lifetime }) => {
                Event::Opened { link: *link, versions: *versions, lifetime: *lifetime }
            }
            Step::Happened(Happened::Answer { link, answer }) => {
                Event::Answer { link: *link, bytes: &answer.bytes }
            }
            Step::Happened(Happened::Closed { link, reason }) => {
                Event::Closed { link: *link, reason: *reason }
            }
            Step::Time => Event::Time,
        };
        self.on(event, news);
    }

    /// A topic that was missing may be there now.
    pub(crate) fn look_again(&mut self, news: &mut dyn FnMut(News<'_>)) {
        self.on(Event::LookAgain, news);
    }

    /// Logs in as this one from now on, or as nobody.
    pub(crate) fn log_in(&mut self, identity: Option<Identity>, news: &mut dyn FnMut(News<'_>)) {
        self.on(Event::LogIn(identity.map_or(Login::Nobody, Login::As)), news);
    }

    /// The next offset of each partition that is read.
    pub(crate) fn positions(&self) -> Vec<(u16, i64)> {
        self.reader.positions().collect()
    }

    fn on(&mut self, event: Event<'_>, news: &mut dyn FnMut(News<'_>)) {
        let now = Now { at: Instant::now().into_std(), unix_ms: now_ms() };
        let links = &mut self.links;
        self.reader.on(event, now, &mut |output| match output {
            Output::Act(action) => links.act(action),
            Output::News(item) => news(item),
        });
    }
}
