"""Progress on a terminal: a live line that fits, is finished whatever happens, and leaves the terminal as it was."""

import fcntl
import os
import pty
import re
import resource
import select
import signal
import struct
import subprocess
import termios
import time
import unittest

from sweeps import TIMEOUT, PROGRAM, SweepTest, end, stopping, tiny

REDRAW = re.compile(r"\r([^\r\n]*)\x1b\[K")


class Terminal:
    """A program whose stderr is a terminal of that many columns; what it writes there is text."""

    def __init__(self, columns, *arguments, cwd, terminal="xterm", env=None):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.modes = termios.tcgetattr(self.slave)
        self.text = ""
        self.process = subprocess.Popen([PROGRAM, *map(str, arguments)], cwd=cwd, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=self.slave,
                                        env={**(env or os.environ), "TERM": terminal})

    def read(self, until=None):
        """Take what comes until the process has ended, or until the text holds a pattern."""
        limit = time.monotonic() + TIMEOUT
        while time.monotonic() < limit:
            ended = self.process.poll() is not None
            while select.select([self.master], [], [], 0 if ended else 0.05)[0]:
                # The terminal turns \n into \r\n.
                self.text += os.read(self.master, 65536).decode(errors="replace").replace("\r\n", "\n")
                if until and re.search(until, self.text):
                    return
            if ended:
                return
        raise AssertionError(f"the program hangs after {self.text!r}")

    def close(self):
        end(self.process)
        os.close(self.master)
        os.close(self.slave)


class LiveLine(SweepTest):

    def open_terminal(self, columns, *arguments, **options):
        terminal = Terminal(columns, *arguments, cwd=self.folder, **options)
        self.addCleanup(terminal.close)
        return terminal

    def test_the_line_is_redrawn_in_place_and_fits_the_terminal(self):
        config, _ = self.slow_sweep()
        path = self.write_config(config)
        for columns in (30, 80, 200):
            with self.subTest(columns=columns):
                terminal = self.open_terminal(columns, "run", path, "-o", "x.h5", "--force")
                terminal.read()
                self.assertEqual(terminal.process.returncode, 0, terminal.text)
                drawn = REDRAW.findall(terminal.text)
                self.assertGreater(len(drawn), 1)
                self.assertLess(max(map(len, drawn)), columns)  # the last column stays free
                self.assertEqual(REDRAW.sub("", terminal.text), "\n")  # one group: one line, and nothing else
                self.assertRegex(drawn[-1], r"^100 %")
                self.assertEqual(termios.tcgetattr(terminal.slave), terminal.modes)
        self.assertRegex(drawn[-1], r"^100 %  \[#+\]  epoch (\d+)/\1  \S+.* steps/s  .* left  test error 0\.\d{4}$")

    def test_each_group_has_its_own_line(self):
        config = tiny({"train.epochs": 20}, sweep={"data.seed": [1, 2, 3]})
        terminal = self.open_terminal(100, "run", self.write_config(config), "-o", "x.h5")
        terminal.read()
        self.assertEqual(terminal.process.returncode, 0, terminal.text)
        lines = [REDRAW.findall(line)[-1] for line in terminal.text.rstrip("\n").split("\n")]
        self.assertEqual([line[:9] for line in lines], ["group 1/3", "group 2/3", "group 3/3"])
        for line in lines:
            self.assertIn("epoch 20/20", line)

    def test_an_interrupt_leaves_the_live_line_before_it_speaks(self):
        config, _ = self.slow_sweep()
        path = self.write_config(config)
        terminal = self.open_terminal(80, "run", path, "-o", "x.h5", env=stopping())
        terminal.read(until=REDRAW.pattern)
        self.assert_stopped(terminal.process)
        terminal.process.send_signal(signal.SIGINT)
        terminal.process.send_signal(signal.SIGCONT)
        terminal.read()
        self.assertEqual(terminal.process.returncode, 75, terminal.text)
        live, last = terminal.text.rstrip("\n").split("\n")
        self.assertTrue(live.startswith("\r"))
        self.assertRegex(last, r"^spectrain: interrupted at epoch \d+ of \d+; resume with: .* --resume$")
        self.assertEqual(termios.tcgetattr(terminal.slave), terminal.modes)

    def test_an_error_leaves_the_live_line_before_it_speaks(self):
        config = tiny({"train.epochs": 100, "record.weights": {"every": 1}}, sweep={"model.width": [80]})
        terminal = self.open_terminal(80, "run", self.write_config(config), "-o", "x.h5", env=stopping())
        terminal.read(until=REDRAW.pattern)
        self.assert_stopped(terminal.process)
        # From now on no file may grow beyond what is there: the next write fails.
        resource.prlimit(terminal.process.pid, resource.RLIMIT_FSIZE, (4096, 4096))
        terminal.process.send_signal(signal.SIGCONT)
        terminal.read()
        self.assertEqual(terminal.process.returncode, 1, terminal.text)
        live, last = terminal.text.rstrip("\n").split("\n")
        self.assertTrue(live.startswith("\r"))
        self.assertRegex(last, r"^spectrain: .*x\.h5.*File too large$")

    def test_a_terminal_that_cannot_redraw_gets_plain_lines(self):
        terminal = self.open_terminal(80, "run", self.write_config(tiny()), "-o", "x.h5", terminal="dumb")
        terminal.read()
        self.assertEqual(terminal.process.returncode, 0, terminal.text)
        self.assertNotRegex(terminal.text, r"[\r\x1b]")

    def test_quiet_leaves_the_terminal_alone(self):
        terminal = self.open_terminal(80, "run", self.write_config(tiny()), "-o", "x.h5", "--quiet")
        terminal.read()
        self.assertEqual((terminal.process.returncode, terminal.text), (0, ""))


if __name__ == "__main__":
    unittest.main()
