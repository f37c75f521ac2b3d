"""Shards of a sweep: each run has the bits that it has in the whole, and a file knows its place."""

import re
import signal
import subprocess
import time
import unittest

import h5py

from sweeps import SweepTest, go_on, tiny


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
        process = self.start_training(path, "x.h5", "--shard", "1/2")
        text = go_on(process, signal.SIGUSR1)
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


class Folder(SweepTest):

    def info(self, *arguments):
        result = self.spectrain("info", self.folder / "shards", *arguments)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def rows(self, text):
        return {int(row[0]): row[1:] for row in re.findall(r"(?m)^ +(\d)/4 +(\w+)(?: +(\d) +(\d+) %)?", text)}

    def start_shard(self, path, i):
        """In its middle, and stopped there: others see how far it is."""
        process = self.start_training(path, f"shards/{i}.h5", "--shard", f"{i}/4")
        progress = (self.folder / "shards" / f"{i}.h5.part" / "progress").read_text()
        self.assertNotIn("fraction 0.000000", progress)
        return process

    def test_info_tells_done_running_missing_and_lost(self):
        config, _ = self.slow_sweep()
        path = self.write_config(config)
        (self.folder / "shards").mkdir()
        done = self.spectrain("run", path, "-o", "shards/0.h5", "--shard", "0/4", "--quiet")
        self.assertEqual(done.returncode, 0, done.stderr)
        running = self.start_shard(path, 1)  # it holds its lock, and does not end before it was looked at
        lost = self.start_shard(path, 2)
        lost.kill()
        lost.communicate()
        before = sorted((self.folder / "shards").rglob("*"))
        text = self.info()
        self.assertRegex(text, r"4 shards of 4 runs: 1 done, 1 running, 1 missing, 1 lost; \d+ %\n")
        rows = self.rows(text)
        self.assertEqual([rows[i][0] for i in range(4)], ["done", "running", "lost", "missing"])
        self.assertEqual(rows[0][1:], ("1", "100"))
        for i in (1, 2):
            self.assertLess(int(rows[i][2]), 100)
            self.assertRegex(text, rf"(?m)^ +{i}/4 .* ago, process {(running if i == 1 else lost).pid} on ")
        self.assertRegex(text, r"(?m)^expected end: (not known yet|\d{4}-\d\d-\d\d .*, of those that run)$")
        self.assertEqual(sorted((self.folder / "shards").rglob("*")), before, "looking has left something")
        go_on(running, signal.SIGTERM)
        self.assertEqual(running.returncode, 75)  # an interrupted shard is one with which nobody goes on
        self.assertEqual([self.rows(self.info())[i][0] for i in range(4)], ["done", "lost", "lost", "missing"])
        for i in (1, 2, 3):
            resumed = self.spectrain("run", path, "-o", f"shards/{i}.h5", "--shard", f"{i}/4", "--resume", "--quiet")
            self.assertEqual(resumed.returncode, 0, resumed.stderr)
        text = self.info("--verify")
        self.assertIn("4 shards of 4 runs: 4 done; 100 %\n", text)
        self.assertIn("verified: every byte of 4 files was read, no damage", text)

    def test_monitor_follows_shards_until_all_are_done(self):
        config, _ = self.slow_sweep()
        path = self.write_config(config)
        (self.folder / "shards").mkdir()
        said = self.folder / "said"
        with open(said, "w") as out:
            follower = self.start("monitor", "shards", "--follow", stdout=out)

        def wait_for(words):
            while words not in said.read_text():
                self.assertIsNone(follower.poll(), said.read_text())
                time.sleep(0.05)

        wait_for("shards: no shard has begun yet\n")
        process = self.start_shard(path, 1)
        wait_for(f"shard 1/4: running, process {process.pid} on ")
        wait_for("1 running, 3 missing; ")
        process.kill()
        process.communicate()
        wait_for("shard 1/4: lost\n")
        wait_for("3 missing, 1 lost; ")
        for i in range(4):
            self.assertEqual(self.spectrain("run", path, "-o", f"shards/{i}.h5", "--shard", f"{i}/4", "--resume",
                                            "--quiet").returncode, 0)
        self.assertEqual(follower.wait(60), 0)
        self.assertEqual(said.read_text().splitlines()[-1], "4 done; 100 %")
        self.assertIn("4 shards of 4 runs: 4 done; 100 %\n", self.spectrain("monitor", "shards").stdout)
        self.assert_one_line_error(self.spectrain("monitor", "shards", "--rule", "all"), 2, "is a folder of shards")

    def test_a_folder_of_other_things_or_of_two_cuts_is_refused(self):
        folder = self.folder / "shards"
        folder.mkdir()
        refused = self.spectrain("info", folder)
        self.assert_one_line_error(refused, 1, "shards", "holds no shard")
        (folder / "notes.txt").write_text("nothing of ours")
        (folder / "text.h5").write_text("nothing of ours either")
        self.run_sweep(tiny(), "shards/whole.h5")
        self.assert_one_line_error(self.spectrain("info", folder), 1, "holds no shard")
        self.run_sweep(tiny(), "shards/a.h5", "--shard", "0/2")
        self.assertIn("1 done, 1 missing; 50 %", self.info())
        for name, arguments in (("b.h5", ["--shard", "0/3"]), ("c.h5", ["--shard", "1/2", "--set", "data.seed=7"]),
                                ("d.h5", ["--shard", "0/2"])):
            path = self.run_sweep(tiny(), f"shards/{name}", *arguments)
            self.assert_one_line_error(self.spectrain("info", folder), 1, name)
            path.unlink()

    def test_a_damaged_shard_is_told_beside_the_others(self):
        folder = self.folder / "shards"
        folder.mkdir()
        for i in range(3):
            self.run_sweep(tiny(), f"shards/{i}.h5", "--shard", f"{i}/4", "--quiet")
        sound = (folder / "1.h5").read_bytes()

        def flipped(at):
            return sound[:at] + bytes([sound[at] ^ 16]) + sound[at + 1:]

        with h5py.File(folder / "1.h5") as file:
            number = file["runs/run"][0]
            array = file[f"weights/{number}/0/weight"].id.get_chunk_info(0).byte_offset
        # The signature; an array, in a block that is read; the seal cut; cut in the middle, and to nothing but the signature.
        for damaged in (flipped(2), flipped(array + 5), sound[:-50], sound[:len(sound) // 2], sound[:8]):
            (folder / "1.h5").write_bytes(damaged)
            for arguments in ([], ["--verify"]):
                result = self.spectrain("info", folder, *arguments)
                self.assert_one_line_error(result, 1, "1.h5")
                self.assertIn("2 done, 2 missing; 50 %", result.stdout)
                self.assertIn("damaged: 1 file", result.stdout)
                self.assertEqual([self.rows(result.stdout)[i][0] for i in range(4)],
                                 ["done", "missing", "done", "missing"])
        for i in (0, 2):
            (folder / f"{i}.h5").unlink()
        self.assert_one_line_error(self.spectrain("info", folder), 1, "1.h5")

    def test_a_worker_killed_at_any_step_leaves_a_shard_that_is_lost_or_done(self):
        (self.folder / "shards").mkdir()
        path = self.write_config(tiny())
        arguments = ("run", path, "-o", "shards/1.h5", "--shard", "1/4", "--quiet", "--threads", "1")
        self.run_sweep(tiny(), "shards/0.h5", "--shard", "0/4", "--quiet")
        seen = set()
        for wait in (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 5.0):
            process = self.start(*arguments, "--resume")
            try:
                process.wait(wait)
            except subprocess.TimeoutExpired:
                process.kill()
            process.communicate()
            state = self.rows(self.info())[1][0]
            finished = (self.folder / "shards" / "1.h5").exists()
            begun = (self.folder / "shards" / "1.h5.part" / "progress").exists()
            self.assertEqual(state, "done" if finished else "lost" if begun else "missing")
            seen.add(state)
        self.assertIn("done", seen)

    def test_a_note_of_progress_that_is_damaged_is_passed_over(self):
        config, _ = self.slow_sweep()
        (self.folder / "shards").mkdir()
        self.run_sweep(config, "shards/0.h5", "--shard", "0/4")
        process = self.start_shard(self.write_config(config), 1)
        process.kill()
        process.communicate()
        progress = self.folder / "shards" / "1.h5.part" / "progress"
        text = progress.read_text()
        for damaged in ("", "spectrain", text[:40], text.replace("shard 1/4", "shard 9/4"), "\0" * 5000,
                        text.replace("fraction 0", "fraction 7")):
            progress.write_text(damaged)
            self.assertIn("1 done, 3 missing", self.info())
        progress.write_text(text)
        self.assertIn("1 done, 2 missing, 1 lost", self.info())


if __name__ == "__main__":
    unittest.main()
