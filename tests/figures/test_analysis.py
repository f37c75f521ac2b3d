"""Tests of experiments/analysis.py: on curves whose answers are known, and on a sweep of the program's own."""

import contextlib
import io
import os
import sys
import unittest

import h5py
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "..", "experiments"), os.path.join(HERE, "..", "cli"), HERE]

import analysis  # noqa: E402
from make_synthetic import write  # noqa: E402
from sweep_file import FileError, SweepFile  # noqa: E402
from sweeps import SweepTest  # noqa: E402


def run(*argv):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = analysis.main([str(word) for word in argv])
    return code, out.getvalue(), err.getvalue()


class CrossingTimes(unittest.TestCase):
    def test_exponential_learning_crosses_at_its_half_life(self):
        rate = np.array([0.1, 0.03, 0.007])
        time = np.arange(0, 400, 0.5)
        amplitude = 1 - np.exp(-np.outer(time, rate))
        # straight between records half an epoch apart: off by the curvature, rate^2 / 2 times 0.25^2 over the slope
        np.testing.assert_allclose(analysis.crossing_times(time, amplitude), np.log(2) / rate, atol=0.05)

    def test_between_records_it_goes_straight(self):
        amplitude = np.array([[0.0, 0.2], [0.4, 0.2], [0.8, 0.6]])
        np.testing.assert_allclose(analysis.crossing_times([0, 10, 30], amplitude), [15, 25])
        np.testing.assert_allclose(analysis.crossing_times([0, 10, 30], amplitude, 0.4), [10, 20])

    def test_the_first_crossing_counts(self):
        amplitude = np.array([0.0, 1.0, 0.0, 1.0])[:, None]
        self.assertEqual(analysis.crossing_times([0, 1, 2, 3], amplitude)[0], 0.5)

    def test_a_level_reached_from_the_start_is_reached_at_once(self):
        self.assertEqual(analysis.crossing_times([5, 6], np.array([[0.9], [0.1]]))[0], 5)

    def test_what_never_reaches_the_level_takes_for_ever(self):
        self.assertEqual(analysis.crossing_times([0, 1], np.array([[0.1], [0.49]]))[0], np.inf)

    def test_missing_records_reach_nothing(self):
        amplitude = np.array([[0.1, np.nan, np.nan], [np.nan, np.nan, 0.1], [0.7, np.nan, np.nan]])
        np.testing.assert_array_equal(analysis.crossing_times([0, 1, 2], amplitude), [2, np.nan, np.inf])

    def test_runs_are_taken_each_by_itself(self):
        amplitude = np.random.default_rng(1).uniform(size=(4, 30, 6)).cumsum(axis=1) / 10
        times = analysis.crossing_times(np.arange(30), amplitude)
        self.assertEqual(times.shape, (4, 6))
        for one in range(4):
            np.testing.assert_array_equal(times[one], analysis.crossing_times(np.arange(30), amplitude[one]))

    def test_means_over_runs_are_infinite_where_one_never_gets_there(self):
        times = np.array([[1.0, 2.0, np.nan], [3.0, np.inf, np.nan], [np.nan, np.nan, np.nan]])
        mean, deviation, reached = analysis.over_runs(times)
        np.testing.assert_array_equal(mean, [2, np.inf, np.nan])
        np.testing.assert_array_equal(deviation, [1, np.nan, np.nan])
        np.testing.assert_array_equal(reached, [2, 1, 0])


class RankCorrelation(unittest.TestCase):
    def test_order_gives_one_and_its_reverse_minus_one(self):
        self.assertAlmostEqual(analysis.rank_correlation([5, 10, 15], [1, 50, 51]), 1)
        self.assertAlmostEqual(analysis.rank_correlation([5, 10, 15], [9, 8, 1]), -1)

    def test_infinite_times_come_last_and_missing_ones_are_left_out(self):
        self.assertAlmostEqual(analysis.rank_correlation([1, 2, 3, 4], [1, 2, np.inf, np.nan]), 1)
        self.assertAlmostEqual(analysis.rank_correlation([1, 2, 3], [np.inf, 2, 1]), -1)

    def test_it_is_nothing_where_nothing_varies(self):
        self.assertTrue(np.isnan(analysis.rank_correlation([1, 2], [3, 3])))
        self.assertTrue(np.isnan(analysis.rank_correlation([1], [3])))

    def test_it_is_that_of_scipy_with_and_without_ties(self):
        try:
            from scipy.stats import spearmanr
        except ImportError:
            self.skipTest("no scipy")
        random = np.random.default_rng(3)
        for count in (3, 10, 40):
            for values in (100, 5):
                a, b = random.integers(values, size=(2, count))
                if np.ptp(a) > 0 and np.ptp(b) > 0:
                    self.assertAlmostEqual(analysis.rank_correlation(a, b), spearmanr(a, b).statistic)


class Share(unittest.TestCase):
    def test_it_is_what_is_not_constant(self):
        share, above = analysis.energy_share(np.array([[6.0, 3.0, 1.0], [0.0, 0.0, 0.0]]))
        np.testing.assert_allclose(above, [0.4, np.nan])
        np.testing.assert_allclose(share[0], [0.6, 0.3, 0.1])

    def test_peak_and_end_leave_the_initial_state_out(self):
        self.assertEqual(analysis.peak_and_end([0, 1, 5, 9, 20], [0.9, 0.1, 0.4, 0.3, np.nan]), (5, 0.4, 0.3))
        self.assertTrue(np.isnan(analysis.peak_and_end([0, 1], [0.9, np.nan])).all())


class OfFiles(SweepTest):
    CONFIG = {"name": "bias",
              "data": {"source": "sinusoids", "train": 64, "frequencies": [2, 5, 9], "amplitudes": [1, 0.5, 2]},
              "model": {"hidden_layers": 2, "width": 40},
              "train": {"loss": "mse", "batch": "full", "epochs": 40, "optimizer": {"kind": "adam", "lr": 0.003}},
              "probes": [{"name": "grid", "kind": "grid1d", "samples": 64}], "record": {"epochs": {"every": 10}},
              "sweep": {"data.seed": [1, 2], "train.seed": [0, 1]}}

    def test_amplitudes_are_relative_to_the_targets_own(self):
        path = self.run_sweep(self.CONFIG, "bias.h5")
        with SweepFile(path) as file:
            frequency, amplitude = analysis.normalised_amplitude(file, "grid", range(file.n_runs))
            np.testing.assert_array_equal(frequency, [2, 5, 9])
            # A sin(2 pi k t) has |F_k| = A / 2 on the grid: 2 F_k / A_k
            expected = 2 * np.sqrt(file.energy("grid", range(file.n_runs))[:, :, [2, 5, 9]]) / [1, 0.5, 2]
            np.testing.assert_allclose(amplitude, expected, rtol=1e-5)  # targets are float32

    def test_the_report_tells_of_planted_energies_when_each_frequency_was_learnt(self):
        path = self.run_sweep(self.CONFIG, "planted.h5")
        with h5py.File(path, "r+") as file:  # 2 is learnt between 0 and 10, 5 between 20 and 30, 9 never
            energy = file["probes/grid/energy"]
            for k, full, values in ((2, 0.5, [0, 1, 1, 1, 1]), (5, 0.25, [0, 0, 0, 1, 1]), (9, 1.0, [0, 0, 0, 0, 0.4])):
                energy[:, :, k] = (full * np.array(values)) ** 2
        code, out, err = run(path)
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(out.count("frequency 2: reaches 0.5 at epoch 5 +- 0"), 2)
        self.assertIn("frequency 5: reaches 0.5 at epoch 25 +- 0", out)
        self.assertIn("frequency 9: reaches 0.5 in 0 of 2 runs", out)
        self.assertIn("rank correlation of time and frequency 1.000, 2 runs", out)
        self.assertEqual(out.count("probe grid, data.seed = "), 2)
        code, out, _ = run(path, "--level", "0.2")
        self.assertIn("frequency 9: reaches 0.2 at epoch 35", out)

    def test_a_line_probe_has_its_share_alone(self):
        path = self.folder / "lines.h5"
        write(path, {"model.width": [4, 300], "train.seed": [0, 1]})
        code, out, err = run(path)
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(out.count("R, the share above frequency 0: peak"), 2)
        self.assertNotIn("reaches", out)
        with SweepFile(path) as file:
            self.assertRaises(FileError, analysis.normalised_amplitude, file, "line_train", [0])

    def test_errors_are_one_line(self):
        path = self.folder / "lines.h5"
        write(path, probe=None)
        for argv, words in (([path], "no probe along frequencies"), ([self.folder / "none.h5"], "no such file")):
            code, out, err = run(*argv)
            self.assertEqual((code, out, err.count("\n")), (1, "", 1))
            self.assertIn(words, err)
        write(path)
        self.assertIn("no probe grid; there are: line_train", run(path, "--probe", "grid")[2])


if __name__ == "__main__":
    unittest.main()
