"""A recording: records in a file (docs/wire-format.md, "Recordings")."""

MAGIC = b"PSREC\x01"


class CutShort(Exception):
    """The file ends within a record; the records before were given."""


def records_of(recording):
    """The records one after the other. Raises `CutShort` after the last whole one if the file goes on."""
    if not recording.startswith(MAGIC):
        raise ValueError("not a recording: it does not begin with PSREC and 01")
    at = len(MAGIC)
    while at < len(recording):
        start = at + 4
        at = start + int.from_bytes(recording[at:start], "little")
        if len(recording) < max(start, at):
            raise CutShort(f"byte {start - 4}: the last record ends early")
        yield recording[start:at]
