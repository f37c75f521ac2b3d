"""Every kind of probe, as the README defines it, in numpy: from the weights and the data of a file to energies.

Each function takes the probe's group in the file, the data that the run learns from with what the probe keeps beside its
energies, and f, a function from inputs (rows, inputs) to outputs (rows, outputs); it returns the energies of one run at
one record."""

import os
import sys

import numpy as np
import scipy.linalg
import scipy.spatial

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [os.path.join(HERE, ".."), HERE]

from exact import exact  # noqa: E402
from perturbed import perturbed  # noqa: E402

from check_line_energy import forward, layers_of, line_energy, lines_of, of_dataset, text  # noqa: E402


def grid2d(probe, data, f):
    """Power over the box with numpy.fft.fft2 of the whole plane; its rings by their definition."""
    n, m = int(probe.attrs["samples_1"]), int(probe.attrs["samples_2"])
    low = np.array([probe.attrs["box_low_1"], probe.attrs["box_low_2"]], dtype=float)
    side = np.array([probe.attrs["box_high_1"], probe.attrs["box_high_2"]], dtype=float) - low
    x, y = np.meshgrid(low[0] + side[0] * np.arange(n) / n, low[1] + side[1] * np.arange(m) / m, indexing="ij")
    outputs = f(np.stack([x, y], axis=-1).reshape(-1, 2)).reshape(n, m, -1)
    power = (np.abs(np.fft.fft2(outputs, axes=(0, 1)) / (n * m)) ** 2).mean(axis=2)
    if text(probe.attrs["power"]) == "full":
        return np.fft.fftshift(power, axes=0)[:, :m // 2 + 1]
    kappa = np.hypot(*np.meshgrid(np.fft.fftfreq(n, 1 / n) * side.max() / side[0],
                                  np.fft.fftfreq(m, 1 / m) * side.max() / side[1], indexing="ij"))
    return np.array([power[(kappa >= r - 0.5) & (kappa < r + 0.5)].mean() for r in probe["frequency"][...]])


def manifold(probe, data, f):
    """Along the petals curve, or the training inputs in their order."""
    if "petals" in probe.attrs:
        z = np.arange(int(probe.attrs["samples"])) / int(probe.attrs["samples"])
        radius = 1 + 0.5 * np.sin(2 * np.pi * float(probe.attrs["petals"]) * z)
        points = np.stack([radius * np.cos(2 * np.pi * z), radius * np.sin(2 * np.pi * z)], axis=1)
    else:
        points = data["train_x"]
    power = np.abs(np.fft.rfft(f(points.astype(np.float32)), axis=0) / len(points)) ** 2
    return power.mean(axis=1)[:len(points) // 2]


def grid1d(probe, data, f):
    n = int(probe.attrs["samples"])
    power = np.abs(np.fft.rfft(f((np.arange(n) / n)[:, None]), axis=0) / n) ** 2
    return power.mean(axis=1)[:n // 2]


def nudft(probe, data, f):
    """Sums over the training inputs; the direction as numpy finds it, where it is a principal component."""
    x, direction = data["train_x"].astype(float), data["direction"].astype(float)
    if "component" in probe.attrs:
        found = np.linalg.eigh(np.cov(x.T))[1][:, ::-1][:, int(probe.attrs["component"])]
        found *= np.sign(found[np.argmax(np.abs(found))])
        assert np.allclose(found, direction, atol=1e-5), "the direction is not the principal component"
    waves = np.exp(-2j * np.pi * np.outer(probe["frequency"][...], x @ direction))
    return (np.abs(waves @ f(x) / len(x)) ** 2).mean(axis=1)


def binned(probe, basis, values):
    """Mean over outputs, and over each bin of columns of the basis, of squared inner products with values (n, outputs)."""
    square = ((basis.T @ values) ** 2).mean(axis=1)
    size = int(probe.attrs["bin"])
    return np.array([square[first:first + size].mean() for first in range(0, len(square), size)])


def kernel(probe, data, f):
    """In the eigenbasis of the Gaussian kernel, from scipy; the targets' energies are checked on the way."""
    x = data["train_x"][:int(probe.attrs["points"])].astype(float)
    gram = np.exp(-scipy.spatial.distance.cdist(x, x, "sqeuclidean") / (2 * float(probe.attrs["sigma"]) ** 2))
    value, basis = scipy.linalg.eigh(gram)
    value, basis = value[::-1], basis[:, ::-1]
    size = int(probe.attrs["bin"])
    means = [value[first:first + size].mean() for first in range(0, len(value), size)]
    assert np.allclose(data["eigenvalue"], means, rtol=1e-5, atol=1e-5 * means[0]), "other eigenvalues"
    for kept, name in (("target_energy", "noisy"), ("target_true_energy", "true")):
        if f"label_{name}" in data:
            target = np.eye(data[f"label_{name}"].max() + 1)[data[f"label_{name}"][:len(x)]]
        else:
            target = data[f"target_{name}"][:len(x)].astype(float)
        wanted = binned(probe, basis, target)
        assert np.allclose(data[kept], wanted, rtol=1e-4, atol=1e-9 * wanted.sum()), f"other {kept}"
    return binned(probe, basis, f(x))


KINDS = {"grid1d": grid1d, "grid2d": grid2d, "kernel": kernel, "manifold": manifold, "nudft": nudft}


def data_of(file, run, probe):
    """The arrays of /data of the run's data set, and the extras of the probe."""
    arrays = [array for group in (file["data"], probe) for array in group.values()
              if "CLASS" not in array.attrs and not array.name.endswith("/energy")]
    return {array.name.rsplit("/", 1)[1]: of_dataset(file, array, file["runs/dataset"][run]) for array in arrays}


def expected(file, name, run, snapshot):
    """The energies of probe `name` for the weights of a snapshot."""
    probe = file[f"probes/{name}"]
    kind, data = text(probe.attrs["kind"]), data_of(file, run, probe)

    def energies(layers):
        if kind == "line":
            return line_energy(file, probe, run, layers)
        if kind == "exact":
            return exact(probe, layers, *lines_of(file, probe, run, layers))
        return KINDS[kind](probe, data, lambda x: forward(layers, np.asarray(x, dtype=float)))

    layers = layers_of(file, run, snapshot)
    if "norm" in probe:
        return perturbed(probe, layers, int(file["runs/data.seed"][run]), energies)
    return energies(layers)
