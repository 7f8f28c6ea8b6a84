//! Where does a broker run, and from which jars?

use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Result, bail};

use super::{LIBS_VARIABLE, VERSION, folder};
use crate::cache;

/// Jars, folder and port of a broker; what is not said is found.
#[derive(Debug, Default)]
pub struct Place {
    /// The folder with Kafka's jars; otherwise that in [`LIBS_VARIABLE`], or in the cache.
    pub libs: Option<PathBuf>,
    /// The broker's folder, which exists and is kept; otherwise a temporary one, which goes with the broker.
    pub folder: Option<PathBuf>,
    /// The port of its first listener; otherwise one that is free.
    pub port: Option<u16>,
}

impl Place {
    /// The folder with Kafka's jars.
    pub(super) fn libs(&self) -> Result<PathBuf> {
        let libs = match self.libs.clone().or_else(|| env::var_os(LIBS_VARIABLE).map(PathBuf::from)) {
            Some(libs) => libs,
            None => cache::folder()?.join(folder(VERSION)),
        };
        let is_kafka = |name: &str| name.starts_with("kafka-tools-") && name.ends_with(".jar");
        let mut files = fs::read_dir(&libs).into_iter().flatten().flatten();
        if !files.any(|file| file.file_name().to_str().is_some_and(is_kafka)) {
            bail!("no Apache Kafka in {}: run `cargo xtask test`, which fetches it", libs.display());
        }
        Ok(libs)
    }
}
