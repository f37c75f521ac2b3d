"""What probes write, against their definitions in numpy (definitions.py), at every record that has weights."""

import importlib.util
import os
import sys
import unittest

import h5py
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "cli"), HERE]

if importlib.util.find_spec("scipy") is None:
    sys.exit("SKIPPED: no scipy for " + sys.executable)

from definitions import expected  # noqa: E402
from sweeps import SweepTest, tiny  # noqa: E402

# Outputs are float32: wrong by some 1e-7 of their size, at random, spread over all frequencies. An energy is wrong by
# twice that much of its root times the root of the whole, and by its square.
RELATIVE, NOISE = 1e-5, 1e-12


class Definitions(SweepTest):
    def assert_energies_follow_from_the_weights(self, path, kinds):
        with h5py.File(path) as file:
            epochs = list(file["record/epoch"][...])
            self.assertEqual({probe.attrs["kind"] for probe in file["probes"].values()}, set(kinds))
            for name, probe in file["probes"].items():
                for run in range(len(file["runs/run"])):
                    for snapshot, epoch in enumerate(file["snapshot/epoch"][...]):
                        if "record" in probe and epoch not in epochs:
                            continue
                        when = epochs.index(epoch) if "record" in probe else snapshot
                        energy = probe["energy"][run, when].astype(float)
                        if probe.attrs.get("at", "all") == "last" and epoch != epochs[-1]:
                            self.assertTrue(np.isnan(energy).all(), f"{name}, run {run}, epoch {epoch}: is there")
                            continue
                        wanted = expected(file, name, run, snapshot)
                        self.assertEqual(energy.shape, wanted.shape)
                        error = np.abs(energy - wanted)
                        allowed = RELATIVE * wanted + NOISE * wanted.sum() + 2e-7 * np.sqrt(wanted * wanted.sum())
                        self.assertTrue((error <= allowed).all(),
                                        f"{name}, run {run}, epoch {epoch}: {np.max(error / wanted.sum())} of the whole")

    def test_in_the_plane(self):
        probes = [{"name": "rings", "kind": "grid2d", "samples": [24, 36], "box": [[-2, 1], [-1.5, 2]]},
                  {"name": "plane", "kind": "grid2d", "samples": [8, 12], "power": "full"},
                  {"name": "petals", "kind": "manifold", "petals": 3, "samples": 50},
                  {"name": "inputs", "kind": "manifold"}]
        config = {"name": "plane", "data": {"source": "manifold", "petals": 4, "train": 61, "frequencies": [2, 9]},
                  "model": {"hidden_layers": 3, "width": 40}, "record": {"epochs": {"every": 10}, "weights": {"every": 20}}, "probes": probes,
                  "train": {"loss": "mse", "batch": "full", "epochs": 40, "optimizer": {"kind": "adam", "lr": 0.003}},
                  "sweep": {"data.petals": [0, 4], "model.init": ["pytorch", "he", "ntk"]}}
        path = self.run_sweep(config, "plane.h5")
        self.assert_energies_follow_from_the_weights(path, ["grid2d", "manifold"])

    def test_on_the_line(self):
        probes = [{"name": "grid", "kind": "grid1d", "samples": 64},
                  {"name": "near", "kind": "line", "split": "train", "points": 20, "samples": 32, "radius": 0.5}]
        config = {"name": "line", "data": {"source": "sinusoids", "train": 100, "frequencies": [1, 5]},
                  "model": {"hidden_layers": 2, "width": 30}, "probes": probes,
                  "train": {"loss": "mse", "batch": "full", "epochs": 40, "optimizer": {"kind": "adam", "lr": 0.01}}}
        self.assert_energies_follow_from_the_weights(self.run_sweep(config, "line.h5"), ["grid1d", "line"])

    def test_along_lines_with_and_without_the_ends(self):
        probes = [{"name": f"{split}_{detrend}", "kind": "line", "split": split, "points": 15, "samples": 20,
                   "radius": 2.0, "detrend": detrend} for split in ("train", "noisy", "test") for detrend in ("none", "ends")]
        config = {"name": "ends", "data": {"source": "mnist1d", "train": 200, "test": 20,
                                           "label_noise": {"kind": "uniform", "fraction": 0.2}},
                  "model": {"hidden_layers": 2, "width": 30}, "probes": probes,
                  "train": {"loss": "cross_entropy", "batch": 50, "epochs": 3, "optimizer": {"kind": "sgd", "lr": 0.05}}}
        path = self.run_sweep(config, "ends.h5")
        self.assert_energies_follow_from_the_weights(path, ["line"])
        with h5py.File(path) as file:
            changed = file["data/label_noisy"][...] != file["data/label_true"][...]
            self.assertFalse(changed.all())
            for detrend in ("none", "ends"):
                self.assertTrue(changed[file[f"probes/noisy_{detrend}/example"][...]].all())

    def test_over_the_training_inputs(self):
        probes = [{"name": "given", "kind": "nudft", "direction": list(range(-20, 20)),
                   "frequencies": {"range": [0, 2, 0.125]}},
                  {"name": "second", "kind": "nudft", "component": 1, "frequencies": [0, 0.05, 0.1, 1]},
                  {"name": "some", "kind": "kernel", "sigma": 4.0, "points": 300, "bin": 30},
                  {"name": "all", "kind": "kernel", "sigma": 3.0}]
        config = {"name": "inputs", "data": {"source": "mnist1d", "train": 500, "test": 10,
                                             "label_noise": {"kind": "uniform", "fraction": 0.2}},
                  "model": {"hidden_layers": 2, "width": 30}, "probes": probes,
                  "train": {"loss": "cross_entropy", "batch": 50, "epochs": 3, "optimizer": {"kind": "sgd", "lr": 0.05}},
                  "sweep": {"data.seed": [1, 2]}}
        self.assert_energies_follow_from_the_weights(self.run_sweep(config, "inputs.h5"), ["kernel", "nudft"])

    def test_exactly_along_lines(self):
        line = {"kind": "exact", "split": "train", "points": 5, "radius": 2.0, "max_frequency": 40}
        probes = [{"name": "kinks", **line, "detrend": "ends"}, {"name": "jump", **line},
                  {"name": "test", **line, "split": "test", "radius": 0.01, "max_frequency": 1, "points": 150}]
        config = tiny({"data.test": 150}, probes=probes,
                      sweep={"model.hidden_layers": [1, 4], "model.init": ["pytorch", "ntk"], "data.seed": [1, 2]})
        path = self.run_sweep(config, "exact.h5")
        self.assert_energies_follow_from_the_weights(path, ["exact"])

    def test_from_the_weights_of_a_finished_file(self):
        config = {"name": "after", "data": {"source": "manifold", "petals": 4, "train": 60, "frequencies": [2, 9]},
                  "model": {"hidden_layers": 2, "width": 20}, "record": {"weights": [5, 10]},
                  "train": {"loss": "mse", "batch": "full", "epochs": 40, "optimizer": {"kind": "adam", "lr": 0.003}},
                  "sweep": {"data.seed": [1, 2], "model.init": ["pytorch", "ntk"]}}
        path = self.run_sweep(config, "after.h5")
        for probe in ("{name: plane, kind: grid2d, samples: 8, power: full}", "{name: rings, kind: grid2d, samples: 20}",
                      "{name: petals, kind: manifold, petals: 3, samples: 50}", "{name: inputs, kind: manifold}",
                      "{name: lines, kind: line, split: train, points: 20, samples: 10, radius: 1, detrend: ends}",
                      "{name: waves, kind: nudft, component: 0, frequencies: [0, 1, 2.5]}",
                      "{name: kernel, kind: kernel, sigma: 0.5, bin: 6}"):
            result = self.spectrain("probe", path, "--probe", probe)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
        with h5py.File(path) as file:
            self.assertEqual(len(file["snapshot/epoch"]), 4)
        self.assert_energies_follow_from_the_weights(path, ["grid2d", "kernel", "line", "manifold", "nudft"])

    def test_along_adversarial_lines(self):
        line = {"split": "train", "points": 20, "radius": 1.0, "direction": "adversarial"}
        probes = [{"name": "sampled", "kind": "line", "samples": 16, **line},
                  {"name": "exact", "kind": "exact", "max_frequency": 8, **line}]
        config = tiny({"train.epochs": 20, "record.epochs": {"every": 10}, "record.weights": {"every": 10}},
                      probes=probes, sweep={"train.loss": ["cross_entropy", "mse"], "model.init": ["pytorch", "ntk"]})
        self.assert_energies_follow_from_the_weights(self.run_sweep(config, "adversarial.h5"), ["line", "exact"])

    def test_around_the_runs_networks(self):
        line = {"kind": "line", "split": "train", "points": 4, "samples": 16, "radius": 1.0}
        near = {"norms": {"linspace": [0, 2, 5]}, "directions": 3}
        probes = [{"name": "last", **line, "perturb": near}, {"name": "late", **line, "at": "last"},
                  {"name": "all", "kind": "exact", "split": "test", "points": 2, "radius": 1.0, "max_frequency": 5,
                   "at": "all", "perturb": {"norms": [0.5, 3], "directions": 2}}]
        config = tiny(probes=probes, sweep={"data.seed": [1, 2], "model.init": ["pytorch", "he"]})
        self.assert_energies_follow_from_the_weights(self.run_sweep(config, "around.h5"), ["line", "exact"])

    def test_data_of_other_sizes_are_refused_when_a_probe_has_as_many_energies_as_examples(self):
        config = {"name": "sizes", "data": {"source": "manifold", "petals": 4, "train": 10, "frequencies": [2]},
                  "model": {"hidden_layers": 1, "width": 4}, "probes": [{"name": "inputs", "kind": "manifold"}],
                  "train": {"loss": "mse", "batch": "full", "epochs": 1, "optimizer": {"kind": "sgd", "lr": 0.1}},
                  "sweep": {"data.train": [10, 20]}}
        result = self.spectrain("plan", self.write_config(config))
        self.assert_one_line_error(result, 2, "sweep: spans data for which probe inputs has 5 and 10 energies")


if __name__ == "__main__":
    unittest.main()
