//! One process of a Kafka cluster, broker or controller: its folder, its settings, its start and its end.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::{Process, Program};

/// A cluster id that any base64 reader takes; each cluster here is alone.
const CLUSTER_ID: &str = "AAAAAAAAAAAAAAAAAAAAAQ";
/// Begins the name of a node's folder; its process's id and a number follow.
const FOLDER: &str = "purple-sector-kafka-";
/// Enough on a machine busy with builds; an idle one needs 4 s.
const START_LIMIT: Duration = Duration::from_secs(90);

/// Dropping it ends the process and removes its data.
#[derive(Debug)]
pub(super) struct Node {
    process: Option<Process>,
    libs: PathBuf,
    folder: PathBuf,
}

impl Node {
    /// Prepares a folder; `properties` gets the place for the data and gives the content of `server.properties`.
    pub(super) fn new(libs: &Path, properties: impl FnOnce(&str) -> String) -> Result<Self> {
        let node = Self { process: None, libs: libs.to_path_buf(), folder: new_folder()? };
        let data = node.folder.join("data").display().to_string();
        fs::write(node.folder.join("server.properties"), properties(&data))?;
        fs::write(node.folder.join("log4j2.xml"), include_str!("../../../kafka/log4j2.xml"))?;
        node.format()?;
        Ok(node)
    }

    fn format(&self) -> Result<()> {
        let mut tool = java(&self.libs, "kafka-storage", &["-Xmx256m", "-XX:TieredStopAtLevel=1"])
            .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"])
            .args([self.folder.join("server.properties")])
            .start()?;
        match tool.exit_code(START_LIMIT)? {
            0 => Ok(()),
            code => bail!("formatting Kafka's folder ended with {code}:\n{}", tool.last_lines(40)),
        }
    }

    /// Starts the process; it is ready later.
    pub(super) fn start(&mut self) -> Result<()> {
        let log4j = format!("-Dlog4j2.configurationFile={}", self.folder.join("log4j2.xml").display());
        let process = java(&self.libs, "kafka", &["-Xms512m", "-Xmx1g", "-XX:+UseG1GC", &log4j])
            .args(["kafka.Kafka"])
            .args([self.folder.join("server.properties")])
            .current_dir(&self.folder)
            .start()?;
        self.process = Some(process);
        Ok(())
    }

    pub(super) fn wait_until_ready(&mut self) -> Result<()> {
        let process = self.process.as_mut().context("this Kafka was not started")?;
        process.wait_for_line("Kafka Server started", START_LIMIT).map(drop)
    }

    pub(super) fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn signal(&mut self, signal: i32) -> Result<()> {
        self.process.as_mut().map_or(Ok(()), |process| process.signal(signal))
    }

    /// In order, by SIGTERM.
    pub(super) fn stop(&mut self) -> Result<()> {
        match self.process.take() {
            Some(mut process) => process.stop().map(drop),
            None => Ok(()),
        }
    }

    /// At once, by SIGKILL.
    pub(super) fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(mut process) => process.kill(),
            None => Ok(()),
        }
    }

    /// Runs one of Kafka's command-line tools against `brokers`, and gives what it printed.
    pub(super) fn tool(&self, brokers: &str, class: &str, args: &[&str]) -> Result<String> {
        // Where the tools were before Kafka 3.7.
        let older = format!("kafka.admin.{}", class.rsplit('.').next().unwrap_or(class));
        for class in [class, older.as_str()] {
            let mut tool = java(&self.libs, "kafka-tool", &["-Xmx256m"])
                .args([class, "--bootstrap-server", brokers])
                .args(args)
                .start()?;
            let code = tool.exit_code(START_LIMIT)?;
            let output = tool.lines().join("\n");
            if code == 0 {
                return Ok(output);
            }
            if !output.contains("Could not find or load main class") {
                bail!("{class} {} ended with {code}:\n{output}", args.join(" "));
            }
        }
        bail!("this Kafka has no {class}")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Its data goes with it, so nothing is lost by an end without flushing; a failure leaves only a temp folder.
        self.process = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn java(libs: &Path, name: &str, flags: &[&str]) -> Program {
    let class_path = libs.join("*");
    let home =
        env::var_os("JAVA_HOME").map(|home| Path::new(&home).join("bin/java")).filter(|java| java.is_file());
    Program::new(name, home.unwrap_or_else(|| PathBuf::from("java")))
        .args(flags)
        .args([Path::new("-cp"), &class_path])
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
