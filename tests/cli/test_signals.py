"""Signals stop a sweep safely; what goes on from there ends in the same bits. And: one writer a file."""

import signal
import subprocess
import unittest

import h5py

from sweeps import SweepTest, go_on, tiny


class Signals(SweepTest):

    def interrupt(self, config, output, number):
        """Send a sweep the signal in its middle; its exit code and stderr."""
        process = self.start_training(self.write_config(config), output)
        text = go_on(process, number)
        return process.returncode, text

    def test_three_signals_save_the_sweep_and_resume_gives_the_same_bits(self):
        config, reference = self.slow_sweep()
        epochs = config["train"]["epochs"]
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
            with self.subTest(signal=number.name):
                output = f"{number.name}.h5"
                code, text = self.interrupt(config, output, number)
                self.assertEqual(code, 75, text)
                last = text.splitlines()[-1]
                self.assertRegex(last, rf"^spectrain: interrupted at epoch \d+ of {epochs}; resume with: ")
                with h5py.File(self.folder / output, "r") as file:  # whole, and it says that it is not complete
                    self.assertEqual(file.attrs["complete"], 0)
                info = self.spectrain("info", output)
                self.assertEqual(info.returncode, 0)
                self.assertIn("not complete", info.stdout)
                self.assertIn(f"-o {output} --resume", info.stdout)

                # The command that it told, as a shell runs it.
                resumed = subprocess.run(last.split("resume with: ")[1], shell=True, cwd=self.folder, text=True,
                                         stdin=subprocess.DEVNULL, capture_output=True)
                self.assertEqual(resumed.returncode, 0, resumed.stderr)
                self.assert_same_bits(self.folder / output, reference)
                self.assertFalse((self.folder / f"{output}.part").exists())

    def test_many_interruptions_give_the_same_bits(self):
        config, reference = self.slow_sweep()
        path = self.write_config(config)
        first = self.start_training(path, "x.h5")
        text = go_on(first, signal.SIGTERM)
        self.assertEqual(first.returncode, 75, text)
        codes = []
        for _ in range(5):
            process = self.start("run", path, "-o", "x.h5", "--resume")
            process.stderr.readline()  # of one that ends before it says anything it is empty
            process.send_signal(signal.SIGTERM)
            process.communicate()
            codes.append(process.returncode)
            if process.returncode == 0:
                break
        self.assertLessEqual(set(codes), {0, 75})
        final = self.spectrain("run", path, "-o", "x.h5", "--resume")
        self.assertEqual(final.returncode, 0, final.stderr)
        self.assert_same_bits(self.folder / "x.h5", reference)

    def test_resume_with_other_threads_gives_the_same_bits(self):
        config, reference = self.slow_sweep()
        code, text = self.interrupt(config, "x.h5", signal.SIGTERM)
        self.assertEqual(code, 75, text)
        result = self.spectrain("run", self.folder / "config.yaml", "-o", "x.h5", "--resume", "--threads", "1")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_same_bits(self.folder / "x.h5", reference, but=("/@device",))  # which names the number of threads

    def test_interrupted_sweep_resumed_with_another_config_is_refused_and_kept(self):
        config, reference = self.slow_sweep()
        code, text = self.interrupt(config, "x.h5", signal.SIGTERM)
        self.assertEqual(code, 75, text)
        refused = self.spectrain("run", self.folder / "config.yaml", "-o", "x.h5", "--resume", "--set", "data.seed=7")
        self.assert_one_line_error(refused, 1, "x.h5")
        refused = self.spectrain("run", self.folder / "config.yaml", "-o", "x.h5")
        self.assert_one_line_error(refused, 1, "x.h5", "--resume")
        result = self.spectrain("run", self.folder / "config.yaml", "-o", "x.h5", "--resume")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_same_bits(self.folder / "x.h5", reference)

    def test_second_interrupt_kills_at_once_and_resume_still_gives_the_same_bits(self):
        config, reference = self.slow_sweep()
        path = self.write_config(config)
        process = self.start_training(path, "x.h5")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGCONT)
        for _ in range(10000):
            if process.poll() is not None:
                break
            process.send_signal(signal.SIGINT)
        process.communicate()
        self.assertIn(process.returncode, (-signal.SIGINT, 75))  # 75: it had saved all before the second came
        result = self.spectrain("run", path, "-o", "x.h5", "--resume")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_same_bits(self.folder / "x.h5", reference)

    def test_info_of_a_sweep_that_was_killed_tells_how_to_go_on(self):
        config, _ = self.slow_sweep()
        process = self.start_training(self.write_config(config), "x y.h5")
        process.kill()
        process.communicate()
        self.assertFalse((self.folder / "x y.h5").exists())
        self.assert_one_line_error(self.spectrain("info", "x y.h5"), 1, "unfinished", "x y.h5.part",
                                   "spectrain run CONFIG -o 'x y.h5' --resume")


class OneWriter(SweepTest):

    def test_second_process_on_the_same_output_is_refused_and_the_first_goes_on(self):
        config, reference = self.slow_sweep()
        path = self.write_config(config)
        first = self.start_training(path, "x.h5")  # it holds its file, and does not end before the others have tried
        for arguments in ([], ["--resume"], ["--force"]):
            with self.subTest(arguments=arguments):
                self.assert_one_line_error(self.spectrain("run", path, "-o", "x.h5", *arguments), 1, "x.h5")
        text = go_on(first)
        self.assertEqual(first.returncode, 0, text)
        self.assert_same_bits(self.folder / "x.h5", reference)

    def test_force_keeps_the_old_file_until_the_new_one_is_whole(self):
        old = self.run_sweep(tiny(), "x.h5")
        before = old.read_bytes()
        config, reference = self.slow_sweep()
        path = self.write_config(config)
        process = self.start_training(path, "x.h5", "--force")
        process.kill()
        process.communicate()
        self.assertEqual(old.read_bytes(), before)
        self.assertIn("another sweep is under way", self.spectrain("info", "x.h5").stdout)
        result = self.spectrain("run", path, "-o", "x.h5", "--force")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_same_bits(old, reference)


if __name__ == "__main__":
    unittest.main()
