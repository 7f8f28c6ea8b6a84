"""The 32-bit floats of the format, in a language whose floats have 64 bits."""

import math
import struct


def f32_of_bits(bits):
    """The float whose 32 bits these are."""
    (value,) = struct.unpack("<f", struct.pack("<I", bits))
    return value


def nearest_f32(value):
    """The 32-bit float that is nearest to `value`, which beyond the largest is infinite."""
    try:
        (nearest,) = struct.unpack("<f", struct.pack("<f", value))
        return nearest
    except OverflowError:
        return math.copysign(math.inf, value)
