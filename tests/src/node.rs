//! The npm package as a viewer: `tests/node/client.mjs` in a real Node, and the samples that it wrote down.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::{Process, Program};

/// A running Node client.
#[derive(Debug)]
pub struct NodeViewer {
    process: Process,
    out: PathBuf,
}

/// One sample as the Node client decoded it: 32 bits per channel, in schema order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSample {
    /// Unix µs on the driver's clock.
    pub captured_at_us: u64,
    /// Bits of an `f32` or `i32` per channel.
    pub bits: Vec<u32>,
}

impl NodeViewer {
    /// Starts a client for one session; it ends by itself after `n_samples` samples.
    ///
    /// # Errors
    /// Where Node or the installed package is missing; the message names the command that installs it.
    pub fn start(url: &str, token: &str, session: &str, n_samples: usize, folder: &Path) -> Result<Self> {
        let out = folder.join("samples.bin");
        let n_samples = n_samples.to_string();
        let process = client(&[
            "--url",
            url,
            "--token",
            token,
            "--session",
            session,
            "--samples",
            &n_samples,
            "--seconds",
            "120",
            "--out",
            &out.to_string_lossy(),
        ])?;
        Ok(Self { process, out })
    }

    /// Waits until it is connected and live, or waits for a session.
    ///
    /// # Errors
    /// Where it does not get there.
    pub fn wait_until_connected(&mut self) -> Result<()> {
        self.process.wait_for_line(r#""state":"waiting""#, Duration::from_secs(30)).map(|_| ())
    }

    /// Waits for its end and reads what it wrote, together with its last line (received, stats).
    ///
    /// # Errors
    /// Where it ended early.
    pub fn finish(mut self, limit: Duration) -> Result<(Vec<NodeSample>, Value)> {
        let code = self.process.exit_code(limit)?;
        let lines = self.process.lines();
        let done = lines.iter().rev().find(|line| line.contains(r#""type":"done""#));
        let (0, Some(done)) = (code, done) else {
            bail!("the Node client ended with {code}:\n{}", self.process.last_lines(20));
        };
        let n_channels = lines
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|line| line["type"] == "schema")
            .and_then(|line| line["channels"].as_array().map(Vec::len))
            .context("the Node client saw no schema")?;
        Ok((read_samples(&self.out, n_channels)?, serde_json::from_str(done)?))
    }
}

/// Starts `tests/node/client.mjs` with these flags.
///
/// # Errors
/// As [`NodeViewer::start`].
pub fn client(flags: &[&str]) -> Result<Process> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("node");
    if !folder.join("node_modules/purple-sector-codec").exists() {
        bail!("the npm package is not installed in tests/node: run `cargo xtask test`");
    }
    Program::new("node client.mjs", "node").current_dir(&folder).args(["client.mjs"]).args(flags).start()
}

fn read_samples(file: &Path, n_channels: usize) -> Result<Vec<NodeSample>> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let width = 8 + 4 * n_channels;
    if bytes.len() % width != 0 {
        bail!("{} bytes are not whole samples of {n_channels} channels", bytes.len());
    }
    let samples = bytes.chunks_exact(width).map(|sample| {
        let (time, values) = sample.split_at(8);
        let time = f64::from_le_bytes(time.try_into().unwrap_or_default());
        let bits = values.chunks_exact(4).map(|v| u32::from_le_bytes(v.try_into().unwrap_or_default()));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "times are whole and below 2^53"
        )]
        NodeSample { captured_at_us: time as u64, bits: bits.collect() }
    });
    Ok(samples.collect())
}
