"""Bad surroundings: a full disk, a quota, a folder that is read-only or goes away, clocks that jump, readers that leave, no
locks. For run, run --shard, merge, merge --virtual and probe: one line that says what is wrong, no .h5 that is not whole,
and the same bits once the cause is gone. And: the second process on an output is refused."""

import collections
import errno
import hashlib
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
from faults import disturbed, read_counts  # noqa: E402
from sweeps import PROGRAM, TIMEOUT, SweepTest, contents, go_on, tiny  # noqa: E402

CONFIG = tiny(sweep={"model.width": [8], "train.seed": [0, 1]})
PROBE = "{name: again, kind: line, split: train, points: 10, samples: 16, radius: 1.0}"

Command = collections.namedtuple("Command", "name arguments")
RUN = Command("run", ("run", "config.yaml", "-o", "out/x.h5", "--threads", "1", "--quiet"))
SHARD = Command("shard", RUN.arguments + ("--shard", "1/2"))
MERGE = Command("merge", ("merge", "shard0.h5", "shard1.h5", "-o", "out/x.h5", "--quiet"))
VIRTUAL = Command("virtual", MERGE.arguments + ("--virtual",))
ADD = Command("probe", ("probe", "out/x.h5", "--probe", PROBE, "--threads", "1", "--quiet"))
COMMANDS = (RUN, SHARD, MERGE, VIRTUAL, ADD)
LAST = 20  # calls, some more than those in which a file is synced and renamed, and what was beside it is removed


def lasting(path):
    """What a file holds, each item as a digest, but for when it was made and where its shards are."""
    return {name: hashlib.sha256(repr(value).encode()).hexdigest()[:12] for name, value in contents(path).items()
            if not name.endswith("@created") and name not in ("shards/path", "shards/sha256")}


class Surroundings(SweepTest):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.references, cls.counts = {}, {}

    def setUp(self):
        """shard0.h5, shard1.h5 and the reference of every command, made once; a folder `out`."""
        super().setUp()
        self.write_config(CONFIG)
        self.out = self.folder / "out"
        self.out.mkdir()
        for i in range(2):
            shard = self.shared_folder / f"shard{i}.h5"
            if not shard.exists():
                shutil.move(self.run_sweep(CONFIG, shard.name, "--shard", f"{i}/2", "--threads", "1"), shard)
            shutil.copy(shard, self.folder)
        for command in COMMANDS:
            if command.name not in self.references:
                self.prepare(command)
                result = self.spectrain(*command.arguments, env=disturbed(count=self.folder / "counts"))
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.counts[command.name] = read_counts(self.folder / "counts")
                self.references[command.name] = lasting(self.out / "x.h5")
                shutil.copy(self.out / "x.h5", self.shared_folder / f"{command.name}.h5")
        self.prepare(RUN)

    def prepare(self, command):
        """What is there before a command: nothing, or the file to which a probe is added."""
        for path in self.out.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if command is ADD:
            shutil.copy(self.shared_folder / "run.h5", self.out / "x.h5")

    def assert_whole(self, command):
        """x.h5 is what it was, or what it is to be."""
        path = self.out / "x.h5"
        if path.exists():
            allowed = [self.references[command.name]] + ([self.references["run"]] if command is ADD else [])
            self.assertTrue(lasting(path) in allowed, "x.h5 is neither what it was nor what it is to be")
            verified = self.spectrain("info", path, "--verify")
            self.assertEqual(verified.returncode, 0, verified.stderr)
        else:
            self.assertIsNot(command, ADD, "the file is lost")

    def assert_told(self, result, *words):
        """One line, exit code 1 (75 would be an interruption, which none of these is)."""
        return self.assert_one_line_error(result, 1, *words)

    def assert_goes_on(self, command):
        """Undisturbed, it comes to its end, with the bits of one that never was disturbed; nothing is left beside."""
        resume = ("--resume",) if command in (RUN, SHARD) else ()
        result = self.spectrain(*command.arguments, *resume)
        if command is not ADD or "has a probe again already" not in result.stderr:
            self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(lasting(self.out / "x.h5"), self.references[command.name])
        self.assertEqual([path.name for path in self.out.iterdir() if path.name != "filling"], ["x.h5"])


class Failures(Surroundings):

    def disturb(self, command, calls, reason, first):
        with self.subTest(command=command.name, calls=calls, reason=errno.errorcode[reason], first=first):
            self.prepare(command)
            faults = disturbed(calls=calls, errno=reason, **{"from": first})
            result = self.spectrain(*command.arguments, env=faults)
            self.assert_told(result, os.strerror(reason))
            self.assert_whole(command)
            self.assert_goes_on(command)

    def test_writes_that_fail_from_some_moment_on_are_told_and_gone_on_from(self):
        for command in COMMANDS:
            calls = self.counts[command.name][0]
            for reason, share in ((errno.ENOSPC, 0.0), (errno.EDQUOT, 0.2), (errno.EIO, 0.4), (errno.ENOSPC, 0.8)):
                self.disturb(command, "pwrite", reason, 1 + int(share * calls))

    def test_syncs_that_fail_are_told(self):
        for command in COMMANDS:
            for call in ("fsync", "fdatasync"):
                if self.counts[command.name][1][call] > 0:
                    self.disturb(command, call, errno.EIO, 1)
                if call == "fsync":
                    self.disturb(command, call, errno.EDQUOT, self.counts[command.name][0] - LAST)

    def test_a_file_system_that_becomes_read_only_is_told(self):
        calls = "pwrite,rename,mkdir,open,unlink,rmdir,ftruncate,link"
        for command in COMMANDS:
            for first in (1, 8, self.counts[command.name][0] // 2, self.counts[command.name][0] - LAST):
                self.disturb(command, calls, errno.EROFS, first)

    def test_names_that_cannot_be_made_are_told(self):
        for command in COMMANDS:
            self.disturb(command, "mkdir", errno.EDQUOT, 1)
            self.disturb(command, "open", errno.EDQUOT, 1)
            self.disturb(command, "rename", errno.EACCES, 1)

    def test_what_cannot_be_removed_is_left_and_the_file_is_made(self):
        for command in COMMANDS:
            with self.subTest(command=command.name):
                self.prepare(command)
                result = self.spectrain(*command.arguments, env=disturbed(calls="unlink,rmdir", errno=errno.EACCES))
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assert_whole(command)
                self.assert_goes_on(command)


class RealOnes(Surroundings):

    def mount(self, size):
        """A small file system on `out`."""
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(self.out)]
        if os.geteuid() != 0 or subprocess.run(command, stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("no file system may be mounted here; the failures of single calls are tested")
        self.addCleanup(subprocess.run, ["umount", "-l", str(self.out)])

    def remount(self, options):
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.out)], check=True)

    def test_a_disk_that_fills_up(self):
        self.mount("1m")
        for command in COMMANDS:
            for left in (0, 12 << 10, 36 << 10):
                with self.subTest(command=command.name, left=left):
                    self.prepare(command)
                    with open(self.out / "filling", "wb", buffering=0) as filling:
                        try:
                            while True:
                                filling.write(bytes(4096))
                        except OSError:
                            filling.truncate(max(0, filling.tell() - left))
                    self.assert_told(self.spectrain(*command.arguments), os.strerror(errno.ENOSPC))
                    self.assert_whole(command)
                    (self.out / "filling").unlink()
                    self.assert_goes_on(command)

    def test_a_read_only_file_system(self):
        self.mount("4m")
        for command in COMMANDS:
            with self.subTest(command=command.name):
                self.prepare(command)
                self.remount("ro")
                result = self.spectrain(*command.arguments)
                self.assert_told(result, os.strerror(errno.EROFS))
                self.remount("rw")
                self.assert_whole(command)
                self.assert_goes_on(command)

    def test_a_limit_on_the_size_of_files(self):
        for command in COMMANDS:
            with self.subTest(command=command.name):
                self.prepare(command)
                size = 16 << 10
                result = self.spectrain(*command.arguments,
                                        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
                self.assert_told(result, os.strerror(errno.EFBIG))
                self.assert_whole(command)
                self.assert_goes_on(command)

    def test_a_reader_that_leaves_ends_nothing(self):
        for command in COMMANDS:
            for merged in ("", "2>&1"):  # stderr leaves too
                with self.subTest(command=command.name, stderr=merged):
                    self.prepare(command)
                    arguments = [word for word in command.arguments if word != "--quiet"]
                    line = " ".join(f"'{word}'" for word in (PROGRAM, *arguments))
                    shell = f"{{ {line} {merged}; echo $? > code; }} | {{ head -c 1 > /dev/null; }}"
                    result = subprocess.run(["bash", "-c", shell], cwd=self.folder, stderr=subprocess.PIPE, text=True)
                    self.assertIn((self.folder / "code").read_text().strip(), ("0", "1"))
                    told = [text for text in result.stderr.splitlines() if text.startswith("spectrain: ")]
                    self.assertLessEqual(len(told), 1, result.stderr)
                    self.assertEqual(lasting(self.out / "x.h5"), self.references[command.name])
                    self.assertEqual(os.listdir(self.out), ["x.h5"])


class Clock(Surroundings):

    def test_a_clock_that_jumps_changes_nothing(self):
        for command in COMMANDS:
            for seconds in (86400 * 400, -86400 * 400):
                with self.subTest(command=command.name, seconds=seconds):
                    self.prepare(command)
                    result = self.spectrain(*command.arguments, env=disturbed(jump=f"20:{seconds}"))
                    self.assertEqual((result.returncode, result.stderr), (0, ""))
                    self.assertEqual(lasting(self.out / "x.h5"), self.references[command.name])
                    self.assertEqual(os.listdir(self.out), ["x.h5"])

    def test_a_sweep_that_was_interrupted_before_the_clock_was_set_back_goes_on(self):
        self.prepare(RUN)
        killed = self.spectrain(*RUN.arguments, env=disturbed(kill=60, jump="1:4000000"))
        self.assertEqual(killed.returncode, -signal.SIGKILL)
        self.assert_goes_on(RUN)


class Removed(Surroundings):

    def start_slow(self):
        config, reference = self.slow_sweep()
        path = self.write_config(config, "slow.yaml")
        return self.start_training(path, "out/x.h5", "--quiet"), path, reference

    def assert_told_by(self, process):
        text = go_on(process)
        self.assertEqual(process.returncode, 1, text)
        told = [line for line in text.splitlines() if line.startswith("spectrain: ")]
        self.assertEqual(len(told), 1, text)
        self.assertIn("out/x.h5", told[0])

    def test_work_that_is_removed_under_a_run_is_told_and_the_run_can_be_had_again(self):
        for gone in ("out/x.h5.part", "out"):
            with self.subTest(gone=gone):
                process, path, reference = self.start_slow()
                (self.folder / gone).rename(self.folder / "gone")  # at once: the run makes files in it
                shutil.rmtree(self.folder / "gone")
                self.assert_told_by(process)
                self.out.mkdir(exist_ok=True)
                self.assertEqual(os.listdir(self.out), [])
                again = self.spectrain("run", path, "-o", "out/x.h5", "--resume", "--quiet")
                self.assertEqual(again.returncode, 0, again.stderr)
                self.assert_same_bits(self.out / "x.h5", reference)
                (self.out / "x.h5").unlink()


class Locks(Surroundings):

    NONE = {"calls": "flock", "errno": errno.ENOLCK}

    def test_without_locks_of_files_all_goes_as_with_them(self):
        ways = [dict(os.environ, HDF5_USE_FILE_LOCKING="FALSE"), dict(os.environ, HDF5_USE_FILE_LOCKING="TRUE"),
                *(disturbed(calls="flock", errno=number) for number in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS))]
        for i, environment in enumerate(ways):
            for command in COMMANDS:
                with self.subTest(way=i, command=command.name):
                    self.prepare(command)
                    result = self.spectrain(*command.arguments, env=environment)
                    self.assertEqual((result.returncode, result.stderr), (0, ""))
                    self.assertEqual(lasting(self.out / "x.h5"), self.references[command.name])
                    self.assertEqual(os.listdir(self.out), ["x.h5"])
                    verified = self.spectrain("info", self.out / "x.h5", "--verify", env=environment)
                    self.assertEqual(verified.returncode, 0, verified.stderr)

    def test_without_locks_views_of_shards_are_read_as_with_them(self):
        self.prepare(VIRTUAL)
        self.assertEqual(self.spectrain(*VIRTUAL.arguments).returncode, 0)
        with_locks = self.spectrain("monitor", "out/x.h5")
        self.assertIn("10 of 10 records", with_locks.stdout)
        without = self.spectrain("monitor", "out/x.h5", env=disturbed(**self.NONE))
        self.assertEqual((without.returncode, without.stdout), (0, with_locks.stdout))
        (self.folder / "shard1.h5").unlink()  # HDF5 would show missing values, and say nothing
        self.assert_told(self.spectrain("monitor", "out/x.h5"), "shard1.h5")

    def test_without_locks_what_was_killed_goes_on(self):
        for command in COMMANDS:
            for at in (7, self.counts[command.name][0] - LAST):
                with self.subTest(command=command.name, at=at):
                    self.prepare(command)
                    killed = self.spectrain(*command.arguments, env=disturbed(kill=at, **self.NONE))
                    self.assertEqual(killed.returncode, -signal.SIGKILL)
                    self.assert_whole(command)
                    resume = ("--resume",) if command in (RUN, SHARD) else ()
                    result = self.spectrain(*command.arguments, *resume, env=disturbed(**self.NONE))
                    self.assertEqual((result.returncode, result.stderr), (0, ""))
                    self.assertEqual(lasting(self.out / "x.h5"), self.references[command.name])
                    self.assertEqual(os.listdir(self.out), ["x.h5"])


class TwoProcesses(Surroundings):

    def stopped_at(self, command, call, **faults):
        """The command, stopped at a call."""
        process = self.start(*command.arguments, env=disturbed(stop=call, **faults))
        self.assert_stopped(process)
        return process

    def second_is_refused(self, faults):
        for command in COMMANDS:
            calls = self.counts[command.name][0]
            for call in (11 if faults else 7, calls // 2, calls - LAST):  # the first: the lock is just taken
                with self.subTest(command=command.name, call=call):
                    self.prepare(command)
                    first = self.stopped_at(command, call, **faults)
                    ways = [(), ("--resume",), ("--force",)] if command in (RUN, SHARD) else [()]
                    for way in ways:
                        second = self.spectrain(*command.arguments, *way, env=disturbed(**faults))
                        self.assert_told(second, "in use by process", str(first.pid))
                    first.send_signal(signal.SIGCONT)
                    _, text = first.communicate()
                    self.assertEqual((first.returncode, text), (0, ""))
                    self.assertEqual(lasting(self.out / "x.h5"), self.references[command.name])
                    self.assertEqual(os.listdir(self.out), ["x.h5"])

    def test_the_second_is_refused_with_the_number_of_the_first(self):
        self.second_is_refused({})

    def test_without_locks_the_second_is_refused_too(self):
        self.second_is_refused(Locks.NONE)

    def test_of_two_that_begin_at_once_one_makes_the_file(self):
        for command in COMMANDS:
            for call in range(1, 7):
                with self.subTest(command=command.name, call=call):
                    self.prepare(command)
                    first = self.stopped_at(command, call)
                    second = self.spectrain(*command.arguments)
                    first.send_signal(signal.SIGCONT)
                    _, text = first.communicate()
                    codes = sorted((first.returncode, second.returncode))
                    merges = command in (MERGE, VIRTUAL)  # which may replace a file that loses nothing
                    self.assertIn(codes, [[0, 1]] + ([[0, 0]] if merges else []), text + second.stderr)
                    self.assertEqual(lasting(self.out / "x.h5"), self.references[command.name])
                    self.assertEqual(os.listdir(self.out), ["x.h5"])


if __name__ == "__main__":
    unittest.main()
