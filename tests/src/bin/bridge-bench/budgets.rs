//! Do the budgets of the bridge hold?

use crate::contender::Name;
use crate::results::{Load, Results};

/// The loads that the budgets are about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loads {
    /// Nobody is there, but someone was.
    pub(crate) empty: Load,
    /// Active users and no others.
    pub(crate) alone: Load,
    /// Idle users and no others.
    pub(crate) idle: Load,
    /// Active users among idle ones.
    pub(crate) among: Load,
    /// One wave after another.
    pub(crate) churn: Load,
}

struct Budget {
    what: String,
    /// `None` where it was not measured.
    found: Option<f64>,
    limit: f64,
}

/// Prints every budget whose figures are there, and whether it holds.
pub(crate) fn print(results: &Results, loads: &Loads) {
    println!("\n{:<56} {:>8} {:>8}", "budget", "found", "limit");
    for Budget { what, found, limit } in budgets(results, loads) {
        let Some(found) = found else { continue };
        let verdict = if found <= limit { "holds" } else { "MISSED" };
        println!("{what:<56} {found:>8.3} {limit:>8.3}  {verdict}");
    }
}

fn budgets(results: &Results, loads: &Loads) -> Vec<Budget> {
    let ours = |load, metric| results.get(Name::PurpleSector, load, metric);
    let of_nodes = |load, metric| Some(ours(load, metric)? / results.get(Name::Node, load, metric)?);
    let above_empty = || Some(ours(loads.idle, "rss_mib")? - ours(loads.empty, "rss_mib")?);
    let mut budgets = Vec::new();
    let mut add = |what: String, found, limit| budgets.push(Budget { what, found, limit });
    for (load, place) in [(loads.alone, "alone"), (loads.among, "among idle users")] {
        let what = |what: &str| format!("{} active {place}: {what}", load.active);
        add(what("CPU per block, of Node's"), of_nodes(load, "cpu_us_per_block"), 0.25);
        add(what("stamp to client p50, ms"), ours(load, "stamp_to_client_ms_p50"), 1.5);
        add(what("stamp to client p99, ms"), ours(load, "stamp_to_client_ms_p99"), 5.0);
    }
    let what = |what: &str| format!("{} idle: {what}", loads.idle.users);
    add(what("MiB above the empty bridge"), above_empty(), 40.0);
    add(what("share of a core"), ours(loads.idle, "idle_core_share"), 0.02);
    add(what("threads"), ours(loads.idle, "threads"), 12.0);
    let what = format!("{} one after another: share left behind", loads.churn.users);
    add(what, ours(loads.churn, "left_behind_share"), 0.1);
    budgets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;

    #[test]
    fn budgets_compare_with_node_and_with_the_empty_bridge() {
        let loads = Plan::WHOLE.loads();
        let mut results = Results::default();
        let found = |results: &Results, what: &str| {
            budgets(results, &loads).into_iter().find(|budget| budget.what.contains(what)).map(|b| b.found)
        };
        assert_eq!(found(&results, "50 active alone: CPU"), Some(None), "nothing was measured");
        results.add(Name::PurpleSector, loads.alone, "cpu_us_per_block", "us", 20.0);
        results.add(Name::Node, loads.alone, "cpu_us_per_block", "us", 100.0);
        results.add(Name::PurpleSector, loads.empty, "rss_mib", "MiB", 10.0);
        results.add(Name::PurpleSector, loads.idle, "rss_mib", "MiB", 35.0);
        assert_eq!(found(&results, "50 active alone: CPU"), Some(Some(0.2)));
        assert_eq!(found(&results, "1000 idle: MiB"), Some(Some(25.0)));
    }
}
