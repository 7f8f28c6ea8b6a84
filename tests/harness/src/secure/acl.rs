//! Who may do what? The rights of a user and of the bridge, as lists, and as arguments of `kafka-acls`.

use purple_sector_codec::UserId;

use super::principal::{Access, BRIDGE, of_user};

/// Begins the name of every user's topic.
const TOPICS: &str = "telemetry-user-";
/// Begins the name of every user's group.
const GROUPS: &str = "telemetry-processors-bridge-";

/// The topic of what all bridges share, and the group that librdkafka wants for it.
const CONTROL: &str = "purple-sector-control";

/// One thing that one principal may do, from any host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acl {
    /// Without `User:`.
    pub principal: String,
    /// To what.
    pub resource: Resource,
    /// What.
    pub operation: Operation,
}

/// What a right is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// The topic of this name.
    Topic(String),
    /// All topics whose names begin so. Never for users: `telemetry-user-al` begins alice's name too.
    TopicsFrom(String),
    /// The group of this name.
    Group(String),
    /// All groups whose names begin so. Never for users.
    GroupsFrom(String),
}

/// What can be done, as Kafka names it. Read, Write and Alter include Describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Fetch records; commit offsets of a group.
    Read,
    /// Produce records.
    Write,
    /// Make the topic.
    Create,
    /// See that it is there.
    Describe,
    /// See its settings.
    DescribeConfigs,
    /// Change its settings.
    AlterConfigs,
}

impl Acl {
    /// A user's rights: `u-<id>` writes to the user's topic, `v-<id>` reads it, and nothing else.
    pub fn of_user(user: &UserId) -> Vec<Self> {
        let [writer, reader] = [Access::Write, Access::Read].map(|access| of_user(user, access));
        let topic = || Resource::Topic(user.topic().to_string());
        vec![
            Self { principal: writer, resource: topic(), operation: Operation::Write },
            Self { principal: reader.clone(), resource: topic(), operation: Operation::Read },
            // Not needed to read, but librdkafka asks once a second for the coordinator of the group it is configured with.
            Self {
                principal: reader,
                resource: Resource::Group(user.group()),
                operation: Operation::Describe,
            },
        ]
    }

    /// Rights of a bridge whose readers log in as their users: it makes topics and looks after their settings. It cannot
    /// read them.
    pub fn of_bridge() -> Vec<Self> {
        use Operation::{AlterConfigs, Create, Describe, DescribeConfigs};
        let on_topics = [Create, Describe, DescribeConfigs, AlterConfigs];
        let on_topics = on_topics.map(|operation| Self::for_bridge(topics(), operation));
        on_topics.into_iter().chain(Self::of_control()).collect()
    }

    /// Rights of a bridge that reads all users' topics itself, and publishes how far it has read.
    pub fn of_reading_bridge() -> Vec<Self> {
        let groups = Resource::GroupsFrom(GROUPS.to_owned());
        let reads = [topics(), groups].map(|resource| Self::for_bridge(resource, Operation::Read));
        reads.into_iter().chain(Self::of_bridge()).collect()
    }

    /// What every bridge needs, to share with the others what all must know.
    fn of_control() -> impl Iterator<Item = Self> {
        use Operation::{Create, Describe, Read, Write};
        let topic = || Resource::Topic(CONTROL.to_owned());
        let on_topic = [Create, Read, Write].map(|operation| Self::for_bridge(topic(), operation));
        let group = Self::for_bridge(Resource::Group(CONTROL.to_owned()), Describe);
        on_topic.into_iter().chain([group])
    }

    fn for_bridge(resource: Resource, operation: Operation) -> Self {
        Self { principal: BRIDGE.to_owned(), resource, operation }
    }
}

/// All users' topics.
fn topics() -> Resource {
    Resource::TopicsFrom(TOPICS.to_owned())
}

/// The arguments of `kafka-acls` (`org.apache.kafka.tools.AclCommand`) that grant these rights: one call for all operations
/// of a principal on a resource.
pub fn grants(acls: &[Acl]) -> Vec<Vec<String>> {
    let is_alike = |a: &Acl, b: &Acl| a.principal == b.principal && a.resource == b.resource;
    acls.chunk_by(is_alike).map(grant).collect()
}

/// The arguments that grant rights of one principal on one resource.
fn grant(acls: &[Acl]) -> Vec<String> {
    let Some(Acl { principal, resource, .. }) = acls.first() else { return Vec::new() };
    let (kind, name, pattern) = resource.parts();
    let mut args = vec!["--add".to_owned(), "--allow-principal".to_owned(), format!("User:{principal}")];
    for acl in acls {
        args.extend(["--operation".to_owned(), format!("{:?}", acl.operation)]);
    }
    args.extend([kind, name, "--resource-pattern-type", pattern].map(str::to_owned));
    args
}

impl Resource {
    fn parts(&self) -> (&'static str, &str, &'static str) {
        match self {
            Self::Topic(name) => ("--topic", name, "literal"),
            Self::TopicsFrom(prefix) => ("--topic", prefix, "prefixed"),
            Self::Group(name) => ("--group", name, "literal"),
            Self::GroupsFrom(prefix) => ("--group", prefix, "prefixed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_of_users_are_literal_and_about_their_own() {
        let alice = UserId::parse("alice").unwrap();
        let lines: Vec<String> = grants(&Acl::of_user(&alice)).iter().map(|args| args.join(" ")).collect();
        let line = |principal: &str, operation: &str, resource: &str| {
            format!(
                "--add --allow-principal User:{principal} --operation {operation} {resource} --resource-pattern-type literal"
            )
        };
        assert_eq!(
            lines,
            [
                line("u-alice", "Write", "--topic telemetry-user-alice"),
                line("v-alice", "Read", "--topic telemetry-user-alice"),
                line("v-alice", "Describe", "--group telemetry-processors-bridge-alice"),
            ]
        );
    }

    #[test]
    fn operations_on_one_resource_are_granted_by_one_call() {
        let lines = grants(&Acl::of_bridge());
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert_eq!(lines[0].iter().filter(|arg| *arg == "--operation").count(), 4);
    }

    #[test]
    fn prefixes_of_the_bridge_fit_every_user() {
        let user = UserId::parse("zoë").unwrap();
        assert!(user.topic().as_str().starts_with(TOPICS) && user.group().starts_with(GROUPS));
    }

    #[test]
    fn only_a_reading_bridge_may_read_users_topics() {
        let reads = |acls: Vec<Acl>| {
            acls.iter().any(|acl| acl.operation == Operation::Read && acl.resource == topics())
        };
        assert!(reads(Acl::of_reading_bridge()) && !reads(Acl::of_bridge()));
    }
}
