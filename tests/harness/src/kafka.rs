//! How does a test get a real Apache Kafka? One broker in KRaft mode, from jars in the cache, on free ports and in a
//! fresh folder; it can be stopped, killed and started again on the same data. [`Cluster`] is several of them.

mod cluster;
mod exit;
mod node;
mod place;

pub use self::cluster::Cluster;
pub use self::place::Place;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

use self::node::Node;
pub(crate) use self::node::Settings;
#[cfg(feature = "secure")]
pub(crate) use self::node::ToolLogin;
use crate::process;

/// The usual version of every `org.apache.kafka` jar, as in `tests/kafka/pom.xml`.
pub const VERSION: &str = "4.3.1";
/// Names the folder of the jars; `cargo xtask` sets it.
pub const LIBS_VARIABLE: &str = "PURPLE_SECTOR_KAFKA_LIBS";

/// How often a start is tried again because another program took one of the free ports first.
const START_ATTEMPTS: u32 = 3;

/// One broker of its own, on 127.0.0.1. Dropping it ends it and removes its data, unless its folder was named.
#[derive(Debug)]
pub struct Kafka {
    node: Node,
    port: u16,
}

impl Kafka {
    /// Starts a broker and waits until it answers.
    ///
    /// # Errors
    /// Where the jars or Java are missing (the message names the command that gets them), or the broker does not start;
    /// its last lines are shown then.
    pub fn start() -> Result<Self> {
        Self::start_with(&[])
    }

    /// As [`Kafka::start`], with further lines for `server.properties`; a later line wins over an earlier one, and
    /// `{port}` and `{controller_port}` are filled in.
    ///
    /// # Errors
    /// As [`Kafka::start`].
    pub fn start_with(settings: &[&str]) -> Result<Self> {
        Self::start_at(&Place::default(), settings)
    }

    /// As [`Kafka::start_with`], at a place that is named.
    ///
    /// # Errors
    /// As [`Kafka::start`].
    pub fn start_at(place: &Place, settings: &[&str]) -> Result<Self> {
        let (kafka, ()) = Self::launch(place, |port, folder| {
            let properties = properties(port, process::free_port()?, settings);
            Ok((Settings::plain(&properties, folder), ()))
        })?;
        Ok(kafka)
    }

    /// Starts a broker with the settings that `prepare` makes for a port and a folder, and gives what else it made.
    pub(crate) fn launch<T>(
        place: &Place,
        prepare: impl Fn(u16, &Path) -> Result<(Settings, T)>,
    ) -> Result<(Self, T)> {
        let libs = place.libs()?;
        retrying(|| {
            let port = place.port.map_or_else(process::free_port, Ok)?;
            let (mut node, made) = Node::new(&libs, place.folder.as_deref(), |folder| prepare(port, folder))?;
            node.start()?;
            node.wait_until_ready()?;
            Ok((Self { node, port }, made))
        })
    }

    /// The one broker that all tests of this process share: started by the first call, ended with the process.
    /// Use topics (users) of your own; don't stop it.
    ///
    /// # Errors
    /// As [`Kafka::start`]. A later call tries again.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: Mutex<Option<&'static Kafka>> = Mutex::new(None);
        share(&SHARED, Self::start, |kafka| kafka)
    }

    /// What clients connect to: `127.0.0.1:PORT`, the same after a restart.
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Process id of the running broker, for figures from `/proc` and for signals; `None` while it is stopped.
    pub fn process_id(&self) -> Option<u32> {
        self.node.process_id()
    }

    /// Sends a signal to the running broker; nothing happens while it is stopped.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn signal(&mut self, signal: i32) -> Result<()> {
        self.node.signal(signal)
    }

    /// Ends the broker in order (SIGTERM, about 2 s). Its data stays for [`Kafka::restart`].
    ///
    /// # Errors
    /// Where it had to be killed.
    pub fn stop(&mut self) -> Result<()> {
        self.node.stop()
    }

    /// Ends the broker at once (SIGKILL). Its data stays for [`Kafka::restart`].
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.node.kill()
    }

    /// Starts the broker again on the same ports and data, stopping it first where it runs.
    ///
    /// # Errors
    /// As [`Kafka::start`].
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        self.node.start()?;
        self.node.wait_until_ready()
    }

    /// Runs one of Kafka's command-line tools by class, such as `org.apache.kafka.tools.TopicCommand`, against this
    /// broker and returns what it printed.
    ///
    /// # Errors
    /// Where it ends with another code than 0; its output is in the error.
    pub fn tool(&self, class: &str, args: &[&str]) -> Result<String> {
        self.node.tool(&self.brokers(), self.node.login(), class, args)
    }

    /// As [`Kafka::tool`], at another of its listeners, where one logs in otherwise.
    #[cfg(feature = "secure")]
    pub(crate) fn tool_at(
        &self,
        brokers: &str,
        login: &ToolLogin,
        class: &str,
        args: &[&str],
    ) -> Result<String> {
        self.node.tool(brokers, Some(login), class, args)
    }

    /// Its version, such as `4.3.1`.
    ///
    /// # Errors
    /// Where its jars do not tell.
    pub fn version(&self) -> Result<String> {
        self.node.version()
    }

    /// What the running broker has logged so far (the last 10,000 lines); nothing while it is stopped.
    pub fn log(&self) -> Vec<String> {
        self.node.log()
    }

    /// Whether the broker runs.
    ///
    /// # Errors
    /// Where the system cannot tell.
    pub fn is_running(&mut self) -> Result<bool> {
        self.node.process().map_or(Ok(false), |process| Ok(process.try_status()?.is_none()))
    }

    /// The folder with its settings, its data and its log (`kafka.log`).
    pub fn folder(&self) -> &Path {
        self.node.folder()
    }
}

/// The value that all tests of this process share; `make` makes it and its broker is ended with the process.
pub(crate) fn share<T: Sync>(
    shared: &'static Mutex<Option<&'static T>>,
    make: impl FnOnce() -> Result<T>,
    broker: impl FnOnce(&T) -> &Kafka,
) -> Result<&'static T> {
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(value) = *shared {
        return Ok(value);
    }
    let value: &'static T = Box::leak(Box::new(make()?));
    let kafka = broker(value);
    let id = kafka.process_id().context("the broker has ended")?;
    exit::end_at_exit(id, kafka.folder())?;
    *shared = Some(value);
    Ok(value)
}

/// The name of the folder in the cache of the jars of a version.
pub fn folder(version: &str) -> String {
    format!("kafka-{version}")
}

/// The settings of a broker that anyone may use; `{data}` is still open.
pub(crate) fn properties(port: u16, controller_port: u16, settings: &[&str]) -> String {
    format!("{}{}\n", include_str!("../../kafka/server.properties"), settings.join("\n"))
        .replace("{port}", &port.to_string())
        .replace("{controller_port}", &controller_port.to_string())
}

/// Starts with other ports where another program took one of the free ones first.
fn retrying<T>(start: impl Fn() -> Result<T>) -> Result<T> {
    let mut attempt = 1;
    loop {
        match start() {
            Err(error) if attempt < START_ATTEMPTS && port_was_taken(&error) => attempt += 1,
            started => return started,
        }
    }
}

fn port_was_taken(error: &anyhow::Error) -> bool {
    let text = format!("{error:#}");
    ["Address already in use", "BindException"].iter().any(|sign| text.contains(sign))
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn pom_has_the_version_that_the_harness_looks_for() {
        let pom = include_str!("../../kafka/pom.xml");
        assert!(pom.contains(&format!("<kafka.version>{VERSION}</kafka.version>")));
    }

    #[test]
    fn properties_have_no_open_places_and_end_with_the_extra_settings() {
        let text = properties(1000, 2000, &["a=b", "c={port}"]).replace("{data}", "/tmp/x");
        assert!(!text.lines().any(|line| !line.starts_with('#') && line.contains('{')));
        assert!(text.contains("listeners=PLAINTEXT://127.0.0.1:1000,CONTROLLER://127.0.0.1:2000"));
        assert!(text.ends_with("a=b\nc=1000\n"));
    }

    #[test]
    fn shared_broker_is_one() {
        let (first, second) = (Kafka::shared().unwrap(), Kafka::shared().unwrap());
        assert!(std::ptr::eq(first, second));
        TcpStream::connect(first.brokers()).unwrap();
    }

    #[test]
    fn broker_comes_back_on_the_same_port_and_leaves_nothing() {
        let mut kafka = Kafka::start().unwrap();
        let (brokers, folder) = (kafka.brokers(), kafka.node.folder().to_path_buf());
        let topic = ["--create", "--topic", "t", "--partitions", "3"];
        kafka.tool("org.apache.kafka.tools.TopicCommand", &topic).unwrap();
        kafka.kill().unwrap();
        assert!(TcpStream::connect(&brokers).is_err());
        kafka.restart().unwrap();
        assert_eq!(kafka.brokers(), brokers);
        assert!(kafka.version().unwrap().split('.').count() == 3);
        let listed = kafka.tool("org.apache.kafka.tools.TopicCommand", &["--list"]).unwrap();
        assert!(listed.lines().any(|line| line == "t"), "{listed}");
        drop(kafka);
        assert!(TcpStream::connect(&brokers).map(|mut open| open.read(&mut [0])).is_err());
        assert!(!folder.exists());
    }
}
