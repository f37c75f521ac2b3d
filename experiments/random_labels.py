#!/usr/bin/env python3
"""The figure of random_labels: networks fit random labels as they fit true ones, only later.

    random_labels.py FILE.h5 [-o DIR] [--format png,svg]

Draws training and test error over epochs for each fraction of labels drawn anew (Zhang et al. 2017).
"""

import sys

import numpy as np

import figure_command
import figure_style as style
from figure_command import Verdict, count, mean_over, repeats
from figure_style import plt
from figures import draw_epoch_lines
from sweep_file import FileError

KEY = "data.label_noise.fraction"


def by_fraction(file):
    """{fraction: runs}, by rising fraction."""
    if KEY not in file.axes:
        raise FileError(f"{file.path}: does not sweep {KEY}")
    groups = {float(values[0]): runs for values, runs in repeats(file, KEY).items()}
    return dict(sorted(groups.items()))


def title(fraction):
    return {0.0: "true labels", 1.0: "random labels"}.get(fraction, f"{100 * fraction:g} % of the labels random")


def figures(file):
    groups = by_fraction(file)
    epochs = style.EpochAxis(file.epoch)
    figure, axes = plt.subplots(1, len(groups), sharey=True, squeeze=False,
                                figsize=(style.COLUMN if len(groups) == 1 else style.PAGE, 2.2))
    for axis, (fraction, runs), letter in zip(axes[0], groups.items(), "abcdefgh"):
        draw_epoch_lines(axis, epochs, file.metric("test_error")[runs], "test", "test error")
        draw_epoch_lines(axis, epochs, file.metric("train_error")[runs], "train", "training error")
        epochs.decorate(axis)
        axis.set_ylim(-0.02, 1.02)
        axis.set_title(title(fraction))
        axis.set_xlabel("Epoch")
        style.panel_letter(axis, letter)
    axes[0, 0].set_ylabel("Error")
    axes[0, -1].legend(loc="lower left")
    n = max(len(runs) for runs in groups.values())
    caption = f"Errors over epochs with true labels and with labels drawn anew; {count(n, 'seed')}: means, lowest to highest."
    yield "error", figure, caption


def verdicts(file):
    fraction, runs = list(by_fraction(file).items())[-1]
    error, test = file.metric("train_error")[runs], mean_over(file.metric("test_error")[runs])[-1]
    first = [f"{file.epoch[np.argmax(one == 0)]:g}" if (one == 0).any() else "never" for one in error]
    words = (f"training error is 0 for the first time at epoch {', '.join(first)}, and {mean_over(error)[-1]:.4f} at the "
             f"end, with {title(fraction)}; test error {test:.3f}; {count(len(runs), 'seed')}")
    return [Verdict("random labels are fitted, all of them", bool((error == 0).any(axis=1).all()), words)]


if __name__ == "__main__":
    sys.exit(figure_command.main(sys.modules[__name__]))
