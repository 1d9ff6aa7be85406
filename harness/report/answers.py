"""The answer of a result: `lane_answers` says in sentences which model the evidence recommends for each lane, and why.

Terminal, Markdown and page print these sentences, so that they cannot differ. Counts stand for themselves; an interval
follows only where at least MIN_TRIALS trials carry it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal

from harness.types import GIB, MIN_TRIALS, Lane, LaneMargin, RankBy, Recommendation, Requirement, Result

MIN_SPEED_RATIO = 1.3
"""A model that a requirement ruled out is called faster from this ratio of decode rates on."""
NOTHING_SCORED = "No task that it has here is scored: only speed is compared."

AnswerState = Literal["decided", "leaning", "undecided", "none", "no_task"]
"""None: every model is ruled out. Leaning: decided among the models that meet the requirements, while one may yet."""


@dataclass(frozen=True, slots=True)
class LaneAnswer:
    """The answer for one lane: the model, None if there is none, sentences that say why, and why others are out."""

    lane: str
    state: AnswerState
    model: str | None
    reasons: tuple[str, ...]
    exclusions: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """All of them in the order of their weight: who prints little prints the first ones."""
        return (*self.reasons, *self.exclusions)

    @property
    def text(self) -> str:
        """All of it as one line: `Daily coding: qwen-coder-7b. It solved ...`."""
        return f"{self.lane[:1].upper()}{self.lane[1:]}: {' '.join(self.sentences)}"


def lane_answers(result: Result) -> tuple[LaneAnswer, ...]:
    """One answer for each lane of a summarized result."""
    lanes = {lane.name: lane for lane in result.lanes}
    return tuple(
        _LaneView(result, lanes[recommendation.lane], recommendation).answer()
        for recommendation in result.recommendations
        if recommendation.lane in lanes
    )


@dataclass(frozen=True, slots=True)
class _LaneView:
    """One lane of a result with what its sentences look up."""

    result: Result
    lane: Lane
    found: Recommendation

    def answer(self) -> LaneAnswer:
        """The answer with its state."""
        name, found = self.lane.name, self.found
        if not any(self.lane.tasks.get(task.name) for task in self.result.tasks):
            return LaneAnswer(name, "no_task", None, ("no task of this suite belongs to it.",))
        excluded = tuple(self._exclusions())
        looks = self._looks()
        if found.model is not None:
            state: AnswerState = "decided" if found.confidence == "conclusive" else "leaning"
            return LaneAnswer(name, state, found.model, (f"{found.model}.", *self._why(found.model), *looks), excluded)
        if found.tied:
            return LaneAnswer(name, "undecided", None, (*self._tie(found.tied), *looks), excluded)
        if all(eligibility.status == "ruled_out" for eligibility in found.eligibilities):
            return LaneAnswer(name, "none", None, ("no model.", *looks), excluded)
        open_words = "not decided: no model is shown to meet its demands."
        return LaneAnswer(name, "undecided", None, (open_words, *looks), excluded)

    def _looks(self) -> list[str]:
        """How the lane ended, of a run that was looked at on the way, and what is open where only time ended it."""
        run = self.result.run
        if run.design is None or not self.found.looks:
            return []
        is_open = any(not state.decided for state in run.looks[-1].lanes if state.lane == self.lane.name)
        return [self.found.looks] if run.design.is_looked_at_on_the_way or is_open else []

    def _why(self, model: str) -> list[str]:
        solved, margins = self._solved(model), self.found.margins
        if not margins:
            is_alone = len(self.result.models) == 1
            others = "it is the only model of this run" if is_alone else "no other model is shown to meet the demands"
            counts = self._count(model)[1] > 0
            return (
                [f"It solved {solved}; {others}."] if counts else [f"{others[0].upper()}{others[1:]}.", NOTHING_SCORED]
            )
        margin = self._closest(margins)
        others = f", the closest of {len(margins)} others," if len(margins) > 1 else ""
        if not self._count(model)[1]:
            return [f"Against {margin.other}{others}: {self._advantage(margin)}. {NOTHING_SCORED}"]
        return [f"It solved {solved}, {margin.other}{others} {self._solved(margin.other)}: {self._advantage(margin)}."]

    def _closest(self, margins: Sequence[LaneMargin]) -> LaneMargin:
        """The margin over the model that comes next."""
        behind = distances(self.lane, self.found)
        return min(margins, key=lambda margin: behind.get(margin.other, (inf,)))

    def _advantage(self, margin: LaneMargin) -> str:
        if margin.estimate is None:
            return "ahead of it"
        if margin.criterion == "pass_rate":
            bounds = [f"{100 * bound:.0f}" for bound in (margin.low, margin.high) if bound is not None]
            interval = _interval(bounds) if self._carries_interval(margin) else ""
            return f"better by {100 * margin.estimate:.0f} points{interval}"
        interval = _interval([f"{bound:.1f}" for bound in (margin.low, margin.high) if bound is not None])
        times = f"{_TIMES_BETTER[margin.criterion].format(f'{margin.estimate:.1f}')}{interval}"
        if not self._count(margin.model)[1]:
            return times
        rank_by = self.lane.rank_by
        if "pass_rate" in rank_by[: rank_by.index(margin.criterion)]:
            return f"not shown to be worse, and {times}"
        return f"{times}, and this lane ranks by {'memory' if rank_by[0] == 'memory_bytes' else 'speed'} first"

    def _tie(self, tied: Sequence[str]) -> list[str]:
        margin = self._closest(self.found.margins) if self.found.margins else None
        names = _listed(list(tied[:3]) + ([f"{len(tied) - 3} more"] if len(tied) > 3 else []))
        sentences = [f"the evidence does not decide between {names}."]
        scored = self._count(tied[0])[1] > 0
        solved = f"They solved {_listed([self._solved(name) for name in tied[:3]])}."
        sentences += [solved if scored else NOTHING_SCORED]
        if margin is None:
            return sentences
        more = None if margin.trials_to_decide is None else margin.trials_to_decide - self._trials_run(tied[0])
        if more is not None and more > 0:
            plural = "" if more == 1 else "s"
            sentences[0] = f"{sentences[0][:-1]}; {more:,} more trial{plural} a task would."
        elif margin.estimate == 0 and scored:
            sentences[1] = f"{sentences[1][:-1]}: as good as each other so far."
        return sentences

    def _exclusions(self) -> Iterator[str]:
        """Why requirements rule models out or leave them open: those that share what they do not meet in one sentence.

        The best model of each sentence stands first, and what may yet be met before what is ruled out.
        """
        others = [each for each in self.found.eligibilities if each.status != "eligible"]
        others.sort(key=lambda each: (each.status == "ruled_out", -(each.rate or 0.0)))
        groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for other in others:
            is_out = other.status == "ruled_out"
            unmet = [
                each for each in other.requirements if each.state != "met" and (not is_out or each.state == "not_met")
            ]
            found = [self._demand(other.model, each) for each in unmet]
            verb = "ruled out by" if is_out else "not shown to meet"
            remarks = "; ".join(filter(None, [*(observed for _, observed in found), self._speed_remark(other.model)]))
            demands = _listed([demand for demand, _ in found])
            groups.setdefault((verb, demands), []).append((other.model, f" ({remarks})" if remarks else ""))
        for (verb, demands), models in groups.items():
            names = _listed([f"{model}{remarks}" for model, remarks in models])
            yield f"{verb[:1].upper()}{verb[1:]} {demands}: {names}."

    def _speed_remark(self, model: str) -> str:
        ratio = self._decode_ratio(model)
        return f"{ratio:.1f} times as fast" if ratio is not None and ratio >= MIN_SPEED_RATIO else ""

    def _demand(self, label: str, requirement: Requirement) -> tuple[str, str]:
        """What a model does not meet, in words that follow `ruled out by` and `not shown to meet`, and what it has."""
        lane, model = self.lane, next(each for each in self.result.models if each.label == label)
        served = model.served_context_tokens or model.context_tokens
        skipped = [f"{skip.task} needs {skip.required_tokens:,}" for skip in model.skipped if skip.task in lane.tasks]
        demands = {
            "tasks": ("the context of its tasks", skipped[0]) if skipped else ("all of its tasks", "some were not run"),
            "pass_rate": (f"the demanded {100 * (lane.min_pass_rate or 0):.0f} %", f"solved {self._solved(label)}"),
            "solved": ("the demand of one solved trial", f"solved {self._solved(label)}"),
            "context": (
                f"the demanded context of {lane.min_context_tokens or 0:,} tokens",
                "unknown" if served is None else f"{served:,}",
            ),
            "memory": (f"the limit of {(lane.max_memory_bytes or 0) / GIB:.0f} GiB of memory", ""),
            "warm_ttft": (f"the limit of {lane.max_warm_ttft_s or 0:g} s to the first token of later turns", ""),
        }
        return demands.get(requirement.name, (requirement.text, ""))

    def _decode_ratio(self, name: str) -> float | None:
        """How many times as fast as the recommended model another one decodes."""
        spreads = {summary.model: summary.decode_tps for summary in self.result.summaries}
        own, other = spreads.get(name), spreads.get(self.found.model or "")
        return own.median / other.median if own is not None and other is not None and other.median else None

    def _count(self, model: str) -> tuple[int, int]:
        return self.result.lane_count(self.lane, model)

    def _trials_run(self, model: str) -> int:
        """The trials of each task that the lane had, which are fewer than planned where looks or the time ended it."""
        cells = [cell for cell in self.result.cells if cell.model == model and self.lane.tasks.get(cell.task)]
        return max((cell.pass_rate.n for cell in cells if cell.scored), default=self.result.run.trials)

    def _solved(self, model: str) -> str:
        passed, n = self._count(model)
        return f"{passed} of {n}"

    def _carries_interval(self, margin: LaneMargin) -> bool:
        return min(self._count(margin.model)[1], self._count(margin.other)[1]) >= MIN_TRIALS


def distances(lane: Lane, found: Recommendation) -> dict[str, tuple[float, ...]]:
    """How far each model is behind the recommended one, in values to sort by: the closest first.

    By pass rate where the lane ranks by it first. Else a model that only a later criterion tells from the first is
    closer than one that an earlier one does, and of these the one that is behind by less. A model that no margin
    places, as all are behind a tie, comes after those: by pass rate.
    """
    by_rate: dict[str, tuple[float, ...]] = {each.model: (-(each.rate or 0.0),) for each in found.eligibilities}
    if lane.rank_by[0] == "pass_rate":
        return by_rate
    order = {criterion: float(-at) for at, criterion in enumerate(lane.rank_by)}
    return {model: (inf, *rate) for model, rate in by_rate.items()} | {
        margin.other: (order[margin.criterion], margin.estimate)
        for margin in found.margins
        if margin.estimate is not None
    }


_TIMES_BETTER: dict[RankBy, str] = {
    "decode_tps": "decodes {} times as fast",
    "ttft_s": "its first token comes {} times as soon",
    "warm_ttft_s": "first tokens of later turns come {} times as soon",
    "e2e_s": "whole answers come {} times as soon",
    "memory_bytes": "takes {} times less memory",
}


def _interval(bounds: Sequence[str]) -> str:
    return f" ({bounds[0]} to {bounds[1]})" if len(set(bounds)) == 2 else ""


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""
