"""Checks that a recorded trial has all its turns, and that each was sent when those before it had ended.

`sequence_of` begins a trial, also one that was interrupted; `TurnSequence.add` takes its next turn and says what is
wrong with it. Clients that send at the same time must have done so, or each of them had the server for itself. What an
agent sends is up to the agent, so its trials have no sequence.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.record import CLOCK_WRAP_NS
from harness.run import is_last_turn, max_trial_turns
from harness.tasks import vary
from harness.types import RunSettings, Severity, TrialKey, TurnResult, Variant
from harness.verify.evidence import Evidence, same_task
from harness.verify.recording_lines import RereadTurn

MAX_LATE_START_S = RunSettings().connect_timeout_s
"""How much later than the first client of a group another one may send: the time in which a connection is made."""
Problem = tuple[str, Severity]
"""What is wrong with a turn, and how grave it is."""


def sequence_of(evidence: Evidence, key: TrialKey) -> TurnSequence | None:
    """The sequence of a trial without a turn; None for one of an agent, or whose task is not known locally."""
    info = next((model for model in evidence.result.models if model.label == key.model), None)
    task = same_task(evidence, key.task)
    return None if task is None or info is None or info.agent is not None else TurnSequence(vary(task, key.trial))


@dataclass(slots=True)
class TurnSequence:
    """A trial's variant, and its replies so far, each with its start and its end on the monotonic clock in ns."""

    variant: Variant
    replies: list[TurnResult] = field(default_factory=list)
    times_ns: list[tuple[int | None, int | None]] = field(default_factory=list)

    def add(self, turn: RereadTurn) -> Iterator[Problem]:
        """Take the next turn; yields what is wrong with it."""
        if turn.trial is None or len(self.replies) >= max_trial_turns(self.variant):
            return  # `requests` reports more turns than the task has
        if turn.trial.work is not None:
            yield "has the work of an agent, and its model has none", "error"
            return
        self.replies += turn.trial.turns
        self.times_ns.append((turn.trial.started_ns, turn.trial.ended_ns))
        is_last = is_last_turn(self.variant, self.replies)
        if turn.last_turn and not is_last:
            yield "is said to be the last one, and by the task and its reply the trial goes on", "error"
        elif is_last and not turn.last_turn:
            yield "ends the trial by task and reply, and is said not to: a complete trial is not run again", "error"
        yield from self._time_problems()

    def _time_problems(self) -> Iterator[Problem]:
        start_ns, end_ns = self.times_ns[-1]
        if start_ns is None:
            return
        if end_ns is None:
            yield "was sent and has no end", "error"
        first = self._first_of_group(len(self.times_ns) - 1)
        group_ns, _ = self.times_ns[first]
        if group_ns is not None and _apart_s(start_ns, group_ns) > MAX_LATE_START_S:
            yield f"was not sent at the same time as turn {first}, as clients of one group are", "warning"
        for number, (_, earlier_ns) in enumerate(self.times_ns[:first]):
            if earlier_ns is not None and (start_ns - earlier_ns) % CLOCK_WRAP_NS > CLOCK_WRAP_NS // 2:
                yield f"was sent before turn {number} had ended", "error"
                return

    def _first_of_group(self, number: int) -> int:
        """The first of the turns that are sent together with a turn: itself, unless the task has several clients."""
        sizes = self.variant.task.clients
        starts = (end - size for size, end in zip(sizes, itertools.accumulate(sizes), strict=True))
        return max((start for start in starts if start <= number), default=number)


def _apart_s(left_ns: int, right_ns: int) -> float:
    """The seconds between two moments, whichever was first, on a clock that wraps."""
    return min((left_ns - right_ns) % CLOCK_WRAP_NS, (right_ns - left_ns) % CLOCK_WRAP_NS) / 1e9
