"""Runs one agent on one working tree: `run_agent` takes an `AgentJob` and gives an `AgentRun`.

The agent runs in a throwaway container without a network. Its one way out is the forwarder, which leads to a recording
proxy on this machine, and that to the model's server.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from harness.agents import forwarder as frames
from harness.agents.archive import pack_tree, printable_name, unpack_tree
from harness.agents.catalog import HOME, AgentSpec, fill
from harness.agents.gate import Gate
from harness.agents.image import CPUS
from harness.agents.tunnel import FORWARDER_PORT, Tunnel, job_of
from harness.apis import parse_object
from harness.errors import LanebenchError, RunError
from harness.files import from_json
from harness.proxy import ProxySettings, parse_listen, parse_target, serve
from harness.sandbox import WORK, Engine, StreamContainer, StreamContainerSpec
from harness.types import AgentEnd, AgentLimits, AgentRun, RefusedConnections, RefusedEntry, Tree

_FORWARDER = ("/usr/local/bin/lanebench-python", "-I", "/opt/lanebench-agent/forwarder.py")
_FOLDERS = (WORK, "/tmp", HOME)  # noqa: S108
_LISTEN_S = 30.0


@dataclass(frozen=True, slots=True)
class AgentJob:
    """What an agent is asked: `base_url` and `model` name its model, as in bench.toml.

    `exchanges` is the folder of the recorded requests, which must not hold another session. `context` and `max_tokens`
    are what the agent is told of its model.
    """

    agent: AgentSpec
    prompt: str
    tree: Tree
    base_url: str
    model: str
    exchanges: Path
    limits: AgentLimits = field(default_factory=AgentLimits)
    max_tokens: int = 8192

    @property
    def prefix(self) -> str:
        """The path of the server's base URL."""
        return urlsplit(self.base_url).path.rstrip("/")

    def values(self, architecture: str) -> dict[str, str]:
        """The values of the placeholders in the agent's file."""
        url = f"http://127.0.0.1:{FORWARDER_PORT}"
        return {
            "url": url,
            "base_url": url + self.prefix,
            "model": self.model,
            "prompt": self.prompt,
            "context": str(self.limits.context_tokens),
            "max_tokens": str(self.max_tokens),
            "arch": architecture,
            "cpu": CPUS.get(architecture, architecture),
        }


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
    with _proxy(job, gate) as address:
        container = StreamContainer(engine, spec, labels)
        try:
            tunnel = Tunnel(container, address)
            stops.append(tunnel)
            text = job_of(command, environment, files, job.agent.transcript)
            seconds = tunnel.run(text, pack_tree(job.tree), job.limits.clock_s)
        finally:
            container.close()
    return _record(job, tunnel, gate, seconds)


@contextmanager
def _proxy(job: AgentJob, gate: Gate) -> Iterator[tuple[str, int]]:
    """A recording proxy before the model's server, in a thread; yields where it listens."""
    parts = urlsplit(job.base_url)
    settings = ProxySettings(
        parse_target(f"{parts.scheme}://{parts.netloc}"), parse_listen("127.0.0.1:0"), job.exchanges,
        summarizer=gate.count, admit=gate.admit,
    )  # fmt: skip
    started: list[tuple[int, asyncio.Event, asyncio.AbstractEventLoop]] = []
    errors: list[LanebenchError] = []
    listening = threading.Event()

    def ready(url: str, stop: asyncio.Event) -> None:
        started.append((int(url.rpartition(":")[2]), stop, asyncio.get_running_loop()))
        listening.set()

    def run() -> None:
        try:
            serve(settings, lambda line: None, ready)
        except LanebenchError as error:
            errors.append(error)
            listening.set()

    thread = threading.Thread(target=run, name="lanebench-agent-proxy")
    thread.start()
    if not listening.wait(_LISTEN_S) or not started:
        raise errors[0] if errors else RunError("the recording proxy did not start")
    port, stop, loop = started[0]
    try:
        yield "127.0.0.1", port
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
    if errors:
        raise errors[0]


def _record(job: AgentJob, tunnel: Tunnel, gate: Gate, seconds: float) -> AgentRun:
    ended = parse_object(tunnel.bytes_of(frames.ENDED).decode("utf-8", "replace")) or {}
    tree, refused = unpack_tree(tunnel.bytes_of(frames.TREE))
    left_out = _left_out(tunnel.bytes_of(frames.LEFT_OUT))
    output = tunnel.bytes_of(frames.STDOUT) + tunnel.bytes_of(frames.STDERR)
    end = tunnel.end or _end(job.agent, ended, output)
    return AgentRun(
        agent=job.agent.name,
        version=job.agent.version,
        model=job.model,
        end=end,
        exit_code=ended.get("exit_code") if tunnel.end is None else None,
        exchanges=job.exchanges,
        turns=gate.turns,
        prompt_tokens=gate.prompt_tokens,
        generated_tokens=gate.generated_tokens,
        tree=tree,
        refused_entries=(*left_out, *refused),
        refused_connections=RefusedConnections(
            int(ended.get("no_route", 0)), int(ended.get("no_listener", 0)), gate.refused, tuple(gate.targets)
        ),
        seconds=seconds,
        cpu_s=tunnel.cpu_s,
        left_processes=int(ended.get("left_processes", 0)) if tunnel.end is None else 0,
        stdout=tunnel.bytes_of(frames.STDOUT),
        stderr=tunnel.bytes_of(frames.STDERR),
        transcript=tunnel.bytes_of(frames.TRANSCRIPT),
    )


def _end(agent: AgentSpec, ended: Mapping[str, object], output: bytes) -> AgentEnd:
    """How a run ended that no limit of the host ended."""
    if not ended or ended.get("oom_kills"):
        return "memory"
    text = output.decode("utf-8", "replace")
    return "gave_up" if any(re.search(pattern, text) for pattern in agent.gave_up) else "exited"


def _left_out(data: bytes) -> tuple[RefusedEntry, ...]:
    """What the forwarder did not put into the archive, and why."""
    rows = from_json(data.decode("utf-8", "replace")) if data else []
    return tuple(RefusedEntry(printable_name(str(name)), str(reason)) for name, reason in rows)
