"""What the commands say and write, where nothing goes wrong."""

import os
import re
import subprocess
import unittest

import h5py

from sweeps import SweepTest, tiny


class Help(SweepTest):

    def test_help_and_version_go_to_stdout(self):
        for arguments in (["help"], ["--help"], ["-h"]):
            result = self.spectrain(*arguments)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            for command in ("run", "plan", "submit", "merge", "info", "probe", "monitor", "devices"):
                self.assertIn(f"spectrain {command}", result.stdout)
        version = self.spectrain("--version")
        self.assertEqual((version.returncode, version.stderr), (0, ""))
        self.assertRegex(version.stdout, r"\Aspectrain \d+\.\d+\.\d+\n\Z")

    def test_each_command_has_its_help_in_three_ways(self):
        for command in ("run", "plan", "submit", "merge", "info", "probe", "monitor", "devices"):
            texts = {self.spectrain(*arguments).stdout
                     for arguments in (["help", command], [command, "--help"], [command, "-h"])}
            self.assertEqual(len(texts), 1)
            self.assertIn(f"usage: spectrain {command}", texts.pop())

    def test_every_option_of_run_is_in_its_help(self):
        text = self.spectrain("help", "run").stdout
        for option in ("-o", "--output", "--backend", "--device", "--threads", "--set", "--shard", "--resume", "--force",
                       "--quiet"):
            self.assertIn(option, text)


class Devices(SweepTest):

    def test_the_cpu_is_listed(self):
        result = self.spectrain("devices")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertRegex(result.stdout, r"(?m)^cpu 0: .+; float32, denormals \w+; [\d.]+ \w?B of memory, [\d.]+ \w?B free$")


class Plan(SweepTest):

    def test_plan_tells_what_a_sweep_takes_and_writes_nothing(self):
        config = self.write_config(tiny())
        result = self.spectrain("plan", config, "--threads", "2")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for line in (r"runs +4$", r"groups +\d+ ", r"data sets +1$", r"training +\S+ \w*FLOP$",
                     r"recording +\S+ \w*FLOP$", r"memory +\S+ \w?B ", r"file +\S+ \w?B ",
                     r"time +\S+.* m?s +estimated, on 2 threads$", r"model\.width +2 values +4 8$",
                     r"train\.seed +2 values +0 1$"):
            self.assertRegex(result.stdout, f"(?m)^ +{line}")
        self.assertEqual(list(self.folder.iterdir()), [config])

    def test_plan_counts_the_parameters_of_all_runs(self):
        result = self.spectrain("plan", self.write_config(tiny()))
        # 40 inputs, two hidden layers of h, 10 outputs: 41 h + (h + 1) h + 10 (h + 1); two seeds of each width.
        expected = 2 * sum(41 * h + (h + 1) * h + 10 * (h + 1) for h in (4, 8))
        self.assertRegex(result.stdout, rf"(?m)^ +parameters +{expected:,} ")

    def test_planned_file_size_is_true_within_5_percent(self):
        config = tiny({"train.epochs": 40}, sweep={"model.width": [16, 100], "train.seed": [0, 1]})
        planned = re.search(r"(?m)^ +file +([\d.]+) (\w?)B", self.spectrain("plan", self.write_config(config)).stdout)
        size = float(planned[1]) * {"": 1, "k": 1e3, "M": 1e6}[planned[2]]
        actual = self.run_sweep(config, "x.h5").stat().st_size
        # 5 % is what the header promises; the figure is printed with three digits, which may take 0.5 % more.
        self.assertLess(abs(size / actual - 1), 0.055)

    def test_plan_shows_groups_with_their_memory_when_there_are_several(self):
        config = tiny(sweep={"train.batch": [10, 20], "train.seed": [0, 1, 2]})
        result = self.spectrain("plan", self.write_config(config), "--backend", "cpu")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertRegex(result.stdout, r"(?m)^ +groups +2 ")
        for group, first in ((1, 0), (2, 3)):
            self.assertRegex(result.stdout, rf"(?m)^ +{group} +3 +{first} +[\d,]+ +\S+ \w*FLOP +\S+ \w?B$")

    def test_plan_of_what_this_machine_has_no_room_for_warns_and_run_refuses_it(self):
        config = self.write_config(tiny({"model.hidden_layers": 64}, sweep={"model.width": [4, 16384]}))
        result = self.spectrain("plan", config, "--backend", "cpu")
        self.assertEqual(result.returncode, 0)
        line = r"run 1 \(model\.width 16384\): takes [\d.]+ MiB of memory, [\d.]+ MiB are free on "
        self.assertRegex(result.stderr, rf"\Aspectrain: warning: {line}.*\n\Z")
        self.assertRegex(result.stdout, r"(?m)^ +runs +2$")
        result = self.spectrain("run", config, "--backend", "cpu", "--quiet")
        self.assertRegex(self.assert_one_line_error(result, 1), line)
        self.assertEqual(list(self.folder.iterdir()), [config])

    def test_set_replaces_values_and_axes(self):
        config = self.write_config(tiny())
        result = self.spectrain("plan", config, "--set", "sweep.train.seed=[5, 6, 7]", "--set", "name=other")
        self.assertRegex(result.stdout, r"\Aother\n")
        self.assertRegex(result.stdout, r"(?m)^ +runs +6$")
        self.assertRegex(result.stdout, r"(?m)^ +train\.seed +3 values +5 6 7$")

    def test_standard_input_is_a_config(self):
        config = self.write_config(tiny())
        result = self.spectrain("plan", "-", input=config.read_text())
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertRegex(result.stdout, r"(?m)^ +runs +4$")
        wrong = self.spectrain("plan", "-", input="name: x\ncolour: red\n")
        self.assert_one_line_error(wrong, 2, "standard input:2:", "colour")

    def test_output_that_cannot_be_written_is_an_error(self):
        with open("/dev/full", "w") as full:
            result = self.spectrain("plan", self.write_config(tiny()), stdout=full)
        self.assert_one_line_error(result, 1, "standard output")


class Run(SweepTest):

    def test_run_tells_before_and_after_and_names_its_file_after_the_config(self):
        result = self.spectrain("run", self.write_config(tiny()))
        self.assertEqual(result.returncode, 0, result.stderr)
        first, second, *_, last = result.stdout.splitlines()
        self.assertRegex(first, r"^tiny: 4 runs, [\d,]+ parameters, 4 epochs; into tiny\.h5, about \S+ kB$")
        self.assertRegex(second, r"^cpu: .*; about .*[^t]$")
        self.assertRegex(last, r"^tiny\.h5: \S+ kB, .* \(training .*, recording .*, storing .*\)$")
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["config.yaml", "tiny.h5"])

    def test_the_table_holds_the_means_of_the_file(self):
        result = self.spectrain("run", self.write_config(tiny()))
        rows = [line.split() for line in result.stdout.splitlines() if re.match(r" +(4|8) ", line)]
        self.assertEqual([row[0] for row in rows], ["4", "8"])
        with h5py.File(self.folder / "tiny.h5", "r") as file:
            widths = file["runs/model.width"][()]
            for row in rows:
                runs = widths == int(row[0])
                self.assertEqual(int(row[1]), file["runs/parameters"][runs][0])
                for at, name in ((2, "train_error"), (5, "test_error"), (8, "noisy_fit")):
                    values = file[f"metrics/{name}"][()][runs, -1].astype("f8")
                    # Four decimals are printed; 2e-4 leaves room for the rounding of both figures.
                    self.assertAlmostEqual(float(row[at]), values.mean(), delta=2e-4)
                    self.assertEqual(row[at + 1], "+-")
                    self.assertAlmostEqual(float(row[at + 2]), values.std(ddof=1), delta=2e-4)
                self.assertEqual(row[11:], ["2", "0"])

    def test_quiet_says_nothing(self):
        result = self.spectrain("run", self.write_config(tiny()), "--quiet")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def test_a_log_gets_few_lines_and_no_control_characters(self):
        config = tiny({"train.epochs": 200})
        result = self.spectrain("run", self.write_config(config))
        self.assertNotRegex(result.stderr, r"[\x00-\x09\x0b-\x1f]")
        lines = result.stderr.splitlines()
        # One soon after the start, then one every 30 s at most: 201 records give nothing like 201 lines.
        self.assertGreaterEqual(len(lines), 1)
        self.assertLess(len(lines), 20)
        self.assertRegex(lines[0], r"^ *\d+ %  epoch \d+/200")

    def test_closed_standard_streams_do_not_end_up_in_files(self):
        reference = self.run_sweep(tiny(), "reference.h5")
        config = self.write_config(tiny())
        for closed in ([1], [2], [0, 1, 2]):
            with self.subTest(closed=closed):
                result = self.spectrain("run", config, "-o", "x.h5", "--force", stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL,
                                        preexec_fn=lambda: [os.close(stream) for stream in closed])
                self.assertEqual(result.returncode, 0)
                self.assert_same_bits(self.folder / "x.h5", reference)

    def test_reader_that_leaves_does_not_kill_a_run(self):
        read, write = os.pipe()
        os.close(read)
        result = self.spectrain("run", self.write_config(tiny()), stdout=write)
        os.close(write)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("spectrain: ", result.stderr)
        self.assertTrue((self.folder / "tiny.h5").exists())

    def test_stdout_that_is_full_is_a_warning_and_the_file_is_kept(self):
        with open("/dev/full", "w") as full:
            result = self.spectrain("run", self.write_config(tiny()), stdout=full)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("spectrain: warning: standard output", result.stderr)
        self.assertTrue((self.folder / "tiny.h5").exists())

    def test_set_is_what_a_config_with_that_value_is(self):
        written = self.run_sweep(tiny({"train.epochs": 2, "model.hidden_layers": 1}), "written.h5")
        given = self.run_sweep(tiny(), "given.h5", "--set", "train.epochs=2", "--set", "model.hidden_layers=1")
        self.assert_same_bits(written, given, but=("/@config",))

    def test_the_config_in_the_file_runs_again_to_the_same_bits(self):
        path = self.run_sweep(tiny(), "x.h5", "--set", "train.optimizer.lr=0.02")
        with h5py.File(path, "r") as file:
            config = file.attrs["config"]
        config = config.decode() if isinstance(config, bytes) else config
        self.assert_same_bits(path, self.run_sweep(config, "again.h5"))


class Info(SweepTest):

    def test_info_tells_what_is_inside(self):
        self.run_sweep(tiny(), "x.h5")
        result = self.spectrain("info", "x.h5")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for line in (r"x\.h5: complete, \S+ kB", r" +written +\S+ by spectrain \S+, format 1", r" +backend +cpu: ",
                     r" +data +sha256 [0-9a-f]{64}", r" +runs +4: 4 done, 0 diverged, 0 missing", r" +records +5",
                     r" +snapshots +3", r" +probes +line_train", r" +model\.width +2 values +4 8",
                     r" +train\.seed +2 values +0 1"):
            self.assertRegex(result.stdout, f"(?m)^{line}")

    def test_verify_passes_a_sound_file_and_refuses_a_damaged_one(self):
        path = self.run_sweep(tiny(sweep={"model.width": [64]}), "x.h5")
        sound = self.spectrain("info", path, "--verify")
        self.assertEqual((sound.returncode, sound.stderr), (0, ""))
        self.assertIn("verified", sound.stdout)
        with h5py.File(path, "r") as file:
            chunk = file["weights/0/1/weight"].id.get_chunk_info(0)
        whole = bytearray(path.read_bytes())
        whole[chunk.byte_offset + chunk.size // 2] ^= 1
        path.write_bytes(whole)
        self.assert_one_line_error(self.spectrain("info", path, "--verify"), 1, "x.h5", "/weights/0/1/weight")

    def test_files_that_are_not_ours_are_refused(self):
        (self.folder / "text.h5").write_text("hello")
        (self.folder / "empty.h5").write_bytes(b"")
        with h5py.File(self.folder / "other.h5", "w") as file:
            file["x"] = [1, 2, 3]
        whole = self.run_sweep(tiny(), "x.h5").read_bytes()
        (self.folder / "cut.h5").write_bytes(whole[:len(whole) // 2])
        for name in ("text.h5", "empty.h5", "other.h5", "cut.h5", "nowhere.h5"):
            with self.subTest(name=name):
                self.assert_one_line_error(self.spectrain("info", name), 1, name)


if __name__ == "__main__":
    unittest.main()
