//! Do the budgets of the design hold, on the reference trace at six samples per block?

use crate::results::Results;

const TRACE: &str = "reference-60hz";
const SAMPLES_PER_BLOCK: usize = 6;

/// What a figure must not exceed.
struct Budget {
    what: &'static str,
    name: &'static str,
    metric: &'static str,
    /// Of this general format the same metric, else the figure alone.
    times: Option<&'static str>,
    limit: f64,
    /// Whether the figure is the same in every run, so that exceeding it is a failure.
    exact: bool,
}

const fn exact(what: &'static str, name: &'static str, metric: &'static str, limit: f64) -> Budget {
    Budget { what, name, metric, times: None, limit, exact: true }
}

const fn ratio(what: &'static str, metric: &'static str, limit: f64) -> Budget {
    Budget { what, name: "purple-sector", metric, times: Some("postcard"), limit, exact: false }
}

const BUDGETS: [Budget; 7] = [
    exact("bytes per sample, stated error", "purple-sector", "bytes_per_sample", 26.0),
    exact("bytes per sample, lossless", "purple-sector-lossless", "bytes_per_sample", 112.0),
    exact("bytes per sample as whole messages", "purple-sector", "envelope_bytes_per_sample", 29.0),
    exact("allocations per message", "purple-sector", "allocations_per_message", 0.0),
    exact("allocations per message, lossless", "purple-sector-lossless", "allocations_per_message", 0.0),
    ratio("encode time, times postcard's", "encode_ns_per_sample", 2.5),
    ratio("decode time, times postcard's", "decode_ns_per_sample", 1.0),
];

/// Prints every budget next to its figure, and returns a sentence for each exact one that is broken.
pub(crate) fn check(results: &Results) -> Vec<String> {
    let mut broken = Vec::new();
    println!("\nBudgets, {TRACE}, {SAMPLES_PER_BLOCK} samples per block, a key block every 2 s");
    for budget in &BUDGETS {
        let figure = |name| results.get(name, TRACE, SAMPLES_PER_BLOCK, budget.metric);
        let measured = match budget.times {
            Some(other) => figure(budget.name).zip(figure(other)).map(|(ours, theirs)| ours / theirs),
            None => figure(budget.name),
        };
        let Some(measured) = measured else {
            broken.push(format!("{}: not measured, because {TRACE} was left out", budget.what));
            continue;
        };
        let holds = measured <= budget.limit;
        let verdict = match (holds, budget.exact) {
            (true, _) => "holds",
            (false, true) => "BROKEN",
            (false, false) => "exceeded",
        };
        println!("  {:40} {measured:>8.2} of {:>6.2}  {verdict}", budget.what, budget.limit);
        if !holds && budget.exact {
            broken.push(format!("{}: {measured:.2}, the budget is {}", budget.what, budget.limit));
        }
    }
    broken
}
