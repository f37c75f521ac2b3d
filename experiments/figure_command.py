"""What the figures of single experiments share: the command line, repeats as groups of runs, and verdicts.

A module of an experiment has two functions of an open SweepFile: figures(file), which yields (name, figure, caption),
and verdicts(file), a list of Verdict: whether what was published is seen, and the numbers that decide it.
"""

import argparse
import os
import sys
from dataclasses import dataclass

import numpy as np

import figure_style as style
from sweep_file import DATA_SEED, DONE, SEED, FileError, SweepFile


@dataclass
class Verdict:
    """Whether a finding is seen in a file."""

    finding: str  # "low frequencies are learnt first"
    seen: bool
    numbers: str  # "rank correlation of crossing time with frequency 0.98 (at least 0.9)"

    def __str__(self):
        return f"{'seen' if self.seen else 'NOT seen'}: {self.finding}: {self.numbers}"


def repeats(file, *keys):
    """{values of the given swept keys: runs that are done; when none is, those with any record}, in the order of the
    file. All other swept keys must be seeds: they make repeats."""
    others = [key for key in file.axes if key not in (*keys, SEED, DATA_SEED) and len(set(file.axes[key])) > 1]
    if others:
        raise FileError(f"{file.path}: sweeps {', '.join(others)}, which this figure does not know; it knows "
                        f"{', '.join((*keys, SEED, DATA_SEED))}")
    groups = {}
    recorded = np.isfinite(file.metric("train_loss")).any(axis=1)
    for run in np.flatnonzero(recorded):
        values = tuple(file.axes[key][run] if key in file.axes else None for key in keys)
        groups.setdefault(values, []).append(int(run))
    if not groups:
        raise FileError(f"{file.path}: no run has recorded anything")
    done = {values: [run for run in runs if file.status[run] == DONE] for values, runs in groups.items()}
    return {values: done[values] or runs for values, runs in groups.items()}  # a mean over all would jump where one ends


def count(n, what):
    return f"{n} {what}{'' if n == 1 else 's'}"


def mean_over(values):
    """Mean over the first axis, NaN left out."""
    return style.spread(values)[0]


def main(module, argv=None):
    """Run a module of an experiment as a program."""
    program = os.path.basename(module.__file__)
    parser = argparse.ArgumentParser(prog=program, description=module.__doc__.split("\n")[0])
    parser.add_argument("file", help="FILE.h5, from spectrain run or merge")
    parser.add_argument("-o", dest="folder", default="figures", metavar="DIR", help="where to (default: figures)")
    parser.add_argument("--format", default="png,svg", help="png, svg or pdf, several with commas (default: png,svg)")
    options = parser.parse_args(argv)
    formats = [form for form in options.format.split(",") if form]
    if not formats or not set(formats) <= {"png", "svg", "pdf"}:
        parser.error(f"--format: is {options.format or 'empty'}; allowed: png, svg, pdf")
    style.use_style()
    stem = os.path.splitext(os.path.basename(options.file))[0]
    try:
        with SweepFile(options.file) as file:
            for name, figure, caption in module.figures(file):
                style.corner_note(figure, file.state())
                paths = style.save(figure, options.folder, f"{stem}_{name}", formats)
                print(f"{', '.join(paths)}: {caption}")
            for verdict in module.verdicts(file):
                print(verdict)
    except FileError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{program}: {options.file}: {str(error).splitlines()[0]}", file=sys.stderr)
        return 1
    return 0
