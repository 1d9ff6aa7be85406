"""What recorded replies show of the server that streamed them, compared with what its kind's TOML file states.

`observe` returns one finding for each fact; `read_reply` and `compare` serve the other modules of the probe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.apis import DEFAULT_API, REASONING_KEYS, extract_text, find_api, get_api, parse_object
from harness.read import count_loading_events, read, split_events
from harness.servers.kinds import ServerKind
from harness.types import Json, ProbeFinding, Reading, Recording

EARLY_S = 0.05
EARLY_TOKENS = 16
"""A server may generate this many tokens before the first visible one: the opening mark of a thought or a tool call."""
MIN_TOKENS_PER_BURST = 1.5
MIN_COUNTED_TOKENS = 16


@dataclass(frozen=True, slots=True)
class ProbeReply:
    """A recording with its reading, and the JSON objects of its events with their times in seconds."""

    recording: Recording
    reading: Reading
    objects: tuple[tuple[float, Mapping[str, Json]], ...]

    @property
    def text(self) -> str:
        """All generated text: content and reasoning."""
        return self.reading.content + self.reading.reasoning

    @property
    def is_complete(self) -> bool:
        """Whether a token arrived and the stream ended without an error."""
        return self.reading.error is None and self.reading.timings.ttft_s is not None


def read_reply(recording: Recording) -> ProbeReply:
    """Read a recording."""
    events = split_events(recording.chunks).events
    objects = ((event.at_ns / 1e9, parse_object(event.data)) for event in events)
    return ProbeReply(recording, read(recording), tuple((at_s, found) for at_s, found in objects if found is not None))


def compare(name: str, stated: Json, observed: Json, note: str | None = None) -> ProbeFinding:
    """A finding that agrees if both values are equal; undecided if one of them is None."""
    agrees = None if stated is None or observed is None else stated == observed
    return ProbeFinding(name, stated, observed, agrees, note)


def observe(recordings: Sequence[Recording], kind: ServerKind) -> tuple[ProbeFinding, ...]:
    """Compare the complete replies with their kind. What no reply shows is observed as None.

    A kind states the shape of chat streams only; of another API, whether cached tokens are reported.
    """
    api = find_api(recordings[0].url) if recordings else get_api(DEFAULT_API)
    replies = [reply for reply in map(read_reply, recordings) if reply.is_complete]
    if api.name != DEFAULT_API:
        return (_cached_tokens_finding(replies, kind.api_facts(api.name).cached_tokens),)
    return tuple(check(replies, kind) for check in CHECKS)


def _early_events(replies: Sequence[ProbeReply], kind: ServerKind) -> ProbeFinding:
    observed = sorted(set().union(*map(_events_before_token, replies)))
    stated = sorted(kind.stream.early_events)
    unexpected = set(observed) - set(stated)
    note = None if observed else "no event arrived measurably before the first token"
    return ProbeFinding("early_events", stated, observed, not unexpected, note)


def _events_before_token(reply: ProbeReply) -> set[str]:
    """The kinds of events that came clearly before the first token."""
    reading, limit_s = reply.reading, _early_limit_s(reply)
    found = set()
    if any(chunk.at_ns / 1e9 < limit_s and _is_comment(chunk.data) for chunk in reply.recording.chunks):
        found.add("comment")
    if reading.timings.role_s is not None and reading.timings.role_s < limit_s:
        found.add("role_chunk")
    if reading.counts.synthetic_events and (reading.timings.first_synthetic_s or 0.0) < limit_s:
        found.add("synthetic_progress" if _begins_with_loading_messages(reply) else "synthetic_echo")
    if any(at_s < limit_s and _is_keepalive(document) for at_s, document in reply.objects):
        found.add("keepalive_chunk")
    return found


def _early_limit_s(reply: ProbeReply) -> float:
    """What came before this time came before the first token was generated, not only before it was visible."""
    timings, events = reply.reading.timings, reply.reading.counts.token_events
    first_s = timings.ttft_s or 0.0
    s_per_event = ((timings.e2e_s or first_s) - first_s) / max(1, events - 1)
    return first_s - max(EARLY_S, EARLY_TOKENS * s_per_event)


def _is_comment(data: bytes) -> bool:
    return data.lstrip(b"\r\n").startswith(b":")


def _is_keepalive(document: Mapping[str, Json]) -> bool:
    """oMLX names its keep-alive chunks in `model`; llama.cpp's hold `prompt_progress`."""
    return document.get("model") == "keepalive" or isinstance(document.get("prompt_progress"), dict)


def _begins_with_loading_messages(reply: ProbeReply) -> bool:
    """Whether the stream begins with the reasoning that llama-swap invents while it loads the model."""
    parse = get_api(DEFAULT_API).event_parser()
    return count_loading_events([parse(document, None, 0) for _, document in reply.objects]) > 0


def _role_chunk(replies: Sequence[ProbeReply], kind: ServerKind) -> ProbeFinding:
    positions = [position for position in map(_role_position, replies) if position is not None]
    stated = kind.stream.role_chunk
    if not positions:
        return ProbeFinding("role_chunk", stated, "none" if replies else None, None)
    # One early role chunk proves that they come early; a late one may only mean that the prefill was very short.
    observed = "before_prefill" if "before_prefill" in positions else positions[0]
    expected = "with_first_token" if stated == "after_prefill" else stated
    too_short = expected == "before_prefill" and observed == "with_first_token"
    agrees = None if stated == "any" or too_short else expected == observed
    return ProbeFinding(
        "role_chunk", stated, observed, agrees, "the prefill was too short to tell" if too_short else None
    )


def _role_position(reply: ProbeReply) -> str | None:
    has_role = [bool(delta.get("role")) for delta in _deltas(reply)]
    if not any(has_role):
        return None
    if len(has_role) > 2 and sum(has_role) >= len(has_role) - 1:
        return "every_chunk"
    role_s = reply.reading.timings.role_s
    return "before_prefill" if role_s is not None and role_s < _early_limit_s(reply) else "with_first_token"


def _deltas(reply: ProbeReply) -> Iterator[Mapping[str, Json]]:
    for _, document in reply.objects:
        choices = document.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and isinstance(choice.get("delta"), dict):
                yield choice["delta"]


def _reasoning_keys(replies: Sequence[ProbeReply], kind: ServerKind) -> ProbeFinding:
    deltas = [delta for reply in replies for delta in _deltas(reply)]
    keys = sorted({key for key in REASONING_KEYS for delta in deltas if extract_text(delta.get(key)).strip()})
    is_inline = not keys and any(reply.reading.reasoning.strip() for reply in replies)
    observed = keys or (["in the content"] if is_inline else None)
    stated = list(kind.stream.reasoning_keys)
    agrees = None if observed is None else set(observed) <= set(stated)
    return ProbeFinding("reasoning_keys", stated, observed, agrees, None if observed else "no reply had reasoning")


def _usage(replies: Sequence[ProbeReply], kind: ServerKind) -> ProbeFinding:
    positions = sorted(set(map(_usage_position, replies)))
    observed = positions[0] if len(positions) == 1 else "any" if positions else None
    stated = kind.stream.usage
    return compare("usage", None if stated == "any" else stated, observed)


def _usage_position(reply: ProbeReply) -> str:
    separate = finish = False
    for _, document in reply.objects:
        if isinstance(document.get("usage"), dict) and document["usage"]:
            separate = separate or not document.get("choices")
            finish = finish or bool(document.get("choices"))
    if separate and finish:
        return "both"
    return "separate_chunk" if separate else "finish_chunk" if finish else "none"


def _sends_done(replies: Sequence[ProbeReply], kind: ServerKind) -> ProbeFinding:
    return compare(
        "sends_done", kind.stream.sends_done, all(reply.reading.done for reply in replies) if replies else None
    )


def _reports_cached_tokens(replies: Sequence[ProbeReply], kind: ServerKind) -> ProbeFinding:
    return _cached_tokens_finding(replies, kind.cache.cached_tokens is not None)


def _cached_tokens_finding(replies: Sequence[ProbeReply], stated: bool | None) -> ProbeFinding:
    counts = [reply.reading.usage.cached_tokens if reply.reading.usage else None for reply in replies]
    # A kind that counts none may write 0 all the same.
    reported = any(counts) if stated is False else any(count is not None for count in counts)
    return compare("reports_cached_tokens", stated, reported if counts else None)


def _reports_speeds(replies: Sequence[ProbeReply], kind: ServerKind) -> ProbeFinding:
    observed = any(reply.reading.server_timings for reply in replies) if replies else None
    return compare("reports_speeds", kind.timings is not None, observed)


def _tokens_per_event(replies: Sequence[ProbeReply], kind: ServerKind) -> ProbeFinding:
    stated = kind.stream.tokens_per_event
    counts = [
        (reply.reading.usage.completion_tokens or 0, reply.reading.counts.token_events)
        for reply in replies
        if reply.reading.usage is not None and (reply.reading.usage.completion_tokens or 0) >= MIN_COUNTED_TOKENS
    ]
    tokens, events = sum(count for count, _ in counts), sum(count for _, count in counts)
    if not events:
        return ProbeFinding("tokens_per_event", stated, None, None, "no reply was long enough")
    observed = "many" if tokens / events > MIN_TOKENS_PER_BURST else "one"
    return compare(
        "tokens_per_event", None if stated == "any" else stated, observed, f"{tokens} tokens in {events} events"
    )


CHECKS: tuple[Callable[[Sequence[ProbeReply], ServerKind], ProbeFinding], ...] = (
    _early_events,
    _role_chunk,
    _reasoning_keys,
    _usage,
    _sends_done,
    _reports_cached_tokens,
    _reports_speeds,
    _tokens_per_event,
)
