"""What the program writes, recomputed from the weights that it keeps (tests/check_line_energy.py)."""

import os
import shutil
import subprocess
import sys
import unittest

import h5py

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "cli")]

from sweeps import SweepTest, tiny  # noqa: E402

CHECK = os.path.join(HERE, "..", "check_line_energy.py")
PROBES = [{"name": "near", "kind": "line", "split": "test", "points": 7, "samples": 10, "radius": 0.5},
          {"name": "far", "kind": "line", "split": "train", "points": 30, "samples": 64, "radius": 3.0}]


class LineEnergy(SweepTest):
    def check(self, path):
        done = subprocess.run([sys.executable, "-B", CHECK, str(path)], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def assert_agrees(self, path):
        code, words = self.check(path)
        self.assertEqual(code, 0, words)
        return words

    def test_energies_metrics_and_norms_follow_from_the_weights(self):
        sweep = {"model.width": [4, 33], "train.seed": [0, 1]}
        words = self.assert_agrees(self.run_sweep(tiny(probes=PROBES, sweep=sweep), "widths.h5"))
        for kind in ("energy of near", "energy of far", "spectral_norm", "lipschitz_bound", "train_loss", "test_error",
                     "noisy_fit", "noisy_clean", "clean_fit"):
            self.assertIn(f"{kind}: ", words)

    def test_they_do_for_every_parameterisation_and_depth(self):
        sweep = {"model.init": ["pytorch", "he", "ntk"], "model.hidden_layers": [0, 1, 3]}
        self.assert_agrees(self.run_sweep(tiny(probes=PROBES, sweep=sweep), "inits.h5"))

    def test_they_do_where_runs_have_data_of_their_own(self):
        self.assert_agrees(self.run_sweep(tiny(probes=PROBES, sweep={"data.seed": [1, 2]}), "data.h5"))

    def test_a_changed_number_is_found(self):
        path = self.run_sweep(tiny(probes=PROBES, sweep={"train.seed": [0, 1]}), "whole.h5")
        changes = {"probes/far/energy": (1, -1, 20), "metrics/train_loss": (0, 0), "metrics/test_error": (0, -1),
                   "metrics/spectral_norm": (1, 0, 1), "weights/0/1/bias": (0, 3), "probes/near/direction": (2, 5)}
        for name, place in changes.items():
            other = path.with_name("changed.h5")
            shutil.copy(path, other)
            with h5py.File(other, "r+") as file:
                value = file[name][place]
                file[name][place] = value * 1.001 if "energy" in name or "norm" in name else value + 0.1
            code, words = self.check(other)
            self.assertEqual(code, 1, f"{name} was changed: {words}")

    def test_a_file_without_lines_is_not_taken_for_a_good_one(self):
        path = self.run_sweep(tiny(probes=[]), "none.h5")
        code, words = self.check(path)
        self.assertEqual(code, 2)
        self.assertIn("nothing checked", words)


if __name__ == "__main__":
    unittest.main()
