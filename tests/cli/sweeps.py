"""Small sweeps for the tests: run the program, and compare what it wrote to the last bit.

SPECTRAIN names the program. Nothing here but the standard library, numpy and h5py."""

import copy
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import h5py

PROGRAM = os.environ.get("SPECTRAIN", "spectrain")
STOP_AT = 20  # of some 50 things that a run of slow() hands, as it trains, to the thread that writes
TIMEOUT = 300  # seconds until a hanging program is a failure; no test depends on how fast it is

TINY = {
    "name": "tiny",
    "data": {"source": "mnist1d", "train": 200, "test": 100, "seed": 42,
             "label_noise": {"kind": "uniform", "fraction": 0.2}},
    "model": {"hidden_layers": 2, "width": 8, "init": "pytorch"},
    "train": {"loss": "cross_entropy", "optimizer": {"kind": "sgd", "lr": 0.05, "momentum": 0.9},
              "batch": 50, "epochs": 4, "seed": 0},
    "record": {"epochs": {"every": 1}, "weights": {"every": 2}},
    "probes": [{"name": "line_train", "kind": "line", "split": "train", "points": 10, "samples": 16, "radius": 1.0}],
    "sweep": {"model.width": [4, 8], "train.seed": [0, 1]},
}


def tiny(changes=None, **sections):
    """The tiny config, whole sections replaced (sweep={...}), dotted keys set (changes; None deletes)."""
    config = copy.deepcopy(TINY)
    config.update(copy.deepcopy(sections))
    for dotted, value in (changes or {}).items():
        *path, last = dotted.split(".")
        section = config
        for key in path:
            section = section[key]
        if value is None:
            section.pop(last, None)
        else:
            section[last] = value
    return config


class SweepTest(unittest.TestCase):
    """A test with a folder of its own."""

    @classmethod
    def setUpClass(cls):
        cls.shared_folder = pathlib.Path(tempfile.mkdtemp(prefix="spectrain-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.shared_folder, ignore_errors=True)
        cls.slow_config = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="spectrain-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def write_config(self, config, name="config.yaml"):
        path = self.folder / name
        path.write_text(config if isinstance(config, str) else json.dumps(config))  # JSON is YAML
        return path

    def spectrain(self, *arguments, **options):
        """The finished process; its output as text."""
        options.setdefault("cwd", self.folder)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        options.setdefault("timeout", TIMEOUT)
        if "input" not in options:
            options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run([PROGRAM, *map(str, arguments)], text=True, errors="replace", **options)

    def start(self, *arguments, **options):
        """The process, running."""
        options.setdefault("cwd", self.folder)
        options.setdefault("stdout", subprocess.DEVNULL)
        options.setdefault("stderr", subprocess.PIPE)
        process = subprocess.Popen([PROGRAM, *map(str, arguments)], stdin=subprocess.DEVNULL, text=True, **options)
        self.addCleanup(end, process)
        return process

    def start_training(self, path, output, *arguments, **options):
        """A process in the middle of `run path -o output`, stopped there: however late this machine lets the test go
        on, what is done to it comes in time."""
        process = self.start("run", path, "-o", output, *arguments, env=stopping(), **options)
        self.assert_stopped(process)
        return process

    def assert_stopped(self, process):
        """Wait until a process has stopped itself (stopping), and leave it as it is."""
        found = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        self.assertEqual(found.si_code, os.CLD_STOPPED, "it has ended")

    def run_sweep(self, config, output, *arguments, **options):
        """Train the config into output; it must succeed. The path of the file."""
        path = self.write_config(config, f"{output}.yaml")
        result = self.spectrain("run", path, "-o", output, *arguments, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return self.folder / output

    def slow_sweep(self):
        """A config that takes this machine a second or so to train, and its file: made once a class."""
        reference, epochs = self.shared_folder / "reference.h5", 400  # long enough also where the first was slowed down
        while type(self).slow_config is None:
            config = slow(epochs)
            start, used = time.monotonic(), processor_seconds()
            path = self.run_sweep(config, "reference.h5", "--force", "--quiet")
            # Where others keep this machine from it the one is long, where it waits for its own threads the other.
            took = min(time.monotonic() - start, processor_seconds() - used)
            if took >= 1.0:
                shutil.move(path, reference)
                type(self).slow_config = config
            epochs *= max(2, int(1.0 / took))
        return self.slow_config, reference

    def assert_one_line_error(self, result, code, *words):
        """That code, and one line that starts with the program's name and holds the words."""
        self.assertEqual(result.returncode, code, result.stderr)
        lines = [line for line in result.stderr.splitlines() if line.startswith("spectrain: ")]
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertEqual(result.stderr.splitlines()[-1], lines[0])
        for word in words:
            self.assertIn(word, lines[0])
        return lines[0]

    def assert_same_bits(self, a, b, but=()):
        """Two files hold the same, but for when they were made and the names in `but`."""
        first, second = contents(a), contents(b)
        for name in ("/@created", *but):
            first.pop(name), second.pop(name)
        self.assertEqual(sorted(first), sorted(second))
        different = [name for name in first if first[name] != second[name]]
        self.assertEqual(different, [], f"{a} and {b} differ")

    def assert_same_run(self, a, run_a, b, run_b):
        """One run of a has the bits of one run of b: metrics, energies, weights."""
        first, second = run_contents(a, run_a), run_contents(b, run_b)
        self.assertEqual(sorted(first), sorted(second))
        different = [name for name in first if first[name] != second[name]]
        self.assertEqual(different, [], f"run {run_a} of {a} and run {run_b} of {b} differ")


def slow(epochs):
    """A sweep whose length is its epochs, with a record every few and much to lose between."""
    every = max(1, epochs // 20)
    return tiny({"train.epochs": epochs, "record.epochs": {"every": every}, "record.weights": {"every": 2 * every},
                 "train.optimizer.lr": 0.005}, sweep={"model.width": [8, 48], "train.seed": [0, 1]})


def end(process):
    """Kill and reap a process that a test has left behind."""
    if process.poll() is None:
        process.kill()
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def stopping(call=None, environment=None):
    """The environment of a process that stops itself (SIGSTOP), always at the same place: at a call that changes files,
    or else in the middle of training. See tests/crash/faults.c."""
    where = {"FAULT_HANDED": str(STOP_AT)} if call is None else {"FAULT_STOP": str(call)}
    return {**(environment or os.environ), "LD_PRELOAD": os.environ["SPECTRAIN_FAULTS"], **where}


def go_on(process, *signals):
    """Let a process that was stopped go on, these signals first; its stderr after its end."""
    for number in (*signals, signal.SIGCONT):
        process.send_signal(number)
    return process.communicate()[1]


def processor_seconds():
    """Of all children that were waited for, user and system."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def attribute_value(file, value):
    """An attribute by its meaning: references as the names that they lead to."""
    if isinstance(value, h5py.Reference):
        return file[value].name
    if getattr(value, "dtype", None) is not None and value.dtype.hasobject:
        return [attribute_value(file, item) for item in value.flat]
    if isinstance(value, tuple) or type(value).__name__ == "void":
        return [attribute_value(file, item) for item in value]
    return value.tobytes() if hasattr(value, "tobytes") else value


def contents(path):
    """Everything in a file: name -> bytes, with attributes as name@attribute."""
    found = {}
    with h5py.File(path, "r") as file:

        def take(name, item):
            if isinstance(item, h5py.Dataset):
                value = item[()]
                data = value.tobytes() if not item.dtype.hasobject else repr(value.tolist()).encode()
                found[name] = (str(item.dtype), item.shape, data)
            for key, value in item.attrs.items():
                if key != "REFERENCE_LIST":  # the other side of DIMENSION_LIST
                    found[f"{name}@{key}"] = attribute_value(file, value)

        take("/", file)
        file.visititems(take)
    return found


def run_contents(path, run):
    """What a file holds of one run: name -> bytes. run: (its row, its number in the sweep) where these differ."""
    row, number = run if isinstance(run, tuple) else (run, run)
    found = {}
    with h5py.File(path, "r") as file:
        for name, item in file["metrics"].items():
            if item.ndim > 1:  # the others are dimension scales
                found[f"metrics/{name}"] = item[row].tobytes()
        for name, probe in file["probes"].items():
            found[f"probes/{name}"] = probe["energy"][row].tobytes()
        file[f"weights/{number}"].visititems(
            lambda name, item: found.update({name: item[()].tobytes()}) if isinstance(item, h5py.Dataset) else None)
    return found
