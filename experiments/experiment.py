"""The experiments: what the head of each YAML says, and with which of their settings a file was made.

An experiment is NAME.yaml beside this file. Its head is comments: what it is (the first paragraph), "To be seen: ...",
and lines of these forms:
    # figure: MODULE      what draws and judges it: MODULE.py here, see figure_command.py
    # time: ...           how long it takes
    # small: --set ...    the arguments of its small preset; there may be several such lines
"""

import copy
import os
import re
import shlex
from dataclasses import dataclass

import yaml

FOLDER = os.path.dirname(os.path.abspath(__file__))
FULL, SMALL, CHANGED = "full size", "small preset", "other settings"


class ExperimentError(Exception):
    """One line: what is wrong with an experiment's YAML, its name first."""


@dataclass
class Experiment:
    name: str  # as the YAML's file is called: "random_labels"
    title: str
    finding: str  # what must be seen
    figure: str  # name of the module
    time: str
    small: list  # of words: ["--set", "train.epochs=200"]
    config: dict

    def preset(self, made):
        """FULL, SMALL or CHANGED, of the config in a file. Where the data lie (data.path) makes no difference."""
        made = without_path(made)
        if made == without_path(self.config):
            return FULL
        return SMALL if made == without_path(with_settings(self.config, self.small)) else CHANGED

    def command(self, made):
        """The command line that makes a file with this config."""
        words = ["spectrain", "run", f"experiments/{self.name}.yaml", "-o", f"{self.name}.h5"]
        for key, value in changes(self.config, made):
            words += ["--set", f"{key}={flow(value)}"]
        return shlex.join(words)


def names():
    return sorted(name[:-len(".yaml")] for name in os.listdir(FOLDER) if name.endswith(".yaml"))


def read(name):
    """The experiment NAME. Raises ExperimentError."""
    path = os.path.join(FOLDER, f"{name}.yaml")
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        config = yaml.safe_load(text)
    except (OSError, yaml.YAMLError) as error:
        raise ExperimentError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    head = re.match(r"(?:#.*\n)*", text).group()
    lines = [re.sub("^# ?", "", line) for line in head.splitlines()]
    marks = {key: [line[len(key) + 2:] for line in lines if line.startswith(f"{key}: ")]
             for key in ("figure", "time", "small")}
    paragraphs = [" ".join(part.split()) for part in "\n".join(lines).split("\n\n")]
    seen = [part[len("To be seen: "):] for part in paragraphs if part.startswith("To be seen: ")]
    if len(seen) != 1 or len(marks["figure"]) != 1:
        raise ExperimentError(f"{path}: its head has {len(seen)} paragraphs \"To be seen: \" and {len(marks['figure'])} "
                              "lines \"figure: \"; expected one of each")
    return Experiment(name, paragraphs[0], seen[0][0].upper() + seen[0][1:], marks["figure"][0],
                      " ".join(marks["time"]), [word for line in marks["small"] for word in shlex.split(line)], config)


def of_config(made):
    """The experiment whose name the config of a file has, or None."""
    for name in names():
        one = read(name)
        if one.config["name"] == made.get("name"):
            return one
    return None


# ---- configs as trees


def with_settings(config, words):
    """The config with ["--set", "dotted.key=value", ...]; below sweep a key is dotted itself."""
    config = copy.deepcopy(config)
    for setting in words[1::2]:
        key, value = setting.split("=", 1)
        path = key.split(".")
        path = ["sweep", ".".join(path[1:])] if path[0] == "sweep" else path
        node = config
        for part in path[:-1]:
            node = node[int(part)] if isinstance(node, list) else node.setdefault(part, {})
        node[int(path[-1]) if isinstance(node, list) else path[-1]] = yaml.safe_load(value)
    return config


def changes(base, made, path=""):
    """(dotted key, value) that make one config of another."""
    def below(key):
        return f"{path}.{key}" if path else str(key)

    if isinstance(base, dict) and isinstance(made, dict) and set(base) <= set(made):
        for key, value in made.items():
            if key in base:
                yield from changes(base[key], value, below(key))
            else:
                yield below(key), value
    elif isinstance(base, list) and isinstance(made, list) and len(base) == len(made) and isinstance(made[0], dict):
        for i, (one, other) in enumerate(zip(base, made)):
            yield from changes(one, other, below(i))
    elif base != made:
        yield path, made


def flow(value):
    """A value as YAML on one line."""
    return yaml.safe_dump(value, default_flow_style=True, width=float("inf"), sort_keys=False).removesuffix("\n...\n").strip()


def without_path(config):
    data = {key: value for key, value in config.get("data", {}).items() if key != "path"}
    return {**config, "data": data}
