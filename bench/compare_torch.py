#!/usr/bin/env python3
"""A training step of the main job's networks, in PyTorch as people write it and in spectrain, on one thread.

    bench/compare_torch.py BUILD_DIR [WIDTH...]

Both are timed in turn, width by width, in one run, so that the ratio stands when the machine's speed drifts. The PyTorch
side is the plain loop: nn.Sequential, CrossEntropyLoss, optim.SGD, batches by index. Prints a Markdown table.
"""
import subprocess
import sys
import time

import torch
from torch import nn

WIDTHS = [2, 4, 9, 21, 36, 61, 104, 177, 300]
EXAMPLES, INPUTS, CLASSES, BATCH = 4000, 40, 10, 100


def torch_step_us(width):
    torch.manual_seed(0)
    x, y = torch.randn(EXAMPLES, INPUTS), torch.randint(CLASSES, (EXAMPLES,))
    net = nn.Sequential(nn.Linear(INPUTS, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, CLASSES))
    loss_fn, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)

    def epoch():
        order = torch.randperm(EXAMPLES)
        for first in range(0, EXAMPLES, BATCH):
            rows = order[first : first + BATCH]
            optimizer.zero_grad()
            loss_fn(net(x[rows]), y[rows]).backward()
            optimizer.step()

    epoch()
    best = float("inf")
    for _ in range(3):
        steps, start = 0, time.perf_counter()
        while time.perf_counter() - start < 0.33:
            epoch()
            steps += EXAMPLES // BATCH
        best = min(best, (time.perf_counter() - start) / steps)
    return 1e6 * best


def main():
    build = sys.argv[1]
    widths = [int(w) for w in sys.argv[2:]] or WIDTHS
    torch.set_num_threads(1)
    print(f"PyTorch {torch.__version__}, one thread each, batch {BATCH}, {INPUTS} inputs, 2 hidden layers\n")
    print("| width | PyTorch, us a step | spectrain, us a step | ratio |\n|--:|--:|--:|--:|")
    for width in widths:
        theirs = torch_step_us(width)
        out = subprocess.run([f"{build}/bench/bench_cpu_steps", str(width)], check=True, capture_output=True, text=True)
        ours = float(out.stdout.split()[1])
        print(f"| {width} | {theirs:.0f} | {ours:.1f} | {theirs / ours:.1f} |", flush=True)


if __name__ == "__main__":
    main()
