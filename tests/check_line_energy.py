#!/usr/bin/env python3
"""Recompute what a spectrain file says from the weights that it holds, with numpy alone, in float64.

    check_line_energy.py FILE.h5

For every run and every record at which weights were kept (epoch 0 always):
  - the energies of line probes, from the lines that the probe keeps (x, direction)
  - spectral norms and the Lipschitz bound
  - losses, errors and the shares of noisy labels fitted, when the file holds the examples
Exit status: 0 all agree; 1 something differs (one line each); 2 the file has nothing that could be checked.
"""

import re
import sys

import h5py
import numpy as np

# Float32 outputs carry an error of some 1e-7 of their size, spread over all frequencies: besides a part of each energy
# a part of the whole is allowed, which matters where a frequency holds less than 1e-8 of it.
ENERGY, ENERGY_FLOOR = 1e-4, 1e-12
LOSS = 1e-4  # relative; cross-entropy in float32
NORM = 1e-4  # relative; the norm comes from an iteration
TIES = 2  # examples whose two largest logits may be equal in float32


class Checks:
    """Counts comparisons and keeps the largest deviation of each kind; prints what differs."""

    def __init__(self, path):
        self.path, self.failures, self.largest, self.count = path, 0, {}, {}

    def compare(self, kind, where, stored, expected, relative, absolute=0.0):
        stored, expected = np.atleast_1d(stored).astype(float), np.atleast_1d(expected).astype(float)
        difference = np.abs(stored - expected)
        bad = ~(difference <= relative * np.abs(expected) + absolute)  # a NaN is bad
        deviation = float(np.max(difference / np.maximum(np.abs(expected), 1e-300), initial=0.0))
        self.count[kind] = self.count.get(kind, 0) + len(stored)
        self.largest[kind] = max(self.largest.get(kind, 0.0), deviation if relative else float(difference.max()))
        if bad.any():
            i = int(np.argmax(bad))
            self.failures += 1
            print(f"{self.path}: {where}: {kind}[{i}] is {stored[i]:.9g}; from the weights {expected[i]:.9g}")


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def layers_of(file, run, snapshot):
    """[(weight, bias)] in float64; None when the snapshot is not there."""
    group = file[f"weights/{run}"]
    names = sorted((name for name in group if name.isdigit()), key=int)
    layers = [(group[name]["weight"][snapshot].astype(float), group[name]["bias"][snapshot].astype(float))
              for name in names]
    return layers if all(np.isfinite(weight).all() and np.isfinite(bias).all() for weight, bias in layers) else None


def forward(layers, x):
    for weight, bias in layers[:-1]:
        x = np.maximum(x @ weight.T + bias, 0.0)
    weight, bias = layers[-1]
    return x @ weight.T + bias


def of_dataset(file, array, index):
    """An array of the data, or of a probe; with several data sets they lie along its first dimension."""
    return array[index] if len(file["data/sha256"]) > 1 else array[...]


def loss_of(file, run):
    """The loss of a run: swept, or as the config names it; None when it is not found."""
    if "train.loss" in file["runs"]:
        return text(file["runs/train.loss"][run])
    found = re.search(r"\bloss\b['\"]?\s*:\s*['\"]?(\w+)", text(file.attrs["config"]))
    return found and found[1]


def adversarial_directions(layers, x, loss):
    """Unit gradients (rows, inputs) of the loss at the predicted class; NaN where it is zero."""
    inputs = [x]
    for weight, bias in layers[:-1]:
        inputs.append(np.maximum(inputs[-1] @ weight.T + bias, 0.0))
    z = inputs[-1] @ layers[-1][0].T + layers[-1][1]
    predicted = np.eye(z.shape[1])[z.argmax(axis=1)] if z.shape[1] > 1 else (z > 0).astype(float)
    if loss == "mse":
        slope = z - (predicted if z.shape[1] > 1 else 2 * predicted - 1)
    elif loss == "bce":
        slope = 1 / (1 + np.exp(-z)) - predicted
    else:
        probability = np.exp(z - z.max(axis=1, keepdims=True))
        others = probability * (1 - predicted)
        slope = others - predicted * others.sum(axis=1, keepdims=True)  # softmax - predicted, without its rounding
    for (weight, _), below in zip(layers[::-1], inputs[::-1]):
        slope = slope @ weight * ((below > 0) if below is not x else 1)
    return slope / np.linalg.norm(slope, axis=1, keepdims=True)


def lines_of(file, probe, run, layers):
    """x and direction (point, input) of the lines of a network."""
    index = file["runs/dataset"][run]
    x = of_dataset(file, probe["x"], index).astype(float)
    if text(probe.attrs.get("direction", "random")) == "adversarial":
        return x, adversarial_directions(layers, x, loss_of(file, run)).astype(np.float32).astype(float)
    return x, of_dataset(file, probe["direction"], index).astype(float)


def line_energy(file, probe, run, layers):
    """Mean over lines and outputs of |rfft|^2 along x + t v, t = -r + 2 r s / S, or of what the line through f(-r) and
    f(r) leaves."""
    samples, radius = int(probe.attrs["samples"]), float(probe.attrs["radius"])
    x, direction = lines_of(file, probe, run, layers)
    ends = text(probe.attrs["detrend"]) == "ends"
    t = (-radius + np.arange(samples + 1) * (2.0 * radius / samples)).astype(np.float32).astype(float)
    energy = np.zeros(samples // 2 + 1)
    for origin, step in zip(x, direction):
        # The points are float32, one rounding after a product and a sum that are exact, or nearly, here.
        rows = (origin + t[:, None] * step).astype(np.float32).astype(float)
        f = forward(layers, rows)
        if ends:
            f = f - f[0] - np.linspace(0, 1, samples + 1)[:, None] * (f[-1] - f[0])
        energy += (np.abs(np.fft.rfft(f[:-1], axis=0)) ** 2).mean(axis=1)
    return energy / len(x)


def cross_entropy(logits, label):
    logits = logits - logits.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(label)), label]))


def check_energies(file, checks, run, record, snapshot, layers):
    for name, probe in file["probes"].items():
        if text(probe.attrs["kind"]) == "line":
            expected = line_energy(file, probe, run, layers)
            when = record if "record" in probe else snapshot  # those of `spectrain probe` lie along snapshots
            checks.compare(f"energy of {name}", f"run {run}, record {record}", probe["energy"][run, when], expected,
                           ENERGY, ENERGY_FLOOR * expected.sum())


def check_norms(file, checks, run, record, layers):
    norms = [np.linalg.norm(weight, 2) for weight, _ in layers]
    where = f"run {run}, record {record}"
    checks.compare("spectral_norm", where, file["metrics/spectral_norm"][run, record, :len(norms)], norms, NORM)
    checks.compare("lipschitz_bound", where, file["metrics/lipschitz_bound"][run, record], np.prod(norms),
                   NORM * len(norms))


def check_examples(file, checks, run, record, layers):
    """Losses, errors and shares, of classes under cross-entropy."""
    where = f"run {run}, record {record}"
    index, data = file["runs/dataset"][run], file["data"]

    def metric(name, expected, relative, absolute):
        checks.compare(name, where, file[f"metrics/{name}"][run, record], expected, relative, absolute)

    label, true = (of_dataset(file, data[name], index) for name in ("label_noisy", "label_true"))
    logits = forward(layers, of_dataset(file, data["train_x"], index).astype(float))
    predicted, changed = logits.argmax(axis=1), label != true
    metric("train_loss", cross_entropy(logits, label), LOSS, 0)
    metric("train_error", np.mean(predicted != label), 0, TIES / len(label))
    for name, hit, among in (("noisy_fit", predicted == label, changed), ("noisy_clean", predicted == true, changed),
                             ("clean_fit", predicted == label, ~changed)):
        if among.any():
            metric(name, hit[among].mean(), 0, TIES / among.sum())
    if "test_x" in data:
        label = of_dataset(file, data["test_label"], index)
        logits = forward(layers, of_dataset(file, data["test_x"], index).astype(float))
        metric("test_loss", cross_entropy(logits, label), LOSS, 0)
        metric("test_error", np.mean(logits.argmax(axis=1) != label), 0, TIES / len(label))


def check(file, checks):
    epochs = list(file["record/epoch"][...])
    classes_known = "train_x" in file["data"] and "label_noisy" in file["data"]
    # Examples of unequal numbers are padded in the file; a loss other than cross-entropy is not recomputed here.
    examples = classes_known and len(file["data/sha256"]) == 1
    for run in range(len(file["runs/status"])):
        for snapshot, epoch in enumerate(file["snapshot/epoch"][...]):
            if epoch not in epochs:
                continue
            layers, record = layers_of(file, run, snapshot), epochs.index(epoch)
            if layers is None:
                continue
            check_energies(file, checks, run, record, snapshot, layers)
            check_norms(file, checks, run, record, layers)
            if examples and loss_of(file, run) in (None, "cross_entropy"):
                check_examples(file, checks, run, record, layers)


def main(argv):
    if len(argv) != 2:
        print("usage: check_line_energy.py FILE.h5", file=sys.stderr)
        return 2
    try:
        with h5py.File(argv[1], "r") as file:
            checks = Checks(argv[1])
            check(file, checks)
    except (OSError, KeyError) as error:
        print(f"check_line_energy.py: {argv[1]}: {error}", file=sys.stderr)
        return 2
    if not any(kind.startswith("energy") for kind in checks.count):
        print(f"check_line_energy.py: {argv[1]}: no line probe at a record with weights: nothing checked",
              file=sys.stderr)
        return 2
    for kind, count in checks.count.items():
        print(f"{argv[1]}: {kind}: {count} values, largest difference {checks.largest[kind]:.2g}")
    return 1 if checks.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
