//! Starts an Apache Kafka by hand, plain or secured, says how to reach it, and keeps it running until Ctrl-C.
//! `cargo xtask kafka` builds and runs it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Parser, Subcommand};
use purple_sector_codec::UserId;
use purple_sector_harness::kafka::{Kafka, Place};
use purple_sector_harness::secure::SecureKafka;
use purple_sector_harness::secure::acl::Acl;
use purple_sector_harness::secure::principal::{ADMIN, Access, BRIDGE};

/// How long the tokens of `--user` are good: a working day, and the night before it.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// How often it is looked at whether the broker still runs.
const BEAT: Duration = Duration::from_millis(100);

/// An Apache Kafka by hand, on 127.0.0.1.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask kafka", bin_name = "cargo xtask kafka")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a broker, and stop it at Ctrl-C
    Start(Start),
}

#[derive(Debug, Args)]
struct Start {
    #[command(flatten)]
    kind: Kind,
    /// Port of the broker; users of a secured one connect to the port after it
    #[arg(long, default_value_t = 9092)]
    port: u16,
    /// New or empty folder for settings, keys, data and log, which is kept; otherwise a temporary one, which is not
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Make a topic, rights and two tokens for this user; can be given several times
    #[arg(long = "user", value_name = "ID", value_parser = UserId::parse, conflicts_with = "plain")]
    users: Vec<UserId>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Kind {
    /// Services log in with a certificate, users with a token; nobody may do what was not granted
    #[arg(long)]
    secure: bool,
    /// Everybody may do everything
    #[arg(long)]
    plain: bool,
}

fn main() -> ExitCode {
    let Command::Start(options) = Cli::parse().command;
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kafka: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Start) -> Result<()> {
    // Before the broker starts, so that Ctrl-C ends it in order from the first moment.
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    ctrlc::set_handler(move || asked.store(true, Ordering::SeqCst)).context("cannot watch for Ctrl-C")?;
    let place = place(options)?;
    println!("▸ starting Apache Kafka (usually 6 s)");
    if options.kind.secure {
        let mut kafka = SecureKafka::start_at(&place, &[])?;
        describe_secure(&kafka, &options.users)?;
        watch(kafka.broker_mut(), &stop)
    } else {
        let mut kafka = Kafka::start_at(&place, &[])?;
        println!("\nbroker, for everybody   {}", kafka.brokers());
        watch(&mut kafka, &stop)
    }
}

/// Checks ports and folder before anything is made.
fn place(options: &Start) -> Result<Place> {
    let users_port = if options.kind.secure {
        Some(options.port.checked_add(1).context("--port is too high: users need the port after it")?)
    } else {
        None
    };
    for port in [Some(options.port), users_port].into_iter().flatten() {
        ensure!(
            TcpListener::bind(("127.0.0.1", port)).is_ok(),
            "port {port} is in use; name another one (--port), or stop what listens there"
        );
    }
    let folder = options.dir.as_deref().map(empty_folder).transpose()?;
    Ok(Place { folder, port: Some(options.port), ..Place::default() })
}

/// Makes the folder where it is missing. One that holds anything is not touched.
fn empty_folder(folder: &Path) -> Result<PathBuf> {
    let context = || format!("cannot use the folder {} (--dir)", folder.display());
    fs::create_dir_all(folder).with_context(context)?;
    if fs::read_dir(folder).with_context(context)?.next().is_some() {
        bail!("{} is not empty; name a new folder (--dir)", folder.display());
    }
    // Kafka is told where it is, whatever folder it starts in.
    folder.canonicalize().with_context(context)
}

/// Makes what was asked for, and says where everything lies.
fn describe_secure(kafka: &SecureKafka, users: &[UserId]) -> Result<()> {
    kafka.grant(&Acl::of_reading_bridge())?;
    println!("\nservices, with a certificate (SSL)               {}", kafka.services());
    println!("users, with a token (SASL_SSL, OAUTHBEARER)      {}", kafka.users());
    println!("\nauthority that both must trust   {}", kafka.ca().display());
    for (name, may) in [(ADMIN, "may do everything"), (BRIDGE, "makes and reads the topics of users")] {
        let files = kafka.service(name)?;
        println!("{name} {may}\n  {}\n  {}", files.certificate.display(), files.key.display());
    }
    println!("settings of {ADMIN} for Kafka's own tools\n  {}", kafka.admin_login().display());
    for user in users {
        kafka.provision(user)?;
        println!("\n{user} has the topic {}; tokens for a day", user.topic());
        for (access, does) in [(Access::Write, "writes"), (Access::Read, "reads ")] {
            println!("  {does} {}", kafka.write_token(user, access, TOKEN_LIFE)?.display());
        }
    }
    Ok(())
}

/// Waits for Ctrl-C and stops the broker.
fn watch(kafka: &mut Kafka, stop: &AtomicBool) -> Result<()> {
    println!("\nCtrl-C stops it.");
    while !stop.load(Ordering::SeqCst) {
        if !kafka.is_running()? {
            let log = kafka.log();
            let last = log[log.len().saturating_sub(20)..].join("\n");
            bail!("Kafka ended by itself; its last lines:\n{last}");
        }
        thread::sleep(BEAT);
    }
    println!("\nstopping");
    kafka.stop()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn flags_are_well_formed_and_one_kind_is_wanted() {
        Cli::command().debug_assert();
        let parse = |line: &str| Cli::try_parse_from(["x", "start"].into_iter().chain(line.split(' ')));
        assert!(parse("--secure --port 9192 --user alice --user bob").is_ok());
        assert!(parse("--plain --dir x").is_ok());
        for wrong in ["--port 9192", "--secure --plain", "--plain --user alice", "--secure --port 70000"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_folder_that_holds_something_is_not_touched() {
        let error = empty_folder(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap_err().to_string();
        assert!(error.ends_with("is not empty; name a new folder (--dir)"), "{error}");
    }
}
