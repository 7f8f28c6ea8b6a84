//! Where do samples come from?
pub mod simulator;
