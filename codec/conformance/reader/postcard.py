"""Numbers, texts, options and lists, from the front of some bytes (docs/wire-format.md, "Numbers")."""

from .floats import f32_of_bits
from .refused import Refused

TEXT_BYTES = 256


class Cursor:
    """Takes fields from the front of `data`. `wrong` is the code for bytes that end early and for a form that is not
    allowed."""

    def __init__(self, data, wrong):
        self.data = data
        self.at = 0
        self.wrong = wrong

    def rest(self):
        return self.data[self.at:]

    def take(self, count):
        if len(self.data) - self.at < count:
            raise Refused(self.wrong, f"{count} bytes are wanted at {self.at} of {len(self.data)}")
        self.at += count
        return self.data[self.at - count : self.at]

    def fixed(self, count):
        return int.from_bytes(self.take(count), "little")

    def varint(self, bits):
        """An unsigned number of at most `bits` bits."""
        number = 0
        for shift in range(0, bits, 7):
            byte = self.fixed(1)
            number += (byte & 0x7F) << shift
            if byte < 0x80:
                break
        else:
            raise Refused(self.wrong, f"a number of {bits} bits goes on after its last byte")
        if number >> bits:
            raise Refused(self.wrong, f"{number} has more than {bits} bits")
        return number

    def signed(self, bits):
        return unzigzag(self.varint(bits))

    def f32(self):
        return f32_of_bits(self.fixed(4))

    def choice(self, count):
        """A byte below `count`."""
        byte = self.fixed(1)
        if byte >= count:
            raise Refused(self.wrong, f"{byte} is not one of {count} choices")
        return byte

    def flag(self):
        return self.choice(2) == 1

    def option(self, take):
        return take() if self.flag() else None

    def list(self, most, take):
        count = self.varint(32)
        if count > most:
            raise Refused(self.wrong, f"a list of {count}, at most {most} are allowed")
        return [take() for _ in range(count)]

    def short_text(self):
        return self.text(TEXT_BYTES)

    def text(self, limit=None):
        length = self.varint(32)
        if limit is not None and length > limit:
            raise Refused("limit", f"a text of {length} bytes, at most {limit} are allowed")
        try:
            return self.take(length).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Refused(self.wrong, str(error))

    def end(self, code="trailing_bytes"):
        if self.at < len(self.data):
            raise Refused(code, f"{len(self.data) - self.at} bytes after the end")


def unzigzag(number):
    """0, 1, 2, 3, … become 0, -1, 1, -2, …"""
    return (number >> 1) ^ -(number & 1)
