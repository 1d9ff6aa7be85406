"""Runs one agent on one working tree: `run_agent` takes an `AgentJob` and gives an `AgentRun`.

The agent runs in a throwaway container without a network. Its one way out is the forwarder, which leads to a recording
proxy on this machine, and that to the model's server.
"""

from __future__ import annotations

import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from harness.agents import forwarder as frames
from harness.agents.catalog import HOME, fill
from harness.agents.gate import Gate
from harness.agents.job import AgentJob, AgentRun, RefusedConnections
from harness.agents.tunnel import Tunnel, job_of
from harness.apis import parse_object
from harness.errors import ConfigError, EngineError, LanebenchError, RunError
from harness.files import uninterrupted
from harness.proxy import ProxyHandle, ProxySettings, parse_target, serve
from harness.sandbox import WORK, Engine, StreamContainer, StreamContainerSpec
from harness.trees import FinalTree, pack_tree, read_tree
from harness.types import AgentEnd, Json

_FORWARDER = ("/usr/local/bin/lanebench-python", "-I", "-c", Path(frames.__file__).read_text(encoding="utf-8"))
"""As a text and not as a file of the image: a new forwarder would make all images anew."""
_FOLDERS = (WORK, "/tmp", HOME)  # noqa: S108
_START_S = 30.0
LIST_CUT = "list of left-out files cut off"
_KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
"""The exit code of a killed agent, and that of a shell that started it."""
_MAX_REASON_CHARS = 300


def run_agent(engine: Engine, image: str, labels: Mapping[str, str], job: AgentJob) -> AgentRun:
    """Run an agent in a container of its image to its end or to a limit. Raises EngineError, ConfigError, RunError.

    `labels` are those of `harness.sandbox.owner_labels`, so that a container outlives no kit. What the agent does
    wrong is in the record and raises nothing.
    """
    values = job.values(engine.architecture)
    command = [fill(word, values) for word in job.agent.command]
    environment = {name: fill(text, values) for name, text in job.agent.environment.items()}
    files = {path: fill(text, values) for path, text in job.agent.files.items()}
    base = (f"HOME={HOME}", "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1", "GIT_TERMINAL_PROMPT=0", "CI=1")
    spec = StreamContainerSpec(image, _FORWARDER, base, _FOLDERS, job.limits)
    stops: list[Tunnel] = []
    gate = Gate(job.agent.api, job.model, job.prefix, job.limits, lambda end: stops[0].stop(end))
    with recording_proxy(job, gate) as connect:
        container = StreamContainer(engine, spec, labels)
        try:
            tunnel = Tunnel(container, connect)
            stops.append(tunnel)
            text = job_of(command, environment, files, job.agent.transcript)
            seconds = tunnel.run(text, pack_tree(job.files), job.limits.clock_s)
            end = tunnel.end or _end(job, tunnel, container)
        finally:
            container.close()
    return _record(job, tunnel, gate, end, seconds)


@contextmanager
def recording_proxy(job: AgentJob, gate: Gate) -> Iterator[Callable[[], socket.socket]]:
    """A recording proxy before the model's server, in a thread; yields what connects to it.

    It has no address, so no other process of this machine can add to the recording.
    """
    parts = urlsplit(job.base_url)
    settings = ProxySettings(
        parse_target(f"{parts.scheme}://{parts.netloc}"), None, job.exchanges,
        api_key=job.api_key, summarizer=gate.count, admit=gate.admit,
    )  # fmt: skip
    thread = _ProxyThread(settings)
    try:
        thread.start()
        yield thread.wait_until_ready().connect
    finally:
        thread.stop()
    thread.raise_error()


class _ProxyThread:
    """The thread of a proxy. Whatever ends the wait for its start, `stop` ends it, also while it starts."""

    def __init__(self, settings: ProxySettings) -> None:
        self._settings = settings
        self._handle: ProxyHandle | None = None
        self._error: Exception | None = None
        self._is_ready, self._is_stopped = threading.Event(), threading.Event()
        # A daemon, so that a start that never ends, as on a lost network drive, does not keep the process.
        self._thread = threading.Thread(target=self._run, name="lanebench-agent-proxy", daemon=True)

    @uninterrupted()
    def start(self) -> None:
        # Interrupted while it begins, a thread does not count as alive yet, and `stop` would not wait for it.
        self._thread.start()

    def wait_until_ready(self) -> ProxyHandle:
        """The proxy, which takes requests now. Raises LanebenchError."""
        self._is_ready.wait(_START_S)
        self.raise_error()
        if self._handle is None:
            raise RunError(f"the recording proxy did not start within {_START_S:g} s")
        return self._handle

    def stop(self) -> None:
        """Stop the proxy and wait for its end; not for that of one that has not started in time."""
        self._is_stopped.set()
        if self._handle is not None:
            self._handle.stop()
        if self._thread.is_alive():
            self._thread.join(None if self._handle is not None else _START_S)

    def raise_error(self) -> None:
        """Raise what ended the proxy, as LanebenchError."""
        if isinstance(self._error, LanebenchError):
            raise self._error
        if self._error is not None:
            raise RunError(f"the recording proxy failed: {self._error!r}") from self._error

    def _run(self) -> None:
        try:
            serve(self._settings, lambda line: None, self._take)
        except Exception as error:  # noqa: BLE001 - raised again in the thread that waits
            self._error = error
        finally:
            self._is_ready.set()

    def _take(self, handle: ProxyHandle) -> None:
        # First kept, then looked whether it was stopped; `stop` does both the other way round, so that one of them
        # stops it.
        self._handle = handle
        if self._is_stopped.is_set():
            handle.stop()
        self._is_ready.set()


def _record(job: AgentJob, tunnel: Tunnel, gate: Gate, end: AgentEnd, seconds: float) -> AgentRun:
    ended = _ended(tunnel)
    return AgentRun(
        agent=job.agent.name,
        version=job.agent.version,
        model=job.model,
        end=end,
        exit_code=ended.get("exit_code") if end in ("exited", "gave_up") else None,
        exchanges=job.exchanges,
        turns=gate.turns,
        prompt_tokens=gate.prompt_tokens,
        generated_tokens=gate.generated_tokens,
        tree=final_tree(tunnel.bytes_of(frames.TREE), tunnel.bytes_of(frames.LEFT_OUT)),
        refused_connections=RefusedConnections(
            int(ended.get("no_route", 0)), int(ended.get("no_listener", 0)), gate.refused, tuple(gate.targets)
        ),
        began=tunnel.began,
        seconds=seconds,
        cpu_s=tunnel.cpu_s,
        left_processes=int(ended.get("left_processes", 0)) if tunnel.end is None else 0,
        stdout=tunnel.bytes_of(frames.STDOUT),
        stderr=tunnel.bytes_of(frames.STDERR),
        transcript=tunnel.bytes_of(frames.TRANSCRIPT),
    )


def _ended(tunnel: Tunnel) -> dict[str, Json]:
    """What the forwarder said at the agent's end; empty if it said nothing."""
    return parse_object(_text(tunnel, frames.ENDED)) or {}


def _text(tunnel: Tunnel, kind: int) -> str:
    return tunnel.bytes_of(kind).decode("utf-8", "replace")


def _end(job: AgentJob, tunnel: Tunnel, container: StreamContainer) -> AgentEnd:
    """How a run ended that no limit of the host ended.

    Raises ConfigError for an agent that could not be started, EngineError for a container that ended before its agent.
    """
    reason, ended = _text(tunnel, frames.NOT_STARTED), _ended(tunnel)
    if reason:
        message = f"the agent {job.agent.name} could not be started: {reason[:_MAX_REASON_CHARS]}"
        raise ConfigError(message, fix="correct the command or the package in the agent's file")
    if not ended:
        status = container.exit_status()
        if status.out_of_memory and not status.running:
            return "memory"
        said = _text(tunnel, frames.STDERR).strip()[-_MAX_REASON_CHARS:]
        detail = f"exit code {status.code}{f'; {said}' if said else ''}"
        raise EngineError(f"the container of the agent {job.agent.name} ended before the agent ({detail})")
    # The kernel may also have killed a process that the agent had started, and the agent went on.
    if ended.get("oom_kills") and ended.get("exit_code") in _KILLED:
        return "memory"
    output = _text(tunnel, frames.STDOUT) + _text(tunnel, frames.STDERR)
    return "gave_up" if any(re.search(pattern, output) for pattern in job.agent.gave_up) else "exited"


def final_tree(archive: bytes, left_out: bytes) -> FinalTree:
    """The tree as it came out, and the list of what the forwarder did not send of it.

    Where the list of that is cut, anything may have been left out: what is in neither counts as unchanged.
    """
    *lines, end = left_out.decode("utf-8", "replace").split("\n")
    is_whole = lines[-1:] == [""] and not end
    unsent = [("/", LIST_CUT)] * (not is_whole) + [entry for entry in map(_unsent, lines) if entry is not None]
    return read_tree([archive], unsent=unsent)


def _unsent(line: str) -> tuple[str, str] | None:
    """The path and the reason in one line of the list; None for anything else."""
    entry = (parse_object(f'{{"entry": {line}}}') or {}).get("entry")
    if not isinstance(entry, list) or len(entry) != 2 or not all(isinstance(each, str) for each in entry):
        return None
    return entry[0], entry[1]
