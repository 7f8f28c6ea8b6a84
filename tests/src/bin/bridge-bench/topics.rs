//! Which topics are read? Made beforehand with the settings that the bridge gives them, so that both bridges find the same.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use purple_sector_codec::{Topic, UserId};
use purple_sector_tests::publisher::admin;
use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
/// Topics in one request: the broker answers when it knows all of them.
const AT_ONCE: usize = 100;
const LIMIT: Duration = Duration::from_secs(60);

/// The users from number `first` on.
///
/// # Errors
/// Where there are more than an epoch can name.
pub(crate) fn users(first: usize, n_users: usize) -> Result<Vec<(u16, UserId)>> {
    ensure!(first + n_users <= usize::from(u16::MAX), "too many users");
    (first..first + n_users)
        .map(|number| Ok((u16::try_from(number)?, UserId::parse(&format!("bench-{number:05}"))?)))
        .collect()
}

/// Makes the topics of these users.
///
/// # Errors
/// Where Kafka refuses one.
pub(crate) async fn create(brokers: &str, users: &[(u16, UserId)], n_partitions: u32) -> Result<()> {
    let admin = admin(brokers)?;
    let options = AdminOptions::new().request_timeout(Some(LIMIT)).operation_timeout(Some(LIMIT));
    for users in users.chunks(AT_ONCE) {
        let names: Vec<Topic> = users.iter().map(|(_, user)| user.topic()).collect();
        let new = |name| {
            let topic = NewTopic::new(name, i32::try_from(n_partitions)?, TopicReplication::Fixed(1));
            anyhow::Ok(Topic::SETTINGS.iter().fold(topic, |topic, (key, value)| topic.set(key, value)))
        };
        let topics = names.iter().map(|name| new(name)).collect::<Result<Vec<_>>>()?;
        for result in admin.create_topics(&topics, &options).await? {
            if let Err((name, code)) = result {
                bail!("topic {name} was not made: {code}");
            }
        }
    }
    Ok(())
}
