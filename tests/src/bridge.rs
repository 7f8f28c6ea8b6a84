//! A bridge under test: the real binary on a free port, with the keys that its tokens are signed with.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::binaries;
use crate::process::{Process, Program, free_port};

/// Signs and verifies the tokens of all bridges here.
const SECRET: &str = "an end-to-end test's secret, 32 bytes or more";
const START_LIMIT: Duration = Duration::from_secs(30);

/// A running bridge. Dropping it ends it.
#[derive(Debug)]
pub struct Bridge {
    process: Process,
    settings: Vec<(String, String)>,
    port: u16,
    ops_port: u16,
}

impl Bridge {
    /// Starts a bridge that reads from `brokers`.
    ///
    /// # Errors
    /// Where it does not get ready; its last lines are in the error.
    pub fn start(brokers: &str) -> Result<Self> {
        Self::start_with(brokers, &[])
    }

    /// Starts a bridge with the embedded broker, which has the topics of `users` from the start, and names the
    /// broker's address.
    ///
    /// # Errors
    /// As [`Bridge::start`].
    pub fn start_embedded(users: &[&str], settings: &[(&str, &str)]) -> Result<(Self, String)> {
        let port = free_port()?.to_string();
        let mut all = vec![
            ("KAFKA", "embedded".to_owned()),
            ("KAFKA_EMBEDDED_PORT", port.clone()),
            ("KAFKA_EMBEDDED_USERS", users.join(",")),
        ];
        all.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Ok((Self::launch_at(free_port()?, &all)?, format!("127.0.0.1:{port}")))
    }

    /// As [`Bridge::start`], with further settings as environment variables.
    ///
    /// # Errors
    /// As [`Bridge::start`].
    pub fn start_with(brokers: &str, settings: &[(&str, &str)]) -> Result<Self> {
        Self::start_at(free_port()?, brokers, settings)
    }

    /// As [`Bridge::start_with`], for settings that name the bridge's own port.
    ///
    /// # Errors
    /// As [`Bridge::start`].
    pub fn start_at(port: u16, brokers: &str, settings: &[(&str, &str)]) -> Result<Self> {
        let mut all = vec![("KAFKA_BROKERS", brokers.to_owned())];
        all.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Self::launch_at(port, &all)
    }

    fn launch_at(port: u16, settings: &[(&str, String)]) -> Result<Self> {
        let ops_port = free_port()?;
        let mut all = vec![
            ("WS_PORT".to_owned(), port.to_string()),
            ("OPS_ADDR".to_owned(), format!("127.0.0.1:{ops_port}")),
            ("JWT_SECRET".to_owned(), SECRET.to_owned()),
        ];
        all.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let process = launch(&all)?;
        Ok(Self { process, settings: all, port, ops_port })
    }

    /// Ends it (`kill -9`) and starts it again with the same settings on the same port.
    ///
    /// # Errors
    /// As [`Bridge::start`].
    pub fn kill_and_restart(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process = launch(&self.settings)?;
        Ok(())
    }

    /// The running program.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Where viewers connect: `ws://127.0.0.1:PORT/v1/stream`.
    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/v1/stream", self.port)
    }

    /// What a browser would call the origin of the bridge's own page.
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port of the public listener.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The figures of all users, from the operators' listener.
    ///
    /// # Errors
    /// Where it does not answer with JSON.
    pub async fn stats(&self) -> Result<Value> {
        let (status, body) = get(self.ops_port, "/v1/stats").await?;
        if status != 200 {
            bail!("/v1/stats answered {status}: {body}");
        }
        serde_json::from_str(&body).with_context(|| format!("/v1/stats is not JSON: {body}"))
    }
}

/// A token for `user`, made as its users make one: `bridge token mint`.
///
/// # Errors
/// Where minting fails.
pub fn token(user: &str) -> Result<String> {
    token_with(user, &[])
}

/// As [`token`], with further flags such as `--ttl 2s`.
///
/// # Errors
/// As [`token`].
pub fn token_with(user: &str, flags: &[&str]) -> Result<String> {
    let mut mint = Program::new("bridge token mint", binaries::path_of("bridge")?)
        .env_clear()
        .env("JWT_SECRET", SECRET)
        .args(["token", "mint", "--user", user])
        .args(flags)
        .start()?;
    let code = mint.exit_code(START_LIMIT)?;
    let lines = mint.lines();
    match lines.as_slice() {
        [token] if code == 0 => Ok(token.clone()),
        _ => Err(anyhow!("bridge token mint ended with {code}: {}", lines.join("\n"))),
    }
}

/// The secret that [`token`]s are signed with, for tests that sign bad ones.
pub fn secret() -> &'static [u8] {
    SECRET.as_bytes()
}

/// Asks a server on this machine over HTTP/1.1 and returns status and body.
///
/// # Errors
/// Where there is no answer, or one that is not HTTP.
pub async fn get(port: u16, path: &str) -> Result<(u16, String)> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| anyhow!("no HTTP answer: {answer}"))?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Ok((status.ok_or_else(|| anyhow!("no status: {head}"))?, body.to_owned()))
}

fn launch(settings: &[(String, String)]) -> Result<Process> {
    let mut program = Program::new("bridge", binaries::path_of("bridge")?).env_clear();
    for (name, value) in settings {
        program = program.env(name, value);
    }
    let mut process = program.start()?;
    process.wait_for_line("ready on", START_LIMIT)?;
    Ok(process)
}
