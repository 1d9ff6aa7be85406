"""Where no engine answers: install Debian's and start it, or say which command does so on this machine.

Only on Linux, only as root, only with apt, and never when LANEBENCH_NO_INSTALL is set.
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

LOG = Path("/var/log/lanebench-dockerd.log")
_SERVICE_S = 10.0
_ANSWER_S = 90.0

Run = Callable[[Sequence[str]], None]
"""Runs a command to its end; raises EngineError with its last words when it fails."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What decides: the system, who runs the kit, what is there, and how commands are run and daemons started."""

    system: str
    root: bool
    refused: bool
    commands: frozenset[str]
    service_manager: bool
    run: Run
    start: Callable[[Sequence[str], Path], None]
    pause: Callable[[float], None]


def run_command(words: Sequence[str]) -> None:
    """Run a command quietly; raises EngineError with the end of what it said when it fails."""
    env: Mapping[str, str] = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False, env=env)
    if done.returncode != 0:
        tail = " / ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-4:])
        raise EngineError(f"`{' '.join(words)}` failed ({done.returncode}): {tail}")


def start_daemon(words: Sequence[str], log: Path) -> None:
    """Start a program that outlives the kit: a session of its own, its words in a log of its own."""
    with log.open("ab") as file:
        subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)


def this_machine() -> Machine:
    """This machine's facts that decide whether an engine can be installed."""
    there = frozenset(name for name in ("apt-get", "dockerd", "colima", "brew") if shutil.which(name))
    return Machine(
        system=sys.platform,
        root=hasattr(os, "geteuid") and os.geteuid() == 0,
        refused=bool(os.environ.get("LANEBENCH_NO_INSTALL")),
        commands=there,
        service_manager=Path("/run/systemd/system").is_dir(),
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
    sudo = "" if machine.root else "sudo "
    if "dockerd" in machine.commands:
        return f"start it: `{sudo}service docker start`, and see that you may use it (`sudo usermod -aG docker $USER`)"
    if "apt-get" in machine.commands:
        return f"install it: `{sudo}apt-get install docker.io`"
    return "install Docker or Podman with this system's packages and start it"


def _wait(machine: Machine, answers: Callable[[], bool], seconds: float) -> bool:
    for _ in range(int(seconds / 0.5)):
        if answers():
            return True
        machine.pause(0.5)
    return False


def _last_words(log: Path) -> str:
    try:
        return " / ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-3:])
    except OSError:
        return "it left no log"


def install_engine(machine: Machine, say: Callable[[str], None], answers: Callable[[], bool]) -> None:
    """Make an engine answer on this machine, or raise EngineError with the command that does."""
    allowed = machine.system == "linux" and machine.root and not machine.refused
    if not allowed or not machine.commands & {"apt-get", "dockerd"}:
        why = " (LANEBENCH_NO_INSTALL is set)" if machine.refused else ""
        raise EngineError(
            f"no container engine answers{why}: {engine_advice(machine)}; then run the same command again"
        )
    refuse = "set LANEBENCH_NO_INSTALL=1 to refuse"
    if "dockerd" in machine.commands:
        say(f"No container engine answers: starting dockerd in the background, log {LOG} ({refuse}).")
    else:
        say(f"No container engine answers: installing Debian's docker.io and starting dockerd, log {LOG} ({refuse}).")
        machine.run(["apt-get", "update", "-qq"])
        machine.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "docker.io"])
        if machine.service_manager and _wait(machine, answers, _SERVICE_S):
            return
    machine.start(["dockerd"], LOG)
    if not _wait(machine, answers, _ANSWER_S):
        raise EngineError(f"dockerd does not answer {_ANSWER_S:.0f} s after its start: {_last_words(LOG)}; see {LOG}")
