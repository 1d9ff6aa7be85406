"""What a recording says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.types.common import Json


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call as the model wrote it; `arguments` is its text, which need not be JSON."""

    id: str | None
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What the server says it counted; each None where it does not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """What the stream was made of; `[DONE]` is not counted.

    `token_events` carry generated text; `arrivals` are the moments at which bytes that held them were read, and
    `token_events_first` came with the first. `echoes` are reasoning that no model generated: blank, repeated from the
    prompt, or what a proxy makes up while it loads a model.
    """

    events: int = 0
    comments: int = 0
    keepalives: int = 0
    role_only: int = 0
    empty: int = 0
    malformed: int = 0
    token_events: int = 0
    token_events_first: int = 0
    arrivals: int = 0
    unfinished_bytes: int = 0
    echoes: int = 0


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds from the request's first byte, and rates; a None rate has its reason in `decode_null_reason`.

    `role_s` is the first role-only chunk, `echo_s` the first echo (see Counts): neither is a token.
    """

    ttfb_s: float | None = None
    role_s: float | None = None
    ttft_s: float | None = None
    ttfc_s: float | None = None
    e2e_s: float | None = None
    decode_tps: float | None = None
    decode_null_reason: str | None = None
    e2e_tps: float | None = None
    apparent_prefill_tps: float | None = None
    tokens_source: Literal["usage", "chunks", "none"] = "none"
    echo_s: float | None = None


@dataclass(frozen=True, slots=True)
class StreamError:
    """An error that the server told, by status or inside a 200, or that the stream's end shows (read/faults.py)."""

    message: str
    kind: str | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a recording says."""

    content: str
    reasoning: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str | None
    done: bool
    usage: Usage | None
    error: StreamError | None
    counts: Counts
    timings: Timings
    server_timings: Mapping[str, Json] | None = None
    reported_model: str | None = None
