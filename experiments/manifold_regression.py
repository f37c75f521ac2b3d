#!/usr/bin/env python3
"""The figure of manifold_regression: how early each frequency is learnt along curves with more and fewer petals.

    manifold_regression.py FILE.h5 [-o DIR] [--format png,svg]

Draws, for each number of petals, the amplitude of the network at each frequency of the target along the curve, relative
to the target's, over training (Rahaman et al. 2019, fig. 4).
"""

import sys

import numpy as np

import figure_command
import figure_style as style
from analysis import normalised_amplitude, rank_correlation
from figure_command import Verdict, count, mean_over, repeats
from figure_style import plt
from spectral_bias import cell_edges, scale
from sweep_file import FileError

KEY = "data.petals"
ENOUGH = 0.9  # rank correlation of the petals with the high frequencies' mean amplitude


def amplitudes(file):
    """(frequencies, {petals: mean amplitude (record, frequency)}, number of runs of each)."""
    probes = [name for name in file.probes() if file.probe_setting(name, "kind") == "manifold"]
    if not probes or KEY not in file.axes:
        raise FileError(f"{file.path}: sweeps no {KEY}, or has no probe manifold")
    groups = {float(values[0]): runs for values, runs in repeats(file, KEY).items()}
    frequency, found = None, {}
    for petals in sorted(groups):
        frequency, amplitude = normalised_amplitude(file, probes[0], groups[petals])
        found[petals] = mean_over(amplitude)
    return frequency, found, max(len(runs) for runs in groups.values())


def figures(file):
    frequency, found, n = amplitudes(file)
    unit, label = scale(file.epoch[-1])
    time = file.epoch / unit
    edges, place = np.clip(cell_edges(time), time[0], time[-1]), np.arange(len(frequency) + 1) - 0.5
    figure, axes = plt.subplots(1, len(found), sharey=True, squeeze=False, figsize=(style.PAGE, 2.2))
    for axis, (petals, amplitude), letter in zip(axes[0], found.items(), "abcdefgh"):
        image = axis.pcolormesh(place, edges, amplitude, vmin=0, vmax=1, cmap="viridis", rasterized=True, linewidth=0)
        shown = np.arange(0, len(frequency), 1 + len(frequency) // 6)
        axis.set_xticks(shown, [f"{frequency[i]:g}" for i in shown])
        axis.set_xlabel("Frequency $k$")
        axis.set_title(f"$L$ = {petals:g}")
        style.panel_letter(axis, letter)
    axes[0, 0].set_ylabel(label)
    bar = figure.colorbar(image, ax=list(axes[0]), extend="max", pad=0.01, aspect=22)
    bar.set_label("Normalised amplitude")
    bar.outline.set_linewidth(0.6)
    caption = (f"Amplitude along the curve at each frequency (cycles per turn) of the target over that of the target, by "
               f"the number of petals L; mean of {count(n, 'run')}.")
    yield "amplitude", figure, caption


def verdicts(file):
    frequency, found, n = amplitudes(file)
    high = frequency >= np.median(frequency)
    learnt = [float(np.nanmean(np.minimum(amplitude[:, high], 1))) for amplitude in found.values()]
    correlation = rank_correlation(list(found), learnt)
    words = ", ".join(f"{value:.3f} (L = {petals:g})" for petals, value in zip(found, learnt))
    return [Verdict("more petals, and high frequencies are learnt earlier", bool(correlation >= ENOUGH),
                    f"normalised amplitude of the upper half of the frequencies, mean over training: {words}; rank "
                    f"correlation with L {correlation:.3f} (at least {ENOUGH}); {count(n, 'run')} each")]


if __name__ == "__main__":
    sys.exit(figure_command.main(sys.modules[__name__]))
