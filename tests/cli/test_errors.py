"""Whatever is wrong with the input: an exit code, one line that says what, and no file left behind."""

import gzip
import os
import pathlib
import resource
import struct
import subprocess
import unittest

import h5py
import numpy

from sweeps import SweepTest, tiny


def idx_images(n, rows=4, columns=4):
    return struct.pack(">IIII", 0x803, n, rows, columns) + bytes(range(16)) * n


def idx_labels(labels):
    return struct.pack(">II", 0x801, len(labels)) + bytes(labels)


class BadInput(SweepTest):

    def assert_fails(self, config, code, *words, arguments=()):
        path = self.write_config(config)
        out = self.folder / "out"
        out.mkdir(exist_ok=True)
        before = sorted(out.iterdir())
        result = self.spectrain("run", path, "-o", out / "x.h5", *arguments)
        self.assert_one_line_error(result, code, *words)
        self.assertEqual(sorted(out.iterdir()), before, "something was left behind")

    # ---- configs: exit code 2, with file, line and key

    def test_unknown_key_is_refused_with_what_is_allowed(self):
        self.assert_fails(tiny({"model.witdh": 3}), 2, "config.yaml:1:", "model.witdh", "width")

    def test_wrong_type_is_refused(self):
        for wrong in ("wide", 3.5, [4], True):
            self.assert_fails(tiny({"model.width": wrong}, sweep={"train.seed": [0]}), 2, "model.width")
            self.assert_fails(tiny(sweep={"model.width": [4, wrong]}), 2, "model.width")
        self.assert_fails(tiny({"model": [1, 2]}), 2, "model")
        self.assert_fails(tiny({"train.epochs": {"every": 1}}), 2, "train.epochs")

    def test_width_zero_is_refused(self):
        self.assert_fails(tiny({"model.width": 0}, sweep={"train.seed": [0]}), 2, "model.width")
        self.assert_fails(tiny(sweep={"model.width": [4, 0]}), 2, "model.width")

    def test_numbers_out_of_range_are_refused(self):
        self.assert_fails(tiny({"data.label_noise.fraction": 1.5}), 2, "data.label_noise.fraction", "1.5")
        self.assert_fails(tiny({"train.optimizer.lr": -1}), 2, "lr")
        self.assert_fails(tiny(sweep={"train.seed": [0, 2**32]}), 2, "train.seed")

    def test_empty_sweep_is_refused(self):
        self.assert_fails(tiny(sweep={"model.width": []}), 2, "model.width")

    def test_sweep_over_an_unknown_key_is_refused(self):
        self.assert_fails(tiny(sweep={"model.breadth": [1]}), 2, "model.breadth")

    def test_value_that_an_axis_overrides_is_checked_with_its_line(self):
        self.assert_fails(tiny({"model.width": "wide"}, sweep={"model.width": [4]}), 2, "config.yaml:1:", "model.width",
                          "wide")

    def test_batch_larger_than_the_data_is_refused(self):
        self.assert_fails(tiny({"train.batch": 201}), 2, "train.batch", "201", "200")

    def test_cross_entropy_on_one_output_is_refused(self):
        data = {"source": "manifold", "train": 20, "frequencies": [1], "petals": 4, "task": "classification"}
        self.assert_fails(tiny({"data": data, "train.batch": 10}), 2, "config.yaml:1:", "train.loss", "mse, bce")

    def test_text_that_is_no_yaml_is_refused_with_its_line(self):
        self.assert_fails("name: x\ndata: {source: mnist1d\ntrain: 3\n", 2, "config.yaml:")
        self.assert_fails("", 2, "config.yaml")
        self.assert_fails("\x00\x01\x02", 2, "config.yaml")

    def test_bad_set_is_refused(self):
        for assignment in ("train.epochs", "=3", "train.epochs=", "train.nothing=3", "train.epochs=[1"):
            self.assert_fails(tiny(), 2, arguments=("--set", assignment))

    def test_missing_config_is_named(self):
        result = self.spectrain("run", "nowhere.yaml")
        self.assert_one_line_error(result, 1, "nowhere.yaml", "No such file")
        self.assertEqual(list(self.folder.iterdir()), [])

    # ---- data: exit code 1 when a file is not what it should be

    def idx_config(self, **files):
        """A config on a folder of IDX files, some of them replaced (None: missing)."""
        sound = {"train-images-idx3-ubyte": idx_images(20), "train-labels-idx1-ubyte": idx_labels([0, 1] * 10),
                 "t10k-images-idx3-ubyte": idx_images(10), "t10k-labels-idx1-ubyte": idx_labels([0, 1] * 5)}
        names = {"train_images": "train-images-idx3-ubyte", "train_labels": "train-labels-idx1-ubyte",
                 "test_images": "t10k-images-idx3-ubyte", "test_labels": "t10k-labels-idx1-ubyte"}
        for key, content in files.items():
            sound[names[key]] = content
        folder = self.folder / "images"
        folder.mkdir(exist_ok=True)
        for name, content in sound.items():
            (folder / name).unlink(missing_ok=True)
            if content is not None:
                (folder / name).write_bytes(content)
        return tiny({"data": {"source": "idx", "path": str(folder), "seed": 1}, "train.batch": 10, "train.epochs": 1})

    def test_sound_idx_files_are_read(self):
        self.run_sweep(self.idx_config(), "x.h5")  # so that what follows fails for its own reason

    def test_missing_data_is_named(self):
        self.assert_fails(tiny({"data": {"source": "idx", "path": "/nowhere/images", "seed": 1}}), 1, "/nowhere/images")
        self.assert_fails(self.idx_config(test_labels=None), 1, "t10k-labels-idx1-ubyte")

    def test_truncated_idx_is_refused(self):
        self.assert_fails(self.idx_config(train_images=idx_images(20)[:-1]), 1, "train-images-idx3-ubyte")
        self.assert_fails(self.idx_config(train_labels=idx_labels([0] * 20)[:9]), 1, "train-labels-idx1-ubyte")
        self.assert_fails(self.idx_config(train_images=idx_images(20)[:7]), 1, "train-images-idx3-ubyte")
        self.assert_fails(self.idx_config(train_images=b""), 1, "train-images-idx3-ubyte")

    def test_truncated_gzip_is_refused(self):
        config = self.idx_config(train_images=None)
        whole = gzip.compress(idx_images(20))
        (self.folder / "images" / "train-images-idx3-ubyte.gz").write_bytes(whole[:-12])
        self.assert_fails(config, 1, "train-images-idx3-ubyte.gz")

    def test_file_that_is_no_idx_is_refused_with_its_magic(self):
        self.assert_fails(self.idx_config(train_images=b"not an image file at all"), 1, "train-images", "magic")
        swapped = idx_labels([0] * 20)
        self.assert_fails(self.idx_config(train_images=swapped), 1, "train-images", "0x00000801", "0x00000803")

    def hdf5_config(self, **changed):
        arrays = {"train/x": numpy.zeros((20, 3), "f4"), "train/y": numpy.arange(20) % 4,
                  "test/x": numpy.ones((8, 3), "f4"), "test/y": numpy.arange(8) % 4}
        arrays.update({name.replace("_", "/"): array for name, array in changed.items()})
        path = self.folder / "data.hdf5"
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                if array is not None:
                    file[name] = array
        return tiny({"data": {"source": "hdf5", "path": str(path), "seed": 1, "classes": 4}, "train.batch": 10,
                     "train.epochs": 1})

    def test_sound_hdf5_is_read(self):
        self.run_sweep(self.hdf5_config(), "x.h5")

    def test_label_out_of_range_is_refused_with_its_row(self):
        for wrong in (4, -1):
            labels = numpy.arange(20) % 4
            labels[17] = wrong
            self.assert_fails(self.hdf5_config(train_y=labels), 1, "data.hdf5", "17", str(wrong))

    def test_nan_in_data_is_refused_with_its_row(self):
        for wrong in (numpy.nan, numpy.inf):
            x = numpy.zeros((20, 3), "f4")
            x[13, 1] = wrong
            self.assert_fails(self.hdf5_config(train_x=x), 1, "data.hdf5", "13")

    def test_hdf5_without_a_part_or_of_unequal_lengths_is_refused(self):
        self.assert_fails(self.hdf5_config(test_y=None), 1, "data.hdf5", "/test/y")
        self.assert_fails(self.hdf5_config(train_y=numpy.arange(19) % 4), 1, "data.hdf5", "19", "20")

    # ---- the output

    def test_unwritable_folder_is_refused(self):
        path = self.write_config(tiny())
        (self.folder / "file").write_text("in the way")
        before = sorted(self.folder.iterdir())
        for parent, code in (("/proc", 1), ("nowhere", 2), ("file", 2)):
            result = self.spectrain("run", path, "-o", f"{parent}/x.h5")
            self.assert_one_line_error(result, code, f"{parent}/x.h5")
        self.assertEqual(sorted(self.folder.iterdir()), before)

    def test_file_that_is_there_is_kept(self):
        config = self.write_config(tiny())
        taken = self.folder / "x.h5"
        taken.write_bytes(b"precious")
        result = self.spectrain("run", config, "-o", taken)
        self.assert_one_line_error(result, 1, "x.h5", "--force")
        self.assertEqual(taken.read_bytes(), b"precious")
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["config.yaml", "x.h5"])

    def test_force_replaces_a_file(self):
        (self.folder / "x.h5").write_bytes(b"old")
        path = self.run_sweep(tiny(), "x.h5", "--force")
        with h5py.File(path, "r") as file:
            self.assertEqual(file.attrs["complete"], 1)

    def test_resume_with_another_config_is_refused(self):
        path = self.run_sweep(tiny(), "x.h5")
        before = path.read_bytes()
        other = self.write_config(tiny({"train.optimizer.lr": 0.06}), "other.yaml")
        self.assert_one_line_error(self.spectrain("run", other, "-o", path, "--resume"), 1, "x.h5")
        self.assertEqual(path.read_bytes(), before)
        self.assertFalse((self.folder / "x.h5.part").exists())

    def test_resume_of_a_complete_file_does_nothing(self):
        path = self.run_sweep(tiny(), "x.h5")
        before = path.read_bytes()
        result = self.spectrain("run", self.folder / "x.h5.yaml", "-o", path, "--resume")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("complete already", result.stdout)
        self.assertEqual(path.read_bytes(), before)

    def test_backend_without_a_device_is_refused(self):
        if "cuda 0:" in self.spectrain("devices").stdout:
            self.skipTest("there is a CUDA device here")
        self.assert_fails(tiny(), 1, "cuda", arguments=("--backend", "cuda"))

    def test_device_that_is_not_there_is_refused(self):
        self.assert_fails(tiny(), 1, "device", arguments=("--backend", "cpu", "--device", "7"))


class FullDisk(SweepTest):
    """On a small file system of its own where that may be mounted, else under a limit on the size of a file."""

    # Weights at every epoch: about 4 MB.
    config = tiny({"train.epochs": 30, "record.weights": {"every": 1}}, sweep={"model.width": [150], "train.seed": [0]})

    def mount(self, size):
        place = self.folder / "small"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(place)]
        if os.geteuid() != 0 or subprocess.run(command, stderr=subprocess.DEVNULL).returncode != 0:
            place.rmdir()
            return None
        self.addCleanup(subprocess.run, ["umount", "-l", str(place)])
        return place

    def test_disk_that_fills_up_stops_the_sweep_and_space_lets_it_go_on(self):
        place = self.mount("1m")
        if place is None:
            self.skipTest("no file system may be mounted here; the file limit's test is run")
        config = self.write_config(self.config)
        result = self.spectrain("run", config, "-o", place / "x.h5")
        self.assert_one_line_error(result, 1, "x.h5", "No space left on device")
        self.assertFalse((place / "x.h5").exists())
        subprocess.run(["mount", "-o", "remount,size=64m", str(place)], check=True)
        result = self.spectrain("run", config, "-o", place / "x.h5", "--resume")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_same_bits(place / "x.h5", self.run_sweep(self.config, "reference.h5"))

    def test_disk_that_is_full_leaves_nothing_behind(self):
        place = self.mount("64k")
        if place is None:
            self.skipTest("no file system may be mounted here")
        with open(place / "filling", "wb", buffering=0) as filling:
            try:
                while True:
                    filling.write(bytes(4096))
            except OSError:
                pass
        result = self.spectrain("run", self.write_config(self.config), "-o", place / "x.h5")
        self.assert_one_line_error(result, 1, "x.h5", "No space left on device")
        self.assertEqual([path.name for path in place.iterdir()], ["filling"])

    def test_limit_on_file_sizes_is_an_error_and_no_signal(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

        out = self.folder / "out"
        out.mkdir()
        result = self.spectrain("run", self.write_config(self.config), "-o", out / "x.h5", preexec_fn=limit)
        self.assert_one_line_error(result, 1, "x.h5", "File too large")
        self.assertFalse((out / "x.h5").exists())
        resumed = self.spectrain("run", self.folder / "config.yaml", "-o", out / "x.h5", "--resume")
        self.assertEqual(resumed.returncode, 0, resumed.stderr)
        self.assert_same_bits(out / "x.h5", self.run_sweep(self.config, "reference.h5"))


class BadUsage(SweepTest):

    def test_every_bad_command_line_is_exit_code_2_and_one_line(self):
        config = self.write_config(tiny())
        for arguments, *words in (
            ([], "known: run, plan, "),
            (["trian", config], "unknown command trian", "known: run, plan, "),
            (["enqueue", config], "unknown command enqueue"),
            (["--verbose"], "unknown option --verbose"),
            (["run"], "CONFIG is missing"),
            (["run", config, config], "unexpected argument"),
            (["run", config, "--shard", "2/2"], "--shard", "2/2", "I/N"),
            (["run", config, "--shard", "1/0"], "--shard", "1/0"),
            (["run", config, "--shard", "1"], "--shard"),
            (["run", config, "--shard", "-1/2"], "--shard"),
            (["run", config, "--shard", "0/2 "], "--shard"),
            (["plan", config, "--shards", "0"], "--shards"),
            (["run", config, "--threads", "two"], "--threads", "two"),
            (["run", config, "--threads=0"], "--threads"),
            (["run", config, "--threads"], "argument is missing"),
            (["run", config, "--device", "1.5"], "--device"),
            (["run", config, "--backend", "tpu"], "--backend", "auto, cpu, cuda"),
            (["run", config, "--resume", "--force"], "--force"),
            (["plan"], "CONFIG is missing"),
            (["plan", config, "--resume"], "unknown option --resume"),
            (["info"], "FILE.h5 is missing"),
            (["info", "x.h5", "--check"], "unknown option --check"),
            (["devices", "cpu"], "unexpected argument"),
            (["help", "trian"], "unknown command trian"),
        ):
            with self.subTest(arguments=arguments):
                result = self.spectrain(*arguments)
                self.assert_one_line_error(result, 2, *words)
                self.assertEqual(result.stdout, "")
        self.assertEqual(list(self.folder.iterdir()), [pathlib.Path(config)])


if __name__ == "__main__":
    unittest.main()
