//! Purple Sector.
fn main() {}
