"""What an agent is asked, an `AgentJob`, and what came of it, an `AgentRun`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from harness.agents.catalog import AgentSpec
from harness.agents.packages import CPUS
from harness.agents.tunnel import FORWARDER_PORT
from harness.record import Moment
from harness.trees import FinalTree
from harness.types import AgentEnd, AgentLimits


@dataclass(frozen=True, slots=True)
class AgentJob:
    """What an agent is asked: `base_url` and `model` name its model, as in bench.toml.

    `files` is the working tree that it gets. `exchanges` is the folder of the recorded requests, which must not hold
    another session. The agent is told `max_tokens` and the context of the limits as those of its model. Its
    requests get the server's `api_key` on this machine, so that nothing in the container has it.
    """

    agent: AgentSpec
    prompt: str
    files: Mapping[str, str]
    base_url: str
    model: str
    exchanges: Path
    limits: AgentLimits = field(default_factory=AgentLimits)
    max_tokens: int = 8192
    api_key: str | None = None

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


@dataclass(frozen=True, slots=True)
class RefusedConnections:
    """Connections that an agent tried to make to anything but its model.

    `to_hosts` counts those that left the container's loopback, `to_ports` those to other ports of it, also what was
    sent there to look up the address of a host, `requests` those that reached the forwarder and asked for something
    else than the model. `targets` are the names that are known: the host, or the method and the path of a request.
    """

    to_hosts: int = 0
    to_ports: int = 0
    requests: int = 0
    targets: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """All of them."""
        return self.to_hosts + self.to_ports + self.requests


@dataclass(frozen=True, slots=True)
class AgentRun:
    """One run of an agent on one working tree.

    `exit_code` is None where a limit ended it. `exchanges` is the folder with the recorded requests to the model, which
    `harness.proxy.read_exchanges` reads; `turns` and the token counts sum those to the model. `began` is when the
    agent's process was started, `seconds` the wall clock to its end, `cpu_s` the CPU time of its whole container.
    `left_processes` ran on when the agent itself had ended, and were killed before the tree was taken. `stdout` and
    `stderr` are the last of what it printed, up to a bound. `transcript` is the agent's own log of the session; empty
    if it keeps none.
    """

    agent: str
    version: str
    model: str
    end: AgentEnd
    exit_code: int | None
    exchanges: Path
    turns: int
    prompt_tokens: int
    generated_tokens: int
    tree: FinalTree
    refused_connections: RefusedConnections
    began: Moment
    seconds: float
    cpu_s: float
    left_processes: int
    stdout: bytes
    stderr: bytes
    transcript: bytes = b""
