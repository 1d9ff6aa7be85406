"""One turn as bytes with times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.types.common import Json
from harness.types.model import TrialKey

Ended = Literal["complete", "reset", "read_timeout", "connect_failed", "protocol_error", "cut_off"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes read at once: `at_ns` nanoseconds after the request's first byte was about to be written."""

    at_ns: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Recording:
    """One turn: the request as sent, every chunk of the body with its time, and how it ended.

    `last` marks the trial's last turn: a trial without one was broken off by the kit's end and is asked again.
    `sent_ns` is the monotonic clock where all `at_ns` start, None when no connection was made. `sent_at` is the
    wall clock (ISO 8601, UTC), for reading only. No header that holds a key is kept. `least_prompt_tokens` is the
    fewest tokens that the prompt can have, by the server's own count of a prompt before the run; None where none was.
    """

    key: TrialKey
    turn: int
    variant: int
    sent_at: str
    sent_ns: int | None
    url: str
    request: Mapping[str, Json]
    status: int | None
    headers: Mapping[str, str]
    headers_ns: int | None
    chunks: tuple[Chunk, ...]
    ended: Ended
    ended_ns: int | None
    fault: str | None = None
    last: bool = True
    least_prompt_tokens: int | None = None
