"""Facts and events (docs/wire-format.md)."""

from .postcard import Cursor
from .record import TIME_BELOW_US
from .refused import Refused

SECTORS, CARS, MORE_FACTS = 16, 128, 64
TIMES = {"at_us", "from_us", "to_us"}


def read_facts(body):
    cursor = Cursor(body, wrong="body")
    text = lambda: cursor.option(cursor.short_text)
    number = lambda: cursor.option(cursor.f32)
    clock = lambda: {"offset_us": cursor.signed(64), "uncertainty_us": cursor.varint(64)}
    more = lambda: {"id": cursor.varint(16), "text": cursor.short_text()}
    facts = {
        "game": text(),
        "car": text(),
        "track": text(),
        "track_length_m": number(),
        "driver": text(),
        "tyre_compound": text(),
        "collector_version": text(),
        "clock": cursor.option(clock),
        "nominal_rate_hz": number(),
        "more": cursor.list(MORE_FACTS, more),
    }
    cursor.end()
    return facts


def read_event(body):
    """The event, None if this reader does not know its number."""
    cursor = Cursor(body, wrong="body")
    number = cursor.varint(32)
    if number >= len(EVENTS):
        return None
    name, fields = EVENTS[number]
    event = {"type": name, "at_us": cursor.varint(64)} | fields(cursor)
    cursor.end()
    for time in TIMES & event.keys():
        if event[time] >= TIME_BELOW_US:
            raise Refused("time_range", f"{time} is {event[time]}")
    return event


def lap_finished(cursor):
    return {
        "number": cursor.varint(32),
        "time_ms": cursor.varint(32),
        "sector_ms": cursor.list(SECTORS, lambda: cursor.varint(32)),
        "valid": cursor.flag(),
        "pit": cursor.flag(),
        "fuel_used_l": cursor.option(cursor.f32),
        "top_speed_mps": cursor.option(cursor.f32),
    }


def mark(cursor):
    return {"label": cursor.short_text()}


def steps_missed(cursor):
    return {"n_steps": cursor.varint(32)}


def gap(cursor):
    return {"from_us": cursor.varint(64), "to_us": cursor.varint(64), "n_samples": cursor.varint(64)}


def other_cars(cursor):
    car = lambda: {
        "car_index": cursor.varint(16),
        "place": cursor.option(lambda: cursor.varint(16)),
        "laps": cursor.varint(16),
        "lap_fraction": cursor.f32(),
        "speed_mps": cursor.option(cursor.f32),
    }
    return {"cars": cursor.list(CARS, car)}


EVENTS = [
    ("lap_finished", lap_finished),
    ("mark", mark),
    ("steps_missed", steps_missed),
    ("gap", gap),
    ("other_cars", other_cars),
]
