"""Holds redundant clocks to each other: the server's own times and counts against those of the recording.

`server_timing_problems` compares one turn with what its server says it took; `turn_clock` extracts the times of a turn,
and `check_clocks` compares the turns of a run with each other: no two have the same times between their chunks, and the
server's clock (`created`) goes along with this machine's. How much the reads of a stream vary is reported and not
judged: an honest server may be even, a forger may add noise.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from harness.types import Finding, Json, Reading, Recording, TrialKey
from harness.verify.evidence import describe

SERVER_TIME_TOLERANCE = 0.01
SERVER_TIME_TOLERANCE_MS = 5.0
"""The server works between the first byte of the request and the last of the response, on a clock of its own."""
CREATED = re.compile(rb'"created":\s*(\d{1,17})(?:\.\d+)?\s*[,}]')
"""In generated text the quotes are escaped, so that it does not match."""
CREATED_TOLERANCE_S = 5.0
"""`created` has whole seconds, and clocks of two machines drift apart by less than this during a run."""
MIN_EPOCH_S = 1_000_000_000
MAX_EPOCH_S = 100_000_000_000
"""Below: a counter or a constant in place of a time. Above: milliseconds."""
MIN_SHARE_OF_CREATED = 0.25
"""A clock gives each turn another time, or each second."""
MIN_GAPS = 8
"""So many times between chunks, each of nanoseconds, are never twice the same by chance."""
MAX_GAPS = 1000
"""How many of a turn's are looked at."""
MAX_LABELS = 10
"""How many models the note on jitter names."""


@dataclass(frozen=True, slots=True)
class TurnClock:
    """The times of one turn on each clock that it carries; seconds, except for the fingerprint.

    `created` is the first and the last time that the server gave its events. `gaps` identifies the times between
    chunks, None for a turn of too few; `jitter_s` are the quartiles of the times between reads.
    """

    sent_at_s: float | None
    sent_s: float | None
    ended_s: float
    created_s: tuple[float, float] | None
    gaps: str | None
    jitter_s: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class ClockedTurn:
    """A turn's trial and number, its line in recordings.jsonl, and its times.

    `step_s`: by how much the wall clock moved against the monotonic one while the turn lasted, as the log shows.
    """

    key: TrialKey
    turn: int
    line: int
    clock: TurnClock
    step_s: float = 0.0

    @property
    def name(self) -> str:
        """The turn as messages name it."""
        return f"{describe(self.key)}, turn {self.turn}"


def turn_clock(recording: Recording) -> TurnClock:
    """The times of a turn."""
    gaps = (late.at_ns - early.at_ns for early, late in itertools.pairwise(recording.chunks))
    # Chunks of one read share its time: their gaps are 0 and identify nothing.
    known = list(itertools.islice((gap for gap in gaps if gap), MAX_GAPS))
    enough = len(known) >= MIN_GAPS
    quartiles = statistics.quantiles(known, n=4) if enough else []
    return TurnClock(
        sent_at_s=epoch_s(recording.sent_at),
        sent_s=None if recording.sent_ns is None else recording.sent_ns / 1e9,
        ended_s=(recording.ended_ns or 0) / 1e9,
        created_s=_created_s(recording),
        gaps=hashlib.sha256(repr(known).encode("ascii")).hexdigest() if enough else None,
        jitter_s=(quartiles[0] / 1e9, quartiles[1] / 1e9, quartiles[2] / 1e9) if quartiles else None,
    )


def epoch_s(moment: str) -> float | None:
    """Seconds since 1970; None for a day that no calendar has, which another check reports."""
    try:
        return datetime.fromisoformat(moment).timestamp()
    except ValueError:
        return None


def _created_s(recording: Recording) -> tuple[float, float] | None:
    values = set(CREATED.findall(b"".join(chunk.data for chunk in recording.chunks)))
    seconds = [value / 1000 if value >= MAX_EPOCH_S else float(value) for value in map(int, values)]
    known = [value for value in seconds if MIN_EPOCH_S <= value < MAX_EPOCH_S]
    return (min(known), max(known)) if known else None


def server_timing_problems(recording: Recording, reading: Reading) -> Iterator[str]:
    """What contradicts the server's own timings, as llama.cpp's server gives them: prompt_ms, predicted_ms and _n.

    A response may take longer than its server worked, for it may have waited in a queue; never less.
    """
    timings = reading.server_timings or {}
    prompt_ms, predicted_ms = _number(timings.get("prompt_ms")), _number(timings.get("predicted_ms"))
    if prompt_ms is None or predicted_ms is None:
        return
    took_ms = (recording.ended_ns or 0) / 1e6
    ttft_ms = None if reading.timings.ttft_s is None else 1000 * reading.timings.ttft_s
    if not _fits(prompt_ms + predicted_ms, took_ms):
        worked = f"{prompt_ms:.1f} ms on the prompt and {predicted_ms:.1f} ms on the answer"
        yield f"the server says that it worked {worked}, the response ended after {took_ms:.1f} ms"
    if ttft_ms is not None and not _fits(prompt_ms, ttft_ms):
        yield f"the server says that the prompt took {prompt_ms:.1f} ms, the first token arrived after {ttft_ms:.1f} ms"
    counted, usage = timings.get("predicted_n"), reading.usage
    if isinstance(counted, int) and usage is not None and usage.completion_tokens not in (None, counted):
        yield f"the server's timings count {counted} tokens, its usage counts {usage.completion_tokens}"


def _number(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else None


def _fits(server_ms: float, measured_ms: float) -> bool:
    return server_ms <= measured_ms * (1 + SERVER_TIME_TOLERANCE) + SERVER_TIME_TOLERANCE_MS


def check_clocks(turns: Sequence[ClockedTurn], location: str) -> Iterator[Finding]:
    """Compare the turns of a run with each other; a note says how the times between reads vary."""
    yield from _check_repeated(turns, location)
    of_model: dict[str, list[ClockedTurn]] = {}
    for turn in turns:
        of_model.setdefault(turn.key.model, []).append(turn)
    for label, found in of_model.items():
        yield from _check_created(label, found, location)
    if (jitter := _jitter_text(of_model)) is not None:
        yield Finding("clocks", location, jitter, "info")


def _check_repeated(turns: Sequence[ClockedTurn], location: str) -> Iterator[Finding]:
    first_of: dict[str, ClockedTurn] = {}
    for turn in turns:
        if turn.clock.gaps is None:
            continue
        first = first_of.setdefault(turn.clock.gaps, turn)
        if first is not turn:
            message = f"{turn.name} has the same times between its chunks as {first.name}: one is a copy"
            yield Finding("repeated-times", f"{location}, line {turn.line}", message)


def _check_created(label: str, turns: Sequence[ClockedTurn], location: str) -> Iterator[Finding]:
    """The server's clock differs from this machine's by the same time in all turns.

    It may be another machine's, so that the difference need not be 0; and either clock may be set once in a run, which
    is a note. A clock that is set and set back belongs to trials that were put in later.
    """
    yield from _check_spread(turns, location)
    known = [turn for turn in turns if turn.clock.created_s is not None and turn.clock.sent_at_s is not None]
    if not _is_clock(known):
        return
    changes = list(_created_changes(known))
    for before, turn, change_s in changes:
        message = (
            f"between {before.name} and {turn.name} the times that the server gives its events change by "
            f"{change_s:+.0f} s against this machine's clocks"
        )
        if len(changes) == 1:
            yield Finding("clocks", f"{location}, line {turn.line}", f"{message}: its clock was set", "info")
        else:
            more = f"{label}'s server would have been set {len(changes)} times"
            yield Finding("clocks", f"{location}, line {turn.line}", f"{message}: {more}")


def _check_spread(turns: Sequence[ClockedTurn], location: str) -> Iterator[Finding]:
    """The events of a turn were created within its time; a machine that sleeps meanwhile does not count its sleep."""
    for turn in turns:
        first_s, last_s = turn.clock.created_s or (0.0, 0.0)
        if last_s - first_s > turn.clock.ended_s + abs(turn.step_s) + CREATED_TOLERANCE_S:
            message = f"{turn.name}: its events were created over {last_s - first_s:.0f} s, it took"
            yield Finding("clocks", f"{location}, line {turn.line}", f"{message} {turn.clock.ended_s:.1f} s")


def _is_clock(turns: Sequence[ClockedTurn]) -> bool:
    """Whether `created` goes on with time at all: some servers give every event the time of their own start."""
    times_s = [turn.clock.sent_at_s for turn in turns if turn.clock.sent_at_s is not None]
    if len(times_s) < 2:
        return False
    expected = min(len(times_s), max(times_s) - min(times_s))
    return MIN_SHARE_OF_CREATED * expected < len({turn.clock.created_s for turn in turns})


def _created_changes(turns: Sequence[ClockedTurn]) -> Iterator[tuple[ClockedTurn, ClockedTurn, float]]:
    """Where the difference of the server's clock to both clocks of this machine changes.

    The wall clock of this machine may be set while the server's is another's, and a reboot resets the monotonic one.
    """
    for before, turn in itertools.pairwise(turns):
        wall = _change_s(_offset(before, wall=True), _offset(turn, wall=True))
        monotonic = _change_s(_offset(before, wall=False), _offset(turn, wall=False))
        if wall and (monotonic or monotonic is None):
            yield before, turn, wall


Range = tuple[float, float]


def _offset(turn: ClockedTurn, *, wall: bool) -> Range | None:
    """The least and the greatest difference of the server's clock to one of this machine's.

    Where the wall clock moved within the turn, an event may have been created before it did or after.
    """
    clock = turn.clock
    start_s = clock.sent_at_s if wall else clock.sent_s
    if clock.created_s is None or start_s is None:
        return None
    later_s, earlier_s = (max(0.0, turn.step_s), min(0.0, turn.step_s)) if wall else (0.0, 0.0)
    return clock.created_s[1] - start_s - clock.ended_s - later_s, clock.created_s[0] - start_s - earlier_s


def _change_s(before: Range | None, after: Range | None) -> float | None:
    """By how much a difference changed; 0 if the two ranges may hold the same, None if one is unknown."""
    if before is None or after is None:
        return None
    if after[0] > before[1] + CREATED_TOLERANCE_S:
        return after[0] - before[1]
    if after[1] < before[0] - CREATED_TOLERANCE_S:
        return after[1] - before[0]
    return 0.0


def _jitter_text(of_model: Mapping[str, Sequence[ClockedTurn]]) -> str | None:
    texts = []
    for label, turns in itertools.islice(of_model.items(), MAX_LABELS):
        found = [turn.clock.jitter_s for turn in turns if turn.clock.jitter_s is not None]
        if found:
            low, middle, high = (1000 * statistics.median(values) for values in zip(*found, strict=True))
            texts.append(f"{label} {middle:.3g} ms, half of them from {low:.3g} to {high:.3g}")
    return f"times between reads, which nothing judges: {'; '.join(texts)}" if texts else None
