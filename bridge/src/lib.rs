//! Purple Sector.
