//! What do a program and the machine use? Figures of `/proc`, and the difference between two moments.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

/// The clock tick of the figures in `/proc` in µs: 100 a second on every Linux that this runs on, whatever its own is.
const TICK_US: f64 = 10_000.0;

/// What a program holds now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) rss_mib: f64,
    pub(crate) threads: f64,
}

/// What a program holds now.
///
/// # Errors
/// Where it has ended.
pub(crate) fn held(pid: u32) -> Result<Held> {
    let status = read(pid, "status")?;
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).and_then(|rest| {
            let number = rest.trim_start_matches(':').split_whitespace().next()?;
            number.parse::<f64>().ok()
        });
        line.with_context(|| format!("no {name} in /proc/{pid}/status"))
    };
    Ok(Held { rss_mib: number("VmRSS")? / 1024.0, threads: number("Threads")? })
}

/// CPU time that a program has used so far, user and system, in µs.
///
/// # Errors
/// As [`held`].
pub(crate) fn cpu_us(pid: u32) -> Result<f64> {
    let stat = read(pid, "stat")?;
    // The name before it may hold anything, brackets and spaces included.
    let (_, fields) = stat.rsplit_once(')').context("no name in /proc/PID/stat")?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next().and_then(|field| field.parse::<f64>().ok());
    let (user, system) = ticks().zip(ticks()).context("no times in /proc/PID/stat")?;
    Ok((user + system) * TICK_US)
}

/// The programs whose use is followed: the one that is measured, and what surrounds it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Programs {
    pub(crate) measured: u32,
    pub(crate) broker: u32,
}

/// A moment to compare a later one with.
#[derive(Debug)]
pub(crate) struct Moment {
    at: Instant,
    programs: Programs,
    measured_us: f64,
    broker_us: f64,
    bench_us: f64,
    machine: Machine,
}

/// What was used between two moments; shares are of one core.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    pub(crate) measured_us: f64,
    pub(crate) measured_share: f64,
    pub(crate) broker_share: f64,
    /// This program: load and viewers.
    pub(crate) bench_share: f64,
    /// Everything else on the machine.
    pub(crate) others_share: f64,
    /// What the hypervisor took, of one core.
    pub(crate) steal_share: f64,
}

impl Moment {
    /// Now.
    ///
    /// # Errors
    /// Where one of the programs has ended.
    pub(crate) fn now(programs: Programs) -> Result<Self> {
        Ok(Self {
            at: Instant::now(),
            programs,
            measured_us: cpu_us(programs.measured)?,
            broker_us: cpu_us(programs.broker)?,
            bench_us: cpu_us(std::process::id())?,
            machine: Machine::now()?,
        })
    }

    /// What was used since then.
    ///
    /// # Errors
    /// As [`Moment::now`].
    pub(crate) fn used(&self) -> Result<Used> {
        let now = Self::now(self.programs)?;
        let elapsed_us = (now.at - self.at).as_secs_f64() * 1e6;
        let share = |us: f64| us / elapsed_us;
        let measured_us = now.measured_us - self.measured_us;
        let (broker_us, bench_us) = (now.broker_us - self.broker_us, now.bench_us - self.bench_us);
        let busy_us = now.machine.busy_us - self.machine.busy_us;
        Ok(Used {
            measured_us,
            measured_share: share(measured_us),
            broker_share: share(broker_us),
            bench_share: share(bench_us),
            others_share: share(busy_us - measured_us - broker_us - bench_us).max(0.0),
            steal_share: share(now.machine.steal_us - self.machine.steal_us),
        })
    }
}

/// The machine's own count, over all cores.
#[derive(Debug)]
struct Machine {
    busy_us: f64,
    steal_us: f64,
}

impl Machine {
    fn now() -> Result<Self> {
        let stat = fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
        let line = stat.lines().next().context("/proc/stat is empty")?;
        let ticks: Vec<f64> =
            line.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
        let [user, nice, system, _idle, _iowait, irq, softirq, steal, ..] = ticks[..] else {
            return Err(anyhow!("/proc/stat begins with {line:?}"));
        };
        Ok(Self { busy_us: (user + nice + system + irq + softirq) * TICK_US, steal_us: steal * TICK_US })
    }
}

/// Waits until a program uses less than a tenth of a core for three seconds together; gives up waiting after `limit`.
///
/// # Errors
/// Where it has ended.
pub(crate) async fn until_quiet(pid: u32, limit: Duration) -> Result<()> {
    const QUIET_US: f64 = 100_000.0;
    let deadline = Instant::now() + limit;
    let mut n_quiet = 0;
    while n_quiet < 3 && Instant::now() < deadline {
        let before = cpu_us(pid)?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        n_quiet = if cpu_us(pid)? - before < QUIET_US { n_quiet + 1 } else { 0 };
    }
    if n_quiet < 3 {
        println!("  the broker is still busy after {} s; the figures suffer from it", limit.as_secs());
    }
    Ok(())
}

fn read(pid: u32, file: &str) -> Result<String> {
    fs::read_to_string(format!("/proc/{pid}/{file}")).context("a program that is measured has ended")
}
