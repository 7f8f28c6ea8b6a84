//! How does a test get a real Apache Kafka? One broker in KRaft mode, from jars in the cache, on free ports and in a
//! fresh folder; it can be stopped, killed and started again on the same data.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::cache;
use crate::process::{self, Process, Program};

/// The version of every `org.apache.kafka` jar, as in `tests/kafka/pom.xml`.
pub const VERSION: &str = "4.3.1";
/// Names the folder of the jars; `cargo xtask` sets it.
pub const LIBS_VARIABLE: &str = "PURPLE_SECTOR_KAFKA_LIBS";

/// A cluster id that any base64 reader takes; each broker here is a cluster of its own.
const CLUSTER_ID: &str = "AAAAAAAAAAAAAAAAAAAAAQ";
/// Begins the name of a broker's folder; its process's id and a number follow.
const FOLDER: &str = "purple-sector-kafka-";
/// Enough on a machine busy with builds; an idle one needs 4 s.
const START_LIMIT: Duration = Duration::from_secs(90);
/// How often a start is tried again because another program took one of the free ports first.
const START_ATTEMPTS: u32 = 3;

/// One broker of its own, on 127.0.0.1. Dropping it ends it and removes its data.
#[derive(Debug)]
pub struct Kafka {
    process: Option<Process>,
    port: u16,
    libs: PathBuf,
    folder: PathBuf,
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

    /// As [`Kafka::start`], with further lines for `server.properties`; a later line wins over an earlier one.
    ///
    /// # Errors
    /// As [`Kafka::start`].
    pub fn start_with(settings: &[&str]) -> Result<Self> {
        Self::start_in(&libs()?, settings)
    }

    /// As [`Kafka::start`], with the jars in `libs`.
    ///
    /// # Errors
    /// As [`Kafka::start`].
    pub fn start_from(libs: &Path) -> Result<Self> {
        Self::start_in(libs, &[])
    }

    fn start_in(libs: &Path, settings: &[&str]) -> Result<Self> {
        let mut attempt = 1;
        loop {
            match Self::try_start(libs, settings) {
                Err(error) if attempt < START_ATTEMPTS && port_was_taken(&error) => attempt += 1,
                started => return started,
            }
        }
    }

    /// The one broker that all tests of this process share: started by the first call, ended with the process.
    /// Use topics (users) of your own; don't stop it.
    ///
    /// # Errors
    /// As [`Kafka::start`]. A later call tries again.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: Mutex<Option<&'static Kafka>> = Mutex::new(None);
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kafka) = *shared {
            return Ok(kafka);
        }
        let kafka: &'static Self = Box::leak(Box::new(Self::start()?));
        end_at_exit(kafka)?;
        *shared = Some(kafka);
        Ok(kafka)
    }

    /// What clients connect to: `127.0.0.1:PORT`, the same after a restart.
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Process id of the running broker, for figures from `/proc` and for signals; `None` while it is stopped.
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Ends the broker in order (SIGTERM, about 2 s). Its data stays for [`Kafka::restart`].
    ///
    /// # Errors
    /// Where it had to be killed.
    pub fn stop(&mut self) -> Result<()> {
        match self.process.take() {
            Some(mut process) => process.stop().map(drop),
            None => Ok(()),
        }
    }

    /// Ends the broker at once (SIGKILL). Its data stays for [`Kafka::restart`].
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(mut process) => process.kill(),
            None => Ok(()),
        }
    }

    /// Starts the broker again on the same ports and data, stopping it first where it runs.
    ///
    /// # Errors
    /// As [`Kafka::start`].
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        self.process = Some(run_broker(&self.libs, &self.folder)?);
        Ok(())
    }

    /// Runs one of Kafka's command-line tools by class, such as `org.apache.kafka.tools.TopicCommand`, against this
    /// broker and returns what it printed.
    ///
    /// # Errors
    /// Where it ends with another code than 0; its output is in the error.
    pub fn tool(&self, class: &str, args: &[&str]) -> Result<String> {
        let mut tool = java(&self.libs, "kafka-tool", &["-Xmx256m"])
            .args([class, "--bootstrap-server", &self.brokers()])
            .args(args)
            .start()?;
        let code = tool.exit_code(START_LIMIT)?;
        let output = tool.lines().join("\n");
        if code != 0 {
            bail!("{class} {} ended with {code}:\n{output}", args.join(" "));
        }
        Ok(output)
    }

    fn try_start(libs: &Path, settings: &[&str]) -> Result<Self> {
        let folder = new_folder()?;
        let (port, controller_port) = (process::free_port()?, process::free_port()?);
        let mut kafka = Self { process: None, port, libs: libs.to_path_buf(), folder };
        let properties = properties(&kafka.folder, port, controller_port, settings);
        fs::write(kafka.folder.join("server.properties"), properties)?;
        fs::write(kafka.folder.join("log4j2.xml"), include_str!("../../kafka/log4j2.xml"))?;
        format_storage(libs, &kafka.folder)?;
        kafka.process = Some(run_broker(libs, &kafka.folder)?);
        Ok(kafka)
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        // Its data goes with it, so nothing is lost by an end without flushing; a failure leaves only a temp folder.
        self.process = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The name of the jars' folder in the cache.
pub fn folder() -> String {
    format!("kafka-{VERSION}")
}

/// The folder with Kafka's jars: the variable, or the cache.
fn libs() -> Result<PathBuf> {
    let set = env::var_os(LIBS_VARIABLE).map(PathBuf::from);
    let libs = match set {
        Some(libs) => libs,
        None => cache::folder()?.join(folder()),
    };
    if !libs.join(format!("kafka-tools-{VERSION}.jar")).is_file() {
        bail!("no Apache Kafka {VERSION} in {}: run `cargo xtask test`, which fetches it", libs.display());
    }
    Ok(libs)
}

fn properties(folder: &Path, port: u16, controller_port: u16, settings: &[&str]) -> String {
    let filled = include_str!("../../kafka/server.properties")
        .replace("{port}", &port.to_string())
        .replace("{controller_port}", &controller_port.to_string())
        .replace("{data}", &folder.join("data").display().to_string());
    format!("{filled}{}\n", settings.join("\n"))
}

fn format_storage(libs: &Path, folder: &Path) -> Result<()> {
    let mut tool = java(libs, "kafka-storage", &["-Xmx256m", "-XX:TieredStopAtLevel=1"])
        .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"])
        .args([folder.join("server.properties")])
        .start()?;
    match tool.exit_code(START_LIMIT)? {
        0 => Ok(()),
        code => bail!("formatting Kafka's folder ended with {code}:\n{}", tool.last_lines(40)),
    }
}

fn run_broker(libs: &Path, folder: &Path) -> Result<Process> {
    let log4j = format!("-Dlog4j2.configurationFile={}", folder.join("log4j2.xml").display());
    let mut broker = java(libs, "kafka", &["-Xms512m", "-Xmx1g", "-XX:+UseG1GC", &log4j])
        .args(["kafka.Kafka"])
        .args([folder.join("server.properties")])
        .current_dir(folder)
        .start()?;
    broker.wait_for_line("Kafka Server started", START_LIMIT)?;
    Ok(broker)
}

fn java(libs: &Path, name: &str, flags: &[&str]) -> Program {
    let class_path = libs.join("*");
    let home =
        env::var_os("JAVA_HOME").map(|home| Path::new(&home).join("bin/java")).filter(|java| java.is_file());
    Program::new(name, home.unwrap_or_else(|| PathBuf::from("java")))
        .args(flags)
        .args([Path::new("-cp"), &class_path])
}

fn port_was_taken(error: &anyhow::Error) -> bool {
    let text = format!("{error:#}");
    ["Address already in use", "BindException"].iter().any(|sign| text.contains(sign))
}

fn new_folder() -> Result<PathBuf> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    remove_left_over(&env::temp_dir())?;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = env::temp_dir().join(format!("{FOLDER}{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

/// Removes the folders of processes that are gone: killed, they could not do it themselves.
fn remove_left_over(temp: &Path) -> Result<()> {
    if !Path::new("/proc/self").exists() {
        // Without it nobody can tell here who still runs.
        return Ok(());
    }
    for entry in fs::read_dir(temp).with_context(|| format!("cannot read {}", temp.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let owner = name.strip_prefix(FOLDER).and_then(|rest| rest.split_once('-')).map(|(owner, _)| owner);
        let number = owner.and_then(|owner| owner.parse::<u32>().ok());
        if number.is_some_and(|owner| !Path::new("/proc").join(owner.to_string()).exists()) {
            // Another process may be removing it as well.
            let _ = fs::remove_dir_all(&path);
        }
    }
    Ok(())
}

/// Ends the shared broker and removes its folder when this process ends by itself: statics are never dropped.
fn end_at_exit(kafka: &Kafka) -> Result<()> {
    static BROKER: Mutex<Option<(libc::pid_t, PathBuf)>> = Mutex::new(None);
    extern "C" fn end() {
        let broker = BROKER.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((pid, folder)) = broker {
            // SAFETY: integers and a null pointer, which waitpid allows; the child was never waited for, so the id is its.
            unsafe {
                libc::kill(pid, libc::SIGKILL);
                libc::waitpid(pid, std::ptr::null_mut(), 0);
            }
            // A failure leaves only a temp folder.
            let _ = fs::remove_dir_all(folder);
        }
    }
    let pid = kafka.process_id().context("the broker has ended")?;
    *BROKER.lock().unwrap_or_else(PoisonError::into_inner) = Some((pid.try_into()?, kafka.folder.clone()));
    // SAFETY: `end` is an `extern "C"` function that lives as long as the program and does not unwind.
    unsafe { libc::atexit(end) };
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn pom_has_the_version_that_the_harness_looks_for() {
        let pom = include_str!("../../kafka/pom.xml");
        assert_eq!(pom.matches(&format!("<version>{VERSION}</version>")).count(), 2);
    }

    #[test]
    fn properties_have_no_open_places_and_end_with_the_extra_settings() {
        let text = properties(Path::new("/tmp/x"), 1000, 2000, &["a=b", "c=d"]);
        assert!(!text.lines().any(|line| !line.starts_with('#') && line.contains('{')));
        assert!(text.contains("listeners=PLAINTEXT://127.0.0.1:1000,CONTROLLER://127.0.0.1:2000"));
        assert!(text.ends_with("a=b\nc=d\n"));
    }

    #[test]
    fn only_folders_of_ended_processes_are_removed() {
        let temp = env::temp_dir().join(format!("purple-sector-left-over-{}", std::process::id()));
        // Above every process id that Linux gives.
        let ended = temp.join(format!("{FOLDER}{}-0", u32::MAX));
        let running = temp.join(format!("{FOLDER}{}-0", std::process::id()));
        let other = temp.join("something-4294967295-0");
        for folder in [&ended, &running, &other] {
            fs::create_dir_all(folder).unwrap();
        }
        remove_left_over(&temp).unwrap();
        assert!(!ended.exists() && running.exists() && other.exists());
        fs::remove_dir_all(temp).unwrap();
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
        let (brokers, folder) = (kafka.brokers(), kafka.folder.clone());
        let topic = ["--create", "--topic", "t", "--partitions", "3"];
        kafka.tool("org.apache.kafka.tools.TopicCommand", &topic).unwrap();
        kafka.kill().unwrap();
        assert!(TcpStream::connect(&brokers).is_err());
        kafka.restart().unwrap();
        assert_eq!(kafka.brokers(), brokers);
        let listed = kafka.tool("org.apache.kafka.tools.TopicCommand", &["--list"]).unwrap();
        assert!(listed.lines().any(|line| line == "t"), "{listed}");
        drop(kafka);
        assert!(TcpStream::connect(&brokers).map(|mut open| open.read(&mut [0])).is_err());
        assert!(!folder.exists());
    }
}
