//! Where do Apache Kafka's jars come from? Maven copies them into the cache once per version.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use purple_sector_harness::kafka::{VERSION, folder};

use super::{cached, system};
use crate::{paths, step};

/// The folder with the jars, after fetching what is missing, Java included.
///
/// # Errors
/// Where Java or Maven cannot be installed, or the jars cannot be fetched.
pub(crate) fn ensure() -> Result<PathBuf> {
    ensure_version(VERSION)
}

/// The same for another version than the usual one.
///
/// # Errors
/// As [`ensure`].
pub(crate) fn ensure_version(version: &str) -> Result<PathBuf> {
    system::ensure(&system::KAFKA)?;
    cached(&folder(version), |folder| {
        let mut maven = Command::new("mvn");
        maven.args(["-q", "-B", "-f", "tests/kafka/pom.xml"]);
        maven.arg("org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies");
        maven
            .arg(format!("-DoutputDirectory={}", folder.display()))
            .arg(format!("-Dkafka.version={version}"));
        maven.current_dir(paths::root());
        step::run(&format!("fetching Apache Kafka {version} (54 MB)"), "15 s", &mut maven)
    })
}
