"""How the run of a coding agent may end, the limits that may end it, and what a trial keeps of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

AgentEnd = Literal["exited", "gave_up", "clock", "turns", "tokens", "context", "memory"]
"""How a run ended. `exited`: the agent's process ended by itself, with any exit code; `gave_up`: so did it, and it said
that it could not do the task; the others name the limit that ended it: wall clock, requests to the model, generated
tokens, prompt tokens of a request, or memory of the container."""


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
class AgentWork:
    """What an agent's trial has beside its requests to the model: how it ended, and the final tree.

    `patch` is the tree against the task's files (harness/trees/patch.py), `cpu_s` the CPU time of its container.
    `exit_code` is None where a limit ended it. `left_processes` ran on after the agent's own end; `refused_connections`
    were tries to reach anything but the model, `refused_targets` names some of them.
    """

    end: AgentEnd
    exit_code: int | None
    patch: str
    cpu_s: float
    left_processes: int
    refused_connections: int
    refused_targets: tuple[str, ...]
    limits: AgentLimits

    @property
    def crashed(self) -> bool:
        """Whether the agent ended by itself with an error."""
        return self.end == "exited" and self.exit_code not in (0, None)


@dataclass(frozen=True, slots=True)
class AgentOutput:
    """The last of what an agent printed and of its own log of the session, cut to a bound; nothing is read from it."""

    stdout: str
    stderr: str
    transcript: str


CacheState = Literal["new", "hit", "partial", "miss", "unknown"]
"""What a request found in the prefix cache, of what it could have found; `new`: nothing could be there."""


@dataclass(frozen=True, slots=True)
class CachedTurn:
    """What the cache doctor says of one request of an agent; `cause` explains a loss, "" without one."""

    turn: int
    state: CacheState
    prompt_tokens: int | None
    cached_tokens: int | None
    lost_tokens: int
    cause: str


@dataclass(frozen=True, slots=True)
class AgentSession:
    """Where the time of an agent's requests went, its tool calls, and what each request found in the cache.

    `tool_s` lies between a reply and the request that brings a tool's result. `malformed_calls` have arguments that are
    no JSON object, `unknown_calls` name a tool that the agent does not offer.
    """

    prefill_s: float
    decode_s: float
    tool_s: float
    calls: int
    malformed_calls: int
    unknown_calls: int
    cache: tuple[CachedTurn, ...]
