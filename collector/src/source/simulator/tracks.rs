//! Which circuits can be driven? Invented ones, each with a character of its own.

use super::track::{Corner, Track};

const fn corner(east_m: f64, north_m: f64, radius_m: f64) -> Corner {
    Corner { east_m, north_m, radius_m }
}

/// Fast and slow corners in turn, hilly.
const KESTREL_RIDGE: [Corner; 14] = [
    corner(-450.0, 0.0, 60.0),
    corner(800.0, 0.0, 45.0),
    corner(900.0, 260.0, 120.0),
    corner(1330.0, 300.0, 70.0),
    corner(1500.0, 720.0, 38.0),
    corner(1180.0, 800.0, 28.0),
    corner(1120.0, 560.0, 55.0),
    corner(800.0, 520.0, 30.0),
    corner(700.0, 860.0, 90.0),
    corner(300.0, 980.0, 160.0),
    corner(-120.0, 760.0, 24.0),
    corner(120.0, 560.0, 40.0),
    corner(-60.0, 330.0, 60.0),
    corner(-420.0, 420.0, 32.0),
];

/// Right angles between walls, short straights, flat.
const HARBOR_MILE: [Corner; 10] = [
    corner(-420.0, 0.0, 30.0),
    corner(560.0, 0.0, 22.0),
    corner(600.0, 190.0, 35.0),
    corner(430.0, 250.0, 18.0),
    corner(470.0, 430.0, 40.0),
    corner(180.0, 520.0, 20.0),
    corner(120.0, 330.0, 26.0),
    corner(-140.0, 360.0, 34.0),
    corner(-200.0, 560.0, 24.0),
    corner(-460.0, 520.0, 45.0),
];

/// A flowing club circuit.
const LINDENRING: [Corner; 12] = [
    corner(-600.0, 0.0, 80.0),
    corner(700.0, 0.0, 55.0),
    corner(860.0, 330.0, 90.0),
    corner(1160.0, 350.0, 35.0),
    corner(1180.0, 700.0, 110.0),
    corner(820.0, 900.0, 60.0),
    corner(640.0, 620.0, 45.0),
    corner(300.0, 600.0, 75.0),
    corner(140.0, 880.0, 30.0),
    corner(-240.0, 820.0, 48.0),
    corner(-300.0, 520.0, 65.0),
    corner(-620.0, 400.0, 28.0),
];

/// Long straights, wide and quick corners.
const SALT_LAKE: [Corner; 9] = [
    corner(-900.0, 0.0, 110.0),
    corner(900.0, 0.0, 140.0),
    corner(1300.0, 520.0, 90.0),
    corner(980.0, 900.0, 60.0),
    corner(560.0, 760.0, 150.0),
    corner(200.0, 1050.0, 80.0),
    corner(-300.0, 900.0, 220.0),
    corner(-760.0, 1080.0, 75.0),
    corner(-1180.0, 520.0, 130.0),
];

impl Track {
    /// The names that [`Track::by_name`] knows.
    pub const NAMES: [&'static str; 4] = ["kestrel-ridge", "harbor-mile", "lindenring", "salt-lake"];

    /// The circuit of that name, or `None` if there is none.
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "kestrel-ridge" => Some(Self::new("kestrel-ridge", &KESTREL_RIDGE, 620.0, 24.0)),
            "harbor-mile" => Some(Self::new("harbor-mile", &HARBOR_MILE, 520.0, 3.0)),
            "lindenring" => Some(Self::new("lindenring", &LINDENRING, 650.0, 12.0)),
            "salt-lake" => Some(Self::new("salt-lake", &SALT_LAKE, 800.0, 6.0)),
            _ => None,
        }
    }
}
