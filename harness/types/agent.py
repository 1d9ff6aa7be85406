"""One run of a coding agent: what went in, how it ended, the tree that it left and what it did on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

AgentEnd = Literal["exited", "gave_up", "clock", "turns", "tokens", "context", "memory"]
"""How a run ended. `exited`: the agent's process ended by itself, with any exit code; `gave_up`: so did it, and it said
that it could not do the task; the others name the limit that ended it: wall clock, requests to the model, generated
tokens, prompt tokens of a request, or memory of the container."""


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A regular file of a tree: its bytes and its permission bits (0o644 or 0o755)."""

    data: bytes
    mode: int = 0o644


Tree = Mapping[str, TreeFile]
"""A working tree: relative path with forward slashes -> file. Links, devices and folders have no entry."""


@dataclass(frozen=True, slots=True)
class RefusedEntry:
    """An entry of the agent's final tree that was not taken over: its name, escaped to be printed, and the reason."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class RefusedConnections:
    """Connections that an agent tried to make to anything but its model.

    `to_hosts` counts those that left the container's loopback, `to_ports` those to other ports of it, `requests` those
    that reached the forwarder and asked for something else than the model. `targets` are the names that are known: the
    host, or the method and the path of a request.
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
class AgentLimits:
    """What a run may take; whichever is reached first ends it.

    `turns` counts requests to the model, `tokens` those that it generated, `context_tokens` is the longest prompt of a
    request. The others are limits of the container.
    """

    clock_s: float = 600.0
    turns: int = 60
    tokens: int = 100_000
    context_tokens: int = 131_072
    memory_bytes: int = 2 * 1024**3
    disk_bytes: int = 512 * 1024**2
    pids: int = 256
    cpus: float = 1.0


@dataclass(frozen=True, slots=True)
class AgentRun:
    """One run of an agent on one working tree.

    `exit_code` is None where a limit ended it. `exchanges` is the folder with the recorded requests to the model, which
    `harness.proxy.read_exchanges` reads; `turns` and the token counts sum those to the model. `tree` is the
    final tree, `refused_entries` what was in it and was not taken over. `seconds` is the wall clock from the start of
    the agent's process to its end, `cpu_s` the CPU time of its whole container. `left_processes` ran on when the agent
    itself had ended, and were killed before the tree was taken. `stdout` and `stderr` are cut to a bound.
    `transcript` is the agent's own log of the session; empty if it keeps none.
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
    tree: Tree
    refused_entries: tuple[RefusedEntry, ...]
    refused_connections: RefusedConnections
    seconds: float
    cpu_s: float
    left_processes: int
    stdout: bytes
    stderr: bytes
    transcript: bytes = b""
