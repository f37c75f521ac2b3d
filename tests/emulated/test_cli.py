"""The program with the kernels as its backend cuda, on the emulated device: whole sweeps, against the cpu backend and
against themselves after everything that may befall a device. SPECTRAIN names that program."""

import os
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cli"))
import h5py  # noqa: E402
import numpy as np  # noqa: E402

from sweeps import SweepTest, tiny  # noqa: E402

# Widths on both sides of a tile's 32, both depths, both seeds: 8 runs, 2 steps an epoch, the second of 10 examples.
MIXED = tiny({"data.train": 50, "data.test": 30, "train.batch": 40, "train.epochs": 3, "record.weights": {"every": 1},
              "probes": [{"name": "line_train", "kind": "line", "split": "train", "points": 3, "samples": 16,
                          "radius": 1.0}]},
             sweep={"model.width": [5, 37], "model.hidden_layers": [1, 2], "train.seed": [0, 1]})
# Lines that go another way in each run, and what is exact along lines.
OWN_WAYS = dict(MIXED, probes=[{"name": "line_own", "kind": "line", "split": "test", "points": 4, "samples": 12,
                                "radius": 0.5, "direction": "adversarial"},
                               {"name": "exact_own", "kind": "exact", "split": "train", "points": 3, "radius": 1.0,
                                "max_frequency": 9, "direction": "adversarial"},
                               {"name": "exact_ends", "kind": "exact", "split": "train", "points": 4, "radius": 2.0,
                                "max_frequency": 40, "detrend": "ends"}])
# One-dimensional: the full batch, Adam, squared errors, a grid.
SINES = {
    "name": "sines",
    "data": {"source": "sinusoids", "train": 24, "frequencies": [1, 3], "seed": 1},
    "model": {"hidden_layers": 2, "width": 16},
    "train": {"loss": "mse", "optimizer": {"kind": "adam", "lr": 0.001}, "batch": "full", "epochs": 4},
    "record": {"epochs": {"every": 1}, "weights": {"every": 2}},
    "probes": [{"name": "grid", "kind": "grid1d", "samples": 24}],
    "sweep": {"model.width": [3, 16], "train.seed": [0, 1]},
}

# Two inputs, regression: a plane both ways, products with a basis, series without the line through their ends, and
# networks around the last ones.
PLANES = {
    "name": "planes",
    "data": {"source": "manifold", "train": 40, "test": 10, "petals": 3, "frequencies": [1, 3], "seed": 1},
    "model": {"hidden_layers": 2, "width": 16},
    "train": {"loss": "mse", "optimizer": {"kind": "adam", "lr": 0.001}, "batch": 16, "epochs": 3},
    "record": {"epochs": {"every": 1}, "weights": {"every": 3}},
    "probes": [
        {"name": "rings", "kind": "grid2d", "samples": [18, 24], "box": [[-1, 1], [-2, 2]]},
        {"name": "plane", "kind": "grid2d", "samples": 10, "power": "full"},
        {"name": "kernel", "kind": "kernel", "sigma": 1.0, "bin": 7},
        {"name": "waves", "kind": "nudft", "component": 0, "frequencies": [0, 0.5, 1.25, 3]},
        {"name": "ends", "kind": "line", "split": "train", "points": 5, "samples": 24, "radius": 2.0,
         "detrend": "ends"},
        {"name": "around", "kind": "line", "split": "train", "points": 4, "samples": 16, "radius": 1.0,
         "perturb": {"norms": [0, 0.5, 2], "directions": 4}},
        {"name": "around_rings", "kind": "grid2d", "samples": 12, "at": "all",
         "perturb": {"norms": [0.1, 1], "directions": 3}},
        {"name": "around_kernel", "kind": "kernel", "sigma": 2.0, "perturb": {"norms": [0.3], "directions": 2}},
    ],
    "sweep": {"model.width": [3, 40], "train.seed": [0, 1]},
}

# Against the cpu backend. A step agrees to 1e-5 of its parameters' length (test_train_parity.cpp), in truth to some
# 1e-7, and the few steps here add up. Losses and norms follow the parameters; energies are within 1e-5 of the total
# energy (probe.cuh). No example is so close to a boundary between classes that its error could differ.
WEIGHTS = 1e-5
LOSSES = 1e-5
ENERGIES = 2e-5


def distance(a, b):
    """Length of the difference of two snapshots of an array, over the length of the second; (snapshot)."""
    a, b = a.reshape(len(a), -1).astype(float), b.reshape(len(b), -1).astype(float)
    return np.linalg.norm(a - b, axis=1) / np.linalg.norm(b, axis=1)


class Emulated(SweepTest):

    def cuda(self, config, output, *arguments, event=None, count=None, memory=None, devices=None,
             delay=None):
        """The finished process of a sweep on the emulated device."""
        environment = dict(os.environ)
        for name, value in (("EVENT", event), ("CALLS", count), ("MEMORY", memory), ("DEVICES", devices),
                            ("DELAY", delay)):
            if value is not None:
                environment[f"SPT_EMULATED_{name}"] = str(value)
        path = self.write_config(config)
        return self.spectrain("run", path, "-o", output, "--backend", "cuda", *arguments, env=environment)

    def done(self, *arguments, **options):
        """The file of a sweep that must succeed."""
        result = self.cuda(*arguments, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return self.folder / arguments[1]

    def undisturbed(self):
        """The file of MIXED, and how many launches it took: made once."""
        cls = type(self)
        if not hasattr(cls, "reference"):
            counted = self.shared_folder / "launches"
            path = self.done(MIXED, "reference.h5", count=counted)
            path.rename(self.shared_folder / "reference.h5")
            cls.reference, cls.launches = self.shared_folder / "reference.h5", int(counted.read_text())
        return cls.reference, cls.launches

    def assert_equal_within_bounds(self, cuda, cpu):
        with h5py.File(cuda, "r") as a, h5py.File(cpu, "r") as b:
            self.assertEqual((a.attrs["backend"], b.attrs["backend"]), ("cuda", "cpu"))
            for name, expected in b["metrics"].items():
                if expected.ndim < 2:
                    continue  # a dimension scale
                found, expected = a["metrics"][name][()], expected[()]
                np.testing.assert_array_equal(np.isnan(found), np.isnan(expected), name)
                exact = name.endswith(("error", "fit", "clean"))
                np.testing.assert_allclose(found, expected, rtol=0 if exact else LOSSES, err_msg=name)
            for name, probe in b["probes"].items():
                found, expected = a["probes"][name]["energy"][()], probe["energy"][()]
                np.testing.assert_array_equal(np.isnan(found), np.isnan(expected), name)  # where it is not taken
                shape = expected.shape[:3 if "norm" in probe else 2] + (-1,)  # run, record, norm; frequencies
                found, expected = found.reshape(shape), expected.reshape(shape)
                taken = ~np.isnan(expected).any(axis=-1)
                self.assertTrue(taken[:, -1].all(), name)
                largest = np.abs(found - expected)[taken].max(axis=-1) / expected[taken].sum(axis=-1)
                self.assertLess(largest.max(), ENERGIES, name)
            arrays = []
            b["weights"].visititems(
                lambda name, item: arrays.append(name) if name.endswith(("/weight", "/bias")) else None)
            self.assertGreater(len(arrays), 10)
            for name in arrays:
                found, expected = a["weights"][name][()], b["weights"][name][()]
                self.assertEqual(found[0].tobytes(), expected[0].tobytes(), name)  # initial weights are equal
                self.assertLess(distance(found, expected).max(), WEIGHTS, name)
                self.assertGreater(np.abs(found[-1] - found[0]).max(), 0.0, name)  # and they were trained

    def assert_format(self, *paths):
        check = subprocess.run([sys.executable, "-B", HERE.parent / "check_file.py", *paths], capture_output=True,
                               text=True)
        self.assertEqual(check.returncode, 0, check.stdout + check.stderr)
        for path in paths:
            self.assertEqual(self.spectrain("info", path, "--verify").returncode, 0)


class Device(Emulated):

    def test_classes_and_lines_equal_the_cpus_within_the_bounds(self):
        cuda, _ = self.undisturbed()
        cpu = self.run_sweep(MIXED, "cpu.h5", "--backend", "cpu")
        self.assert_format(cuda, cpu)
        self.assert_equal_within_bounds(cuda, cpu)

    def test_functions_and_grids_equal_the_cpus_within_the_bounds(self):
        cuda = self.done(SINES, "cuda.h5")
        cpu = self.run_sweep(SINES, "cpu.h5", "--backend", "cpu")
        self.assert_format(cuda, cpu)
        self.assert_equal_within_bounds(cuda, cpu)

    def test_own_directions_and_exact_lines_equal_the_cpus_within_the_bounds(self):
        cuda = self.done(OWN_WAYS, "cuda.h5")
        cpu = self.run_sweep(OWN_WAYS, "cpu.h5", "--backend", "cpu")
        self.assert_format(cuda, cpu)
        self.assert_equal_within_bounds(cuda, cpu)

    def test_streams_that_work_in_another_order_leave_the_same_file(self):
        reference, _ = self.undisturbed()
        for delay in (1, 2):
            self.assert_same_bits(self.done(MIXED, f"delay{delay}.h5", delay=delay), reference)

    def test_planes_bases_and_perturbed_networks_equal_the_cpus_within_the_bounds(self):
        cuda = self.done(PLANES, "cuda.h5")
        cpu = self.run_sweep(PLANES, "cpu.h5", "--backend", "cpu")
        self.assert_format(cuda, cpu)
        self.assert_equal_within_bounds(cuda, cpu)

    def test_a_run_alone_has_the_bits_that_it_has_in_the_group(self):
        reference, _ = self.undisturbed()
        for run, width, depth, seed in ((2, 5, 2, 0), (7, 37, 2, 1)):
            alone = dict(MIXED, model=dict(MIXED["model"], width=width, hidden_layers=depth),
                         train=dict(MIXED["train"], seed=seed))
            del alone["sweep"]
            self.assert_same_run(self.done(alone, f"alone{run}.h5"), 0, reference, run)

    def test_devices_names_the_device_and_auto_takes_it(self):
        self.assertIn("cuda 0: emulated device, sm_90", self.spectrain("devices").stdout)
        result = self.spectrain("run", self.write_config(MIXED), "-o", "x.h5", "--set", "train.epochs=1", "--set",
                                "record.weights=[1]")
        self.assertEqual(result.returncode, 0, result.stderr)
        with h5py.File(self.folder / "x.h5", "r") as file:
            self.assertEqual(file.attrs["backend"], "cuda")

    def resume(self, output):
        """Go on to the bits of the undisturbed sweep, with fewer launches than the whole takes."""
        reference, launches = self.undisturbed()
        counted = self.folder / "launches"
        path = self.done(MIXED, output, "--resume", count=counted)
        self.assert_same_bits(path, reference)
        self.assertFalse((self.folder / f"{output}.part").exists())
        self.assertLess(int(counted.read_text()), launches)

    def test_a_sweep_that_is_stopped_goes_on_to_the_same_bits(self):
        _, launches = self.undisturbed()
        result = self.cuda(MIXED, "x.h5", event=f"launch {launches * 3 // 4} stop")
        self.assertEqual(result.returncode, 75, result.stderr)
        self.assertRegex(result.stderr.splitlines()[-1], r"^spectrain: interrupted at epoch [12] of 3; resume with: ")
        self.resume("x.h5")

    def test_a_sweep_that_is_killed_goes_on_to_the_same_bits(self):
        _, launches = self.undisturbed()
        result = self.cuda(MIXED, "x.h5", event=f"launch {launches * 3 // 4} kill")
        self.assertEqual(result.returncode, -9, result.stderr)
        self.assertFalse((self.folder / "x.h5").exists())
        self.resume("x.h5")

    def test_a_sweep_that_ends_at_any_launch_goes_on_to_the_same_bits(self):
        # Records begin, are measured beside training and are collected in between; a kill loses those under way.
        reference, launches = self.undisturbed()
        for i in range(1, 5):
            output, event = f"x{i}.h5", "stop" if i % 2 else "kill"
            result = self.cuda(MIXED, output, event=f"launch {launches * i // 5 + i} {event}", delay=i)
            self.assertEqual(result.returncode, 75 if event == "stop" else -9, result.stderr)
            self.assert_same_bits(self.done(MIXED, output, "--resume", delay=i), reference)

    def test_a_lost_device_is_one_line_and_finished_records_are_safe(self):
        _, launches = self.undisturbed()
        result = self.cuda(MIXED, "x.h5", event=f"launch {launches * 3 // 4} lost")
        self.assert_one_line_error(result, 1, "cuda: ", "uncorrectable ECC error")
        self.resume("x.h5")

    def test_an_error_in_a_kernel_is_one_line_and_finished_records_are_safe(self):
        _, launches = self.undisturbed()
        result = self.cuda(MIXED, "x.h5", event=f"launch {launches * 2 // 3} fault")
        self.assert_one_line_error(result, 1, "cuda: ", "illegal memory access")
        self.resume("x.h5")

    def test_a_machine_without_a_device_says_so(self):
        result = self.cuda(MIXED, "x.h5", devices=0)
        self.assert_one_line_error(result, 1, "no CUDA-capable device")
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["config.yaml"])

    def test_a_device_that_there_is_no_code_for_is_left_alone(self):
        old = dict(os.environ, SPT_EMULATED_CAPABILITIES="75")
        self.assertIn("cuda: no device: the device here is sm_75, this build is for sm_80 and newer; ",
                      self.spectrain("devices", env=old).stdout)
        config = self.write_config(tiny({"train.epochs": 1}))
        refused = self.spectrain("run", config, "-o", "x.h5", "--backend", "cuda", env=old)
        self.assert_one_line_error(refused, 1, "cuda: the device here is sm_75")
        result = self.spectrain("run", config, "-o", "x.h5", env=old)
        self.assertEqual(result.returncode, 0, result.stderr)
        with h5py.File(self.folder / "x.h5", "r") as file:
            self.assertEqual(file.attrs["backend"], "cpu")
        # Beside one that there is code for.
        mixed = dict(os.environ, SPT_EMULATED_DEVICES="3", SPT_EMULATED_CAPABILITIES="70,80,61")
        listed = self.spectrain("devices", env=mixed).stdout
        self.assertRegex(listed, r"(?m)^cuda 0: emulated device, sm_80; compute capability 8\.0; ")
        self.assertNotIn("cuda 1", listed)
        refused = self.spectrain("run", config, "-o", "y.h5", "--backend", "cuda", "--device", "1", env=mixed)
        self.assert_one_line_error(refused, 1, "cuda: no device 1; there is 1, from 0")

    def test_memory_too_small_for_one_run_is_one_line(self):
        result = self.cuda(MIXED, "x.h5", memory=10000)
        self.assert_one_line_error(result, 1)
        self.assertFalse((self.folder / "x.h5").exists())


if __name__ == "__main__":
    unittest.main()
