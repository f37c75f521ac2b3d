#!/usr/bin/env python3
"""The figures of double_descent_mnist1d and double_descent_fashion: test error peaks where training error reaches 0.

    double_descent.py FILE.h5 [-o DIR] [--format png,svg]

Draws (1) errors and losses at the end against width, with the interpolation threshold (Belkin et al. 2019, Greydanus
and Kobak 2020); (2) the energies along lines through training examples over epochs, below, at and above the threshold.
figures.py draws the same of any sweep over widths, with options.
"""

import sys

import numpy as np

import figure_command
from figure_command import Verdict, count, mean_over, repeats
from figures import Skip, arguments, draw_spectrum, draw_width, interpolation_threshold
from sweep_file import DATA_SEED, FileError

WIDTH = "model.width"
INTERPOLATES = 0.01  # training error
RISE = 0.02  # of the test error, from the lowest before the peak to the peak, and from there to the widest
LOSS_RISE = 1.2  # factor: the same of the test loss
NEAR = 3.0  # factor in width of the peak and the threshold


def by_width(file, metric):
    """(widths, mean over seeds of a metric at the last record), by rising width."""
    if WIDTH not in file.axes:
        raise FileError(f"{file.path}: does not sweep {WIDTH}")
    groups = {values[0]: runs for values, runs in repeats(file, WIDTH).items()}
    widths = sorted(groups)
    return widths, np.array([mean_over(file.metric(metric)[groups[width]])[-1] for width in widths])


def peak(values):
    """(lowest before, peak, last): indices of the largest rise that is followed by a fall as large. The peak is where
    the smaller of the rise before it and the fall from it to the end is largest."""
    lowest = np.minimum.accumulate(values)
    top = int(np.argmax(np.minimum(values - lowest, values - values[-1])))
    return int(np.argmin(values[:top + 1])), top, len(values) - 1


def figures(file):
    by_width(file, "test_error")  # says what the file lacks, if it does
    options, families = arguments([file.path]), file.families(WIDTH)
    if len(families) > 1:
        raise FileError(f"{file.path}: sweeps {DATA_SEED}; expected one draw of the data")
    try:
        yield "width", *draw_width(file, families[0], WIDTH, options)
        for probe in file.probes():
            yield f"spectrum_{probe}", *draw_spectrum(file, families[0], WIDTH, options, probe)
    except Skip as reason:
        raise FileError(f"{file.path}: {reason}") from None


def near_words(widths, threshold, top):
    """(is the peak near the threshold, in words)."""
    if threshold is None:
        return False, f"no width reaches a training error below {100 * INTERPOLATES:g} %"
    apart = max(widths[threshold], widths[top]) / min(widths[threshold], widths[top])
    return apart <= NEAR, (f"training error is below {100 * INTERPOLATES:g} % from width {widths[threshold]} on, a factor "
                           f"{apart:.2f} away (at most {NEAR:g})")


def verdicts(file):
    widths, error = by_width(file, "test_error")
    loss = by_width(file, "test_loss")[1]
    threshold = interpolation_threshold(widths, by_width(file, "train_error")[1], INTERPOLATES)
    seeds = f"mean of {count(len(file.status) // len(widths), 'seed')}"
    low, top, last = peak(error)
    rise, fall = error[top] - error[low], error[top] - error[last]
    near, where = near_words(widths, threshold, top)
    words = (f"test error {error[low]:.3f} at width {widths[low]}, {error[top]:.3f} at {widths[top]} (a rise of {rise:.3f}, "
             f"at least {RISE:g}), {error[last]:.3f} at {widths[last]} (a fall of {fall:.3f}, at least {RISE:g}); "
             f"{where}; {seeds}")
    found = [Verdict("test error peaks at the interpolation threshold and descends beyond",
                     bool(rise >= RISE and fall >= RISE and near), words)]
    low, top, last = peak(loss)
    rise, fall = loss[top] / loss[low], loss[top] / loss[last]
    near, where = near_words(widths, threshold, top)
    words = (f"test loss {loss[low]:.2f} at width {widths[low]}, {loss[top]:.2f} at {widths[top]}, {rise:.2f} times it (at "
             f"least {LOSS_RISE:g}) and {fall:.2f} times the {loss[last]:.2f} at {widths[last]} (at least {LOSS_RISE:g}); "
             f"{where}; {seeds}")
    return found + [Verdict("test loss peaks at the interpolation threshold and descends beyond",
                            bool(rise >= LOSS_RISE and fall >= LOSS_RISE and near), words)]


if __name__ == "__main__":
    sys.exit(figure_command.main(sys.modules[__name__]))
