//! Which system packages are missing? As root on Debian they are installed, elsewhere one command line names them all.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::toolchain::version;
use crate::{paths, step};

/// Oldest Java that runs the Apache Kafka of the tests.
const JAVA_AT_LEAST: u32 = 17;

/// Oldest Python that runs the second reader of the wire format.
const PYTHON_AT_LEAST: [u32; 3] = [3, 10, 0];

/// Something that comes from the system's packages.
pub(crate) struct Need {
    /// What a person calls it.
    pub(crate) name: &'static str,
    /// Its Debian packages.
    pub(crate) packages: &'static [&'static str],
    /// Whether it is there.
    pub(crate) present: fn() -> bool,
}

/// What the Rust build needs: librdkafka is C and is built from source, with TLS.
pub(crate) const BUILD: [Need; 4] = [
    Need { name: "C and C++ compiler", packages: &["gcc", "g++"], present: || has("gcc") && has("g++") },
    Need { name: "make", packages: &["make"], present: || has("make") },
    Need { name: "pkg-config", packages: &["pkg-config"], present: || has("pkg-config") },
    Need { name: "OpenSSL headers", packages: &["libssl-dev"], present: openssl },
];

/// What Apache Kafka needs.
pub(crate) const KAFKA: [Need; 2] = [
    Need { name: "Java 17 or newer", packages: &["default-jre-headless"], present: java },
    Need { name: "Maven", packages: &["maven"], present: || has("mvn") },
];

/// What the second reader of the wire format needs.
pub(crate) const PYTHON: [Need; 1] =
    [Need { name: "Python 3.10 or newer", packages: &["python3"], present: python }];

/// What the browser test needs.
pub(crate) const BROWSER: [Need; 2] = [
    Need { name: "Chromium", packages: &["chromium"], present: || super::browser::find().is_some() },
    Need { name: "a font", packages: &["fonts-liberation"], present: fonts },
];

/// Installs what of `needs` is missing.
///
/// # Errors
/// Where something is missing and this is not root on Debian (the one command line is in the message), or where
/// installing fails.
pub(crate) fn ensure<'a>(needs: impl IntoIterator<Item = &'a Need>) -> Result<()> {
    let missing: Vec<&Need> = needs.into_iter().filter(|need| !(need.present)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = missing.iter().map(|need| need.name).collect();
    let packages: Vec<_> = missing.iter().flat_map(|need| need.packages).copied().collect();
    install(&names.join(", "), &packages)
}

/// Installs Debian packages; `what` says what they are for.
///
/// # Errors
/// As [`ensure`].
pub(crate) fn install(what: &str, packages: &[&str]) -> Result<()> {
    if !is_debian() || !is_root() {
        bail!("missing: {what}. Install it with\n  {}", command_line(packages));
    }
    step::run("reading the list of Debian packages", "10 s", Command::new("apt-get").arg("update"))?;
    let mut apt = Command::new("apt-get");
    apt.args(["install", "--yes", "--no-install-recommends"]).args(packages);
    apt.env("DEBIAN_FRONTEND", "noninteractive");
    step::run(&format!("installing {what}"), "1 min", &mut apt)
}

/// The one command line that installs `packages`.
pub(crate) fn command_line(packages: &[&str]) -> String {
    format!("sudo apt-get install --no-install-recommends {}", packages.join(" "))
}

/// Whether this is Debian or one of its children.
pub(crate) fn is_debian() -> bool {
    Path::new("/etc/debian_version").exists() && has("apt-get")
}

/// Whether packages can be installed without asking.
pub(crate) fn is_root() -> bool {
    step::output_of(Command::new("id").arg("-u")).as_deref() == Some("0")
}

fn has(program: &str) -> bool {
    paths::program(program).is_some()
}

fn openssl() -> bool {
    step::output_of(Command::new("pkg-config").args(["--modversion", "openssl"])).is_some()
        || env::var_os("OPENSSL_DIR").is_some()
}

fn java() -> bool {
    // `java -version` prints to standard error, `java --version` (since 9) to standard output.
    let printed = step::output_of(Command::new("java").arg("--version"));
    printed.and_then(|text| version::parse(&text)).is_some_and(|[major, ..]| major >= JAVA_AT_LEAST)
}

fn python() -> bool {
    let printed = step::output_of(Command::new("python3").arg("--version"));
    printed.and_then(|text| version::parse(&text)).is_some_and(|found| found >= PYTHON_AT_LEAST)
}

fn fonts() -> bool {
    // Without any font Chromium draws boxes instead of letters.
    !is_debian() || Path::new("/usr/share/fonts/truetype").is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_missing_packages_are_in_one_command_line() {
        assert_eq!(command_line(&["gcc", "make"]), "sudo apt-get install --no-install-recommends gcc make");
    }

    #[test]
    fn nothing_missing_needs_nothing() {
        let there = Need { name: "x", packages: &["no-such-package"], present: || true };
        ensure([&there]).unwrap();
    }
}
