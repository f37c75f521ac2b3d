"""Reading a spectrain file: runs grouped into settings, metrics and spectra as arrays.

A *setting* is all the runs that differ in train.seed alone. A *family* is all the settings that differ in one swept
key alone, the figures' x axis. Only h5py and numpy are needed.
"""

import os
from dataclasses import dataclass, field

import h5py
import numpy as np

SEED = "train.seed"
DATA_SEED = "data.seed"
MISSING, DONE, DIVERGED = 0, 1, 2


class FileError(Exception):
    """One line: what is wrong with the file, its name first."""


def text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


@dataclass
class Setting:
    """Runs that differ in their seed alone."""

    x: object  # value of the x key; None when nothing is swept
    runs: list = field(default_factory=list)


@dataclass
class Family:
    """Settings that differ in x alone, by increasing x (as listed, when x is text)."""

    label: str  # "train.lr = 0.01, model.hidden_layers = 2"; "" when there is one family only
    settings: list


class SweepFile:
    """An open file. Use as a context manager."""

    def __init__(self, path):
        self.path = path
        self._metrics = {}
        if not os.path.exists(path):
            raise FileError(f"{path}: no such file")
        try:
            self.h5 = h5py.File(path, "r")
        except OSError as error:
            reason = str(error).split("\n")[0]
            raise FileError(f"{path}: cannot be opened as HDF5: {reason}") from None
        try:
            self._read()
        except (KeyError, ValueError, OSError, RuntimeError) as error:
            self.h5.close()
            reason = error.args[0] if error.args else error
            raise FileError(f"{path}: not laid out as a spectrain file: {reason}") from None
        except FileError:
            self.h5.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.h5.close()

    def _read(self):
        kind = text(self.h5.attrs.get("format", "no format attribute"))
        if kind != "spectrain":
            raise FileError(f"{self.path}: not a spectrain file (format: {kind})")
        version = int(self.h5.attrs.get("format_version", 0))
        if version != 1:
            raise FileError(f"{self.path}: format_version is {version}; these figures read 1")
        self.complete = bool(self.h5.attrs.get("complete", 0))
        runs = self.h5["runs"]
        # Swept keys are dotted ("model.width"); what else lies there is not.
        self.axes = {key: self._axis(runs[key]) for key in runs if "." in key}
        self.status = runs["status"][...]
        self.n_runs = len(self.status)
        self.epoch = np.asarray(self.h5["record/epoch"][...], dtype=float)
        if self.n_runs == 0 or len(self.epoch) == 0:
            raise FileError(f"{self.path}: holds {self.n_runs} runs and {len(self.epoch)} records; nothing to draw")

    @staticmethod
    def _axis(dataset):
        values = dataset[...]
        if values.dtype.kind in "OSU":
            return [text(value) for value in values]
        return [value.item() for value in values]

    def metric(self, name):
        """(run, record) float64, NaN where there is none."""
        if name not in self._metrics:
            self._metrics[name] = self._read_metric(name)
        return self._metrics[name]

    def _read_metric(self, name):
        dataset = self.h5.get(f"metrics/{name}")
        if dataset is None:
            return np.full((self.n_runs, len(self.epoch)), np.nan)
        values = np.asarray(dataset[...], dtype=float)
        if values.shape != (self.n_runs, len(self.epoch)):
            raise FileError(f"{self.path}: /metrics/{name} has shape {values.shape}; expected "
                            f"{(self.n_runs, len(self.epoch))}")
        return values

    def units(self, name):
        """The unit of a metric; "" when it is not there."""
        dataset = self.h5.get(f"metrics/{name}")
        return "" if dataset is None else text(dataset.attrs.get("units", ""))

    def probes(self):
        """Names of the probes that were recorded while training, and whose energies have one axis, the frequency."""
        return [name for name, group in self.h5.get("probes", {}).items()
                if "energy" in group and group["energy"].ndim == 3 and "frequency" in group and "record" in group]

    def frequency(self, probe):
        """(frequency) and the unit."""
        dataset = self.h5[f"probes/{probe}/frequency"]
        return np.asarray(dataset[...], dtype=float), text(dataset.attrs.get("units", ""))

    def energy(self, probe, runs):
        """(run, record, frequency) float64 of the given runs."""
        dataset = self.h5[f"probes/{probe}/energy"]
        return np.stack([np.asarray(dataset[run], dtype=float) for run in runs])

    def probe_setting(self, probe, key):
        """A setting of the probe as text, or None."""
        value = self.h5[f"probes/{probe}"].attrs.get(key)
        return None if value is None else text(value)

    def usable(self, setting):
        """The runs to show of a setting: those that are done; when none is, those that recorded anything."""
        done = [run for run in setting.runs if self.status[run] == DONE]
        if done:
            return done
        loss = self.metric("train_loss")
        return [run for run in setting.runs if np.isfinite(loss[run]).any()]

    def state(self):
        """What a reader of a figure must know about the file: "" when every run is done."""
        words = []
        missing = int(np.sum(self.status == MISSING))
        diverged = int(np.sum(self.status == DIVERGED))
        if not self.complete or missing:
            words.append(f"incomplete: {self.n_runs - missing} of {self.n_runs} runs")
        if diverged:
            words.append(f"{diverged} diverged")
        return "; ".join(words)

    def choose_x(self, wanted=None):
        """The x key: the wanted one, else model.width, else the first swept key with numbers; None without one."""
        if wanted is not None:
            if wanted not in self.axes:
                swept = ", ".join(self.axes) or "none"
                raise FileError(f"{self.path}: {wanted} is not swept; swept keys: {swept}")
            return wanted
        several = [key for key, values in self.axes.items() if key != SEED and len(set(values)) > 1]
        if "model.width" in several:
            return "model.width"
        numeric = [key for key in several if not isinstance(self.axes[key][0], str)]
        return (numeric or several or [None])[0]

    def families(self, x_key):
        others = [key for key, values in self.axes.items() if key not in (x_key, SEED)]
        families = {}
        for run in range(self.n_runs):
            rest = tuple(self.axes[key][run] for key in others)
            x = self.axes[x_key][run] if x_key else None
            family = families.setdefault(rest, {})
            family.setdefault(x, Setting(x)).runs.append(run)
        result = []
        for rest, settings in families.items():
            label = ", ".join(f"{key} = {value:g}" if isinstance(value, float) else f"{key} = {value}"
                              for key, value in zip(others, rest))
            ordered = list(settings.values())
            if not any(isinstance(setting.x, str) or setting.x is None for setting in ordered):
                ordered.sort(key=lambda setting: setting.x)
            result.append(Family(label if len(families) > 1 else "", ordered))
        return result
