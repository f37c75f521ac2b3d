#!/usr/bin/env python3
"""One page with the figures and verdicts of many experiments.

    page.py FILE.h5... [-o PAGE.html]

For each file of an experiment of this folder: every figure, the setting, what was published, whether it is seen in the
file and the number that decides it, and the command that makes the file, with what it changes of the experiment's
settings. The page is one file, fetches nothing, and can be printed. Exit status 1 when a file cannot be judged.
Needs h5py, numpy, matplotlib, yaml and jinja2.
"""

import argparse
import base64
import importlib
import io
import os
import sys
from dataclasses import dataclass, field

try:
    import jinja2
    import yaml

    import experiment
    import figure_style as style
    from figure_style import plt
    from sweep_file import FileError, SweepFile, text
except ImportError as missing:
    sys.exit(f"page.py: {missing}; needed: h5py, numpy, matplotlib, yaml, jinja2")


@dataclass
class Figure:
    source: str  # data URI of an SVG
    caption: str
    wide: bool  # made for both columns of a page


@dataclass
class Section:
    """What the page shows of one file."""

    experiment: experiment.Experiment
    preset: str
    config: str
    command: str
    made: str  # when, by what, on what
    state: str  # "" when all runs are done
    figures: list = field(default_factory=list)
    verdicts: list = field(default_factory=list)
    problem: str = ""  # why there is no verdict


def embedded(figure, caption):
    """The figure in an SVG, sharp in print; what is a map in it is a picture at 300 dpi."""
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    plt.close(figure)
    source = "data:image/svg+xml;base64," + base64.b64encode(out.getvalue()).decode("ascii")
    return Figure(source, caption, figure.get_size_inches()[0] > style.COLUMN)


def made_words(file):
    attributes = file.h5.attrs
    created, version, device = (text(attributes.get(key, "")) for key in ("created", "software_version", "device"))
    return f"{created[:10]}, spectrain {version} on {text(attributes.get('backend', ''))}: {device}"


def section(path):
    """The section of a file. Raises FileError when the file is of no experiment; other faults are told in it."""
    with SweepFile(path) as file:
        config_text = text(file.h5.attrs.get("config", ""))
        config = yaml.safe_load(config_text) or {}
        one = experiment.of_config(config)
        if one is None:
            raise FileError(f"{path}: its config is named {config.get('name')}, as no experiment in {experiment.FOLDER}")
        found = Section(one, one.preset(config), config_text.strip(), one.command(config), made_words(file), file.state())
        module = importlib.import_module(one.figure)
        try:
            for _, figure, caption in module.figures(file):
                style.corner_note(figure, file.state())
                found.figures.append(embedded(figure, caption))
            found.verdicts = module.verdicts(file)
        except (FileError, OSError) as error:
            found.problem = str(error).splitlines()[0]
    return found


def render(sections):
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(experiment.FOLDER), autoescape=True,
                                     undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    absent = [name for name in experiment.names() if name not in {one.experiment.name for one in sections}]
    return environment.get_template("page.html").render(sections=sections, absent=absent)


def main(argv=None):
    parser = argparse.ArgumentParser(prog="page.py", description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+", metavar="FILE.h5", help="of experiments, from spectrain run or merge")
    parser.add_argument("-o", dest="page", default="experiments.html", metavar="PAGE.html",
                        help="where to (default: experiments.html)")
    options = parser.parse_args(argv)
    style.use_style()
    failed, sections = False, []
    for path in options.files:
        try:
            sections.append(section(path))
        except (FileError, experiment.ExperimentError) as error:
            print(f"page.py: {error}", file=sys.stderr)
            failed = True
            continue
        one = sections[-1]
        for verdict in one.verdicts:
            print(f"{one.experiment.name} ({one.preset}): {verdict}")
        if one.problem:
            print(f"page.py: {one.problem}", file=sys.stderr)
            failed = True
    if not sections:
        return 1
    page = render(sections)
    os.makedirs(os.path.dirname(os.path.abspath(options.page)), exist_ok=True)
    with open(options.page, "w", encoding="utf-8") as out:
        out.write(page)
    print(f"{options.page}: {len(sections)} experiments, {sum(len(one.figures) for one in sections)} figures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
