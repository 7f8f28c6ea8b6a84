"""The body of a key or a block: bits to whole numbers, and those to values (docs/wire-format.md, "Samples")."""

from dataclasses import dataclass

from .floats import f32_of_bits, nearest_f32
from .postcard import unzigzag
from .refused import Refused
from .schema import FIXED, LOSSLESS

SPARSE, DELTA, LINEAR, MEAN = range(4)
ABSENT = -(1 << 31)
GROUP = 8
NUMBERS = 16384


@dataclass
class Slot:
    """What one block hands to the next: the last number, the last difference, and how residuals are written."""

    last: int
    difference: int = 0
    mode: int = SPARSE
    width: int = 0

    def predicted(self):
        if self.mode == LINEAR:
            return self.last + self.difference
        if self.mode == MEAN:
            return self.last - (self.difference >> 1)
        return self.last

    def take(self, residual):
        """The next number, which lies `residual` from the predicted one."""
        number = wrapped(self.predicted() + residual)
        self.difference = wrapped(number - self.last)
        self.last = number
        return number


class Bits:
    """Takes bits from `data`, the lowest of the first byte first."""

    def __init__(self, data):
        self.left = 8 * len(data)
        self.bits = int.from_bytes(data, "little")

    def take(self, count):
        if self.left < count:
            raise Refused("truncated", f"{count} bits are wanted, {self.left} are left")
        self.left -= count
        taken = self.bits & ((1 << count) - 1)
        self.bits >>= count
        return taken

    def first_number(self):
        """A number with the length code in front of it."""
        code = self.take(5)
        if code == 31:
            return ABSENT
        return unzigzag(self.take(32 if code == 30 else code))


def read_body(body, slots, is_key):
    """The numbers of each slot, a list for each; `slots` go on to what the next block starts from."""
    bits = Bits(body)
    count = bits.take(8) + 1
    if count * len(slots) > NUMBERS:
        raise Refused("limit", f"{count} samples of {len(slots)} slots, at most {NUMBERS} numbers are allowed")
    columns = [[] for _ in slots]
    if is_key:
        slots[:] = [Slot(bits.first_number()) for _ in slots]
        columns = [[slot.last] for slot in slots]
        count -= 1
    moving = read_changes(bits, slots, is_key) if count > 0 else set()
    for at, (slot, column) in enumerate(zip(slots, columns)):
        if at in moving:
            column.extend(slot.take(unzigzag(bits.take(slot.width))) for _ in range(count))
        else:
            column.extend([slot.last] * count)
            slot.difference = 0
    if bits.left >= 8:
        raise Refused("trailing_bytes", f"{bits.left} bits are left after the last residual")
    if bits.bits != 0:
        raise Refused("body", "bits after the end that are not zero")
    return columns


def read_changes(bits, slots, is_key):
    """Takes the changes; the places of the slots that have residuals in this block."""
    moving = set()
    for start in range(0, len(slots), GROUP):
        group = range(start, min(start + GROUP, len(slots)))
        any_event = bits.take(1)
        events = [bits.take(1) if any_event else 0 for _ in group]
        for i, event in zip(group, events):
            slot = slots[i]
            was_sparse = slot.mode == SPARSE
            if event and not (was_sparse and slot.width > 0 and bits.take(1) == 0):
                change(bits, slot, is_key)
            if slot.mode != SPARSE or (event and was_sparse):
                moving.add(i)
    return moving


def change(bits, slot, is_key):
    only_full = slot.mode == SPARSE and slot.width == 0
    if not only_full and bits.take(1) == 0:
        slot.width += -1 if bits.take(1) else 1
    elif not only_full and bits.take(1) == 0:
        slot.width += -2 if bits.take(1) else 2
    else:
        slot.mode = bits.take(2)
        code = bits.take(5)
        slot.width = 32 if code == 31 else code
        if is_key and slot.mode == LINEAR:
            slot.difference = bits.first_number()
    if not 0 <= slot.width <= 32:
        raise Refused("body", f"a width of {slot.width}")


def wrapped(number):
    """`number` in 32 bits, from -2^31 on."""
    return (number + (1 << 31)) % (1 << 32) - (1 << 31)


def bits_of_lossless(number):
    """The bits of the float whose number this is."""
    if number == ABSENT:
        return 0x7FC00000
    return (number if number >= 0 else number ^ 0x7FFFFFFF) & 0xFFFFFFFF


def value_of(channel, number):
    """What `number` says of `channel`: a float or an int, None if it is absent. A NaN is absent too."""
    if number == ABSENT:
        return None
    if channel.coding == FIXED:
        return nearest_f32(nearest_f32(number) * channel.resolution)
    if channel.coding == LOSSLESS:
        return f32_of_bits(bits_of_lossless(number))
    return number
