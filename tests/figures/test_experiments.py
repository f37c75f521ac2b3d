"""Every experiment's YAML is sound, its figure is drawn, and its verdict can be either.

Files come from the program, on the small preset cut to a few epochs; what a verdict looks at is then written over."""

import contextlib
import importlib
import importlib.util
import io
import pathlib
import shutil
import sys
import unittest
import warnings

import h5py
import numpy as np

TESTS = pathlib.Path(__file__).resolve().parents[1]
EXPERIMENTS = TESTS.parent / "experiments"
sys.path[:0] = [str(TESTS / "cli"), str(EXPERIMENTS)]

for module in ("matplotlib", "yaml"):
    if importlib.util.find_spec(module) is None:
        sys.exit(f"SKIPPED: no {module} for {sys.executable}")

import experiment  # noqa: E402
import figure_command  # noqa: E402
import figure_style as style  # noqa: E402
from sweep_file import SweepFile  # noqa: E402
from sweeps import SweepTest  # noqa: E402
from tiny_experiments import TINY, arguments  # noqa: E402


class Experiment(SweepTest):
    """A test of one module on files of its experiment."""

    def tiny(self, name):
        """A file of the tiny experiment, the test's own; trained once a class."""
        kept, path = self.shared_folder / f"{name}.h5", self.folder / f"{name}.h5"
        if not kept.exists():
            result = self.spectrain("run", EXPERIMENTS / f"{name}.yaml", "-o", kept, "--quiet",
                                    *experiment.read(name).small, *arguments(name))
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
        self.assertGreater(len(experiment.names()), 10)
        for name in experiment.names():
            one = experiment.read(name)
            self.assertTrue(one.small, name)
            for changes in ([], one.small):
                result = self.spectrain("plan", EXPERIMENTS / f"{name}.yaml", *changes)
                self.assertEqual(result.returncode, 0, f"{name}: {result.stderr}")

    def test_every_experiment_names_its_figure_and_has_a_tiny_one(self):
        self.assertEqual(sorted(TINY), experiment.names())
        for name in experiment.names():
            module = importlib.import_module(experiment.read(name).figure)
            self.assertTrue(callable(module.figures) and callable(module.verdicts), name)


class SpectralBias(Experiment):
    def changed(self, name, level):
        """A tiny file whose amplitude at component i is level(i, part), part from 0 to 1 over training."""
        path = self.tiny(name)
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
            path = self.tiny(name)
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

    def test_runs_that_are_not_done_count_only_where_none_is(self):
        path = self.changed("spectral_bias_equal", lambda i, part: part * (1 - 0.06 * i))
        for status, runs in (([1, 0, 1, 2], "2 runs"), ([0, 2, 2, 0], "4 runs")):
            with h5py.File(path, "r+") as file:
                file["runs/status"][...] = status
            self.assertIn(f"in all of {runs}", self.verdicts("spectral_bias", path)[0].numbers)

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
        path = self.tiny("epochs_mnist1d")
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
    def changed(self, lowest):
        """A tiny file whose test loss has these lowest values, one for each frequency of the noise: 0, 0.05, 0.2, 1."""
        path = self.tiny("noise_frequency")
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
    def test_order_and_dip_are_told(self):
        path = self.tiny("kernel_spectrum")
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
        path = self.tiny("random_labels")
        self.assertIn("NOT seen", self.drawn("random_labels", path, "random_labels_error"))
        with h5py.File(path, "r+") as file:
            error = file["metrics/train_error"]
            error[...] = np.where(np.arange(error.shape[1]) < error.shape[1] - 1, error[...], 0)
        self.assertTrue(self.verdicts("random_labels", path)[0].seen)


class Manifolds(Experiment):
    def test_earlier_high_frequencies_with_more_petals_are_seen(self):
        path = self.tiny("manifold_regression")
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
        path = self.tiny("manifold_classification")
        self.drawn("manifold_classification", path, "manifold_classification_accuracy")
        for slope, seen in ((0.02, True), (0.001, False), (-0.02, False)):
            with h5py.File(path, "r+") as file:
                petals, error = file["runs/data.petals"][()], file["metrics/train_error"]
                error[...] = 0.4 - slope * petals[:, None] * np.ones(error.shape)
            self.assertEqual(self.verdicts("manifold_classification", path)[0].seen, seen, slope)


class ParameterNoise(Experiment):
    def changed(self, kept):
        """A tiny file whose amplitude at component i falls from 1 to kept(i) of the trained one's as networks go away."""
        path = self.tiny("parameter_noise")
        with h5py.File(path, "r+") as file:
            energy = file["probes/noise/energy"]
            values, part = energy[()], np.linspace(0, 1, energy.shape[2])
            for i in range(6):
                values[:, -1, :, 2 * (i + 1)] = 0.25 * (1 + part * (kept(i) - 1)) ** 2
            energy[...] = values
        return path

    def test_figure_is_drawn(self):
        self.drawn("parameter_noise", self.tiny("parameter_noise"), "parameter_noise_amplitude")

    def test_frequencies_that_fade_later_the_lower_they_are_survive(self):
        for kept, seen in ((lambda i: 0.9 - 0.15 * i, True), (lambda i: 0.2 + 0.1 * i, False),
                           (lambda i: 3 if i == 0 else 0.9 - 0.15 * i, True),  # gains count as 1
                           (lambda i: 3, False)):
            found, = self.verdicts("parameter_noise", self.changed(kept))
            self.assertEqual(found.seen, seen, found)
            # amplitude 1 - 0.6 part is one half at part = 5/6 of the distances up to 5
        self.assertIn("6: 4.17", self.verdicts("parameter_noise", self.changed(lambda i: 0.8 - 0.2 * i))[0].numbers)

    def test_it_may_be_a_probe_from_stored_weights(self):
        path = self.tiny("spectral_bias_equal")
        probe = "{name: noise, kind: grid1d, samples: 100, perturb: {norms: [0, 1, 2], directions: 3}}"
        self.assertEqual(self.spectrain("probe", path, "--probe", probe).returncode, 0)
        self.assertIn("up to 2:", self.verdicts("parameter_noise", path)[0].numbers)


class DoubleDescent(Experiment):
    def test_figures_are_drawn(self):
        for name in ("double_descent_mnist1d", "double_descent_fashion"):
            self.drawn("double_descent", self.tiny(name), f"{name}_width")

    def test_a_peak_at_the_threshold_is_seen(self):
        path = self.tiny("double_descent_mnist1d")
        for test, train, seen in (([0.5, 0.55, 0.45], [0.2, 0.0, 0.0], True), ([0.5, 0.51, 0.45], [0.2, 0.0, 0.0], False),
                                  ([0.5, 0.55, 0.54], [0.2, 0.0, 0.0], False), ([0.6, 0.55, 0.45], [0.2, 0.0, 0.0], False),
                                  ([0.5, 0.55, 0.45], [0.2, 0.1, 0.0], True), ([0.5, 0.55, 0.45], [0.2, 0.1, 0.1], False)):
            with h5py.File(path, "r+") as file:
                place = np.searchsorted([2, 4, 8], file["runs/model.width"][()])
                for name, values in (("test_error", test), ("train_error", train)):
                    file[f"metrics/{name}"][...] = np.array(values)[place][:, None]
            found = self.verdicts("double_descent", path)[0]
            self.assertEqual(found.seen, seen, found)

    def test_a_peak_of_the_loss_at_the_threshold_is_seen(self):
        path = self.tiny("double_descent_mnist1d")
        for loss, train, seen in (([1, 3, 2], [0.2, 0.0, 0.0], True), ([1, 1.1, 0.5], [0.2, 0.0, 0.0], False),
                                  ([1, 3, 2.9], [0.2, 0.0, 0.0], False), ([1, 3, 2], [0.2, 0.1, 0.1], False)):
            with h5py.File(path, "r+") as file:
                place = np.searchsorted([2, 4, 8], file["runs/model.width"][()])
                for name, values in (("test_loss", loss), ("train_error", train)):
                    file[f"metrics/{name}"][...] = np.array(values)[place][:, None]
            found = self.verdicts("double_descent", path)[1]
            self.assertEqual(found.seen, seen, found)


if __name__ == "__main__":
    unittest.main()
