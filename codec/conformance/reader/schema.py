"""A schema: which channels a block has (docs/wire-format.md, "Schema")."""

from dataclasses import dataclass

from .postcard import Cursor
from .refused import Refused

FIXED, LOSSLESS, INT = range(3)
CHANNELS = 1024
SCHEMA_BYTES = 65536


@dataclass
class Channel:
    id: int
    name: str
    unit: str
    coding: int
    resolution: float
    min: float
    max: float
    slow: bool
    labels: str


@dataclass
class Schema:
    hash: int
    channels: list

    def slots(self):
        """The channels in the order of their slots: floats, then ints."""
        floats = [channel for channel in self.channels if channel.coding != INT]
        return floats + [channel for channel in self.channels if channel.coding == INT]


def read_schema(body, wanted_hash):
    """The schema that `body` is, whose hash has to be `wanted_hash`."""
    if fnv1a(body) != wanted_hash:
        raise Refused("schema_hash", f"the body's hash is not {wanted_hash:016x}")
    cursor = Cursor(body, early="truncated", wrong="body")
    channels = cursor.list(CHANNELS, lambda: read_channel(cursor))
    cursor.end()
    if len({channel.id for channel in channels}) < len(channels):
        raise Refused("body", "two channels have the same id")
    return Schema(wanted_hash, channels)


def read_channel(cursor):
    id, name, unit, coding = cursor.varint(16), cursor.text(), cursor.text(), cursor.varint(32)
    resolution = None
    if coding == FIXED:
        resolution, least, most = cursor.f32(), cursor.f32(), cursor.f32()
    elif coding == LOSSLESS:
        least, most = cursor.f32(), cursor.f32()
    elif coding == INT:
        least, most = cursor.signed(32), cursor.signed(32)
    else:
        raise Refused("body", f"coding {coding}")
    pace = cursor.varint(32)
    if pace > 1:
        raise Refused("body", f"pace {pace}")
    labels = cursor.text(SCHEMA_BYTES)
    return Channel(id, name, unit, coding, resolution, least, most, pace == 1, labels)


def fnv1a(data):
    """The 64-bit FNV-1a hash."""
    number = 0xCBF29CE484222325
    for byte in data:
        number = ((number ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return number
