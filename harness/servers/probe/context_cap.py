"""The context cap: how long the long request must be, and what its reply says of the cap. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.servers.kinds import ServerKind
from harness.servers.probe.requests import CODE_WORD
from harness.servers.probe.stream import ProbeReply, finding
from harness.types import ProbeFinding, StreamError

SAFE_TOKENS = 8_000
UNCHECKED_LIMIT_TOKENS = 65_536
BEYOND = 1.1
CUT_SHARE = 0.9
SILENT_CUT = "silent_truncation"
# llama.cpp and ds4, vLLM, oMLX, LM Studio.
_CAPS = re.compile(
    r'"n_ctx"\s*:\s*(\d+)|context length is (\d+)|context window of (\d+)'
    r"|max(?:imum)? context (?:length|window|size)\D{1,12}(\d+)|context size \((\d+)|n_ctx\W+(\d+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class LongPrompt:
    """The long request: how many tokens it should have, and whether that is more than the server serves."""

    tokens: int
    beyond: bool


def plan_long(kind: ServerKind, served: int | None, wanted: int | None) -> LongPrompt:
    """Beyond the cap where the server tells one and looks at it; where nobody checks, no more than is harmless.

    A server that does not check takes a prompt that it cannot hold and may end with it.
    """
    if wanted is not None:
        return LongPrompt(wanted, served is not None and wanted > served)
    checked = kind.context.overflow in ("http_400", "error_in_200")
    if served is None or (not checked and served > UNCHECKED_LIMIT_TOKENS) or kind.context.overflow == "unchecked":
        return LongPrompt(min(SAFE_TOKENS, served or SAFE_TOKENS), False)
    return LongPrompt(int(served * BEYOND) + 256, True)


def cap_in(text: str) -> int | None:
    """The cap that an error's text names."""
    found = _CAPS.search(text)
    return int(next(group for group in found.groups() if group)) if found else None


def text_of(heard: ProbeReply) -> str:
    """Everything that the server sent, as text."""
    return b"".join(chunk.data for chunk in heard.recording.chunks).decode("utf-8", "replace")


def _failure(heard: ProbeReply, prompt: LongPrompt) -> str | None:
    """How the long prompt ended; None where it was not taken for too long."""
    reading = heard.reading
    said, counted = bool(reading.content or reading.reasoning), _counted(heard)
    # An answer to a prompt that the count shows to be cut reads as an overflow: the server itself told of none.
    if said and counted is not None and counted < CUT_SHARE * prompt.tokens:
        return SILENT_CUT
    if reading.error is not None:
        refused = heard.recording.status is not None and heard.recording.status >= 400
        return f"http_{heard.recording.status}" if refused else "error_in_200"
    return None if said else "nothing_in_200"


def _counted(heard: ProbeReply) -> int | None:
    return heard.reading.usage.prompt_tokens if heard.reading.usage is not None else None


def _told(heard: ProbeReply, failed: str | None) -> StreamError | None:
    """The error that the server itself told."""
    return None if failed == SILENT_CUT else heard.reading.error


def _overflow(kind: ServerKind, heard: ProbeReply, prompt: LongPrompt, failed: str | None) -> ProbeFinding:
    stated, error = kind.context.overflow, _told(heard, failed)
    if failed is None and not prompt.beyond:
        return ProbeFinding(
            "too_long_prompt", stated, None, None, f"{prompt.tokens} tokens were taken; no more were sent"
        )
    return finding("too_long_prompt", stated, failed or "unchecked", error.message[:160] if error else None)


def _marks(kind: ServerKind, heard: ProbeReply) -> ProbeFinding | None:
    """Whether the error can be known for what it is by the marks that the TOML names."""
    if not kind.context.overflow_markers:
        return None
    body = text_of(heard).lower()
    marked = any(mark.lower() in body for mark in kind.context.overflow_markers)
    return finding("too_long_is_marked", True, marked)


def window(kind: ServerKind, heard: ProbeReply, prompt: LongPrompt) -> tuple[int | None, tuple[ProbeFinding, ...]]:
    """The cap in tokens that the long prompt met, None where it met none, and the findings about it."""
    failed = _failure(heard, prompt)
    overflow = _overflow(kind, heard, prompt, failed)
    if _told(heard, failed) is not None:
        marks = _marks(kind, heard)
        return cap_in(text_of(heard)), (overflow,) if marks is None else (overflow, marks)
    spoken = (heard.reading.content + heard.reading.reasoning).lower()
    note = None if CODE_WORD in spoken else "a model that does not follow would not repeat it either"
    seen = finding("canary_at_the_beginning_seen", None, CODE_WORD in spoken or None, note)
    return _counted(heard) if failed == SILENT_CUT else None, (overflow, seen)
