"""The page of all experiments: made from tiny files of each, and opened in headless Chromium."""

import importlib.util
import os
import pathlib
import re
import shlex
import subprocess
import sys
import unittest

import h5py

TESTS = pathlib.Path(__file__).resolve().parents[1]
EXPERIMENTS = TESTS.parent / "experiments"
sys.path[:0] = [str(TESTS / "cli"), str(EXPERIMENTS)]

for module in ("matplotlib", "yaml", "jinja2"):
    if importlib.util.find_spec(module) is None:
        sys.exit(f"SKIPPED: no {module} for {sys.executable}")

import yaml  # noqa: E402

import chromium  # noqa: E402
import experiment  # noqa: E402
from sweeps import PROGRAM, SweepTest  # noqa: E402
from tiny_experiments import arguments  # noqa: E402

if chromium.PROGRAM is None:
    sys.exit("SKIPPED: no chromium")

IMAGES = """[...document.images].map(one => ({drawn: one.complete && one.naturalWidth > 0 && one.naturalHeight > 0,
             size: one.getBoundingClientRect().width * one.getBoundingClientRect().height, alt: one.alt}))"""
# What a reader sees: text of visible elements, as it is laid out.
TEXT = "document.body.innerText"


def plain(words):
    return " ".join(words.split())


def reproduce(*arguments):
    """reproduce.sh with the program of this build: SPECTRAIN is in the environment."""
    return subprocess.run([EXPERIMENTS / "reproduce.sh", *arguments], capture_output=True, text=True, timeout=600,
                          env={**os.environ, "PYTHON": sys.executable})


class ThePage(SweepTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        files = []
        for name in experiment.names():
            if name == "parameter_noise":  # a real small preset; the others are smaller still: "other settings"
                files.append(str(cls.shared_folder / f"{name}_small.h5"))
                cls.reproduced = reproduce(name, "--small", "-o", cls.shared_folder)
                continue
            files.append(str(cls.shared_folder / f"{name}.h5"))
            subprocess.run([PROGRAM, "run", EXPERIMENTS / f"{name}.yaml", "-o", files[-1], "--quiet",
                            *experiment.read(name).small, *arguments(name)], check=True, timeout=600)
        with h5py.File(files[-1], "r+") as file:  # what a file of full size is called
            file.attrs["config"] = (EXPERIMENTS / f"{experiment.names()[-1]}.yaml").read_text()
        cls.path = cls.shared_folder / "page.html"
        made = subprocess.run([sys.executable, "-B", EXPERIMENTS / "page.py", *files, "-o", cls.path],
                              capture_output=True, text=True, timeout=600)
        assert made.returncode == 0, made.stderr
        cls.said = made.stdout
        cls.page = chromium.Page(cls.path.as_uri())
        cls.page.__enter__()
        cls.addClassCleanup(cls.page.__exit__)
        cls.text = plain(cls.page.evaluate(TEXT))

    def test_every_figure_is_rendered(self):
        images = self.page.evaluate(IMAGES)
        self.assertIn(f"{len(images)} figures", self.said)
        self.assertGreaterEqual(len(images), len(experiment.names()))
        for one in images:
            self.assertTrue(one["drawn"], one["alt"])
            self.assertGreater(one["size"], 100 * 100, one["alt"])
            self.assertIn(plain(one["alt"]), self.text)  # its caption

    def test_every_verdict_is_rendered_with_its_number(self):
        verdicts = re.findall(r"^(\w+) \(([\w ]+)\): (seen|NOT seen): (.*?): (.*)$", self.said, re.M)
        self.assertEqual({name for name, *_ in verdicts}, set(experiment.names()))
        for name, _, seen, finding, numbers in verdicts:
            mark = "✓ seen" if seen == "seen" else "✗ not seen"
            self.assertIn(plain(f"{mark} {finding[0].upper()}{finding[1:]}. {numbers[0].upper()}{numbers[1:]}."), self.text)
            self.assertIn(f"{name} {finding} {mark}", self.text)  # in the table on top

    def test_setting_finding_and_command_of_each_are_there(self):
        for name in experiment.names():
            one = experiment.read(name)
            for words in (one.title, one.finding, f"spectrain run experiments/{name}.yaml", f"name: {one.config['name']}"):
                self.assertIn(plain(words), self.text)

    def test_a_small_preset_is_called_one(self):
        for name, told in (("parameter_noise", "Small preset."), ("random_labels", "Other settings.")):
            self.assertIn(told, self.page.evaluate(f"document.getElementById('{name}').innerText"))
        full = self.page.evaluate(f"document.getElementById('{experiment.names()[-1]}').innerText")
        self.assertNotRegex(full, "Small preset|Other settings")

    def test_reproduce_trains_judges_and_does_so_once(self):
        file, page = self.shared_folder / "parameter_noise_small.h5", self.shared_folder / "small.html"
        self.assertEqual(self.reproduced.returncode, 0, self.reproduced.stderr)
        self.assertIn("parameter_noise (small preset): ", self.reproduced.stdout)
        self.assertIn("Small preset.", page.read_text())
        written = file.stat().st_mtime_ns
        self.assertEqual(reproduce("parameter_noise", "--small", "-o", self.shared_folder).returncode, 0)
        self.assertEqual(file.stat().st_mtime_ns, written)

    def test_reproduce_refuses_a_name_that_it_does_not_know(self):
        answer = reproduce("no_such_experiment", "-o", self.shared_folder)
        self.assertEqual(answer.returncode, 2)
        self.assertIn("no experiment no_such_experiment; there are: double_descent_fashion", answer.stderr)

    def test_nothing_is_fetched(self):
        asked = {url for url in self.page.requests if not url.startswith("data:")}
        self.assertEqual(asked, {self.path.as_uri()})

    def test_it_prints(self):
        sheets = self.page.ask("Page.printToPDF", printBackground=True)["data"]
        self.assertGreater(len(sheets), 50000)

    def test_a_page_that_fetches_or_lacks_a_figure_would_be_noticed(self):
        broken = re.sub('<meta http-equiv="Content-Security-Policy".*?>', "", self.path.read_text())
        broken = re.sub('src="data:image[^"]*"', 'src="http://spectrain.invalid/figure.svg"', broken, count=1)
        path = self.folder / "broken.html"
        path.write_text(broken.replace("</head>", '<link rel="stylesheet" href="style.css"></head>'))
        with chromium.Page(path.as_uri()) as page:
            self.assertIn("http://spectrain.invalid/figure.svg", page.requests)
            self.assertIn((self.folder / "style.css").as_uri(), page.requests)
            self.assertEqual([one["drawn"] for one in page.evaluate(IMAGES)].count(False), 1)


class Experiments(SweepTest):
    @staticmethod
    def config(path):
        with h5py.File(path) as file:
            return yaml.safe_load(file.attrs["config"])

    def test_presets_are_told_apart(self):
        for name in experiment.names():
            one = experiment.read(name)
            small = experiment.with_settings(one.config, one.small)
            self.assertEqual(one.preset(one.config), experiment.FULL)
            self.assertEqual(one.preset(small), experiment.SMALL, name)
            self.assertEqual(one.preset(experiment.with_settings(small, ["--set", "train.epochs=7"])), experiment.CHANGED)
            elsewhere = experiment.with_settings(one.config, ["--set", "data.path=elsewhere"])
            self.assertEqual(one.preset(elsewhere), experiment.FULL)

    def test_the_command_told_makes_the_config_of_the_file(self):
        for name in ("random_labels", "parameter_noise"):
            path, again = self.folder / f"{name}.h5", self.folder / "again.h5"
            sets = experiment.read(name).small + arguments(name) + ["--set", "model.hidden_layers=2"]
            self.assertEqual(self.spectrain("run", EXPERIMENTS / f"{name}.yaml", "-o", path, "--quiet", *sets).returncode, 0)
            config = self.config(path)
            command = shlex.split(experiment.read(name).command(config))
            self.assertEqual(command[:3], ["spectrain", "run", f"experiments/{name}.yaml"])
            result = self.spectrain("run", EXPERIMENTS / f"{name}.yaml", "-o", again, "--quiet", "--force", *command[5:])
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(self.config(again), config)

    def test_a_file_of_no_experiment_is_refused(self):
        path = self.folder / "other.h5"
        self.assertEqual(self.spectrain("run", EXPERIMENTS / "random_labels.yaml", "-o", path, "--quiet", "--set",
                                        "name=other", *arguments("random_labels")).returncode, 0)
        made = subprocess.run([sys.executable, "-B", EXPERIMENTS / "page.py", path, "-o", self.folder / "page.html"],
                              capture_output=True, text=True, timeout=600)
        self.assertEqual(made.returncode, 1)
        self.assertIn("other.h5: its config is named other", made.stderr)
        self.assertFalse((self.folder / "page.html").exists())


if __name__ == "__main__":
    unittest.main()
