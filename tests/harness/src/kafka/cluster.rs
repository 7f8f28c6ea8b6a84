//! Several brokers and a controller of their own, for what only a cluster can suffer.

use std::path::Path;
use std::thread;

use anyhow::{Context, Result};

use super::node::{Node, Settings};
use super::{Place, retrying};
use crate::process;

/// The controller's node id; brokers count from 1.
const CONTROLLER: u16 = 100;
/// How soon the controller takes a broker for dead. Kafka's own 9 s make tests long.
const BROKER_SESSION_MS: u16 = 3_000;

/// A controller and brokers 1, 2, 3, … on 127.0.0.1. Dropping it ends them and removes their data.
#[derive(Debug)]
pub struct Cluster {
    controller: Node,
    /// With their ports.
    brokers: Vec<(Node, u16)>,
}

impl Cluster {
    /// Starts the controller and `n_brokers` brokers, and waits until all answer.
    ///
    /// # Errors
    /// As [`Kafka::start`](super::Kafka::start).
    pub fn start(n_brokers: usize) -> Result<Self> {
        retrying(|| Self::try_start(n_brokers))
    }

    fn try_start(n_brokers: usize) -> Result<Self> {
        let libs = &Place::default().libs()?;
        let controller_port = process::free_port()?;
        let ports = (0..n_brokers).map(|_| process::free_port()).collect::<Result<Vec<u16>>>()?;
        let mut controller = new_node(libs, &controller_properties(controller_port))?;
        controller.start()?;
        let brokers: Result<Vec<(Node, u16)>> = thread::scope(|scope| {
            let starts: Vec<_> = (1..)
                .zip(&ports)
                .map(|(id, port)| {
                    scope.spawn(move || {
                        let mut node = new_node(libs, &broker_properties(id, *port, controller_port))?;
                        node.start()?;
                        node.wait_until_ready()?;
                        Ok((node, *port))
                    })
                })
                .collect();
            let joined =
                starts.into_iter().map(|start| start.join().ok().context("starting a broker panicked")?);
            joined.collect()
        });
        controller.wait_until_ready()?;
        Ok(Self { controller, brokers: brokers? })
    }

    /// All of them, as clients are told: `127.0.0.1:PORT,127.0.0.1:PORT,…`, the same after restarts.
    pub fn brokers(&self) -> String {
        let brokers: Vec<String> = self.brokers.iter().map(|(_, port)| format!("127.0.0.1:{port}")).collect();
        brokers.join(",")
    }

    /// Ends a broker in order: it hands its partitions over first.
    ///
    /// # Errors
    /// Where there is no such broker, or it had to be killed.
    pub fn stop_broker(&mut self, id: i32) -> Result<()> {
        self.broker(id)?.stop()
    }

    /// Ends a broker at once. Its partitions have no leader until the controller notices.
    ///
    /// # Errors
    /// Where there is no such broker, or the system refuses.
    pub fn kill_broker(&mut self, id: i32) -> Result<()> {
        self.broker(id)?.kill()
    }

    /// Starts a broker that was ended, and waits until it answers.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub fn start_broker(&mut self, id: i32) -> Result<()> {
        let broker = self.broker(id)?;
        broker.start()?;
        broker.wait_until_ready()
    }

    /// Ends the controller at once: brokers go on with what they know, and nothing can be changed.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn kill_controller(&mut self) -> Result<()> {
        self.controller.kill()
    }

    /// Starts the controller again, and waits until it answers.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub fn start_controller(&mut self) -> Result<()> {
        self.controller.start()?;
        self.controller.wait_until_ready()
    }

    fn broker(&mut self, id: i32) -> Result<&mut Node> {
        let index = usize::try_from(id - 1).ok();
        let broker = index.and_then(|index| self.brokers.get_mut(index));
        broker.map(|(node, _)| node).with_context(|| format!("there is no broker {id}"))
    }
}

fn new_node(libs: &Path, properties: &str) -> Result<Node> {
    let (node, ()) = Node::new(libs, None, |folder| Ok((Settings::plain(properties, folder), ())))?;
    Ok(node)
}

fn controller_properties(port: u16) -> String {
    format!(
        "process.roles=controller\n\
         node.id={CONTROLLER}\n\
         controller.quorum.voters={CONTROLLER}@127.0.0.1:{port}\n\
         controller.listener.names=CONTROLLER\n\
         listeners=CONTROLLER://127.0.0.1:{port}\n\
         broker.session.timeout.ms={BROKER_SESSION_MS}\n\
         log.dirs={{data}}\n"
    )
}

fn broker_properties(id: u16, port: u16, controller_port: u16) -> String {
    // As the one broker of other tests, but for who does what.
    let shared = include_str!("../../../kafka/server.properties")
        .replace("{port}", &port.to_string())
        .replace("{controller_port}", &controller_port.to_string());
    format!(
        "{shared}\n\
         process.roles=broker\n\
         node.id={id}\n\
         controller.quorum.voters={CONTROLLER}@127.0.0.1:{controller_port}\n\
         listeners=PLAINTEXT://127.0.0.1:{port}\n\
         broker.heartbeat.interval.ms=500\n"
    )
}
