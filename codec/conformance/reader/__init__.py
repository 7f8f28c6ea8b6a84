"""A reader of the wire format as docs/wire-format.md has it. It shares no code with the crate."""
