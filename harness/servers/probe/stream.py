"""What replies show of the server that streamed them, against what its kind states. Pure; a run's own turns do too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.read import (
    REASONING_KEYS,
    count_loading_events,
    extract_text,
    parse_delta,
    parse_object,
    read,
    split_events,
)
from harness.servers.kinds import ServerKind
from harness.types import Json, ProbeFinding, Reading, Recording

EARLY_S = 0.05
EARLY_TOKENS = 16
"""So many tokens may be generated unseen, a thought's or a call's opening mark, before the first that is seen."""
MANY_TOKENS = 1.5
ENOUGH_TOKENS = 16


@dataclass(frozen=True, slots=True)
class ProbeReply:
    """A reply, read, with the objects of its events and their times in seconds."""

    recording: Recording
    reading: Reading
    objects: tuple[tuple[float, Mapping[str, Json]], ...]


def hear(recording: Recording) -> ProbeReply:
    """Read a recording."""
    events = split_events(recording.chunks).events
    objects = ((event.at_ns / 1e9, parse_object(event.data)) for event in events)
    return ProbeReply(recording, read(recording), tuple((at, one) for at, one in objects if one is not None))


def is_whole(heard: ProbeReply) -> bool:
    """Whether a token came and the stream came to its end."""
    reading = heard.reading
    return reading.error is None and reading.timings.ttft_s is not None


def finding(name: str, stated: Json, live: Json, note: str | None = None) -> ProbeFinding:
    """A fact that must be equal on both sides to agree."""
    agrees = None if stated is None or live is None else stated == live
    return ProbeFinding(name, stated, live, agrees, note)


def _deltas(heard: ProbeReply) -> Iterator[Mapping[str, Json]]:
    for _, document in heard.objects:
        choices = document.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and isinstance(choice.get("delta"), dict):
                yield choice["delta"]


def _reasoning_key(heard: Sequence[ProbeReply], kind: ServerKind) -> ProbeFinding:
    keys = {
        key for one in heard for delta in _deltas(one) for key in REASONING_KEYS if extract_text(delta.get(key)).strip()
    }
    inline = any(one.reading.reasoning.strip() for one in heard) and not keys
    live = sorted(keys) if keys else ["in the text"] if inline else None
    stated = list(kind.stream.reasoning_keys)
    agrees = None if live is None else set(live) <= set(stated)
    return ProbeFinding("reasoning_keys", stated, live, agrees, None if live else "no reply held a thought")


def _clearly_before_s(one: ProbeReply) -> float:
    """What came before this moment came before the first token was generated, not only before it was seen."""
    times, events = one.reading.timings, one.reading.counts.token_events
    first_s = times.ttft_s or 0.0
    pace_s = ((times.e2e_s or first_s) - first_s) / max(1, events - 1)
    return first_s - max(EARLY_S, EARLY_TOKENS * pace_s)


def _is_loading(one: ProbeReply) -> bool:
    """Whether the stream begins with what a proxy makes up while it loads the model."""
    return count_loading_events([parse_delta(document, None, 0) for _, document in one.objects]) > 0


def _before_tokens(one: ProbeReply) -> set[str]:
    """What came clearly before the first token."""
    reading, found = one.reading, set()
    early_s = _clearly_before_s(one)
    if any(
        chunk.at_ns / 1e9 < early_s and chunk.data.lstrip(b"\r\n").startswith(b":") for chunk in one.recording.chunks
    ):
        found.add("comment")
    if reading.timings.role_s is not None and reading.timings.role_s < early_s:
        found.add("role_chunk")
    if reading.counts.echoes and (reading.timings.echo_s or 0.0) < early_s:
        found.add("fake_reasoning" if _is_loading(one) else "echo")
    for at_s, document in one.objects:
        if at_s < early_s and (
            document.get("model") == "keepalive" or isinstance(document.get("prompt_progress"), dict)
        ):
            found.add("keepalive_chunk")
    return found


def _early_events(heard: Sequence[ProbeReply], kind: ServerKind) -> ProbeFinding:
    live = sorted(set().union(*map(_before_tokens, heard)))
    stated = sorted(kind.stream.early_events)
    more = sorted(set(live) - set(stated))
    note = None if live else "nothing came clearly before a first token in these replies"
    return ProbeFinding("early_events", stated, live, not more, note)


def _role_place(one: ProbeReply) -> str | None:
    roles = [bool(delta.get("role")) for delta in _deltas(one)]
    if not any(roles):
        return None
    if len(roles) > 2 and sum(roles) >= len(roles) - 1:
        return "every_chunk"
    role_s = one.reading.timings.role_s
    return "before_prefill" if role_s is not None and role_s < _clearly_before_s(one) else "with_first_token"


def _role_chunk(heard: Sequence[ProbeReply], kind: ServerKind) -> ProbeFinding:
    places = [place for place in map(_role_place, heard) if place is not None]
    stated = kind.stream.role_chunk
    if not places:
        return ProbeFinding("role_chunk", stated, "none" if heard else None, None)
    # One early role chunk is a fact; a late one may only say that the prefill was too short to tell.
    live = "before_prefill" if "before_prefill" in places else places[0]
    same = {"after_prefill": "with_first_token"}.get(stated, stated)
    short = same == "before_prefill" and live == "with_first_token"
    agrees = None if stated == "any" or short else same == live
    return ProbeFinding("role_chunk", stated, live, agrees, "the prefill was too short to tell" if short else None)


def _usage_place(one: ProbeReply) -> str | None:
    own = finish = False
    for _, document in one.objects:
        if isinstance(document.get("usage"), dict) and document["usage"]:
            own = own or not document.get("choices")
            finish = finish or bool(document.get("choices"))
    if own and finish:
        return "both"
    return "separate_chunk" if own else "finish_chunk" if finish else "none"


def _usage(heard: Sequence[ProbeReply], kind: ServerKind) -> ProbeFinding:
    places = sorted({place for place in map(_usage_place, heard) if place is not None})
    live = places[0] if len(places) == 1 else "any" if places else None
    stated = kind.stream.usage
    return finding("usage", None if stated == "any" else stated, live)


def _done(heard: Sequence[ProbeReply], kind: ServerKind) -> ProbeFinding:
    return finding("done", kind.stream.sends_done, all(one.reading.done for one in heard) if heard else None)


def _cached_told(heard: Sequence[ProbeReply], kind: ServerKind) -> ProbeFinding:
    told = [one.reading.usage is not None and one.reading.usage.cached_tokens is not None for one in heard]
    return finding("cached_tokens_told", kind.cache.cached_tokens is not None, any(told) if told else None)


def _own_speeds(heard: Sequence[ProbeReply], kind: ServerKind) -> ProbeFinding:
    live = any(one.reading.server_timings for one in heard) if heard else None
    return finding("own_speeds_told", kind.timings is not None, live)


def _tokens_per_event(heard: Sequence[ProbeReply], kind: ServerKind) -> ProbeFinding:
    counts = [
        (one.reading.usage.completion_tokens or 0, one.reading.counts.token_events)
        for one in heard
        if one.reading.usage is not None and (one.reading.usage.completion_tokens or 0) >= ENOUGH_TOKENS
    ]
    tokens, events = sum(count for count, _ in counts), sum(count for _, count in counts)
    if not events:
        return ProbeFinding("tokens_per_event", kind.stream.tokens_per_event, None, None, "no reply was long enough")
    live = "many" if tokens / events > MANY_TOKENS else "one"
    stated = None if kind.stream.tokens_per_event == "any" else kind.stream.tokens_per_event
    return finding("tokens_per_event", stated, live, f"{tokens} tokens in {events} events")


LOOKS: tuple[Callable[[Sequence[ProbeReply], ServerKind], ProbeFinding], ...] = (
    _early_events,
    _role_chunk,
    _reasoning_key,
    _usage,
    _done,
    _cached_told,
    _own_speeds,
    _tokens_per_event,
)


def observe(recordings: Sequence[Recording], kind: ServerKind) -> tuple[ProbeFinding, ...]:
    """What whole replies show of their stream, one finding a fact; what no reply shows has live None."""
    heard = [one for one in map(hear, recordings) if is_whole(one)]
    return tuple(look(heard, kind) for look in LOOKS)
