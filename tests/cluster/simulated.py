"""A real Slurm on this one machine, in a folder of its own.

One controller with accounting and two nodes, each with two GPUs to give away that are copies of
the null device. Every daemon listens to this machine alone, but for slurmdbd, which cannot. What is
started here is stopped here, by its process id. Needs root, and the packages that
``make test-cluster`` installs.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tailbench.pipeline.runtime.locks import acquire

__all__ = ["Slurm", "lacking", "processes", "wait_for"]

COMMANDS = ["munged", "slurmctld", "slurmd", "sbatch", "slurmdbd", "mariadbd", "mariadb-install-db"]
ETC = Path("/etc/slurm")
"""Where jobs read it: Snakemake's plugin takes SLURM_CONF out of their environment."""
MARK = "# Made by tailbench's tests in "
LOCK = Path(tempfile.gettempdir()) / "tailbench-slurm.lock"
NODES = ("n1", "n2")
PDEATHSIG = 1  # of prctl, in linux/prctl.h
CPUS, MEMORY, GPUS = 16, 32000, 2  # of a node, as it claims


def lacking() -> str | None:
    """Say why there can be no Slurm here, if so."""
    missing = [name for name in COMMANDS if shutil.which(name, path=_path()) is None]
    if missing:
        return f"Slurm is not installed ({', '.join(missing)} not found): `make test-cluster`"
    if os.geteuid() != 0:
        return "only root can start a Slurm of several nodes on one machine"
    held = acquire(LOCK)
    if held is None:
        return "the tests of another session have theirs at present"
    os.close(held)
    for file in ("slurm.conf", "slurmdbd.conf"):
        path = ETC / file
        if path.exists() and not path.read_text().startswith(MARK):
            return f"{path} belongs to another Slurm"
    return None


def wait_for(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not after {seconds:g} s")
        time.sleep(0.1)


def processes() -> Iterator[tuple[int, int, str]]:
    """Give process id, parent and command line of every process that is not a zombie."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent = entry.joinpath("stat").read_text().rsplit(")", 1)[1].split()[:2]
                if state != "Z":
                    command = entry.joinpath("cmdline").read_bytes().replace(b"\0", b" ")
                    yield int(entry.name), int(parent), command.decode(errors="replace").strip()


class Slurm:
    """The cluster, while it is entered.

    Args:
        folder: Where everything is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemons: dict[str, int] = {}
        self.port = _free_ports(12)
        self.host = socket.gethostname().split(".")[0]

    def __enter__(self) -> Slurm:
        self.lock = acquire(LOCK)
        if self.lock is None:
            raise RuntimeError("another session has a Slurm on this machine")
        for name in ("log", "run", "control", "dev", "database", "munge", *NODES):
            (self.folder / name).mkdir(mode=0o755, parents=True)
        self.folder.chmod(0o755)
        try:
            self._configure()
            self._munge()
            self._accounting()
            self.start_controller()
            self.command("sacctmgr -i add account tests cluster=tests")
            self.command(
                "sacctmgr -i add user root account=tests cluster=tests defaultaccount=tests"
            )
            for node in NODES:
                self.start_node(node)
            wait_for(lambda: set(self.states().values()) == {"idle"}, 60, "nodes that are ready")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # What tests do to it.

    def command(self, line: str, check: bool = True) -> str:
        """Run a command of Slurm's, which may not take long."""
        done = subprocess.run(
            line.split(), env=_environment(), capture_output=True, text=True, timeout=60
        )
        if check and done.returncode:
            raise RuntimeError(f"{line}: {done.stderr.strip()}")
        return done.stdout.strip()

    def states(self) -> dict[str, str]:
        """Map nodes to their states."""
        lines = self.command("sinfo -N -h -p cpu -o %N|%T", check=False).splitlines()
        return dict(line.split("|") for line in lines)

    def jobs(self, *states: str) -> dict[str, str]:
        """Map jobs, of the given states or all, to what Snakemake calls them."""
        wanted = f" -t {','.join(states)}" if states else " -t all"
        lines = self.command(f"squeue -h -o %A|%k{wanted}", check=False).splitlines()
        return dict(line.split("|", 1) for line in lines)

    def show(self, job: str) -> dict[str, str]:
        """Give what the controller knows of a job."""
        text = self.command(f"scontrol -o show job {job}", check=False)
        return dict(part.partition("=")[::2] for part in text.split(" ") if "=" in part)

    def start_controller(self) -> None:
        """Start the controller."""
        self._daemon("slurmctld", f"slurmctld -D -f {ETC}/slurm.conf")
        wait_for(lambda: "UP" in self.command("scontrol ping", check=False), 60, "the controller")

    def start_node(self, node: str) -> None:
        """Start a node."""
        self._daemon(node, f"slurmd -D -f {ETC}/slurm.conf -N {node}")

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send a signal to a daemon, and wait for its end."""
        pid = self.daemons.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)

    def break_node(self, node: str) -> None:
        """Let a node die as a machine does: its daemon at once, and all that it runs."""
        pids = [self.daemons[node], *self._steps(node)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.kill(node)

    def check(self) -> None:
        """Raise an error if a daemon has ended by itself."""
        for name, pid in self.daemons.items():
            if not Path(f"/proc/{pid}/exe").exists():
                output = self.folder / "log" / f"{name}.out"
                said = output.read_text(errors="replace").splitlines()[-5:]
                raise RuntimeError(f"{name} has ended by itself; it said last: {said}")

    def stop(self) -> None:
        """Cancel what runs, stop what was started, and remove the configuration."""
        if "slurmctld" in self.daemons:
            self.command("scancel -u root", check=False)
            with contextlib.suppress(TimeoutError):
                wait_for(lambda: not self.jobs("R", "PD", "CG"), 20, "the end of all jobs")
        for node in NODES:
            for pid in self._steps(node):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for name in reversed(list(self.daemons)):
            self.kill(name, signal.SIGTERM)
        for file in ("slurm.conf", "gres.conf", "cgroup.conf", "slurmdbd.conf"):
            path = ETC / file
            if path.exists() and path.read_text().startswith(MARK):
                path.unlink()
        os.close(self.lock)

    # How it is made.

    def _daemon(self, name: str, line: str) -> None:
        with (self.folder / "log" / f"{name}.out").open("ab") as output:
            self.daemons[name] = subprocess.Popen(
                line.split(),
                env=_environment(),
                cwd=self.folder,  # where a daemon that crashes leaves its memory
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # also if the tests are killed
            ).pid

    def _steps(self, node: str) -> list[int]:
        """List the processes of the jobs of a node."""
        everything = list(processes())
        jobs = {
            path.name.removeprefix(f"{node}_").split(".")[0]
            for path in (self.folder / node).glob(f"{node}_*.*")
        }
        found = [
            pid
            for pid, _, line in everything
            if any(line.startswith(f"slurmstepd: [{job}.") for job in jobs)
        ]
        for pid in found:  # which grows
            found += [child for child, parent, _ in everything if parent == pid]
        return found

    def _munge(self) -> None:
        munge = self.folder / "munge"
        (munge / "key").write_bytes(secrets.token_bytes(128))
        (munge / "key").chmod(0o400)
        files = f"--key-file={munge}/key --log-file={munge}/log --seed-file={munge}/seed"
        self._daemon(
            "munged",
            f"munged -F --socket={munge}/socket --pid-file={munge}/pid {files} --num-threads=4",
        )
        wait_for((munge / "socket").exists, 20, "munge")

    def _accounting(self) -> None:
        database = self.folder / "database"
        small = "--innodb-log-file-size=8M --innodb-buffer-pool-size=64M"
        self.command(
            f"mariadb-install-db --no-defaults --user=root --datadir={database}/data {small} "
            "--auth-root-authentication-method=normal --skip-test-db"
        )
        sql = database / "init.sql"
        sql.touch(mode=0o600)
        sql.write_text(
            "CREATE DATABASE accounting;\n"
            f"CREATE USER 'slurm'@'127.0.0.1' IDENTIFIED BY '{self.password}';\n"
            "GRANT ALL ON accounting.* TO 'slurm'@'127.0.0.1';\n"
        )
        self._daemon(
            "mariadbd",
            f"mariadbd --no-defaults --user=root --datadir={database}/data {small} "
            f"--bind-address=127.0.0.1 --port={self.port + 2} --socket={database}/socket "
            f"--pid-file={database}/pid --init-file={sql} --skip-name-resolve "
            "--innodb-lock-wait-timeout=900",
        )
        wait_for((database / "socket").exists, 60, "the database")
        self._daemon("slurmdbd", "slurmdbd -D")
        listed = "sacctmgr -n -P show cluster"
        wait_for(lambda: _succeeds(listed), 60, "the accounting")
        self.command("sacctmgr -i add cluster tests")

    def _configure(self) -> None:
        self.password = secrets.token_hex(16)
        for gpu in range(GPUS):
            # Slurm does not count a GPU without a device: each gets a copy of the null device.
            os.mknod(self.folder / "dev" / f"gpu{gpu}", 0o20666, os.makedev(1, 3))
        socket_ = self.folder / "munge" / "socket"
        nodes = "\n".join(
            f"NodeName={node} NodeHostname={self.host} NodeAddr=127.0.0.1 Port={self.port + 4 + i} "
            f"CPUs={CPUS} RealMemory={MEMORY} Gres=gpu:{GPUS} State=UNKNOWN"
            for i, node in enumerate(NODES)
        )
        every = ",".join(NODES)
        files = {
            "slurm.conf": f"""
ClusterName=tests
SlurmctldHost={self.host}(127.0.0.1)
SlurmctldPort={self.port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={socket_}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={self.folder}/control
SlurmdSpoolDir={self.folder}/%n
SlurmctldPidFile={self.folder}/run/slurmctld.pid
SlurmdPidFile={self.folder}/run/%n.pid
SlurmctldLogFile={self.folder}/log/slurmctld.log
SlurmdLogFile={self.folder}/log/%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
EnforcePartLimits=ALL
SchedulerParameters=bf_interval=2,batch_sched_delay=0
ReturnToService=2
SlurmdTimeout=10
KillWait=5
MinJobAge=600
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={self.port + 1}
AccountingStoragePass={socket_}
AccountingStorageTRES=gres/gpu
AccountingStoreFlags=job_comment
{nodes}
PartitionName=cpu Nodes={every} Default=YES MaxTime=120 State=UP PriorityTier=10 PreemptMode=OFF
PartitionName=gpu Nodes={every} MaxTime=120 State=UP PriorityTier=10 PreemptMode=OFF
PartitionName=low Nodes={every} MaxTime=120 State=UP PriorityTier=1 GraceTime=30
""",
            "gres.conf": "\n".join(
                f"NodeName={node} Name=gpu File={self.folder}/dev/gpu[0-{GPUS - 1}]"
                for node in NODES
            ),
            # No cgroups: they would be looked for over D-Bus.
            "cgroup.conf": "CgroupPlugin=cgroup/v1",
            "slurmdbd.conf": f"""
AuthType=auth/munge
AuthInfo=socket={socket_}
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={self.port + 1}
SlurmUser=root
LogFile={self.folder}/log/slurmdbd.log
PidFile={self.folder}/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={self.port + 2}
StorageUser=slurm
StoragePass={self.password}
StorageLoc=accounting
""",
        }
        ETC.mkdir(exist_ok=True)
        for name, text in files.items():
            path = ETC / name
            path.unlink(missing_ok=True)
            path.touch(mode=0o600 if name == "slurmdbd.conf" else 0o644)
            path.write_text(f"{MARK}{self.folder}\n{text.strip()}\n")


def _end_with_parent() -> None:
    """Let the kernel end this process when its parent has ended."""
    ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGTERM)


def _path() -> str:
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": _path(), "SLURM_CONF": str(ETC / "slurm.conf")}


def _succeeds(line: str) -> bool:
    done = subprocess.run(line.split(), env=_environment(), capture_output=True, timeout=60)
    return done.returncode == 0


def _free_ports(count: int) -> int:
    """Give the first of some ports in a row that nobody listens to."""
    for first in range(16810, 30000, count):
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            for port in range(first, first + count):
                made = stack.enter_context(socket.socket())
                made.bind(("127.0.0.1", port))
            return first
    raise RuntimeError("no free ports")
