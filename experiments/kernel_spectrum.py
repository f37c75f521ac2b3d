#!/usr/bin/env python3
"""The figure of kernel_spectrum: which eigenvectors of the kernel are fitted first, and the dip of the validation.

    kernel_spectrum.py FILE.h5 [-o DIR] [--format png,svg]

Draws (a) the network's coefficients in the eigenbasis over those of the noisy target, by bins of eigenvectors, over
training; (b) the losses on noisy and on clean targets (Rahaman et al. 2019, notebook "MNIST with kernels").
"""

import sys

import numpy as np

import figure_command
import figure_style as style
from analysis import rank_correlation
from figure_command import Verdict, count, mean_over, repeats
from figure_style import plt
from figures import draw_epoch_lines, draw_map
from sweep_file import FileError

ORDER, DIP = -0.7, 1.5  # rank correlation of the mean coefficient with the bin; the loss at the end over its dip


def coefficients(file):
    """(runs, bins from 0, root of energy over the noisy target's (record, bin)), mean over runs."""
    probes = [name for name in file.probes() if file.probe_setting(name, "kind") == "kernel"]
    if not probes:
        raise FileError(f"{file.path}: no probe kernel; expected one")
    runs = repeats(file)[()]
    target = np.asarray(file.h5[f"probes/{probes[0]}/target_energy"][...], dtype=float)
    return runs, np.arange(len(target)), np.sqrt(mean_over(file.energy(probes[0], runs)) / target)


def figures(file):
    runs, bins, relative = coefficients(file)
    epochs = style.EpochAxis(file.epoch)
    figure, axes = plt.subplots(1, 2, figsize=(style.PAGE, 2.4))
    image = draw_map(axes[0], epochs, bins, relative, (0, 1))
    bar = figure.colorbar(image, ax=axes[0], extend="max", pad=0.02, aspect=22)
    bar.set_label("Relative coefficient")
    bar.outline.set_linewidth(0.6)
    axes[0].set_ylabel("Bin of eigenvectors\n(0: the largest eigenvalues)")
    draw_epoch_lines(axes[1], epochs, file.metric("test_loss")[runs], "test", "clean targets")
    draw_epoch_lines(axes[1], epochs, file.metric("train_loss")[runs], "train", "noisy targets")
    axes[1].set_ylim(bottom=0)
    axes[1].set_ylabel("Loss (mean squared error)")
    axes[1].legend(loc="best")
    for axis, letter in zip(axes, "ab"):
        epochs.decorate(axis)
        axis.set_xlabel("Iteration")
        style.panel_letter(axis, letter)
    caption = (f"(a) Root of the network's energy over that of the noisy target, by bins of the kernel's eigenvectors. "
               f"(b) Losses on the same images with noisy and clean targets. {count(len(runs), 'seed')}.")
    yield "coefficients", figure, caption


def verdicts(file):
    runs, bins, relative = coefficients(file)
    # A bin holds noise and some of the clean target: what tells is how long it stays unfitted, not a first crossing.
    fitted = np.nanmean(np.minimum(relative, 1), axis=0)
    correlation, quarter = rank_correlation(bins, fitted), max(1, len(bins) // 4)
    loss = mean_over(file.metric("test_loss")[runs])[1:]
    dip = int(np.nanargmin(loss))
    return [
        Verdict("top eigenfunctions are fitted first", bool(correlation <= ORDER),
                f"relative coefficient, at most 1, mean over the records: {fitted[:quarter].mean():.3f} in the first quarter "
                f"of the bins, {fitted[-quarter:].mean():.3f} in the last; rank correlation with the bin "
                f"{correlation:.3f} (at most {ORDER})"),
        Verdict("validation dips before the noise is fitted", bool(loss[-1] >= DIP * loss[dip]),
                f"loss on clean targets {loss[dip]:.3f} at iteration {file.epoch[1 + dip]:g}, {loss[-1]:.3f} at the end, "
                f"{loss[-1] / loss[dip]:.2f} times it (at least {DIP:g})"),
    ]


if __name__ == "__main__":
    sys.exit(figure_command.main(sys.modules[__name__]))
