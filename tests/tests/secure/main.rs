//! A secured Apache Kafka, and everything a user or a stranger might try on it directly. `tests/ATTACKS.md` lists it by number.
//!
//! One broker for all of them, with users of their own; tests that change its keys or stop it have their own.

mod collector;
mod lasting;
mod log_in;
mod rights;
mod strangers;

use std::time::Duration;

use anyhow::Result;
use purple_sector_codec::UserId;
use purple_sector_tests::clients::provision;
use purple_sector_tests::secure::SecureKafka;
use purple_sector_tests::secure::principal::Access;

/// How long a token of these tests is good; longer than they run.
const LIFE: Duration = Duration::from_secs(600);

/// A user with a topic, the usual rights, and a token for each of the two things that one can do with it.
struct User {
    id: UserId,
    writes: String,
    reads: String,
}

impl User {
    async fn new(kafka: &SecureKafka, name: &str) -> Result<Self> {
        let id = UserId::parse(name)?;
        provision(kafka, &id).await?;
        let writes = kafka.issuer().token(&id, Access::Write, LIFE)?;
        let reads = kafka.issuer().token(&id, Access::Read, LIFE)?;
        Ok(Self { id, writes, reads })
    }

    fn topic(&self) -> String {
        self.id.topic().to_string()
    }
}
