"""What went wrong, as the server told it or as the stream shows it. Decides nothing about the model's outcome.

`kind` of the error is `context_overflow` for a prompt or an answer that the context cannot hold, in each server's
words, or where its own count of tokens shows that it cut the prompt; else the server's own code or type; else, where
the stream itself shows the fault, one of: `reset`, `read_timeout`, `connect_failed`, `protocol_error`, `cut_off` (how
the recording ended), `malformed_event`, `not_a_stream`, `finish_reason_error`, `unfinished` (neither a finish reason
nor [DONE]).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from harness.read.json_text import words_of
from harness.types import Json, Recording, StreamError

MESSAGE_CHARS = 2000
_EXCERPT_CHARS = 300
CHARS_A_TOKEN = 8
"""No tokenizer puts so many characters of prose or code into a token on average: 3 to 5 is usual."""
CUT_CHARS = 4000
_OVERFLOW_CODE = re.compile(r"context_length_exceeded|exceed_context_size", re.IGNORECASE)
# llama-server, vLLM and llama-cpp-python, oMLX and Ollama, LM Studio, LM Studio before 0.4.
_OVERFLOW_TEXT = re.compile(
    r"exceeds? the available context|maximum context length|prompt (is )?too long|input does not fit in context"
    r"|exceed\w* (the )?(max\w* )?context (length|window|size)|n_keep\b.*\bn_ctx|n_ctx\b.*\bn_keep"
    r"|tokens to keep from the initial prompt is greater",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Told:
    """An error in the server's own words: its message and its code or type."""

    message: str
    kind: str | None


def _kind_of(error: Mapping[str, Json]) -> str | None:
    names = [error[key] for key in ("code", "type") if isinstance(error.get(key), str) and error[key]]
    message = error.get("message")
    if any(map(_OVERFLOW_CODE.search, names)) or (isinstance(message, str) and _OVERFLOW_TEXT.search(message)):
        return "context_overflow"
    return names[0] if names else None


def _told(value: Json) -> Told:
    """An `error` value: an object with a message, or a text."""
    if not isinstance(value, dict):
        return Told(words_of(value), _kind_of({"message": value}))
    message = next((value[key] for key in ("message", "error", "detail") if value.get(key)), value)
    return Told(words_of(message), _kind_of({**value, "message": words_of(message)}))


def told_of(document: Mapping[str, Json], name: str | None = None) -> Told | None:
    """The error that a JSON object tells: under `error`, as an object of that type, or in an event of that name."""
    error = document.get("error")
    if error and error is not True:
        return _told(error)
    if error or name == "error" or document.get("object") == "error" or document.get("type") == "error":
        return _told(document)
    return None


def told_by_body(document: Mapping[str, Json] | None, text: str) -> Told:
    """What the body of a refusal tells, whatever shape it has: JSON with or without `error`, or plain text."""
    if document is not None:
        return told_of(document) or _told(document)
    text = text.strip()
    return Told(text, _kind_of({"message": text})) if text else Told("no text", None)


@dataclass(frozen=True, slots=True)
class Signs:
    """What a stream shows of its own end."""

    error: Told | None
    finish_reason: str | None
    done: bool
    malformed: int
    readable: bool
    prompt_tokens: int | None = None
    cached_tokens: int | None = None


def _asked_chars(recording: Recording, cached_told: bool) -> int | None:
    """The length of a prompt; None for one that goes on with a conversation where the server does not tell how much
    of it was cached: some leave that part out of their counts."""
    messages = recording.request.get("messages")
    if not isinstance(messages, list):
        return None
    if not cached_told and any(message.get("role") == "assistant" for message in messages):
        return None
    return sum(len(message["content"]) for message in messages if isinstance(message.get("content"), str))


def _cut(recording: Recording, signs: Signs) -> Told | None:
    """A prompt of which the server counts far fewer tokens than it can have: it was cut, and nobody said so.

    What it can have is known from the server's own count of another prompt, where it was asked for one before the run.
    """
    chars, tokens = _asked_chars(recording, signs.cached_tokens is not None), signs.prompt_tokens
    if chars is None or not tokens or chars < CUT_CHARS:
        return None
    counted = tokens + (signs.cached_tokens or 0)
    if counted * CHARS_A_TOKEN >= chars and counted >= (recording.least_prompt_tokens or 0):
        return None
    return Told(f"the server counts {counted} tokens in a prompt of {chars} characters: it was cut", "context_overflow")


def fault_of(recording: Recording, signs: Signs, body: Told) -> StreamError | None:
    """The first thing that went wrong, None when nothing did. A fault of the connection after the answer's end is
    none: the answer is whole once a finish reason or [DONE] was seen."""
    refused = recording.status is not None and not 200 <= recording.status < 300
    ended = signs.done or signs.finish_reason is not None
    told: Told | None = None
    if signs.error is not None:
        told = signs.error
    elif refused:
        told = body
    elif recording.ended != "complete" and not ended:
        told = Told(recording.fault or f"the connection ended: {recording.ended}", recording.ended)
    elif signs.malformed:
        told = Told(f"{signs.malformed} events were not JSON, so text may be missing", "malformed_event")
    elif not signs.readable:
        told = Told(f"the reply is neither a stream nor an answer: {body.message[:_EXCERPT_CHARS]}", "not_a_stream")
    elif signs.finish_reason == "error":
        told = Told("the server ended the answer with the finish reason `error`", "finish_reason_error")
    elif not ended:
        told = Told("the stream ended with neither a finish reason nor [DONE]", "unfinished")
    else:
        told = _cut(recording, signs)
    if told is None:
        return None
    return StreamError(told.message[:MESSAGE_CHARS], told.kind, recording.status)
