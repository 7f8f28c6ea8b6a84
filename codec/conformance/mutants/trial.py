"""Which record does a changed reader read otherwise than the vectors say?"""

import json
import signal
from contextlib import contextmanager

from vectors import load

SECONDS = 20


class Trial:
    """All golden vectors, those first that told the last readers apart."""

    def __init__(self, folder, records_of):
        vectors, self.built_in = load(folder)
        vectors.sort(key=lambda vector: len(vector.recording))
        self.vectors = [
            (vector.name, list(records_of(vector.recording)), [as_text(outcome) for outcome in vector.expected])
            for vector in vectors
        ]

    def killer(self, import_reader):
        """The first record that the reader reads otherwise, None if there is none."""
        try:
            with limit(SECONDS):
                return self.first_difference(import_reader())
        except Exception as error:
            return f"it fails: {error!r}"

    def first_difference(self, modules):
        read_schema, describe = modules["schema"].read_schema, modules["describe"].outcome
        built_in = [read_schema(body) for body in self.built_in]
        for place, (name, records, expected) in enumerate(self.vectors):
            reader = modules["stream"].Reader(built_in)
            for at, (record, wanted) in enumerate(zip(records, expected)):
                if as_text(describe(reader, record)) != wanted:
                    self.vectors.insert(0, self.vectors.pop(place))
                    return f"{name}, record {at}"
        return None


def as_text(outcome):
    return json.dumps(outcome, sort_keys=True)


@contextmanager
def limit(seconds):
    """Ends what takes longer, where the system can."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def end(_signal, _frame):
        raise TimeoutError(f"{seconds} s are over")

    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
