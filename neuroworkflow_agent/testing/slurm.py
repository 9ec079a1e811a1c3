"""A real Slurm with one node on this machine, as whoever starts it: for tests, and for a look.

`Slurm` owns munged, slurmctld and slurmd, and whatever jobs they started, from entering its context to leaving it. Everything it
writes lies below its home; no systemd and no cgroups are needed. Needs Debian's package slurm-wlm.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

import psutil

from neuroworkflow_agent.testing.ports import free_port

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
_START_S = 60.0
_CPUS = 4

_CONFIG = """\
ClusterName=here
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={munge}
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd.pid
SlurmctldLogFile={home}/slurmctld.log
SlurmdLogFile={home}/slurmd.log
PlugStackConfig=/dev/null
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0
SlurmdParameters=config_overrides
KillWait=5
ReturnToService=2
JobRequeue=1
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""


def find(name: str) -> str | None:
    """Where one of Slurm's programs is; daemons are not on a user's PATH."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))


class Slurm:
    """A cluster of one node; use it as a context manager.

    Parameters
    ----------
    home
        Where everything it writes goes.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._processes: list[subprocess.Popen[bytes]] = []
        # A socket's path may have 107 bytes.
        self._sockets = Path(tempfile.mkdtemp(prefix="munge-"))

    @property
    def environ(self) -> dict[str, str]:
        """What leads Slurm's commands to it."""
        return {"SLURM_CONF": str(self.home / "slurm.conf")}

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            self.run("scancel", "--state=PENDING", f"--user={getpass.getuser()}")
        children: list[psutil.Process] = []
        for process in self._processes:
            with contextlib.suppress(psutil.Error):
                children += psutil.Process(process.pid).children(recursive=True)
        for process in reversed(self._processes):
            process.terminate()
        for process in reversed(self._processes):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._kill([*children, *self._steps()])
        shutil.rmtree(self._sockets, ignore_errors=True)

    def run(self, *command: str) -> str:
        """Standard output of one of Slurm's commands."""
        environ = {**os.environ, **self.environ}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout

    def _start(self) -> None:
        munge, key = self._sockets / "socket", self.home / "munge.key"
        for name in ("state", "spool"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        text = _CONFIG.format(
            host=socket.gethostname().split(".")[0], control_port=free_port(), node_port=free_port(), cpus=_CPUS,
            user=getpass.getuser(), munge=munge, home=self.home,
        )  # fmt: skip
        (self.home / "slurm.conf").write_text(text)
        files = [
            f"--{name}={self.home}/munge.{end}"
            for name, end in (("log-file", "log"), ("pid-file", "pid"), ("seed-file", "seed"))
        ]
        self._daemon("munged", "--foreground", "--force", f"--socket={munge}", f"--key-file={key}", *files)
        self._until(munge.exists)
        self._daemon("slurmctld", "-D", "-i", "-f", str(self.home / "slurm.conf"))
        self._daemon("slurmd", "-D", "-f", str(self.home / "slurm.conf"))
        self._until(lambda: "idle" in self.run("sinfo", "--noheader", "--format=%T"))

    def _daemon(self, name: str, *arguments: str) -> None:
        program = find(name)
        assert program, name
        said = (self.home / f"{name}.out").open("wb")
        with said:
            process = subprocess.Popen(
                [program, *arguments], env={**os.environ, **self.environ}, stdin=subprocess.DEVNULL, stdout=said,
                stderr=said, cwd=self.home,
            )  # fmt: skip
        self._processes.append(process)

    def _until(self, holds: object) -> None:
        deadline = time.monotonic() + _START_S
        while True:
            with contextlib.suppress(subprocess.SubprocessError):
                if callable(holds) and holds():
                    return
            if dead := [process for process in self._processes if process.poll() is not None]:
                raise RuntimeError(
                    f"{dead[0].args!r} ended with {dead[0].returncode}; its log is in '{self.home}'."
                )
            if time.monotonic() > deadline:
                raise TimeoutError(f"Slurm did not start; its logs are in '{self.home}'.")
            time.sleep(0.1)

    def _steps(self) -> list[psutil.Process]:
        """Processes of jobs that are left; they have no parent of ours."""
        conf = str(self.home / "slurm.conf")
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.name() == "slurmstepd" and process.environ().get("SLURM_CONF") == conf:
                    found += [process, *process.children(recursive=True)]
        return found

    def _kill(self, processes: list[psutil.Process]) -> None:
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(processes, timeout=10)
