"""The context cap of a server: how long the probe's long request should be, and what its reply shows of the cap."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.servers.kinds import ServerKind
from harness.servers.probe.requests import CODE_WORD
from harness.servers.probe.stream import ProbeReply, compare
from harness.types import ProbeFinding

SAFE_PROMPT_TOKENS = 8_000
MAX_UNCHECKED_TOKENS = 65_536
"""A server that does not check the length is sent more than it serves only if it serves no more than this."""
EXCESS = 1.1
MIN_SHARE_OF_PLANNED_TOKENS = 0.9
SILENT_TRUNCATION = "silent_truncation"
# The errors of llama.cpp and ds4, vLLM, oMLX, LM Studio.
_CAPS = re.compile(
    r'(?:"n_ctx"\s*:\s*|context length is |context window of |context size \(|n_ctx\W+'
    r"|max(?:imum)? context (?:length|window|size)\D{1,12})(\d{1,12})(?!\d)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class LongPrompt:
    """The length of the long request in tokens, and whether it exceeds what the server serves."""

    tokens: int
    exceeds_cap: bool


def plan_long_prompt(kind: ServerKind, served: int | None, wanted: int | None) -> LongPrompt:
    """Exceed the cap if the server states one and checks it; otherwise stay at a safe length.

    A server that does not check accepts a prompt that does not fit its memory, and may crash (mlx_lm.server: Metal
    ends the process).
    """
    if wanted is not None:
        return LongPrompt(wanted, served is not None and wanted > served)
    checks = kind.context.overflow in ("http_400", "error_in_200")
    if served is None or (not checks and served > MAX_UNCHECKED_TOKENS) or kind.context.overflow == "unchecked":
        return LongPrompt(min(SAFE_PROMPT_TOKENS, served or SAFE_PROMPT_TOKENS), False)
    return LongPrompt(int(served * EXCESS) + 256, True)


def context_findings(
    kind: ServerKind, reply: ProbeReply, prompt: LongPrompt
) -> tuple[int | None, tuple[ProbeFinding, ...]]:
    """Return the cap in tokens that the long prompt met (None: it met none) and the findings about it."""
    failure = _failure(reply, prompt)
    overflow = _overflow_finding(kind, reply, prompt, failure)
    if reply.reading.error is not None and failure != SILENT_TRUNCATION:
        return cap_in_error(sent_text(reply)), (overflow, *_marker_findings(kind, reply))
    seen = CODE_WORD in reply.text.lower()
    note = None if seen else "a model that does not follow instructions would not repeat it either"
    code_word = compare("code_word_seen", None, seen or None, note)
    return _counted_tokens(reply) if failure == SILENT_TRUNCATION else None, (overflow, code_word)


def cap_in_error(text: str) -> int | None:
    """Return the cap that the text of an error names."""
    found = _CAPS.search(text)
    return int(found[1]) if found else None


def sent_text(reply: ProbeReply) -> str:
    """Return all bytes that the server sent, as text."""
    return b"".join(chunk.data for chunk in reply.recording.chunks).decode("utf-8", "replace")


def _failure(reply: ProbeReply, prompt: LongPrompt) -> str | None:
    """How the long prompt failed; None if it was accepted."""
    answered, counted = bool(reply.text), _counted_tokens(reply)
    # Before the error: the reader reports an answer to a truncated prompt as an overflow, but the server sent none.
    if answered and counted is not None and counted < MIN_SHARE_OF_PLANNED_TOKENS * prompt.tokens:
        return SILENT_TRUNCATION
    if reply.reading.error is not None:
        rejected = reply.recording.status is not None and reply.recording.status >= 400
        return f"http_{reply.recording.status}" if rejected else "error_in_200"
    return None if answered else "nothing_in_200"


def _counted_tokens(reply: ProbeReply) -> int | None:
    return reply.reading.usage.prompt_tokens if reply.reading.usage is not None else None


def _overflow_finding(kind: ServerKind, reply: ProbeReply, prompt: LongPrompt, failure: str | None) -> ProbeFinding:
    stated = kind.context.overflow
    if failure is None and not prompt.exceeds_cap:
        note = f"{prompt.tokens} tokens were accepted; a longer prompt was not sent"
        return ProbeFinding("context_overflow", stated, None, None, note)
    error = None if failure == SILENT_TRUNCATION else reply.reading.error
    return compare("context_overflow", stated, failure or "unchecked", error.message[:160] if error else None)


def _marker_findings(kind: ServerKind, reply: ProbeReply) -> tuple[ProbeFinding, ...]:
    """Whether the error has one of the markers by which the kind's TOML file says it can be recognized."""
    if not kind.context.overflow_markers:
        return ()
    body = sent_text(reply).lower()
    marked = any(marker.lower() in body for marker in kind.context.overflow_markers)
    return (compare("overflow_has_marker", True, marked),)
