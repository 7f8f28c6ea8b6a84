"""Records in, outcomes out: samples once and in order, or not at all (docs/wire-format.md, "What a reader does")."""

from dataclasses import dataclass

from .record import BLOCK, END, EVENT, FACTS, KEY, SCHEMA, TIME_BELOW_US, open_record
from .refused import Refused
from .samples import read_body
from .schema import Schema, read_schema
from .told import read_event, read_facts

STREAMS = 8
SCHEMAS = 16


@dataclass
class Stream:
    """What a reader keeps of one stream that it follows."""

    session: str
    last_seq: int = None
    link: int = None  # what the next block must carry; None while only a key block can go on
    schema: Schema = None
    slots: list = None
    origin_us: int = None


@dataclass
class Samples:
    """What one key or block gave: a list of numbers for each channel in the order of the slots."""

    session: str
    seq: int
    missing: tuple
    schema: Schema
    captured_at_us: list
    numbers: list


class Reader:
    """Reads records one after the other."""

    def __init__(self, built_in=()):
        self.built_in = {schema.hash: schema for schema in built_in}
        self.schemas = {}  # by hash, the one that was learned first in front
        self.streams = {}  # by epoch, the one that was quiet for longest in front

    def take(self, data):
        """What this record is: (outcome, record, what is in it). Raises `Refused`."""
        record = open_record(data)
        if record.kind == SCHEMA:
            schema = read_schema(record.body, record.schema_hash)
            self.learn(schema)
            return "schema", record, schema
        if record.kind == FACTS:
            return "facts", record, read_facts(record.body)
        if record.kind == EVENT:
            event = read_event(record.body)
            return ("event", record, event) if event else ("skipped", record, None)
        if record.kind == KEY:
            return self.take_key(record)
        if record.kind == BLOCK:
            return self.take_block(record)
        if record.kind == END:
            stream = self.stream(record)
            return "end", record, missing(stream, record.seq - 1) if stream else None
        return "skipped", record, None

    def take_key(self, record):
        stream = self.stream(record)
        if stream:
            self.refresh(record.epoch)
            if is_repeat(stream, record):
                return "repeat", record, None
        schema = self.schema(record.schema_hash)
        if not schema:
            if not stream:
                return "waiting", record, ("schema", None)
            stream.link = None
            return "waiting", record, ("schema", missing(stream, record.seq))
        lost = missing(stream, record.seq - 1) if stream else None
        stream = Stream(record.session, stream.last_seq if stream else None)
        self.open(record.epoch, stream)
        slots = [None] * (len(schema.channels) + 1)  # the last one is the time's
        start = Stream(record.session, schema=schema, slots=slots, origin_us=record.origin_us)
        return self.decode(record, stream, start, lost)

    def take_block(self, record):
        stream = self.streams.get(record.epoch)
        if not stream:
            return "waiting", record, ("key", None)
        self.refresh(record.epoch)
        if is_repeat(stream, record):
            return "repeat", record, None
        if stream.link is None or record.seq != stream.last_seq + 1 or record.link != stream.link:
            stream.link = None
            return "waiting", record, ("key", missing(stream, record.seq))
        return self.decode(record, stream, stream, None)

    def decode(self, record, stream, state, lost):
        """The samples of a block, decoded from `state`, which is then that of the stream. If the block is refused the
        stream is broken."""
        stream.link = None
        numbers = read_body(record.body, state.slots, record.kind == KEY)
        captured_at_us = [state.origin_us + time for time in numbers.pop()]
        if not all(0 <= time < TIME_BELOW_US for time in captured_at_us):
            raise Refused("time_range", "a time of a sample")
        state.last_seq, state.link = record.seq, record.checksum & 0xFFFF
        self.streams[record.epoch] = state
        samples = Samples(state.session, record.seq, lost, state.schema, captured_at_us, numbers)
        return "samples", record, samples

    def stream(self, record):
        """The stream of a record that names its session."""
        stream = self.streams.get(record.epoch)
        return stream if stream and stream.session == record.session else None

    def open(self, epoch, stream):
        """Follows a stream, in the place of another one of its epoch or, if there are too many, of the quietest."""
        self.streams.pop(epoch, None)
        if len(self.streams) == STREAMS:
            del self.streams[next(iter(self.streams))]
        self.streams[epoch] = stream

    def refresh(self, epoch):
        self.streams[epoch] = self.streams.pop(epoch)

    def schema(self, hash):
        if hash in self.built_in:
            self.learn(self.built_in[hash])
        return self.schemas.get(hash)

    def learn(self, schema):
        if schema.hash in self.schemas:
            return
        if len(self.schemas) == SCHEMAS:
            del self.schemas[next(iter(self.schemas))]
        self.schemas[schema.hash] = schema


def is_repeat(stream, record):
    return stream.last_seq is not None and record.seq <= stream.last_seq


def missing(stream, last):
    """The numbers of the blocks after the last decoded one, up to `last`, if there are any."""
    if stream.last_seq is None or stream.last_seq + 1 > last:
        return None
    return stream.last_seq + 1, last
