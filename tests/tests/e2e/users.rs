//! Users of this run: every test takes fresh ones, so that tests share a broker and nothing else.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use purple_sector_codec::{Schema, UserId};
use purple_sector_tests::bridge::{Bridge, token};
use purple_sector_tests::kafka::Kafka;
use purple_sector_tests::marks::{Marks, marked_schema};
use purple_sector_tests::publisher::{Publisher, create_topic};
use purple_sector_tests::rows::Rows;
use purple_sector_tests::viewer::{News, Viewer};

/// The name of the session that [`wait_until_live`] publishes, in front of its mark.
pub(crate) const WARM_UP: &str = "warm-up";

/// A user with a token.
pub(crate) struct User {
    pub(crate) id: UserId,
    pub(crate) token: String,
}

impl User {
    pub(crate) fn new(name: &str) -> Result<Self> {
        Ok(Self { id: UserId::parse(name)?, token: token(name)? })
    }
}

/// The brokers that all tests share.
pub(crate) fn brokers() -> Result<String> {
    Ok(Kafka::shared()?.brokers())
}

/// The bridge that most tests share. Its queues are long: what a slow viewer gets has a test of its own.
pub(crate) fn shared_bridge() -> Result<&'static Bridge> {
    static BRIDGE: OnceLock<Result<Bridge, String>> = OnceLock::new();
    let started = BRIDGE.get_or_init(|| {
        brokers()
            .and_then(|brokers| Bridge::start_with(&brokers, &[("VIEWER_QUEUE_BLOCKS", "8192")]))
            .map_err(|error| format!("{error:#}"))
    });
    started.as_ref().map_err(|error| anyhow::anyhow!(error.clone()))
}

/// Unix µs now.
pub(crate) fn now_us() -> Result<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    Ok(u64::try_from(now.as_micros())?)
}

/// A viewer whose feed is known to be live: whatever is published from now on reaches it as it comes.
///
/// A feed that is still starting takes what it finds for history, of which viewers get the newest key block and what
/// follows. So a session of its own runs here until one of its samples has come live, and ends.
pub(crate) async fn live_viewer(brokers: &str, bridge: &Bridge, user: &User) -> Result<Viewer> {
    let mut viewer = Viewer::connect(bridge.port(), &user.token).await?;
    wait_until_live(brokers, user, &mut viewer).await?;
    Ok(viewer)
}

/// As [`live_viewer`], for a viewer that is connected already.
pub(crate) async fn wait_until_live(brokers: &str, user: &User, viewer: &mut Viewer) -> Result<()> {
    create_topic(brokers, &user.id).await?;
    let (schema, marks) = (marked_schema(Schema::full())?, Marks::of(&user.id));
    let session = marks.session(WARM_UP);
    let mut rows = Rows::new(&schema, 1, now_us()?, 16_667).marked(&marks, &session);
    let mut publisher = Publisher::start(brokers, &user.id, &session, schema, 1)?;
    for _ in 0..600 {
        publisher.push(rows.next_row())?;
        if let Ok(News::Samples(samples)) = viewer.next(Duration::from_millis(100)).await
            && samples.iter().any(|sample| !sample.snapshot)
        {
            return publisher.end();
        }
    }
    bail!("the feed did not get live")
}
