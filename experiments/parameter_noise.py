#!/usr/bin/env python3
"""The figure of parameter_noise: which frequencies a trained network keeps when its parameters are moved.

    parameter_noise.py FILE.h5 [-o DIR] [--format png,svg]

Draws, for networks at a distance from the trained one along random directions, the amplitude at each frequency of the
target over that of the trained network: (a) as a map, clipped at 1 (Rahaman et al. 2019, fig. 2); (b) as curves, not
clipped. The probe with perturb may have been recorded while training or be one of spectrain probe: the last record or
snapshot counts.
"""

import sys

import numpy as np

import figure_command
import figure_style as style
from analysis import CURVES, TARGET_FLOOR, crossing_times, rank_correlation, target_energy
from figure_command import Verdict, count, mean_over, repeats
from figure_style import plt
from spectral_bias import DASHES, cell_edges
from sweep_file import FileError

ORDER = -0.9  # rank correlation of the frequency with the share of its amplitude that is kept
HALF = 0.5


def perturbed_probe(file):
    """The name of the first probe along the inputs' curve whose energies have a dimension norm."""
    for name, group in file.h5.get("probes", {}).items():
        if "norm" in group and group["energy"].ndim == 4 and file.probe_setting(name, "kind") in CURVES:
            return name
    raise FileError(f"{file.path}: no probe {' or '.join(CURVES)} with perturb; expected one")


def relative_amplitudes(file):
    """(norms, frequencies of the target, amplitude over that of the trained network (run, norm, frequency))."""
    probe, runs = perturbed_probe(file), repeats(file)[()]
    group = file.h5[f"probes/{probe}"]
    norm = np.asarray(group["norm"][...], dtype=float)
    if norm[0] != 0 or len(norm) < 2:
        raise FileError(f"{file.path}: probe {probe} has norms from {norm[0]:g}; expected 0 and others")
    targets = [target_energy(file, probe, run) for run in runs]
    if any(target is None for target in targets):
        raise FileError(f"{file.path}: probe {probe}: no target, whose frequencies would be compared")
    components = np.any([target > TARGET_FLOOR * target.max() for target in targets], axis=0)
    energy = np.stack([np.asarray(group["energy"][run, -1], dtype=float) for run in runs])[..., components]
    if not np.isfinite(energy).any():
        raise FileError(f"{file.path}: probe {probe} has recorded no energies")
    return norm, file.frequency(probe)[0][components], np.sqrt(energy / energy[:, :1])


def draw_curves(axis, norm, frequency, amplitude):
    """A curve for some of the frequencies, the lowest and the highest among them; bands: lowest to highest."""
    shown = np.unique(np.linspace(0, len(frequency) - 1, min(5, len(frequency))).round().astype(int))
    colours = plt.get_cmap("cividis")(np.linspace(0.0, 0.9, len(shown)))
    for i, colour, dash in zip(shown, colours, DASHES):
        mean, low, high = style.spread(amplitude[..., i])
        axis.fill_between(norm, low, high, color=colour, alpha=0.18, linewidth=0)
        axis.plot(norm, mean, color=colour, linestyle=dash, label=f"$k$ = {frequency[i]:g}")
    axis.axhline(1, color=style.RULE, linewidth=0.6, zorder=0)
    axis.set_xlim(norm[0], norm[-1])
    axis.set_ylim(bottom=0)
    axis.set_xlabel("Distance from the trained parameters")
    axis.set_ylabel("Relative amplitude")
    axis.legend(loc="upper left")


def figures(file):
    norm, frequency, amplitude = relative_amplitudes(file)
    figure, axes = plt.subplots(1, 2, figsize=(style.PAGE, 2.5), gridspec_kw={"width_ratios": [1.15, 1]})
    place, edges = np.arange(len(frequency) + 1) - 0.5, np.clip(cell_edges(norm), norm[0], norm[-1])
    image = axes[0].pcolormesh(place, edges, mean_over(amplitude), vmin=0, vmax=1, cmap="viridis", rasterized=True,
                               linewidth=0)
    axes[0].set_xticks(np.arange(len(frequency)), [f"{k:g}" for k in frequency])
    axes[0].set_xlabel("Frequency $k$ (cycles per unit)")
    axes[0].set_ylabel("Distance from the\ntrained parameters")
    bar = figure.colorbar(image, ax=axes[0], extend="max", pad=0.02, aspect=22)
    bar.set_label("Relative amplitude")
    bar.outline.set_linewidth(0.6)
    draw_curves(axes[1], norm, frequency, amplitude)
    for axis, letter in zip(axes, "ab"):
        style.panel_letter(axis, letter)
    directions = file.probe_setting(perturbed_probe(file), "perturb_directions")
    caption = (f"Amplitude of perturbed networks at each frequency of the target over that of the trained one: root of the "
               f"mean energy over {directions} random directions, (a) clipped at 1, (b) for some frequencies; "
               f"{count(len(amplitude), 'network')}: means; bands: lowest to highest.")
    yield "amplitude", figure, caption


def verdicts(file):
    norm, frequency, amplitude = relative_amplitudes(file)
    mean = mean_over(amplitude)
    # As the published colours do, 1 is the most: steps add energy of their own at low frequencies, which loses nothing.
    kept = np.minimum(mean, 1).mean(axis=0)
    correlation = rank_correlation(frequency, kept)
    half = crossing_times(norm, -mean, -HALF)
    falls = ", ".join(f"{k:g}: {at:.2f}" for k, at in zip(frequency, half) if np.isfinite(at)) or "none"
    words = (f"amplitude kept, at most 1, mean over distances up to {norm[-1]:g}: {kept[0]:.3f} at k = {frequency[0]:g}, "
             f"{kept[-1]:.3f} at k = {frequency[-1]:g}; rank correlation with k {correlation:.3f} (at most {ORDER}); "
             f"distance at which it falls to {HALF:g}, by k: {falls}; not clipped it ends at {mean[-1, 0]:.2f} for the "
             f"lowest k, {mean[-1, -1]:.2f} for the highest; mean of {count(len(amplitude), 'network')}")
    return [Verdict("low frequencies survive larger steps of the parameters than high ones", bool(correlation <= ORDER),
                    words)]


if __name__ == "__main__":
    sys.exit(figure_command.main(sys.modules[__name__]))
