"""Files in spectrain's format with made-up curves, for the tests of the figures.

The final errors are those of the width sweep on MNIST-1D in PyTorch; epochs and spectra are smooth inventions of the
right shape: a peak at the interpolation threshold, a descent beyond it, a high-frequency share that rises and falls.

    make_synthetic.py FILE.h5
"""

import itertools
import sys

import h5py
import numpy as np

WIDTHS = [2, 3, 4, 5, 7, 9, 12, 16, 21, 27, 36, 47, 61, 80, 104, 135, 177, 230, 300]
TEST_ERROR = [.690, .742, .628, .580, .548, .541, .500, .491, .492, .511, .539, .550, .529, .504, .492, .489, .476,
              .468, .461]
TRAIN_ERROR = [.711, .748, .634, .584, .536, .517, .459, .405, .355, .287, .171, .057, 0, 0, 0, 0, 0, 0, 0]
METRICS = {"train_loss": "nat", "train_error": "1", "test_loss": "nat", "test_error": "1", "noisy_fit": "1",
           "noisy_clean": "1", "clean_fit": "1", "lipschitz_bound": "1"}


def record_epochs(last=500, count=40):
    return np.unique(np.concatenate(([0], np.rint(np.geomspace(1, last, count)).astype(int))))


def curves(width, epoch, random):
    """Metrics (record) of one run."""
    final_test, final_train = (np.interp(np.log(width), np.log(WIDTHS), error) for error in (TEST_ERROR, TRAIN_ERROR))
    time = np.log1p(epoch)
    learnt = 1 - np.exp(-(epoch / 12.0) ** 0.8)
    memorised = (1 - final_train / 0.75) / (1 + np.exp(-2.2 * (time - 3.6 + 0.25 * np.log(width / 47))))
    bump = 0.09 * np.exp(-(np.log(width / 60) / 1.5) ** 2) * np.exp(-((time - 4.2) / 0.9) ** 2)
    test = 0.9 + (final_test - 0.9) * learnt + bump
    train = 0.9 + (final_train - 0.9) * learnt * (0.6 + 0.4 * np.clip(memorised, 0, 1)) / (
        0.6 + 0.4 * np.clip(memorised[-1], 0, 1))
    jitter = lambda size: random.normal(0, size, len(epoch))
    test = np.clip(test + jitter(.004) + random.normal(0, .012), 0, 1)
    train = np.clip(train + (train > .005) * jitter(.003), 0, 1)
    noisy = np.clip(0.1 + 0.9 * memorised, 0, 1)
    peak = (4 + random.normal(0, .2)) * np.exp(-(np.log(width / 55)) ** 2)
    return {"train_loss": 2.3 * train / 0.9 + 0.002, "train_error": train,
            "test_loss": 2.3 - 0.9 * learnt + peak * memorised,
            "test_error": test, "noisy_fit": noisy, "noisy_clean": np.clip(.6 - .5 * memorised, 0, 1),
            "clean_fit": 1 - train, "lipschitz_bound": 1 + 30 * learnt}


def energies(width, epoch, n_frequencies, random):
    """(record, frequency) of one run."""
    k = np.arange(n_frequencies)
    time = np.log1p(epoch)[:, None]
    slope = 0.16 - 0.07 * np.exp(-((time - 3.4) / 1.2) ** 2) - 0.02 * np.clip(time / 6, 0, 1)
    share = np.exp(-slope * k * 2.2) * 0.01 * (1 + time) + 1e-6
    share[:, 0] = 1.0
    return (10 + 300 * np.log1p(epoch)[:, None]) * share * np.exp(random.normal(0, .05, share.shape))


def scale(group, name, values, units="1", long_name=None):
    dataset = group.create_dataset(name, data=np.asarray(values))
    dataset.make_scale(name)
    dataset.attrs["units"] = units
    dataset.attrs["long_name"] = long_name or name
    return dataset


def put(group, name, values, scales, units="1"):
    dataset = group.create_dataset(name, data=values, fletcher32=True, chunks=True)
    dataset.attrs["units"] = units
    dataset.attrs["long_name"] = name.replace("_", " ")
    for i, dimension in enumerate(scales):
        dataset.dims[i].attach_scale(dimension)


def write(path, axes=None, epochs=None, complete=True, missing=(), diverged=(), without=(), probe="line_train",
          n_frequencies=65, inputs=40, points=3):
    """axes: {key: values}, first slowest; missing, diverged: run indices; without: metrics that are all NaN."""
    axes = {"model.width": WIDTHS, "train.seed": [0, 1, 2]} if axes is None else axes
    epoch = record_epochs() if epochs is None else np.asarray(epochs)
    product = [dict(zip(axes, values)) for values in itertools.product(*axes.values())]
    n = len(product)
    status = np.ones(n, dtype=np.int32)
    status[list(missing)], status[list(diverged)] = 0, 2
    metrics = {name: np.full((n, len(epoch)), np.nan, dtype=np.float32) for name in METRICS}
    energy = np.full((n, len(epoch), n_frequencies), np.nan)
    for run, values in enumerate(product):
        random = np.random.default_rng(run)
        own, width = curves(values.get("model.width", 64), epoch, random), values.get("model.width", 64)
        end = len(epoch) if run not in diverged else len(epoch) // 2
        if run in missing:
            continue
        for name in METRICS:
            if name not in without:
                metrics[name][run, :end] = own[name][:end]
        energy[run, :end] = energies(width, epoch, n_frequencies, random)[:end]

    with h5py.File(path, "w") as file:
        file.attrs.update({"format": "spectrain", "format_version": 1, "software_version": "0.1.0", "config": "name: s",
                           "backend": "cpu", "device": "none", "precision": "float32", "complete": int(complete)})
        group = file.create_group("runs")
        runs = scale(group, "run", np.arange(n))
        for key in axes:
            column = [values[key] for values in product]
            texts = isinstance(column[0], str)
            put(group, key, np.array(column, dtype=object if texts else None) if not texts else
                np.array(column, dtype="S"), [runs])
        put(group, "parameters", np.full(n, 1000), [runs])
        put(group, "status", status, [runs])
        group = file.create_group("record")
        records = scale(group, "record", np.arange(len(epoch)))
        put(group, "epoch", epoch, [records])
        put(group, "step", epoch * 40, [records])
        group = file.create_group("metrics")
        dims = [scale(group, "run", np.arange(n)), scale(group, "record", epoch, "epoch")]
        for name, unit in METRICS.items():
            put(group, name, metrics[name], dims, unit)
        file.create_group("probes")
        if probe:
            group = file.create_group(f"probes/{probe}")
            group.attrs.update({"kind": "line", "split": "train", "points": str(points), "samples": "128"})
            dims = [scale(group, "run", np.arange(n)), scale(group, "record", epoch, "epoch"),
                    scale(group, "frequency", np.arange(n_frequencies, dtype=float), "cycles per window")]
            put(group, "energy", energy, dims, "output^2")


if __name__ == "__main__":
    write(sys.argv[1])
