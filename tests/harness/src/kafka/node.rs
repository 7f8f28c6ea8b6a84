//! One process of a Kafka cluster, broker or controller: its folder, its settings, its start and its end.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::{Process, Program};

/// What a node starts with.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The content of `server.properties`.
    pub(crate) properties: String,
    /// Flags of its Java, such as its memory.
    pub(crate) java: Vec<String>,
    /// How Kafka's own tools log in; none where nobody has to.
    pub(crate) login: Option<ToolLogin>,
}

/// How one of Kafka's own tools logs in.
#[derive(Debug)]
pub(crate) struct ToolLogin {
    /// A file with the settings of its client.
    pub(crate) file: PathBuf,
    /// Flags of its Java.
    pub(crate) java: Vec<String>,
}

impl Settings {
    /// Those of a node that anyone may use, with its data in `{data}` of its folder.
    pub(super) fn plain(properties: &str, folder: &Path) -> Self {
        let properties = properties.replace("{data}", &folder.join("data").display().to_string());
        let java = ["-Xms512m", "-Xmx1g", "-XX:+UseG1GC"].map(str::to_owned).to_vec();
        Self { properties, java, login: None }
    }
}

/// A cluster id that any base64 reader takes; each cluster here is alone.
const CLUSTER_ID: &str = "AAAAAAAAAAAAAAAAAAAAAQ";
/// Begins the name of a node's folder; its process's id and a number follow.
const FOLDER: &str = "purple-sector-kafka-";
/// Enough on a machine busy with builds; an idle one needs 4 s.
const START_LIMIT: Duration = Duration::from_secs(90);
/// For programs that end before a better compiler would pay.
const SHORT_LIVED: [&str; 3] = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/// Dropping it ends the process, and removes its folder unless that was asked for by name.
#[derive(Debug)]
pub(super) struct Node {
    process: Option<Process>,
    libs: PathBuf,
    folder: PathBuf,
    keeps_folder: bool,
    java: Vec<String>,
    login: Option<ToolLogin>,
}

impl Node {
    /// Prepares `folder`, or a temporary one; `prepare` puts there what it likes and gives the settings.
    pub(super) fn new<T>(
        libs: &Path,
        folder: Option<&Path>,
        prepare: impl FnOnce(&Path) -> Result<(Settings, T)>,
    ) -> Result<(Self, T)> {
        let keeps_folder = folder.is_some();
        let folder = folder.map_or_else(new_folder, |folder| Ok(folder.to_path_buf()))?;
        let libs = libs.to_path_buf();
        // Before anything can fail: from here on the folder goes with the node.
        let mut node = Self { process: None, libs, folder, keeps_folder, java: Vec::new(), login: None };
        let (settings, prepared) = prepare(&node.folder)?;
        fs::write(node.folder.join("server.properties"), settings.properties)?;
        fs::write(node.folder.join("log4j2.xml"), include_str!("../../../kafka/log4j2.xml"))?;
        (node.java, node.login) = (settings.java, settings.login);
        node.format()?;
        Ok((node, prepared))
    }

    fn format(&self) -> Result<()> {
        let mut tool = java(&self.libs, "kafka-storage", &SHORT_LIVED)
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
        let mut kafka = java(&self.libs, "kafka", &self.java)
            .args([&log4j, "kafka.Kafka"])
            .args([self.folder.join("server.properties")])
            .current_dir(&self.folder);
        if self.keeps_folder {
            kafka = kafka.log_to(self.folder.join("kafka.log"));
        }
        self.process = Some(kafka.start()?);
        Ok(())
    }

    pub(super) fn wait_until_ready(&mut self) -> Result<()> {
        self.process()?.wait_for_line("Kafka Server started", START_LIMIT).map(drop)
    }

    /// The process, where it was started and not ended.
    pub(super) fn process(&mut self) -> Result<&mut Process> {
        self.process.as_mut().context("this Kafka does not run")
    }

    /// The version of its jars.
    pub(super) fn version(&self) -> Result<String> {
        let mut names =
            fs::read_dir(&self.libs)?.flatten().map(|jar| jar.file_name().to_string_lossy().into_owned());
        let version = names
            .find_map(|name| Some(name.strip_prefix("kafka-clients-")?.strip_suffix(".jar")?.to_owned()));
        version.with_context(|| format!("no kafka-clients in {}", self.libs.display()))
    }

    /// What the running process has printed.
    pub(super) fn log(&self) -> Vec<String> {
        self.process.as_ref().map(Process::lines).unwrap_or_default()
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

    /// How tools log in where nobody said otherwise.
    pub(super) fn login(&self) -> Option<&ToolLogin> {
        self.login.as_ref()
    }

    /// Runs one of Kafka's command-line tools against `brokers`, and gives what it printed.
    pub(super) fn tool(
        &self,
        brokers: &str,
        login: Option<&ToolLogin>,
        class: &str,
        args: &[&str],
    ) -> Result<String> {
        let flags = login.iter().flat_map(|login| &login.java).map(String::as_str);
        let flags: Vec<&str> = SHORT_LIVED.into_iter().chain(flags).collect();
        let config = login.map(|login| [OsStr::new("--command-config"), login.file.as_os_str()]);
        // Where the tools were before Kafka 3.7.
        let older = format!("kafka.admin.{}", class.rsplit('.').next().unwrap_or(class));
        for class in [class, older.as_str()] {
            let mut tool = java(&self.libs, "kafka-tool", &flags)
                .args([class, "--bootstrap-server", brokers])
                .args(config.into_iter().flatten())
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
        if self.keeps_folder {
            // Where it has to be killed, whoever looks at the folder finds that in the log.
            let _ = self.stop();
            return;
        }
        // Its data goes with it, so nothing is lost by an end without flushing; a failure leaves only a temp folder.
        self.process = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn java(libs: &Path, name: &str, flags: &[impl AsRef<OsStr>]) -> Program {
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
