"""What the reader makes of a record, in the words of the vectors (codec/vectors/README.md)."""

import math

from .refused import Refused
from .samples import bits_of_lossless, value_of
from .schema import FIXED, INT, LOSSLESS

CODINGS = {FIXED: "fixed", LOSSLESS: "lossless", INT: "int"}


def outcome(reader, data):
    try:
        kind, record, content = reader.take(data)
    except Refused as refused:
        return {"kind": "error", "code": refused.code}
    told = {"kind": kind, "epoch": record.epoch}
    named = told | {"session": record.session}
    if kind == "samples":
        return told | samples(content)
    if kind == "schema":
        return named | {"hash": f"{content.hash:016x}", "channels": [channel(c) for c in content.channels]}
    if kind in ("facts", "event"):
        return named | {kind: plain(content)}
    if kind == "end":
        return named | {"missing": plain(content)}
    if kind == "waiting":
        return told | {"for": content[0], "missing": plain(content[1])}
    if kind == "skipped":
        return {"kind": kind, "number": record.kind}
    return told


def samples(content):
    slots = list(zip(content.schema.slots(), content.numbers, strict=True))
    said = {
        "session": content.session,
        "seq": content.seq,
        "missing": plain(content.missing),
        "schema": f"{content.schema.hash:016x}",
        "captured_at_us": content.captured_at_us,
        "columns": {c.name: [plain(value_of(c, n)) for n in numbers] for c, numbers in slots},
    }
    lossless = [(c, numbers) for c, numbers in slots if c.coding == LOSSLESS]
    if lossless:
        said["bits"] = {c.name: [f"{bits_of_lossless(n):08x}" for n in numbers] for c, numbers in lossless}
    return said


def channel(c):
    return {
        "id": c.id,
        "name": c.name,
        "unit": c.unit,
        "coding": CODINGS[c.coding],
        "resolution": plain(c.resolution),
        "min": plain(c.min),
        "max": plain(c.max),
        "pace": "slow" if c.is_slow else "fast",
        "labels": c.labels,
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
