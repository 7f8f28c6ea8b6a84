"""The golden vectors, and what they say of every record (codec/vectors/README.md)."""

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "vectors"


@dataclass
class Vector:
    name: str
    recording: bytes
    expected: list


def load(folder):
    """All vectors in `folder`, and the bodies of the built-in schemas."""
    paths = sorted((folder / "v1").glob("*.json"))
    vectors = [
        Vector(path.stem, path.with_suffix(".bin").read_bytes(), json.loads(path.read_text("utf-8"))["records"])
        for path in paths
    ]
    return vectors, [path.read_bytes() for path in sorted((folder / "schemas").glob("*.bin"))]


def same(a, b):
    """Whether two values of JSON are written alike: 0 is not false, 1 is not 1.0, and 0.0 is not -0.0."""
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)
