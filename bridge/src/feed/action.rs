//! What comes to a feed, and what does it want done?

use purple_sector_kafka::{News, TopicId};

use super::audience::{JoinOptions, ViewerId};
use super::ledger::Note;
use super::queue::{Closed, Item};
use crate::auth::UserToken;
use crate::kafka::MakeError;

/// What happens to a feed.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    Join {
        viewer: ViewerId,
        options: JoinOptions,
        /// With what the reader may log in, where it does so as the user.
        token: Option<UserToken>,
    },
    /// A viewer has a newer token.
    Renew {
        viewer: ViewerId,
        token: UserToken,
    },
    Subscribe {
        viewer: ViewerId,
        options: JoinOptions,
    },
    Leave {
        viewer: ViewerId,
    },
    /// What became of [`Action::Make`].
    Made(Result<(), MakeError>),
    /// The feed's reader says something.
    Kafka {
        news: News<'a>,
        wall_ms: u64,
    },
    /// The time that the feed gave as its deadline has come.
    Time,
}

/// What is to be done, in this order.
#[derive(Debug)]
pub(crate) enum Action {
    /// Have the topic made; the answer is [`Event::Made`].
    Make,
    /// Have the reader look for the topic again.
    LookAgain,
    /// Have the reader log in with this token from now on, or not at all.
    LogIn {
        token: Option<UserToken>,
    },
    /// Have the topic's settings checked.
    Check,
    /// Tell viewers who wait for their greeting which topic this is.
    Known {
        id: TopicId,
    },
    Send {
        viewer: ViewerId,
        item: Item,
    },
    /// Tell a viewer why it gets no more.
    Close {
        viewer: ViewerId,
        reason: Closed,
    },
    /// Count it, and log it where that is worth it.
    Note(Note),
    /// The feed is over: tell its viewers why, if there are any.
    End {
        reason: Closed,
    },
}
