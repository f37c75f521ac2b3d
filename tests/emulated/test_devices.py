"""run --devices on several emulated devices: the bits of one process, whatever befalls the workers or their parent."""

import os
import pathlib
import re
import signal
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cli"))
import h5py  # noqa: E402

from sweeps import TIMEOUT, SweepTest, tiny  # noqa: E402

# 4 runs of two widths; with LONG epochs one is long enough to be caught in its middle.
CONFIG = tiny({"data.train": 40, "data.test": 10, "train.batch": 20, "train.epochs": 2, "record.epochs": {"every": 1},
               "record.weights": {"every": 1}, "probes": []}, sweep={"model.width": [3, 5], "train.seed": [0, 1]})
LONG = tiny({"data.train": 40, "data.test": 10, "train.batch": 20, "train.epochs": 40, "record.epochs": {"every": 1},
             "record.weights": {"every": 10}, "probes": []}, sweep={"model.width": [3, 5], "train.seed": [0, 1]})


def children(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Devices(SweepTest):

    def environment(self, there):
        return dict(os.environ, SPT_EMULATED_DEVICES=str(there))

    def on(self, there, config, *arguments, output="x.h5"):
        """The finished process of a sweep on a machine with that many devices."""
        return self.spectrain("run", self.write_config(config), "-o", output, "--backend", "cuda", *arguments,
                              env=self.environment(there))

    def reference(self, name, config):
        """The file of one process on one device: made once."""
        path = self.shared_folder / f"{name}.h5"
        if not path.exists():
            result = self.on(1, config, "--quiet", output=path)
            self.assertEqual(result.returncode, 0, result.stderr)
        return path

    def assert_done(self, result, name, config):
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_same_bits(self.folder / "x.h5", self.reference(name, config))
        self.assertEqual(self.spectrain("info", "x.h5", "--verify").returncode, 0)
        for left in ("x.h5.devices", "x.h5.part"):
            self.assertFalse((self.folder / left).exists(), left)

    def start_long(self, there):
        """A sweep on all devices, each of whose workers (process.workers) was stopped as soon as it had begun to train:
        however late this machine lets the test go on, what is done to them comes in time."""
        process = self.start("run", self.write_config(LONG), "-o", "x.h5", "--backend", "cuda", "--devices", "all",
                             env=self.environment(there))
        limit = time.monotonic() + TIMEOUT
        process.workers = {}
        while len(process.workers) < there:
            for shard in set(range(there)) - set(process.workers):
                progress = self.folder / "x.h5.devices" / f"{shard}-of-{there}.h5.part" / "progress"
                text = progress.read_text() if progress.exists() else "fraction 0.000000"
                if "fraction 0.000000" not in text:
                    process.workers[shard] = int(re.search(r"(?m)^process (\d+) ", text)[1])
                    os.kill(process.workers[shard], signal.SIGSTOP)
            self.assertIsNone(process.poll())
            self.assertLess(time.monotonic(), limit)
            time.sleep(0.02)
        return process

    def go_on(self, process):
        for pid in process.workers.values():
            os.kill(pid, signal.SIGCONT)


class Bits(Devices):

    def test_two_and_three_devices_give_the_bits_of_one_process(self):
        for there in (2, 3):
            with self.subTest(devices=there):
                result = self.on(there, CONFIG, "--devices", "all", "--force")
                self.assert_done(result, "short", CONFIG)
                self.assertIn(f"cuda: {there} devices: {', '.join(map(str, range(there)))}\n", result.stdout)
                self.assertIn(f"100 %  {there} of {there} shards done, 0 running\n", result.stderr)
                self.assertIn(f"x.h5: 4 runs from {there} shards, 0 diverged", result.stdout)

    def test_a_list_of_devices_is_what_is_used(self):
        result = self.on(3, CONFIG, "--devices", "0,2")
        self.assert_done(result, "short", CONFIG)
        self.assertIn("cuda: 2 devices: 0, 2\n", result.stdout)

    def test_more_devices_than_runs_leave_some_idle(self):
        result = self.on(6, CONFIG, "--devices", "all")
        self.assert_done(result, "short", CONFIG)
        self.assertIn("there are only 4 runs, the other devices stay idle", result.stdout)
        self.assertIn("4 runs from 4 shards", result.stdout)

    def test_the_config_may_come_from_standard_input_with_values_set(self):
        path = self.write_config(CONFIG)
        result = self.spectrain("run", "-", "-o", "x.h5", "--backend", "cuda", "--devices", "all", "--set", "name=told",
                                env=self.environment(2), input=path.read_text())
        self.assertEqual(result.returncode, 0, result.stderr)
        with h5py.File(self.folder / "x.h5", "r") as file:
            self.assertIn("name: told", file.attrs["config"])

    def test_what_is_complete_is_not_done_again_and_not_lost(self):
        self.assert_done(self.on(2, CONFIG, "--devices", "all"), "short", CONFIG)
        before = (self.folder / "x.h5").read_bytes()
        self.assert_one_line_error(self.on(2, CONFIG, "--devices", "all"), 1, "x.h5: is there already")
        again = self.on(2, CONFIG, "--devices", "all", "--resume")
        self.assertEqual((again.returncode, again.stderr), (0, ""))
        self.assertIn("complete already", again.stdout)
        other = self.on(2, CONFIG, "--devices", "all", "--resume", "--set", "data.seed=7")
        self.assert_one_line_error(other, 1, "x.h5: is of another config")
        self.assertEqual((self.folder / "x.h5").read_bytes(), before)
        # Killed between the merge and the removal of the shards.
        (self.folder / "x.h5.devices" / "0-of-2.h5.part").mkdir(parents=True)
        self.assert_done(self.on(2, CONFIG, "--devices", "all", "--resume"), "short", CONFIG)


class Interrupted(Devices):

    def test_a_killed_worker_is_told_with_its_device_and_the_others_finish(self):
        process = self.start_long(2)
        self.assertEqual(sorted(process.workers.values()), sorted(children(process.pid)))
        victim = process.workers.pop(1)  # its parent may have reaped it before the others go on
        self.assertIn(b"--device\0001\0", pathlib.Path(f"/proc/{victim}/cmdline").read_bytes())
        os.kill(victim, signal.SIGKILL)
        self.go_on(process)
        _, text = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 1, text)
        self.assertIn("spectrain: warning: device 1, shard 1/2: killed by signal 9", text)
        self.assertRegex(text.splitlines()[-1], r"^spectrain: x\.h5\.devices: 1 of 2 shards failed, 1 are done; --resume")
        self.assertFalse((self.folder / "x.h5").exists())
        with h5py.File(self.folder / "x.h5.devices" / "0-of-2.h5", "r") as file:
            self.assertEqual(file.attrs["complete"], 1)
        info = self.spectrain("info", "x.h5.devices")
        self.assertIn("1 done, 1 lost", info.stdout)
        self.assert_done(self.on(1, LONG, "--devices", "all", "--resume"), "long", LONG)

    def test_an_interrupt_stops_all_and_another_number_of_devices_goes_on(self):
        for there, then in ((2, 3), (3, 1)):
            with self.subTest(devices=there, then=then):
                process = self.start_long(there)
                process.send_signal(signal.SIGINT)
                self.go_on(process)
                _, text = process.communicate(timeout=TIMEOUT)
                self.assertEqual(process.returncode, 75, text)
                last = text.splitlines()[-1]
                self.assertRegex(last, rf"^spectrain: interrupted, 0 of {there} shards done; resume with: .* "
                                       r"--devices all --resume$")
                self.assertEqual([pid for pid in process.workers.values() if is_alive(pid)], [])
                without = self.on(1, LONG, "--resume")
                self.assert_one_line_error(without, 1, "x.h5.devices: holds a sweep that was begun with --devices")
                fresh = self.on(2, LONG, "--devices", "all")
                self.assert_one_line_error(fresh, 1, "x.h5.devices: is there already", "--resume")
                other = self.on(2, LONG, "--devices", "all", "--resume", "--set", "data.seed=7")
                self.assert_one_line_error(other, 1, "x.h5.devices/config.yaml: is of another config")
                self.assert_done(self.on(then, LONG, "--devices", "all", "--resume"), "long", LONG)
                (self.folder / "x.h5").unlink()

    def test_workers_do_not_outlive_a_parent_that_is_killed(self):
        process = self.start_long(2)
        process.kill()
        self.go_on(process)
        process.communicate(timeout=TIMEOUT)
        # Goes on at once, and waits for those that are saving still.
        resumed = self.on(2, LONG, "--devices", "all", "--resume")
        self.assertEqual([pid for pid in process.workers.values() if is_alive(pid)], [])
        self.assert_done(resumed, "long", LONG)

    def test_a_second_process_is_refused_and_the_first_goes_on(self):
        process = self.start_long(2)
        process.send_signal(signal.SIGSTOP)
        for arguments in ([], ["--resume"], ["--force"]):
            refused = self.on(2, LONG, "--devices", "all", *arguments)
            self.assert_one_line_error(refused, 1, f"x.h5.devices: in use by process {process.pid}")
        process.send_signal(signal.SIGCONT)
        self.go_on(process)
        _, text = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 0, text)
        self.assert_same_bits(self.folder / "x.h5", self.reference("long", LONG))


class Refused(Devices):

    def lost(self, launch):
        """The finished process of a sweep on two devices, each of which is lost at that launch."""
        return self.spectrain("run", self.write_config(CONFIG), "-o", "x.h5", "--backend", "cuda", "--devices", "all",
                              env=dict(self.environment(2), SPT_EMULATED_EVENT=f"launch {launch} lost"))

    def test_devices_that_fail_at_once_leave_nothing_behind(self):
        self.assertEqual(self.lost(1).returncode, 1)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["config.yaml"])

    def test_a_device_that_fails_is_told_with_its_reason(self):
        result = self.lost(30)
        self.assertEqual(result.returncode, 1, result.stderr)
        told = re.findall(r"(?m)^spectrain: warning: device (\d), shard (\d)/2: exit code 1: cuda: .*ECC", result.stderr)
        self.assertEqual(sorted(told), [("0", "0"), ("1", "1")], result.stderr)
        self.assert_done(self.on(2, CONFIG, "--devices", "all", "--resume"), "short", CONFIG)

    def test_what_devices_cannot_be(self):
        for there, text, code, words in ((0, "all", 1, "there is no device"), (0, "0", 1, "there is no device"),
                                         (2, "0,2", 1, "no device 2; there are 2, from 0"),
                                         (2, "0,0", 2, "device 0 is in it twice"), (2, "0,", 2, 'is "0,"; allowed: all'),
                                         (2, "-1", 2, 'is "-1"; allowed: all'), (2, "", 2, 'is ""; allowed: all'),
                                         (2, "1;2", 2, 'is "1;2"; allowed: all')):
            with self.subTest(devices=text, there=there):
                self.assert_one_line_error(self.on(there, CONFIG, f"--devices={text}"), code, "--devices", words)
        for extra in (["--device", "1"], ["--shard", "0/2"]):
            self.assert_one_line_error(self.on(2, CONFIG, "--devices", "all", *extra), 2, f"leave {extra[0]} away")
        cpu = self.on(2, CONFIG, "--devices", "all", "--backend", "cpu")
        self.assert_one_line_error(cpu, 2, "the cpu backend is one device", "--shard")
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["config.yaml"])


if __name__ == "__main__":
    unittest.main()
