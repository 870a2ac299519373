"""A real Slurm on this machine, for the duration of a benchmark or a test.

It has a controller, one node and their authentication, on the loopback interface, with its own
ports, folders and key. Any user may start it, also beside another Slurm; it leaves no files.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

SECONDS_TO_START = 60.0
SECONDS_TO_END = 30.0
SECONDS_BETWEEN_LOOKS = 0.2

CONFIGURATION = """\
ClusterName=here
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={controller_port}
SlurmdPort={node_port}
AuthType=auth/munge
# A job that is queued again waits as long as its credential lasts: 2 minutes by default.
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin={task_plugin}
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
ReturnToService=2
JobRequeue=0
MaxArraySize=2
KillWait=2
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs={processors} RealMemory=1000 State=UNKNOWN
SchedulerParameters=sched_interval=1,bf_interval=1
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=closed Nodes=ALL MaxTime=INFINITE State=DOWN
"""


@contextmanager
def slurm_here(processors: int, bound: bool) -> Iterator[dict[str, str]]:
    """Start Slurm, yield the environment variables for its programs, and end it with all jobs.

    The node announces this number of processors. With `bound`, each task is bound to its own
    processor, which must exist. Arrays of more than two tasks are refused. Jobs start in the
    partition ``main``, and wait without end in ``closed``.
    """
    with tempfile.TemporaryDirectory(prefix="slurm-") as name, ExitStack() as running:
        folder = Path(name)
        folder.chmod(0o755)  # all users must reach the socket of munged, but not the key
        written = CONFIGURATION.format(
            folder=folder,
            host=socket.gethostname().partition(".")[0],
            user=getpass.getuser(),
            controller_port=_free_port(),
            node_port=_free_port(),
            task_plugin="task/affinity" if bound else "task/none",
            processors=processors,
        )
        (folder / "slurm.conf").write_text(written, encoding="utf-8")
        for part in ("state", "spool"):
            (folder / part).mkdir()
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "SBATCH_"))}
        environment = {**kept, "SLURM_CONF": str(folder / "slurm.conf")}
        subprocess.run([_program("mungekey"), "-c", "-k", folder / "munge.key"], check=True)
        files = ("key-file", "pid-file", "log-file", "seed-file")
        munged = [f"--{file}={folder}/munge.{file.partition('-')[0]}" for file in files]
        munged += [f"--socket={folder}/munge.socket", "--foreground"]
        for program, words in (("munged", munged), ("slurmctld", ["-D", "-i"]), ("slurmd", ["-D"])):
            running.enter_context(_running([_program(program), *words], environment, folder))
            if program == "munged":
                _wait(lambda: (folder / "munge.socket").exists(), folder, SECONDS_TO_START)
        _wait(lambda: _output(environment, "sinfo", "-h", "-o", "%T") == "idle", folder)
        try:
            yield environment
        finally:
            subprocess.run(["scancel", f"--user={getpass.getuser()}"], env=environment, check=False)
            _wait(lambda: _output(environment, "squeue", "-h") == "", folder, SECONDS_TO_END)


@contextmanager
def _running(command: list[str], environment: Mapping[str, str], folder: Path) -> Iterator[None]:
    """Run a program during the block."""
    with (folder / f"{Path(command[0]).name}.out").open("w") as out:
        process = subprocess.Popen(
            command, env=environment, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _output(environment: Mapping[str, str], *command: str) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else done.stderr


def _wait(is_done: Callable[[], bool], folder: Path, seconds: float = SECONDS_TO_START) -> None:
    """Wait for a condition; raise RuntimeError with the logs of the daemons after a timeout."""
    last = time.monotonic() + seconds
    while not is_done():
        if time.monotonic() > last:
            logs = [*sorted(folder.glob("*.log")), *sorted(folder.glob("*.out"))]
            tails = [f"{log.name}: {log.read_text(errors='replace')[-1000:]}" for log in logs]
            raise RuntimeError(
                "Slurm on this machine did not react in time; its logs:\n" + "\n".join(tails)
            )
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _program(name: str) -> str:
    """Return the path of a program; Debian has some only in the folders of administrators."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        raise RuntimeError(f"{name} is not installed; make venv installs it")
    return found


def _free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])
