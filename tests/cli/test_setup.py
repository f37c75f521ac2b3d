"""The set-up that both scripts share (experiments/dependencies.sh), with packages, root and Python played by scripts."""

import os
import pathlib
import stat
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(os.environ["SPECTRAIN_SOURCE"], "experiments", "dependencies.sh")


class Setup(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.top = pathlib.Path(self.folder.name)
        (self.top / "bin").mkdir()
        # The machine has the package "here" and no other; whoever asks is not root.
        self.command("dpkg-query", 'case "$*" in *" here") echo "install ok installed" ;; *) exit 1 ;; esac')
        self.command("apt-get", f'echo "apt-get as ${{PLAYED_ROOT:-user}}: $*" >>{self.top}/calls')
        self.command("id", "echo 1000")
        self.command("sudo", "exit 1")

    def command(self, name, body):
        path = self.top / "bin" / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def allow_sudo(self):
        self.command("sudo", 'case "$*" in "-n true") ;; *) PLAYED_ROOT=root "$@" ;; esac')

    def run_script(self, commands, **environment):
        path = f"{self.top}/bin:{os.environ['PATH']}"
        return subprocess.run(["bash", "-c", f'set -euo pipefail; SPECTRAIN_TOP={self.top}; . "{SCRIPT}"; {commands}'],
                              env={**os.environ, "PATH": path, "PYTHON": "", **environment}, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=120)

    def calls(self):
        path = self.top / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def test_what_is_installed_is_left_alone_in_silence(self):
        done = self.run_script("need_packages here here; echo on")
        self.assertEqual((done.returncode, done.stdout, done.stderr, self.calls()), (0, "on\n", "", []))

    def test_without_root_the_exact_command_is_printed_and_nothing_goes_on(self):
        done = self.run_script("need_packages here libabsent-dev other; echo on")
        self.assertEqual((done.returncode, done.stdout, self.calls()), (1, "", []))
        self.assertIn("apt-get install -y --no-install-recommends libabsent-dev other\n", done.stderr)

    def test_sudo_installs_what_is_missing_and_only_that(self):
        self.allow_sudo()
        done = self.run_script("need_packages here libabsent-dev; echo on")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, "== installing: libabsent-dev\non\n")
        self.assertEqual(self.calls(), ["apt-get as root: update -qq",
                                        "apt-get as root: install -y -qq --no-install-recommends libabsent-dev"])

    def test_lists_that_cannot_be_renewed_do_not_stop_an_installation(self):
        self.allow_sudo()
        self.command("apt-get", f'[ "$1" = install ] && echo "$*" >>{self.top}/calls')
        done = self.run_script("need_packages libabsent-dev; echo on")
        self.assertEqual((done.returncode, len(self.calls())), (0, 1), done.stderr)

    def test_a_python_without_the_modules_is_passed_over(self):
        self.command("python3", "exit 1")
        able = self.command("able", "exit 0")
        done = self.run_script('find_python h5py matplotlib; echo "$PYTHON"', PYTHON=str(able))
        self.assertEqual((done.returncode, done.stdout), (0, f"{able}\n"), done.stderr)

    def test_where_no_python_has_the_modules_an_environment_of_its_own_is_made(self):
        # "python3 -m venv FOLDER" makes pip and python, which has what pip was asked for
        self.command("python3", """[ "$1 $2" = "-m venv" ] || exit 1
mkdir -p "$3/bin"; cd "$3/bin"
printf '#!/bin/sh\\necho "$*" >>%s/pip\\n' """ + str(self.top) + """ >pip
printf '#!/bin/sh\\n' >python
chmod +x pip python""")
        done = self.run_script('find_python spt_absent_a spt_absent_b; echo "$PYTHON"')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.splitlines()[-1], f"{self.top}/.venv/bin/python")
        self.assertEqual((self.top / "pip").read_text(), "install --quiet spt_absent_a spt_absent_b\n")

    def build(self, listed):
        self.command("cmake", f'echo "cmake $*" >>{self.top}/calls; echo "-- spectrain: what is built"')
        self.command("nvcc", "exit 0")
        self.command("nvidia-smi", f'echo "{listed}"')
        done = self.run_script("build release spectrain")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines(), self.calls()[-2]

    def test_without_a_gpu_the_cuda_backend_is_left_out_with_one_line(self):
        said, configured = self.build("No devices were found")
        self.assertIn("no GPU is seen here: building without the CUDA backend", said[0])
        self.assertEqual(configured, "cmake --preset release -DSPECTRAIN_CUDA=OFF")

    def test_with_a_gpu_the_build_says_what_it_builds(self):
        said, configured = self.build("GPU 0: NVIDIA X (UUID: GPU-1)")
        self.assertEqual((said[-1], configured), ("== what is built", "cmake --preset release"))

    def test_a_build_that_is_there_stays_as_it_was_asked_for(self):
        (self.top / "build").mkdir()
        (self.top / "build" / "CMakeCache.txt").touch()
        _, configured = self.build("No devices were found")
        self.assertEqual(configured, "cmake --preset release")


if __name__ == "__main__":
    unittest.main()
