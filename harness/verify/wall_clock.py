"""Holds the wall clock of each turn to the monotonic clock: both go on alike, except where the run's log says that not.

`check_wall_clock` takes the turns and the log; `add_steps` gives each turn the step that the log shows in it. The log
has both clocks at the beginning and the end of each session, and a line of its own wherever one of them was set
meanwhile. Steps, corrections and reboots are noted as facts; a turn that fits no line of the log was given another time
afterwards.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from harness.types import Finding, LogEntry
from harness.verify.clocks import ClockedTurn, epoch_s
from harness.verify.json_diff import MAX_DIFFERENCES

TOLERANCE_S = 0.5
"""The recorder notes a change of more than CLOCK_STEP_S (run/folder.py), which is less; the rest is for a busy machine,
which may pause the program between the two readings."""
MIN_STEP_S = 0.2
MAX_STEPS = 10
"""How many steps are told in full."""


def check_wall_clock(
    turns: Sequence[ClockedTurn], log: Sequence[LogEntry], location: str, log_location: str
) -> Iterator[Finding]:
    """Compare both clocks of each turn with those of the log; a note tells how the clocks were set."""
    known = sorted(offset for entry in log if (offset := _offset_s(entry)) is not None)
    strange = (turn for turn in turns if not _fits(turn, known))
    for turn in islice(strange, MAX_DIFFERENCES):
        message = (
            f"{turn.name}: its wall clock and monotonic clock are further apart than at any line of the log, or closer"
        )
        yield Finding("clocks", f"{location}, line {turn.line}", message)
    if facts := list(_facts(log)):
        more = f" and {len(facts) - MAX_STEPS} times more" if len(facts) > MAX_STEPS else ""
        yield Finding("clocks", log_location, "; ".join(facts[:MAX_STEPS]) + more, "info")


def add_steps(turns: Sequence[ClockedTurn], log: Sequence[LogEntry]) -> list[ClockedTurn]:
    """The turns, each with the step of the wall clock that the log shows while it may have lasted.

    The recorder compares the clocks whenever it stores a turn, and writes a line before it. So a step was in the last
    trial that had begun, or between its turns: an agent's turns are stored together, and clients run at the same time.
    """
    order = sorted((turn.clock.sent_s, at) for at, turn in enumerate(turns) if turn.clock.sent_s is not None)
    sent_s, steps = [moment for moment, _ in order], dict[int, float]()
    for before, entry in itertools.pairwise(log):
        earlier, later = _offset_s(before), _offset_s(entry)
        end = bisect_left(sent_s, entry.monotonic_ns / 1e9)
        if _has_restarted(before, entry) or earlier is None or later is None or abs(later - earlier) < MIN_STEP_S:
            continue
        possible = [at for _, at in order[bisect_left(sent_s, before.monotonic_ns / 1e9) : end]]
        steps |= {at: later - earlier for at in possible if turns[at].key == turns[possible[-1]].key}
    return [replace(turn, step_s=steps.get(at, 0.0)) for at, turn in enumerate(turns)]


def _offset_s(entry: LogEntry) -> float | None:
    wall_s = epoch_s(entry.at)
    return None if wall_s is None else wall_s - entry.monotonic_ns / 1e9


def _fits(turn: ClockedTurn, known: Sequence[float]) -> bool:
    """Whether a line of the log has the turn's difference of both clocks; also for a turn that lacks one of them."""
    clock = turn.clock
    if clock.sent_at_s is None or clock.sent_s is None:
        return True
    offset = clock.sent_at_s - clock.sent_s
    at = bisect_left(known, offset)
    return any(abs(offset - near) <= TOLERANCE_S for near in known[max(0, at - 1) : at + 1])


def _facts(log: Sequence[LogEntry]) -> Iterator[str]:
    """How the clocks were set between the lines of the log."""
    for before, entry in itertools.pairwise(log):
        if _has_restarted(before, entry):
            yield f"the machine was started again before {entry.at}"
            continue
        earlier, later = _offset_s(before), _offset_s(entry)
        if earlier is not None and later is not None and abs(later - earlier) >= MIN_STEP_S:
            yield f"the wall clock moved by {later - earlier:+.1f} s against the monotonic clock before {entry.at}"


def _has_restarted(before: LogEntry, entry: LogEntry) -> bool:
    """Whether the machine was started again between two lines of the log."""
    return before.boot_id != entry.boot_id or entry.monotonic_ns < before.monotonic_ns
