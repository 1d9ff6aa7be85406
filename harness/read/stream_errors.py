"""Find what went wrong with a reply: an error that the server reported, or a stream that ended badly.

`find_error` reads one JSON object, `error_from_body` the body of an error response, `find_stream_error` decides for the
whole stream. Whether an error counts against the model is decided in score. The `kind` of an error is, in this order:

- `context_overflow`: the context cannot hold the prompt or the answer, in the words of the servers that are known, or
  because the server's own token count shows that it truncated the prompt;
- the server's own code or type;
- how the stream ended: `reset`, `read_timeout`, `connect_failed`, `protocol_error`, `limit_exceeded` (as recorded),
  `malformed_event`, `not_a_stream`, `finish_reason_error`, `unfinished` (neither a finish reason nor [DONE]).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.read.json_text import to_text
from harness.types import REPETITION, Json, Recording, StreamError

MAX_MESSAGE_CHARS = 2000
_MAX_EXCERPT_CHARS = 300
MAX_CHARS_PER_TOKEN = 8
"""More characters than any tokenizer averages per token of prose or code; 3 to 5 is usual."""
MIN_TRUNCATION_CHARS = 4000
"""Shorter prompts are not checked for truncation: they fit into any context that a server is run with."""
_OVERFLOW_CODE = re.compile(r"context_length_exceeded|exceed_context_size", re.IGNORECASE)
# In this order: llama-server, vLLM and llama-cpp-python, oMLX and Ollama, LM Studio, LM Studio before 0.4.
_OVERFLOW_TEXT = re.compile(
    r"exceeds? the available context|maximum context length|prompt (is )?too long|input does not fit in context"
    r"|exceed\w* (the )?(max\w* )?context (length|window|size)|n_keep\b.*\bn_ctx|n_ctx\b.*\bn_keep"
    r"|tokens to keep from the initial prompt is greater",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class ReportedError:
    """An error in the server's own words, or in this module's: its message, and its kind if there is one."""

    message: str
    kind: str | None


BodyError = Callable[[], ReportedError]


def _error_kind(error: Mapping[str, Json]) -> str | None:
    names = [error[key] for key in ("code", "type") if isinstance(error.get(key), str) and error[key]]
    message = error.get("message")
    if any(map(_OVERFLOW_CODE.search, names)) or (isinstance(message, str) and _OVERFLOW_TEXT.search(message)):
        return "context_overflow"
    return names[0] if names else None


def _parse_error(value: Json) -> ReportedError:
    """Parse the value of `error`: an object with a message, or a string."""
    if not isinstance(value, dict):
        return ReportedError(to_text(value), _error_kind({"message": value}))
    message = to_text(next((value[key] for key in ("message", "error", "detail") if value.get(key)), value))
    return ReportedError(message, _error_kind({**value, "message": message}))


def find_error(document: Mapping[str, Json], event_name: str | None = None) -> ReportedError | None:
    """Find the error in a JSON object: under `error`, in an object of type `error`, or in an event named `error`."""
    error = document.get("error")
    if error and error is not True:
        return _parse_error(error)
    if error or event_name == "error" or document.get("object") == "error" or document.get("type") == "error":
        return _parse_error(document)
    return None


def error_from_body(document: Mapping[str, Json] | None, text: str) -> ReportedError:
    """Read the body of an error response, whatever its shape: JSON with or without `error`, or plain text."""
    if document is not None:
        return find_error(document) or _parse_error(document)
    text = text.strip()
    return _parse_error(text) if text else ReportedError("empty response body", None)


@dataclass(frozen=True, slots=True)
class StreamSummary:
    """What a whole stream shows about its success.

    `readable` is False for a body that is neither an event stream nor a chat completion.
    """

    error: ReportedError | None
    finish_reason: str | None
    done: bool
    malformed: int
    readable: bool
    prompt_tokens: int | None = None
    cached_tokens: int | None = None

    @property
    def finished(self) -> bool:
        """Whether the answer is complete."""
        return self.done or self.finish_reason is not None


def _prompt_chars(recording: Recording, cached_known: bool) -> int | None:
    """The length of the prompt in characters; None if it cannot be compared with the server's token count.

    Some servers leave the cached part of a conversation out of their count. So a later turn is compared only if the
    server reports its cached tokens.
    """
    messages = recording.request.get("messages")
    if not isinstance(messages, list):
        return None
    if not cached_known and any(message.get("role") == "assistant" for message in messages):
        return None
    return sum(len(message["content"]) for message in messages if isinstance(message.get("content"), str))


def _find_truncation(recording: Recording, summary: StreamSummary) -> ReportedError | None:
    """Find a prompt that the server truncated silently: it counts fewer tokens than the prompt can have.

    Ollama drops the oldest messages without an error (server/prompt.go). A lower bound follows from the characters; a
    better one is known if the run asked the server before to count another prompt.
    """
    chars, tokens = _prompt_chars(recording, summary.cached_tokens is not None), summary.prompt_tokens
    if chars is None or not tokens or chars < MIN_TRUNCATION_CHARS:
        return None
    counted = tokens + (summary.cached_tokens or 0)
    if counted * MAX_CHARS_PER_TOKEN >= chars and counted >= (recording.min_prompt_tokens or 0):
        return None
    message = f"the server counted {counted} tokens in a prompt of {chars} characters: it truncated the prompt"
    return ReportedError(message, "context_overflow")


def _find_bad_end(recording: Recording, summary: StreamSummary, body_error: BodyError) -> ReportedError | None:
    """Find an error that no server reported but the end of the stream shows."""
    if recording.end_reason == REPETITION:
        return None
    if recording.end_reason != "complete" and not summary.finished:
        return ReportedError(recording.error or f"the connection ended: {recording.end_reason}", recording.end_reason)
    if summary.malformed:
        return ReportedError(f"{summary.malformed} events were not JSON, so text may be missing", "malformed_event")
    if not summary.readable:
        excerpt = body_error().message[:_MAX_EXCERPT_CHARS]
        return ReportedError(f"the reply is neither an event stream nor a chat completion: {excerpt}", "not_a_stream")
    if summary.finish_reason == "error":
        return ReportedError("the server ended the answer with the finish reason `error`", "finish_reason_error")
    if not summary.finished:
        return ReportedError("the stream ended with neither a finish reason nor [DONE]", "unfinished")
    return _find_truncation(recording, summary)


def find_stream_error(recording: Recording, summary: StreamSummary, body_error: BodyError) -> StreamError | None:
    """Return the first thing that went wrong, None if nothing did.

    `body_error` searches the whole body, which costs more than the rest, so it is called only where it is needed.
    A connection that breaks after a finish reason or [DONE] is no error: the answer is complete by then.
    """
    refused = recording.status is not None and not 200 <= recording.status < 300
    error = summary.error or (body_error() if refused else _find_bad_end(recording, summary, body_error))
    if error is None:
        return None
    return StreamError(error.message[:MAX_MESSAGE_CHARS], error.kind, recording.status)
