//! What names a schema in a key block? The hash of its record.

use core::fmt;

use serde::{Deserialize, Serialize};

/// Names a schema: 64-bit FNV-1a over its record. It finds the schema; it does not prove who made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SchemaHash(pub u64);

impl SchemaHash {
    /// The hash of the schema whose record is `record`.
    pub fn of_record(record: &[u8]) -> Self {
        let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        Self(record.iter().fold(0xcbf2_9ce4_8422_2325, fold))
    }
}

impl fmt::Display for SchemaHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published test values of FNV-1a.
    #[test]
    fn is_fnv_1a() {
        assert_eq!(SchemaHash::of_record(b""), SchemaHash(0xcbf2_9ce4_8422_2325));
        assert_eq!(SchemaHash::of_record(b"foobar"), SchemaHash(0x8594_4171_f739_67e8));
    }
}
