"""A recording to a reading: chunks to events, events to deltas, deltas folded into text, calls, counts and timings.

Rules that are decided here, because they need the whole stream:

- A role-only chunk after the first one and before any token is a keep-alive.
- An echo is a blank reasoning delta before everything else in a stream whose reasoning is blank to its end, when
  other tokens follow: transformers sends the empty thought of its prompt so, before the prefill. It is no token,
  starts no clock and is no reasoning; its time is `echo_s`. Where a model really generated an empty thought, TTFT
  is two or three tokens late by this rule; without it TTFT would be early by the whole prefill. The text that a
  proxy makes up while it loads a model is an echo too (loading.py): no model generated it.
- A whole message after deltas is a repetition and is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.read.dialects import Delta, delta_of, read_event
from harness.read.faults import Signs, Told, fault_of, told_by_body
from harness.read.json_text import object_of
from harness.read.loading import without_loading
from harness.read.sse import Events, split
from harness.read.think import Parted, part
from harness.read.timing import Ending, Moments, first_arrival, measure
from harness.read.tools import calls_of
from harness.read.usage import usage_of
from harness.types import Counts, Json, Reading, Recording, StreamError

_BODY_LIMIT_BYTES = 16_384


@dataclass(slots=True)
class _Folded:
    """What the deltas said together."""

    tokens: list[Delta] = field(default_factory=list)
    events: int = 0
    tally: dict[str, int] = field(default_factory=dict)
    done: bool = False
    role_ns: int | None = None
    echo_ns: int | None = None
    finish_reason: str | None = None
    usage: Mapping[str, Json] | None = None
    speeds: Mapping[str, Json] | None = None
    model: str | None = None
    error: Told | None = None

    def add(self, delta: Delta) -> None:
        kind: str = delta.kind
        if kind == "done":
            self.done = True
            return
        self.events += 1
        if kind == "role_only" and not self.tokens:
            kind = "role_only" if self.role_ns is None else "keepalive"
            self.role_ns = delta.at_ns if self.role_ns is None else self.role_ns
        if kind == "token" and delta.whole and self.tokens:
            kind = "other"
        self.tally[kind] = self.tally.get(kind, 0) + 1
        if kind == "token":
            self.tokens.append(delta)
        if kind == "echo" and self.echo_ns is None:
            self.echo_ns = delta.at_ns
        self.finish_reason = delta.finish_reason or self.finish_reason
        self.usage = delta.usage or self.usage
        self.speeds = delta.speeds or self.speeds
        self.model = self.model or delta.model
        self.error = self.error or delta.error


def _fold(deltas: Sequence[Delta]) -> _Folded:
    folded = _Folded()
    for delta in deltas:
        folded.add(delta)
    return folded


def _echoes(tokens: Sequence[Delta]) -> int:
    """How many of the first token events are an echo of the prompt's empty thought."""
    if any(delta.reasoning.strip() for delta in tokens):
        return 0
    for number, delta in enumerate(tokens):
        if delta.content or any(piece.generated for piece in delta.pieces):
            return number
    return 0


def _mend(text: str) -> str:
    """Put the halves of a character together that a server escaped into two deltas."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return text


def _usable_ns(tokens: Sequence[Delta], parted: Parted) -> int | None:
    """When the first thing came that a user can use: content, thoughts aside, or a tool call."""
    times = [delta.at_ns for delta in tokens if any(piece.generated for piece in delta.pieces)][:1]
    if parted.first is not None:
        times.append([delta.at_ns for delta in tokens if delta.content][parted.first])
    return min(times, default=None)


def _counts(folded: _Folded, events: Events, moments: Moments) -> Counts:
    times_ns = moments.tokens_ns
    return Counts(
        events=folded.events,
        comments=events.comments,
        keepalives=folded.tally.get("keepalive", 0),
        role_only=folded.tally.get("role_only", 0),
        empty=folded.tally.get("empty", 0),
        malformed=folded.tally.get("malformed", 0),
        echoes=folded.tally.get("echo", 0) + len(folded.tokens) - len(times_ns),
        token_events=len(times_ns),
        token_events_first=first_arrival(times_ns),
        arrivals=len(set(times_ns)),
        unfinished_bytes=events.unfinished_bytes,
    )


def _moments(recording: Recording, folded: _Folded, tokens: Sequence[Delta], parted: Parted) -> Moments:
    blank_ns = folded.tokens[0].at_ns if len(tokens) < len(folded.tokens) else None
    return Moments(
        first_byte_ns=next((chunk.at_ns for chunk in recording.chunks if chunk.data), None),
        role_ns=folded.role_ns,
        echo_ns=blank_ns if folded.echo_ns is None else folded.echo_ns,
        tokens_ns=[delta.at_ns for delta in tokens],
        usable_ns=_usable_ns(tokens, parted),
    )


@dataclass(frozen=True, slots=True)
class _Body:
    """The body as one JSON object where it is no stream, and its beginning as text for a message."""

    document: dict[str, Json] | None
    text: str


def _fault(recording: Recording, folded: _Folded, events: Events, body: _Body) -> StreamError | None:
    answered = events.recognised or bool(folded.finish_reason or folded.tokens)
    usage = usage_of(folded.usage, folded.speeds)
    signs = Signs(
        error=folded.error,
        finish_reason=folded.finish_reason,
        done=folded.done,
        malformed=folded.tally.get("malformed", 0),
        readable=answered or not body.text.strip(),
        prompt_tokens=usage.prompt_tokens if usage else None,
        cached_tokens=usage.cached_tokens if usage else None,
    )
    return fault_of(recording, signs, told_by_body(body.document, body.text))


def _body(recording: Recording, events: Events) -> _Body:
    raw = b"".join(chunk.data for chunk in recording.chunks)
    if events.recognised:
        return _Body(None, raw[:_BODY_LIMIT_BYTES].decode("utf-8", "replace"))
    text = raw.decode("utf-8", "replace").removeprefix("\ufeff")
    return _Body(object_of(text), text[:_BODY_LIMIT_BYTES])


def read(recording: Recording) -> Reading:
    """What a recording says. Never raises: a fault of the server, of the connection or of the bytes is `error`."""
    events = split(recording.chunks)
    body = _body(recording, events)
    if body.document is None:
        folded = _fold(without_loading([read_event(event) for event in events.events]))
    else:
        folded = _fold([delta_of(body.document, None, recording.chunks[-1].at_ns)])
    tokens = folded.tokens[_echoes(folded.tokens) :]
    reasoning = "".join(delta.reasoning for delta in tokens)
    parted = part([delta.content for delta in tokens if delta.content], bool(reasoning.strip()))
    moments, usage = _moments(recording, folded, tokens, parted), usage_of(folded.usage, folded.speeds)
    error = _fault(recording, folded, events, body)
    finished = folded.done or folded.finish_reason is not None
    ending = Ending(
        streamed=body.document is None,
        failed=folded.error is not None or (finished and error is not None),
        finished=finished,
    )
    return Reading(
        content=_mend(parted.content),
        reasoning=_mend(reasoning + parted.thought),
        tool_calls=calls_of(piece for delta in tokens for piece in delta.pieces),
        finish_reason=folded.finish_reason,
        done=folded.done,
        usage=usage,
        error=error,
        counts=_counts(folded, events, moments) if ending.streamed else Counts(),
        timings=measure(moments, usage, ending),
        server_timings=folded.speeds,
        reported_model=folded.model,
    )
