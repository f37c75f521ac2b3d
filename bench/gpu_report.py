#!/usr/bin/env python3
"""The last step of gpu_check.sh: OUT/report.md and OUT/results.json out of what the parts left in WORK.

    bench/gpu_report.py WORK OUT DEVICE COMMIT        DEVICE: "name, driver, memory, compute capability", or nothing
"""
import datetime
import json
import os
import sys

# What a part left: its JSON, and the text that belongs into the report.
PIECES = [("main_job", "The main job on the device, against the CPU", "main_job.md"),
          ("operations", "Operations and kernels", "operations.txt"),
          ("sweep", "A sweep on either backend", "sweep.txt"),
          ("layers", "Layers: own kernels and cuBLAS", "layers.txt"),
          ("compare_torch", "PyTorch", "compare_torch.md"),
          ("compare_jax", "JAX", "compare_jax.md"),
          ("compare_compiled", "PyTorch, torch.compile", "compare_compiled.md"),
          ("operations_cpu", "Operations on this machine's processor", "operations_cpu.txt")]


def read_parts(path):
    with open(path, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    return [{"part": name, "status": status, "seconds": int(seconds), "reason": reason}
            for name, status, seconds, reason in rows]


def main():
    work, out, device, commit = sys.argv[1:5]
    parts = read_parts(os.path.join(work, "parts.tsv"))
    fields = [field.strip() for field in device.split(",")] if device else []
    about = {"device": fields[0] if fields else None, "driver": fields[1] if len(fields) > 1 else None,
             "memory": fields[2] if len(fields) > 2 else None, "compute_capability": fields[-1] if fields else None,
             "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "commit": commit}
    results = {**about, "parts": parts}
    count = {status: sum(p["status"] == status for p in parts) for status in ("passed", "failed", "skipped")}
    lines = [f"# spectrain on {about['device'] or 'a machine without a GPU'}", "",
             *(f"- {key.replace('_', ' ')}: {value or 'none'}" for key, value in about.items()), "",
             f"{count['passed']} parts passed, {count['failed']} failed, {count['skipped']} skipped.", "",
             "| part | | seconds | |", "|---|---|--:|---|"]
    lines += [f"| {p['part']} | {p['status']} | {p['seconds']} | {p['reason'].replace('|', '/')} |" for p in parts]
    for name, title, text in PIECES:
        if os.path.exists(os.path.join(work, f"{name}.json")):
            try:
                with open(os.path.join(work, f"{name}.json"), encoding="utf-8") as file:
                    results[name] = json.load(file)
            except ValueError as error:  # a part that was cut off
                results[name] = {"error": str(error)}
        if os.path.exists(os.path.join(work, text)):
            with open(os.path.join(work, text), encoding="utf-8") as file:
                said = file.read().rstrip()
            fence = [] if text.endswith(".md") else ["```"]
            lines += ["", f"## {title}", "", *fence, said, *fence] if said else []
    with open(os.path.join(out, "results.json"), "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
        file.write("\n")
    with open(os.path.join(out, "report.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
