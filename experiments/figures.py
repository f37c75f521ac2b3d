#!/usr/bin/env python3
"""Figures of a spectrain file, as a paper would print them, and their captions on standard output.

    figures.py FILE.h5 [-o DIR] [--format png,svg] [--widths 21,47,300] [--x KEY] [--threshold 0.01]

  STEM_width      error and loss at the last record against width (or another swept key)
  STEM_epochs     error over epochs for a few widths: below, at and above the interpolation threshold
  STEM_spectrum_PROBE   share of each frequency in the energy over epochs for the same widths, with test error, error
                  on the noisy labels and the share of all frequencies above 0 beneath

Runs that differ in train.seed are averaged; what differs in other swept keys gets figures of its own.
Needs h5py, numpy and matplotlib.
"""

import argparse
import os
import re
import sys

try:
    import numpy as np

    import figure_style as style
    from analysis import energy_share
    from figure_style import plt
    from sweep_file import DONE, FileError, SweepFile
except ImportError as missing:
    sys.exit(f"figures.py: {missing}; needed: h5py, numpy, matplotlib")

PEAK_RISE = 0.03  # of a curve's range: what rises less is a ripple
MAP_FLOOR = 1e-12  # a share of the energy below this is drawn as this: a network that is constant has shares of 0

# What is drawn of each metric: line style, and the name in legends.
ERRORS = {"test_error": ("test", "test error"), "train_error": ("train", "training error"),
          "noisy_fit": ("noisy", "noisy labels fitted")}
TRAINING = [name for name in ERRORS if name != "test_error"]
LOSSES = {"test_loss": ("test", "test loss"), "train_loss": ("train", "training loss")}
KINDS = {**ERRORS, **LOSSES}


class Skip(Exception):
    """Why a figure cannot be drawn from this file."""


def short(key):
    return key.rsplit(".", 1)[-1]


def x_label(key):
    names = {"model.width": "Width (units per hidden layer)", "train.optimizer.lr": "Learning rate",
             "model.hidden_layers": "Hidden layers", "data.label_noise.fraction": "Fraction of noisy labels",
             "data.train": "Training examples"}
    return names.get(key, short(key).replace("_", " ").capitalize())


def name_of(key, value):
    if value is None:
        return ""
    return f"{short(key)} {value:g}" if not isinstance(value, str) else f"{short(key)} {value}"


def error_label(names):
    return "Share of examples" if "noisy_fit" in names else "Error"


def loss_label(file):
    unit = file.units("train_loss")
    return "Loss" if unit in ("", "1") else f"Loss ({unit})"


def number(value):
    """Three digits: "0.539", "0.0567", "5.74"."""
    return f"{value:#.3g}" if abs(value) < 100 else f"{value:.0f}"


# ---- what the curves say


def interpolation_threshold(xs, train_error, limit):
    """Index of the first x whose mean training error is below the limit; None when there is none."""
    for i in range(len(xs)):
        if train_error[i] < limit:
            return i
    return None


def interior_peak(values):
    """(index of the peak, index of the lowest point before it), or None. The peak is the point that rises highest above
    the lowest on both its sides, and is not surpassed later. Neither end is a peak, nor is a ripple."""
    if not np.isfinite(values).any():
        return None
    best, height = None, PEAK_RISE * (np.nanmax(values) - np.nanmin(values))
    for i in range(1, len(values) - 1):
        before, after = values[:i], values[i + 1:]
        if not (np.isfinite(values[i]) and np.isfinite(before).any() and np.isfinite(after).any()):
            continue
        if values[i] < np.nanmax(after):
            continue
        rise = min(values[i] - np.nanmin(before), values[i] - np.nanmin(after))
        if rise > height:
            best, height = (i, int(np.nanargmin(before))), rise
    return best


def peak_words(what, values, seeds, names):
    """One sentence on a curve's valley, peak and end. values: (place), seeds: (place, seed), names: (place)."""
    places = np.flatnonzero(np.isfinite(values))
    if len(places) == 0:
        return f"{what}: no values."

    def at(i):
        own = seeds[i][np.isfinite(seeds[i])]
        deviation = f" +- {own.std(ddof=1):.2g}" if len(own) > 1 else ""
        return f"{number(values[i])}{deviation} at {names[i]}"

    last = places[-1]
    peak = interior_peak(values)
    if peak is None:
        lowest = int(np.nanargmin(values))
        return f"{what}: lowest {at(lowest)}, no peak, last {at(last)}."
    return f"{what}: lowest before the peak {at(peak[1])}, peak {at(peak[0])}, last {at(last)}."


# ---- error and loss against width


def final_values(file, settings):
    """{metric: (seed, setting)} at the last record, of the runs that are done."""
    done = [[run for run in setting.runs if file.status[run] == DONE] for setting in settings]
    final = {}
    for name in KINDS:
        final[name] = np.full((max(len(runs) for runs in done), len(settings)), np.nan)
        for i, runs in enumerate(done):
            final[name][:len(runs), i] = file.metric(name)[runs, -1]
    return final


def mark_threshold(axes, x, at, limit):
    """A rule at place `at` of the x axis across the panels, and what it means above the first."""
    for axis in axes:
        axis.axvline(x.position[at], color=style.RULE, linewidth=0.7, linestyle=(0, (4, 2)), zorder=0)
    place = (at + 0.5) / len(x.position)
    side = "left" if place < 0.2 else "right" if place > 0.8 else "center"
    axes[0].annotate(f"interpolation threshold\n(training error < {100 * limit:g} %)", (x.position[at], 1),
                     xycoords=axes[0].get_xaxis_transform(), xytext=(0, 3), textcoords="offset points", ha=side,
                     va="bottom", fontsize=6.5, color=style.RULE, annotation_clip=False)


def width_caption(final, there, places, at, limit):
    n_seeds = len(final["test_error"])
    words = ["One seed." if n_seeds == 1 else
             f"Mean of {n_seeds} seeds; dots: single seeds; bands: lowest to highest; +-: standard deviation."]
    for name in ("test_error", "test_loss"):
        if name in there:
            words.append(peak_words(KINDS[name][1].capitalize(), style.spread(final[name])[0], final[name].T, places))
    below = f"mean training error below {100 * limit:g} %"
    if at is not None:
        words.append(f"Interpolation threshold ({below}): {places[at]}.")
    elif "train_error" in there:
        lowest = np.nanmin(style.spread(final["train_error"])[0])
        words.append(f"No setting reaches a {below}; lowest {number(lowest)}.")
    absent = [label for name, (_, label) in KINDS.items() if name not in there]
    if absent:
        words.append(f"Not in the file: {', '.join(absent)}.")
    return " ".join(words)


def draw_width(file, family, x_key, options):
    if x_key is None:
        raise Skip("no swept key besides the seed, so nothing to draw against")
    settings = [s for s in family.settings if any(file.status[run] == DONE for run in s.runs)]
    if not settings:
        raise Skip("no run is finished")
    final = final_values(file, settings)
    there = [name for name in KINDS if np.isfinite(final[name]).any()]
    # The test error has a panel of its own: its peak is small beside the fall of the training error.
    panels = [[name for name in there if name in panel] for panel in (["test_error"], TRAINING, LOSSES)]
    panels = [panel for panel in panels if panel]
    if not panels:
        raise Skip("the last record holds no loss and no error")

    x = style.ValueAxis([s.x for s in settings])
    figure, axes = plt.subplots(len(panels), 1, sharex=True, squeeze=False,
                                figsize=(style.COLUMN, 0.55 + 1.45 * len(panels)))
    for axis, panel, letter in zip(axes[:, 0], panels, "abc"):
        for name in panel:
            style.draw_spread(axis, x.position, final[name], *KINDS[name])
        if panel == ["test_error"]:
            axis.set_ylabel("Test error")
        else:
            axis.set_ylabel(error_label(panel) if panel[0] in ERRORS else loss_label(file))
            axis.set_ylim(bottom=-0.02 * axis.get_ylim()[1])
            axis.legend(loc="best")
        style.panel_letter(axis, letter)
        x.decorate(axis)
    axes[-1, 0].set_xlabel(x_label(x_key))
    at = interpolation_threshold(x.values, style.spread(final["train_error"])[0], options.threshold)
    if at is not None:
        mark_threshold(axes[:, 0], x, at, options.threshold)
    style.corner_note(figure, file.state())
    return figure, width_caption(final, there, [name_of(x_key, s.x) for s in settings], at, options.threshold)


# ---- which settings to show over epochs


def choose_settings(file, family, x_key, options):
    """[(setting, word)]: the wanted ones; else below, at and above the interpolation threshold."""
    settings = [s for s in family.settings if file.usable(s)]
    if not settings:
        raise Skip("no run has recorded anything")
    if options.widths:
        chosen = []
        for wanted in options.widths:
            match = [s for s in settings if is_value(s.x, wanted)]
            if not match:
                raise Skip(f"no run with {short(x_key)} {wanted} has recorded anything")
            chosen.append((match[0], ""))
        return chosen
    if len(settings) <= 3:
        return [(s, "") for s in settings]
    error = [np.nanmean(file.metric("train_error")[file.usable(s), -1]) if
             np.isfinite(file.metric("train_error")[file.usable(s), -1]).any() else np.nan for s in settings]
    at = interpolation_threshold(settings, error, options.threshold)
    if at is None or isinstance(settings[0].x, str):
        return [(settings[i], "") for i in (0, len(settings) // 2, len(settings) - 1)]
    picks = {at // 2: "below", at: "at the threshold", len(settings) - 1: "above"}
    if at == 0:
        picks = {0: "at the threshold", len(settings) // 2: "above", len(settings) - 1: "above"}
    return [(settings[i], word) for i, word in sorted(picks.items())]


def is_value(x, wanted):
    """Does the text given to --widths mean the value x?"""
    try:
        return bool(np.isclose(float(x), float(wanted), rtol=1e-6, atol=0))
    except ValueError:
        return x == wanted


def check_widths(file, x_key, wanted):
    for value in wanted:
        if x_key is None:
            raise FileError(f"--widths: {file.path} sweeps nothing but seeds")
        known = sorted(set(file.axes[x_key]))
        if not any(is_value(x, value) for x in known):
            raise FileError(f"--widths: {value} is not a {short(x_key)} of {file.path}; there are "
                            f"{', '.join(str(x) for x in known)}")


def column_title(axis, x_key, setting, word):
    name = name_of(x_key, setting.x) if x_key else ""
    axis.set_title(f"{name} ({word})" if word else name, loc="center")


def draw_epoch_lines(axis, epochs, values, kind, label=None):
    """Mean and band over seeds; the part after epoch 0 as a line, epoch 0 as a dot."""
    position = epochs.position()
    zero, after = epochs.split()
    if len(after):
        style.draw_spread(axis, position[after], values[:, after], kind, label, markers=len(after) == 1, dots=False)
    if len(zero):
        axis.plot(position[zero], style.spread(values[:, zero])[0], linestyle="none", marker="o", markersize=2.2,
                  color=style.LINES[kind]["color"], markeredgewidth=0, label=None if len(after) else label)


def epoch_places(file):
    return [f"epoch {epoch:g}" for epoch in file.epoch]


def panel_words(letter, x_key, setting, runs):
    name = name_of(x_key, setting.x)
    return f"({letter}) {name + ', ' if name else ''}{len(runs)} seed{'s' if len(runs) != 1 else ''}."


def seed_words(file, chosen):
    if max(len(file.usable(setting)) for setting, _ in chosen) == 1:
        return "One seed each."
    return "Lines: means over seeds; bands: lowest to highest; +-: standard deviation over seeds."


# ---- error over epochs


def draw_epochs(file, family, x_key, options):
    chosen = choose_settings(file, family, x_key, options)
    there = [name for name in ERRORS if any(np.isfinite(file.metric(name)[file.usable(s)]).any() for s, _ in chosen)]
    if not there:
        raise Skip("the file holds no errors (a regression target has none)")
    width = style.COLUMN if len(chosen) == 1 else style.PAGE
    figure, axes = plt.subplots(1, len(chosen), sharey=True, squeeze=False, figsize=(width, 2.1))
    epochs = style.EpochAxis(file.epoch)
    words = []
    for axis, (setting, word), letter in zip(axes[0], chosen, "abcdefghij"):
        runs = file.usable(setting)
        for name in there:
            draw_epoch_lines(axis, epochs, file.metric(name)[runs], *KINDS[name])
        epochs.decorate(axis)
        axis.set_ylim(-0.02, 1.02)
        axis.set_xlabel("Epoch")
        column_title(axis, x_key, setting, word)
        style.panel_letter(axis, letter)
        error = file.metric("test_error")[runs]
        words += [panel_words(letter, x_key, setting, runs),
                  peak_words("Test error", style.spread(error)[0], error.T, epoch_places(file))]
    axes[0, 0].set_ylabel(error_label(there))
    axes[0, 0].legend(loc="best")
    style.corner_note(figure, file.state())
    return figure, " ".join(words + [seed_words(file, chosen)])


# ---- spectrum over epochs


def frequency_edges(frequency):
    if len(frequency) == 1:
        return np.array([frequency[0] - 0.5, frequency[0] + 0.5])
    middle = (frequency[1:] + frequency[:-1]) / 2
    return np.concatenate(([2 * frequency[0] - middle[0]], middle, [2 * frequency[-1] - middle[-1]]))


def draw_map(axis, epochs, frequency, level, limits):
    """One strip a record, so that the gap after epoch 0 stays white."""
    left, right = epochs.cells()
    edges = frequency_edges(frequency)
    image = None
    for part in epochs.split():
        if len(part):
            x = np.concatenate((left[part], right[part[-1:]]))
            image = axis.pcolormesh(x, edges, level[part].T, vmin=limits[0], vmax=limits[1], cmap="viridis",
                                    rasterized=True, linewidth=0)
    axis.set_ylim(edges[0], edges[-1])
    for spine in ("top", "right"):
        axis.spines[spine].set_visible(False)
    return image


def draw_spectrum(file, family, x_key, options, probe):
    chosen = choose_settings(file, family, x_key, options)
    frequency, unit = file.frequency(probe)
    shares, high = [], []
    for setting, _ in chosen:
        share, above = energy_share(file.energy(probe, file.usable(setting)))
        shares.append(np.log10(np.maximum(style.spread(share)[0], MAP_FLOOR)))
        high.append(above)
    finite = np.concatenate([share[np.isfinite(share)] for share in shares])
    if len(finite) == 0:
        raise Skip(f"probe {probe} has recorded no energies")
    # The ends saturate: frequency 0 is far above the rest, and would take most of the colours.
    limits = np.percentile(finite, [1, 97])
    rows = {"Test error": ("test", lambda runs: file.metric("test_error")[runs]),
            "Noisy-label\nerror": ("noisy", lambda runs: 1 - file.metric("noisy_fit")[runs])}
    rows = {label: row for label, row in rows.items()
            if any(np.isfinite(row[1](file.usable(s))).any() for s, _ in chosen)}
    epochs = style.EpochAxis(file.epoch)
    n = len(chosen)
    figure, axes = plt.subplots(len(rows) + 2, n, sharex=True, sharey="row", squeeze=False,
                                figsize=(style.COLUMN if n == 1 else style.PAGE, 2.3 + 0.85 * (len(rows) + 1)),
                                gridspec_kw={"height_ratios": [2.1] + [1] * (len(rows) + 1)})
    words = []
    for column, ((setting, word), share, above, letter) in enumerate(zip(chosen, shares, high, "abcdefghij")):
        runs = file.usable(setting)
        image = draw_map(axes[0, column], epochs, frequency, share, limits)
        column_title(axes[0, column], x_key, setting, word)
        style.panel_letter(axes[0, column], letter)
        for axis, (kind, values) in zip(axes[1:, column], rows.values()):
            draw_epoch_lines(axis, epochs, values(runs), kind)
        draw_epoch_lines(axes[-1, column], epochs, above, "share")
        for axis in axes[:, column]:
            epochs.decorate(axis, break_mark=axis is axes[-1, column])
        axes[-1, column].set_xlabel("Epoch")
        words += [panel_words(letter, x_key, setting, runs),
                  peak_words("R", style.spread(above)[0], above.T, epoch_places(file))]
    axes[0, 0].set_ylabel(f"Frequency\n({unit})" if unit and unit != "1" else "Frequency")
    for axis, label in zip(axes[1:, 0], list(rows) + ["High-frequency\nshare $R$"]):
        axis.set_ylabel(label)
    for axis in axes[-1]:
        axis.set_ylim(bottom=0)
    bar = figure.colorbar(image, ax=list(axes[0]), extend="both", pad=0.01, aspect=14)
    bar.set_label(r"$\log_{10}\,(E_k\,/\,\Sigma_j\, E_j)$")
    bar.outline.set_linewidth(0.6)
    figure.align_ylabels(axes[:, 0])
    style.corner_note(figure, file.state())
    words.append("R: share of the energy at all frequencies above 0.")
    return figure, " ".join(words + [seed_words(file, chosen)])


# ---- the command


def arguments(argv):
    parser = argparse.ArgumentParser(prog="figures.py", description="Draw the figures of a spectrain file.")
    parser.add_argument("file", help="FILE.h5, from spectrain run or merge")
    parser.add_argument("-o", dest="folder", default="figures", metavar="DIR", help="where to (default: figures)")
    parser.add_argument("--format", default="png,svg", help="png, svg or pdf, several with commas (default: png,svg)")
    parser.add_argument("--widths", default="", help="widths (values of the x key) to show over epochs, with commas")
    parser.add_argument("--x", metavar="KEY", help="the swept key to draw against (default: model.width)")
    parser.add_argument("--threshold", type=float, default=0.01,
                        help="training error that counts as interpolation (default: 0.01)")
    options = parser.parse_args(argv)
    options.format = [form for form in options.format.split(",") if form]
    wrong = [form for form in options.format if form not in ("png", "svg", "pdf")]
    if wrong or not options.format:
        parser.error(f"--format: is {wrong[0] if wrong else 'empty'}; allowed: png, svg, pdf")
    options.widths = [value for value in options.widths.split(",") if value]
    return options


def draw_all(file, options):
    """Draw what the file allows; returns how many figures there are."""
    stem = os.path.splitext(os.path.basename(file.path))[0]
    x_key = file.choose_x(options.x)
    check_widths(file, x_key, options.widths)
    figures = [(short(x_key) if x_key else "width", draw_width), ("epochs", draw_epochs)]
    for probe in file.probes():
        figures.append((f"spectrum_{probe}",
                        lambda f, family, x, o, name=probe: draw_spectrum(f, family, x, o, name)))
    drawn = 0
    for family in file.families(x_key):
        suffix = "_" + re.sub(r"[^A-Za-z0-9.=-]+", "_", family.label.replace(" = ", "=")) if family.label else ""
        for name, draw in figures:
            try:
                figure, caption = draw(file, family, x_key, options)
            except Skip as reason:
                print(f"figures.py: {stem}_{name}{suffix}: not drawn: {reason}", file=sys.stderr)
                continue
            if family.label:
                figure.suptitle(family.label, fontsize=8)
            try:
                paths = style.save(figure, options.folder, f"{stem}_{name}{suffix}", options.format)
            except OSError as error:
                raise FileError(f"{error.filename}: cannot be written: {error.strerror}") from None
            state = f" [{file.state()}]" if file.state() else ""
            print(f"{', '.join(paths)}: {family.label + ': ' if family.label else ''}{caption}{state}")
            drawn += 1
    if not file.probes():
        print(f"figures.py: {stem}_spectrum: not drawn: the file has no probe", file=sys.stderr)
    return drawn


def main(argv=None):
    options = arguments(argv)
    style.use_style()
    try:
        with SweepFile(options.file) as file:
            drawn = draw_all(file, options)
            if drawn == 0:
                raise FileError(f"{options.file}: nothing to draw")
    except FileError as error:
        print(f"figures.py: {error}", file=sys.stderr)
        return 1
    except OSError as error:  # a damaged data set shows when it is read
        reason = str(error).split("\n")[0]
        print(f"figures.py: {options.file}: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
