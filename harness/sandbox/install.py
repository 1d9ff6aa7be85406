"""If no engine answers: install Debian's and start it, or tell which command does so on this machine.

`install_engine` is the entry point. It acts only on Linux, as root, with apt, and never when LANEBENCH_NO_INSTALL is
set; everywhere else it raises EngineError whose fix is the command for this machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import EngineError
from harness.types import Log

DAEMON_LOG = Path("/var/log/lanebench-dockerd.log")

_SERVICE_START_S = 10.0
_DAEMON_START_S = 90.0
_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Machine:
    """What decides whether an engine can be installed, and how commands are run and daemons started.

    `run` runs a command to its end and raises EngineError when it fails; `start` starts a daemon with its log.
    """

    system: str
    is_root: bool
    is_install_refused: bool
    commands: frozenset[str]
    has_service_manager: bool
    run: Callable[[Sequence[str]], None]
    start: Callable[[Sequence[str], Path], None]
    pause: Callable[[float], None]


def run_command(words: Sequence[str]) -> None:
    """Run a command without showing its output. Raises EngineError with the end of its output when it fails."""
    env: Mapping[str, str] = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False, env=env)
    if done.returncode != 0:
        tail = " / ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-4:])
        raise EngineError(f"`{' '.join(words)}` failed ({done.returncode}): {tail}")


def start_daemon(words: Sequence[str], log_path: Path) -> None:
    """Start a program that outlives the kit, in a session of its own, with its output in a log.

    A shell starts it and exits immediately, so that it becomes a child of init and not of the kit: nobody here would
    wait for it (a zombie when it ends), and a Popen object that is dropped while its child runs emits a
    ResourceWarning.
    """
    with log_path.open("ab") as file:
        subprocess.run(
            ["sh", "-c", '"$@" &', "sh", *words],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
            check=False,
        )


def this_machine() -> Machine:
    """This machine's facts that decide whether an engine can be installed."""
    return Machine(
        system=sys.platform,
        is_root=hasattr(os, "geteuid") and os.geteuid() == 0,
        is_install_refused=bool(os.environ.get("LANEBENCH_NO_INSTALL")),
        commands=frozenset(name for name in ("apt-get", "dockerd", "colima", "brew") if shutil.which(name)),
        has_service_manager=Path("/run/systemd/system").is_dir(),
        run=run_command,
        start=start_daemon,
        pause=time.sleep,
    )


def engine_advice(machine: Machine) -> str:
    """What the user does on this machine so that an engine answers."""
    if machine.system == "darwin":
        start = "`colima start`" if "colima" in machine.commands else "`brew install colima docker && colima start`"
        return f"start Docker Desktop (`open -a Docker`) or OrbStack (`open -a OrbStack`), or {start}"
    if machine.system != "linux":
        return "start a Docker engine and name it in DOCKER_HOST"
    sudo = "" if machine.is_root else "sudo "
    if "dockerd" in machine.commands:
        return f"start it with `{sudo}service docker start`; you need access to it (`sudo usermod -aG docker $USER`)"
    if "apt-get" in machine.commands:
        return f"install one with `{sudo}apt-get install docker.io`"
    return "install Docker or Podman with this system's packages and start it"


def install_engine(machine: Machine, log: Log, answers: Callable[[], bool]) -> None:
    """Make an engine answer on this machine. Raises EngineError, with the command that the user runs as its fix."""
    may_install = machine.system == "linux" and machine.is_root and not machine.is_install_refused
    if not may_install or not machine.commands & {"apt-get", "dockerd"}:
        reason = " (LANEBENCH_NO_INSTALL is set)" if machine.is_install_refused else ""
        fix = f"{engine_advice(machine)}, then run the same command again"
        raise EngineError(f"no container engine answers{reason}", fix=fix)
    how_to_refuse = "set LANEBENCH_NO_INSTALL=1 to refuse"
    if "dockerd" in machine.commands:
        log(f"No container engine answers: starting dockerd in the background, log {DAEMON_LOG} ({how_to_refuse}).")
    else:
        log(
            f"No container engine answers: installing Debian's docker.io and starting dockerd, log {DAEMON_LOG} "
            f"({how_to_refuse})."
        )
        machine.run(["apt-get", "update", "-qq"])
        machine.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "docker.io"])
        # Debian's package starts the daemon itself if a service manager runs.
        if machine.has_service_manager and _wait(machine, answers, _SERVICE_START_S):
            return
    machine.start(["dockerd"], DAEMON_LOG)
    if not _wait(machine, answers, _DAEMON_START_S):
        message = f"dockerd does not answer {_DAEMON_START_S:.0f} s after its start: {_last_lines(DAEMON_LOG)}"
        raise EngineError(message, fix=f"see {DAEMON_LOG}")


def _wait(machine: Machine, answers: Callable[[], bool], seconds: float) -> bool:
    for _ in range(int(seconds / _POLL_S)):
        if answers():
            return True
        machine.pause(_POLL_S)
    return False


def _last_lines(path: Path) -> str:
    try:
        return " / ".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-3:])
    except OSError:
        return "it left no log"
