"""A record: its frame, its checksum and the header of its kind (docs/wire-format.md, "Record")."""

import re
from dataclasses import dataclass

from .postcard import Cursor
from .refused import Refused

SCHEMA, FACTS, KEY, BLOCK, EVENT, END = range(1, 7)
RECORD_BYTES = 65536
LEAST_BYTES = 10
TIME_BELOW_US = 1 << 53
SESSION = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


@dataclass
class Record:
    kind: int
    epoch: int
    checksum: int
    body: bytes = b""
    session: str = None
    schema_hash: int = None
    seq: int = None
    link: int = None
    origin_us: int = None


def open_record(data):
    """The record that `data` is, its body not yet read."""
    if len(data) < LEAST_BYTES:
        raise Refused("too_short", f"{len(data)} bytes")
    if len(data) > RECORD_BYTES:
        raise Refused("too_long", f"{len(data)} bytes")
    if data[0] >> 4 != 0xB:
        raise Refused("not_a_record", f"the first byte is {data[0]:#04x}")
    checksum = int.from_bytes(data[-4:], "little")
    if checksum != crc32c(data[:-4]):
        raise Refused("checksum", "a byte changed on the way")
    if data[0] & 0xF != 1:
        raise Refused("unknown_version", f"version {data[0] & 0xF}")
    record = Record(kind=data[1], epoch=int.from_bytes(data[2:6], "little"), checksum=checksum)
    header = Cursor(data[6:-4], wrong="header")
    if record.kind == SCHEMA:
        record.session = session(header)
        record.schema_hash = header.fixed(8)
    elif record.kind in (FACTS, EVENT):
        record.session = session(header)
    elif record.kind == KEY:
        record.seq = header.varint(32)
        record.session = session(header)
        record.schema_hash = header.fixed(8)
        record.origin_us = header.varint(64)
        if record.origin_us >= TIME_BELOW_US:
            raise Refused("time_range", f"the origin is {record.origin_us}")
    elif record.kind == BLOCK:
        record.seq = header.varint(32)
        record.link = header.fixed(2)
    elif record.kind == END:
        record.session = session(header)
        record.seq = header.varint(32)
        header.end()
    record.body = header.rest()
    return record


def session(header):
    name = header.text()
    if not SESSION.fullmatch(name):
        raise Refused("session_id", f"{name!r} is not the id of a session")
    return name


def crc32c(data):
    """CRC-32C (Castagnoli): reflected, starts with ones, ends inverted."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def crc_of_byte(byte):
    for _ in range(8):
        byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
    return byte


CRC_TABLE = [crc_of_byte(byte) for byte in range(256)]
