#!/usr/bin/env python3
"""The figure of manifold_classification: accuracy by the target's frequency and the curve's petals.

    manifold_classification.py FILE.h5 [-o DIR] [--format png,svg]

Draws the training accuracy at the end for each number of petals L and each frequency k of the target (Rahaman et al.
2019, fig. 5).
"""

import sys

import numpy as np

import figure_command
import figure_style as style
from analysis import rank_correlation
from figure_command import Verdict, repeats
from figure_style import plt
from sweep_file import FileError

PETALS, FREQUENCY = "data.petals", "data.frequencies"
ENOUGH, GAIN = 0.7, 0.05  # rank correlation of petals with accuracy at high k; from the fewest petals to the most


def accuracies(file):
    """(petals, frequencies, accuracy (petals, frequency)) at the last record, mean over seeds."""
    if not {PETALS, FREQUENCY} <= set(file.axes):
        raise FileError(f"{file.path}: does not sweep both {PETALS} and {FREQUENCY}")
    groups = {tuple(map(float, values)): runs for values, runs in repeats(file, PETALS, FREQUENCY).items()}
    petals, frequency = (sorted({key[i] for key in groups}) for i in range(2))
    accuracy = np.full((len(petals), len(frequency)), np.nan)
    for (own, k), runs in groups.items():
        accuracy[petals.index(own), frequency.index(k)] = 1 - np.nanmean(file.metric("train_error")[runs, -1])
    return petals, frequency, accuracy


def figures(file):
    petals, frequency, accuracy = accuracies(file)
    figure, axis = plt.subplots(figsize=(style.COLUMN, 2.5))
    image = axis.imshow(accuracy, origin="lower", aspect="auto", vmin=0.5, vmax=1, cmap="cividis")
    for i, j in np.ndindex(accuracy.shape):
        axis.text(j, i, f"{accuracy[i, j]:.2f}", ha="center", va="center", fontsize=6.5,
                  color="black" if accuracy[i, j] > 0.75 else "white")
    axis.set_xticks(range(len(frequency)), [f"{k:g}" for k in frequency])
    axis.set_yticks(range(len(petals)), [f"{own:g}" for own in petals])
    axis.set_xlabel("Frequency $k$ of the target (cycles per turn)")
    axis.set_ylabel("Petals $L$ of the curve")
    bar = figure.colorbar(image, ax=axis, extend="min", pad=0.02, aspect=22)
    bar.set_label("Training accuracy at the end")
    bar.outline.set_linewidth(0.6)
    yield "accuracy", figure, "Share of training examples classified right at the end, by petals L and frequency k."


def verdicts(file):
    petals, frequency, accuracy = accuracies(file)
    high = np.array(frequency) >= np.median(frequency)
    mean = np.nanmean(accuracy[:, high], axis=1)
    correlation, gain = rank_correlation(petals, mean), float(mean[-1] - mean[0])
    words = ", ".join(f"{value:.3f} (L = {own:g})" for own, value in zip(petals, mean))
    return [Verdict("accuracy at high frequencies grows with the petals", bool(correlation >= ENOUGH and gain >= GAIN),
                    f"mean accuracy at the upper half of the frequencies: {words}; rank correlation {correlation:.3f} (at "
                    f"least {ENOUGH}), gain {gain:.3f} (at least {GAIN})")]


if __name__ == "__main__":
    sys.exit(figure_command.main(sys.modules[__name__]))
