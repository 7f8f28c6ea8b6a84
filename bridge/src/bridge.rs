//! What does everything that serves viewers share?

use std::sync::Arc;

use purple_sector_codec::UserId;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::Access;
use crate::feed::Feeds;
use crate::origin::Origins;
use crate::places::{Place, Places};

/// The running bridge.
pub(crate) struct Bridge {
    pub(crate) feeds: Arc<Feeds>,
    pub(crate) access: Access,
    pub(crate) origins: Origins,
    /// Viewers at the same time, by user: one user cannot take all places.
    pub(crate) seats: Places<UserId>,
    pub(crate) queue_blocks: usize,
    /// Ends when the bridge stops.
    pub(crate) stop: CancellationToken,
    /// Connections and viewers.
    pub(crate) tasks: TaskTracker,
}

/// The place of one viewer.
pub(crate) type Seat = Place<UserId>;
