"""Exact spectra along lines, by another way than the program's: linear pieces are found one at a time, each from the
units that are on in the middle of what is left of the line; coefficients are summed segment by segment."""

import numpy as np

SHORTEST = 1e-12  # of the line: pieces between rounded ends


def piece(layers, start, step, u):
    """The linear piece around u of f(start + u step): its ends in u, and f there as value + u slope."""
    value, slope = start, step
    low, high = -np.inf, np.inf
    for weight, bias in layers[:-1]:
        value, slope = weight @ value + bias, weight @ slope
        on = value + u * slope > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            zero = -value / slope
        zero = zero[np.isfinite(zero)]
        low, high = max([low, *zero[zero <= u]]), min([high, *zero[zero > u]])
        value, slope = np.where(on, value, 0.0), np.where(on, slope, 0.0)
    weight, bias = layers[-1]
    return low, high, weight @ value + bias, weight @ slope


def pieces(layers, start, step):
    """(ends (n, 2), values at both (n, 2, outputs)) of all linear pieces for u in [0, 1], in order."""
    found, left = [], [(0.0, 1.0)]
    while left:
        begin, end = left.pop()
        low, high, value, slope = piece(layers, start, step, 0.5 * (begin + end))
        low, high = max(low, begin), min(high, end)
        found.append((low, high, value + low * slope, value + high * slope))
        left += [(a, b) for a, b in ((begin, low), (high, end)) if b - a > SHORTEST]
    found.sort(key=lambda item: item[0])
    return np.array([item[:2] for item in found]), np.array([item[2:] for item in found])


def coefficients(ends, values, highest, detrend):
    """c_k (highest + 1, outputs): the integral over [0, 1] of f(u) exp(-2 pi i k u), piece by piece."""
    if detrend:
        first, last = values[0, 0], values[-1, 1]
        values = values - (first + ends[:, :, None] * (last - first))
    k = np.arange(highest + 1)[:, None]
    middle, half = ends.mean(axis=1), np.diff(ends, axis=1)[:, 0] / 2
    x = 2 * np.pi * k * half
    with np.errstate(divide="ignore", invalid="ignore"):
        odd = np.where(x < 1e-2, x / 3 - x ** 3 / 30, (np.sin(x) - x * np.cos(x)) / x ** 2)
    phase = 2 * half * np.exp(-2j * np.pi * k * middle)
    mean, rise = values.mean(axis=1), (values[:, 1] - values[:, 0]) / 2
    return (phase * np.sinc(x / np.pi)) @ mean - 1j * (phase * odd) @ rise


def exact(probe, layers, x, direction):
    """Mean over lines and outputs of |c_k|^2 along x + t direction."""
    radius, highest = float(probe.attrs["radius"]), int(probe.attrs["max_frequency"])
    energy = np.zeros(highest + 1)
    for origin, step in zip(x, direction):
        ends, values = pieces(layers, origin - radius * step, 2 * radius * step)
        energy += (np.abs(coefficients(ends, values, highest, probe.attrs["detrend"] == "ends")) ** 2).mean(axis=1)
    return energy / len(x)
