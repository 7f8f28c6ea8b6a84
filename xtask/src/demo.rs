//! How can all of it be seen live? The bridge with tokens on, two simulated drivers and a recorded one, and a link for
//! each. One program that ends ends the demo, and so does Ctrl-C; nothing is left running.

mod cast;
mod supervisor;

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::ValueEnum;
use purple_sector_harness::kafka::{Kafka, Place};
use purple_sector_harness::process::free_port;

use self::cast::Cast;
use self::supervisor::Supervisor;
use crate::toolchain::{kafka, node, system};
use crate::{page, paths, step, wasm};

/// Options of `cargo xtask demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Which Kafka: the one inside the bridge, or a real Apache Kafka (needs Java)
    #[arg(long, value_enum, default_value_t = Broker::Embedded)]
    kafka: Broker,
    /// Port of the dashboard; if it is in use, another one is taken
    #[arg(long, default_value_t = 8080)]
    port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Broker {
    Embedded,
    Apache,
}

/// Builds what has changed, starts everything, and watches over it.
///
/// # Errors
/// Where a tool is missing, a build fails, or a program does not start.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    Demo::start(options)?.watch()
}

/// The running demo.
pub(crate) struct Demo {
    supervisor: Supervisor,
    broker: Option<Kafka>,
    links: Vec<String>,
}

impl Demo {
    /// Builds what has changed, starts everything, and prints the links.
    ///
    /// # Errors
    /// As [`run`].
    pub(crate) fn start(options: &Options) -> Result<Self> {
        let libs = build(options.kafka)?;
        // Before the first program starts, so that Ctrl-C ends the programs in order from the first moment.
        let mut supervisor = Supervisor::new()?;
        let broker = match libs {
            Some(libs) => {
                println!("▸ starting Apache Kafka (usually 6 s)");
                let place = Place { libs: Some(libs), ..Place::default() };
                Some(Kafka::start_at(&place, &[])?)
            }
            None => None,
        };
        let cast = Cast::new()?;
        let port = if is_free(options.port) { options.port } else { free_port()? };
        if port != options.port {
            println!("  port {} is in use, so the dashboard is on {port}", options.port);
        }
        let brokers = match &broker {
            Some(kafka) => kafka.brokers(),
            None => format!("127.0.0.1:{}", free_port()?),
        };
        supervisor.add(cast.start_bridge(port, &brokers, broker.is_some())?);
        for driver in cast::DRIVERS {
            supervisor.add(cast.start_collector(&driver, &brokers)?);
        }
        println!();
        let mut links = Vec::new();
        for driver in cast::DRIVERS {
            let link = cast.link(port, driver.user)?;
            println!("{:6} {}\n       {link}", driver.user, driver.what);
            links.push(link);
        }
        println!("\nA link shows its own driver's data only; opened with another's token it is refused.");
        println!("Ctrl-C stops everything.");
        Ok(Self { supervisor, broker, links })
    }

    /// One dashboard link per driver.
    pub(crate) fn links(&self) -> &[String] {
        &self.links
    }

    /// Name and process id of each program.
    pub(crate) fn programs(&self) -> impl Iterator<Item = (&str, u32)> {
        self.supervisor.programs()
    }

    /// Waits until a person or a program ends it all.
    ///
    /// # Errors
    /// Where Kafka does not stop.
    pub(crate) fn watch(mut self) -> Result<ExitCode> {
        self.supervisor.watch();
        self.stop()
    }

    /// Stops everything that runs, the last started first.
    ///
    /// # Errors
    /// Where Kafka does not stop.
    pub(crate) fn stop(self) -> Result<ExitCode> {
        let code = self.supervisor.stop();
        // After the programs that use it.
        if let Some(mut kafka) = self.broker {
            kafka.stop()?;
        }
        Ok(code)
    }
}

/// Builds programs, package and page; gives the folder of Apache Kafka's jars where that is wanted.
fn build(kafka: Broker) -> Result<Option<PathBuf>> {
    system::ensure(&system::BUILD)?;
    node::ensure()?;
    let libs = if kafka == Broker::Apache { Some(kafka::ensure()?) } else { None };
    let mut cargo = Command::new("cargo");
    cargo.args([
        "build",
        "--locked",
        "-p",
        "purple-sector-bridge",
        "-p",
        "purple-sector-collector",
        "--bins",
    ]);
    step::run("building bridge and collector", "7 min the first time", cargo.current_dir(paths::root()))?;
    wasm::run(&wasm::Options::default())?;
    page::build()?;
    Ok(libs)
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}
