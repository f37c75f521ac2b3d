"""spectrain submit on a real Slurm: whatever happens to its tasks, the sweep comes back to the last bit.

Skipped (exit code 77) where Slurm or root's rights are missing; with CI=true in the environment that is a failure."""

import os
import pathlib
import re
import resource
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import h5py  # noqa: E402

import slurm  # noqa: E402
from sweeps import PROGRAM, SweepTest, tiny  # noqa: E402

SKIPPED = 77
SHARDS = 4
REFERENCE_SECONDS = 10.0  # of one CPU that the whole sweep takes at least, so that tasks can be caught in the middle


class Submit(SweepTest):

    def reference(self):
        """24 small runs, long enough to be caught in the middle: the config, and their file from one process."""
        epochs, took = 60, 0.0
        while took < REFERENCE_SECONDS:
            config = tiny({"train.epochs": epochs, "record.epochs": {"every": epochs // 20},
                           "record.weights": {"every": epochs // 4}, "train.optimizer.lr": 0.005},
                          sweep={"model.width": [8, 16, 24, 32], "train.seed": [0, 1, 2, 3, 4, 5]})
            before = cpu_seconds()  # not the clock's: how long others keep it waiting is another matter
            path = self.run_sweep(config, "reference.h5", "--threads", "1", "--force", "--quiet")
            took = cpu_seconds() - before
            epochs *= max(2, min(20, int(REFERENCE_SECONDS / took)))
        return config, path

    def submit(self, cluster, *arguments):
        """Submit; it must succeed. The numbers of the array ("": none) and of the merge, and what was said."""
        result = cluster.run(PROGRAM, "submit", self.config, "-o", self.output, "--shards", SHARDS, "--cpus", 1,
                             *arguments, cwd=self.folder)
        self.assertEqual(result.returncode, 0, f"{result.stderr}\n{cluster.logs()}")
        array = re.search(r"(?m)^  job (\d+): \d+ shards?", result.stdout)
        merge = re.search(r"(?m)^  job (\d+): the merge", result.stdout)
        return array[1] if array else "", merge[1], result.stdout

    def under_way(self, cluster):
        """The shards that are in the middle of their training: shard -> pid."""
        queue, found = cluster.queue(), {}
        self.assertTrue(any("_" in task for task in queue), "no task is left to do something to")
        for task in (task for task, (_, state) in queue.items() if "_" in task and state == "RUNNING"):
            shard = int(task.partition("_")[2])
            try:
                text = (self.shards / f"{shard}.h5.part" / "progress").read_text()
            except OSError:
                continue
            pid, done = re.search(r"(?m)^process (\d+) ", text), re.search(r"(?m)^fraction (\S+)", text)
            if 0.0 < float(done[1]) < 0.7 and alive(int(pid[1])):
                found[shard] = int(pid[1])
        return found

    def stop_shard(self, cluster, but=()):
        """Stop the process of the first other shard that is in the middle of its training. The shard, and its pid."""
        found = {}

        def look():
            found.update({shard: pid for shard, pid in self.under_way(cluster).items() if shard not in but})
            return found
        cluster.wait_for(look, f"a task in the middle of a shard but {but}")
        shard, pid = next(iter(found.items()))
        os.kill(pid, signal.SIGSTOP)
        return shard, pid

    def log(self, shard):
        return (self.shards / f"{shard}.log").read_text()

    def test_a_sweep_whose_tasks_are_killed_and_queued_again_has_the_bits_of_one_process(self):
        config, reference = self.reference()
        self.folder = self.folder / "it's 100% \"here\""  # whatever the paths have in them
        self.folder.mkdir()
        self.config, self.output = self.write_config(config), self.folder / "sweep.h5"
        self.shards = self.folder / "sweep.h5.shards"
        with slurm.Cluster() as cluster:
            array, merge, _ = self.submit(cluster)
            self.assertEqual(len([task for task in cluster.queue() if task.startswith(f"{array}_")]), SHARDS)
            again, new_merge, said = self.submit(cluster)  # what is queued is not queued twice
            self.assertEqual(again, "", said)
            self.assertIn(f"cancelled for it, earlier merges: {merge}\n", said)

            # One is killed: its task fails. One is sent back by an administrator; one is told that its time is up;
            # and one of the two nodes takes no more.
            killed, pid = self.stop_shard(cluster)
            os.kill(pid, signal.SIGKILL)
            sent_back, pid = self.stop_shard(cluster, {killed})
            cluster.check("scontrol", "requeue", f"{array}_{sent_back}")
            os.kill(pid, signal.SIGCONT)
            out_of_time, pid = self.stop_shard(cluster, {killed, sent_back})
            cluster.check("scancel", "--batch", "--signal=USR1", f"{array}_{out_of_time}")
            os.kill(pid, signal.SIGCONT)
            cluster.check("scontrol", "update", "nodename=n1", "state=drain", "reason=test")

            cluster.wait_for(lambda: not cluster.queue(), "an empty queue", 300)
            self.assertIn("Killed", self.log(killed))
            self.assertIn("DUE TO JOB REQUEUE", self.log(sent_back))
            self.assertIn("saved; the task is queued again", self.log(out_of_time))
            starts = {shard: re.findall(r"start (\d+)\n", self.log(shard)) for shard in range(SHARDS)}
            rest = ({0, 1, 2, 3} - {killed, sent_back, out_of_time}).pop()
            self.assertEqual(starts, {killed: ["1"], sent_back: ["1", "2"], out_of_time: ["1", "2"], rest: ["1"]})
            # The merge came once, after the last of them, and did not take what there was for the whole.
            merged = (self.shards / "merge.log").read_text()
            self.assertEqual(merged.count("merge on"), 1)
            self.assertRegex(merged, r"spectrain: .*sweep\.h5: \d of 24 runs are missing: ")
            self.assertEqual(cluster.exit_code(new_merge), "1:0")
            with h5py.File(self.output, "r") as file:
                self.assertEqual(file.attrs["complete"], 0)

            # What is missing is taken up, and nothing else: on the other node, which then dies.
            cluster.check("scontrol", "update", "nodename=n1", "state=resume")
            cluster.check("scontrol", "update", "nodename=n0", "state=drain", "reason=test")
            array, merge, said = self.submit(cluster)
            self.assertIn(f"shards done already: {', '.join(compress(set(range(SHARDS)) - {killed}))}\n", said)
            self.assertEqual({task for task in cluster.queue() if task != merge}, {f"{array}_{killed}"})
            self.stop_shard(cluster)
            cluster.kill_node("n1")
            cluster.check("scontrol", "update", "nodename=n1", "state=down", "reason=dead")
            cluster.check("scontrol", "update", "nodename=n0", "state=resume")
            cluster.wait_for(lambda: not cluster.queue(), "an empty queue", 300)
            self.assertEqual(cluster.exit_code(merge), "0:0", (self.shards / "merge.log").read_text())
            self.assertEqual(re.findall(r"on (n\d), start (\d+)\n", self.log(killed))[1:], [("n1", "1"), ("n0", "2")])
            self.assertEqual(sum(len(re.findall("start ", self.log(shard))) for shard in range(SHARDS)), 8)
            self.assert_same_bits(self.output, reference)
            self.assertIn("complete already", cluster.check(PROGRAM, "submit", self.config, "-o", self.output,
                                                            "--shards", SHARDS, "--cpus", 1))
            self.assertEqual(cluster.queue(), {})


def cpu_seconds():
    """Of all processes that have ended so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def alive(pid):
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False


def compress(numbers):
    """Ascending numbers as the program says them: "0, 2 to 3"."""
    ranges = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return [str(first) if first == last else f"{first} to {last}" for first, last in ranges]


if __name__ == "__main__":
    reason = slurm.missing()
    if reason and os.environ.get("CI") == "true":
        sys.exit(f"the test on a real Slurm cannot be run, and in CI it must be: {reason}")
    if reason:
        print(f"SKIPPED, LOUDLY: spectrain submit was NOT tested on a real Slurm: {reason}", file=sys.stderr)
        sys.exit(SKIPPED)
    unittest.main()
