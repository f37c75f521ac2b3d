"""What is installed can be used: the C example of README.md, built in each way that the packages offer."""

import os
import pathlib
import re
import shutil
import subprocess
import unittest

from sweeps import SweepTest

BUILD, SOURCE = (pathlib.Path(os.environ.get(name, ".")) for name in ("SPECTRAIN_BUILD", "SPECTRAIN_SOURCE"))
CMAKE, CC = os.environ.get("CMAKE", "cmake"), os.environ.get("CC", "cc")
SANITIZE = [f"-fsanitize={kind}" for kind in [os.environ.get("SPECTRAIN_SANITIZE")] if kind]
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic"]


def command(*words, **options):
    """Run it; its output, or a failure that shows what it said."""
    result = subprocess.run([str(word) for word in words], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            **options)
    if result.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, words))}: exit code {result.returncode}\n{result.stdout}")
    return result.stdout


def readme_example():
    """The C program of README.md: the fenced block that has a main."""
    blocks = re.findall(r"^```c\n(.*?)^```", (SOURCE / "README.md").read_text(), re.M | re.S)
    programs = [block for block in blocks if "int main" in block]
    if len(programs) != 1:
        raise AssertionError(f"README.md has {len(programs)} C programs; expected one")
    return programs[0]


class Install(SweepTest):

    def setUp(self):
        super().setUp()
        self.prefix = self.folder / "prefix"
        command(CMAKE, "--install", BUILD, "--prefix", self.prefix)
        found = list(self.prefix.glob("lib*/**/libspectrain.so"))
        self.assertEqual(len(found), 1)
        self.lib = found[0].parent
        self.environment = {**os.environ, "PKG_CONFIG_PATH": str(self.lib / "pkgconfig")}

    def pkg_config(self, *arguments):
        # The file names the prefix of the configuration; this one was chosen at installation.
        return command("pkg-config", f"--define-variable=prefix={self.prefix}", *arguments, "spectrain",
                       env=self.environment).split()

    def build_and_run(self, name, *flags):
        """Compile the example and run it in a folder of its own."""
        place = self.folder / name
        place.mkdir()
        (place / "example.c").write_text(readme_example())
        command(CC, *STRICT, *SANITIZE, "example.c", "-o", "example", *flags, cwd=place)
        return command(place / "example", cwd=place)

    def test_the_example_runs_with_the_shared_library(self):
        self.build_and_run("shared", f"-I{self.prefix}/include", f"-L{self.lib}", f"-Wl,-rpath,{self.lib}",
                           "-lspectrain")

    def test_the_example_runs_with_the_static_library(self):
        flags = self.pkg_config("--static", "--cflags", "--libs")
        self.build_and_run("static", *[str(self.lib / "libspectrain.a") if flag == "-lspectrain" else flag
                                       for flag in flags])
        self.assertNotIn("libspectrain", command("ldd", self.folder / "static" / "example"))

    def test_the_example_runs_with_the_flags_of_pkg_config(self):
        self.build_and_run("pkgconfig", *self.pkg_config("--cflags", "--libs"), f"-Wl,-rpath,{self.lib}")

    def test_the_example_runs_with_the_cmake_package(self):
        place = self.folder / "cmake"
        place.mkdir()
        (place / "example.c").write_text(readme_example())
        (place / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.20)\n"
            "project(example C)\n"
            "find_package(spectrain 0.1 REQUIRED)\n"
            "add_executable(example example.c)\n"
            "target_link_libraries(example PRIVATE spectrain::shared)\n")
        flags = [f"-DCMAKE_C_FLAGS={' '.join(SANITIZE)}"] if SANITIZE else []
        command(CMAKE, "-S", place, "-B", place / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}",
                f"-DCMAKE_C_COMPILER={CC}", *flags)
        command(CMAKE, "--build", place / "build")
        command(place / "build" / "example", cwd=place)

    def test_pkg_config_and_the_program_tell_the_same_version(self):
        version = self.pkg_config("--modversion")[0]
        self.assertEqual(command(self.prefix / "bin" / "spectrain", "--version"), f"spectrain {version}\n")

    def test_the_headers_are_usable_from_cplusplus(self):
        compiler = shutil.which("c++") or shutil.which("g++")
        if compiler is None:
            self.skipTest("no C++ compiler here")
        source = self.folder / "version.cpp"
        source.write_text('#include <spectrain/spectrain.h>\n#include <cstdio>\n'
                          'int main() { std::puts(spt_version()); }\n')
        command(compiler, "-Wall", "-Wextra", "-Werror", *SANITIZE, source, "-o", self.folder / "version",
                *self.pkg_config("--cflags", "--libs"), f"-Wl,-rpath,{self.lib}")
        self.assertEqual(command(self.folder / "version").strip(), self.pkg_config("--modversion")[0])


if __name__ == "__main__":
    unittest.main()
