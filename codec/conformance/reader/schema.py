"""A schema: which channels a block has (docs/wire-format.md, "Schema")."""

import math
import unicodedata
from dataclasses import dataclass

from .postcard import TEXT_BYTES, Cursor
from .refused import Refused

FIXED, LOSSLESS, INT = range(3)
CHANNELS = 1024
STEPS = 1 << 30
SMALLEST_NORMAL = 2.0**-126


@dataclass
class Channel:
    id: int
    name: str
    unit: str
    coding: int
    resolution: float
    min: float
    max: float
    is_slow: bool
    labels: list


@dataclass
class Schema:
    hash: int
    channels: list

    def slots(self):
        """The channels in the order of their slots: floats, then ints."""
        floats = [channel for channel in self.channels if channel.coding != INT]
        return floats + [channel for channel in self.channels if channel.coding == INT]


def read_schema(body, stated_hash=None):
    """The schema that `body` is. Its hash has to be the stated one, if there is one."""
    cursor = Cursor(body, wrong="body")
    channels = cursor.list(CHANNELS, lambda: read_channel(cursor))
    cursor.end("body")
    check(channels)
    computed = fnv1a(body)
    if stated_hash not in (None, computed):
        raise Refused("schema_hash", f"the body's hash is {computed:016x}, the header says {stated_hash:016x}")
    return Schema(computed, channels)


def read_channel(cursor):
    id, name, unit, coding = cursor.varint(16), cursor.text(), cursor.text(), cursor.choice(3)
    resolution = cursor.f32() if coding == FIXED else None
    take = (lambda: cursor.signed(32)) if coding == INT else cursor.f32
    least, most = take(), take()
    return Channel(id, name, unit, coding, resolution, least, most, cursor.flag(), lines(cursor.text()))


def lines(text):
    """The lines of a text without their ends; the last may have one too. An empty text has none."""
    return text.removesuffix("\n").split("\n") if text else []


def check(channels):
    if not channels:
        raise Refused("body", "a schema without channels")
    for channel in channels:
        for text in [channel.name, channel.unit, *channel.labels]:
            if not 1 <= len(text.encode()) <= TEXT_BYTES or any(unicodedata.category(c) == "Cc" for c in text):
                raise Refused("body", f"{text!r} is not a name, a unit or a label")
        if not channel.min < channel.max:
            raise Refused("body", f"a range from {channel.min} to {channel.max}")
        if channel.coding == FIXED and not is_resolution(channel):
            raise Refused("body", f"a resolution of {channel.resolution}")
    for field in ("id", "name"):
        if len({getattr(channel, field) for channel in channels}) < len(channels):
            raise Refused("body", f"two channels have the same {field}")


def is_resolution(channel):
    """Whether the resolution is a positive normal number, and neither end of the range has more than 2^30 steps."""
    if not SMALLEST_NORMAL <= channel.resolution < math.inf:
        return False
    return max(abs(channel.min), abs(channel.max)) / channel.resolution <= STEPS


def fnv1a(data):
    """The 64-bit FNV-1a hash."""
    number = 0xCBF29CE484222325
    for byte in data:
        number = ((number ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return number
