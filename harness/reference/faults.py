"""The faults that the reference server can inject: error responses, broken streams and dying servers.

Each is a row of the table at the end, from name to script, modeled on what the named servers do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

from harness.reference.preamble import PROGRESS_COMMENTS
from harness.reference.scripts import (
    ExpectedReading,
    Pace,
    Script,
    Tail,
    Write,
    chunk,
    complete,
    event,
    token_writes,
    words,
)
from harness.types import Json

HUGE_CHARS = 50 * 1024 * 1024
ENDLESS_TOKENS = 10_000
SIZES = {"n_prompt_tokens": 9000, "n_ctx": 4096}

MakeScript = Callable[[Pace], Script]


def _failed(error_kind: str | None, content: str = "") -> ExpectedReading:
    """The expectation of a reply that does not finish."""
    return ExpectedReading(content, finish_reason=None, done=False, error_kind=error_kind)


def _error_response(status: int, document: Json, error_kind: str | None) -> MakeScript:
    """A status with a body: JSON, or plain text if the document is a string."""
    is_text = isinstance(document, str)
    body = (document if is_text else json.dumps(document)).encode("utf-8")
    content_type = "text/plain" if is_text else "application/json"
    return lambda _pace: Script((Write(0.0, body),), _failed(error_kind), status=status, content_type=content_type)


def _error(message: str, **fields: Json) -> Json:
    return {"error": {"message": message, **fields}}


def _overflow(document: Json) -> MakeScript:
    return _error_response(400, document, "context_overflow")


# --- streams that break off -------------------------------------------------------------------------------------------


def _half(pace: Pace) -> tuple[tuple[Write, ...], str]:
    """The writes of half of the answer, and its text."""
    half = replace(pace, tokens=max(1, pace.tokens // 2))
    return tuple(token_writes(half)), "".join(words(half.tokens))


def _broken_off(ending: Literal["reset", "hang", "die"], error_kind: str) -> MakeScript:
    def script(pace: Pace) -> Script:
        writes, content = _half(pace)
        return Script(writes, _failed(error_kind, content), ending=ending)

    return script


def _unfinished(pace: Pace) -> Script:
    """A clean end of the body in the middle of the answer."""
    writes, content = _half(pace)
    return Script(writes, _failed("unfinished", content))


def _malformed_event(pace: Pace) -> Script:
    first, *others = token_writes(pace)
    malformed = Write(first.at_s, b'data: {"choices":[{"delta":{"content":"lost\n\n')
    return complete(pace, [first, malformed, *others], error_kind="malformed_event")


def _huge_event(pace: Pace) -> Script:
    text = "x" * HUGE_CHARS
    return complete(pace, [Write(pace.ttft_s, chunk({"content": text}), 1, pace.tokens)], content=text)


def _endless(pace: Pace) -> Script:
    """Far more tokens than a client waits for, and no end."""
    return Script(tuple(token_writes(replace(pace, tokens=ENDLESS_TOKENS))), _failed("limit_exceeded"))


def _die_during_prefill(_pace: Pace) -> Script:
    """A progress comment, then the server is gone (mlx_lm.server with a prompt that its memory cannot hold)."""
    return Script((Write(0.0, PROGRESS_COMMENTS[1]),), _failed("reset"), ending="die")


def _no_reply(_pace: Pace) -> Script:
    """The connection ends without a byte (mlx_lm.server for a field of a wrong type)."""
    return Script((), _failed("reset"), framing="nothing")


def _silent(_pace: Pace) -> Script:
    """Headers and nothing more."""
    return Script((), _failed("read_timeout"), ending="hang")


def _empty_stream(pace: Pace) -> Script:
    """A well-formed stream without a delta (LM Studio with a prompt that does not fit)."""
    pace, tail = replace(pace, tokens=0), Tail(cached=None)
    return Script((Write(0.0, tail.data(pace)),), tail.expected(pace))


def _not_http(_pace: Pace) -> Script:
    return Script((), _failed("protocol_error"), framing="garbage")


# --- context overflows that are reported with status 200 --------------------------------------------------------------


def _overflow_event(_pace: Pace) -> Script:
    """An event named `error` (LM Studio)."""
    message = "Input does not fit in context length. Try a shorter input."
    data = b"event: error\n" + event(_error(message) | {"message": message})
    return Script((Write(0.0, data),), _failed("context_overflow"))


def _overflow_error_field(_pace: Pace) -> Script:
    """A field named `error` (llama-server before October 2025)."""
    error = {"code": 400, "message": "the request exceeds the available context size.", "type": "invalid_request_error"}
    data = b"error: " + json.dumps(error).encode() + b"\n\n"
    return Script((Write(0.0, data),), _failed("context_overflow"))


_BAD_REQUEST = "invalid_request_error"

FAULTS: Mapping[str, MakeScript] = {
    "overflow-ds4": _overflow(
        _error(
            "prompt is longer than the context",
            type=_BAD_REQUEST,
            param="messages",
            code="context_length_exceeded",
            **SIZES,
        )
    ),
    "overflow-omlx": _overflow(
        _error("Prompt too long: 9000 tokens exceeds max context window of 4096 tokens", type=_BAD_REQUEST, code=None)
    ),
    "overflow-llama-server": _overflow(
        _error("the request exceeds the available context size", code=400, type="exceed_context_size_error", **SIZES)
    ),
    "overflow-llama-server-old": _overflow_error_field,
    "overflow-vllm": _overflow(
        _error("This model's maximum context length is 4096 tokens.", type="BadRequestError", param=None, code=400)
    ),
    "overflow-lm-studio": _overflow_event,
    "overflow-lm-studio-old": _overflow(
        {
            "error": "The number of tokens to keep from the initial prompt is greater than the context length "
            "(n_keep: 9000>= n_ctx: 4096)"
        }
    ),
    "overflow-ollama": _overflow(
        _error(
            "the prompt is too long: 9000, model maximum context length: 4096",
            type=_BAD_REQUEST,
            param=None,
            code=None,
        )
    ),
    "error-body": _error_response(200, _error("the engine gave up", type="server_error"), "server_error"),
    "http-401": _error_response(401, _error("bad key", type="authentication_error"), "authentication_error"),
    "http-404": _error_response(
        404, _error("no such model", type="not_found_error", code="model_not_found"), "model_not_found"
    ),
    "http-429": _error_response(429, _error("slow down", type="rate_limit_error"), "rate_limit_error"),
    "http-500": _error_response(500, "Internal Server Error", None),
    "http-503": _error_response(503, _error("Loading model", code=503, type="unavailable_error"), "unavailable_error"),
    "malformed-event": _malformed_event,
    "huge-event": _huge_event,
    "endless": _endless,
    "unfinished": _unfinished,
    "reset": _broken_off("reset", "reset"),
    "hang": _broken_off("hang", "read_timeout"),
    "die": _broken_off("die", "reset"),
    "die-during-prefill": _die_during_prefill,
    "no-reply": _no_reply,
    "silent": _silent,
    "empty-stream": _empty_stream,
    "not-http": _not_http,
}
