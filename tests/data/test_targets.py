"""The data that runs were trained on, read from their files and recomputed with numpy."""

import pathlib
import sys
import unittest

import h5py
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "cli"))
from sweeps import SweepTest, tiny  # noqa: E402

ROUNDING = 2.0**-22  # of two float32 numbers below 4


def upright(vector):
    """An eigenvector with the sign that ours have: the largest number in magnitude is positive."""
    return vector * np.sign(vector[np.argmax(np.abs(vector))])


class Targets(SweepTest):

    def write_data(self, n=60, inputs=5, outputs=2):
        """An HDF5 file of n examples with real targets. Its path, and the inputs of training in float64."""
        random = np.random.default_rng(7)
        path = self.folder / "data.h5"
        with h5py.File(path, "w") as file:
            for split in ("train", "test"):
                x = random.normal(size=(n, inputs)) * np.arange(1, inputs + 1) / inputs + 0.3
                file[f"{split}/x"] = x.astype(np.float32)
                file[f"{split}/y"] = random.normal(size=(n, outputs)).astype(np.float32)
        with h5py.File(path, "r") as file:
            return path, file["train/x"][()].astype(float)

    def added(self, path, noise, **data):
        """The noise that a run of this data keeps (example, output), and the file's group /data."""
        config = tiny({"data": {"source": "hdf5", "path": str(path), "label_noise": noise, **data},
                       "train.loss": "mse", "train.batch": 20, "train.epochs": 1, "record.data": True,
                       "train.optimizer.lr": 0.001}, probes=[], sweep={"train.seed": [0]})
        file = h5py.File(self.run_sweep(config, f"{noise['kind']}.h5"), "r")
        self.addCleanup(file.close)
        for name in ("noisy_fit", "noisy_clean", "clean_fit"):  # there are no labels to fit
            self.assertTrue(np.isnan(file[f"metrics/{name}"][()]).all(), name)
        kept = file["data"]
        return kept["target_noisy"][()].astype(float) - kept["target_true"][()].astype(float), kept

    def test_radial_noise(self):
        path, x = self.write_data()
        added, kept = self.added(path, {"kind": "radial", "amplitude": 0.5, "frequency": 0.4})
        expected = 0.5 * np.sin(2 * np.pi * 0.4 * np.linalg.norm(x, axis=1))
        np.testing.assert_allclose(added, np.stack([expected] * 2, axis=1), atol=ROUNDING)
        with h5py.File(path, "r") as file:
            np.testing.assert_array_equal(kept["target_true"][()], file["train/y"][()])
            np.testing.assert_array_equal(kept["test_target"][()], file["test/y"][()])

    def test_principal_noise(self):
        path, x = self.write_data()
        for component in (0, 2):
            added, _ = self.added(path, {"kind": "principal", "frequency": 0.3, "component": component})
            axis = upright(np.linalg.eigh(np.cov(x.T))[1][:, -1 - component])
            np.testing.assert_allclose(added[:, 0], np.sin(2 * np.pi * 0.3 * (x @ axis)), atol=ROUNDING)
            (self.folder / "principal.h5").unlink()

    def test_kernel_noise(self):
        path, x = self.write_data()
        added, _ = self.added(path, {"kind": "kernel", "amplitude": 2, "sigma": 1.25}, test="clean_train")
        square = ((x[:, None] - x[None]) ** 2).sum(-1)
        values, vectors = np.linalg.eigh(np.exp(-square / (2 * 1.25**2)))
        # A vector is as sure as its eigenvalue is apart from the next: about 1e-15 over the gap.
        self.assertGreater(np.diff(values).min(), 1e-9)
        n = len(x)
        expected = sum(2 * (j / n) ** 2 * upright(vectors[:, n - j]) for j in range(1, n + 1))
        np.testing.assert_allclose(added[:, 0], expected, atol=ROUNDING + 1e-5)

    def test_clean_train_is_kept_as_test_split(self):
        path, _ = self.write_data()
        added, kept = self.added(path, {"kind": "uniform_real"}, test="clean_train")
        self.assertGreater(np.abs(added).max(), 0.9)
        np.testing.assert_array_equal(kept["test_x"][()], kept["train_x"][()])
        np.testing.assert_array_equal(kept["test_target"][()], kept["target_true"][()])

    def two_classes(self, name, loss, noise, targets):
        """Train on two of five classes. The file, and the network's last outputs on training examples, by numpy."""
        random = np.random.default_rng(3)
        path = self.folder / "classes.h5"
        with h5py.File(path, "w") as file:
            for split in ("train", "test"):
                y = random.integers(0, 5, size=200)
                file[f"{split}/x"] = (random.normal(size=(200, 4)) + y[:, None]).astype(np.float32)
                file[f"{split}/y"] = y.astype(np.int32)
        config = tiny({"data": {"source": "hdf5", "path": str(path), "train": 60, "test": 50, "select": [3, 1],
                                "targets": targets, "label_noise": noise, "standardize": "global"},
                       "train": {"loss": loss, "optimizer": {"kind": "adam", "lr": 0.01}, "batch": "full", "epochs": 40},
                       "record.data": True}, probes=[], sweep={"train.seed": [0]})
        file = h5py.File(self.run_sweep(config, f"{name}.h5"), "r")
        self.addCleanup(file.close)
        x = file["data/train_x"][()].astype(float)
        for layer in range(3):
            weights = file[f"weights/0/{layer}"]
            x = x @ weights["weight"][-1].T.astype(float) + weights["bias"][-1]
            x = np.maximum(x, 0) if layer < 2 else x
        return file, x[:, 0]

    def test_two_classes_on_one_output_have_noisy_fit(self):
        for loss in ("bce", "mse"):
            file, output = self.two_classes(loss, loss, {"kind": "uniform", "fraction": 0.4}, "binary")
            true, noisy = file["data/label_true"][()], file["data/label_noisy"][()]
            found, changed = output > 0, true != noisy
            self.assertEqual(set(true), {0, 1})
            self.assertGreater(changed.sum(), 5)
            self.assertGreater(np.abs(output).min(), 1e-4)  # so that rounding decides no sign
            expected = {"train_error": np.mean(found != noisy), "noisy_fit": np.mean((found == noisy)[changed]),
                        "noisy_clean": np.mean((found == true)[changed]),
                        "clean_fit": np.mean((found == true)[~changed])}
            for name, value in expected.items():
                self.assertAlmostEqual(file[f"metrics/{name}"][0, -1], value, places=6, msg=f"{loss}: {name}")

    def test_signs_with_real_noise_have_an_error_on_test_examples_only(self):
        file, output = self.two_classes("signs", "mse", {"kind": "gaussian", "amplitude": 0.5}, "signs")
        noisy = file["data/target_noisy"][()][:, 0]
        self.assertEqual(set(file["data/target_true"][()][:, 0]), {-1, 1})
        self.assertAlmostEqual(file["metrics/train_loss"][0, -1], np.mean((output - noisy) ** 2), places=5)
        for name in ("train_error", "noisy_fit", "noisy_clean", "clean_fit"):
            self.assertTrue(np.isnan(file[f"metrics/{name}"][()]).all(), name)
        self.assertLess(file["metrics/test_error"][0, -1], 0.1)


if __name__ == "__main__":
    unittest.main()
