"""The requests of a session to a model, in the order in which they were sent: `requests_of` reads them from recordings.

A session comes from the proxy or from a run. Requests to other paths, such as the list of models, are left out; those
that failed stay, since a failed connection may mean that the server was started again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from harness.apis import APIS, RequestPart, find_api, prompt_options
from harness.read import read
from harness.record import CLOCK_WRAP_NS
from harness.session.previous_responses import PreviousResponses
from harness.session.units import Prompt, PromptUnit, units_of
from harness.types import Exchange, Json, Reading, Recording

MAX_DRIFT_S = 5.0
"""How many seconds wall clock and monotonic clock may move apart between two requests before the latter begins anew."""


@dataclass(frozen=True, slots=True)
class SourceRecording:
    """A recording, with the client's name for itself and the start of the proxy that it belongs to.

    `received_ns` is the proxy's monotonic clock when the client's request came.
    """

    recording: Recording
    agent: str = ""
    session: int = 0
    received_ns: int | None = None


CacheKey = tuple[str, str]
"""Server and model."""


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """One request to a model and what its response says. Times are in seconds from the session's first request.

    `number` counts from 1. `first_token_s` is None if no token came, and for a response that was not streamed. Without
    `states_cached` what the server states as cached says nothing. One that is not `is_joined` goes on from a response
    that was not recorded: its parts are the new ones alone.
    """

    number: int
    recording: Recording
    reading: Reading
    parts: tuple[RequestPart, ...]
    prompt: Prompt
    options: Mapping[str, Json]
    agent: str
    start_s: float
    first_token_s: float | None
    end_s: float
    states_cached: bool = True
    is_joined: bool = True

    @property
    def model(self) -> str:
        """The model that it names."""
        return str(self.recording.request.get("model") or "")

    @property
    def cache_key(self) -> CacheKey:
        """Server and model: requests can share a cache only if both are the same."""
        url = self.recording.url
        scheme, _, rest = url.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}", self.model

    @property
    def prompt_tokens(self) -> int | None:
        """The prompt's tokens as the server counts them."""
        return self.reading.usage.prompt_tokens if self.reading.usage else None

    @property
    def cached_tokens(self) -> int | None:
        """The tokens that the server states as cached: in its usage, or in the timings of llama.cpp."""
        return self.reading.usage.cached_tokens if self.reading.usage and self.states_cached else None

    @property
    def units(self) -> tuple[PromptUnit, ...]:
        """What it is compared by."""
        return self.prompt.units

    @property
    def chars(self) -> int:
        """The length of everything that was asked."""
        return self.prompt.chars

    @property
    def is_whole(self) -> bool:
        """Whether its reply came to its end without an error."""
        return self.recording.end_reason == "complete" and self.recording.status == 200 and self.reading.error is None

    @property
    def is_answered(self) -> bool:
        """Whether the server read the whole prompt: only then it can be in the cache."""
        return self.first_token_s is not None or self.is_whole

    @property
    def may_be_read(self) -> bool:
        """Whether the server may have read a part of the prompt, as of a request that the client took back."""
        recording = self.recording
        is_taken = recording.sent_ns is not None and recording.end_reason != "connect_failed"
        return self.is_answered or (is_taken and recording.status in (None, 200))


def sources_of_exchanges(exchanges: Sequence[Exchange]) -> list[SourceRecording]:
    """What the proxy kept, as sources."""
    found = []
    for exchange in exchanges:
        headers = {name.lower(): value for name, value in exchange.request_headers}
        agent = headers.get("user-agent", "")
        found.append(SourceRecording(exchange.recording, agent, exchange.session, exchange.received_ns))
    return found


def requests_of(sources: Sequence[SourceRecording]) -> tuple[SessionRequest, ...]:
    """The requests of a session to a model."""
    starts = _start_times(sources)
    asked = sorted(
        ((start_s, source) for start_s, source in zip(starts, sources, strict=True) if _is_for_a_model(source)),
        key=lambda pair: pair[0],
    )
    first_s = asked[0][0] if asked else 0.0
    earlier = PreviousResponses.of(source.recording for _, source in asked)
    return tuple(
        _request(number, start_s - first_s, source, earlier) for number, (start_s, source) in enumerate(asked, start=1)
    )


def _is_for_a_model(source: SourceRecording) -> bool:
    path = source.recording.url.partition("?")[0].rstrip("/")
    return any(path.endswith(api.path) for api in APIS.values()) and bool(source.recording.request)


@dataclass(slots=True)
class _Clock:
    """Places moments of a monotonic clock on the wall clock.

    The wall clock places the first moment and the monotonic clock those after it, as long as both moved by the same:
    a run that goes on after a reboot has a new monotonic clock.
    """

    base_s: float
    base_ns: int
    last_s: float
    last_ns: int

    def add(self, wall_s: float, monotonic_ns: int) -> float:
        """The next moment that both clocks give."""
        step_s = wall_s - self.last_s
        # A reboot takes seconds of the wall clock; one that was only set back says nothing.
        if step_s > MAX_DRIFT_S and abs(step_s - _moved_s(self.last_ns, monotonic_ns)) > MAX_DRIFT_S:
            self.base_s, self.base_ns = wall_s, monotonic_ns
        self.last_s, self.last_ns = wall_s, monotonic_ns
        return self.place(monotonic_ns)

    def place(self, monotonic_ns: int) -> float:
        """A moment that only the monotonic clock gives."""
        return self.base_s + _moved_s(self.base_ns, monotonic_ns)


def _moved_s(from_ns: int, to_ns: int) -> float:
    return ((to_ns - from_ns + CLOCK_WRAP_NS // 2) % CLOCK_WRAP_NS - CLOCK_WRAP_NS // 2) / 1e9


def _start_times(sources: Sequence[SourceRecording]) -> list[float]:
    """When each was sent, in seconds since 1970; what was never sent, when the proxy received it."""
    clocks: dict[int, _Clock] = {}
    known = list[float | None]()
    for source in sources:
        sent_at, sent_ns = source.recording.sent_at, source.recording.sent_ns
        clock = clocks.get(source.session)
        if sent_ns is None or not sent_at:
            known.append(None if clock is None or source.received_ns is None else clock.place(source.received_ns))
            continue
        wall_s = datetime.fromisoformat(sent_at).timestamp()
        if clock is None:
            clock = clocks[source.session] = _Clock(wall_s, sent_ns, wall_s, sent_ns)
        known.append(clock.add(wall_s, sent_ns))
    for at, source in enumerate(sources):
        if known[at] is None and source.received_ns is not None and source.session in clocks:
            known[at] = clocks[source.session].place(source.received_ns)
    return _fill(known)


def _fill(known: Sequence[float | None]) -> list[float]:
    """A request whose time is not known was sent with the one before it, and a leading one with the next."""
    last_s = next((start_s for start_s in known if start_s is not None), 0.0)
    starts = list[float]()
    for start_s in known:
        last_s = last_s if start_s is None else start_s
        starts.append(last_s)
    return starts


def _request(number: int, start_s: float, source: SourceRecording, earlier: PreviousResponses) -> SessionRequest:
    recording = source.recording
    api, reading = find_api(recording.url), read(recording)
    ended_ns = recording.ended_ns or (recording.chunks[-1].at_ns if recording.chunks else 0)
    ttft_s, sent = reading.timings.ttft_s, api.read_parts(recording.request)
    joined = earlier.join(recording, sent)
    parts = sent if joined is None else joined
    earlier.add(number, recording, reading, parts)
    return SessionRequest(
        number=number,
        recording=recording,
        reading=reading,
        parts=parts,
        prompt=Prompt(units_of(parts)),
        options=prompt_options(recording.request),
        agent=source.agent,
        start_s=start_s,
        first_token_s=None if ttft_s is None else start_s + ttft_s,
        end_s=start_s + ended_ns / 1e9,
        is_joined=joined is not None,
    )
