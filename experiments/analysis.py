#!/usr/bin/env python3
"""What spectra over training tell: when each frequency is learnt, and how much of the energy is not constant.

    analysis.py FILE.h5 [--probe NAME] [--level 0.5]

For probes on a grid or a curve whose target is known: when the amplitude of each of the target's frequencies reaches
LEVEL of the target's, as mean and deviation over runs, and the rank correlation of that time with the frequency
(Rahaman et al. 2019, fig. 1). For every probe along frequencies: the share R of the energy above frequency 0, its peak
and its end (Zhang, Xiong and Wu 2021). The functions are for figures and other programs. Only h5py and numpy are
needed.
"""

import argparse
import sys

import numpy as np

from sweep_file import SEED, FileError, SweepFile

LEVEL = 0.5  # of the target's amplitude: learnt
TARGET_FLOOR = 1e-9  # of the target's largest energy: what is below is its rounding, no component
CURVES = ("grid1d", "manifold")  # probes whose points are the training inputs' curve, at regular steps


# ---- numbers alone


def energy_share(energy):
    """E_k / sum_j E_j, and R = sum_{k>=1} E_k / sum_{k>=0} E_k, of energy (run, record, frequency). NaN where all is
    0."""
    total = energy.sum(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(total > 0, energy / total, np.nan)
    return share, share[..., 1:].sum(axis=-1)


def crossing_times(time, amplitude, level=LEVEL):
    """When amplitude (..., record, frequency) first reaches the level: (..., frequency), in the units of time (record).

    Straight between records; time[0] where it is reached from the start; inf where it never is. What is missing (NaN)
    reaches nothing, and a series that is missing as a whole has NaN."""
    time, amplitude = np.asarray(time, dtype=float), np.moveaxis(np.asarray(amplitude, dtype=float), -2, -1)
    reached = amplitude >= level
    after = reached.argmax(axis=-1)
    before = np.maximum(after - 1, 0)
    high, low = (np.take_along_axis(amplitude, i[..., None], axis=-1)[..., 0] for i in (after, before))
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.where(after > 0, (level - low) / (high - low), 0.0)
    part = np.where(np.isfinite(part), part, 1.0)  # the record before is missing
    crossing = time[before] + part * (time[after] - time[before])
    crossing = np.where(reached.any(axis=-1), crossing, np.inf)
    return np.where(np.isnan(amplitude).all(axis=-1), np.nan, crossing)


def ranks(values):
    """Ranks from 0; equal values share the mean of theirs. inf is the largest."""
    values = np.asarray(values, dtype=float)
    return np.array([(np.sum(values < value) + np.sum(values <= value) - 1) / 2 for value in values])


def rank_correlation(a, b):
    """Spearman's: the correlation of the ranks, over pairs of which neither is NaN. NaN where one does not vary."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    there = ~(np.isnan(a) | np.isnan(b))
    x, y = ranks(a[there]), ranks(b[there])
    if there.sum() < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan
    return float(np.corrcoef(x, y)[0, 1])


def over_runs(crossing):
    """Mean and standard deviation of crossing times (run, frequency) over the runs that are there, and how many of them
    reach the level: mean inf, deviation NaN where one does not."""
    there, reached = ~np.isnan(crossing), np.isfinite(crossing)
    n, n_reached = there.sum(axis=0), reached.sum(axis=0)
    finite = np.where(reached, crossing, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = finite.sum(axis=0) / n_reached
        deviation = np.sqrt((np.where(reached, crossing - mean, 0.0) ** 2).sum(axis=0) / n_reached)
    whole = (n_reached == n) & (n > 0)
    return np.where(whole, mean, np.where(n > 0, np.inf, np.nan)), np.where(whole, deviation, np.nan), n_reached


def peak_and_end(time, share):
    """(time of the largest, the largest, the last) of R (record), the initial state left out: its share says what the
    initialisation does. NaNs where there is nothing."""
    time, share = np.asarray(time, dtype=float)[1:], np.asarray(share, dtype=float)[1:]
    finite = np.isfinite(share)
    if not finite.any():
        return np.nan, np.nan, np.nan
    time, share = time[finite], share[finite]
    return time[share.argmax()], share.max(), share[-1]


# ---- out of a file


def target_energy(file, probe, run):
    """Energies of the target that the run learns, at the frequencies of a probe along the training inputs' curve:
    mean over outputs of |DFT / n|^2 of its n values. None when the file does not tell."""
    target = file.h5.get("data/target_true")
    if file.probe_setting(probe, "kind") not in CURVES or target is None:
        return None
    values = np.asarray(target[file.h5["runs/dataset"][run]] if target.ndim == 3 else target[...], dtype=float)
    values = values[np.isfinite(values).all(axis=1)]
    energy = np.mean(np.abs(np.fft.rfft(values, axis=0) / len(values)) ** 2, axis=1)
    frequency, _ = file.frequency(probe)
    known = frequency < len(values) / 2  # above, the examples are too few to tell
    return np.where(known, energy[np.minimum(frequency, len(energy) - 1).astype(int)], 0.0)


def normalised_amplitude(file, probe, runs):
    """(frequencies of the target, amplitude (run, record, frequency)): the root of the energy over the target's, 1 when
    learnt (2 F_k / A_k for a component A_k sin(2 pi k t + phase), Rahaman et al. 2019). Raises FileError when the target is not known."""
    targets = [target_energy(file, probe, run) for run in runs]
    if any(target is None for target in targets):
        raise FileError(f"{file.path}: probe {probe}: no target to compare with; that is for kinds {', '.join(CURVES)} "
                        "on data with targets")
    components = np.any([target > TARGET_FLOOR * target.max() for target in targets], axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        amplitude = np.sqrt(file.energy(probe, runs) / np.array(targets)[:, None, :])
    return file.frequency(probe)[0][components], amplitude[..., components]


def crossing_words(file, probe, setting, level):
    """Lines of text for one setting of a probe with a target."""
    runs = file.usable(setting)
    frequency, amplitude = normalised_amplitude(file, probe, runs)
    mean, deviation, reached = over_runs(crossing_times(file.epoch, amplitude, level))
    lines = [f"  frequency {k:g}: reaches {level:g} at epoch {mean[i]:.6g} +- {deviation[i]:.3g}"
             if np.isfinite(mean[i]) else f"  frequency {k:g}: reaches {level:g} in {reached[i]} of {len(runs)} runs"
             for i, k in enumerate(frequency)]
    return lines + [f"  rank correlation of time and frequency {rank_correlation(frequency, mean):.3f}, {len(runs)} runs"]


def share_words(file, probe, setting):
    runs = file.usable(setting)
    with np.errstate(invalid="ignore"):
        share = energy_share(file.energy(probe, runs))[1].mean(axis=0)
    time, peak, end = peak_and_end(file.epoch, share)
    return f"  R, the share above frequency 0: peak {peak:.4g} at epoch {time:g}, {end:.4g} at the end, {len(runs)} runs"


def report(file, probe, level):
    x_key = file.choose_x()
    for family in file.families(x_key):
        for setting in family.settings:
            words = [family.label] if family.label else []
            words += [f"{x_key} = {setting.x}"] if x_key and x_key != SEED else []
            print(", ".join([f"probe {probe}"] + words))
            if not file.usable(setting):
                print("  nothing recorded")
                continue
            if target_energy(file, probe, setting.runs[0]) is not None:
                print("\n".join(crossing_words(file, probe, setting, level)))
            print(share_words(file, probe, setting))


def main(argv=None):
    parser = argparse.ArgumentParser(prog="analysis.py", description="Tell what the spectra of a spectrain file say.")
    parser.add_argument("file", help="FILE.h5, from spectrain run or merge")
    parser.add_argument("--probe", help="which probe (default: all along frequencies)")
    parser.add_argument("--level", type=float, default=LEVEL, help=f"share of an amplitude that is learnt ({LEVEL})")
    options = parser.parse_args(argv)
    try:
        with SweepFile(options.file) as file:
            probes = file.probes()
            if options.probe is not None and options.probe not in probes:
                raise FileError(f"{options.file}: no probe {options.probe}; there are: {', '.join(probes) or 'none'}")
            if not probes:
                raise FileError(f"{options.file}: no probe along frequencies")
            for probe in [options.probe] if options.probe is not None else probes:
                report(file, probe, options.level)
    except FileError as error:
        print(f"analysis.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
