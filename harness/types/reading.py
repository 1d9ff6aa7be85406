"""A reading: what the bytes of a recording mean, as text, tool calls, token counts and timings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.types.common import Json


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One tool call as the model wrote it; `arguments` is a string that may be invalid JSON."""

    id: str | None
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts as the server reported them; None for each one that it did not report."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many events of each type the stream had, without `[DONE]`.

    `token_events` carry generated text. `arrivals` is the number of times at which they came (harness/read/timing.py),
    and `token_events_in_first_read` came with the first read. `synthetic_events` are reasoning events that no model
    generated: whitespace, text repeated from the prompt, or a proxy's progress messages while it loads a model.
    `unfinished_bytes` are what was left of an event when the stream ended.
    """

    events: int = 0
    comments: int = 0
    keepalives: int = 0
    role_only: int = 0
    empty: int = 0
    malformed: int = 0
    token_events: int = 0
    token_events_in_first_read: int = 0
    arrivals: int = 0
    unfinished_bytes: int = 0
    synthetic_events: int = 0


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds since the request's first byte, and rates in tokens per second.

    The times are those of the first byte of the body (`ttfb_s`), the first token on any channel (`ttft_s`), the first
    content or tool call (`ttfc_s`) and the last token (`e2e_s`). `role_s` and `first_synthetic_s` are the first
    role-only event and the first synthetic event (see `Counts`), which are not tokens. `decode_null_reason` says why
    `decode_tps` is None; `tokens_source` whether the server's usage or the number of events gave the token count.
    `decode_tokens` are the tokens that `decode_tps` counts; None where they are all tokens of the reply but the first
    read's share of the token events in `Counts`.
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
    tokens_source: Literal["usage", "events", "none"] = "none"
    first_synthetic_s: float | None = None
    decode_tokens: float | None = None


@dataclass(frozen=True, slots=True)
class StreamError:
    """An error that the server reported, by HTTP status or inside the stream, or that the end of the stream shows.

    `kind` is one of those listed in harness/read/stream_errors.py; `status` the HTTP status.
    """

    message: str
    kind: str | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """The text of each channel, the tool calls, how the response ended, and its counts and timings.

    `done`: the stream ended with `[DONE]`. `server_timings` are a server's own timing fields, unchanged.
    """

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
