"""kill -9 at random moments: no file is ever broken or lies about itself, and the end has the same bits.

SPECTRAIN_KILLS: how many kills (20; half of them here). SPECTRAIN_SEED: of their moments (0)."""

import os
import pathlib
import random
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import h5py  # noqa: E402
import numpy  # noqa: E402

from sweeps import TIMEOUT, SweepTest  # noqa: E402

KILLS = int(os.environ.get("SPECTRAIN_KILLS", "20")) // 2
SEED = int(os.environ.get("SPECTRAIN_SEED", "0"))
MISSING, DONE = 0, 1  # /runs/status


class Kill(SweepTest):

    def run_until(self, path, output, seconds):
        """Start or go on, and kill after that time; whether it came to its end before."""
        process = self.start("run", path, "-o", output, "--resume", "--quiet")
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        _, text = process.communicate()
        if process.returncode != -signal.SIGKILL:
            self.assertEqual(process.returncode, 0, text)
        return process.returncode == 0

    def assert_files_are_whole_and_true(self):
        """Every .h5 opens, every dataset in it can be read, and `complete` says what is so."""
        for path in self.folder.glob("*.h5"):
            with h5py.File(path, "r") as file:
                file.visititems(lambda name, item: item[()] if isinstance(item, h5py.Dataset) else None)
                done = (file["runs/status"][()] == DONE).all() and numpy.isfinite(file["metrics/train_loss"][()]).all()
                self.assertEqual(bool(file.attrs["complete"]), bool(done), path)
            self.assertEqual(self.spectrain("info", path, "--verify").returncode, 0)

    def test_a_sweep_killed_again_and_again_ends_in_the_bits_of_an_uninterrupted_one(self):
        config, reference = self.slow_sweep()
        path = self.write_config(config)
        moments = random.Random(SEED)
        kills = sweeps = 0
        whole = 1.0  # seconds that a sweep takes, by the quickest so far
        while kills < KILLS:
            output = f"sweep{sweeps}.h5"
            # Anywhere in the whole of it, the writing of the file at its end included; then, on the same sweep, again.
            start = time.monotonic()
            finished = self.run_until(path, output, moments.uniform(0.0, 1.05 * whole))
            if finished:
                whole = min(whole, time.monotonic() - start)
            while not finished:
                kills += 1
                self.assert_files_are_whole_and_true()
                if kills >= KILLS or moments.random() < 0.4:
                    finished = self.run_until(path, output, TIMEOUT)
                    self.assertTrue(finished, "it hangs")
                else:
                    finished = self.run_until(path, output, moments.uniform(0.0, 0.7 * whole))
            self.assert_same_bits(self.folder / output, reference)
            self.assertFalse((self.folder / f"{output}.part").exists())
            (self.folder / output).unlink()
            sweeps += 1
        print(f"{kills} kills in {sweeps} sweeps of {whole:.1f} s (seed {SEED})", file=sys.stderr)


if __name__ == "__main__":
    unittest.main()
