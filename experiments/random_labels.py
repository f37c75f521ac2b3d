#!/usr/bin/env python3
"""The figure of random_labels: networks fit random labels as they fit true ones, only later.

    random_labels.py FILE.h5 [-o DIR] [--format png,svg]

Draws training and test error over epochs for each fraction of labels drawn anew (Zhang et al. 2017).
"""

import sys

import figure_command
import figure_style as style
from figure_command import Verdict, count, mean_over, repeats
from figure_style import plt
from figures import draw_epoch_lines
from sweep_file import FileError

KEY = "data.label_noise.fraction"
FITTED = 0.001  # training error


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
    train, test = (mean_over(file.metric(name)[runs])[-1] for name in ("train_error", "test_error"))
    words = (f"training error {train:.4f} at the end (below {FITTED:g}) with {title(fraction)}, test error {test:.3f}; mean "
             f"of {count(len(runs), 'seed')}")
    return [Verdict("random labels are fitted", bool(train < FITTED), words)]


if __name__ == "__main__":
    sys.exit(figure_command.main(sys.modules[__name__]))
