"""The promise: a run's bits depend on its own config and seed, and on nothing else."""

import itertools
import unittest

import h5py
import numpy

from sweeps import SweepTest, run_contents, tiny

WIDTHS = [2, 3, 4, 5, 7, 9, 12, 16, 21, 27, 36, 47, 61, 80, 104, 135, 177, 230, 300]  # geomspace(2, 300, 20)


class Promise(SweepTest):

    def test_threads_do_not_change_a_bit(self):
        config = tiny(sweep={"model.width": [3, 64, 130], "train.seed": [0, 1]})
        one = self.run_sweep(config, "one.h5", "--threads", "1")
        for threads in ("2", "3", "8"):
            other = self.run_sweep(config, f"threads{threads}.h5", "--threads", threads)
            self.assert_same_bits(one, other, but=("/@device",))  # which names the number of threads

    def test_a_run_alone_has_the_bits_it_has_among_57(self):
        sweep = {"model.width": {"geomspace": [2, 300, 20]}, "train.seed": [0, 1, 2]}
        together = self.run_sweep(tiny({"train.epochs": 2}, sweep=sweep), "together.h5")
        runs = list(itertools.product(WIDTHS, range(3)))
        with h5py.File(together, "r") as file:
            numpy.testing.assert_array_equal(file["runs/model.width"][()], [width for width, _ in runs])
            numpy.testing.assert_array_equal(file["runs/train.seed"][()], [seed for _, seed in runs])
        for run in (0, 10, 23, 34, 43, 56):  # the ends, and widths on both sides of the block sizes
            width, seed = runs[run]
            alone = tiny({"train.epochs": 2, "model.width": width, "train.seed": seed})
            del alone["sweep"]
            path = self.run_sweep(alone, f"alone{run}.h5")
            self.assert_same_run(path, 0, together, run)

    def test_runs_differ_from_each_other(self):
        """So that the comparisons above cannot pass on a constant."""
        path = self.run_sweep(tiny(), "x.h5")
        contents = [run_contents(path, run) for run in range(4)]
        for a, b in itertools.combinations(contents, 2):
            self.assertTrue(all(a[name] != b[name] for name in a if name.endswith(("weight", "train_loss"))))

    def test_the_recording_schedule_does_not_change_the_weights(self):
        often = tiny({"train.epochs": 12, "record.epochs": {"every": 1}, "record.weights": {"every": 1}})
        seldom = tiny({"train.epochs": 12, "record.epochs": [12], "record.weights": [5, 9]})
        del seldom["probes"]
        with h5py.File(self.run_sweep(often, "often.h5"), "r") as a, \
                h5py.File(self.run_sweep(seldom, "seldom.h5"), "r") as b:
            in_a, in_b = list(a["snapshot/epoch"][()]), list(b["snapshot/epoch"][()])
            self.assertEqual(in_a, list(range(13)))
            self.assertEqual(in_b, [0, 5, 9, 12])
            rows = [in_a.index(epoch) for epoch in in_b]
            for run, layer, kind in itertools.product(range(4), range(3), ("weight", "bias")):
                name = f"weights/{run}/{layer}/{kind}"
                self.assertEqual(a[name][()][rows].tobytes(), b[name][()].tobytes(), name)
            # The metrics of the epochs that both recorded.
            for metric in ("train_loss", "test_error", "noisy_fit"):
                self.assertEqual(a[f"metrics/{metric}"][()][:, [0, 12]].tobytes(),
                                 b[f"metrics/{metric}"][()].tobytes(), metric)

    def test_the_order_of_axes_and_values_does_not_change_a_run(self):
        forward = self.run_sweep(tiny(), "forward.h5")
        backward = self.run_sweep(tiny(sweep={"train.seed": [1, 0], "model.width": [8, 4]}), "backward.h5")
        # forward: (4, 0) (4, 1) (8, 0) (8, 1); backward: (8, 1) (4, 1) (8, 0) (4, 0) as (width, seed)
        for run, other in ((0, 3), (1, 1), (2, 2), (3, 0)):
            self.assert_same_run(forward, run, backward, other)

    def test_the_same_sweep_twice_gives_the_same_file(self):
        self.assert_same_bits(self.run_sweep(tiny(), "one.h5"), self.run_sweep(tiny(), "two.h5"))


class Divergence(SweepTest):

    def test_a_run_that_diverges_is_marked_and_the_others_are_untouched(self):
        def config(rates):
            changed = tiny(sweep={"train.optimizer.lr": rates, "train.seed": [0, 1]})
            changed["train"]["epochs"] = 6
            return changed

        sound = self.run_sweep(config([0.05]), "sound.h5")
        path = self.write_config(config([0.05, 1e30]))
        result = self.spectrain("run", path, "-o", "mixed.h5")
        self.assertEqual(result.returncode, 0)
        warnings = [line for line in result.stderr.splitlines() if line.startswith("spectrain: ")]
        self.assertEqual(len(warnings), 1)
        self.assertRegex(warnings[0], r"^spectrain: warning: 2 of 4 runs diverged \(first: run 2, "
                                      r"train\.optimizer\.lr 1e\+?30, train\.seed 0, step \d+\)")
        mixed = self.folder / "mixed.h5"
        for run in (0, 1):
            self.assert_same_run(mixed, run, sound, run)
        with h5py.File(mixed, "r") as file:
            self.assertEqual(list(file["runs/status"][()]), [1, 1, 2, 2])
            self.assertEqual(file.attrs["complete"], 1)
            loss = file["metrics/train_loss"][()]
            self.assertTrue(numpy.isfinite(loss[:2]).all())
            self.assertTrue(numpy.isfinite(loss[2:, 0]).all())  # the initial state is sound
            self.assertTrue(numpy.isnan(loss[2:, -1]).all())
        rows = [line.split() for line in result.stdout.splitlines() if line.lstrip().startswith(("0.05", "1e"))]
        self.assertEqual([row[-2:] for row in rows], [["2", "0"], ["2", "2"]])
        self.assertIn("4: 2 done, 2 diverged, 0 missing", self.spectrain("info", mixed).stdout)


if __name__ == "__main__":
    unittest.main()
