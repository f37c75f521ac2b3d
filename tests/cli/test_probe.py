"""spectrain probe: a further spectrum from stored weights, and a file that is whole at every moment."""

import fcntl
import json
import os
import shutil
import signal
import sys
import unittest

import h5py
import numpy as np

from sweeps import SweepTest, contents, go_on, stopping, tiny

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from check_file import check_file  # noqa: E402

LINE = "{name: again, kind: line, split: train, points: 10, samples: 16, radius: 1.0}"


class Probe(SweepTest):
    def trained(self, name="sweep.h5", **changes):
        """A file of a sweep over widths, parameterisations and data sets; made once."""
        path = self.shared_folder / "trained.h5"
        if changes:
            return self.run_sweep(tiny(**changes), name)
        if not path.exists():
            made = self.run_sweep(tiny(sweep={"model.width": [4, 8], "data.seed": [1, 2],
                                              "model.init": ["pytorch", "ntk"]}), "made.h5")
            shutil.move(made, path)
            (self.folder / "made.h5.yaml").unlink()
        return shutil.copy(path, self.folder / name)

    def assert_intact(self, path):
        verified = self.spectrain("info", path, "--verify")
        self.assertEqual(verified.returncode, 0, verified.stderr)
        self.assertEqual(check_file(str(path)), [])

    def assert_refused(self, path, probe, code, *words, options=()):
        """Refused in one line; the file's bytes are as before, and nothing is left beside it."""
        before, beside = path.read_bytes(), sorted(os.listdir(path.parent))
        result = self.spectrain("probe", path, "--probe", probe, *options)
        self.assert_one_line_error(result, code, *words)
        self.assertEqual(path.read_bytes(), before)
        self.assertEqual(sorted(os.listdir(path.parent)), beside)

    def test_networks_around_those_of_the_file_have_the_bits_of_those_around_them_at_the_end_of_training(self):
        around = {"name": "noise", "kind": "exact", "split": "train", "points": 3, "radius": 1.0, "max_frequency": 8,
                  "perturb": {"norms": [0, 2], "directions": 4}}
        path = self.trained("around.h5", probes=[], sweep={"data.seed": [1, 2]})
        result = self.trained("noise.h5", probes=[around], sweep={"data.seed": [1, 2]})
        self.assertEqual(self.spectrain("probe", path, "--probe", json.dumps(around)).returncode, 0)
        self.assert_intact(path)
        with h5py.File(path) as added, h5py.File(result) as recorded:
            one, other = (file["probes/noise/energy"][...] for file in (added, recorded))
            self.assertEqual(one[:, -1].tobytes(), other[:, -1].tobytes())
            self.assertTrue(np.isnan(one[:, :-1]).all() and np.isfinite(one[:, -1]).all())
        self.assert_refused(self.trained(), json.dumps(around), 2, "probe noise: perturb: run 1 has init ntk")

    def test_energies_have_the_bits_of_those_recorded_while_training(self):
        path = self.trained()
        result = self.spectrain("probe", path, "--probe", LINE)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertRegex(result.stdout, r"\A.*sweep.h5: probe again of 8 runs at 3 snapshots, .*s\n\Z")
        with h5py.File(path) as file:
            epochs = list(file["record/epoch"])
            records = [epochs.index(epoch) for epoch in file["snapshot/epoch"]]
            recorded, again = (file[f"probes/{name}"] for name in ("line_train", "again"))
            self.assertEqual(again["energy"].dims[1][0].name, "/probes/again/snapshot")
            for run in range(8):
                old, new = recorded["energy"][run][records], again["energy"][run]
                if file["runs/model.init"].asstr()[run] == "pytorch":
                    np.testing.assert_array_equal(old, new)
                else:  # weights of the NTK parameterisation are kept with their scale, one rounding of 6e-8 further
                    np.testing.assert_allclose(old, new, rtol=1e-4, atol=1e-9 * old.sum())
            for name in ("example", "direction", "x"):
                np.testing.assert_array_equal(recorded[name], again[name])
            for key in ("kind", "split", "points", "samples", "radius", "detrend", "normalization"):
                self.assertEqual(recorded.attrs[key], again.attrs[key])
            self.assertEqual(again.attrs["backend"], "cpu")
        self.assert_intact(path)

    def test_nothing_else_in_the_file_changes(self):
        path = self.trained()
        before = contents(path)
        for name in ("one", "two"):
            probe = f"{{name: {name}, kind: nudft, component: 0, frequencies: [0, 1]}}"
            self.assertEqual(self.spectrain("probe", path, "--probe", probe, "--quiet").stdout, "")
        after = contents(path)
        self.assertEqual({name: after[name] for name in before}, before)
        self.assertTrue(all(name.startswith("probes/") for name in after.keys() - before.keys()))
        self.assertTrue({"probes/one/energy", "probes/two/direction"} <= after.keys())
        self.assertEqual(os.listdir(self.folder), ["sweep.h5"])
        self.assert_intact(path)

    def test_threads_change_no_bit(self):
        energies = []
        for threads in (1, 3):
            path = self.trained(f"{threads}.h5")
            result = self.spectrain("probe", path, "--probe", LINE, "--threads", threads)
            self.assertEqual(result.returncode, 0, result.stderr)
            with h5py.File(path) as file:
                energies.append(file["probes/again/energy"][...])
        np.testing.assert_array_equal(*energies)

    def test_the_probe_may_be_a_file_and_the_sweep_behind_a_link(self):
        path, link = self.trained(), self.folder / "link.h5"
        link.symlink_to(path)
        (self.folder / "probe.yaml").write_text(LINE)
        self.assertEqual(self.spectrain("probe", link, "--probe", "probe.yaml").returncode, 0)
        self.assertTrue(link.is_symlink())
        with h5py.File(path) as file:
            self.assertIn("again", file["probes"])

    def test_after_a_run_diverged_there_is_nothing(self):
        path = self.trained("diverged.h5", changes={"train.optimizer.lr": 1e30, "record.weights": {"every": 1}},
                            sweep={"model.width": [4, 8]})
        self.assertEqual(self.spectrain("probe", path, "--probe", LINE).returncode, 0)
        with h5py.File(path) as file:
            self.assertTrue((file["runs/status"][...] == 2).all())
            energy = file["probes/again/energy"][...]
            self.assertTrue(np.isfinite(energy[:, 0]).all())
            self.assertTrue(np.isnan(energy[:, -1]).all())
        self.assert_intact(path)

    def test_a_name_that_is_taken_is_refused(self):
        path = self.trained()
        self.assert_refused(path, LINE.replace("again", "line_train"), 1, "sweep.h5: has a probe line_train already")

    def test_what_the_config_of_a_probe_would_refuse_is_refused(self):
        path = self.trained()
        self.assert_refused(path, "{name: p, kind: circle}", 2, "--probe:1: kind: is circle; allowed: exact, grid1d")
        self.assert_refused(path, "{name: p, kind: grid1d, samples: 8}", 2, "probe p: grid1d is for data with 1 input")
        self.assert_refused(path, LINE.replace("points: 10", "points: 1000"), 2, "points is 1000", "200 examples")
        self.assert_refused(path, "[", 2, "--probe:")
        self.assert_refused(path, "missing.yaml", 1, "missing.yaml")
        self.assert_one_line_error(self.spectrain("probe", path), 2, "probe: --probe is missing")
        self.assert_one_line_error(self.spectrain("probe", "none.h5", "--probe", LINE), 1, "none.h5")

    def test_other_data_than_those_trained_on_are_refused(self):
        path = self.trained()
        self.assert_refused(path, LINE, 1, "data set 0 is not the one that was trained on",
                            options=["--set", "data.label_noise.fraction=0.3"])
        self.assert_refused(path, LINE, 1, "has 8 runs and 3 snapshots, its config describes 4 and 3",
                            options=["--set", "sweep.data.seed=[1]"])

    def test_a_damaged_file_gets_no_new_seal(self):
        path = self.trained()
        damaged = bytearray(path.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        path.write_bytes(damaged)
        self.assert_refused(path, LINE, 1, "sweep.h5", "damaged")

    def test_shards_and_unfinished_files_are_refused(self):
        config = self.write_config(tiny())
        self.assertEqual(self.spectrain("run", config, "-o", "shard.h5", "--shard", "0/2", "--quiet").returncode, 0)
        self.assert_refused(self.folder / "shard.h5", LINE, 2, "is shard 0 of 2; merge the shards")
        path = self.trained()
        with h5py.File(path, "r+") as file:
            file.attrs.modify("complete", 0)
        self.assert_refused(path, LINE, 2, "is not complete")

    def test_a_file_that_others_are_about_to_write_is_refused(self):
        path = self.trained()
        (self.folder / "sweep.h5.part").mkdir()
        self.assert_refused(path, LINE, 1, "sweep.h5.part: is there, so a sweep will make")
        (self.folder / "sweep.h5.part").rmdir()
        (self.folder / "sweep.h5.probe").mkdir()
        with open(self.folder / "sweep.h5.probe" / "lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assert_refused(path, LINE, 1, "sweep.h5.probe: in use by")
        self.assertEqual(self.spectrain("probe", path, "--probe", LINE).returncode, 0)
        self.assertEqual(os.listdir(self.folder), ["sweep.h5"])

    def start_probe(self, path):
        """A probe that was stopped while it copied the file."""
        process = self.start("probe", path, "--probe", LINE, "--threads", 1, env=stopping(call=7))
        self.assert_stopped(process)
        self.assertTrue((self.folder / "sweep.h5.probe" / "copy").exists())
        return process

    def test_a_kill_leaves_the_file_as_it_was_and_the_next_try_succeeds(self):
        path = self.trained()
        before = path.read_bytes()
        process = self.start_probe(path)
        process.kill()
        process.wait()
        self.assertEqual(process.returncode, -signal.SIGKILL)
        self.assertEqual(path.read_bytes(), before)
        self.assertEqual(self.spectrain("probe", path, "--probe", LINE).returncode, 0)
        self.assertEqual(os.listdir(self.folder), ["sweep.h5"])
        self.assert_intact(path)

    def test_a_signal_ends_it_and_leaves_nothing(self):
        path = self.trained()
        before = path.read_bytes()
        process = self.start_probe(path)
        stderr = go_on(process, signal.SIGTERM)
        self.assertEqual(process.returncode, 75, stderr)
        self.assertIn("interrupted; the file is as it was", stderr)
        self.assertEqual(path.read_bytes(), before)
        self.assertEqual(os.listdir(self.folder), ["sweep.h5"])

    def test_a_file_replaced_meanwhile_is_not_overwritten(self):
        path = self.trained()
        process = self.start_probe(path)
        other = self.trained("other.h5", sweep={"train.seed": [5]})
        os.replace(other, path)
        replaced = path.read_bytes()
        stderr = go_on(process)
        self.assertEqual(process.returncode, 1)
        self.assertIn("another file has taken its place since", stderr)
        self.assertEqual(path.read_bytes(), replaced)


if __name__ == "__main__":
    unittest.main()
