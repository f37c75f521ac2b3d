#!/usr/bin/env python3
"""A training step of the main job's networks: PyTorch as people use it, and spectrain.

    bench/compare_torch.py BUILD_DIR [WIDTH...] [--device cpu|cuda] [--ways eager,compile,graph] [--json FILE]

PyTorch trains the networks one after the other; its time is the sum over the seeds:
  eager    the plain loop: nn.Sequential, CrossEntropyLoss, optim.SGD, data on the device, batches by index
  compile  the same with torch.compile for the network and its loss (cuda: mode "reduce-overhead"), fused SGD
  graph    (cuda) the whole step, forward to update, as one CUDA graph, replayed for each batch: PyTorch at its best
spectrain trains the networks of a width in one group, and for the last line all of them. Each width is timed by every
tool in turn, so that the ratio stands when the machine's speed drifts. Prints a Markdown table.
"""
import torch
from torch import nn

import steps
from steps import BATCH, CLASSES, EXAMPLES, INPUTS, MOMENTUM, RATE


class Loop:
    """One network and its data on a device; epochs(n) trains n epochs."""

    def __init__(self, width, seed, device):
        torch.manual_seed(seed)
        self.device = device
        self.x = torch.randn(EXAMPLES, INPUTS).to(device)
        self.y = torch.randint(CLASSES, (EXAMPLES,)).to(device)
        self.net = nn.Sequential(nn.Linear(INPUTS, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(),
                                 nn.Linear(width, CLASSES)).to(device)
        self.loss = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=RATE, momentum=MOMENTUM)

    def step(self, rows):
        self.optimizer.zero_grad()
        loss = self.loss(self.net(self.x[rows]), self.y[rows])
        loss.backward()
        self.optimizer.step()
        return loss

    def epochs(self, n):
        for _ in range(n):
            order = torch.randperm(EXAMPLES, device=self.device)
            for first in range(0, EXAMPLES, BATCH):
                self.step(order[first:first + BATCH])
        self.wait()

    def wait(self):
        if self.device == "cuda":
            torch.cuda.synchronize()

    def mean_loss(self):
        with torch.no_grad():
            return float(self.loss(self.net(self.x), self.y))


class CompiledLoop(Loop):

    def __init__(self, width, seed, device):
        super().__init__(width, seed, device)
        mode = "reduce-overhead" if device == "cuda" else "default"
        net, loss = self.net, self.loss
        self.forward = torch.compile(lambda x, y: loss(net(x), y), mode=mode)
        if device == "cuda":
            self.optimizer = torch.optim.SGD(net.parameters(), lr=RATE, momentum=MOMENTUM, fused=True)

    def step(self, rows):
        self.optimizer.zero_grad()
        loss = self.forward(self.x[rows], self.y[rows])
        loss.backward()
        self.optimizer.step()
        return loss


class GraphLoop(Loop):
    """The step is captured with its batch's rows in a place of their own."""

    def __init__(self, width, seed, device):
        super().__init__(width, seed, device)
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=RATE, momentum=MOMENTUM, fused=True)
        self.rows = torch.arange(BATCH, device=device)
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(3):
                super().step(self.rows)
        torch.cuda.current_stream().wait_stream(aside)
        self.graph = torch.cuda.CUDAGraph()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.cuda.graph(self.graph):
            loss = self.loss(self.net(self.x[self.rows]), self.y[self.rows])
            loss.backward()
            self.optimizer.step()  # a replay writes gradients anew: none has to become zero first

    def step(self, rows):
        self.rows.copy_(rows)
        self.graph.replay()


WAYS = {"eager": Loop, "compile": CompiledLoop, "graph": GraphLoop}


def torch_seconds(way, width, seeds, device, seconds):
    """Of a step of `seeds` networks, one after the other; None where this PyTorch does not do it that way. Networks of
    a width cost the same: one of them is timed."""
    try:
        loop = WAYS[way](width, 0, device)
        before = loop.mean_loss()
        once = steps.step_seconds(loop.epochs, seconds)
    except (RuntimeError, AttributeError, ImportError, TypeError) as error:
        print(f"{way}, width {width}: not with this PyTorch: {str(error).splitlines()[0]}", flush=True)
        return None
    if not loop.mean_loss() < before:  # random labels are learnt by heart, slowly: but never unlearnt
        raise SystemExit(f"{way}, width {width}: the loss went from {before:.4f} to {loop.mean_loss():.4f}")
    return seeds * once


def main():
    parser = steps.parser(__doc__)
    parser.add_argument("--ways", default=None, help="of eager, compile, graph; otherwise those of the device")
    arguments = parser.parse_args()
    device = arguments.device
    if device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("compare_torch.py: PyTorch sees no CUDA device; allowed: --device cpu")
    torch.set_num_threads(1)
    ways = arguments.ways.split(",") if arguments.ways else ["eager", "compile"] + ["graph"] * (device == "cuda")
    for way in ways:
        if way not in WAYS:
            raise SystemExit(f"compare_torch.py: --ways: is \"{way}\"; allowed: {', '.join(WAYS)}")
    if not hasattr(torch, "compile") and "compile" in ways:
        ways.remove("compile")
        print(f"PyTorch {torch.__version__} has no torch.compile\n")
    report = steps.Report(f"PyTorch {torch.__version__}", ways, arguments)
    for width in steps.chosen_widths(arguments):
        row = {"width": width}
        for way in list(ways):
            row[way] = torch_seconds(way, width, arguments.seeds, device, arguments.seconds)
        row["spectrain"], name = steps.spectrain_seconds(arguments.build, [width], arguments.seeds, device,
                                                         arguments.seconds)
        report.add(row, name)
    rows = report.rows
    total = {way: sum(row[way] for row in rows) if all(row[way] for row in rows) else None for way in ways}
    total["spectrain"], name = steps.spectrain_seconds(arguments.build, [row["width"] for row in rows],
                                                       arguments.seeds, device, arguments.seconds)
    report.add(total, name)


if __name__ == "__main__":
    main()
