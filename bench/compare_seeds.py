#!/usr/bin/env python3
"""Final test errors over many seeds: a spectrain file's against PyTorch's, trained on that file's data.

    spectrain run CONFIG -o FILE.h5 --set 'sweep.train.seed={range: [0, 99, 1]}' --set record.data=yes --set 'probes=[]'
    bench/compare_seeds.py FILE.h5 [WIDTH...]

A sweep over model.width and train.seed of classes, SGD, one data set. PyTorch draws its own initial weights
(nn.Linear) and batch orders, so that single runs differ and their distributions must not. All seeds of one width are
stacked and trained at once with torch.baddbmm. A run whose error is 0.85 or more is called dead: its units are. Prints a
Markdown table: mean, standard error of the mean, median, dead runs.
"""
import sys

import h5py
import numpy as np
import torch
import yaml
from torch import nn

DEAD = 0.85


def stacked_linear(fan_in, fan_out, seeds):
    """Weights (seeds, in, out) and biases (seeds, 1, out) as nn.Linear draws them; the generators go on from layer to
    layer."""
    weights, biases = [], []
    for generator_state in seeds:
        torch.set_rng_state(generator_state[0])
        layer = nn.Linear(fan_in, fan_out)
        generator_state[0] = torch.get_rng_state()
        weights.append(layer.weight.detach().t())
        biases.append(layer.bias.detach()[None])
    return torch.stack(weights).requires_grad_(), torch.stack(biases).requires_grad_()


def train(config, width, n_seeds, x, label):
    """The stacked layers after training."""
    states = []
    for seed in range(n_seeds):
        torch.manual_seed(seed)
        states.append([torch.get_rng_state()])
    sizes = [x.shape[1]] + [width] * config["model"]["hidden_layers"] + [int(label.max()) + 1]
    layers = [stacked_linear(a, b, states) for a, b in zip(sizes, sizes[1:])]
    settings = config["train"]["optimizer"]
    optimizer = torch.optim.SGD([p for layer in layers for p in layer], lr=settings["lr"], momentum=settings["momentum"])
    orders = [torch.Generator().manual_seed(n_seeds + seed) for seed in range(n_seeds)]
    batch = config["train"]["batch"]
    for _ in range(config["train"]["epochs"]):
        order = torch.stack([torch.randperm(len(x), generator=g) for g in orders])
        for first in range(0, len(x), batch):
            rows = order[:, first : first + batch]
            size = rows.shape[1]
            logits = forward(layers, x[rows.reshape(-1)].reshape(n_seeds, size, -1))
            loss = nn.functional.cross_entropy(logits.reshape(n_seeds * size, -1), label[rows.reshape(-1)], reduction="sum")
            optimizer.zero_grad()
            (loss / size).backward()
            optimizer.step()
    return layers


def forward(layers, x):
    for i, (weight, bias) in enumerate(layers):
        x = torch.baddbmm(bias, x if i == 0 else torch.relu(x), weight)
    return x


@torch.no_grad()
def error(layers, n_seeds, x, label, rows=2000):
    wrong = np.zeros(n_seeds)
    for first in range(0, len(x), rows):
        part = x[None, first : first + rows].expand(n_seeds, -1, -1)
        wrong += (forward(layers, part).argmax(2) != label[first : first + rows]).sum(1).numpy()
    return wrong / len(x)


def describe(errors):
    return f"{errors.mean():.4f} | {errors.std(ddof=1) / len(errors) ** 0.5:.4f} | {np.median(errors):.4f} | {(errors >= DEAD).sum()}"


def main():
    torch.set_num_threads(1)
    with h5py.File(sys.argv[1]) as file:
        config = yaml.safe_load(file.attrs["config"])
        width_of, errors = file["runs/model.width"][:], file["metrics/test_error"][:, -1]
        x, test_x = (torch.tensor(file["data/" + name][:]) for name in ("train_x", "test_x"))
        label, test_label = (torch.tensor(file["data/" + name][:].astype(np.int64)) for name in ("label_noisy", "test_label"))
    print(f"{sys.argv[1]}; PyTorch {torch.__version__}\n")
    print("| width | seeds | spectrain: mean | s.e. | median | dead | PyTorch: mean | s.e. | median | dead |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for width in [int(w) for w in sys.argv[2:]] or sorted(set(width_of)):
        ours = errors[width_of == width]
        layers = train(config, int(width), len(ours), x, label)
        theirs = error(layers, len(ours), test_x, test_label)
        print(f"| {width} | {len(ours)} | {describe(ours)} | {describe(theirs)} |", flush=True)


if __name__ == "__main__":
    main()
