"""What goes wrong with real servers, a line each in the table at the foot: refusals, broken streams, dead servers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

from harness.calibration.reference.preamble import PROGRESS
from harness.calibration.reference.scripts import (
    Expected,
    Pace,
    Script,
    StreamShape,
    Tail,
    Write,
    chunk,
    event,
    spoken,
    words,
)
from harness.types import Json

HUGE_CHARS = 50 * 1024 * 1024
CTX = {"n_prompt_tokens": 9000, "n_ctx": 4096}


def _refused(status: int, document: Json, error: str | None) -> Callable[[Pace], Script]:
    """A status with a body: JSON, or plain text where the document is a text."""
    plain = isinstance(document, str)
    body = (document if plain else json.dumps(document)).encode("utf-8")
    said = Expected(finish_reason=None, done=False, error=error)
    kind = "text/plain" if plain else "application/json"
    return lambda _pace: Script((Write(0.0, body),), said, status=status, content_type=kind)


def _told(message: str, **more: Json) -> Json:
    return {"error": {"message": message, **more}}


def _half(pace: Pace) -> tuple[list[Write], Expected]:
    half = replace(pace, tokens=max(1, pace.tokens // 2))
    said = Expected("".join(words(half.tokens)), finish_reason=None, done=False)
    return spoken(half, StreamShape()), said


def _broken_off(ending: str, error: str) -> Callable[[Pace], Script]:
    def script(pace: Pace) -> Script:
        writes, said = _half(pace)
        return Script(tuple(writes), replace(said, error=error), ending=ending)  # type: ignore[arg-type]

    return script


def _unfinished(pace: Pace) -> Script:
    """A clean end of the body in the middle of the answer."""
    writes, said = _half(pace)
    return Script(tuple(writes), replace(said, error="unfinished"))


def _malformed(pace: Pace) -> Script:
    writes = spoken(pace, StreamShape())
    bad = Write(writes[0].at_s, b'data: {"choices":[{"delta":{"content":"lost\n\n')
    end = Write(writes[-1].at_s, Tail().data(pace))
    said = replace(Tail().expected(pace), content="".join(words(pace.tokens)), error="malformed_event")
    return Script((writes[0], bad, *writes[1:], end), said)


def _huge_event(pace: Pace) -> Script:
    text = "x" * HUGE_CHARS
    said = replace(Tail().expected(pace), content=text)
    return Script(
        (Write(pace.ttft_s, chunk({"content": text}), 1, pace.tokens), Write(pace.ttft_s, Tail().data(pace))),
        said,
    )


def _endless(pace: Pace) -> Script:
    """Far more tokens than anybody waits for, and no end."""
    many = replace(pace, tokens=10**4)
    return Script(tuple(spoken(many, StreamShape())), Expected(finish_reason=None, done=False, error="limit_exceeded"))


def _dead_while_it_reads(_pace: Pace) -> Script:
    """A sign of progress, and then the server is gone (mlx_lm.server on a prompt that its memory cannot hold)."""
    said = Expected(finish_reason=None, done=False, error="reset")
    return Script((Write(0.0, PROGRESS[1]),), said, ending="die")


def _no_reply(_pace: Pace) -> Script:
    """The connection ends without a byte (mlx_lm.server on a field of a wrong type)."""
    return Script((), Expected(finish_reason=None, done=False, error="reset"), framing="nothing")


def _silent(pace: Pace) -> Script:
    """Headers and then nothing."""
    return Script((), Expected(finish_reason=None, done=False, error="read_timeout"), ending="hang")


def _overflow_in_200(_pace: Pace) -> Script:
    message = "Input does not fit in context length. Try a shorter input."
    data = b"event: error\n" + event(_told(message) | {"message": message})
    return Script((Write(0.0, data),), Expected(finish_reason=None, done=False, error="context_overflow"))


def _overflow_in_a_line(_pace: Pace) -> Script:
    """An error under a field name of its own (llama-server before October 2025)."""
    error = {"code": 400, "message": "the request exceeds the available context size.", "type": "invalid_request_error"}
    data = b"error: " + json.dumps(error).encode() + b"\n\n"
    return Script((Write(0.0, data),), Expected(finish_reason=None, done=False, error="context_overflow"))


def _nothing_said(pace: Pace) -> Script:
    """A well-formed stream without one delta (LM Studio on a prompt that does not fit)."""
    pace, tail = replace(pace, tokens=0), Tail(cached=None)
    return Script((Write(0.0, tail.data(pace)),), tail.expected(pace))


def _not_http(_pace: Pace) -> Script:
    return Script((), Expected(finish_reason=None, done=False, error="protocol_error"), framing="garbage")


FAULTS: Mapping[str, Callable[[Pace], Script]] = {
    "overflow-ds4": _refused(
        400,
        _told(
            "prompt is longer than the context",
            type="invalid_request_error",
            param="messages",
            code="context_length_exceeded",
            **CTX,
        ),
        "context_overflow",
    ),
    "overflow-omlx": _refused(
        400,
        _told(
            "Prompt too long: 9000 tokens exceeds max context window of 4096 tokens",
            type="invalid_request_error",
            code=None,
        ),
        "context_overflow",
    ),
    "overflow-llama-server": _refused(
        400,
        _told("the request exceeds the available context size", code=400, type="exceed_context_size_error", **CTX),
        "context_overflow",
    ),
    "overflow-llama-server-old": _overflow_in_a_line,
    "overflow-vllm": _refused(
        400,
        _told("This model's maximum context length is 4096 tokens.", type="BadRequestError", param=None, code=400),
        "context_overflow",
    ),
    "overflow-lm-studio": _overflow_in_200,
    "overflow-lm-studio-old": _refused(
        400,
        {
            "error": "The number of tokens to keep from the initial prompt is greater than the context length "
            "(n_keep: 9000>= n_ctx: 4096)"
        },
        "context_overflow",
    ),
    "overflow-ollama": _refused(
        400,
        _told(
            "the prompt is too long: 9000, model maximum context length: 4096",
            type="invalid_request_error",
            param=None,
            code=None,
        ),
        "context_overflow",
    ),
    "error-body": _refused(200, _told("the engine gave up", type="server_error"), "server_error"),
    "http-401": _refused(401, _told("bad key", type="authentication_error"), "authentication_error"),
    "http-404": _refused(
        404, _told("no such model", type="not_found_error", code="model_not_found"), "model_not_found"
    ),
    "http-429": _refused(429, _told("slow down", type="rate_limit_error"), "rate_limit_error"),
    "http-500": _refused(500, "Internal Server Error", None),
    "http-503": _refused(503, _told("Loading model", code=503, type="unavailable_error"), "unavailable_error"),
    "malformed-event": _malformed,
    "huge-event": _huge_event,
    "endless": _endless,
    "unfinished": _unfinished,
    "reset": _broken_off("reset", "reset"),
    "hang": _broken_off("hang", "read_timeout"),
    "die": _broken_off("die", "reset"),
    "die-while-reading": _dead_while_it_reads,
    "no-reply": _no_reply,
    "silent": _silent,
    "nothing-said": _nothing_said,
    "not-http": _not_http,
}
