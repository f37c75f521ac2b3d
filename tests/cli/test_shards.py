"""Shards of a sweep: each run has the bits that it has in the whole, and a file knows its place."""

import re
import signal
import unittest

import h5py

from sweeps import SweepTest, tiny, wait_for_line


class Shards(SweepTest):

    config = tiny(sweep={"model.width": [4, 8, 30], "data.seed": [1, 2], "train.seed": [0, 1]})

    def shard(self, config, i, n, output, *arguments):
        return self.run_sweep(config, output, "--shard", f"{i}/{n}", "--quiet", *arguments)

    def test_every_run_is_in_one_shard_with_the_bits_of_the_whole(self):
        whole = self.run_sweep(self.config, "whole.h5")
        with h5py.File(whole, "r") as file:
            names = [name for name in file["runs"] if name != "run"]
            runs = {name: file[f"runs/{name}"][()] for name in names}
        seen = []
        for i in range(3):
            path = self.shard(self.config, i, 3, f"shard{i}.h5")
            self.assertEqual(self.spectrain("info", path, "--verify").returncode, 0)
            with h5py.File(path, "r") as file:
                self.assertEqual([file.attrs[key] for key in ("shard", "shards", "sweep_runs", "complete")],
                                 [i, 3, 12, 1])
                numbers = [int(number) for number in file["runs/run"]]
                for name in names:
                    self.assertEqual(list(file[f"runs/{name}"][()]), [runs[name][number] for number in numbers])
            for row, number in enumerate(numbers):
                self.assert_same_run(path, (row, number), whole, number)
            seen += numbers
        self.assertEqual(sorted(seen), list(range(12)))

    def test_a_shard_is_named_after_its_place_and_told_by_info(self):
        result = self.spectrain("run", self.write_config(self.config), "--shard", "2/4")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r"\Atiny: \d runs \(of 12, shard 2/4\), .* into tiny\.shard-2-of-4\.h5, ")
        self.assertRegex(self.spectrain("info", "tiny.shard-2-of-4.h5").stdout,
                         r"(?m)^ +shard +2/4: \d of the sweep's 12 runs$")

    def test_an_interrupted_shard_is_resumed_to_the_same_bits_and_as_no_other(self):
        config, whole = self.slow_sweep()
        path = self.write_config(config)
        process = self.start("run", path, "-o", "x.h5", "--shard", "1/2")
        wait_for_line(process)
        process.send_signal(signal.SIGUSR1)
        _, text = process.communicate()
        self.assertEqual(process.returncode, 75, text)
        self.assertIn("--shard 1/2 --resume", text)
        with h5py.File(self.folder / "x.h5", "r") as file:
            self.assertEqual((file.attrs["complete"], file.attrs["shard"]), (0, 1))
        for place in (["--shard", "0/2"], ["--shard", "1/3"], []):
            refused = self.spectrain("run", path, "-o", "x.h5", "--resume", *place)
            self.assert_one_line_error(refused, 1, "x.h5", "shard: 1/2")
        resumed = self.spectrain("run", path, "-o", "x.h5", "--shard", "1/2", "--resume")
        self.assertEqual(resumed.returncode, 0, resumed.stderr)
        with h5py.File(self.folder / "x.h5", "r") as file:
            numbers = [int(number) for number in file["runs/run"]]
        for row, number in enumerate(numbers):
            self.assert_same_run(self.folder / "x.h5", (row, number), whole, number)
        again = self.spectrain("run", path, "-o", "x.h5", "--shard", "0/2", "--resume")
        self.assert_one_line_error(again, 1, "x.h5", "shard: 1/2")

    def test_plan_shows_the_cut_that_run_takes(self):
        text = self.spectrain("plan", self.write_config(self.config), "--shards", "3").stdout
        rows = re.findall(r"(?m)^ +(\d)/3 +(\d+) +([\d,]+) +\S+ \w*FLOP +([\d.]+) %", text)
        self.assertEqual([row[0] for row in rows], ["0", "1", "2"])
        self.assertEqual(sum(int(row[1]) for row in rows), 12)
        self.assertAlmostEqual(sum(float(row[3]) for row in rows), 100, delta=0.02)  # two decimals are printed
        self.assertRegex(text, r"the largest has [\d.]+ % more than the mean")
        for i in range(3):
            with h5py.File(self.shard(self.config, i, 3, f"shard{i}.h5"), "r") as file:
                self.assertEqual(len(file["runs/run"]), int(rows[i][1]))
                self.assertEqual(file["runs/parameters"][()].sum(), int(rows[i][2].replace(",", "")))

    def test_more_shards_than_runs_are_refused(self):
        path = self.write_config(self.config)
        for command in (["run", path, "--shard", "3/13"], ["plan", path, "--shards", "13"]):
            self.assert_one_line_error(self.spectrain(*command), 2, "13 shards of 12 runs: allowed are 1 to 12")


if __name__ == "__main__":
    unittest.main()
