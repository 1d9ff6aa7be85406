"""Runs steps and starts processes: the only module of the package that changes the machine."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ServerError
from harness.host import StartTime, is_same_process, process_start_time
from harness.lifecycle.steps import Step
from harness.servers import RequestTimeouts, fetch

CHECK_TIMEOUT_S = 20.0
MAX_TAIL_CHARS = 400
RETRY_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A process that the run started, as the state file holds it; PID and start time identify it after a crash."""

    description: str
    pid: int
    started_at: StartTime
    log: str

    @property
    def is_running(self) -> bool:
        """Whether it still runs."""
        return is_same_process(self.pid, self.started_at)


def run_step(step: Step, timeout_s: float) -> None:
    """Run a step to its end. Raises ServerError if it fails, with the end of its output or of the response."""
    if not step.command:
        _send(step, timeout_s)
        return
    code, output = _run_command(step, timeout_s)
    if code != 0:
        message = f"{step.description}: `{shlex.join(step.command)}` exited with {code}"
        raise ServerError(f"{message}: {output}" if output else message)


def retry_step(step: Step, timeout_s: float, retry_s: float) -> None:
    """Run a step and repeat it for `retry_s` while it fails.

    `launchctl bootstrap` fails with "5: Input/output error" while the job that was booted out has not ended yet.
    """
    deadline_s = time.monotonic() + retry_s
    while True:
        try:
            run_step(step, timeout_s)
        except ServerError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(min(RETRY_PAUSE_S, retry_s / 10))
        else:
            return


def succeeds(step: Step) -> bool:
    """Whether a command that only checks something exits with 0. Raises ServerError if there is no such command."""
    return _run_command(step, CHECK_TIMEOUT_S)[0] == 0


def start_process(step: Step, log: Path) -> tuple[ServerProcess, subprocess.Popen[bytes]]:
    """Start a process with its output in `log`. Returns it for the state file and as a child. Raises ServerError.

    It gets a session of its own: Ctrl-C in the terminal reaches the run only, which then terminates its servers
    cleanly.
    """
    try:
        with log.open("wb") as out:
            child = subprocess.Popen(
                step.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
    except OSError as error:
        raise ServerError(
            f"{step.description}: `{step.command[0]}` cannot be started: {error.strerror}",
            fix="correct lifecycle.start in the config",
        ) from error
    # A process that has already ended has no start time; the current time will not match any process, as intended.
    started_at = process_start_time(child.pid) or time.time()
    # Absolute: the next start reads it in the state file, maybe in another folder.
    return ServerProcess(step.description, child.pid, started_at, str(log.absolute())), child


def read_log_tail(path: Path) -> str:
    """Return the end of a log on one line."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return " ".join(text.split())[-MAX_TAIL_CHARS:]


def _run_command(step: Step, timeout_s: float) -> tuple[int, str]:
    """Run a command; returns its exit code and the end of its output.

    The output goes to a file: a daemon that the command leaves running would keep a pipe open.
    """
    with tempfile.TemporaryFile() as out:
        try:
            done = subprocess.run(
                step.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=timeout_s, check=False
            )
        except FileNotFoundError as error:
            message = f"{step.description}: command {step.command[0]!r} not found"
            raise ServerError(message, fix="correct it in the config") from error
        except PermissionError as error:
            message = f"{step.description}: {step.command[0]!r} is not executable"
            raise ServerError(message, fix="make it executable") from error
        except OSError as error:
            message = f"{step.description}: {step.command[0]!r} cannot be executed: {error.strerror}"
            raise ServerError(message, fix="correct it in the config") from error
        except subprocess.TimeoutExpired as error:
            message = f"{step.description}: `{shlex.join(step.command)}` did not end within {timeout_s:.0f} s"
            raise ServerError(message) from error
        out.seek(0)
        return done.returncode, " ".join(out.read().decode("utf-8", "replace").split())[-MAX_TAIL_CHARS:]


def _send(step: Step, timeout_s: float) -> None:
    api_key = os.environ.get(step.key_env) if step.key_env else None
    timeouts = RequestTimeouts(request_s=timeout_s)
    reply = fetch(step.method or "GET", step.url or "", api_key, dict(step.body) or None, timeouts)
    if reply.has_error or not 200 <= reply.status < 300:
        text = " ".join(reply.text.split())[:MAX_TAIL_CHARS]
        raise ServerError(f"{step.description}: {step.method} {step.url} answers HTTP {reply.status}: {text}")
