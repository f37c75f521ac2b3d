#!/usr/bin/env python3
"""Final errors of a width sweep, width by width, and against those of another backend.

    bench/main_job.py FILE.h5 [--json OUT.json] [--against REFERENCE.json]

FILE.h5 is a sweep over model.width and train.seed. Prints a Markdown table: mean and standard deviation of the test
error over the seeds, mean of the training error, dead runs (test error 0.85 or more: the units are), and with a
reference the difference in standard errors of the difference of two means. Dead runs are left out of both sides: whether
a network of two or three units dies is decided by its seed, by chance. Exit 1 when a difference is above 4, which one
of 19 widths exceeds by chance in 1 of 800 comparisons.
"""
import argparse
import json
import math
import sys

import h5py
import numpy as np

DEAD, MOST = 0.85, 4.0


def rows_of(path):
    """One dictionary a width."""
    with h5py.File(path, "r") as file:
        width = file["runs/model.width"][()]
        test, train = file["metrics/test_error"][:, -1].astype("f8"), file["metrics/train_error"][:, -1].astype("f8")
        about = {key: str(file.attrs[key]) for key in ("backend", "device", "software_version", "created")}
    rows = []
    for w in np.unique(width):
        errors = test[width == w]
        alive = errors[errors < DEAD]
        rows.append({"width": int(w), "runs": len(errors), "dead": int(len(errors) - len(alive)),
                     "test_error": float(alive.mean()) if len(alive) else None,
                     "sd": float(alive.std(ddof=1)) if len(alive) > 1 else None,
                     "train_error": float(train[width == w][errors < DEAD].mean()) if len(alive) else None})
    return about, rows


def differences(rows, reference):
    """In standard errors. A width's deviation from a few seeds is itself uncertain: the larger of it and of the one
    pooled over all widths of the reference counts."""
    known = [r for r in reference if r["sd"] is not None]
    if not known:
        sys.exit("main_job.py: the reference has no width with two seeds, and so no spread to compare within")
    pooled = math.sqrt(sum(r["sd"] ** 2 for r in known) / len(known))
    by_width = {r["width"]: r for r in reference}
    for row in rows:
        other = by_width.get(row["width"])
        if other is None or row["test_error"] is None or other["test_error"] is None:
            continue
        alive, other_alive = row["runs"] - row["dead"], other["runs"] - other["dead"]
        error = max(pooled, other["sd"] or 0.0) * math.sqrt(1 / alive + 1 / other_alive)
        row["reference"] = other["test_error"]
        row["difference"] = (row["test_error"] - other["test_error"]) / error


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--json")
    parser.add_argument("--against")
    arguments = parser.parse_args()
    about, rows = rows_of(arguments.file)
    if arguments.against:
        with open(arguments.against, encoding="utf-8") as file:
            differences(rows, json.load(file)["widths"])
    print(f"{about['backend']}: {about['device']}, {about['created']}\n")
    print("| width | runs | test error | sd | train error | dead | reference | difference, standard errors |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|")

    def shown(number, places=4):
        return "-" if number is None else f"{number:.{places}f}"

    for r in rows:
        print(f"| {r['width']} | {r['runs']} | {shown(r['test_error'])} | {shown(r['sd'])} | {shown(r['train_error'])} | "
              f"{r['dead']} | {shown(r.get('reference'))} | {shown(r.get('difference'), 1)} |")
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({**about, "widths": rows}, file, indent=1)
            file.write("\n")
    far = [r["width"] for r in rows if abs(r.get("difference", 0.0)) > MOST]
    if arguments.against and not any("difference" in r for r in rows):
        sys.exit(f"main_job.py: {arguments.against} has none of these widths")
    if far:
        sys.exit(f"main_job.py: test errors beyond {MOST} standard errors of the reference at widths {far}")


if __name__ == "__main__":
    main()
