"""spectrain submit: the scripts, what is queued and what is not, and what the tasks do. Slurm is played; a real one is in
tests/cluster/."""

import fcntl
import os
import pathlib
import re
import signal
import subprocess
import time
import unittest

import h5py

from played_slurm import PlayedSlurm
from sweeps import PROGRAM, SweepTest, end, stopping, tiny

SIX = tiny(sweep={"model.width": [4, 8, 6], "train.seed": [0, 1]})


def options(script):
    """The #SBATCH lines of a script."""
    return [line[len("#SBATCH "):] for line in script.splitlines() if line.startswith("#SBATCH ")]


class Submit(SweepTest):

    def setUp(self):
        super().setUp()
        self.slurm = PlayedSlurm(self.folder / "slurm")
        self.config = self.write_config(SIX)
        self.shards = self.folder / "sweep.h5.shards"

    def ask(self, *arguments, shards=3, cpus=("--cpus", "1"), environment=None):
        return self.spectrain("submit", self.config, "-o", "sweep.h5", "--shards", shards, *cpus, *arguments,
                              env=environment or self.slurm.environment())

    def submit(self, *arguments, **how):
        """Submit; it must succeed. What was said."""
        result = self.ask(*arguments, **how)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def job_name(self):
        return re.search(r"(?m)^#SBATCH --job-name=(\S+)$", (self.shards / "array.sbatch").read_text())[1]

    def run_script(self, number, task=None):
        """A script that sbatch was given, as Slurm would run it."""
        place = {} if task is None else {"SLURM_ARRAY_JOB_ID": str(number), "SLURM_ARRAY_TASK_ID": str(task),
                                         "SLURM_JOB_ID": "77"}
        return subprocess.run(["bash", self.slurm.at / f"{number}.sbatch"], cwd=self.folder, text=True,
                              env=self.slurm.environment(**place), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=300)


class Scripts(Submit):

    def test_an_array_of_the_shards_and_a_merge_that_waits_for_it(self):
        said = self.submit("--set", "train.epochs=3")
        (array, script), (merge, merge_script) = self.slurm.submitted()
        self.assertEqual((array, merge), (["--parsable"], ["--parsable", "--dependency=afterany:41"]))
        self.assertEqual(options(script), [
            f"--job-name={self.job_name()}", "--array=0-2", f"--output={self.shards}/%a.log", "--open-mode=append",
            "--requeue", "--signal=B:USR1@90", "--ntasks=1", "--cpus-per-task=1"])
        self.assertEqual(options(merge_script), [
            f"--job-name={self.job_name()}.merge", f"--output={self.shards}/merge.log", "--open-mode=append",
            "--requeue", "--ntasks=1"])
        self.assertIn(f"program='{os.path.realpath(PROGRAM)}'\n", script)
        self.assertRegex(said, r"\Atiny: 6 runs in 3 shards\n  job 41: 3 shards, one a task\n"
                               r"  job 42: the merge, when they are through, into .*/sweep\.h5\n"
                               r"look at it with: spectrain info .*/sweep\.h5\.shards\n\Z")
        self.assertIn("epochs: 3", (self.shards / "config.yaml").read_text().replace('"', ""))

    def test_the_scripts_train_the_shards_and_merge_them_to_the_last_bit(self):
        self.submit()
        for task in range(3):
            result = self.run_script(41, task)
            self.assertEqual(result.returncode, 0, result.stdout)
            self.assertIn(f"shard {task}/3: task 41_{task} on ", result.stdout)
            self.assertIn("cpu: ", result.stdout)
        merged = self.run_script(42)
        self.assertEqual(merged.returncode, 0, merged.stdout)
        self.assert_same_bits(self.folder / "sweep.h5", self.run_sweep(SIX, "whole.h5", "--threads", "1"))
        self.assertEqual(self.submit(), f"{self.folder}/sweep.h5: complete already; nothing was submitted\n")
        self.assertEqual(len(self.slurm.submitted()), 2)

    def test_a_merge_of_some_shards_writes_what_there_is_and_fails(self):
        self.submit()
        self.assertEqual(self.run_script(41, 1).returncode, 0)
        merged = self.run_script(42)
        self.assertEqual(merged.returncode, 1)
        self.assertRegex(merged.stdout, r"(?m)^spectrain: .*/sweep\.h5: [345] of 6 runs are missing: .*; finish their ")
        self.assertIn("the same spectrain submit takes them up", merged.stdout)
        with h5py.File(self.folder / "sweep.h5", "r") as file:
            self.assertEqual(file.attrs["complete"], 0)

    def test_paths_may_have_anything_in_them_that_slurm_takes(self):
        odd = self.folder / "it's 100% \"odd\" $HOME #1"
        odd.mkdir()
        self.folder = odd
        self.config, self.shards = self.write_config(SIX, "a config.yaml"), odd / "sweep.h5.shards"
        self.submit()
        script = self.slurm.submitted()[0][1]
        pattern = str(self.shards).replace("%", "%%").replace('"', '\\"')
        self.assertIn(f'--output="{pattern}/%a.log"', options(script))
        self.assertEqual(self.run_script(41, 2).returncode, 0)
        self.assertTrue((self.shards / "2.h5").exists())
        bad = odd / "back\\slash"
        bad.mkdir()
        self.folder = bad
        self.assert_one_line_error(self.ask(), 2, "backslash")

    def test_a_dry_run_prints_the_scripts_and_leaves_nothing(self):
        before = sorted(self.folder.rglob("*"))
        said = self.submit("--dry-run", "--", "--time=1:00:00")
        self.assertEqual(sorted(path for path in self.folder.rglob("*") if path.parent != self.slurm.at),
                         sorted(path for path in before if path.parent != self.slurm.at))
        self.assertEqual(self.slurm.submitted(), [])
        for text in ("--array=0-2", "--cpus-per-task=1", "--signal=B:USR1@90", "--requeue", "--open-mode=append",
                     "--time=1:00:00", "# sbatch --dependency=afterany:JOB1 "):
            self.assertIn(text, said)
        checked = subprocess.run(["bash", "-n"], input=said, text=True, stderr=subprocess.PIPE)
        self.assertEqual((checked.returncode, checked.stderr), (0, ""))
        # Also where there is no Slurm, and of tasks that this build could not train.
        result = self.ask("--dry-run", cpus=(), environment={**os.environ, "PATH": "/nowhere"})
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("#SBATCH --gres=gpu:1\n", result.stdout)
        self.assertIn("--backend cuda", result.stdout)
        self.assertIn("warning: Slurm was not asked what is queued", result.stderr)

    def test_a_task_has_one_gpu_unless_other_things_are_said(self):
        for words, has in ((("--time=5",), True), (("--gres=gpu:a100:2",), False), (("--gpus=1",), False),
                           (("-G", "1"), False), (("--gpus-per-node", "1"), False)):
            text = self.ask("--dry-run", "--", *words, cpus=()).stdout
            self.assertEqual("#SBATCH --gres=gpu:1\n" in text, has, words)

    def test_further_options_go_to_the_tasks_and_those_of_all_jobs_to_the_merge(self):
        self.submit("--", "--time", "4:00:00", "-A", "two words", "--mem=3G", "-pbig", "--qos=low", "--gres=nvme:1",
                    "--nice")
        (_, script), (_, merge) = self.slurm.submitted()
        self.assertEqual(options(script)[-1],
                         '--time 4:00:00 -A "two words" --mem=3G -pbig --qos=low --gres=nvme:1 --nice')
        self.assertEqual(options(merge)[-1], '--time 4:00:00 -A "two words" -pbig --qos=low')

    def test_the_users_environment_does_not_change_what_is_asked(self):
        self.submit(environment=self.slurm.environment(
            SBATCH_JOB_NAME="x", SBATCH_ARRAY_INX="9", SBATCH_NO_REQUEUE="1", SBATCH_ACCOUNT="physics",
            SQUEUE_STATES="RUNNING", SQUEUE_USERS="nobody"))
        passed = self.slurm.get("41.environment")
        self.assertIn("SBATCH_ACCOUNT=physics\n", passed)  # the merge's account too
        for name in ("SBATCH_JOB_NAME", "SBATCH_ARRAY_INX", "SBATCH_NO_REQUEUE", "SQUEUE_STATES", "SQUEUE_USERS"):
            self.assertNotIn(name, passed)
            self.assertNotIn(name, self.slurm.get("squeue.environment"))


class Again(Submit):

    def test_only_what_is_missing_is_taken_up(self):
        self.submit(shards=6)
        name = self.job_name()
        self.assertEqual(self.run_script(41, 1).returncode, 0)                          # done
        self.slurm.put("queue", f"41_0|{name}|RUNNING\n41_4|{name}|PENDING\n42|{name}.merge|PENDING\n"
                                f"50_2|{name}x|RUNNING\n51|other|RUNNING\n")              # others' jobs are not ours
        with self.training(5):                                                          # by hand
            said = self.submit(shards=6)
        (arguments, script), (merge, _) = self.slurm.submitted()[2:]
        self.assertIn("--array=2-3", options(script))
        self.assertEqual(merge, ["--parsable", "--dependency=afterany:41:43"])
        self.assertEqual(self.slurm.get("asked"), "scancel --state=PENDING 42\n")
        for line in ("shards done already: 1", "shards queued or running already: 0, 4",
                     "shards that another process is training (the merge does not wait for it): 5",
                     "job 43: 2 shards, one a task", "cancelled for it, earlier merges: 42"):
            self.assertIn(f"  {line}\n", said)

    def training(self, shard):
        """A process that has that shard, for as long as a `with` statement lasts."""
        folder = self.shards / f"{shard}.h5.part"
        process = self.start("run", self.shards / "config.yaml", "-o", self.shards / f"{shard}.h5", "--shard",
                             f"{shard}/6", "--set", "train.epochs=4")
        while not (folder / "progress").exists():
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGSTOP)
        return Ended(process)

    def test_a_merge_alone_where_all_shards_are_done_or_queued(self):
        self.submit()
        name = self.job_name()
        self.slurm.put("queue", "".join(f"41_{task}|{name}|PENDING\n" for task in range(3)) + f"42|{name}.merge|RUNNING\n")
        self.submit()
        self.slurm.put("queue", "")
        for task in range(3):
            self.assertEqual(self.run_script(41, task).returncode, 0)
        self.submit()
        self.assertEqual([arguments for arguments, _ in self.slurm.submitted()[2:]],
                         [["--parsable", "--dependency=afterany:41:42"], ["--parsable"]])
        self.assertEqual(self.slurm.get("asked"), "")  # a merge that runs is left alone

    def test_more_shards_than_an_array_may_have_are_several_arrays(self):
        self.slurm.put("limit", "4")
        self.submit(shards=6)
        name = self.job_name()
        (_, first), (_, second), (merge, _) = self.slurm.submitted()
        self.assertEqual(options(first)[:3], [f"--job-name={name}", "--array=0-3", f"--output={self.shards}/%a.log"])
        self.assertEqual(options(second)[:3],
                         [f"--job-name={name}.4", "--array=0-1", f"--output={self.shards}/4+%a.log"])
        self.assertEqual(merge, ["--parsable", "--dependency=afterany:41:42"])
        self.assertEqual(self.run_script(42, 1).returncode, 0)
        with h5py.File(self.shards / "5.h5", "r") as file:
            self.assertEqual((file.attrs["shard"], file.attrs["shards"]), (5, 6))
        self.slurm.put("queue", f"41_3|{name}|PENDING\n42_0|{name}.4|RUNNING\n")
        self.submit(shards=6)
        self.assertIn("--array=0-2", options(self.slurm.submitted()[3][1]))  # 3 and 4 are queued, 5 is done
        self.assertEqual(self.slurm.submitted()[4][0], ["--parsable", "--dependency=afterany:41:42:44"])

    def test_a_folder_of_another_config_or_cut_is_refused(self):
        self.submit()
        self.assert_one_line_error(self.ask(shards=2), 1, "cut into 3 shards there, not 2; give --shards 3")
        self.assert_one_line_error(self.ask("--set", "data.seed=7"), 1, "sweep.h5.shards: is of another config")
        path = self.shards / "config.yaml"
        path.write_text(path.read_text().replace("# spectrain ", "# spectrain 9", 1))
        self.assert_one_line_error(self.ask(), 1, "was begun with spectrain 9")
        path.unlink()
        self.submit(shards=2)  # nothing was trained: it may be begun anew

    def test_an_output_that_is_something_else_is_refused_before_anything_is_queued(self):
        self.run_sweep(tiny({"data.seed": 7}), "sweep.h5")
        self.assert_one_line_error(self.ask(), 1, "sweep.h5: is there already, and is of another config")
        (self.folder / "sweep.h5").write_text("text")
        self.assert_one_line_error(self.ask(), 1, "sweep.h5", "remove it, or give another name")
        (self.folder / "sweep.h5").unlink()
        (self.folder / "sweep.h5.part").mkdir()
        (self.folder / "sweep.h5.part" / "journal").write_text("")
        self.assert_one_line_error(self.ask(), 1, "sweep.h5.part: holds an unfinished sweep")
        self.assertEqual(self.slurm.submitted(), [])
        self.assertFalse(self.shards.exists())

    def test_two_submissions_at_once_do_not_queue_twice(self):
        self.shards.mkdir()
        with open(self.shards / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assert_one_line_error(self.ask(), 1, "sweep.h5.shards: in use by")
        self.assertEqual(self.slurm.submitted(), [])
        self.submit()


class Ended:

    def __init__(self, process):
        self.process = process

    def __enter__(self):
        return self.process

    def __exit__(self, *_):
        end(self.process)


class Refused(Submit):

    def test_bad_usage(self):
        for arguments, words in (
            (["--shards", "3"], "-o FILE.h5 is missing"),
            (["-o", "x.h5"], "--shards N is missing"),
            (["-o", "x.h5", "--shards", "0"], "--shards: is \"0\""),
            (["-o", "x.h5", "--shards", "7"], "7 shards of 6 runs: allowed are 1 to 6"),
            (["-o", "x.txt", "--shards", "3"], "must end in .h5"),
            (["-o", "nowhere/x.h5", "--shards", "3"], "there is no folder"),
            (["-o", "x.h5", "--shards", "3", "--cpus", "0"], "--cpus: is \"0\""),
            (["-o", "x.h5", "--shards", "3", "--resume"], "unknown option --resume"),
            (["-o", "x.h5", "--shards", "3", "--", "script.sh"], "\"script.sh\" behind --"),
            (["-o", "x.h5", "--shards", "3", "--", "--array=1"], "submit gives sbatch its --array itself"),
            (["-o", "x.h5", "--shards", "3", "--", "-Jname"], "submit gives sbatch its --job-name itself"),
            (["-o", "x.h5", "--shards", "3", "--", "--out", "x"], "submit gives sbatch its --output itself"),
            (["-o", "x.h5", "--shards", "3", "--", "--comment=a\nb"], "has a line break"),
            (["-o", "x.h5", "--shards", "3", "--set", "train.lr=1"], "train.lr"),
        ):
            result = self.spectrain("submit", self.config, *arguments, env=self.slurm.environment())
            self.assert_one_line_error(result, 2, words)
        self.assertEqual(self.slurm.submitted(), [])

    def test_without_slurm(self):
        result = self.ask(environment={**os.environ, "PATH": "/nowhere"})
        self.assert_one_line_error(result, 1, "sbatch: not found on PATH")
        self.assertFalse(self.shards.exists())

    def test_gpus_that_this_build_cannot_use(self):
        if "cuda" in self.spectrain("devices").stdout:
            self.skipTest("this build has the backend")
        self.assert_one_line_error(self.ask(cpus=()), 1, "--cpus N")
        self.assertFalse(self.shards.exists())

    def test_what_slurm_says_is_told(self):
        self.slurm.put("refuse", "sbatch: error: invalid partition specified: x\nsbatch: error: Batch job submission failed\n")
        self.assert_one_line_error(self.ask(), 1, "sbatch: error: invalid partition specified: x;sbatch: error: Batch job")
        (self.slurm.at / "refuse").unlink()
        self.slurm.put("unreachable", "squeue: error: Unable to contact slurm controller\n")
        self.assert_one_line_error(self.ask(), 1, "Unable to contact slurm controller")
        self.assertEqual(self.slurm.submitted(), [])
        (self.slurm.at / "unreachable").unlink()
        self.slurm.put("limit", "0")
        self.assert_one_line_error(self.ask(), 1, "MaxArraySize is 0")
        self.slurm.put("limit", "1001")
        self.submit(shards=2)  # another cut than that which was refused


class Task(Submit):
    """What a task does when it is told to stop."""

    def start_task(self, change=dict):
        config, whole = self.slow_sweep()
        self.config = self.write_config(config)
        if not self.shards.exists():
            self.submit(shards=2)
        environment = change(self.slurm.environment(SLURM_ARRAY_JOB_ID="41", SLURM_ARRAY_TASK_ID="1",
                                                    SLURM_JOB_ID="77"))
        task = subprocess.Popen(["bash", self.slurm.at / "41.sbatch"], cwd=self.folder, text=True, env=environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(end, task)
        return task, whole

    def interrupted(self, number):
        """A task that got the signal in the middle: its exit code, and what it asked of Slurm."""
        task, _ = self.start_task(lambda environment: stopping(environment=environment))
        progress = self.shards / "1.h5.part" / "progress"

        def wait_until(condition):
            while not condition():
                self.assertIsNone(task.poll())
                time.sleep(0.01)

        def training(key):  # of the program that trains, as the system tells it
            pid = re.search(r"(?m)^process (\d+) ", progress.read_text())[1]
            return re.search(rf"(?m)^{key}:\s+(\S+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]

        wait_until(lambda: progress.exists() and training("State") == "T")
        task.send_signal(number)
        wait_until(lambda: int(training("ShdPnd"), 16) != 0)  # the task has told it
        os.kill(int(training("Pid")), signal.SIGCONT)
        text, _ = task.communicate(timeout=300)
        asked = self.slurm.get("asked").splitlines()
        self.slurm.put("asked", "")
        return task.returncode, asked, text

    def test_before_its_time_limit_it_saves_the_shard_and_is_queued_again(self):
        self.assertEqual(self.interrupted(signal.SIGUSR1)[:2], (75, ["scontrol requeue 41_1"]))
        self.assertFalse(self.folder.joinpath("1.h5").exists())
        task, whole = self.start_task()
        text, _ = task.communicate(timeout=300)
        self.assertEqual(task.returncode, 0, text)
        self.assertEqual(self.slurm.get("asked"), "")
        with h5py.File(self.shards / "1.h5", "r") as file:
            self.assertEqual((file.attrs["complete"], file.attrs["shard"], file.attrs["shards"]), (1, 1, 2))
            numbers = [int(number) for number in file["runs/run"]]
        for row, number in enumerate(numbers):
            self.assert_same_run(self.shards / "1.h5", (row, number), whole, number)

    def test_one_that_is_cancelled_saves_its_shard_and_stays_away(self):
        self.assertEqual(self.interrupted(signal.SIGTERM)[:2], (75, ["scontrol show job 41_1"]))

    def test_one_that_is_preempted_is_queued_again(self):
        self.slurm.put("job", "JobId=77 PreemptEligibleTime=2026-01-01T00:00:00 PreemptTime=2026-01-01T00:01:00\n")
        self.assertEqual(self.interrupted(signal.SIGTERM)[:2],
                         (75, ["scontrol show job 41_1", "scontrol requeue 41_1"]))

    def test_one_that_fails_is_not(self):
        self.submit(shards=2)
        (self.shards / "1.h5").write_text("text")
        result = self.run_script(41, 1)
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertEqual(self.slurm.get("asked"), "")


if __name__ == "__main__":
    unittest.main()
