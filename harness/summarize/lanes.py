"""Recommendation of a model for each lane from the evidence of the run, or the statement that it does not decide.

The models that meet every requirement are ranked by the lane's criteria in order (`LaneSelection`): each criterion
keeps the best model and those that are not shown to be worse. The user's own choice (`Lane.override`) is ignored here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from harness.stats import difference_on_these_tasks, geometric_mean_ratio, ratio_verdict
from harness.summarize.cells import Trials, by_cell, cold_but_cached, counted, is_complete
from harness.summarize.lane_gaps import untested
from harness.summarize.lane_requirements import GIB, cells_of, model_bytes, standing
from harness.summarize.pairwise import contingency_table, passes_of
from harness.types import Confidence, Lane, ModelInfo, RankBy, Recommendation, Result, Standing, TurnResult

CRITERION_NAMES: Mapping[RankBy, str] = {
    "pass_rate": "pass rate",
    "decode_tps": "decode rate",
    "ttft_s": "TTFT",
    "warm_ttft_s": "TTFT of later turns",
    "e2e_s": "E2E latency",
    "memory_bytes": "memory",
}
HIGHER_IS_BETTER = ("pass_rate", "decode_tps")
MIN_MEMORY_RATIO = 1.05
"""Memory is measured once, without an interval: a model is better by it from 5 % on."""


@dataclass(frozen=True, slots=True)
class Advantage:
    """Comparison of a model with another by one criterion.

    `is_ahead` compares the point estimates; `is_better` requires that the interval excludes equality.
    """

    criterion: RankBy
    other: str
    is_ahead: bool
    is_better: bool
    low: float | None
    high: float | None
    text: str


def _value(turn: TurnResult, criterion: RankBy) -> float | None:
    timings = turn.timings
    return {"decode_tps": timings.decode_tps, "e2e_s": timings.e2e_s}.get(criterion, timings.ttft_s)


def _includes(criterion: RankBy, *, is_warm: bool) -> bool:
    """Whether a criterion uses cold or warm turns: TTFT cold ones, TTFT of later turns warm ones, all others both."""
    return criterion != ("ttft_s" if is_warm else "warm_ttft_s")


def _speeds(result: Result, lane: Lane, model: str, criterion: RankBy) -> dict[tuple[str, int], list[float]]:
    """(task, turn) -> the values of a criterion. Trials with cold turns from a cache are used for decode rates only."""
    separate = {task.name for task in result.tasks if task.separate}
    values: dict[tuple[str, int], list[float]] = {}
    for trial in counted(result, model):
        is_separate = trial.task in separate
        if not lane.tasks.get(trial.task):
            continue
        if criterion != "decode_tps" and cold_but_cached(trial, separate=is_separate):
            continue
        for index, turn in enumerate(trial.turns):
            value = _value(turn, criterion)
            if value and is_complete(turn) and _includes(criterion, is_warm=index > 0 and not is_separate):
                values.setdefault((trial.task, index), []).append(value)
    return values


@dataclass(frozen=True, slots=True)
class LaneSelection:
    """Selection of the best models of a lane by its ranking criteria."""

    result: Result
    lane: Lane
    models: Mapping[str, ModelInfo]
    trials: Trials

    def select(self, eligible: Sequence[str]) -> tuple[list[str], list[Advantage]]:
        """The models that remain after all criteria, and the advantages by the last criterion that excluded any."""
        remaining, decisive = list(eligible), list[Advantage]()
        for criterion in self.lane.rank_by:
            if len(remaining) < 2:
                break
            remaining, advantages = self._narrow(remaining, criterion)
            decisive = advantages or decisive
        return remaining, decisive

    def _narrow(self, names: Sequence[str], criterion: RankBy) -> tuple[list[str], list[Advantage]]:
        """The best model by this criterion with all that are tied with it, and its advantages over the others."""
        best = reduce(lambda a, b: b if self._compare(criterion, b, a).is_ahead else a, names)
        advantages = [self._compare(criterion, best, other) for other in names if other != best]
        tied = [advantage.other for advantage in advantages if not advantage.is_better]
        return [best, *tied], [advantage for advantage in advantages if advantage.is_better]

    def _compare(self, criterion: RankBy, name: str, other: str) -> Advantage:
        pair = (self.models[name], self.models[other])
        if criterion == "pass_rate":
            return self._by_pass_rate(*pair)
        return self._by_memory(*pair) if criterion == "memory_bytes" else self._by_speed(pair, criterion)

    def _by_pass_rate(self, model: ModelInfo, other: ModelInfo) -> Advantage:
        both = (
            cells_of(self.result, self.lane, model.label).keys() & cells_of(self.result, self.lane, other.label).keys()
        )
        tasks = [task for task in self.result.tasks if task.name in both and task.scored]
        passes = [[passes_of(self.result, each, task, self.trials) for each in (model, other)] for task in tasks]
        tables = [contingency_table(passed, other_passed) for passed, other_passed in passes]
        difference = difference_on_these_tasks(tables, weights=[self.lane.tasks[task.name] for task in tasks])
        low, high = difference.interval or (None, None)
        text = f"pass rate {100 * difference.difference:+.0f} points against {other.label}"
        if low is not None and high is not None:
            text += f" (95 % interval {100 * low:+.0f} to {100 * high:+.0f})"
        is_better = difference.verdict == "better"
        return Advantage("pass_rate", other.label, difference.difference > 0, is_better, low, high, text)

    def _by_memory(self, model: ModelInfo, other: ModelInfo) -> Advantage:
        used, other_used = model_bytes(model.memory), model_bytes(other.memory)
        if not used or not other_used:
            return _not_measured("memory_bytes", other)
        ratio = other_used / used
        text = f"takes {used / GIB:.1f} GiB, {other.label} takes {other_used / GIB:.1f} GiB"
        return Advantage("memory_bytes", other.label, ratio > 1, ratio >= MIN_MEMORY_RATIO, ratio, ratio, text)

    def _by_speed(self, pair: tuple[ModelInfo, ModelInfo], criterion: RankBy) -> Advantage:
        values, other_values = (_speeds(self.result, self.lane, model.label, criterion) for model in pair)
        samples = [(values[key], other_values[key]) for key in sorted(values.keys() & other_values.keys())]
        ratio = geometric_mean_ratio(samples if criterion in HIGHER_IS_BETTER else [(b, a) for a, b in samples])
        other = pair[1].label
        if ratio is None:
            return _not_measured(criterion, pair[1])
        text = f"{CRITERION_NAMES[criterion]} {ratio.ratio:.2f} times as good as {other}'s"
        if ratio.low is not None and ratio.high is not None:
            text += f" (95 % interval {ratio.low:.2f} to {ratio.high:.2f})"
        return Advantage(criterion, other, ratio.ratio > 1, ratio_verdict(ratio) == "more", ratio.low, ratio.high, text)


def _not_measured(criterion: RankBy, other: ModelInfo) -> Advantage:
    text = f"{CRITERION_NAMES[criterion]} was not measured for both models (the other is {other.label})"
    return Advantage(criterion, other.label, is_ahead=False, is_better=False, low=None, high=None, text=text)


def _reasons(model: Standing) -> str:
    """A model that is not eligible, with the requirements that it does not meet."""
    unmet = [requirement.text for requirement in model.requirements if requirement.state != "met"]
    return f"{model.model} ({'; '.join(unmet)})"


def _excluded(standings: Sequence[Standing]) -> str:
    sentences = ""
    for status, heading in (("ruled_out", "Ruled out"), ("undecided", "Undecided")):
        models = [_reasons(model) for model in standings if model.status == status]
        sentences += f" {heading}: {', '.join(models)}." if models else ""
    return sentences


def _text(lane: Lane, remaining: Sequence[str], decisive: Sequence[Advantage], standings: Sequence[Standing]) -> str:
    excluded = _excluded(standings)
    if not remaining:
        return f"The evidence does not decide: no model is shown to meet every requirement.{excluded}"
    if len(remaining) > 1:
        names = f"{', '.join(remaining[:-1])} and {remaining[-1]}"
        criteria = ", ".join(CRITERION_NAMES[criterion] for criterion in lane.rank_by)
        return f"The evidence does not decide between {names}: they are tied by {criteria}.{excluded}"
    reason = "; ".join(advantage.text for advantage in decisive) or "the only model shown to meet every requirement"
    return f"{remaining[0]}: {reason}.{excluded}"


def _confidence(remaining: Sequence[str], standings: Sequence[Standing]) -> Confidence:
    if len(remaining) != 1:
        return "none"
    return "leaning" if any(model.status == "undecided" for model in standings) else "clear"


def recommendation(result: Result, lane: Lane) -> Recommendation:
    """Recommend a model for one lane of a result whose cells are filled."""
    standings = tuple(standing(result, lane, model) for model in result.models)
    eligible = [model.model for model in standings if model.status == "eligible"]
    selection = LaneSelection(result, lane, {model.label: model for model in result.models}, by_cell(result))
    remaining, decisive = selection.select(eligible)
    narrowest = min(decisive, key=lambda advantage: advantage.low if advantage.low is not None else 0.0, default=None)
    recommended = remaining[0] if len(remaining) == 1 else None
    return Recommendation(
        lane=lane.name,
        model=recommended,
        confidence=_confidence(remaining, standings),
        text=_text(lane, remaining, decisive, standings),
        low=narrowest.low if narrowest and recommended else None,
        high=narrowest.high if narrowest and recommended else None,
        tied=tuple(remaining) if len(remaining) > 1 else (),
        standings=standings,
        untested=tuple(untested(result, lane)),
    )


def recommendations(result: Result) -> tuple[Recommendation, ...]:
    """Recommend a model for each lane of the result."""
    return tuple(recommendation(result, lane) for lane in result.lanes)
