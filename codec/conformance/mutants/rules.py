"""Changes of a rule that are more than one small change of the source, and the changes that may live.

A change is one or more of: a file, a text that is there once, and the text in its place.
"""

LAST = "            return \"repeat\", record, None\n        if stream.link is None"
WIDTH = "        slot.width = 32 if code == 31 else code\n"
FIRST = "        return unzigzag(self.take(32 if code == 30 else code))"
DIFFERENCE = "            slot.difference = bits.first_number()"
PADDING = "    if bits.bits != 0:"
TIMES = "        captured_at_us = [state.origin_us + time for time in numbers.pop()]\n"
VALUE = "        return nearest_f32(nearest_f32(number) * channel.resolution)"
CHECKSUM = "    if checksum != crc32c(data[:-4]):"
MOVING = "            if slot.mode != SPARSE or (event and was_sparse):"
RESTS = "            slot.difference = 0\n"
COUNT = "    columns = [[] for _ in slots]\n"
IDS = '    for field in ("id", "name"):'
KEY_STATE = "        start = Stream(record.session, schema=schema, slots=slots, origin_us=record.origin_us)\n"
OPENED = "        stream = Stream(record.session, stream.last_seq if stream else None)\n"
NEW_SLOTS = "        slots[:] = [Slot(bits.first_number()) for _ in slots]\n"
TAKEN = "        self.difference = wrapped(number - self.last)\n"
STEPS = "    return max(abs(channel.min), abs(channel.max)) / channel.resolution <= STEPS"
SLOTS = "        return floats + [channel for channel in self.channels if channel.coding == INT]"

ONE_PLACE = [
    # Streams and sequence numbers.
    ("stream.py", LAST, LAST.replace("if stream", "if record.seq > 25 or stream")),
    ("stream.py", LAST, LAST.replace("if stream", "if record.seq > 0xFFFF or stream")),
    ("stream.py", LAST, LAST.replace("if stream", "if record.seq > 0x7FFFFFFF or stream")),
    ("stream.py", "    return stream.last_seq is not None and record.seq <= stream.last_seq",
     "    return stream.last_seq is not None and record.kind == BLOCK and record.seq <= stream.last_seq"),
    ("stream.py", "    return stream.last_seq is not None and record.seq <= stream.last_seq",
     "    return stream.last_seq is not None and (record.seq - stream.last_seq) % (1 << 32) > (1 << 31)"),
    ("stream.py", "    return stream.last_seq is not None and record.seq <= stream.last_seq",
     "    return stream.last_seq is not None and record.seq == stream.last_seq"),
    ("stream.py", " or record.link != stream.link:", " or record.link & 0xFF != stream.link & 0xFF:"),
    ("stream.py", " or record.link != stream.link:", " or record.link >> 8 != stream.link >> 8:"),
    ("stream.py", "            stream.link = None\n            return \"waiting\", record, (\"key\"",
     "            return \"waiting\", record, (\"key\""),
    ("stream.py", "(\"key\", missing(stream, record.seq))", "(\"key\", missing(stream, record.seq - 1))"),
    ("stream.py", "    return stream.last_seq + 1, last\n", "    return stream.last_seq + 1, max(last, stream.last_seq + 2)\n"),
    ("stream.py", "            return \"end\", record, missing(stream, record.seq - 1) if stream else None",
     "            self.streams.pop(record.epoch, None)\n            return \"end\", record, missing(stream, record.seq - 1) if stream else None"),
    ("stream.py", "            return \"end\", record, missing(stream, record.seq - 1) if stream else None",
     "            if stream:\n                self.refresh(record.epoch)\n            return \"end\", record, missing(stream, record.seq - 1) if stream else None"),
    ("stream.py", "            return \"end\", record, missing(stream, record.seq - 1) if stream else None",
     "            if stream:\n                stream.link = None\n            return \"end\", record, missing(stream, record.seq - 1) if stream else None"),
    ("stream.py", "            return \"facts\", record, read_facts(record.body)",
     "            if record.epoch in self.streams:\n                self.refresh(record.epoch)\n            return \"facts\", record, read_facts(record.body)"),
    ("stream.py", "            event = read_event(record.body)\n",
     "            event = read_event(record.body)\n            if record.epoch in self.streams:\n                self.refresh(record.epoch)\n"),
    ("stream.py", "            self.learn(schema)\n            return \"schema\"",
     "            self.learn(schema)\n            if record.epoch in self.streams:\n                self.refresh(record.epoch)\n            return \"schema\""),
    ("stream.py", "        if stream:\n            self.refresh(record.epoch)\n", "        if stream:\n"),
    ("stream.py", "        self.refresh(record.epoch)\n        if is_repeat", "        if is_repeat"),
    ("stream.py", "            if not stream:\n                return \"waiting\", record, (\"schema\", None)\n",
     "            if not stream:\n                self.open(record.epoch, Stream(record.session))\n                return \"waiting\", record, (\"schema\", None)\n"),
    ("stream.py", "        return stream if stream and stream.session == record.session else None", "        return stream"),
    ("stream.py", "        stream = Stream(record.session, stream.last_seq if stream else None)\n        self.open(record.epoch, stream)\n",
     "        stream = stream or Stream(record.session)\n"),
    ("stream.py", "        stream = Stream(record.session, stream.last_seq if stream else None)\n",
     "        stream = Stream(record.session)\n"),
    ("stream.py", "            del self.streams[next(iter(self.streams))]", "            self.streams.popitem()"),
    ("stream.py", "            del self.streams[next(iter(self.streams))]", "            self.streams.clear()"),
    ("stream.py", "            del self.streams[next(iter(self.streams))]", "            return"),
    ("stream.py", "        if len(self.streams) == STREAMS:", "        if False:"),
    # Schemas.
    ("stream.py", "            del self.schemas[next(iter(self.schemas))]", "            self.schemas.popitem()"),
    ("stream.py", "            return\n        if len(self.schemas)", "            del self.schemas[schema.hash]\n        if len(self.schemas)"),
    ("stream.py", "            self.learn(self.built_in[hash])", "            return self.built_in[hash]"),
    ("stream.py", "        return self.schemas.get(hash)",
     "        if hash in self.schemas:\n            self.schemas[hash] = self.schemas.pop(hash)\n        return self.schemas.get(hash)"),
    ("schema.py", SLOTS, "        return self.channels"),
    ("schema.py", SLOTS, SLOTS.replace("floats + [", "[").replace("INT]", "INT] + floats")),
    ("schema.py", SLOTS, "        return sorted(self.channels, key=lambda channel: (channel.coding == INT, channel.id))"),
    ("schema.py", SLOTS, "        return sorted(self.channels, key=lambda channel: channel.coding)"),
    ("schema.py", IDS, '    for field in ("id",):'),
    ("schema.py", IDS, '    for field in ("name",):'),
    ("schema.py", IDS, IDS.replace("    for", '    if [c.id for c in channels] != sorted(c.id for c in channels):\n        raise Refused("body", "ids fall")\n    for')),
    ("schema.py", IDS, IDS.replace("    for", '    if max(c.id for c in channels) - min(c.id for c in channels) >= 2 * len(channels):\n        raise Refused("body", "ids have gaps")\n    for')),
    ("schema.py", IDS, IDS.replace("    for", '    if any(c.id >= 0x8000 for c in channels) and any(c.id < 0x8000 for c in channels):\n        raise Refused("body", "ids of both kinds")\n    for')),
    ("schema.py", IDS, IDS.replace("    for", '    if len({c.name.lower() for c in channels}) < len(channels):\n        raise Refused("body", "names that differ in case")\n    for')),
    ("schema.py", STEPS, "    return True"),
    ("schema.py", STEPS, "    return (channel.max - channel.min) / channel.resolution <= STEPS"),
    ("schema.py", STEPS, "    return abs(channel.max) / channel.resolution <= STEPS"),
    ("schema.py", STEPS, "    return abs(channel.min) / channel.resolution <= STEPS"),
    ("schema.py", "    if not SMALLEST_NORMAL <= channel.resolution < math.inf:", "    if not 0 < channel.resolution < math.inf:"),
    ("schema.py", "        if not channel.min < channel.max:", "        if channel.min >= channel.max:"),
    ("schema.py", "len(text.encode())", "len(text)"),
    ("schema.py", 'unicodedata.category(c) == "Cc"', 'c < " "'),
    ("schema.py", 'unicodedata.category(c) == "Cc"', 'c < " " or c == "\\x7f"'),
    ("schema.py", 'unicodedata.category(c) == "Cc"', "not c.isprintable()"),
    ("schema.py", 'unicodedata.category(c) == "Cc"', 'unicodedata.category(c)[0] == "C"'),
    ("schema.py", "[channel.name, channel.unit, *channel.labels]", "[channel.name, channel.unit]"),
    ("schema.py", "[channel.name, channel.unit, *channel.labels]", "[channel.name, *channel.labels]"),
    ("schema.py", 'text.removesuffix("\\n").split("\\n")', "text.splitlines()"),
    ("schema.py", 'text.removesuffix("\\n").split("\\n")', 'text.split("\\n")'),
    ("schema.py", 'text.removesuffix("\\n").split("\\n")', 'text.rstrip("\\n").split("\\n")'),
    ("schema.py", "cursor.flag(), lines(cursor.text())", "cursor.flag(), lines(cursor.short_text())"),
    ("schema.py", "cursor.varint(16), cursor.text(), cursor.text(), cursor.choice(3)",
     "cursor.varint(16), cursor.text(), cursor.text(), cursor.varint(32)"),
    ("schema.py", "cursor.varint(16), cursor.text(), cursor.text(), cursor.choice(3)",
     "cursor.varint(16), cursor.short_text(), cursor.text(), cursor.choice(3)"),
    ("schema.py", "    if stated_hash not in (None, computed):", "    if stated_hash is not None and stated_hash & 0xFFFFFFFF != computed & 0xFFFFFFFF:"),
    ("schema.py", "    channels = cursor.list(CHANNELS, lambda: read_channel(cursor))\n",
     '    if stated_hash not in (None, fnv1a(body)):\n        raise Refused("schema_hash", "first")\n    channels = cursor.list(CHANNELS, lambda: read_channel(cursor))\n'),
    ("schema.py", "number = ((number ^ byte) * 0x100000001B3)", "number = ((number * 0x100000001B3) ^ byte)"),
    # Frames, headers, numbers.
    ("record.py", "    if data[0] >> 4 != 0xB:", "    if data[0] != 0xB1:"),
    ("record.py", CHECKSUM, '    if data[0] & 0xF != 1:\n        raise Refused("unknown_version", "first")\n' + CHECKSUM),
    ("record.py", CHECKSUM, "    if checksum & 0xFFFF != crc32c(data[:-4]) & 0xFFFF:"),
    ("record.py", CHECKSUM, "    if checksum >> 16 != crc32c(data[:-4]) >> 16:"),
    ("record.py", "    if len(data) > RECORD_BYTES:", "    if len(data) - 10 > RECORD_BYTES:"),
    ("record.py", "A-Za-z0-9._-", "A-Za-z0-9_-"),
    ("record.py", "A-Za-z0-9._-", "A-Za-z0-9._"),
    ("record.py", "A-Za-z0-9._-", "A-Za-z0-9.-"),
    ("record.py", "A-Za-z0-9._-", "A-z0-9._-"),
    ("record.py", "A-Za-z0-9._-", "A-Za-z0-9.-_-"),
    ("record.py", "A-Za-z0-9._-", "A-Za-z0-9._\\\\-"),
    ("record.py", 'r"[A-Za-z0-9._-]{1,64}", re.ASCII', 'r"[\\w.-]{1,64}"'),
    ("record.py", 'r"[A-Za-z0-9._-]{1,64}", re.ASCII', 'r"[A-Za-z\\d._-]{1,64}"'),
    ("record.py", "    if not SESSION.fullmatch(name):", "    if not SESSION.match(name):"),
    ("record.py", "    if not SESSION.fullmatch(name):", "    if not SESSION.fullmatch(name.removesuffix('\\n')):"),
    ("record.py", "    name = header.text()", "    name = header.short_text()"),
    ("record.py", "    name = header.text()", '    name = header.take(header.varint(32)).decode("latin-1")'),
    ("record.py", "    name = header.text()", "    name = header.text().strip()"),
    ("record.py", "        header.end()\n", ""),
    ("postcard.py", "        if number >> bits:", "        if False:"),
    ("postcard.py", "        if number >> bits:", "        if number >> bits or shift and byte == 0:"),
    ("postcard.py", "        for shift in range(0, bits, 7):", "        for shift in range(0, 70, 7):"),
    ("postcard.py", "        for shift in range(0, bits, 7):", "        for shift in range(0, bits - 7, 7):"),
    ("postcard.py", "    return (number >> 1) ^ -(number & 1)", "    return (number >> 1) + (number & 1)"),
    ("postcard.py", '.decode("utf-8")', '.decode("utf-8", "replace")'),
    ("postcard.py", '.decode("utf-8")', '.decode("utf-8", "surrogatepass")'),
    ("postcard.py", '.decode("utf-8")', '.decode("latin-1")'),
    ("postcard.py", '.decode("utf-8")', '.decode("utf-8").rstrip("\\0")'),
    ("postcard.py", "        return self.choice(2) == 1", "        return self.fixed(1) != 0"),
    ("postcard.py", "        return self.choice(2) == 1", "        return self.varint(32) == 1"),
    # Facts and events.
    ("told.py", "    if number >= len(EVENTS):\n", "    if number > 0xFFFF:\n        raise Refused(\"body\", \"far\")\n    if number >= len(EVENTS):\n"),
    ("told.py", "    if number >= len(EVENTS):\n        return None\n",
     "    if number >= len(EVENTS):\n        cursor.end()\n        return None\n"),
    ("told.py", 'TIMES = {"at_us", "from_us", "to_us"}', 'TIMES = {"at_us", "from_us"}'),
    ("told.py", 'TIMES = {"at_us", "from_us", "to_us"}', 'TIMES = {"at_us", "to_us"}'),
    ("told.py", 'TIMES = {"at_us", "from_us", "to_us"}', 'TIMES = {"from_us", "to_us"}'),
    ("told.py", 'TIMES = {"at_us", "from_us", "to_us"}', 'TIMES = {"at_us", "from_us", "to_us", "n_samples"}'),
    ("told.py", '    event = {"type": name, "at_us": cursor.varint(64)} | fields(cursor)\n    cursor.end()\n',
     '    event = {"type": name, "at_us": cursor.varint(64)}\n    if event["at_us"] >= TIME_BELOW_US:\n        raise Refused("time_range", "first")\n    event |= fields(cursor)\n    cursor.end()\n'),
    ("told.py", '"offset_us": cursor.signed(64)', '"offset_us": cursor.varint(64)'),
    # From numbers to values.
    ("samples.py", VALUE, "        return nearest_f32(number * channel.resolution)"),
    ("samples.py", VALUE, "        return number * channel.resolution"),
    ("samples.py", VALUE, VALUE.replace("channel.resolution", "1 / nearest_f32(1 / channel.resolution)")),
    ("samples.py", VALUE, "        return nearest_f32(number / nearest_f32(1 / channel.resolution))"),
    ("samples.py", VALUE, "        return max(channel.min, min(channel.max, nearest_f32(nearest_f32(number) * channel.resolution)))"),
    ("samples.py", VALUE, VALUE.replace("nearest_f32(number)", "float(number & ~0xFF if abs(number) > 1 << 24 else number)")),
    ("samples.py", "    if number == ABSENT:\n        return None\n    if channel.coding == FIXED:",
     "    if number == ABSENT and channel.coding != INT:\n        return None\n    if channel.coding == FIXED:"),
    ("samples.py", "    if number == ABSENT:\n        return None\n    if channel.coding == FIXED:",
     "    if number == ABSENT and channel.coding == INT:\n        return None\n    if channel.coding == FIXED:"),
    ("samples.py", "        return f32_of_bits(bits_of_lossless(number))\n    return number",
     "        return f32_of_bits(bits_of_lossless(number))\n    return None if not channel.min <= number <= channel.max else number"),
    ("samples.py", "    return (number if number >= 0 else number ^ 0x7FFFFFFF) & 0xFFFFFFFF",
     "    bits = (number if number >= 0 else number ^ 0x7FFFFFFF) & 0xFFFFFFFF\n    return 0x7FC00000 if bits & 0x7FFFFFFF > 0x7F800000 else bits"),
    ("samples.py", "    return (number if number >= 0 else number ^ 0x7FFFFFFF) & 0xFFFFFFFF", "    return number & 0xFFFFFFFF"),
    # Times.
    ("stream.py", TIMES, TIMES.replace("state.origin_us + time", "state.origin_us + abs(time)")),
    ("stream.py", TIMES, TIMES.replace("state.origin_us + time", "state.origin_us + time % (1 << 32)")),
    ("stream.py", TIMES, TIMES.replace("state.origin_us + time", "max(0, state.origin_us + time)")),
    ("stream.py", TIMES, TIMES + "        if captured_at_us != sorted(captured_at_us):\n            raise Refused(\"body\", \"times fall\")\n"),
    ("stream.py", TIMES, TIMES + "        if record.kind == KEY and captured_at_us[0] != record.origin_us:\n            raise Refused(\"body\", \"the first time\")\n"),
    ("stream.py", TIMES, TIMES.replace("numbers.pop()]", "numbers.pop() if time > -(1 << 31)]")),
    ("stream.py", "        if not all(0 <= time < TIME_BELOW_US for time in captured_at_us):",
     "        if not 0 <= captured_at_us[0] < TIME_BELOW_US:"),
    ("stream.py", "        if not all(0 <= time < TIME_BELOW_US for time in captured_at_us):",
     "        if not 0 <= captured_at_us[-1] < TIME_BELOW_US:"),
    # Counts, widths, lengths of first numbers.
    ("samples.py", COUNT, COUNT + '    if count > 6 and not is_key:\n        raise Refused("body", "long")\n'),
    ("samples.py", COUNT, COUNT + '    if count > 6 and is_key and len(slots) > 3:\n        raise Refused("body", "long")\n'),
    ("samples.py", COUNT, COUNT + '    if count > 255:\n        raise Refused("body", "long")\n'),
    ("samples.py", "    if count * len(slots) > NUMBERS:", "    if count * (len(slots) - 1) > NUMBERS:"),
    ("samples.py", "    if count * len(slots) > NUMBERS:", "    if (count - is_key) * len(slots) > NUMBERS:"),
    ("samples.py", "    if count * len(slots) > NUMBERS:", "    if not is_key and count * len(slots) > NUMBERS:"),
    ("samples.py", "    if count * len(slots) > NUMBERS:", "    if is_key and count * len(slots) > NUMBERS:"),
    *[("samples.py", WIDTH, WIDTH + f"        slot.width = slot.width % {width} or slot.width and {width - 1}\n") for width in range(25, 33)],
    ("samples.py", WIDTH, "        slot.width = code\n"),
    ("samples.py", WIDTH, "        slot.width = code + (code == 31) if slot.mode != MEAN else code\n"),
    *[("samples.py", FIRST, f"        if code == {code}:\n            return unzigzag(self.take({code - 1}))\n" + FIRST) for code in (1, *range(17, 31))],
    ("samples.py", FIRST, FIRST.replace("32 if code == 30 else code", "code")),
    ("samples.py", FIRST, "        number = self.take(32 if code == 30 else code)\n        if code > 1 and number >> (code - 1) == 0:\n            raise Refused(\"body\", \"over-long\")\n        return unzigzag(number)"),
    ("samples.py", FIRST, FIRST.replace("        return unzigzag", "        if code == 0:\n            return 0\n        return unzigzag") .replace("32 if code == 30", "31 if code == 30")),
    # Changes.
    ("samples.py", MOVING, "            if slot.mode != SPARSE or event:"),
    ("samples.py", MOVING, "            if slot.mode != SPARSE or (event and was_sparse and slot.difference != 1):"),
    ("samples.py", MOVING, "            if event or (slot.mode != SPARSE and not was_sparse):"),
    ("samples.py", "        events = [bits.take(1) if any_event else 0 for _ in group]\n",
     "        events = [bits.take(1) if any_event else 0 for _ in group]\n        if any_event and not any(events):\n            raise Refused(\"body\", \"no event\")\n"),
    ("samples.py", "        group = range(start, min(start + GROUP, len(slots)))\n        any_event = bits.take(1)\n",
     "        group = range(start, min(start + GROUP, len(slots)))\n        any_event = bits.take(1) if len(group) == GROUP or start == 0 else 1\n"),
    ("samples.py", "events = [bits.take(1) if any_event else 0 for _ in group]",
     "events = [bits.take(1) if any_event else 0 for _ in range(GROUP)]"),
    ("samples.py", "events = [bits.take(1) if any_event else 0 for _ in group]",
     "events = [bits.take(1) if any_event else 0 for _ in group][::-1]"),
    ("samples.py", DIFFERENCE, "            slot.difference = unzigzag(bits.take(slot.width))"),
    ("samples.py", DIFFERENCE, DIFFERENCE + "\n            if slot.difference == ABSENT:\n                slot.difference = 0"),
    ("samples.py", "        if is_key and slot.mode == LINEAR:", "        if is_key and slot.mode in (LINEAR, MEAN):"),
    ("samples.py", "        if is_key and slot.mode == LINEAR:", "        if slot.mode == LINEAR:"),
    ("samples.py", "        slot.mode = bits.take(2)\n", "        slot.mode = bits.take(2)\n        slot.difference = 0\n"),
    ("samples.py", "        slot.mode = bits.take(2)\n        code = bits.take(5)\n", "        code = bits.take(5)\n        slot.mode = bits.take(2)\n"),
    ("samples.py", "        slot.mode = bits.take(2)\n",
     "        before = slot.mode, slot.width\n        slot.mode = bits.take(2)\n        if before[0] == slot.mode != SPARSE and bits.bits & 31 == before[1]:\n            raise Refused(\"body\", \"no change\")\n"),
    ("samples.py", "    if not 0 <= slot.width <= 32:\n", "    slot.width = max(0, min(32, slot.width))\n    if not 0 <= slot.width <= 32:\n"),
    ("samples.py", "    if not 0 <= slot.width <= 32:\n", "    slot.width %= 33\n    if not 0 <= slot.width <= 32:\n"),
    # Predictions and what is taken along.
    ("samples.py", RESTS, RESTS.replace("= 0", "= slot.difference")),
    ("samples.py", RESTS, RESTS.replace("= 0", "= slot.difference if count == 1 else 0")),
    ("samples.py", TAKEN, "        if self.mode != SPARSE:\n            self.difference = wrapped(number - self.last)\n"),
    ("samples.py", TAKEN, "        if self.mode != DELTA:\n            self.difference = wrapped(number - self.last)\n"),
    ("samples.py", TAKEN, "        if self.width:\n            self.difference = wrapped(number - self.last)\n"),
    ("samples.py", TAKEN, "        self.difference = number - self.last\n"),
    ("samples.py", "            return self.last - (self.difference >> 1)", "            return self.last - int(self.difference / 2)"),
    ("samples.py", "            return self.last - (self.difference >> 1)", "            return self.last + (-self.difference >> 1)"),
    ("samples.py", "            return self.last - (self.difference >> 1)", "            return (self.last + self.last - self.difference) >> 1"),
    ("samples.py", "        number = wrapped(self.predicted() + residual)", "        number = max(ABSENT, min(-ABSENT - 1, self.predicted() + residual))"),
    ("samples.py", "        number = wrapped(self.predicted() + residual)", "        number = self.predicted() + residual"),
    # The end of a body.
    ("samples.py", PADDING, "    if bits.bits & 1:"),
    ("samples.py", PADDING, "    if bits.bits >> 1:"),
    ("samples.py", "    if bits.left >= 8:", "    if bits.left >= 8 and bits.bits:"),
    ("samples.py", "    if bits.left >= 8:", "    if bits.left >= 16:"),
]

SEVERAL_PLACES = [
    # Modes, widths and differences live on over a key block.
    [
        ("stream.py", OPENED, "        old = stream.slots if stream else None\n" + OPENED),
        ("stream.py", "        slots = [None] * (len(schema.channels) + 1)", "        slots = old or [None] * (len(schema.channels) + 1)"),
        ("samples.py", NEW_SLOTS, NEW_SLOTS.replace("Slot(bits.first_number()) for _", f"Slot(bits.first_number(), *{kept}) for slot")),
    ]
    for kept in (
        "[slot.difference] if slot else []",
        "[0, slot.mode] if slot else []",
        "[0, 0, slot.width] if slot else []",
    )
] + [
    # The origin stays that of the first key block.
    [
        ("stream.py", OPENED, OPENED.replace("else None)", "else None, origin_us=stream.origin_us if stream else None)")),
        ("stream.py", KEY_STATE, KEY_STATE.replace("record.origin_us", "stream.origin_us or record.origin_us")),
    ],
]

CHANGES = [[change] for change in ONE_PLACE] + SEVERAL_PLACES

ALIVE = {
    "postcard.py: count = self.varint(32) [32 → 31]": "a list of 2^31 and more is refused with the same code for its count",
    "postcard.py: count = self.varint(32) [32 → 33]": "as above: both refusals have the same code",
    "record.py: CRC_TABLE = [crc_of_byte(byte) for byte in range(256)] [256 → 257]": "no byte reaches the additional entry",
    "samples.py: difference: int = 0 [0 → 1]": "only a mean uses it in a key block, and half of 1 is 0",
    "samples.py: return (number + (1 << 31)) % (1 << 32) - (1 << 31) [number + (1 << 31) → number - (1 << 31)]":
        "the two differ by 2^32, and so not at all after the division",
}
