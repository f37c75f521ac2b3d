#!/usr/bin/env python3
"""The figure of noise_frequency: loss on clean targets by the frequency of the label noise.

    noise_frequency.py FILE.h5 [-o DIR] [--format png,svg]

Draws, over training, (a) the training loss, noise included, and (b) the test loss on clean targets, a curve for each
frequency of the noise (Rahaman et al. 2019, sect. 5).
"""

import sys

import numpy as np

import figure_command
import figure_style as style
from figure_command import Verdict, mean_over, repeats
from figure_style import plt
from sweep_file import FileError

KEY = "data.label_noise.frequency"
DIPS = 1.5  # times the test loss without noise at the same iteration: within, at the dip with high frequency
RUINED = 2.0  # times the lowest test loss without noise: above, at best with low frequency

# No noise in black; then from low to high frequency, told apart by line style and by colour (Okabe and Ito).
STYLES = [("#000000", "-"), ("#D55E00", "-"), ("#0072B2", (0, (5, 1.5))), ("#009E73", (0, (3, 1, 1, 1))),
          ("#CC79A7", (0, (1, 1))), ("#E69F00", (0, (6, 1, 1, 1, 1, 1)))]


def losses(file):
    """{frequency: (training loss, test loss)}, means over seeds (record), by rising frequency."""
    if KEY not in file.axes:
        raise FileError(f"{file.path}: does not sweep {KEY}")
    groups = {float(values[0]): runs for values, runs in repeats(file, KEY).items()}
    return {k: tuple(mean_over(file.metric(name)[groups[k]]) for name in ("train_loss", "test_loss"))
            for k in sorted(groups)}


def figures(file):
    curves = losses(file)
    figure, axes = plt.subplots(1, 2, figsize=(style.PAGE, 2.4))
    for i, (k, both) in enumerate(curves.items()):
        colour, dash = STYLES[(i if 0.0 in curves else i + 1) % len(STYLES)]
        for axis, loss in zip(axes, both):
            after = file.epoch > 0
            axis.plot(file.epoch[after], loss[after], color=colour, linestyle=dash,
                      label="no noise" if k == 0 else f"$k$ = {k:g}")
    for axis, label, letter in zip(axes, ("Training loss (noisy targets)", "Test loss (clean targets)"), "ab"):
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xlabel("Iteration")
        axis.set_ylabel(label)
        style.panel_letter(axis, letter)
    axes[0].legend(loc="lower left")
    caption = ("Mean squared error on (a) the training targets, with noise sin(2 pi k ||x||), and (b) clean targets of "
               "other images, by the frequency k of the noise in cycles per unit of ||x||.")
    yield "loss", figure, caption


def verdicts(file):
    curves = losses(file)
    noisy = [k for k in curves if k > 0]
    if 0.0 not in curves or len(noisy) < 2:
        raise FileError(f"{file.path}: holds noise frequencies {', '.join(f'{k:g}' for k in curves)}; expected 0 and at "
                        "least two others")
    clean, low, high = (curves[k][1][1:] for k in (0.0, noisy[0], noisy[-1]))
    ruin, dip = float(np.nanmin(low) / np.nanmin(clean)), int(np.nanargmin(high))
    near = float(high[dip] / clean[dip])
    words = (f"at k = {noisy[0]:g} the lowest test loss is {ruin:.2f} times that without noise (at least {RUINED:g}); at k = "
             f"{noisy[-1]:g} it dips to {high[dip]:.3f} at iteration {file.epoch[1 + dip]:g}, {near:.2f} times the one "
             f"without noise then (at most {DIPS:g}), and ends at {high[-1]:.3f}")
    return [Verdict("noise of low frequency ruins the validation; with high frequency it dips to near the noise-free "
                    "level first", bool(ruin >= RUINED and near <= DIPS), words)]


if __name__ == "__main__":
    sys.exit(figure_command.main(sys.modules[__name__]))
