//! Who may do what? The rights of a user and of the bridge, each as one line of `kafka-acls`.

use purple_sector_codec::UserId;

use super::principal::{Access, BRIDGE, of_user};

/// Begins the name of every user's topic.
const TOPICS: &str = "telemetry-user-";
/// Begins the name of every user's group.
const GROUPS: &str = "telemetry-processors-bridge-";

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

    /// Rights of a bridge whose readers log in as their users: it makes topics and looks after their settings. It cannot read.
    pub fn of_bridge() -> Vec<Self> {
        [Operation::Create, Operation::Describe, Operation::DescribeConfigs, Operation::AlterConfigs]
            .map(|operation| Self::for_bridge(Resource::TopicsFrom(TOPICS.to_owned()), operation))
            .to_vec()
    }

    /// Rights of a bridge that reads all users' topics itself, and publishes how far it has read.
    pub fn of_reading_bridge() -> Vec<Self> {
        let mut acls = Self::of_bridge();
        acls.push(Self::for_bridge(Resource::TopicsFrom(TOPICS.to_owned()), Operation::Read));
        acls.push(Self::for_bridge(Resource::GroupsFrom(GROUPS.to_owned()), Operation::Read));
        acls
    }

    fn for_bridge(resource: Resource, operation: Operation) -> Self {
        Self { principal: BRIDGE.to_owned(), resource, operation }
    }

    /// The arguments of `kafka-acls` (`org.apache.kafka.tools.AclCommand`) that grant it.
    pub fn grant(&self) -> Vec<String> {
        let (kind, name, pattern) = self.resource.parts();
        let operation = format!("{:?}", self.operation);
        let principal = format!("User:{}", self.principal);
        let args = ["--add", "--allow-principal", &principal, "--operation", &operation, kind, name];
        args.into_iter().chain(["--resource-pattern-type", pattern]).map(str::to_owned).collect()
    }
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
        let lines: Vec<String> = Acl::of_user(&alice).iter().map(|acl| acl.grant().join(" ")).collect();
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
    fn prefixes_of_the_bridge_fit_every_user() {
        let user = UserId::parse("zoë").unwrap();
        assert!(user.topic().as_str().starts_with(TOPICS) && user.group().starts_with(GROUPS));
    }

    #[test]
    fn only_a_reading_bridge_may_read() {
        let reads = |acls: Vec<Acl>| acls.iter().any(|acl| acl.operation == Operation::Read);
        assert!(reads(Acl::of_reading_bridge()) && !reads(Acl::of_bridge()));
    }
}
