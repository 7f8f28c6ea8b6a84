"""A reader of the wire format, written from docs/wire-format.md alone: it shares no code with the crate."""
