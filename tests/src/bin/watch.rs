//! Does it keep running while somebody watches? Looks at dashboard links and at the programs behind them, and judges.
//!
//! `cargo xtask soak` runs this: `watch --seconds N [--program NAME=PID]… LINK…`. It fails on a pause of more than 1 s, on
//! a gap, on samples twice or out of order, on a lost connection, and where a program's memory keeps growing.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use purple_sector_tests::viewer::{News, Viewer};
use tokio::task::JoinSet;

/// A page would look frozen.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How often memory is looked at, and a line is printed.
const BEAT: Duration = Duration::from_secs(30);
/// What a program may have gained between the end of its first fifth and the end.
const ALLOWED_GROWTH_KIB: u64 = 10 * 1024;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let Watched { duration, programs, links } = arguments()?;
    let started = Instant::now();
    let mut viewers = JoinSet::new();
    for (port, token) in links {
        viewers.spawn(watch(port, token, duration));
    }
    let mut memory: HashMap<String, Vec<u64>> = HashMap::new();
    loop {
        let left = duration.saturating_sub(started.elapsed());
        tokio::time::sleep(left.min(BEAT)).await;
        for (name, pid) in &programs {
            memory.entry(name.clone()).or_default().push(resident_kib(*pid)?);
        }
        let now: Vec<String> = programs.iter().map(|(name, _)| last(name, &memory)).collect();
        println!("{:5.0} s  {}", started.elapsed().as_secs_f64(), now.join("  "));
        if left.is_zero() {
            break;
        }
    }
    while let Some(seen) = viewers.join_next().await {
        println!("{}", seen??);
    }
    for (name, kib) in &memory {
        let (early, late) = (kib[kib.len() / 5], kib[kib.len() - 1]);
        println!("{name}: {early} KiB after a fifth of the time, {late} KiB at the end");
        ensure!(late <= early + ALLOWED_GROWTH_KIB, "{name} grows");
    }
    println!("no stall, no gap, no growth in {} s", duration.as_secs());
    Ok(())
}

struct Watched {
    duration: Duration,
    programs: Vec<(String, u32)>,
    links: Vec<(u16, String)>,
}

fn arguments() -> Result<Watched> {
    let mut watched = Watched { duration: Duration::ZERO, programs: Vec::new(), links: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seconds" => {
                let seconds =
                    arguments.next().and_then(|s| s.parse().ok()).context("--seconds wants a number")?;
                watched.duration = Duration::from_secs(seconds);
            }
            "--program" => {
                let program = arguments.next().unwrap_or_default();
                let (name, pid) = program.split_once('=').context("--program wants NAME=PID")?;
                watched.programs.push((name.to_owned(), pid.parse().context("--program wants NAME=PID")?));
            }
            link => watched.links.push(parse_link(link).with_context(|| format!("not a link: {link}"))?),
        }
    }
    ensure!(
        !watched.links.is_empty() && !watched.duration.is_zero(),
        "watch --seconds N [--program NAME=PID]… LINK…"
    );
    Ok(watched)
}

/// Port and token of `http://127.0.0.1:PORT/#token=TOKEN`.
fn parse_link(link: &str) -> Option<(u16, String)> {
    let (place, token) = link.split_once("/#token=")?;
    let (_, port) = place.rsplit_once(':')?;
    Some((port.parse().ok()?, token.to_owned()))
}

/// Looks at one feed, and says what it saw.
async fn watch(port: u16, token: String, duration: Duration) -> Result<String> {
    let mut viewer = Viewer::connect(port, &token).await?;
    let deadline = Instant::now() + duration;
    let (mut n_samples, mut last_us) = (0u64, HashMap::<String, u64>::new());
    // The time to join is not a pause: on the embedded broker a collector begins when its first viewer has come.
    let started = Instant::now();
    let (mut joined_after, mut last_news, mut longest) = (None, started, Duration::ZERO);
    while Instant::now() < deadline {
        match viewer.next(Duration::from_secs(10)).await.context("no data for 10 s")? {
            News::Samples(samples) if samples.is_empty() => continue,
            News::Samples(samples) => {
                for sample in samples {
                    let last = last_us.entry(sample.session).or_default();
                    ensure!(sample.captured_at_us > *last, "samples came twice or out of order");
                    *last = sample.captured_at_us;
                    n_samples += 1;
                }
            }
            News::Gap(gap) => bail!("after {n_samples} samples: {gap}"),
            News::Other(_) => continue,
            News::Closed(code) => bail!("closed with {code:?} after {n_samples} samples"),
        }
        if joined_after.is_none() {
            joined_after = Some(started.elapsed());
        } else {
            longest = longest.max(last_news.elapsed());
        }
        last_news = Instant::now();
    }
    ensure!(longest <= LONGEST_PAUSE, "the longest pause was {:.2} s", longest.as_secs_f64());
    let sessions = last_us.into_keys().collect::<Vec<_>>().join(", ");
    let joined_ms = joined_after.unwrap_or_default().as_millis();
    let longest_ms = longest.as_millis();
    Ok(format!("{sessions}: {n_samples} samples, first after {joined_ms} ms, longest pause {longest_ms} ms"))
}

fn last(name: &str, memory: &HashMap<String, Vec<u64>>) -> String {
    let kib = memory.get(name).and_then(|kib| kib.last()).copied().unwrap_or_default();
    format!("{name} {} MiB", kib / 1024)
}

/// Resident memory as the kernel counts it.
fn resident_kib(pid: u32) -> Result<u64> {
    let status =
        std::fs::read_to_string(format!("/proc/{pid}/status")).context("a watched program has ended")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).context("VmRSS is not a number")
}
