"""Find what went wrong with a reply: an error that the server reported, or a stream that ended badly.

`find_stream_error` decides for the whole stream. Whether an error counts against the model is decided in score. The
`kind` of an error is, in this order:

- `context_overflow`: the context cannot hold the prompt or the answer, in the words of the servers that are known, or
  because the server's own token count shows that it truncated the prompt;
- the server's own code or type, or `event_order` for events that came in an impossible order;
- how the stream ended: `reset`, `read_timeout`, `connect_failed`, `protocol_error`, `limit_exceeded` (as recorded),
  `malformed_event`, `not_a_stream`, `finish_reason_error`, `unfinished` (neither a finish reason nor the last event,
  or the last event alone, after no token).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.apis import ReportedError, find_api
from harness.types import REPETITION, Recording, StreamError

MAX_MESSAGE_CHARS = 2000
_MAX_EXCERPT_CHARS = 300
MAX_CHARS_PER_TOKEN = 8
"""More characters than any tokenizer averages per token of prose or code; 3 to 5 is usual."""
MIN_TRUNCATION_CHARS = 4000
"""Shorter prompts are not checked for truncation: they fit into any context that a server is run with."""

BodyError = Callable[[], ReportedError]


@dataclass(frozen=True, slots=True)
class StreamSummary:
    """What a whole stream shows about its success.

    `readable` is False for a body that is neither an event stream nor a complete answer. `has_tokens` says whether the
    model generated anything.
    """

    error: ReportedError | None
    finish_reason: str | None
    done: bool
    malformed: int
    readable: bool
    has_tokens: bool
    prompt_tokens: int | None = None
    cached_tokens: int | None = None

    @property
    def finished(self) -> bool:
        """Whether the server ended the stream. Some servers send no finish reason."""
        return self.done or self.finish_reason is not None

    @property
    def has_answer(self) -> bool:
        """Whether the stream ended as one with an answer does.

        The last event without a finish reason, and without a token before it, is what llama-cpp-python sends of a
        request that it drops for another one: no answer that is empty.
        """
        return self.finish_reason is not None or (self.done and self.has_tokens)


def _prompt_chars(recording: Recording, cached_known: bool) -> int | None:
    """The length of the prompt in characters; None if it cannot be compared with the server's token count.

    Some servers leave the cached part of a conversation out of their count. So a later turn is compared only if the
    server reports its cached tokens.
    """
    parts = find_api(recording.url).read_prompt(recording.request)
    if parts is None or (not cached_known and any(part.role == "assistant" for part in parts)):
        return None
    return sum(len(part.text) for part in parts)


def _find_truncation(recording: Recording, summary: StreamSummary) -> ReportedError | None:
    """Find a prompt that the server truncated silently: it counts fewer tokens than the prompt can have.

    Ollama drops the oldest messages without an error (server/prompt.go). A lower bound follows from the characters; a
    better one is known if the run asked the server before to count another prompt.
    """
    chars, tokens = _prompt_chars(recording, summary.cached_tokens is not None), summary.prompt_tokens
    if chars is None or not tokens or chars < MIN_TRUNCATION_CHARS:
        return None
    cached = summary.cached_tokens or 0
    # A server computes at least one token of a prompt, so that as many cached ones are counted apart.
    counted = tokens + cached if cached >= tokens else tokens
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
        return ReportedError(f"the reply is neither an event stream nor a complete answer: {excerpt}", "not_a_stream")
    if summary.finish_reason == "error":
        return ReportedError("the server ended the answer with the finish reason `error`", "finish_reason_error")
    if not summary.has_answer:
        missing = "a token" if summary.done else "the last event"
        return ReportedError(f"the stream ended with neither a finish reason nor {missing}", "unfinished")
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
