//! What came out? Every figure by bridge and scenario, medians over the repeats, in one table.

use serde_json::{Value, json};

use crate::contender::Name;

/// Users with a viewer, and how many of them drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) users: usize,
    pub(crate) active: usize,
}

/// Everything that was measured.
#[derive(Debug, Default)]
pub(crate) struct Results {
    series: Vec<Series>,
}

/// One figure of one bridge under one load, from each repeat.
#[derive(Debug)]
struct Series {
    name: Name,
    load: Load,
    metric: &'static str,
    unit: &'static str,
    values: Vec<f64>,
}

impl Results {
    /// Adds the figure of one repeat.
    pub(crate) fn add(
        &mut self,
        name: Name,
        load: Load,
        metric: &'static str,
        unit: &'static str,
        value: f64,
    ) {
        let same = |series: &&mut Series| (series.name, series.load, series.metric) == (name, load, metric);
        match self.series.iter_mut().find(same) {
            Some(series) => series.values.push(value),
            None => self.series.push(Series { name, load, metric, unit, values: vec![value] }),
        }
    }

    /// The median over the repeats.
    pub(crate) fn get(&self, name: Name, load: Load, metric: &str) -> Option<f64> {
        let found = |series: &&Series| (series.name, series.load, series.metric) == (name, load, metric);
        self.series.iter().find(found).map(|series| median(&series.values))
    }

    /// As `target/bench/bridge.json` has them.
    pub(crate) fn to_json(&self) -> Vec<Value> {
        let figure = |series: &Series| {
            json!({
                "name": series.name.as_str(), "users": series.load.users, "active": series.load.active,
                "metric": series.metric, "unit": series.unit, "value": median(&series.values),
            })
        };
        self.series.iter().map(figure).collect()
    }

    /// Prints both bridges side by side: medians, and the least and the greatest where there are several.
    pub(crate) fn print(&self) {
        println!("\n{:>6} {:>6}  {:<24} {:>34} {:>34}", "users", "active", "", "purple-sector", "node");
        let mut rows: Vec<(Load, &str, &str)> = Vec::new();
        for series in &self.series {
            let row = (series.load, series.metric, series.unit);
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
        for (load, metric, unit) in rows {
            let cell = |name| {
                let found =
                    |series: &&Series| (series.name, series.load, series.metric) == (name, load, metric);
                self.series.iter().find(found).map_or("-".to_owned(), |series| shown(&series.values))
            };
            let [ours, node] = Name::BOTH.map(cell);
            let what = format!("{metric}, {unit}");
            println!("{:>6} {:>6}  {what:<24} {ours:>34} {node:>34}", load.users, load.active);
        }
    }
}

fn shown(values: &[f64]) -> String {
    let (least, greatest) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, greatest), v| (least.min(*v), greatest.max(*v)));
    match values {
        [value] => format!("{value:.3}"),
        _ => format!("{:.3} ({least:.3} to {greatest:.3})", median(values)),
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n.is_multiple_of(2) => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
        n => sorted[n / 2],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_the_middle_whatever_the_order() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn repeats_of_one_figure_are_one_entry() {
        let mut results = Results::default();
        let load = Load { users: 50, active: 50 };
        for value in [30.0, 10.0, 20.0] {
            results.add(Name::PurpleSector, load, "cpu_us_per_block", "us", value);
        }
        results.add(Name::Node, load, "cpu_us_per_block", "us", 100.0);
        assert_eq!(results.get(Name::PurpleSector, load, "cpu_us_per_block"), Some(20.0));
        let json = results.to_json();
        assert_eq!(json.len(), 2);
        assert_eq!(
            json[0],
            json!({"name": "purple-sector", "users": 50, "active": 50,
                   "metric": "cpu_us_per_block", "unit": "us", "value": 20.0})
        );
    }
}
