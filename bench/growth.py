#!/usr/bin/env python3
"""What grows with the number of runs of a sweep: planning, the memory of `run`, the end of its file, merging.

    bench/growth.py build/spectrain [RUNS...]            (100 1000 10000)

Sweeps of small networks (widths 2 to 21, two hidden layers, one epoch), so that what is done for each run is nearly all
that is done. `run` has groups of 100 runs whatever the sweep (a data set each); `merge` takes one data set cut into
RUNS/100 shards, 2 at least. Processor seconds count all threads of a process; the least of three where it takes below
ten seconds. The end of a file alone is timed by `storing` of `run` without --quiet. Prints a Markdown table.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

BASE = {
    "name": "growth",
    "data": {"source": "mnist1d", "train": 50, "test": 20, "seed": 1},
    "model": {"hidden_layers": 2, "width": 8},
    "train": {"loss": "cross_entropy", "optimizer": {"kind": "sgd", "lr": 0.01}, "batch": 50, "epochs": 1},
    "record": {"epochs": [0, 1], "weights": [0, 1]},
    "probes": [{"name": "line", "kind": "line", "split": "train", "points": 2, "samples": 8, "radius": 1.0}],
}


def config(folder, name, **sweep):
    """JSON is YAML."""
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(dict(BASE, sweep={"model.width": {"range": [2, 21, 1]},
                                                 **{key.replace("_", "."): {"range": [0, n - 1, 1]}
                                                    for key, n in sweep.items()}})))
    return path


def measure(*words):
    """Processor seconds, wall seconds and peak memory in MB of a command that must succeed."""
    start = time.monotonic()
    process = subprocess.Popen([str(word) for word in words], stdout=subprocess.DEVNULL,
                               env=dict(os.environ, OPENBLAS_NUM_THREADS="1"))
    _, status, used = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(map(str, words))}: wait status {status}")
    return used.ru_utime + used.ru_stime, time.monotonic() - start, used.ru_maxrss / 1024 * 1.048576


def least(*words):
    tries = [measure(*words)]
    while len(tries) < 3 and tries[0][0] < 10:
        tries.append(measure(*words))
    return min(tries)


def row(program, folder, runs):
    grouped = config(folder, f"grouped{runs}", train_seed=5, data_seed=runs // 100)
    single = config(folder, f"single{runs}", train_seed=runs // 20)
    plan = least(program, "plan", single)
    run = least(program, "run", grouped, "-o", folder / "run.h5", "--threads", 1, "--quiet", "--force")
    shards = max(2, runs // 100)
    parts = folder / f"shards{runs}"
    parts.mkdir()
    for shard in range(shards):
        measure(program, "run", single, "-o", parts / f"{shard}.h5", "--shard", f"{shard}/{shards}", "--threads", 1,
                "--quiet")
    merge = least(program, "merge", parts, "-o", folder / "merged.h5", "--force", "--quiet")
    verify = least(program, "info", folder / "merged.h5", "--verify")
    size = (folder / "merged.h5").stat().st_size / 1e6
    return (f"| {runs:,} | {plan[0]:.2f} | {run[0]:.2f} | {run[2]:.0f} | {shards} | {size:.1f} | {merge[0]:.2f} | "
            f"{merge[1]:.2f} | {merge[2]:.0f} | {verify[0]:.2f} |")


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    program = pathlib.Path(sys.argv[1]).resolve()
    print("| runs | plan, s | run, s | run, MB | shards | file, MB | merge, s | merge, wall s | merge, MB | verify, s |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for runs in [int(word) for word in sys.argv[2:]] or [100, 1000, 10000]:
        with tempfile.TemporaryDirectory() as folder:
            print(row(program, pathlib.Path(folder), runs), flush=True)


if __name__ == "__main__":
    main()
