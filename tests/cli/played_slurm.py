"""Slurm's commands as they are played to the program: scripts in a folder that goes first on PATH.

sbatch answers with numbers from 41 on and keeps what it was given; squeue lists what a test has put into `queue`;
scontrol tells MaxArraySize, and with scancel and `scontrol requeue` notes what it was asked."""

import os
import pathlib

SBATCH = """#!/bin/sh
cd '{at}'
if [ -e refuse ]; then cat refuse >&2; exit 1; fi
number=$(( $(cat number) + 1 ))
echo $number > number
for script; do :; done
cp "$script" "$number.sbatch"
echo "$@" > "$number.arguments"
env > "$number.environment"
echo $number
"""
SQUEUE = """#!/bin/sh
cd '{at}'
env > squeue.environment
if [ -e unreachable ]; then cat unreachable >&2; exit 1; fi
for word; do case $word in --name=*) names=${{word#--name=}} ;; esac; done
while IFS='|' read -r id name state; do
    case ",$names," in *",$name,"*) echo "$id|$name|$state" ;; esac
done < queue
"""
SCONTROL = """#!/bin/sh
cd '{at}'
if [ "$1 $2" = "show config" ]; then
    echo "Configuration data as of now"
    echo "MaxArraySize            = $(cat limit)"
    exit 0
fi
echo "scontrol $@" >> asked
if [ "$1 $2" = "show job" ]; then cat job; fi
"""
SCANCEL = "#!/bin/sh\necho \"scancel $@\" >> '{at}/asked'\n"


class PlayedSlurm:

    def __init__(self, folder):
        self.at = pathlib.Path(folder)
        self.bin = self.at / "bin"
        self.bin.mkdir(parents=True)
        for name, text in (("sbatch", SBATCH), ("squeue", SQUEUE), ("scontrol", SCONTROL), ("scancel", SCANCEL)):
            (self.bin / name).write_text(text.format(at=self.at))
            (self.bin / name).chmod(0o755)
        for name, text in (("number", "40"), ("queue", ""), ("limit", "1001"), ("asked", ""),
                           ("job", "JobId=70 PreemptTime=None\n")):
            self.put(name, text)

    def put(self, name, text):
        (self.at / name).write_text(text)

    def get(self, name):
        return (self.at / name).read_text()

    def environment(self, **more):
        return {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}", **more}

    def submitted(self):
        """Of each job so far: sbatch's arguments but the script, and the script's text."""
        numbers = sorted(int(path.stem) for path in self.at.glob("*.sbatch"))
        return [(self.get(f"{number}.arguments").split()[:-1], self.get(f"{number}.sbatch")) for number in numbers]
