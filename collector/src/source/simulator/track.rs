//! What does the road do at a given distance from the start line?
//!
//! A circuit is a closed polygon whose corners are rounded with a radius each: closed by construction, with straights
//! that are straight. Its line is smoothed, so that curvature grows into a corner as it does on a real road.

use std::f64::consts::TAU;

use super::math::{atan2, cos, sin, wrap_angle};

/// Distance between two nodes before smoothing, in metres.
const STEP_M: f64 = 2.0;
/// Nodes on either side that smoothing averages; applied twice.
const SMOOTH_NODES: usize = 5;

/// A corner of the polygon: where it is on the map (metres) and how tightly it is driven (metres of radius).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Corner {
    pub east_m: f64,
    pub north_m: f64,
    pub radius_m: f64,
}

/// The road at one distance.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Place {
    /// World position of the middle of the road, as the games have it: x to the east, y up, z to the south.
    pub x_m: f64,
    pub y_m: f64,
    pub z_m: f64,
    /// Direction of travel, radians; 0 to the east, growing to the left (seen from above).
    pub heading_rad: f64,
    /// 1 / radius; positive where the road turns left.
    pub curvature_per_m: f64,
    /// Rise per metre driven.
    pub grade: f64,
}

/// A closed circuit.
#[derive(Debug, Clone)]
pub struct Track {
    name: &'static str,
    length_m: f64,
    step_m: f64,
    nodes: Vec<Place>,
}

impl Track {
    /// Builds the circuit; the start line is `start_m` metres after the first corner of the list ends.
    pub(crate) fn new(name: &'static str, corners: &[Corner], start_m: f64, height_m: f64) -> Self {
        let outline = rounded(corners);
        let smooth = smoothed(&smoothed(&outline));
        let lengths: Vec<f64> =
            (0..smooth.len()).map(|i| distance(smooth[i], smooth[(i + 1) % smooth.len()])).collect();
        let length_m: f64 = lengths.iter().sum();
        let n_nodes = (length_m / STEP_M).floor() as usize;
        let step_m = length_m / n_nodes as f64;
        let points = space_evenly(&smooth, &lengths, step_m, n_nodes, start_m);
        let mut nodes: Vec<Place> = points
            .iter()
            .map(|&(east_m, north_m)| Place { x_m: east_m, z_m: -north_m, ..Place::default() })
            .collect();
        for (i, node) in nodes.iter_mut().enumerate() {
            let (before, after) = (points[(i + n_nodes - 1) % n_nodes], points[(i + 1) % n_nodes]);
            node.heading_rad = atan2(after.1 - before.1, after.0 - before.0);
            (node.y_m, node.grade) = height(i as f64 / n_nodes as f64, height_m, length_m);
        }
        for i in 0..n_nodes {
            let turn = nodes[(i + 1) % n_nodes].heading_rad - nodes[(i + n_nodes - 1) % n_nodes].heading_rad;
            nodes[i].curvature_per_m = wrap_angle(turn) / (2.0 * step_m);
        }
        Self { name, length_m, step_m, nodes }
    }

    /// The circuit's name, as in [`Track::by_name`].
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// One lap along the middle of the road, in metres.
    pub fn length_m(&self) -> f64 {
        self.length_m
    }

    /// The road `distance_m` after the start line; any number of laps further is the same place.
    pub(crate) fn at(&self, distance_m: f64) -> Place {
        let (i, j, t) = self.between(distance_m);
        let (a, b) = (&self.nodes[i], &self.nodes[j]);
        let mix = |a: f64, b: f64| a + (b - a) * t;
        Place {
            x_m: mix(a.x_m, b.x_m),
            y_m: mix(a.y_m, b.y_m),
            z_m: mix(a.z_m, b.z_m),
            heading_rad: wrap_angle(a.heading_rad + wrap_angle(b.heading_rad - a.heading_rad) * t),
            curvature_per_m: mix(a.curvature_per_m, b.curvature_per_m),
            grade: mix(a.grade, b.grade),
        }
    }

    /// The two nodes around a distance, and how far it is from the first to the second, `0.0..1.0`.
    pub(crate) fn between(&self, distance_m: f64) -> (usize, usize, f64) {
        let laps = distance_m / self.length_m;
        let position = (laps - laps.floor()) * self.nodes.len() as f64;
        let i = (position.floor() as usize).min(self.nodes.len() - 1);
        (i, (i + 1) % self.nodes.len(), position - position.floor())
    }

    pub(crate) fn nodes(&self) -> &[Place] {
        &self.nodes
    }

    pub(crate) fn step_m(&self) -> f64 {
        self.step_m
    }
}

/// East and north, metres.
type Point = (f64, f64);

fn distance(a: Point, b: Point) -> f64 {
    ((b.0 - a.0) * (b.0 - a.0) + (b.1 - a.1) * (b.1 - a.1)).sqrt()
}

/// The polygon with its corners replaced by arcs, as points about [`STEP_M`] apart; starts where the first arc ends.
fn rounded(corners: &[Corner]) -> Vec<Point> {
    let n = corners.len();
    let mut points = Vec::new();
    // Corner n is corner 0 once more: its arc closes the line.
    for k in 0..n {
        let (from, corner, to) = (&corners[k], &corners[(k + 1) % n], &corners[(k + 2) % n]);
        let (start, _) = tangent(from, corner, &corners[(k + n - 1) % n]);
        let (arc_out, arc_in) = tangent(corner, to, from);
        add_straight(&mut points, start, arc_in);
        add_arc(&mut points, arc_in, arc_out, corner, (from, to));
    }
    points
}

/// Where the arc at `corner` touches the edge towards `to`, and where it touches the edge from `from`.
fn tangent(corner: &Corner, to: &Corner, from: &Corner) -> (Point, Point) {
    let heading_in = atan2(corner.north_m - from.north_m, corner.east_m - from.east_m);
    let heading_out = atan2(to.north_m - corner.north_m, to.east_m - corner.east_m);
    let half = wrap_angle(heading_out - heading_in) / 2.0;
    let reach = corner.radius_m * (sin(half) / cos(half)).abs();
    let out = (corner.east_m + reach * cos(heading_out), corner.north_m + reach * sin(heading_out));
    (out, (corner.east_m - reach * cos(heading_in), corner.north_m - reach * sin(heading_in)))
}

fn add_straight(points: &mut Vec<Point>, from: Point, to: Point) {
    let n = (distance(from, to) / STEP_M).ceil().max(1.0);
    points.extend((0..n as usize).map(|i| {
        let t = i as f64 / n;
        (from.0 + (to.0 - from.0) * t, from.1 + (to.1 - from.1) * t)
    }));
}

fn add_arc(
    points: &mut Vec<Point>,
    from: Point,
    to: Point,
    corner: &Corner,
    (before, after): (&Corner, &Corner),
) {
    let heading_in = atan2(corner.north_m - before.north_m, corner.east_m - before.east_m);
    let turn = wrap_angle(atan2(after.north_m - corner.north_m, after.east_m - corner.east_m) - heading_in);
    let n = (corner.radius_m * turn.abs() / STEP_M).ceil().max(1.0);
    let side = turn.signum();
    let center = (
        from.0 - side * corner.radius_m * sin(heading_in),
        from.1 + side * corner.radius_m * cos(heading_in),
    );
    debug_assert!((distance(center, to) - corner.radius_m).abs() < 0.1);
    points.extend((0..n as usize).map(|i| {
        let heading = heading_in + turn * i as f64 / n;
        (center.0 + side * corner.radius_m * sin(heading), center.1 - side * corner.radius_m * cos(heading))
    }));
}

fn smoothed(points: &[Point]) -> Vec<Point> {
    let n = points.len();
    let width = (2 * SMOOTH_NODES + 1) as f64;
    (0..n)
        .map(|i| {
            let window = (0..=2 * SMOOTH_NODES).map(|k| points[(i + n + k - SMOOTH_NODES) % n]);
            let sum = window.fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
            (sum.0 / width, sum.1 / width)
        })
        .collect()
}

/// `n_nodes` points `step_m` apart along a closed line, the first `start_m` after the line's own beginning.
fn space_evenly(line: &[Point], lengths: &[f64], step_m: f64, n_nodes: usize, start_m: f64) -> Vec<Point> {
    let total_m: f64 = lengths.iter().sum();
    let mut cumulative = Vec::with_capacity(line.len());
    let mut sum = 0.0;
    for length in lengths {
        cumulative.push(sum);
        sum += length;
    }
    (0..n_nodes)
        .map(|node| {
            let along = start_m + node as f64 * step_m;
            let along = along - total_m * (along / total_m).floor();
            let i = cumulative.partition_point(|&m| m <= along).saturating_sub(1);
            let t = (along - cumulative[i]) / lengths[i];
            let (a, b) = (line[i], line[(i + 1) % line.len()]);
            (a.0 + (b.0 - a.0) * t, a.1 + (b.1 - a.1) * t)
        })
        .collect()
}

/// Height and grade at `lap_fraction`: three waves that close over a lap.
fn height(lap_fraction: f64, height_m: f64, length_m: f64) -> (f64, f64) {
    let waves = [(1.0, 0.6, 0.8), (2.0, 0.3, 2.1), (5.0, 0.1, 4.0)];
    waves.iter().fold((0.0, 0.0), |(y_m, grade), &(turns, share, phase)| {
        let angle = TAU * turns * lap_fraction + phase;
        let slope = TAU * turns / length_m * height_m * share * cos(angle);
        (y_m + height_m * share * sin(angle), grade + slope)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each_track(check: impl Fn(&Track)) {
        for name in Track::NAMES {
            check(&Track::by_name(name).expect("every listed name is a track"));
        }
    }

    #[test]
    fn every_track_closes_without_a_jump_or_a_kink() {
        each_track(|track| {
            let n = track.nodes.len();
            for i in 0..n {
                let (a, b) = (&track.nodes[i], &track.nodes[(i + 1) % n]);
                let step = distance((a.x_m, a.z_m), (b.x_m, b.z_m));
                assert!((step - track.step_m).abs() < 0.2, "{}: step {step} at node {i}", track.name);
                let turn = wrap_angle(b.heading_rad - a.heading_rad).abs();
                assert!(turn < 0.2, "{}: turn {turn} at node {i}", track.name);
                assert!((a.y_m - b.y_m).abs() < 0.3, "{}: height step at node {i}", track.name);
            }
        });
    }

    #[test]
    fn every_track_turns_once_around_and_has_straights_and_corners() {
        each_track(|track| {
            let total: f64 = track.nodes.iter().map(|node| node.curvature_per_m * track.step_m).sum();
            assert!((total.abs() - TAU).abs() < 0.05, "{}: turns {total} rad", track.name);
            let sharpest = track.nodes.iter().map(|node| node.curvature_per_m.abs()).fold(0.0, f64::max);
            assert!((0.01..0.09).contains(&sharpest), "{}: sharpest {sharpest}", track.name);
            let straight = track.nodes.iter().filter(|node| node.curvature_per_m.abs() < 1e-4).count();
            let share = straight as f64 / track.nodes.len() as f64;
            assert!((0.2..0.8).contains(&share), "{}: {share} of it is straight", track.name);
            assert!((2_000.0..7_000.0).contains(&track.length_m), "{}: {} m", track.name, track.length_m);
        });
    }

    #[test]
    fn the_road_along_the_pits_is_straight() {
        each_track(|track| {
            for metres in -330..250 {
                let curvature = track.at(f64::from(metres)).curvature_per_m.abs();
                assert!(curvature < 0.004, "{}: curvature {curvature} at {metres} m", track.name);
            }
        });
    }

    #[test]
    fn a_lap_further_is_the_same_place() {
        each_track(|track| {
            let (a, b) = (track.at(123.4), track.at(123.4 + track.length_m));
            assert!((a.x_m - b.x_m).abs() < 1e-6 && (a.z_m - b.z_m).abs() < 1e-6);
        });
    }
}
