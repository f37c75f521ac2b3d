"""What `spectrain monitor` tells of finished, interrupted and running sweeps, and how it leaves."""

import re
import signal
import subprocess
import unittest

import h5py
import numpy as np

from sweeps import SweepTest, go_on, tiny

LINE = {"name": "line_train", "kind": "line", "split": "train", "points": 10, "samples": 16, "radius": 1.0}
GRID = {"name": "noisy", "kind": "line", "split": "noisy", "points": 5, "samples": 16, "radius": 1.0}


def memorising(**changes):
    """A sweep in which one width memorises its labels and the other cannot."""
    return tiny({"data.train": 100, "train.epochs": 60, "train.optimizer": {"kind": "adam", "lr": 0.01},
                 "train.batch": 20, **changes}, sweep={"model.width": [2, 100], "train.seed": [0]})


def rows(text):
    """The table's rows, as lists of words."""
    return [line.split() for line in text.splitlines() if re.match(r"  +\d+ ", line)]


class Finished(SweepTest):

    def test_each_run_has_a_row_with_what_is_told_and_what_is_true(self):
        path = self.run_sweep(tiny(), "x.h5")
        before = path.read_bytes()
        result = self.spectrain("monitor", "x.h5")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        first, rule, heads, *_, last = result.stdout.splitlines()
        self.assertEqual(first, "x.h5: complete; 4 runs, 20 of 20 records; R of probe line_train")
        self.assertRegex(rule, r"^rule share_fall: ")
        self.assertEqual(heads.split()[:3], ["run", "model.width", "train.seed"])
        self.assertEqual([row[:3] for row in rows(result.stdout)],
                         [["0", "4", "0"], ["1", "4", "1"], ["2", "8", "0"], ["3", "8", "1"]])
        self.assertIn("unknown", result.stdout)  # of 4 epochs nothing is told
        self.assertRegex(last, r"^a second descent is in 0 of 0 runs")
        self.assertEqual(path.read_bytes(), before)

    def test_memorised_is_told_of_the_run_that_memorises_at_the_epoch_where_it_does(self):
        path = self.run_sweep(memorising(), "x.h5")
        with h5py.File(path, "r") as file:
            fit, epoch = file["metrics/noisy_fit"][()], file["record/epoch"][()]
        self.assertLess(fit[0].max(), 0.9)
        reached = epoch[np.argmax(fit[1] >= 0.9)]
        narrow, wide = rows(self.spectrain("monitor", "x.h5", "--rule", "memorised").stdout)
        self.assertNotEqual(narrow[3], "second")
        self.assertEqual(wide[3], "second")
        # Noise and smoothing over a tenth of ln(epoch): a factor of 1.3 lies well beyond both.
        self.assertLess(abs(np.log(float(wide[5]) / reached)), np.log(1.3))
        self.assertGreaterEqual(float(wide[6]), float(wide[5]))  # known no sooner than it is

    def test_all_rules_are_compared_over_all_runs(self):
        self.run_sweep(memorising(), "x.h5")
        result = self.spectrain("monitor", "x.h5", "--rule", "all")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for rule in ("share_peak", "share_fall", "memorised", "loss_bend"):
            self.assertRegex(result.stdout, rf"(?m)^  {rule} +\d of \d +\d of \d ")

    def test_a_probe_is_chosen_by_its_name(self):
        self.run_sweep(tiny(probes=[GRID, LINE, {**LINE, "name": "second", "radius": 2.0}]), "x.h5")
        self.assertIn("R of probe line_train\n", self.spectrain("monitor", "x.h5").stdout)
        self.assertIn("R of probe second\n", self.spectrain("monitor", "x.h5", "--probe", "second").stdout)
        for name in ("noisy", "nothing"):
            self.assert_one_line_error(self.spectrain("monitor", "x.h5", "--probe", name), 2, "x.h5", f"no probe {name}")

    def test_a_file_without_a_line_probe_is_told_in_one_line_with_what_would_do(self):
        self.run_sweep(tiny(probes=[GRID]), "x.h5")
        self.assert_one_line_error(self.spectrain("monitor", "x.h5"), 1, "x.h5", "no probe along lines", "share_fall",
                                   "memorised", "noisy")
        for rule in ("memorised", "loss_bend", "all"):
            self.assertEqual(self.spectrain("monitor", "x.h5", "--rule", rule).returncode, 0)
        self.assertNotIn("share", self.spectrain("monitor", "x.h5", "--rule", "all").stdout)

    def test_wrong_usage_and_files_that_are_none_have_their_codes(self):
        (self.folder / "text.h5").write_text("hello")
        self.assert_one_line_error(self.spectrain("monitor"), 2, "FILE.h5")
        self.assert_one_line_error(self.spectrain("monitor", "x.h5", "--rule", "oracle"), 2, "oracle", "share_fall")
        self.assert_one_line_error(self.spectrain("monitor", "x.h5", "--rule", "all", "--follow"), 2, "--follow")
        self.assert_one_line_error(self.spectrain("monitor", "x.h5"), 1, "x.h5", "No such file")
        self.assert_one_line_error(self.spectrain("monitor", "x.h5", "--follow"), 1, "x.h5", "No such file")
        self.assert_one_line_error(self.spectrain("monitor", "text.h5"), 1, "text.h5", "not an HDF5 file")

    def test_follow_of_a_finished_file_tells_it_and_leaves(self):
        self.run_sweep(memorising(), "x.h5")
        plain = self.spectrain("monitor", "x.h5", "--rule", "memorised")
        followed = self.spectrain("monitor", "x.h5", "--rule", "memorised", "--follow")
        self.assertEqual((followed.returncode, followed.stderr), (0, ""))
        self.assertTrue(followed.stdout.endswith(plain.stdout))
        self.assertRegex(followed.stdout, r"(?m)^epoch 60: run 1 \(model\.width 100, train\.seed 0\): second descent, "
                                          r"since epoch \d+")


class UnderWay(SweepTest):

    def test_a_sweep_that_was_interrupted_is_told_as_far_as_it_came(self):
        config, _ = self.slow_sweep()
        process = self.start_training(self.write_config(config), "x.h5")
        text = go_on(process, signal.SIGTERM)
        self.assertEqual(process.returncode, 75, text)
        result = self.spectrain("monitor", "x.h5")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertRegex(result.stdout, r"\Ax\.h5: not complete; 4 runs, \d+ of \d+ records; R of probe line_train\n")
        followed = self.spectrain("monitor", "x.h5", "--follow")
        self.assert_one_line_error(followed, 75, "x.h5", "interrupted", "spectrain run CONFIG -o x.h5 --resume")

    def test_follow_ends_when_the_sweep_is_complete_and_leaves_its_bits_alone(self):
        config, reference = self.slow_sweep()
        training = self.start_training(self.write_config(config), "x.h5")
        following = self.start("monitor", "x.h5", "--follow", stdout=subprocess.PIPE)
        also_following = self.start("monitor", "x.h5", "--follow", "--rule", "memorised", stdout=subprocess.PIPE)
        looked = self.spectrain("monitor", "x.h5", "--rule", "memorised")  # in between, once
        trained = go_on(training)
        told, errors = following.communicate(timeout=60)
        also_told, more_errors = also_following.communicate(timeout=60)
        self.assertEqual(training.returncode, 0, trained)
        self.assertEqual((following.returncode, errors), (0, ""))
        self.assertEqual((also_following.returncode, more_errors), (0, ""))
        self.assertIn(looked.returncode, (0, 1), looked.stderr)  # 1: nothing was recorded yet
        self.assert_same_bits(self.folder / "x.h5", reference)
        self.assertFalse((self.folder / "x.h5.part").exists())
        for text, rule in ((told, "share_fall"), (also_told, "memorised")):
            after = self.spectrain("monitor", "x.h5", "--rule", rule)
            self.assertTrue(text.endswith(after.stdout), text)
            self.assertRegex(text, r"(?m)^epoch \d+: run \d \(model\.width \d+, train\.seed \d\): ")

    def test_follow_of_a_sweep_that_is_killed_says_so(self):
        config, _ = self.slow_sweep()
        training = self.start_training(self.write_config(config), "x.h5")
        following = self.start("monitor", "x.h5", "--follow", stdout=subprocess.PIPE)
        training.kill()
        training.communicate()
        _, errors = following.communicate(timeout=60)
        self.assertIn(following.returncode, (1, 75), errors)  # 1: it was killed before its first record
        self.assertEqual(errors.count("spectrain: "), 1)
        self.assertIn("interrupted", errors)
        resumed = self.spectrain("run", self.folder / "config.yaml", "-o", "x.h5", "--resume")
        self.assertEqual(resumed.returncode, 0, resumed.stderr)


if __name__ == "__main__":
    unittest.main()
