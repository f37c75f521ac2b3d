#!/usr/bin/env python3
"""The figure of epochs_mnist1d: descent, ascent and second descent over epochs, and the spectrum that turns first.

    epochs.py FILE.h5 [-o DIR] [--format png,svg]

Draws (a) the energies along lines through training examples, log10(E_k / sum_j E_j), over epochs, with test error and
the share of noisy labels fitted laid over it (Zhang, Xiong and Wu 2021); (b) the test error; (c) R, the share of the
energy above frequency 0.
"""

import sys
from dataclasses import dataclass

import matplotlib.patheffects as effects
import numpy as np

import figure_command
import figure_style as style
from analysis import energy_share, peak_and_end
from figure_command import Verdict, count, mean_over, repeats
from figure_style import plt
from figures import MAP_FLOOR, draw_epoch_lines, draw_map
from sweep_file import FileError

# What counts as seen, of means over seeds.
FIRST_BY, RISE, FALL = 20, 0.03, 0.012  # epoch of the first minimum; rise to the maximum; fall to the end
NEAR, DECLINE, MEMORISED = 1.8, 0.9, 0.99  # factor in epochs of R's peak; R's end over its peak; noisy_fit at the end
TAIL = 0.07  # of the records: the last ones, whose mean is the level after


@dataclass
class Descents:
    """Epochs and test errors (mean over seeds) of the first minimum, the maximum after it, and the end."""

    lowest: tuple
    highest: tuple
    last: float


def descents(epoch, error):
    """The largest rise of a curve of test errors; the end is the mean of its last records."""
    there = np.flatnonzero(np.isfinite(error))
    if len(there) < 3:
        raise FileError(f"{len(there)} records with a test error; expected at least 3")
    lowest = np.minimum.accumulate(error[there])
    top = int(np.argmax(error[there] - lowest))
    bottom = int(np.argmin(error[there][:top + 1]))
    tail = error[there][-max(1, round(TAIL * len(there))):]
    at = lambda i: (float(epoch[there[i]]), float(error[there[i]]))
    return Descents(at(bottom), at(top), float(tail.mean()))


def line_probe(file):
    """The probe along lines through training examples."""
    found = [name for name in file.probes() if file.probe_setting(name, "kind") == "line"]
    through_train = [name for name in found if file.probe_setting(name, "split") == "train"]
    if not through_train:
        raise FileError(f"{file.path}: no probe line with split train; expected one")
    return through_train[0]


def overlay(axis, epochs, values, kind, label):
    """A mean line with a white edge, over the map, from 0 to 1 on its right side."""
    _, after = epochs.split()
    line, = axis.plot(epochs.position()[after], mean_over(values)[after], label=label,
                      **{**style.LINES[kind], "marker": None, "linewidth": 1.3})
    line.set_path_effects([effects.Stroke(linewidth=2.6, foreground="white"), effects.Normal()])
    return line


def figures(file):
    runs, probe = repeats(file)[()], line_probe(file)
    share, high = energy_share(file.energy(probe, runs))
    frequency, unit = file.frequency(probe)
    level = np.log10(np.maximum(mean_over(share), MAP_FLOOR))
    if not np.isfinite(level).any():
        raise FileError(f"{file.path}: probe {probe} has recorded no energies")
    epochs = style.EpochAxis(file.epoch)
    figure, places = plt.subplot_mosaic("ab;ac", figsize=(style.PAGE, 2.9), gridspec_kw={"width_ratios": [1.35, 1]})
    axes = [places[letter] for letter in "abc"]
    image = draw_map(axes[0], epochs, frequency, level, np.percentile(level[np.isfinite(level)], [1, 97]))
    axes[0].set_ylabel(f"Frequency\n({unit})")
    right = axes[0].twinx()
    right.spines["right"].set_visible(True)
    lines = [overlay(right, epochs, file.metric("test_error")[runs], "test", "test error"),
             overlay(right, epochs, file.metric("noisy_fit")[runs], "noisy", "noisy labels fitted")]
    right.set_ylim(0, 1.02)
    right.set_ylabel("Share of examples")
    axes[0].legend(handles=lines, loc="lower center", bbox_to_anchor=(0.55, 1.0), ncols=2)
    bar = figure.colorbar(image, ax=axes[0], location="right", extend="both", pad=0.02, aspect=22)
    bar.set_label(r"$\log_{10}\,(E_k\,/\,\Sigma_j\, E_j)$")
    bar.outline.set_linewidth(0.6)
    draw_epoch_lines(axes[1], epochs, file.metric("test_error")[runs], "test")
    axes[1].set_ylabel("Test error")
    draw_epoch_lines(axes[2], epochs, high, "share")
    axes[2].set_ylabel("High-frequency\nshare $R$")
    zoom(axes[1], file.metric("test_error")[runs])
    zoom(axes[2], high)
    axes[0].set_xlabel("Epoch")
    axes[2].set_xlabel("Epoch")
    for axis, letter in zip(axes, "abc"):
        epochs.decorate(axis, break_mark=axis is not axes[1])
        style.panel_letter(axis, letter)
    mark_turns(axes[1:], epochs, file, runs, high)
    axes[1].tick_params(labelbottom=False)
    figure.align_ylabels(axes[1:])
    caption = (f"(a) Energy along lines through training examples by frequency, with test error and the share of noisy "
               f"labels fitted laid over it. (b) Test error, (c) R = sum over k >= 1 of E_k / sum over all k. "
               f"{count(len(runs), 'seed')}: means; bands: lowest to highest. Rules: the first minimum and the later "
               "maximum of the test error in (b), the peak of R in (c).")
    yield "spectrum", figure, caption


def zoom(axis, values):
    """Limits of what comes after the first 4 % of the records: the turns are small beside what comes before."""
    late = mean_over(values)[max(1, values.shape[1] // 25):]
    low, high = np.nanmin(late), np.nanmax(late)
    axis.set_ylim(low - 0.25 * (high - low), high + 0.25 * (high - low))


def mark_turns(axes, epochs, file, runs, high):
    turns = descents(file.epoch, mean_over(file.metric("test_error")[runs]))
    peak, _, _ = peak_and_end(file.epoch, mean_over(high))
    for axis, places in ((axes[0], (turns.lowest[0], turns.highest[0])), (axes[1], (peak,))):
        for place in places:
            if place > 0:
                axis.axvline(np.log10(place), color=style.RULE, linewidth=0.7, linestyle=(0, (4, 2)), zorder=0)
                axis.annotate(f"{place:g}", (np.log10(place), 1), xycoords=axis.get_xaxis_transform(), xytext=(2, 0),
                              textcoords="offset points", va="top", fontsize=6.5, color=style.RULE)


def verdicts(file):
    runs = repeats(file)[()]
    turns = descents(file.epoch, mean_over(file.metric("test_error")[runs]))
    high = mean_over(energy_share(file.energy(line_probe(file), runs))[1])
    peak_epoch, peak, end = peak_and_end(file.epoch, high)
    noisy = mean_over(file.metric("noisy_fit")[runs])[-1]
    rise, fall = turns.highest[1] - turns.lowest[1], turns.highest[1] - turns.last
    apart = max(peak_epoch, turns.highest[0]) / max(min(peak_epoch, turns.highest[0]), 1)
    return [
        Verdict("test error descends, ascends, and descends again",
                bool(turns.lowest[0] < FIRST_BY and rise >= RISE and fall >= FALL),
                f"minimum {turns.lowest[1]:.3f} at epoch {turns.lowest[0]:g} (before {FIRST_BY}), maximum "
                f"{turns.highest[1]:.3f} at epoch {turns.highest[0]:g} (a rise of {rise:.3f}, at least {RISE}), then "
                f"{turns.last:.3f} (a fall of {fall:.3f}, at least {FALL}); mean of {count(len(runs), 'seed')}"),
        Verdict("R peaks near the peak of the test error and falls, while the noise is memorised",
                bool(apart <= NEAR and end <= DECLINE * peak and noisy >= MEMORISED),
                f"R's peak {peak:.4f} at epoch {peak_epoch:g}, a factor {apart:.2f} from that of the test error (at most "
                f"{NEAR}); {end:.4f} at the end, {end / peak:.2f} of it (at most {DECLINE}); noisy_fit {noisy:.3f} at the "
                f"end (at least {MEMORISED})"),
    ]


if __name__ == "__main__":
    sys.exit(figure_command.main(sys.modules[__name__]))
