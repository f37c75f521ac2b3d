#!/usr/bin/env python3
"""Files of fabricated sweeps are what the format says, and check_file.py tells when they are not."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy as np

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CHECK = os.path.join(TESTS, "check_file.py")
WRITER = os.path.join(os.environ.get("SPECTRAIN_BUILD", "build"), "tests", "write_shapes")

sys.path.insert(0, TESTS)
from check_file import check_file  # noqa: E402


def check(path):
    """Exit status and output of the program."""
    done = subprocess.run([sys.executable, "-B", CHECK, path], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


class Format(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="spectrain-format-")
        subprocess.run([WRITER, cls.folder], check=True, capture_output=True)
        cls.files = sorted(name for name in os.listdir(cls.folder) if name.endswith(".h5"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def changed(self, name, change):
        """A copy of a file after change(h5py.File)."""
        path = os.path.join(self.folder, "changed")
        shutil.copy(os.path.join(self.folder, name), path)
        with h5py.File(path, "r+") as file:
            change(file)
        return path

    def test_files_of_all_shapes_are_as_the_format_says(self):
        self.assertGreater(len(self.files), 10)
        for name in self.files:
            with self.subTest(name):
                self.assertEqual(check_file(os.path.join(self.folder, name)), [])

    def test_each_deviation_is_told(self):
        def set_value(path, place, value):
            return lambda file: file[path].__setitem__(place, value)

        def set_attribute(path, key, value):
            return lambda file: file[path].attrs.__setitem__(key, value)

        def delete_attribute(path, key):
            return lambda file: file[path].attrs.__delitem__(key)

        def detach(file):
            file["metrics/test_loss"].dims[0].detach_scale(file["metrics/run"])

        deviations = {
            "attribute format": set_attribute("/", "format", "other"),
            "attribute complete": set_attribute("/", "complete", 2),
            "attribute created": set_attribute("/", "created", "today"),
            "groups": lambda file: file.create_group("extra"),
            "test_loss: no text units": delete_attribute("metrics/test_loss", "units"),
            "dimension 0 has 0 scales": detach,
            "flag_values": delete_attribute("runs/status", "flag_values"),
            "runs are missing": set_value("runs/status", 0, 0),
            "/record/epoch: not rising": set_value("record/epoch", 0, 1),
            "not the epochs": set_value("metrics/record", 1, 2),
            "values after a run diverged": set_value("metrics/train_loss", (1, 5), 0.5),
            "/metrics/train_loss: a done run lacks values": set_value("metrics/train_loss", (0, 1), np.nan),
            "negative in run 2": set_value("probes/line_train/energy", (2, 0, 0), -1.0),
            "/weights: not one group": lambda file: file["weights"].__delitem__("1"),
            "values are missing": set_value("weights/2/0/weight", (0, 0, 0), np.nan),
            "/runs/parameters says": set_value("runs/parameters", 1, 5),
            "/data lacks label_noisy": lambda file: file["data"].__delitem__("label_noisy"),
            "not dataset_sha256": set_attribute("/", "dataset_sha256", "0" * 64),
        }
        for words, change in deviations.items():
            with self.subTest(words):
                self.assertIn(words, "\n".join(check_file(self.changed("diverged.h5", change))))

    def test_the_exit_status_tells(self):
        self.assertEqual(check(os.path.join(self.folder, "small.h5")), (0, ""))
        path = self.changed("small.h5", lambda file: file["runs/status"].__setitem__(0, 0))
        self.assertEqual(check(path), (1, f"{path}: complete, but runs are missing\n"))

    def test_a_file_of_another_kind_is_told(self):
        path = os.path.join(self.folder, "other")
        with h5py.File(path, "w") as file:
            file["x"] = [1, 2]
        self.assertEqual(check(path)[0], 1)
        with open(path, "w", encoding="utf-8") as file:
            file.write("text")
        self.assertEqual(check(path)[0], 1)


if __name__ == "__main__":
    unittest.main()
