#!/usr/bin/env python3
"""Reads all golden vectors with the reader in `reader/` and says how many records it reads as they say.

`check.py [FOLDER]`; the usual folder is `codec/vectors`. Exit code 1 if a record is read otherwise.
"""

import sys
from pathlib import Path

from reader.describe import outcome
from reader.recording import MAGIC, CutShort, records_of
from reader.schema import read_schema
from reader.stream import Reader
from vectors import FOLDER, load, same


def main(folder):
    vectors, built_in = load(folder)
    agree = total = 0
    for vector in vectors:
        reader = Reader(read_schema(body) for body in built_in)
        records = list(records_of(vector.recording))
        for at, (wanted, record) in enumerate(zip(vector.expected, records, strict=True)):
            found = outcome(reader, record)
            total += 1
            if same(wanted, found):
                agree += 1
            else:
                print(f"{vector.name}, record {at}:\n  the vector: {shortened(wanted)}\n  the reader: {shortened(found)}")
    if not gives_whole_records_of_cut_files(vectors[0].recording):
        print("a recording that is cut short does not give its whole records")
        return 1
    print(f"python reader: {agree} of {total} records in {len(vectors)} vectors are read as they say")
    return 0 if agree == total > 0 else 1


def gives_whole_records_of_cut_files(recording):
    """Whether every cut of a recording gives its whole records, and says so if there was more."""
    whole = list(records_of(recording))
    for length in range(len(MAGIC), len(recording)):
        given, complained = [], False
        try:
            for record in records_of(recording[:length]):
                given.append(record)
        except CutShort:
            complained = True
        ends = [len(MAGIC) + sum(4 + len(record) for record in whole[:count]) for count in range(len(whole) + 1)]
        count = sum(end <= length for end in ends) - 1
        if given != whole[:count] or complained == (length in ends):
            return False
    return True


def shortened(outcome):
    text = str(outcome)
    return text if len(text) < 600 else text[:600] + " …"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
