"""spectrain bench: what it measures, and that its numbers fit together. No time is judged here."""

import json
import unittest

import h5py

from sweeps import SweepTest, tiny

SHORT = ("--seconds", "1e-6", "--threads", "1")  # each operation as often as it must be executed, and no more
OPERATIONS = ["train step", "evaluation, train", "evaluation, test", "spectral norms", "probe line_train",
              "states out", "states in"]


def layers(inputs, width, hidden_layers, outputs):
    sides = [inputs] + [width] * hidden_layers + [outputs]
    return list(zip(sides[:-1], sides[1:]))


class Operations(SweepTest):

    def bench(self, *arguments):
        result = self.spectrain("bench", *arguments, "--json", "out.json", *SHORT)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return json.loads((self.folder / "out.json").read_text()), result.stdout

    def test_each_shape_and_all_runs_together_are_measured(self):
        found, text = self.bench("operations", self.write_config(tiny()))
        self.assertEqual((found["bench"], found["config"], found["backend"]), ("operations", "tiny", "cpu"))
        self.assertEqual([(g["networks"], g["runs"], g.get("width"), g.get("hidden_layers")) for g in found["groups"]],
                         [("shape", 2, 4, 2), ("shape", 2, 8, 2), ("all", 4, None, None)])
        for group in found["groups"]:
            self.assertEqual([m["operation"] for m in group["measurements"]], OPERATIONS)
            for m in group["measurements"]:
                self.assertGreater(m["seconds"], 0)
        for operation in OPERATIONS:
            self.assertIn(operation, text)

    def test_flops_and_bytes_are_those_of_the_shapes(self):
        found, _ = self.bench("operations", self.write_config(tiny()))
        # tiny(): 40 inputs, 10 classes, batch 50 of 200 examples, 100 for the test; 10 lines of 16 points.
        networks = [layers(40, width, 2, 10) for width in (4, 4, 8, 8)]
        for group, runs in zip(found["groups"], (networks[:2], networks[2:], networks)):
            weights = [[a * b for a, b in run] for run in runs]
            parameters = sum((a + 1) * b for run in runs for a, b in run)
            everything = sum(map(sum, weights))
            m = {m["operation"]: m for m in group["measurements"]}
            self.assertEqual(m["train step"]["flops"], 50 * sum(6 * sum(w) - 2 * w[0] for w in weights))
            # Parameters and velocities in and out; for either seed 50 rows of 40 numbers and a label.
            self.assertEqual(m["train step"]["bytes"], 4 * (4 * parameters + 2 * 50 * 41))
            self.assertEqual(m["evaluation, train"]["flops"], 2 * 200 * everything)
            self.assertEqual(m["evaluation, test"]["flops"], 2 * 100 * everything)
            transforms = len(runs) * 10 * 10  # lines and outputs, each 16 samples and 9 frequencies
            self.assertEqual(m["probe line_train"]["flops"],
                             2 * 160 * everything + transforms * (2.5 * 16 * 4 + 4 * 9))
            self.assertEqual(m["states out"]["bytes"], 4 * 2 * parameters)
            self.assertIsNone(m["spectral norms"]["flops"])

    def test_rates_and_the_share_of_the_floor_follow_from_times_and_peaks(self):
        found, _ = self.bench("operations", self.write_config(tiny()))
        flops, bytes_ = found["peak_flops_per_second"], found["peak_bytes_per_second"]
        self.assertGreater(min(flops, bytes_), 0)
        for group in found["groups"]:
            for m in group["measurements"]:
                floor = max((m["flops"] or 0) / flops, (m["bytes"] or 0) / bytes_)
                # Numbers are written so that they read back to the same; divisions may differ in the last place.
                self.assertAlmostEqual(m["floor_seconds"] / floor, 1, delta=1e-12)
                self.assertAlmostEqual(m["share_of_floor"] / (floor / m["seconds"]), 1, delta=1e-12)
                self.assertAlmostEqual(m["bytes_per_second"] * m["seconds"] / m["bytes"], 1, delta=1e-12)

    def test_networks_of_one_shape_are_measured_once(self):
        found, _ = self.bench("operations", self.write_config(tiny(sweep={"train.seed": [0, 1, 2]})))
        self.assertEqual([(g["networks"], g["runs"]) for g in found["groups"]], [("all", 3)])

    def test_without_a_config_the_main_job_is_measured_with_what_is_set(self):
        found, _ = self.bench("--set", "sweep.model.width=[3]", "--set", "data.train=100", "--set", "data.test=0",
                              "--set", "sweep.train.seed=[7]")
        self.assertEqual(found["config"], "double-descent-mnist1d")
        self.assertEqual([g["runs"] for g in found["groups"]], [1])
        self.assertEqual([m["operation"] for m in found["groups"][0]["measurements"]],
                         [o for o in OPERATIONS if o != "evaluation, test"])

    def test_only_the_first_group_is_measured_and_that_is_said(self):
        config = tiny(sweep={"data.seed": [1, 2], "model.width": [4, 8]})
        found, text = self.bench("operations", self.write_config(config))
        self.assertRegex(text, r"(?m)^group 1 of 2: 2 of 4 runs$")
        self.assertEqual([g["runs"] for g in found["groups"]], [1, 1, 2])


class Sweeps(SweepTest):

    def test_a_sweep_is_run_on_each_backend_that_has_a_device_and_leaves_no_file(self):
        config = self.write_config(tiny())
        result = self.spectrain("bench", "sweep", config, "--json", "out.json", "--backend", "cpu")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["config.yaml", "out.json"])
        found = json.loads((self.folder / "out.json").read_text())
        self.assertEqual((found["bench"], found["runs"], found["steps"]), ("sweep", 4, 4 * 4 * 4))
        (cpu,) = found["backends"]
        self.assertEqual(cpu["backend"], "cpu")
        for part in ("seconds", "train_seconds", "record_seconds", "steps_per_second"):
            self.assertGreater(cpu[part], 0)
        self.assertLessEqual(cpu["train_seconds"] + cpu["record_seconds"], cpu["seconds"])
        with h5py.File(self.run_sweep(tiny(), "x.h5"), "r") as file:
            errors = file["metrics/test_error"][:, -1].astype("f8")
        self.assertAlmostEqual(cpu["mean_test_error"], errors.mean(), delta=1e-7)  # the file holds float32


class Refusals(SweepTest):

    def test_what_is_wrong_is_told_in_one_line(self):
        config = self.write_config(tiny())
        for arguments, words in (
                (["speed"], ["unknown \"speed\"", "operations, sweep, layers"]),
                (["sweep"], ["CONFIG is missing", "bench sweep CONFIG"]),
                (["layers", config], ["takes no config"]),
                (["layers", "--backend", "cpu"], ["one way of computing layers", "--backend cuda"]),
                (["operations", config, "x"], ["unexpected argument"]),
                (["operations", config, "--seconds", "soon"], ["--seconds", "soon"])):
            self.assert_one_line_error(self.spectrain("bench", *arguments), 2, *words)
        missing = self.spectrain("bench", "operations", "missing.yaml")
        self.assert_one_line_error(missing, 1, "missing.yaml")

    def test_a_file_that_cannot_be_written_is_told_before_anything_is_timed(self):
        result = self.spectrain("bench", "operations", self.write_config(tiny()), "--json", "no/such/folder.json")
        self.assert_one_line_error(result, 1, "no/such/folder.json")
        self.assertEqual(result.stdout, "")

    def test_a_full_disk_is_told(self):
        result = self.spectrain("bench", "operations", self.write_config(tiny()), "--json", "/dev/full", *SHORT)
        self.assert_one_line_error(result, 1, "/dev/full")

    def test_a_failure_leaves_no_half_of_a_file(self):
        result = self.spectrain("bench", "layers", "--backend", "cpu", "--json", "out.json")
        self.assert_one_line_error(result, 2, "layers")
        self.assertFalse((self.folder / "out.json").exists())

    def test_a_run_that_diverges_is_told(self):
        config = tiny({"train.optimizer.lr": 1e30, "train.loss": "mse"}, sweep={"train.seed": [0]})
        result = self.spectrain("bench", "operations", self.write_config(config), *SHORT)
        self.assert_one_line_error(result, 2, "diverged", "train.optimizer.lr")


if __name__ == "__main__":
    unittest.main()
