"""A Slurm cluster of one controller and two nodes, in this machine: for as long as a `with` statement lasts.

As root, without systemd: munge with a key and a socket of its own, slurmctld, and a slurmd for each node, all in one
temporary folder and on free ports of the loopback interface. Whatever a job leaves behind becomes a child of this
process, and is killed with the daemons at the end; they also go when this process dies."""

import ctypes
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time

DAEMONS = ("munged", "slurmctld", "slurmd")
COMMANDS = ("sbatch", "squeue", "scontrol", "scancel")
SBIN = "/usr/sbin:/sbin"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LIBC = ctypes.CDLL(None, use_errno=True)

# Short intervals, so that a test does not wait for a scheduler that looks every minute.
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=10
CredType=cred/munge
SlurmctldPort={ports[0]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=2,bf_interval=2,requeue_delay=0
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=60
MaxArraySize={max_array_size}
{more}
NodeName=n0 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1 State=UNKNOWN
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1 State=UNKNOWN
PartitionName=all Nodes=n[0-1] Default=YES MaxTime=INFINITE State=UP
"""


def which(name):
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{SBIN}")


def missing():
    """What keeps a cluster from being started here, in words; empty: nothing does."""
    absent = [name for name in DAEMONS + COMMANDS if which(name) is None]
    if absent:
        return f"{', '.join(absent)} not found (apt-get install slurm-wlm munge)"
    return "" if os.geteuid() == 0 else "slurmctld and slurmd must be started by root"


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def processes():
    """pid -> parent, of all that there are."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            found[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    return found


def descendants(root):
    parents, below = processes(), {root}
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in below} - below
        grown = bool(more)
        below |= more
    return below - {root}


class Cluster:

    def __init__(self, max_array_size=1001, more=""):
        self.max_array_size, self.more = max_array_size, more
        self.daemons = {}

    def __enter__(self):
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="spectrain-slurm-"))
        try:
            self.configure()
            self.start_all()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in ("slurmctld", "n0", "n1", "munged"):
            process = self.daemons.get(name)
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        for _ in range(10):  # one that is killed may just have started another
            left = descendants(os.getpid())
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.reap()
            if not left:
                break
            time.sleep(0.1)
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def reap():
        try:
            while os.waitpid(-1, os.WNOHANG)[0] != 0:
                pass
        except ChildProcessError:
            pass

    def configure(self):
        self.folder.chmod(0o755)  # munge's socket must be reachable by all
        self.ports = free_ports(3)
        for name in ("state", "spool-n0", "spool-n1"):
            (self.folder / name).mkdir(mode=0o755)
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        self.conf = self.folder / "slurm.conf"
        self.conf.write_text(CONFIGURATION.format(host=socket.gethostname().split(".")[0], folder=self.folder,
                                                  ports=self.ports, max_array_size=self.max_array_size,
                                                  more=self.more))
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith(("SLURM", "SBATCH", "SQUEUE"))}
        self.environment["SLURM_CONF"] = str(self.conf)

    def start(self, name, *command):
        """A daemon in the foreground, its output in a file."""
        with open(self.folder / f"{name}.out", "ab") as out:
            self.daemons[name] = subprocess.Popen(
                [which(command[0]), *map(str, command[1:])], env=self.environment, stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, cwd=self.folder, preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0))

    def start_all(self):
        at = self.folder
        self.start("munged", "munged", "--foreground", "--force", f"--key-file={at}/munge.key",
                   f"--socket={at}/munge.socket", f"--pid-file={at}/munged.pid",
                   f"--seed-file={at}/munged.seed")
        self.wait_for(lambda: (at / "munge.socket").exists(), "munged's socket")
        self.start("slurmctld", "slurmctld", "-D", "-i", "-f", self.conf)
        for node in ("n0", "n1"):
            self.start(node, "slurmd", "-D", "-N", node, "-f", self.conf)
        self.wait_for(lambda: self.run("scontrol", "show", "nodes").stdout.count("State=IDLE ") == 2, "two idle nodes")

    def kill_node(self, node):
        """The node dies: its daemon and all that it has started, at once."""
        parents, of_jobs = processes(), []
        for pid in descendants(os.getpid()):
            try:
                environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
            except OSError:
                continue
            if f"\0SLURMD_NODENAME={node}\0".encode() in b"\0" + environment + b"\0":
                of_jobs.append(pid)
        stepds = {parents[pid] for pid in of_jobs if parents.get(pid) not in of_jobs}
        daemon = self.daemons.pop(node)
        for pid in (daemon.pid, *(stepds - {os.getpid(), daemon.pid}), *of_jobs):  # who could tell of it goes first
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        daemon.wait()

    def run(self, *command, **options):
        """A command of Slurm's, or any other, that talks to this cluster. The finished process."""
        options.setdefault("timeout", 120)
        options.setdefault("env", self.environment)
        return subprocess.run([str(word) for word in command], text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def check(self, *command, **options):
        """Run it; it must succeed. What it said."""
        result = self.run(*command, **options)
        if result.returncode != 0:
            raise AssertionError(f"{command}: exit code {result.returncode}\n{result.stdout}{result.stderr}")
        return result.stdout

    def exit_code(self, job):
        """"CODE:SIGNAL" of a job that is through."""
        return self.check("scontrol", "show", "job", job).partition("ExitCode=")[2].split()[0]

    def queue(self):
        """Job or task ("7_2"; "7" where it is not of an array) -> (name, state), of what is not through."""
        listed = self.check("squeue", "--noheader", "--array", "--format=%i|%j|%T")
        return {row[0]: tuple(row[1:]) for row in (line.split("|") for line in listed.splitlines())}

    def wait_for(self, condition, what, seconds=120):
        end = time.monotonic() + seconds
        while not condition():
            for name, process in self.daemons.items():
                if process.poll() is not None:
                    raise AssertionError(f"{name} ended with {process.returncode}\n{self.logs()}")
            if time.monotonic() > end:
                raise AssertionError(f"waited {seconds} s for {what}\n{self.logs()}")
            time.sleep(0.1)

    def logs(self):
        """The last lines of every log, for a failure's message."""
        text = []
        for path in sorted(self.folder.glob("*.out")):
            lines = path.read_text(errors="replace").splitlines()
            text += [f"-- {path.name}", *lines[-25:]]
        return "\n".join(text)
