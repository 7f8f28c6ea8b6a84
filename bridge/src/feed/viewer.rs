//! What does a viewer's socket task hold of its feed?

use std::sync::Arc;

use bytes::Bytes;
use purple_sector_kafka::TopicId;
use tokio::sync::mpsc;

use super::audience::{JoinOptions, ViewerId};
use super::queue::{Closed, ViewerQueue};
use super::task::Request;
use crate::auth::UserToken;

/// A viewer's place in a feed. Dropping it leaves the feed.
pub struct ViewerHandle {
    pub(super) viewer: ViewerId,
    pub(super) queue: Arc<ViewerQueue>,
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) left: mpsc::UnboundedSender<ViewerId>,
}

impl ViewerHandle {
    /// Kafka's id of the topic, as far as the feed knows it: all zeros at first, another one when the topic was created again.
    pub fn topic_id(&self) -> TopicId {
        self.queue.topic_id()
    }

    /// The next message for this viewer, encoded, as soon as there is one. Can be dropped half-way without loss.
    ///
    /// # Errors
    /// [`Closed`] when the feed is over and all that waited was given.
    pub async fn next(&mut self) -> Result<Bytes, Closed> {
        self.queue.pop().await
    }

    /// The next message if one waits, so that several can be written before a flush.
    pub fn try_next(&mut self) -> Option<Bytes> {
        self.queue.take()?.ok()
    }

    /// Changes what the viewer gets from now on, and gives it what it needs to draw that.
    pub async fn subscribe(&self, options: JoinOptions) {
        // A feed that ended says so by `next`.
        let _ = self.requests.send(Request::Subscribe { viewer: self.viewer, options }).await;
    }

    /// Has a newer token of the viewer's take the place of the one before.
    pub async fn renew(&self, token: UserToken) {
        let _ = self.requests.send(Request::Renew { viewer: self.viewer, token }).await;
    }
}

impl Drop for ViewerHandle {
    fn drop(&mut self) {
        // A feed that ended has no viewers.
        let _ = self.left.send(self.viewer);
    }
}
