"""spectrain merge: the shards of a sweep become the file that the sweep would have left in one process."""

import fcntl
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import unittest

import h5py
import numpy

from sweeps import PROGRAM, SweepTest, contents, go_on, run_contents, tiny

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from check_file import check_file  # noqa: E402

WIDE = tiny(sweep={"model.width": [4, 8, 30], "data.seed": [1, 2], "train.seed": [0, 1]})


class Merge(SweepTest):

    trained = {}  # config and place: the bytes of a file, so that each sweep is trained once

    def train(self, config, output, *place):
        """The file of a sweep, or of a shard of it."""
        key = (json.dumps(config), place)
        if key not in self.trained:
            self.trained[key] = self.run_sweep(config, output, *place, "--force", "--quiet").read_bytes()
        (self.folder / output).write_bytes(self.trained[key])
        return self.folder / output

    def shards(self, config, count):
        """The files of a sweep's shards."""
        return [self.train(config, f"shard{i}.h5", "--shard", f"{i}/{count}") for i in range(count)]

    def merge(self, *arguments, output="merged.h5"):
        """Merge; it must succeed. The file, and what was said on stderr."""
        result = self.spectrain("merge", *arguments, "-o", output)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertFalse((self.folder / f"{output}.part").exists())
        return self.folder / output, result.stderr

    def refused(self, code, words, *arguments, output="merged.h5"):
        """Merge; it must be refused with these words, and leave nothing behind."""
        before = sorted(self.folder.iterdir())
        self.assert_one_line_error(self.spectrain("merge", *arguments, "-o", output), code, *words)
        self.assertEqual(sorted(self.folder.iterdir()), before)


class Whole(Merge):

    def test_all_shards_make_the_file_of_one_process_to_the_last_bit(self):
        # A 2-dimensional sweep; several data sets of different sizes, so that steps differ; networks of different
        # depths; a run that diverges; regression with the data in the file.
        for config, count in (
            (tiny(sweep={"model.width": [4, 8, 30], "train.seed": [0, 1]}), 2),
            (tiny({"record.data": True}, sweep={"data.train": [200, 150], "model.hidden_layers": [0, 1, 3],
                                                "data.seed": [1, 2]}), 3),
            (tiny(sweep={"train.optimizer.lr": [0.05, 1e30], "model.hidden_layers": [1, 2], "train.seed": [0, 1]}), 4),
            ({"name": "waves", "data": {"source": "sinusoids", "train": 40, "frequencies": [1, 3]},
              "model": {"hidden_layers": 1, "width": 8}, "record": {"epochs": {"every": 1}, "data": True},
              "train": {"loss": "mse", "optimizer": {"kind": "adam", "lr": 0.01}, "batch": "full", "epochs": 3},
              "probes": [{"name": "grid", "kind": "grid1d", "samples": 40}],
              "sweep": {"train.seed": [0, 1, 2]}}, 3),
        ):
            with self.subTest(sweep=config["sweep"]):
                whole = self.train(config, "whole.h5")
                merged, text = self.merge(*reversed(self.shards(config, count)))
                self.assertNotIn("missing", text)
                self.assert_same_bits(merged, whole)
                self.assertEqual(check_file(merged), [])
                verified = self.spectrain("info", merged, "--verify")
                self.assertEqual(verified.returncode, 0, verified.stderr)
                for path in self.folder.glob("*.h5"):
                    path.unlink()

    def test_merging_again_and_in_any_order_makes_the_same_file(self):
        shards = self.shards(WIDE, 3)
        merged, _ = self.merge(*shards)
        before = merged.read_bytes()
        self.merge(*reversed(shards))  # the file that is there is replaced
        self.assertEqual(merged.read_bytes(), before)
        other, _ = self.merge(shards[1], shards[0], shards[2], output="other.h5")
        self.assertEqual(other.read_bytes(), before)

    def test_a_folder_stands_for_the_files_in_it(self):
        folder = self.folder / "shards"
        folder.mkdir()
        for path in self.shards(WIDE, 3):
            path.rename(folder / path.name)
        merged, text = self.merge(folder)
        self.assertEqual(text, "")
        with h5py.File(merged, "r") as file:
            self.assertEqual(file.attrs["complete"], 1)
        (self.folder / "empty").mkdir()
        self.refused(1, ["empty", "no .h5 file"], self.folder / "empty", output="x.h5")

    def test_shards_of_two_cuts_go_together_when_they_share_no_run(self):
        config = tiny(sweep={"train.seed": [0, 1, 2, 3]})
        whole = self.train(config, "whole.h5")
        paths, seen = [], set()
        for place in ("0/2", "0/4", "1/4", "2/4", "3/4"):
            path = self.train(config, f"{place.replace('/', 'of')}.h5", "--shard", place)
            with h5py.File(path, "r") as file:
                runs = set(file["runs/run"][()])
            if not runs & seen:
                paths.append(path)
                seen |= runs
        self.assertEqual(len(paths), 3)
        merged, _ = self.merge(*paths)
        self.assert_same_bits(merged, whole)


class Missing(Merge):

    def test_missing_runs_are_told_and_marked_and_come_with_a_later_merge(self):
        whole = self.train(WIDE, "whole.h5")
        shards = self.shards(WIDE, 4)
        merged, text = self.merge(shards[0], shards[2])
        with h5py.File(shards[0], "r") as a, h5py.File(shards[2], "r") as b:
            there = sorted([*a["runs/run"], *b["runs/run"]])
        missing = [run for run in range(12) if run not in there]
        self.assertIn(f"warning: {len(missing)} of 12 runs are missing: {missing[0]}", text)
        self.assertEqual(check_file(merged), [])
        with h5py.File(merged, "r") as file, h5py.File(whole, "r") as reference:
            self.assertEqual(file.attrs["complete"], 0)
            self.assertEqual([run for run in range(12) if file["runs/status"][run] == 0], missing)
            for name in ("model.width", "data.seed", "train.seed", "parameters", "dataset"):  # known of all runs
                self.assertEqual(list(file[f"runs/{name}"]), list(reference[f"runs/{name}"]))
            self.assertTrue(numpy.isnan(file["metrics/train_loss"][missing]).all())
            self.assertTrue(numpy.isnan(file["probes/line_train/energy"][missing]).all())
            self.assertTrue(numpy.isnan(file[f"weights/{missing[0]}/0/weight"][()]).all())
        for run in there:
            self.assert_same_run(merged, int(run), whole, int(run))
        told = self.spectrain("merge", shards[0], shards[2], "-o", "merged.h5", "--complete", "--quiet")
        self.assert_one_line_error(told, 1, f"merged.h5: {len(missing)} of 12 runs are missing: {missing[0]}")
        self.merge(*shards, "--complete")
        self.assert_same_bits(merged, whole)
        self.refused(1, ["merged.h5", "run", "--force"], shards[0], shards[2])  # it would lose runs
        self.merge(shards[0], shards[2], "--force")

    def test_an_interrupted_shard_brings_what_it_has(self):
        config, whole = self.slow_sweep()
        path = self.write_config(config)
        process = self.start_training(path, "shard0.h5", "--shard", "0/2")
        go_on(process, signal.SIGTERM)
        self.assertEqual(process.returncode, 75)
        other = self.run_sweep(config, "shard1.h5", "--shard", "1/2", "--quiet")
        merged, text = self.merge("shard0.h5", other)
        with h5py.File(self.folder / "shard0.h5", "r") as file:
            numbers = [int(number) for number in file["runs/run"]]
            self.assertIn(f"{len(numbers)} of 4 runs are missing", text)
            loss = file["metrics/train_loss"][()]
        self.assertTrue(numpy.isfinite(loss[:, 0]).all() and numpy.isnan(loss[:, -1]).all())
        for row, number in enumerate(numbers):
            self.assert_same_run(merged, number, self.folder / "shard0.h5", (row, number))
        resumed = self.spectrain("run", path, "-o", "shard0.h5", "--shard", "0/2", "--resume")
        self.assertEqual(resumed.returncode, 0, resumed.stderr)
        self.merge("shard0.h5", other)
        self.assert_same_bits(merged, whole)


class Refused(Merge):

    def test_a_run_that_is_twice_is_refused_with_both_files(self):
        a, b, *_ = self.shards(WIDE, 2)
        copy = shutil.copy(a, self.folder / "copy.h5")
        self.refused(1, ["copy.h5", "shard0.h5", "run 0"], a, b, copy)
        self.refused(1, ["shard0.h5", "each run once"], a, a)

    def test_shards_of_another_config_are_refused_with_the_line(self):
        a, _ = self.shards(WIDE, 2)
        other = dict(WIDE, train=dict(WIDE["train"], epochs=5))
        b = self.train(other, "other.h5", "--shard", "1/2")
        self.refused(1, ["other.h5", "shard0.h5", "epochs"], a, b)

    def test_shards_of_other_data_are_refused(self):
        def data(value):
            with h5py.File(self.folder / "data.hdf5", "w") as file:
                file["train/x"] = numpy.full((20, 3), value, "f4")
                file["test/x"] = numpy.ones((8, 3), "f4")
                file["train/y"], file["test/y"] = numpy.arange(20) % 4, numpy.arange(8) % 4

        config = tiny({"data": {"source": "hdf5", "path": "data.hdf5", "seed": 1, "classes": 4}, "train.batch": 10})
        data(0.5)
        a = self.run_sweep(config, "shard0.h5", "--shard", "0/2")
        data(0.25)
        b = self.run_sweep(config, "shard1.h5", "--shard", "1/2")
        self.refused(1, ["data set 0", "sha256", "shard0.h5", "shard1.h5"], a, b)
        data(0.5)
        b = self.run_sweep(config, "shard1.h5", "--shard", "1/2", "--force")
        (self.folder / "data.hdf5").unlink()  # merging needs no data
        self.merge(a, b)

    def test_a_shard_of_another_version_is_refused(self):
        a, b = self.shards(WIDE, 2)
        with h5py.File(b, "r+") as file:
            file.attrs["software_version"] = "99.0.0"
        self.refused(1, ["shard1.h5", "99.0.0"], a, b)

    def test_a_damaged_shard_is_refused_with_the_array_and_its_runs(self):
        a, b = self.shards(tiny(sweep={"model.width": [4, 8], "train.seed": [0, 1]}), 2)
        sound = b.read_bytes()
        with h5py.File(b, "r") as file:
            run = int(file["runs/run"][1])
            places = {f"/weights/{run}/1/weight (run {run})": file[f"weights/{run}/1/weight"].id,
                      "/metrics/test_loss": file["metrics/test_loss"].id,
                      "/data/label_noisy": file["data/label_noisy"].id}
            places = {words: array.get_chunk_info(0).byte_offset for words, array in places.items()}
        for words, place in places.items():
            with self.subTest(words):
                b.write_bytes(sound[:place + 3] + bytes([sound[place + 3] ^ 8]) + sound[place + 4:])
                self.refused(1, ["shard1.h5", words, "damaged"], a, b)
        for size in (0, 100, len(sound) // 2, len(sound) - 1):
            with self.subTest(size=size):
                b.write_bytes(sound[:size])
                self.refused(1, ["shard1.h5"], a, b)
        b.write_bytes(sound[:-200] + bytes([sound[-200] ^ 1]) + sound[-199:])
        self.refused(1, ["shard1.h5", "damaged"], a, b)
        b.write_bytes(sound)
        self.merge(a, b)

    def test_what_is_no_shard_is_refused(self):
        whole = self.train(tiny(), "whole.h5")
        text = self.folder / "text.h5"
        text.write_text("not HDF5")
        self.refused(1, ["whole.h5", "is no shard"], whole)
        self.refused(1, ["text.h5", "not an HDF5 file"], text)
        self.refused(1, ["nowhere.h5", "No such file"], "nowhere.h5")

    def test_outputs_that_cannot_be_are_refused(self):
        a, b = self.shards(WIDE, 2)
        before = a.read_bytes()
        self.refused(2, ["shard0.h5", "is one of the shards"], a, b, output="shard0.h5")
        self.refused(2, ["shard0.h5", "is one of the shards"], a, b, "--force", output="shard0.h5")
        self.refused(2, ["merged.hdf5", ".h5"], a, b, output="merged.hdf5")
        self.refused(2, ["nowhere"], a, b, output="nowhere/merged.h5")
        (self.folder / "taken.h5").write_text("precious")
        self.refused(1, ["taken.h5", "--force"], a, b, output="taken.h5")
        self.train(tiny(), "another.h5")
        self.refused(1, ["another.h5", "--force"], a, b, output="another.h5")
        self.assert_one_line_error(self.spectrain("merge", a, b), 2, "-o FILE.h5 is missing")
        self.assertEqual(a.read_bytes(), before)
        self.merge(a, b, "--force", output="another.h5")

    def test_a_name_under_which_a_sweep_is_unfinished_is_refused(self):
        a, b = self.shards(WIDE, 2)
        config, _ = self.slow_sweep()
        process = self.start_training(self.write_config(config), "merged.h5")
        self.refused(1, ["merged.h5.part", "in use by process"], a, b)
        process.kill()
        process.communicate()
        self.refused(1, ["merged.h5.part", "unfinished"], a, b)

    def test_two_merges_into_one_file_do_not_meet(self):
        a, b = self.shards(WIDE, 2)
        part = self.folder / "merged.h5.part"
        part.mkdir()
        with open(part / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.refused(1, ["merged.h5.part", "in use"], a, b)
        (part / "assembled").write_text("what a merge that was killed has left")
        self.merge(a, b)


class Virtual(Merge):

    def setUp(self):
        super().setUp()
        self.config = tiny(sweep={"model.width": [4, 8, 30], "train.seed": [0, 1]})
        self.paths = self.shards(self.config, 3)

    def test_views_have_the_values_of_the_whole(self):
        whole = self.train(self.config, "whole.h5")
        merged, _ = self.merge(*self.paths, "--virtual")
        self.assertEqual(check_file(merged), [])
        self.assertLess(merged.stat().st_size, whole.stat().st_size / 2)
        expected, found = contents(whole), contents(merged)
        for name, value in expected.items():
            if not name.startswith("/weights") and name != "/@created" and not name.startswith("weights/"):
                self.assertEqual(found[name], value, name)
        for run in range(6):
            self.assertEqual(run_contents(merged, run), run_contents(whole, run))
        self.assertEqual(self.spectrain("info", merged, "--verify").returncode, 0)

    def test_missing_runs_are_missing_in_views(self):
        merged, text = self.merge(self.paths[1], "--virtual")
        self.assertEqual(check_file(merged), [])
        with h5py.File(merged, "r") as file:
            missing = file["runs/status"][()] == 0
            self.assertGreater(missing.sum(), 0)
            self.assertIn(f"{missing.sum()} of 6 runs are missing", text)
            self.assertEqual(list(numpy.isnan(file["metrics/train_loss"][:, 0])), list(missing))

    def test_views_move_with_their_shards(self):
        self.merge(*self.paths, "--virtual")
        moved = self.folder / "moved 100%"
        moved.mkdir()
        for name in ("merged.h5", "shard0.h5", "shard1.h5", "shard2.h5"):
            (self.folder / name).rename(moved / name)
        self.assertEqual(self.spectrain("info", moved / "merged.h5", "--verify").returncode, 0)
        with h5py.File(moved / "merged.h5", "r") as file:
            self.assertTrue(numpy.isfinite(file["metrics/train_loss"][()]).all())
        # Made there: a percent sign in a name stands for itself.
        names = [f"moved 100%/shard{i}.h5" for i in range(3)]
        merged, _ = self.merge(*names, "--virtual", output="again.h5")
        with h5py.File(merged, "r") as file:
            self.assertTrue(numpy.isfinite(file["metrics/train_loss"][()]).all())
            self.assertTrue(numpy.isfinite(file["weights/3/0/weight"][()]).all())

    def test_shards_that_are_gone_or_changed_are_told(self):
        merged, _ = self.merge(*self.paths, "--virtual")
        sound = self.paths[2].read_bytes()
        place = len(sound) // 2
        self.paths[2].write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1:])
        for arguments in (("info", merged, "--verify"), ("info", merged), ("monitor", merged)):
            self.assert_one_line_error(self.spectrain(*arguments), 1, "shard2.h5")
        self.paths[2].write_bytes(sound)
        shutil.copy(self.paths[0], self.paths[1])
        self.assert_one_line_error(self.spectrain("info", merged), 1, "shard1.h5", "another file")
        self.paths[1].unlink()
        for command in ("info", "monitor"):
            self.assert_one_line_error(self.spectrain(command, merged), 1, "shard1.h5", "gone")

    def test_views_are_replaced_by_copies_and_copies_with_more_in_them_are_kept(self):
        whole = self.train(self.config, "whole.h5")
        merged, _ = self.merge(*self.paths, "--virtual")
        probe = "{name: later, kind: line, split: test, points: 4, samples: 16, radius: 1.0}"
        refused = self.spectrain("probe", merged, "--probe", probe)
        self.assert_one_line_error(refused, 2, "merged.h5", "--virtual")
        self.merge(*self.paths)
        self.assert_same_bits(merged, whole)
        added = self.spectrain("probe", merged, "--probe", probe)
        self.assertEqual(added.returncode, 0, added.stderr)
        self.refused(1, ["merged.h5", "probe later", "--force"], *self.paths)


class Memory(Merge):

    def test_memory_does_not_grow_with_the_shards(self):
        """Energies of 330 MB; merging stays below 256 MB."""
        config = {"name": "large", "data": {"source": "sinusoids", "train": 40, "frequencies": [1, 3]},
                  "model": {"hidden_layers": 0, "width": 1}, "record": {"epochs": {"every": 1}},
                  "train": {"loss": "mse", "optimizer": {"kind": "sgd", "lr": 0.01}, "batch": "full", "epochs": 62},
                  "probes": [{"name": "grid", "kind": "grid1d", "samples": 131072}],
                  "sweep": {"train.seed": list(range(20))}}
        shards = self.shards(config, 2)
        self.assertGreater(sum(path.stat().st_size for path in shards), 300e6)
        script = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
                  "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
        done = subprocess.run([sys.executable, "-c", script, PROGRAM, "merge", *map(str, shards), "-o", "merged.h5",
                               "--quiet"], cwd=self.folder, stdout=subprocess.PIPE, text=True, check=True)
        self.assertLess(int(done.stdout) * 1024, 256e6)  # it is told in kilobytes


if __name__ == "__main__":
    unittest.main()
