"""Running the program in a disturbed system: what SPECTRAIN_FAULTS (faults.c) can do to it."""

import os

FAULTS = os.environ["SPECTRAIN_FAULTS"]


def disturbed(**faults):
    """The environment of a process that is disturbed so: kill=3, calls="fsync", errno=5, jump="40:3600", ..."""
    plan = {f"FAULT_{name.upper()}": str(value) for name, value in faults.items()}
    return dict(os.environ, LD_PRELOAD=FAULTS, **plan)


def read_counts(path):
    """How many calls that change files a process made: in all, and of each kind by name."""
    first, *rest = path.read_text().splitlines()
    return int(first), {name: int(count) for name, count in (line.split() for line in rest)}
