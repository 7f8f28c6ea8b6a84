#!/usr/bin/env python3
"""Reads all golden vectors with the reader in `reader/` and says how many records it reads as they say."""

import json
import math
import sys
from pathlib import Path

from reader.refused import Refused
from reader.samples import bits_of_lossless, value_of
from reader.schema import FIXED, INT, LOSSLESS
from reader.stream import Reader

VECTORS = Path(__file__).parent.parent / "vectors"
CODINGS = {FIXED: "fixed", LOSSLESS: "lossless", INT: "int"}


def main():
    agree = total = 0
    for path in sorted(VECTORS.glob("v1/*.json")):
        wanted = json.loads(path.read_text("utf-8"))["records"]
        found = list(read(path.with_suffix(".bin").read_bytes()))
        total += max(len(wanted), len(found))
        agree += sum(a == b for a, b in zip(wanted, found))
        for number, (a, b) in enumerate(zip(wanted, found)):
            if a != b:
                print(f"{path.stem} record {number}:\n  vector: {str(a)[:400]}\n  reader: {str(b)[:400]}")
    print(f"python reader: {agree} of {total} vectors agree")
    return 0 if agree == total else 1


def read(recording):
    reader = Reader()
    assert recording[:6] == b"PSREC\x01"
    at = 6
    while at < len(recording):
        length = int.from_bytes(recording[at : at + 4], "little")
        yield outcome(reader, recording[at + 4 : at + 4 + length])
        at += 4 + length


def outcome(reader, data):
    """What the reader makes of one record, as the vectors say it (codec/vectors/README.md)."""
    try:
        kind, record, content = reader.take(data)
    except Refused as refused:
        return {"kind": "error", "code": refused.code}
    said = {"kind": kind, "epoch": record.epoch, "session": record.session}
    if kind == "samples":
        return samples(content)
    if kind == "schema":
        return said | {"hash": f"{content.hash:016x}", "channels": [channel(c) for c in content.channels]}
    if kind in ("facts", "event"):
        return said | {kind: plain(content)}
    if kind == "end":
        return said | {"missing": plain(content)}
    if kind == "repeat":
        return {"kind": kind, "epoch": record.epoch}
    if kind == "waiting":
        return {"kind": kind, "epoch": record.epoch, "for": content[0], "missing": plain(content[1])}
    return {"kind": kind, "number": record.kind}


def samples(content):
    slots = list(zip(content.schema.slots(), content.numbers))
    said = {
        "kind": "samples",
        "session": content.session,
        "epoch": content.epoch,
        "seq": content.seq,
        "missing": plain(content.missing),
        "schema": f"{content.schema.hash:016x}",
        "captured_at_us": content.captured_at_us,
        "columns": {c.name: [plain(value_of(c, n)) for n in numbers] for c, numbers in slots},
    }
    lossless = {
        c.name: [f"{0x7FC00000 if value_of(c, n) is None else bits_of_lossless(n):08x}" for n in numbers]
        for c, numbers in slots
        if c.coding == LOSSLESS
    }
    return said | ({"bits": lossless} if lossless else {})


def channel(c):
    return {
        "id": c.id,
        "name": c.name,
        "unit": c.unit,
        "coding": CODINGS[c.coding],
        "resolution": plain(c.resolution),
        "min": plain(c.min),
        "max": plain(c.max),
        "pace": "slow" if c.slow else "fast",
        "labels": c.labels.split("\n") if c.labels else [],
    }


def plain(value):
    """The value as JSON has it."""
    if isinstance(value, float):
        if math.isnan(value):
            return None
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value


if __name__ == "__main__":
    sys.exit(main())
