"""Records in, outcomes out: samples once and in order, or not at all (docs/wire-format.md, "Streams")."""

from copy import deepcopy
from dataclasses import dataclass

from .record import BLOCK, END, EVENT, FACTS, KEY, SCHEMA, TIME_BELOW_US, open_record
from .refused import Refused
from .samples import ABSENT, Slot, read_body
from .schema import Schema, read_schema
from .told import read_event, read_facts

STREAMS = 8


@dataclass
class Stream:
    """What a reader keeps of one stream that it follows."""

    last_seq: int = None
    link: int = None
    broken: bool = True
    schema: Schema = None
    slots: list = None
    origin_us: int = None


@dataclass
class Samples:
    """What one key or block gave: a list of numbers for each channel in the order of the slots."""

    session: str
    epoch: int
    seq: int
    missing: tuple
    schema: Schema
    captured_at_us: list
    numbers: list


class Reader:
    """Reads records one after the other."""

    def __init__(self, schemas=()):
        self.schemas = {schema.hash: schema for schema in schemas}
        self.streams = {}  # by (session, epoch), the one that was quiet for longest first

    def take(self, data):
        """What this record is: (kind, record, what is in it). Raises `Refused`."""
        record = open_record(data)
        if record.kind == SCHEMA:
            schema = read_schema(record.body, record.schema_hash)
            self.schemas[schema.hash] = schema
            return "schema", record, schema
        if record.kind == FACTS:
            return "facts", record, read_facts(record.body)
        if record.kind == EVENT:
            event = read_event(record.body)
            if isinstance(event, int):
                return "skipped", record, None
            return "event", record, event
        if record.kind == KEY:
            return self.take_key(record)
        if record.kind == BLOCK:
            return self.take_block(record)
        if record.kind == END:
            return self.take_end(record)
        return "skipped", record, None

    def take_key(self, record):
        stream = self.follow(record.session, record.epoch)
        if stream.last_seq is not None and record.seq <= stream.last_seq:
            return "repeat", record, None
        if record.schema_hash not in self.schemas:
            stream.broken = True
            return "waiting", record, ("schema", missing(stream, record.seq + 1))
        schema = self.schemas[record.schema_hash]
        fresh = Stream(schema=schema, origin_us=record.origin_us, slots=[Slot() for _ in range(len(schema.channels) + 1)])
        return self.decode(record, record.session, stream, fresh, missing(stream, record.seq))

    def take_block(self, record):
        session = self.session_of(record.epoch)
        if session is None:
            return "waiting", record, ("key", None)
        stream = self.follow(session, record.epoch)
        if stream.last_seq is not None and record.seq <= stream.last_seq:
            return "repeat", record, None
        if stream.broken or record.seq != stream.last_seq + 1 or record.link != stream.link:
            stream.broken = True
            return "waiting", record, ("key", missing(stream, record.seq + 1))
        return self.decode(record, session, stream, deepcopy(stream), None)

    def take_end(self, record):
        stream = self.streams.pop((record.session, record.epoch), None)
        return "end", record, missing(stream, record.seq) if stream else None

    def decode(self, record, session, stream, state, lost):
        """The samples of a block that is next, decoded from `state`; a refused one leaves `stream` broken."""
        stream.broken = True
        numbers = read_body(record.body, state.slots, record.kind == KEY)
        times = numbers.pop()
        if ABSENT in times:
            raise Refused("body", "a time is absent")
        captured_at_us = [state.origin_us + time for time in times]
        if not all(0 <= time < TIME_BELOW_US for time in captured_at_us):
            raise Refused("time_range", "a time of a sample")
        state.last_seq, state.link, state.broken = record.seq, record.checksum & 0xFFFF, False
        self.streams[session, record.epoch] = state
        samples = Samples(session, record.epoch, record.seq, lost, state.schema, captured_at_us, numbers)
        return "samples", record, samples

    def session_of(self, epoch):
        """The session of the stream of this epoch that was heard of last."""
        return next((s for s, e in reversed(self.streams) if e == epoch), None)

    def follow(self, session, epoch):
        """The stream, now the one heard of last; if it is a new one, it may take the place of the oldest."""
        stream = self.streams.pop((session, epoch), None) or Stream()
        self.streams[session, epoch] = stream
        if len(self.streams) > STREAMS:
            del self.streams[next(iter(self.streams))]
        return stream


def missing(stream, before):
    """The numbers from the last decoded block to the one before `before`, if there are any."""
    if stream.last_seq is None or stream.last_seq + 1 >= before:
        return None
    return stream.last_seq + 1, before - 1
