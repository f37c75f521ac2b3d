#!/usr/bin/env python3
"""Figures of spectral_bias_equal and spectral_bias_increasing: when each frequency of the target is learnt.

    spectral_bias.py FILE.h5 [-o DIR] [--format png,svg]

Draws (a) the amplitude of the network at each frequency of the target, relative to the target's, over training
(Rahaman et al. 2019, fig. 1); (b) when it reaches one half; (c) the spectral norm of each layer's weights.
"""

import sys

import numpy as np

import figure_command
import figure_style as style
from analysis import LEVEL, crossing_times, normalised_amplitude, over_runs, rank_correlation
from figure_command import Verdict, count, mean_over, repeats
from figure_style import plt
from sweep_file import FileError

ENOUGH = 0.9  # rank correlation of crossing time with frequency

# Layers, from the first to the last: dark to light in one hue after the other, told apart by line style too.
DASHES = ["-", (0, (5, 1)), (0, (3, 1)), (0, (2, 1, 1, 1)), (0, (1, 1)), (0, (4, 1, 1, 1, 1, 1))]


def measured(file):
    """(runs, frequencies, amplitude (run, record, frequency)) of the first probe with a known target."""
    runs = repeats(file)[()]
    for probe in file.probes():
        try:
            return (runs, *normalised_amplitude(file, probe, runs))
        except FileError:
            continue
    raise FileError(f"{file.path}: no probe grid1d on data with targets; expected one")


def crossings(file):
    """(frequencies, mean crossing time, deviation, number of runs)."""
    runs, frequency, amplitude = measured(file)
    mean, deviation, _ = over_runs(crossing_times(file.epoch, amplitude))
    return frequency, mean, deviation, len(runs)


def scale(last):
    """(divisor, label) of an axis of iterations."""
    return (1000.0, "Iteration (thousands)") if last >= 5000 else (1.0, "Iteration")


def cell_edges(centres):
    middle = (centres[1:] + centres[:-1]) / 2
    if len(middle) == 0:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    return np.concatenate(([2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]))


def draw_map(figure, axis, file, frequency, amplitude):
    unit, label = scale(file.epoch[-1])
    time = file.epoch / unit
    edges = np.clip(cell_edges(time), time[0], time[-1])
    place = np.arange(len(frequency) + 1) - 0.5
    image = axis.pcolormesh(place, edges, amplitude, vmin=0, vmax=1, cmap="viridis", rasterized=True, linewidth=0)
    axis.set_xticks(np.arange(len(frequency)), [f"{k:g}" for k in frequency])
    axis.set_xlabel("Frequency $k$ (cycles per unit)")
    axis.set_ylabel(label)
    bar = figure.colorbar(image, ax=axis, extend="max", pad=0.02, aspect=22)
    bar.set_label("Normalised amplitude")
    bar.outline.set_linewidth(0.6)


def draw_crossings(axis, frequency, mean, deviation, last):
    reached = np.isfinite(mean)
    axis.errorbar(frequency[reached], mean[reached], yerr=np.nan_to_num(deviation[reached]), fmt="o-", markersize=3,
                  linewidth=1, elinewidth=0.7, capsize=1.5, color=style.LINES["train"]["color"])
    axis.plot(frequency[~reached], np.full((~reached).sum(), last), linestyle="none", marker="^", markersize=4,
              markerfacecolor="none", color=style.LINES["test"]["color"], label="not by the end\nin some run")
    axis.set_yscale("log")
    axis.set_xticks(frequency[:: 1 + len(frequency) // 8])
    axis.set_xlabel("Frequency $k$ (cycles per unit)")
    axis.set_ylabel(f"Iteration where the\namplitude reaches {LEVEL:g}")
    if (~reached).any():
        axis.legend(loc="lower right")


def draw_norms(axis, file, norms):
    """norms (run, record, layer)."""
    unit, label = scale(file.epoch[-1])
    colours = plt.get_cmap("cividis")(np.linspace(0.0, 0.9, norms.shape[2]))
    for layer in range(norms.shape[2]):
        mean, low, high = style.spread(norms[:, :, layer])
        axis.fill_between(file.epoch / unit, low, high, color=colours[layer], alpha=0.2, linewidth=0)
        axis.plot(file.epoch / unit, mean, color=colours[layer], linestyle=DASHES[layer % len(DASHES)],
                  label=f"layer {layer + 1}")
    axis.set_xlabel(label)
    axis.set_ylabel("Spectral norm of the weights")
    axis.set_ylim(0, 1.4 * np.nanmax(norms))
    axis.legend(loc="upper left", ncols=2, columnspacing=1, handlelength=1.8)


def norms_of(file, runs):
    return np.stack([np.asarray(file.h5["metrics/spectral_norm"][run], dtype=float) for run in runs])


def figures(file):
    runs, frequency, amplitude = measured(file)
    _, mean, deviation, n = crossings(file)
    figure, axes = plt.subplots(1, 3, figsize=(style.PAGE, 2.3), gridspec_kw={"width_ratios": [1.25, 1, 1]})
    draw_map(figure, axes[0], file, frequency, mean_over(amplitude))
    draw_crossings(axes[1], frequency, mean, deviation, file.epoch[-1])
    draw_norms(axes[2], file, norms_of(file, runs))
    for axis, letter in zip(axes, "abc"):
        style.panel_letter(axis, letter)
    caption = (f"(a) Amplitude of the network at each frequency of the target over that of the target, mean of "
               f"{count(n, 'run')}. (b) Iteration at which it first reaches {LEVEL:g}: mean and standard deviation over "
               f"runs. (c) Largest singular value of each layer's weights: mean; bands: lowest to highest.")
    yield "amplitude", figure, caption


def verdicts(file):
    frequency, mean, _, n = crossings(file)
    correlation = rank_correlation(frequency, mean)
    order = (f"rank correlation of mean crossing time with frequency {correlation:.3f} (at least {ENOUGH}), "
             f"{np.isfinite(mean).sum()} of {len(frequency)} frequencies reach {LEVEL:g} in all of {count(n, 'run')}")
    found = [Verdict("low frequencies are learnt first", bool(correlation >= ENOUGH), order)]
    norms = mean_over(norms_of(file, repeats(file)[()]))
    first = int(np.searchsorted(file.epoch, mean[0])) if np.isfinite(mean[0]) else 0
    first = min(first, len(file.epoch) - 1)
    growth = norms[-1] / norms[first]
    words = (f"from the first frequency's crossing to the end by factors {', '.join(f'{g:.2f}' for g in growth)}, "
             "from the first layer to the last (each above 1)")
    found.append(Verdict("the spectral norm of each layer grows while higher frequencies are fitted",
                         bool((growth > 1).all()), words))
    return found


if __name__ == "__main__":
    sys.exit(figure_command.main(sys.modules[__name__]))
