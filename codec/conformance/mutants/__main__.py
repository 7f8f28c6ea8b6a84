"""Do the golden vectors notice if a rule of the reader changes? `python3 codec/conformance/mutants [--all]`

Changes one rule of the reader after the other and reads the vectors with it until a record is read otherwise. A reader
that passes all vectors is alive: two readers that differ in that rule would pass as well. Exit code 1 if one is alive
for which `rules.py` has no reason, or if it has one for a reader that is not alive. `--all` prints all of them.
"""

import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from package import Package
from rules import ALIVE, CHANGES
from small_changes import small_changes
from trial import Trial


def main(print_all):
    started = time.monotonic()
    package = Package(HERE.parent / "reader")
    mutants = [(name_of(change), package.replaced(change)) for change in CHANGES]
    mutants += small_changes(package)
    trial = Trial(HERE.parent.parent / "vectors", package.modules({})["recording"].records_of)
    if killer := trial.killer(lambda: package.modules({})):
        sys.exit(f"mutants: the reader itself reads otherwise than the vectors say: {killer}")
    killers = {name: trial.killer(lambda: package.modules(changed)) for name, changed in mutants}
    if print_all:
        print("\n".join(f"{name}\n    {killer or 'ALIVE'}" for name, killer in killers.items()))
    alive = {name for name, killer in killers.items() if killer is None}
    for name in sorted(alive & ALIVE.keys()):
        print(f"alive: {name}\n    cannot matter: {ALIVE[name]}")
    for name in sorted(alive - ALIVE.keys()):
        print(f"alive without a reason: {name}")
    for name in sorted(ALIVE.keys() - alive):
        print(f"has a reason to be alive, but is not: {name}\n    {killers.get(name, 'there is no such change')}")
    print(
        f"mutants: {len(killers)} changed rules, the vectors notice {len(killers) - len(alive)}; {len(alive)} are alive:"
        f" {len(alive & ALIVE.keys())} cannot matter, {len(alive - ALIVE.keys())} could"
        f" ({time.monotonic() - started:.0f} s)"
    )
    return 0 if alive == ALIVE.keys() else 1


def name_of(change):
    return "\n".join(f"{file}: {old.strip()} → {new.strip()}" for file, old, new in change)


if __name__ == "__main__":
    sys.exit(main("--all" in sys.argv[1:]))
