"""What the comparisons with other tools share: the main job's networks, and how long spectrain takes for a step of them.

Two hidden layers, 40 inputs, 10 classes, 4,000 examples in batches of 100 by a fresh permutation each epoch, softmax
cross-entropy, SGD with rate 0.01 and momentum 0.9, float32 throughout.
"""
import argparse
import datetime
import json
import os
import subprocess
import tempfile
import time

WIDTHS = [2, 3, 4, 5, 7, 9, 12, 16, 21, 27, 36, 47, 61, 80, 104, 135, 177, 230, 300]
FEW_WIDTHS = [2, 9, 36, 104, 300]
EXAMPLES, INPUTS, CLASSES, BATCH = 4000, 40, 10, 100
STEPS = EXAMPLES // BATCH  # an epoch
RATE, MOMENTUM = 0.01, 0.9
ROUNDS = 3


def parser(description):
    p = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("build", help="the folder that holds the program spectrain")
    p.add_argument("widths", nargs="*", type=int, help=f"those of the table; otherwise {FEW_WIDTHS}")
    p.add_argument("--all-widths", action="store_true", help="the 19 of the main job")
    p.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="of both; cpu: one thread each")
    p.add_argument("--seeds", type=int, default=3, help="networks of each width (3)")
    p.add_argument("--seconds", type=float, default=0.3, help="to spend on each of three rounds of a number (0.3)")
    p.add_argument("--json", help="write the numbers there, too")
    return p


def chosen_widths(arguments):
    return arguments.widths or (WIDTHS if arguments.all_widths else FEW_WIDTHS)


def step_seconds(epochs, seconds):
    """Seconds a step: epochs(n) runs n epochs and returns when they are done. The best of three rounds, since others
    use the machine too."""
    epochs(1)
    n, best = 1, float("inf")
    rounds = 0
    while rounds < ROUNDS:
        start = time.perf_counter()
        epochs(n)
        elapsed = time.perf_counter() - start
        if elapsed < seconds and n < 1 << 20:
            n = max(2 * n, min(n * 8, int(n * seconds / max(elapsed, 1e-9)) + 1))
            continue
        best = min(best, elapsed / n / STEPS)
        rounds += 1
    return best


def spectrain_seconds(build, widths, seeds, device, seconds):
    """Seconds in which spectrain takes one step of seeds networks of each width, all of them in one group."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "bench.json")
        command = [os.path.join(build, "spectrain"), "bench", "operations", "--backend", device, "--json", out,
                   "--seconds", str(seconds), "--set", f"sweep.model.width={list(widths)}",
                   "--set", f"sweep.train.seed={list(range(seeds))}", "--set", "probes=[]", "--set", "data.test=0",
                   "--set", f"data.train={EXAMPLES}", "--set", f"train.batch={BATCH}"]
        if device == "cpu":
            command += ["--threads", "1"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{command[0]}: {done.stderr.strip()}")
        with open(out, encoding="utf-8") as file:
            found = json.load(file)
    everything = found["groups"][-1]["measurements"]
    return next(m["seconds"] for m in everything if m["operation"] == "train step"), found["device"]


class Report:
    """A Markdown table and the JSON of the same, as far as there are numbers: what is cut off leaves what it has."""

    def __init__(self, tool, ways, arguments):
        self.tool, self.ways, self.arguments, self.rows, self.total = tool, ways, arguments, [], None

    def add(self, row, device_name):
        """The row of a width, its times in seconds by way; the one without a width is of all."""
        if not self.rows:
            print(f"{self.tool} on {device_name}: microseconds for a step of {self.arguments.seeds} networks of each "
                  f"width, float32, batch {BATCH}, {INPUTS} inputs, 2 hidden layers\n")
            print("| width | " + " | ".join(f"{way}, us" for way in self.ways) +
                  " | spectrain, us | best other / spectrain |")
            print("|--:|" + "--:|" * (len(self.ways) + 2))
        if "width" in row:
            self.rows.append(row)
        else:
            self.total = row
        times = [row.get(way) for way in self.ways]
        there = [t for t in times if t]
        ratio = f"{min(there) / row['spectrain']:.1f}" if there else "-"
        print(f"| {row.get('width', 'all')} | " + " | ".join(f"{1e6 * t:.1f}" if t else "-" for t in times) +
              f" | {1e6 * row['spectrain']:.1f} | {ratio} |", flush=True)
        if self.arguments.json:
            self.write(device_name)

    def write(self, device_name):
        with open(self.arguments.json, "w", encoding="utf-8") as file:
            json.dump({"bench": f"compare {self.tool}",
                       "created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
                       "device": device_name, "seeds": self.arguments.seeds, "ways": self.ways,
                       "unit": "seconds a step of all networks of the width", "widths": self.rows, "all": self.total},
                      file, indent=1)
            file.write("\n")
