"""The look of the figures: sizes, colours, axes, and how they are saved.

Sizes are those of a two-column page: 3.4 in for one column, 7 in for both, type of 7 to 8 points at that size.
"""

import logging
import os

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib import ticker

COLUMN, PAGE = 3.4, 7.0  # inches

# Okabe and Ito's palette: told apart with every kind of colour vision. Line style and marker tell the same in grey.
LINES = {
    "test": dict(color="#D55E00", linestyle="-", marker="o"),
    "train": dict(color="#0072B2", linestyle="--", marker="s"),
    "noisy": dict(color="#009E73", linestyle="-.", marker="^"),
    "share": dict(color="#000000", linestyle="-", marker="o"),
}
RULE = "0.35"  # marks and rules that are not data

RC = {
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica", "Arial", "Nimbus Sans", "Liberation Sans", "DejaVu Sans"],
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "axes.titlepad": 4,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.direction": "out",
    "ytick.direction": "out",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "lines.linewidth": 1.1,
    "lines.markersize": 2.6,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "legend.borderaxespad": 0.3,
    "legend.labelspacing": 0.3,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.03,
    "figure.constrained_layout.w_pad": 0.03,
    "savefig.dpi": 300,
    "svg.hashsalt": "spectrain",  # names in the drawing that do not change when it is drawn again
}


def use_style():
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    plt.rcParams.update(RC)


def save(figure, folder, stem, formats):
    """Write folder/stem.FORMAT for each format; returns the paths."""
    os.makedirs(folder, exist_ok=True)
    paths = []
    for form in formats:
        path = os.path.join(folder, f"{stem}.{form}")
        undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}
        figure.savefig(path, format=form, metadata=undated.get(form))
        paths.append(path)
    plt.close(figure)
    return paths


def spread(values):
    """Mean, lowest and highest over axis 0, NaN left out; NaN where nothing is left."""
    values = np.asarray(values, dtype=float)
    there = np.isfinite(values)
    count = there.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(there, values, 0.0).sum(axis=0) / count
    low = np.where(there, values, np.inf).min(axis=0, initial=np.inf)
    high = np.where(there, values, -np.inf).max(axis=0, initial=-np.inf)
    none = count == 0
    return mean, np.where(none, np.nan, low), np.where(none, np.nan, high)


def draw_spread(axis, x, values, kind, label=None, markers=True, dots=True):
    """Mean line, band from lowest to highest, and each seed as a faint dot. values: (seed, x)."""
    style = dict(LINES[kind])
    if not markers:
        style["marker"] = None
    mean, low, high = spread(values)
    if len(values) > 1:
        axis.fill_between(x, low, high, color=style["color"], alpha=0.18, linewidth=0)
        if dots:
            for one in values:
                axis.plot(x, one, linestyle="none", marker="o", markersize=1.4, markeredgewidth=0,
                          color=style["color"], alpha=0.45)
    axis.plot(x, mean, label=label, markeredgewidth=0, **style)
    return mean


def panel_letter(axis, letter):
    axis.annotate(letter, (0, 1), xytext=(-4, 4), xycoords="axes fraction", textcoords="offset points",
                  ha="right", va="bottom", fontsize=9, fontweight="bold")


def corner_note(figure, words):
    """What the reader must know about the file, in the lower right corner of the figure."""
    if words:
        figure.get_layout_engine().set(rect=(0, 0.04, 1, 0.96))
        figure.text(0.995, 0.005, words, ha="right", va="bottom", fontsize=6.5, style="italic", color="#B00000")


def plain(value, _position=None):
    return f"{value:g}"


class ValueAxis:
    """The x axis of a swept key: logarithmic for positive numbers over more than a factor of 4, linear for other
    numbers, one place each for words."""

    def __init__(self, values):
        self.words = any(isinstance(value, str) for value in values)
        self.values = values
        if self.words:
            self.position = np.arange(len(values), dtype=float)
        else:
            self.position = np.asarray(values, dtype=float)
        self.log = not self.words and self.position.min() > 0 and self.position.max() > 4 * self.position.min()

    def decorate(self, axis):
        if self.words:
            axis.set_xticks(self.position, [str(value) for value in self.values])
            axis.set_xlim(-0.5, len(self.values) - 0.5)
        elif self.log:
            axis.set_xscale("log")
            decades = np.log10(self.position.max() / self.position.min())
            pad = 10 ** (0.03 * decades)
            axis.set_xlim(self.position.min() / pad, self.position.max() * pad)
            subs = (1, 2, 3, 5) if decades < 1.5 else (1, 2, 5) if decades < 3 else (1,)
            axis.xaxis.set_major_locator(ticker.LogLocator(subs=subs, numticks=20))
            axis.xaxis.set_minor_locator(ticker.LogLocator(subs=range(1, 10), numticks=100))
            axis.xaxis.set_major_formatter(ticker.FuncFormatter(plain))
            axis.xaxis.set_minor_formatter(ticker.NullFormatter())


class EpochAxis:
    """Epochs on a logarithmic axis, with epoch 0 as a place of its own, left of the first, behind a gap.

    What is drawn is at position(), in decades; decorate() writes the epochs at the ticks."""

    STRIP, GAP = 0.035, 0.03  # of the axis: half the place of epoch 0, and the gap beside it

    def __init__(self, epochs):
        self.epochs = np.asarray(epochs, dtype=float)
        positive = self.epochs[self.epochs > 0]
        self.has_positive = len(positive) > 0
        self.first = positive.min() if len(positive) else 1.0
        self.last = positive.max() if len(positive) else 1.0
        self.gap = self.GAP if self.first < 100 else 2.5 * self.GAP  # room for the first label
        self.span = max(np.log10(self.last / self.first), 0.5)
        self.has_zero = bool((self.epochs <= 0).any())
        self.left = np.log10(self.first) - 0.02 * self.span  # left edge of the first epoch
        self.zero = self.left - (self.gap + self.STRIP) * self.span
        self.right = np.log10(self.last) + 0.02 * self.span

    def position(self):
        return np.where(self.epochs > 0, np.log10(np.maximum(self.epochs, self.first)), self.zero)

    def cells(self):
        """(left edge, right edge) of each record's cell in a map."""
        position = self.position()
        positive = np.flatnonzero(self.epochs > 0)
        left, right = position.copy(), position.copy()
        middle = (position[positive][1:] + position[positive][:-1]) / 2
        if len(positive):
            left[positive] = np.concatenate(([self.left], middle))
            right[positive] = np.concatenate((middle, [self.right]))
        zeros = self.epochs <= 0
        left[zeros] = self.zero - self.STRIP * self.span
        right[zeros] = self.zero + self.STRIP * self.span
        return left, right

    def split(self):
        """Indices of the records at 0 and after it: lines do not cross the gap."""
        return np.flatnonzero(self.epochs <= 0), np.flatnonzero(self.epochs > 0)

    def decorate(self, axis, break_mark=True):
        if not self.has_positive:
            axis.set_xticks([self.zero], ["0"])
            return
        low, high = np.floor(np.log10(self.first)), np.ceil(np.log10(self.last))
        decades = 10.0 ** np.arange(low, high + 1)
        subs = (1,) if self.span > 1.5 else (1, 2, 5)
        inside = lambda ticks: [t for t in ticks if self.first <= t <= self.last]
        major = inside([s * d for d in decades for s in subs]) or [self.first]
        minor = inside([s * d for d in decades for s in range(1, 10)])
        places, labels = [np.log10(t) for t in major], [epoch_label(t) for t in major]
        if self.has_zero:
            places, labels = [self.zero] + places, ["0"] + labels
        if self.has_zero and break_mark:  # a stroke across the axis line, in the gap
            gap = self.left - self.gap * self.span / 2
            axis.plot([gap], [0], transform=axis.get_xaxis_transform(), clip_on=False, linestyle="none",
                      marker=[(-0.5, -1), (0.5, 1)], markersize=4, color="black", markeredgewidth=0.5, zorder=5)
        axis.set_xticks(places, labels)
        axis.set_xticks([np.log10(t) for t in minor], minor=True)
        axis.set_xlim(self.zero - 1.4 * self.STRIP * self.span if self.has_zero else self.left, self.right)


def epoch_label(epoch):
    if epoch >= 1000 and np.isclose(np.log10(epoch) % 1, 0):
        return rf"$10^{{{int(round(np.log10(epoch)))}}}$"
    return plain(epoch)
