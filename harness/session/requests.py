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
from harness.session.units import Prompt, PromptUnit, units_of
from harness.types import Exchange, Json, Reading, Recording


@dataclass(frozen=True, slots=True)
class SourceRecording:
    """A recording, with the client's name for itself and the start of the proxy that it belongs to."""

    recording: Recording
    agent: str = ""
    session: int = 0


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """One request to a model and what its response says. Times are in seconds from the session's first request.

    `number` counts from 1. `first_token_s` is None if no token came, and for a response that was not streamed. Without
    `states_cached` what the server states as cached says nothing.
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

    @property
    def model(self) -> str:
        """The model that it names."""
        return str(self.recording.request.get("model") or "")

    @property
    def cache_key(self) -> tuple[str, str]:
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


def sources_of_exchanges(exchanges: Sequence[Exchange]) -> list[SourceRecording]:
    """What the proxy kept, as sources."""
    found = []
    for exchange in exchanges:
        headers = {name.lower(): value for name, value in exchange.request_headers}
        found.append(SourceRecording(exchange.recording, headers.get("user-agent", ""), exchange.session))
    return found


def requests_of(sources: Sequence[SourceRecording]) -> tuple[SessionRequest, ...]:
    """The requests of a session to a model."""
    starts = _start_times(sources)
    asked = sorted(
        ((start_s, source) for start_s, source in zip(starts, sources, strict=True) if _is_for_a_model(source)),
        key=lambda pair: pair[0],
    )
    first_s = asked[0][0] if asked else 0.0
    return tuple(_request(number, start_s - first_s, source) for number, (start_s, source) in enumerate(asked, start=1))


def _is_for_a_model(source: SourceRecording) -> bool:
    path = source.recording.url.partition("?")[0].rstrip("/")
    return any(path.endswith(api.path) for api in APIS.values()) and bool(source.recording.request)


def _start_times(sources: Sequence[SourceRecording]) -> list[float]:
    """By the monotonic clock from the first request of a start of the proxy, whose place the wall clock gives."""
    bases: dict[int, tuple[float, int]] = {}
    starts = list[float]()
    for source in sources:
        recording = source.recording
        if recording.sent_ns is None or not recording.sent_at:
            starts.append(starts[-1] if starts else 0.0)
            continue
        wall_s = datetime.fromisoformat(recording.sent_at).timestamp()
        base_s, base_ns = bases.setdefault(source.session, (wall_s, recording.sent_ns))
        moved_ns = (recording.sent_ns - base_ns + CLOCK_WRAP_NS // 2) % CLOCK_WRAP_NS - CLOCK_WRAP_NS // 2
        starts.append(base_s + moved_ns / 1e9)
    return starts


def _request(number: int, start_s: float, source: SourceRecording) -> SessionRequest:
    recording = source.recording
    api, reading = find_api(recording.url), read(recording)
    ended_ns = recording.ended_ns or (recording.chunks[-1].at_ns if recording.chunks else 0)
    ttft_s, parts = reading.timings.ttft_s, api.read_parts(recording.request)
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
    )
