"""Parse a recording into a reading; `read` is the entry point.

Chunks become events (sse.py), events become deltas (harness/apis), and the deltas are folded into text, tool calls,
counts and timings. Four rules need the whole stream and are therefore decided here:

- A role-only chunk after the first one and before any token is a keep-alive. Only the first one has its time kept, as
  `role_s`; it is never the first token, since oMLX, vllm-mlx, mlx-openai-server and transformers send it before the
  prefill. (vLLM 0.19.1's own benchmark took it for the first token: TTFT 2 ms instead of 300.)
- Leading reasoning deltas of whitespace are synthetic if the reasoning of the stream is whitespace to its end and other
  tokens follow: transformers re-emits the prompt's empty think block in this way, 640 ms before the first token of a
  prompt of 6026 tokens. A synthetic event is neither a token nor reasoning and does not set TTFT; the time of the first
  one is `first_synthetic_s`. A model that really generates an empty think block gets a TTFT two or three tokens late by
  this rule; without the rule TTFT would be early by the whole prefill.
- The loading message of llama-swap is synthetic, too (loading_messages.py).
- A complete message after deltas repeats them: of it counts only what came on no channel before, such as a tool call
  that stands in the message alone.

Sources: the projects' code and captured streams; tests/data/traces holds captures, tests/test_read_traces.py reads
them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.apis import (
    Api,
    Delta,
    EventKind,
    EventParser,
    ReportedError,
    ToolCallDelta,
    error_from_body,
    find_api,
    find_count,
    parse_object,
)
from harness.read.loading_messages import without_loading
from harness.read.sse import DONE, Event, Events, split_events
from harness.read.stream_errors import StreamSummary, find_stream_error
from harness.read.think import SplitContent, split_thinking
from harness.read.timing import EventTimes, StreamEnd, arrival_starts, compute_timings, count_first_read
from harness.read.tool_calls import assemble_tool_calls
from harness.read.work import read_work
from harness.types import REPETITION, Counts, Json, Reading, Recording, StreamError, Usage

_MAX_BODY_BYTES = 16_384


@dataclass(slots=True)
class _StreamState:
    """The state of the fold: what all deltas so far said together."""

    api: Api
    tokens: list[Delta] = field(default_factory=list)
    calls: list[ToolCallDelta] = field(default_factory=list)
    has_content: bool = False
    has_reasoning: bool = False
    has_call: bool = False
    events: int = 0
    kinds: Counter[EventKind] = field(default_factory=Counter)
    done: bool = False
    role_ns: int | None = None
    first_synthetic_ns: int | None = None
    finish_reason: str | None = None
    usage: Mapping[str, Json] | None = None
    server_timings: Mapping[str, Json] | None = None
    model: str | None = None
    error: ReportedError | None = None

    def add(self, delta: Delta) -> None:
        """Fold in the next delta."""
        if delta.kind == "done":
            self.done = True
            return
        self.events += 1
        if delta.is_message and self.tokens:
            delta = self._without_repetition(delta)
        self._add_kind(self._resolve_kind(delta), delta)
        self._merge_fields(delta)

    def _resolve_kind(self, delta: Delta) -> EventKind:
        """The delta's kind in view of what came before it."""
        if delta.kind == "role_only" and self.role_ns is not None and not self.tokens:
            return "keepalive"
        return delta.kind

    def _without_repetition(self, delta: Delta) -> Delta:
        """A complete message without the channels that came before it.

        Its reasoning after content is the part of that content that the server took out of it.
        """
        delta = replace(
            delta,
            content="" if self.has_content else delta.content,
            reasoning="" if self.has_content or self.has_reasoning else delta.reasoning,
            tool_calls=() if self.has_call else delta.tool_calls,
        )
        return delta if delta.is_generated or delta.kind != "token" else replace(delta, kind="other")

    def _add_kind(self, kind: EventKind, delta: Delta) -> None:
        self.kinds[kind] += 1
        # An event that only tells the id of a call has no token.
        self.calls += [call for call in delta.tool_calls if kind == "token" or (call.key and not call.is_generated)]
        if kind == "token":
            self.tokens.append(delta)
            self.has_content = self.has_content or bool(delta.content)
            self.has_reasoning = self.has_reasoning or bool(delta.reasoning)
            self.has_call = self.has_call or delta.has_tool_call
        elif kind == "role_only" and not self.tokens:
            self.role_ns = delta.at_ns
        elif kind == "synthetic" and self.first_synthetic_ns is None:
            self.first_synthetic_ns = delta.at_ns

    def _merge_fields(self, delta: Delta) -> None:
        """Keep the last finish reason and timings, which servers update; and the first model and error.

        vllm-mlx sends usage twice and vLLM can send it with every chunk: the last count of each name is the total,
        never a summand. Messages counts the prompt in its first event and the output in one of its last.
        """
        self.done = self.done or delta.is_last
        self.finish_reason = delta.finish_reason or self.finish_reason
        self.usage = _merge_counts(self.usage or {}, delta.usage) if delta.usage else self.usage
        self.server_timings = delta.server_timings or self.server_timings
        self.model = self.model or delta.model
        self.error = self.error or delta.error

    @property
    def finished(self) -> bool:
        """Whether the answer is complete."""
        return self.done or self.finish_reason is not None

    def parse_usage(self) -> Usage | None:
        """The server's token counts. What they lack is taken from llama.cpp's `timings`, if those have it."""
        usage = self.api.parse_usage(self.usage or {})
        counts = _counts_of_timings(self.server_timings or {})
        usage = replace(
            usage,
            prompt_tokens=counts.prompt_tokens if usage.prompt_tokens is None else usage.prompt_tokens,
            completion_tokens=counts.completion_tokens if usage.completion_tokens is None else usage.completion_tokens,
            cached_tokens=counts.cached_tokens if usage.cached_tokens is None else usage.cached_tokens,
        )
        return None if usage == Usage() else usage


def _counts_of_timings(timings: Mapping[str, Json]) -> Usage:
    """The counts in llama.cpp's `timings`. Its `prompt_n` leaves the cached tokens out, older versions do not state."""
    prompt, cached = find_count(timings, (("prompt_n",),)), find_count(timings, (("cache_n",),))
    return Usage(
        prompt_tokens=None if prompt is None or cached is None else prompt + cached,
        completion_tokens=find_count(timings, (("predicted_n",),)),
        cached_tokens=cached,
    )


def _merge_counts(old: Mapping[str, Json], new: Mapping[str, Json]) -> dict[str, Json]:
    """The last count of each name, also within objects such as `prompt_tokens_details`; null is no count."""
    merged = dict(old)
    for name, value in new.items():
        before = merged.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            merged[name] = before | {key: count for key, count in value.items() if count is not None}
        elif value is not None:
            merged[name] = value
    return merged


def parse_event(event: Event, parse: EventParser) -> Delta:
    """Parse one event. One whose data is not a JSON object is `malformed`, or an error if the event is named so."""
    text = event.data.strip()
    if text == DONE:
        return Delta("done", event.at_ns)
    document = parse_object(text)
    if document is not None:
        return parse(document, event.name, event.at_ns)
    if event.name == "error":
        return Delta("other", event.at_ns, error=ReportedError(text or "error event without a message", None))
    return Delta("malformed" if text else "keepalive", event.at_ns)


def _collect(api: Api, deltas: Iterable[Delta]) -> _StreamState:
    fold = _StreamState(api)
    for delta in deltas:
        fold.add(delta)
    return fold


@dataclass(frozen=True, slots=True)
class _Body:
    """A body: as a JSON object if it is not an event stream, and its beginning as text for an error message."""

    document: dict[str, Json] | None
    text: str


def _decode_body(recording: Recording, events: Events) -> _Body:
    raw = b"".join(chunk.data for chunk in recording.chunks)
    if events.recognized:
        return _Body(None, raw[:_MAX_BODY_BYTES].decode("utf-8", "replace"))
    text = raw.decode("utf-8", "replace").removeprefix("\ufeff")
    return _Body(parse_object(text), text[:_MAX_BODY_BYTES])


def _collect_recording(recording: Recording, events: Events, body: _Body) -> _StreamState:
    api = find_api(recording.url)
    parse = api.event_parser()
    if body.document is None:
        return _collect(api, without_loading([parse_event(event, parse) for event in events.events]))
    return _collect(api, [parse(body.document, None, recording.chunks[-1].at_ns)])


def _count_synthetic_events(tokens: Sequence[Delta]) -> int:
    """Count the leading token events that repeat the prompt's empty think block."""
    if any(delta.reasoning.strip() for delta in tokens):
        return 0
    for index, delta in enumerate(tokens):
        if delta.content or delta.has_tool_call:
            return index
    return 0


def _join_surrogates(text: str) -> str:
    """Join surrogate pairs: a server may escape the two halves of one character into two deltas."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return text


def _first_output_ns(tokens: Sequence[Delta], split: SplitContent) -> int | None:
    """When the first content (without reasoning) or tool call arrived: the first thing that a user can use."""
    times_ns = [delta.at_ns for delta in tokens if delta.has_tool_call][:1]
    if split.first_delta is not None:
        times_ns.append([delta.at_ns for delta in tokens if delta.content][split.first_delta])
    return min(times_ns, default=None)


def _event_times(recording: Recording, fold: _StreamState, tokens: Sequence[Delta], split: SplitContent) -> EventTimes:
    whitespace_ns = fold.tokens[0].at_ns if len(tokens) < len(fold.tokens) else None
    tokens_ns = [delta.at_ns for delta in tokens]
    return EventTimes(
        first_byte_ns=next((chunk.at_ns for chunk in recording.chunks if chunk.data), None),
        role_ns=fold.role_ns,
        first_synthetic_ns=whitespace_ns if fold.first_synthetic_ns is None else fold.first_synthetic_ns,
        tokens_ns=tokens_ns,
        token_chars=[delta.generated_chars for delta in tokens],
        arrivals=arrival_starts(tokens_ns),
        first_output_ns=_first_output_ns(tokens, split),
    )


def _counts(fold: _StreamState, events: Events, times: EventTimes) -> Counts:
    tokens_ns = times.tokens_ns
    return Counts(
        events=fold.events,
        comments=events.comments,
        keepalives=fold.kinds["keepalive"],
        role_only=fold.kinds["role_only"],
        empty=fold.kinds["empty"],
        malformed=fold.kinds["malformed"],
        synthetic_events=fold.kinds["synthetic"] + len(fold.tokens) - len(tokens_ns),
        token_events=len(tokens_ns),
        token_events_in_first_read=count_first_read(tokens_ns),
        arrivals=len(times.arrivals),
        unfinished_bytes=events.unfinished_bytes,
    )


def _find_error(recording: Recording, fold: _StreamState, events: Events, body: _Body) -> StreamError | None:
    understood = events.recognized or bool(fold.finish_reason or fold.tokens)
    usage = fold.parse_usage()
    summary = StreamSummary(
        error=fold.error,
        finish_reason=fold.finish_reason,
        done=fold.done,
        malformed=fold.kinds["malformed"],
        readable=understood or not body.text.strip(),
        has_tokens=bool(fold.tokens),
        prompt_tokens=usage.prompt_tokens if usage else None,
        cached_tokens=usage.cached_tokens if usage else None,
    )
    return find_stream_error(recording, summary, lambda: error_from_body(body.document, body.text))


def _finish_reason(recording: Recording, fold: _StreamState, usage: Usage | None) -> str | None:
    if fold.finish_reason is None:
        return REPETITION if recording.end_reason == REPETITION else None
    return fold.api.resolve_finish(fold.finish_reason, usage, recording.request)


def read(recording: Recording) -> Reading:
    """Read a recording of any API, which its URL tells.

    It never raises: a failure of the server, the connection or the bytes becomes `error`. The turn that has an agent's
    work is read as the final tree.
    """
    if recording.work is not None:
        return read_work(recording.work)
    events = split_events(recording.chunks)
    body = _decode_body(recording, events)
    fold = _collect_recording(recording, events, body)
    tokens = fold.tokens[_count_synthetic_events(fold.tokens) :]
    reasoning = "".join(delta.reasoning for delta in tokens)
    split = split_thinking([delta.content for delta in tokens if delta.content], bool(reasoning.strip()))
    times, usage = _event_times(recording, fold, tokens, split), fold.parse_usage()
    error = _find_error(recording, fold, events, body)
    end = StreamEnd(
        streamed=body.document is None,
        failed=fold.error is not None or (fold.finished and error is not None),
        finished=fold.finished,
    )
    return Reading(
        content=_join_surrogates(split.content),
        reasoning=_join_surrogates(reasoning + split.reasoning),
        tool_calls=assemble_tool_calls(fold.calls),
        finish_reason=_finish_reason(recording, fold, usage),
        done=fold.done,
        usage=usage,
        error=error,
        counts=_counts(fold, events, times) if end.streamed else Counts(),
        timings=compute_timings(times, usage, end, has_reasoning=bool(reasoning or split.reasoning)),
        server_timings=fold.server_timings,
        reported_model=fold.model,
    )
