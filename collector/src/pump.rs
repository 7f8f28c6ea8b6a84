//! When is each sample due? Drives all sources of this process on one thread, by deadlines, so that nothing drifts.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::pipeline::{Pipeline, PipelineError};
use crate::publish::Publisher;

/// A sample that is this late is left out; up to here the pump catches up.
const CATCH_UP_US: u64 = 250_000;
/// Longest time without a look at whether to stop.
const NAP: Duration = Duration::from_millis(50);
/// Over how long the starts of many users are spread, so that their key blocks do not come all at once, µs.
const SPREAD_US: u64 = 2_000_000;

/// How fast a source's time passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// This many times as fast as the clock; 1.0 for live.
    Times(f64),
    /// As fast as the queue takes it. Samples keep their distances in time, and so run ahead of the clock.
    Max,
}

/// Drives the pipelines until all have ended or `stop` is cancelled; then their streams are ended in any case.
///
/// # Errors
/// The first pipeline's failure. The streams of the others are ended too.
pub fn run(
    mut pipelines: Vec<Pipeline>,
    pace: Pace,
    clock: Clock,
    publisher: &Publisher,
    stop: &CancellationToken,
) -> Result<Vec<Pipeline>, PipelineError> {
    let schedule = Schedule { start_us: clock.now_us(), pace, n_pipelines: pipelines.len() as u64 };
    let result = drive(&mut pipelines, &schedule, clock, publisher, stop);
    for pipeline in &mut pipelines {
        // The first failure is the one to report.
        let ended = pipeline.end();
        publisher.send_waiting(pipeline.lane());
        if result.is_ok() {
            ended?;
        }
    }
    result.map(|()| pipelines)
}

/// Turns a source's time into the driver's clock.
#[derive(Debug, Clone, Copy)]
struct Schedule {
    start_us: u64,
    pace: Pace,
    n_pipelines: u64,
}

impl Schedule {
    /// Unix µs at which pipeline `index` has reached `elapsed_us`.
    fn at_us(&self, index: usize, elapsed_us: u64) -> u64 {
        let begin_us = self.start_us + SPREAD_US * index as u64 / self.n_pipelines.max(1);
        match self.pace {
            Pace::Times(times) if times != 1.0 => begin_us + (elapsed_us as f64 / times) as u64,
            Pace::Times(_) | Pace::Max => begin_us + elapsed_us,
        }
    }
}

fn drive(
    pipelines: &mut [Pipeline],
    schedule: &Schedule,
    clock: Clock,
    publisher: &Publisher,
    stop: &CancellationToken,
) -> Result<(), PipelineError> {
    while !stop.is_cancelled() {
        let due =
            |(index, pipeline): (usize, &Pipeline)| pipeline.next_us().map(|us| schedule.at_us(index, us));
        let Some(next_us) = pipelines.iter().enumerate().filter_map(due).min() else { return Ok(()) };
        if schedule.pace != Pace::Max {
            let wait = clock.until(next_us);
            if !wait.is_zero() {
                std::thread::sleep(wait.min(NAP));
                continue;
            }
        } else if pipelines.iter().any(Pipeline::should_wait) {
            std::thread::sleep(Duration::from_millis(1));
            continue;
        }
        let now_us = clock.now_us();
        for (index, pipeline) in pipelines.iter_mut().enumerate() {
            let Some(elapsed_us) = pipeline.next_us() else { continue };
            let due_us = schedule.at_us(index, elapsed_us);
            let at_us = |elapsed_us| schedule.at_us(index, elapsed_us);
            if schedule.pace == Pace::Max || due_us <= now_us {
                if schedule.pace != Pace::Max && due_us + CATCH_UP_US < now_us {
                    pipeline.miss(at_us)?;
                } else {
                    pipeline.step(due_us, at_us)?;
                    publisher.send_waiting(pipeline.lane());
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipelines_start_spread_out_and_pace_scales_time() {
        let live = Schedule { start_us: 1_000, pace: Pace::Times(1.0), n_pipelines: 2 };
        assert_eq!((live.at_us(0, 500), live.at_us(1, 500)), (1_500, 1_001_500));
        let fast = Schedule { pace: Pace::Times(4.0), n_pipelines: 1, ..live };
        assert_eq!(fast.at_us(0, 4_000_000), 1_001_000);
        let max = Schedule { pace: Pace::Max, n_pipelines: 1, ..live };
        assert_eq!(max.at_us(0, 4_000_000), 4_001_000);
    }
}
