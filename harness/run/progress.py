"""How far a stage is: `Progress` receives each step, `TimeLeft` estimates what is left from what was measured so far.

`RecordingProgress` puts both together for the recorder, with the trial that runs, its rate and how the last ones ended.

Trials of different tasks take very different times, and models run one after the other. So a trial that is still to
come is taken to last as long as the same task did with the same model; else as long as it did with other models, by
how much faster or slower this model was on the tasks that both have run; else as long as the mean of all. Until a
trial of its own has ended, what an earlier run took counts in its place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import dataclass, field
from itertools import groupby
from statistics import fmean

from harness.run.earlier_runs import EarlierRun
from harness.types import Recording, TrialKey

Progress = Callable[[str, int, int, str], None]
"""Receives each step: the stage, the steps done, the steps in all, and what is known of it, one fact a line."""
MIN_MEASURED = 1
"""Trials that must have ended before a time is named: it is there from the second trial on."""
MAX_LAST = 4
"""So many of the last outcomes are told, newest first."""


class TimeLeft:
    """Estimates how long the trials that are still to come take."""

    def __init__(self, planned: Iterable[TrialKey], earlier: EarlierRun | None = None) -> None:
        """Begin with every trial that is still to be run, of all models."""
        self._open = dict.fromkeys(planned)
        self._seconds: dict[tuple[str, str], list[float]] = {}
        self._earlier = earlier

    @property
    def open_trials(self) -> int:
        """How many trials are still to come."""
        return len(self._open)

    @property
    def forecast(self) -> str:
        """What can be said of the time before the first request; "" if no earlier run tells it."""
        left_s = self.left_s()
        if self._earlier is None or left_s is None:
            return ""
        return f", {describe_seconds(left_s)} by {self._earlier.source}"

    def drop(self, keys: Iterable[TrialKey]) -> None:
        """Trials that will not be run."""
        for key in keys:
            self._open.pop(key, None)

    def ended(self, key: TrialKey, seconds: float) -> None:
        """One trial has ended, with the pause after it."""
        self.drop([key])
        self._seconds.setdefault((key.model, key.task), []).append(seconds)

    def left_s(self) -> float | None:
        """Seconds that the open trials take; None before MIN_MEASURED have ended, unless something earlier tells."""
        if sum(map(len, self._seconds.values())) < MIN_MEASURED and self._earlier is None:
            return None
        means = dict(self._earlier.seconds) if self._earlier else {}
        means |= {pair: fmean(values) for pair, values in self._seconds.items()}
        pairs: dict[tuple[str, str], int] = {}
        for key in self._open:
            pairs[key.model, key.task] = pairs.get((key.model, key.task), 0) + 1
        return sum(count * self._expected_s(pair, means) for pair, count in pairs.items())

    def _expected_s(self, pair: tuple[str, str], means: dict[tuple[str, str], float]) -> float:
        if pair in means:
            return means[pair]
        model, task = pair
        others = [other for other, name in means if name == task]
        if not others:
            own = [seconds for (name, _), seconds in means.items() if name == model]
            return fmean(own or means.values())
        return fmean(means[other, task] * self._ratio(model, other, means) for other in others)

    def _ratio(self, model: str, other: str, means: dict[tuple[str, str], float]) -> float:
        """How many times as long as another model this one takes, on the tasks that both have run."""
        both = [task for name, task in means if name == model and (other, task) in means]
        spent = sum(means[other, task] for task in both)
        return sum(means[model, task] for task in both) / spent if spent else 1.0


def describe_seconds(seconds: float) -> str:
    """`about 14 min`."""
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"


def describe_left(seconds: float | None) -> str:
    """`about 14 min left`; "" if unknown."""
    return "" if seconds is None else f"{describe_seconds(seconds)} left"


def describe_last(outcomes: Iterable[str]) -> str:
    """`last: code-bugfix passed, code-new failed`, the newest first; "" before the first one."""
    newest_first = list(outcomes)[::-1][:MAX_LAST]
    return f"last: {', '.join(newest_first)}" if newest_first else ""


def describe_trial(turns: Sequence[Recording]) -> str:
    """How the turns of a recorded trial ended: `code-bugfix complete`, `chat: 2 complete, then timeout`."""
    ends = [(reason, len(list(group))) for reason, group in groupby(turn.end_reason for turn in turns)]
    if len(ends) == 1:
        return f"{turns[0].key.task} {ends[0][0]}"
    words = ", then ".join(reason if count == 1 else f"{count} {reason}" for reason, count in ends)
    return f"{turns[0].key.task}: {words}"


@dataclass(slots=True)
class RecordingProgress:
    """Tells how far the recording is, over all models: `begin` and `end` enclose each trial, `rate` is told meanwhile.

    `rate` is called from another thread while a reply is timed, so it builds one string and nothing else.
    """

    progress: Progress
    left: TimeLeft
    recorded: Sized
    _last: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_LAST))
    _step: tuple[int, int] = (0, 0)
    _name: str = ""
    _facts: str = ""

    def begin(self, name: str) -> None:
        """A trial begins, or with a model's name, its last one has ended."""
        done = len(self.recorded)
        self._step, self._name = (done, done + self.left.open_trials), name
        left = describe_left(self.left.left_s()) if self.left.open_trials else ""
        self._facts = "\n".join(filter(None, (left, describe_last(self._last))))
        self._tell(name)

    def rate(self, events_per_s: float) -> None:
        """What came in the last second of the reply that is being recorded."""
        self._tell(f"{self._name}, {events_per_s:.0f} tok/s now")

    def end(self, key: TrialKey, turns: Sequence[Recording], seconds: float) -> None:
        """A trial has ended, with the pause after it."""
        self.left.ended(key, seconds)
        if turns:
            self._last.append(describe_trial(turns))

    def _tell(self, name: str) -> None:
        self.progress("record", *self._step, "\n".join(filter(None, (name, self._facts))))
