"""Every experiment's YAML is sound, its figure is drawn, and its verdict can be either.

Files come from the program, on the small preset cut to a few epochs; what a verdict looks at is then written over."""

import contextlib
import importlib
import importlib.util
import io
import pathlib
import shlex
import shutil
import sys
import unittest
import warnings

import h5py
import numpy as np

TESTS = pathlib.Path(__file__).resolve().parents[1]
EXPERIMENTS = TESTS.parent / "experiments"
sys.path[:0] = [str(TESTS / "cli"), str(EXPERIMENTS)]

if importlib.util.find_spec("matplotlib") is None:
    sys.exit("SKIPPED: no matplotlib for " + sys.executable)

import figure_command  # noqa: E402
import figure_style as style  # noqa: E402
from sweep_file import SweepFile  # noqa: E402
from sweeps import SweepTest  # noqa: E402


def small(name):
    """The arguments of an experiment's small preset: its lines "# small: ..."."""
    lines = (EXPERIMENTS / f"{name}.yaml").read_text().splitlines()
    return [word for line in lines if line.startswith("# small: ") for word in shlex.split(line[len("# small: "):])]


class Experiment(SweepTest):
    """A test of one module on files of its experiment."""

    def tiny(self, name, *changes):
        """A file of a small preset with further changes ("key=value"), the test's own; trained once a class."""
        kept, path = self.shared_folder / f"{name}.h5", self.folder / f"{name}.h5"
        if not kept.exists():
            sets = [word for change in changes for word in ("--set", change)]
            result = self.spectrain("run", EXPERIMENTS / f"{name}.yaml", "-o", kept, "--quiet", *small(name), *sets)
            self.assertEqual(result.returncode, 0, result.stderr)
        shutil.copy(kept, path)
        return path

    def drawn(self, module, path, stem):
        """Run a module as a program; its output. The figure is there, and no warning was given."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out), warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            code = figure_command.main(importlib.import_module(module),
                                       [str(path), "-o", str(self.folder), "--format", "png,svg"])
        self.assertEqual(code, 0)
        for form in ("png", "svg"):
            self.assertGreater((self.folder / f"{stem}.{form}").stat().st_size, 5000)
        return out.getvalue()

    def verdicts(self, module, path):
        style.use_style()
        with SweepFile(str(path)) as file:
            return importlib.import_module(module).verdicts(file)


class Presets(SweepTest):
    def test_every_experiment_and_its_small_preset_can_be_planned(self):
        named = sorted(EXPERIMENTS.glob("*.yaml"))
        self.assertGreater(len(named), 3)
        for path in named:
            for changes in [[]] + ([small(path.stem)] if small(path.stem) else []):
                result = self.spectrain("plan", path, *changes)
                self.assertEqual(result.returncode, 0, f"{path.name}: {result.stderr}")


class SpectralBias(Experiment):
    def small_file(self, name):
        return self.tiny(name, "train.epochs=20", "record.epochs.every=1", "model.width=16")

    def changed(self, name, level):
        """A tiny file whose amplitude at component i is level(i, part), part from 0 to 1 over training."""
        path = self.small_file(name)
        with h5py.File(path, "r+") as file:
            energy = file["probes/grid/energy"][()]
            target = np.abs(np.fft.rfft(file["data/target_true"][()][..., 0]) / energy.shape[2] / 2) ** 2
            components = np.flatnonzero(target[0] > 1e-9)
            part = np.linspace(0, 1, energy.shape[1])
            for run, dataset in enumerate(file["runs/dataset"][()]):
                for i, k in enumerate(components):
                    energy[run, :, k] = target[dataset, k] * level(i, part) ** 2
            file["probes/grid/energy"][...] = energy
        return path

    def test_figure_is_drawn(self):
        for name in ("spectral_bias_equal", "spectral_bias_increasing"):
            path = self.small_file(name)
            self.assertIn("low frequencies are learnt first", self.drawn("spectral_bias", path, f"{name}_amplitude"))

    def test_order_of_the_frequencies_is_seen(self):
        path = self.changed("spectral_bias_equal", lambda i, part: part * (1 - 0.06 * i))
        order = self.verdicts("spectral_bias", path)[0]
        self.assertTrue(order.seen, order)
        self.assertIn("6 of 6", order.numbers)

    def test_another_order_is_not(self):
        path = self.changed("spectral_bias_equal", lambda i, part: part * (0.6 + 0.06 * i))
        self.assertFalse(self.verdicts("spectral_bias", path)[0].seen)

    def test_what_is_never_learnt_is_last(self):
        path = self.changed("spectral_bias_increasing", lambda i, part: part * (1 - 0.15 * i))
        order = self.verdicts("spectral_bias", path)[0]
        self.assertIn("4 of 6", order.numbers)
        self.assertTrue(order.seen, order)

    def test_growth_of_norms_is_told(self):
        path = self.changed("spectral_bias_equal", lambda i, part: part * (1 - 0.06 * i))
        for last, seen in ((2.0, True), (0.5, False)):
            with h5py.File(path, "r+") as file:
                norms = file["metrics/spectral_norm"]
                norms[...] = np.linspace(1, last, norms.shape[1])[None, :, None]
            self.assertEqual(self.verdicts("spectral_bias", path)[1].seen, seen)


class Epochs(Experiment):
    def changed(self, error, noisy=1.0, peak=12.0):
        """A tiny file of 40 epochs with these test errors {epoch: error}, and R with its peak at an epoch."""
        path = self.tiny("epochs_mnist1d", "train.epochs=40", "data.train=100", "data.test=20", "model.width=4",
                         "probes.0.points=2")
        with h5py.File(path, "r+") as file:
            epoch = file["record/epoch"][()]
            file["metrics/test_error"][...] = np.interp(epoch, list(error), list(error.values()))
            file["metrics/noisy_fit"][...] = np.minimum(epoch / 30, noisy)
            energy = file["probes/line_train/energy"]
            high = np.interp(epoch, [0, peak, 40], [0.01, 0.06, 0.05])
            energy[...] = np.where(np.arange(energy.shape[2]) == 0, 1 - high[:, None],
                                   high[:, None] / (energy.shape[2] - 1))
        return path

    TURNS = {0: 0.9, 10: 0.42, 20: 0.46, 30: 0.44, 40: 0.44}

    def test_figure_is_drawn(self):
        path = self.changed(self.TURNS)
        said = self.drawn("epochs", path, "epochs_mnist1d_spectrum")
        self.assertEqual(said.count("\nseen: "), 2, said)
        self.assertIn("minimum 0.420 at epoch 10", said)
        self.assertIn("maximum 0.460 at epoch 20", said)

    def test_each_turn_is_needed(self):
        cases = [({0: 0.9, 40: 0.4}, False), ({0: 0.9, 10: 0.42, 20: 0.44, 40: 0.42}, False),
                 ({0: 0.9, 10: 0.42, 20: 0.46, 40: 0.46}, False), ({0: 0.9, 25: 0.42, 30: 0.46, 40: 0.44}, False),
                 (self.TURNS, True)]
        for error, seen in cases:
            path = self.changed(error)
            self.assertEqual(self.verdicts("epochs", path)[0].seen, seen, error)
            path.unlink()

    def test_the_spectrum_must_turn_in_time_and_the_noise_be_memorised(self):
        for changes, seen in (({"noisy": 0.9}, False), ({"peak": 40.0}, False), ({"peak": 30.0}, True)):
            path = self.changed(self.TURNS, **changes)
            self.assertEqual(self.verdicts("epochs", path)[1].seen, seen, changes)
            path.unlink()


class NoiseFrequency(Experiment):
    DATA = "data={source: sinusoids, train: 20, test: 20, frequencies: 2, label_noise: {kind: radial}}"

    def changed(self, lowest):
        """A tiny file whose test loss has these lowest values, one for each frequency of the noise: 0, 0.05, 0.2, 1."""
        path = self.tiny("noise_frequency", self.DATA, "train.epochs=10", "model.width=4")
        with h5py.File(path, "r+") as file:
            loss = file["metrics/test_loss"]
            dip = 1 + np.abs(np.linspace(-1, 1, loss.shape[1]))
            loss[...] = np.array(lowest)[:, None] * dip / dip.min()
        return path

    def test_figure_is_drawn(self):
        self.drawn("noise_frequency", self.changed([0.1, 0.5, 0.3, 0.1]), "noise_frequency_loss")

    def test_low_noise_must_ruin_and_high_noise_spare_the_validation(self):
        for lowest, seen in (([0.1, 0.5, 0.3, 0.12], True), ([0.1, 0.12, 0.3, 0.12], False),
                             ([0.1, 0.5, 0.3, 0.4], False)):
            found, = self.verdicts("noise_frequency", self.changed(lowest))
            self.assertEqual(found.seen, seen, found)


class KernelSpectrum(Experiment):
    DATA = ("data={source: sinusoids, train: 40, test: clean_train, frequencies: 2, "
            "label_noise: {kind: uniform_real}}")

    def test_order_and_dip_are_told(self):
        path = self.tiny("kernel_spectrum", self.DATA, "train.epochs=10", "model.width=4", "probes.0.bin=5")
        self.drawn("kernel_spectrum", path, "kernel_spectrum_coefficients")
        for order, rise in ((1, 3), (-1, 1)):
            with h5py.File(path, "r+") as file:
                energy, loss = file["probes/kernel/energy"], file["metrics/test_loss"]
                part = np.linspace(0, 1, energy.shape[1])[None, :, None]
                late = np.arange(energy.shape[2])[::order]
                energy[...] = file["probes/kernel/target_energy"][()] * part ** (1 + late) * np.ones(energy.shape)
                loss[...] = np.linspace(0.1, 0.1 * rise, loss.shape[1])[None]
            found = self.verdicts("kernel_spectrum", path)
            self.assertEqual([one.seen for one in found], [order > 0, rise > 1], found)


class RandomLabels(Experiment):
    def test_figure_is_drawn_and_fitted_labels_are_seen(self):
        path = self.tiny("random_labels", "train.epochs=10", "model.width=4", "train.batch=20",
                         "data={source: mnist1d, train: 50, test: 20, label_noise: {kind: uniform}}")
        self.assertIn("NOT seen", self.drawn("random_labels", path, "random_labels_error"))
        with h5py.File(path, "r+") as file:
            error = file["metrics/train_error"]
            error[...] = np.where(np.arange(error.shape[1]) < error.shape[1] - 1, error[...], 0)
        self.assertTrue(self.verdicts("random_labels", path)[0].seen)


class Manifolds(Experiment):
    def test_earlier_high_frequencies_with_more_petals_are_seen(self):
        path = self.tiny("manifold_regression", "train.epochs=20", "record.epochs.every=1", "model.width=8")
        self.drawn("manifold_regression", path, "manifold_regression_amplitude")
        with h5py.File(path, "r+") as file:
            petals = file["runs/data.petals"][()]
            energy = file["probes/curve/energy"]
            part = np.linspace(0, 1, energy.shape[1])[None, :, None]
            rising = (part * (0.2 + petals / 20)[:, None, None]) ** 2 / 4 * np.ones(energy.shape)
        for one, seen in ((rising, True), (rising[::-1], False)):
            with h5py.File(path, "r+") as file:
                file["probes/curve/energy"][...] = one
            self.assertEqual(self.verdicts("manifold_regression", path)[0].seen, seen)

    def test_accuracy_that_grows_with_the_petals_is_seen(self):
        path = self.tiny("manifold_classification", "train.epochs=5", "model.width=8")
        self.drawn("manifold_classification", path, "manifold_classification_accuracy")
        for slope, seen in ((0.02, True), (0.001, False), (-0.02, False)):
            with h5py.File(path, "r+") as file:
                petals, error = file["runs/data.petals"][()], file["metrics/train_error"]
                error[...] = 0.4 - slope * petals[:, None] * np.ones(error.shape)
            self.assertEqual(self.verdicts("manifold_classification", path)[0].seen, seen, slope)


if __name__ == "__main__":
    unittest.main()
