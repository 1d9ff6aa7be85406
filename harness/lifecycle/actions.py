"""Does the steps: commands, requests, processes that stay. The only place that changes the machine."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ServerError
from harness.host import is_same_process, process_start_time
from harness.lifecycle.steps import Step
from harness.record import Client, Timeouts
from harness.servers import fetch

CHECK_S = 20.0
TAIL_CHARS = 400


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A process that the kit started: known again after a crash by its number and when it began."""

    what: str
    pid: int
    began: float
    log: str


def tail_of(path: Path) -> str:
    """The end of a log on one line."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return " ".join(text.split())[-TAIL_CHARS:]


def _run(step: Step, wait_s: float) -> tuple[int, str]:
    """Exit code and the end of the output. A file takes the output: what a command leaves running would hold a pipe."""
    with tempfile.TemporaryFile() as out:
        try:
            done = subprocess.run(
                step.words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=wait_s, check=False
            )
        except FileNotFoundError as error:
            raise ServerError(
                f"{step.what}: there is no command {step.words[0]!r}: correct it in the config"
            ) from error
        except PermissionError as error:
            raise ServerError(f"{step.what}: {step.words[0]!r} may not be run: make it executable") from error
        except subprocess.TimeoutExpired as error:
            raise ServerError(f"{step.what}: `{shlex.join(step.words)}` did not end in {wait_s:.0f} s") from error
        out.seek(0)
        return done.returncode, " ".join(out.read().decode("utf-8", "replace").split())[-TAIL_CHARS:]


def works(step: Step) -> bool:
    """Whether a command that only looks ends with 0. Raises ServerError when there is no such command."""
    return _run(step, CHECK_S)[0] == 0


def _request(step: Step, wait_s: float) -> None:
    secret = os.environ.get(step.key_env) if step.key_env else None
    with Client(Timeouts(connect_s=5.0, request_s=wait_s)) as client:
        reply = fetch(client, step.method or "GET", step.url or "", secret, dict(step.body) or None)
    if not 200 <= reply.status < 300:
        said = " ".join(reply.text.split())[:TAIL_CHARS]
        raise ServerError(f"{step.what}: {step.method} {step.url} answers HTTP {reply.status}: {said}")


def do(step: Step, wait_s: float) -> None:
    """Do one step to its end. Raises ServerError that says what failed and how."""
    if not step.words:
        _request(step, wait_s)
        return
    code, said = _run(step, wait_s)
    if code != 0:
        raise ServerError(f"{step.what}: `{shlex.join(step.words)}` ended with {code}" + (f": {said}" if said else ""))


def do_until(step: Step, wait_s: float, again_s: float) -> None:
    """Do a step, and again for `again_s` while it fails: launchd refuses a service that has not quite ended."""
    until = time.monotonic() + again_s
    while True:
        try:
            do(step, wait_s)
        except ServerError:
            if time.monotonic() > until:
                raise
            time.sleep(min(1.0, again_s / 10))
        else:
            return


def spawn(step: Step, log: Path) -> tuple[ServerProcess, subprocess.Popen[bytes]]:
    """Start a process; its output goes to `log`. Returns it for the disk and for this program. Raises ServerError."""
    try:
        with log.open("wb") as out:
            process = subprocess.Popen(
                step.words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
    except OSError as error:
        raise ServerError(f"{step.what}: `{step.words[0]}` cannot be started: {error.strerror}") from error
    # A process that ends at once has no time of birth any more; now is as good, since nothing will match it.
    return ServerProcess(step.what, process.pid, process_start_time(process.pid) or time.time(), str(log)), process


def is_alive(spawned: ServerProcess) -> bool:
    """Whether a process that the kit started still runs."""
    return is_same_process(spawned.pid, spawned.began)
