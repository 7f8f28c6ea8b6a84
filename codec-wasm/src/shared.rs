//! Which numbers do the module and its JavaScript both know? Each stands here once; `generate/` writes them for the
//! other side, by the lists of their names.

/// Declares modules of constants, and for each a list of them by name.
macro_rules! numbers {
    ($(
        $(#[$about:meta])*
        $module:ident as $LIST:ident: $type:ty { $($(#[$doc:meta])* $NAME:ident = $value:literal,)+ }
    )+) => {$(
        $(#[$about])*
        pub(crate) mod $module {
            $($(#[$doc])* pub(crate) const $NAME: $type = $value;)+
        }

        $(#[$about])*
        pub const $LIST: &[(&str, u32)] = &[$((stringify!($NAME), $module::$NAME as u32)),+];
    )+};
}

numbers! {
    /// What a push found.
    found as FOUND: u32 {
        ERROR = 0,
        SAMPLES = 1,
        SCHEMA = 2,
        FACTS = 3,
        EVENT = 4,
        END = 5,
        REPEAT = 6,
        WAITING = 7,
        SKIPPED = 8,
        /// Added to what a record was when it came in a message of the bridge.
        DATA = 16,
        HELLO = 32,
        GAP = 33,
        STATE = 34,
        TIME = 35,
        TOKEN_EXPIRING = 36,
        BYE = 37,
        UNKNOWN = 38,
    }

    /// Positions in the head. The first four tell where the note is: address and length of its numbers and of its text.
    head as HEAD: usize {
        NOTE = 0,
        PARTITION = 4,
        OFFSET = 5,
        BROKER_TIME_MS = 6,
        SNAPSHOT = 7,
        STREAM = 8,
        LENGTH = 9,
        SEQ = 10,
        GAP_FIRST = 11,
        GAP_LAST = 12,
        FLOATS = 13,
        INTS = 14,
        STRIDE = 15,
        TIMES = 16,
        EPOCH = 17,
        SIZE = 18,
    }

    /// The events, by their numbers in a note.
    event as EVENTS: u8 {
        /// One that this build has no description of.
        OTHER = 0,
        LAP_FINISHED = 1,
        MARK = 2,
        STEPS_MISSED = 3,
        GAP = 4,
        OTHER_CARS = 5,
    }

    /// How a channel's values are coded, by its number in a note.
    coding as CODINGS: u8 {
        FIXED = 0,
        LOSSLESS = 1,
        INT = 2,
    }
}

/// Streams that JavaScript remembers, by their numbers, so that it knows the stream of every number it is given.
pub const MAX_STREAMS: usize = 16;
