"""kill -9 within the writes, syncs and renames of every command that makes a file: run, run --shard, an interrupted run,
merge, merge over a file that is there, merge --virtual, and probe.

A kill comes at a chosen call to the system (of a write, none, half or all of its bytes are on the disk by then) or at a
moment. After every one, each .h5 holds, to the last bit, what it held before or what it is to hold; it verifies, and
`complete` says what is so.

SPECTRAIN_KILLS: how many kills (20; half of them here). SPECTRAIN_SEED: of their moments (0)."""

import collections
import os
import pathlib
import random
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import h5py  # noqa: E402
import numpy  # noqa: E402

from faults import disturbed, read_counts  # noqa: E402
from sweeps import TIMEOUT, SweepTest, contents, tiny  # noqa: E402

KILLS = (int(os.environ.get("SPECTRAIN_KILLS", "20")) + 1) // 2
SEED = int(os.environ.get("SPECTRAIN_SEED", "0"))
CONFIG = tiny(sweep={"model.width": [4, 8, 30], "train.seed": [0, 1]})
PROBE = "{name: again, kind: line, split: train, points: 10, samples: 16, radius: 1.0}"
LAST = 24  # calls in which a file is sealed, synced and renamed, and what was beside it is removed

Step = collections.namedtuple("Step", "name output arguments")
STEPS = [
    Step("run", "whole.h5", ("run", "config.yaml", "-o", "whole.h5", "--resume", "--threads", "1")),
    Step("interrupted", "stopped.h5", ("run", "config.yaml", "-o", "stopped.h5", "--resume", "--threads", "1")),
    Step("shard", "shard0.h5", ("run", "config.yaml", "-o", "shard0.h5", "--shard", "0/2", "--resume", "--threads", "1")),
    Step("shard", "shard1.h5", ("run", "config.yaml", "-o", "shard1.h5", "--shard", "1/2", "--resume", "--threads", "1")),
    Step("merge", "merged.h5", ("merge", "shard0.h5", "-o", "merged.h5")),
    Step("merge over it", "merged.h5", ("merge", "shard0.h5", "shard1.h5", "-o", "merged.h5")),
    Step("virtual", "virtual.h5", ("merge", "shard0.h5", "shard1.h5", "-o", "virtual.h5", "--virtual")),
    Step("probe", "merged.h5", ("probe", "merged.h5", "--probe", PROBE, "--threads", "1")),
]


def lasting(path):
    """What a file holds, but for when it was made."""
    return {name: value for name, value in contents(path).items()
            if not name.endswith("@created") and name != "shards/sha256"}


def status_of(value):
    return numpy.frombuffer(value[2], numpy.dtype(value[0]))


class KillSteps(SweepTest):

    def take(self, step):
        """A step from its begin to its end, undisturbed."""
        result = self.spectrain(*step.arguments, timeout=TIMEOUT)
        there = step.name == "probe" and "has a probe again already" in result.stderr
        self.assertTrue(result.returncode == 0 or there, result.stderr)

    def take_all(self):
        """Every step, undisturbed: what each leaves, its calls, its seconds."""
        self.after, self.calls, self.seconds = [], [], []
        for step in STEPS:
            start = time.monotonic()
            result = self.spectrain(*step.arguments, env=disturbed(count=self.folder / "counts"))
            self.assertEqual(result.returncode, 0, result.stderr)
            self.seconds.append(time.monotonic() - start)
            self.calls.append(read_counts(self.folder / "counts")[0])
            self.after.append(lasting(self.folder / step.output))
        for step in STEPS:
            (self.folder / step.output).unlink(missing_ok=True)

    def kill(self, step, calls, seconds):
        """Begin a step and kill it. Whether it was killed before it came to its end."""
        how = self.moments.random()
        if how < 0.3:
            faults, wait = {}, self.moments.uniform(0.0, seconds)
        else:
            first = max(1, calls - LAST) if how < 0.6 else 1
            faults, wait = {"kill": self.moments.randint(first, calls)}, TIMEOUT
        if step.name == "interrupted" and "kill" in faults:  # the signal first: the file of a part is written then
            faults["signal"] = self.moments.randint(1, 60)
            faults["kill"] = faults["signal"] + self.moments.randint(1, calls)
        process = self.start(*step.arguments, env=disturbed(**faults))
        try:
            process.wait(wait)
        except subprocess.TimeoutExpired:
            self.assertLess(wait, TIMEOUT, "it hangs")
            process.kill()
        _, text = process.communicate()
        there = step.name == "probe" and "has a probe again already" in text
        if process.returncode != -signal.SIGKILL:
            self.assertTrue(process.returncode in (0, 75) or there, text)
        return process.returncode == -signal.SIGKILL

    def assert_part(self, found, whole, path):
        """The file of an interrupted sweep: not complete, and what is in it is what the whole has, or missing."""
        self.assertEqual(sorted(found), sorted(whole))
        self.assertTrue((status_of(found["runs/status"]) == 0).any(), f"{path} has all its runs")
        for name, value in found.items():
            if name.startswith(("metrics/", "probes/", "weights/")) and "@" not in name and value[0].startswith("float"):
                mine, its = (numpy.frombuffer(v[2], v[0]) for v in (value, whole[name]))
                missing = numpy.isnan(mine)
                self.assertEqual(mine[~missing].tobytes(), its[~missing].tobytes(), f"{path}: {name}")

    def assert_all_true(self, allowed):
        """allowed: output -> what it may hold, None for no file."""
        for path in self.folder.glob("*.h5"):
            with h5py.File(path, "r") as file:
                complete = bool(file.attrs["complete"])
                done = (file["runs/status"][()] != 0).all()
            self.assertEqual(complete, bool(done), path)
            found, states = lasting(path), [state for state in allowed[path.name] if state is not None]
            if not complete and path.name == "stopped.h5":
                self.assert_part(found, states[-1], path)
            else:
                self.assertTrue(found in states, f"{path} holds neither what it held nor what it is to hold")
            verified = self.spectrain("info", path, "--verify")
            self.assertEqual(verified.returncode, 0, verified.stderr)
        for name, states in allowed.items():
            self.assertTrue(None in states or (self.folder / name).exists(), f"{name} is lost")

    def test_a_file_that_is_being_made_when_its_maker_is_killed_is_as_it_was_or_as_it_is_to_be(self):
        self.write_config(CONFIG)
        self.moments = random.Random(SEED)
        self.take_all()
        kills, rounds = collections.Counter(), 0
        while kills.total() < KILLS:
            allowed = {step.output: [None] for step in STEPS}
            for i, step in enumerate(STEPS):
                allowed[step.output] = [allowed[step.output][-1], self.after[i]]
                while kills.total() < KILLS and self.moments.random() < 0.6:
                    if not self.kill(step, self.calls[i], self.seconds[i]):
                        continue
                    kills[step.name] += 1
                    with self.subTest(kill=kills.total(), step=step.name):
                        self.assert_all_true(allowed)
                self.take(step)
                allowed[step.output] = [self.after[i]]
                self.assert_all_true(allowed)
            self.assertEqual([path for path in self.folder.iterdir() if path.suffix in (".part", ".probe")], [])
            for step in STEPS:
                (self.folder / step.output).unlink(missing_ok=True)
            rounds += 1
        print(f"{kills.total()} kills in {rounds} rounds (seed {SEED}): {dict(kills)}", file=sys.stderr)


if __name__ == "__main__":
    unittest.main()
