"""Recommendation of a model for each lane from the evidence of the run, or a statement that it is inconclusive.

The models that meet every requirement are ranked by the lane's criteria in order (`LaneSelection`): each criterion
keeps the best model and those that are not shown to be worse, such as those without the quantity. The user's own choice
(`Lane.override`) is ignored here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial

from harness.stats import BlockedPair, Ratio, blocked_mean_ratio, geometric_mean_ratio, ratio_verdict
from harness.summarize.cells import Trials, by_cell, has_cache_hit_on_cold_turn, non_warmup_trials, turn_values
from harness.summarize.lane_differences import LaneModels, lane_difference, withdrawn_pairs
from harness.summarize.lane_gaps import untested
from harness.summarize.lane_requirements import check_eligibility, lane_models, split_by_model
from harness.summarize.schedule import look_note
from harness.types import (
    GIB,
    MIN_TRIALS,
    Confidence,
    Eligibility,
    Lane,
    LaneMargin,
    ModelInfo,
    RankBy,
    Recommendation,
    Result,
    TaskInfo,
    TurnResult,
)

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
class CriterionComparison:
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
    estimate: float | None = None
    trials_to_decide: int | None = None


def _value(turn: TurnResult, criterion: RankBy) -> float | None:
    timings = turn.timings
    return {"decode_tps": timings.decode_tps, "e2e_s": timings.e2e_s}.get(criterion, timings.ttft_s)


def _includes(criterion: RankBy, *, is_warm: bool) -> bool:
    """Whether a criterion uses cold or warm turns: TTFT cold ones, TTFT of later turns warm ones, all others both."""
    return criterion != ("ttft_s" if is_warm else "warm_ttft_s")


def _speeds(result: Result, lane: Lane, model: str, criterion: RankBy) -> dict[tuple[str, int], dict[int, float]]:
    """(task, turn) -> trial -> the value of a criterion.

    Trials with cold turns from a cache are used for decode rates only.
    """
    tasks, value_of = _timed_tasks(result, lane), partial(_value, criterion=criterion)
    values: dict[tuple[str, int], dict[int, float]] = {}
    for trial in (each for each in non_warmup_trials(result, model) if each.task in tasks):
        is_conversation = tasks[trial.task].is_conversation
        if criterion != "decode_tps" and has_cache_hit_on_cold_turn(trial, separate=not is_conversation):
            continue
        for index, value in turn_values(tasks[trial.task], trial, value_of):
            if _includes(criterion, is_warm=index > 0 and is_conversation):
                values.setdefault((trial.task, index), {})[trial.trial] = value
    return values


def _timed_tasks(result: Result, lane: Lane) -> dict[str, TaskInfo]:
    """The lane's tasks whose times are compared: clients that run at the same time share the machine."""
    return {task.name: task for task in result.tasks if lane.tasks.get(task.name) and not task.clients}


@dataclass(frozen=True, slots=True)
class LaneSelection:
    """Selection of the best models of a lane by its ranking criteria; `withdrawn` is from `withdrawn_pairs`."""

    result: Result
    lane: Lane
    models: Mapping[str, ModelInfo]
    trials: Trials
    withdrawn: Set[LaneModels]

    @classmethod
    def of(cls, result: Result, lane: Lane, withdrawn: Set[LaneModels]) -> LaneSelection:
        """The selection for one lane of a result whose cells are filled."""
        return cls(result, lane, {model.label: model for model in result.models}, by_cell(result), withdrawn)

    def is_better(self, name: str, other: str) -> bool:
        """Whether a model is better than another by the lane's first criterion."""
        return self.compare(self.lane.rank_by[0], name, other).is_better

    def select(self, eligible: Sequence[str]) -> tuple[list[str], list[CriterionComparison]]:
        """The models that remain after all criteria, and the comparisons by the last criterion that excluded any."""
        remaining, deciding_comparisons = list(eligible), list[CriterionComparison]()
        for criterion in self.lane.rank_by:
            if len(remaining) < 2:
                break
            remaining, comparisons = self._narrow(remaining, criterion)
            deciding_comparisons = comparisons or deciding_comparisons
        return remaining, deciding_comparisons

    def margins(self, eligible: Sequence[str], remaining: Sequence[str]) -> Iterator[LaneMargin]:
        """Of the first remaining model over each tied one, or over every other eligible one if none is tied."""
        if not remaining:
            return
        first, *tied = remaining
        for other in tied or [name for name in eligible if name != first]:
            found = [self.compare(criterion, first, other) for criterion in self.lane.rank_by]
            one = next((comparison for comparison in found if comparison.is_better and not tied), found[0])
            yield LaneMargin(
                first, other, one.criterion, one.estimate, one.low, one.high, one.is_better, one.trials_to_decide
            )

    def _narrow(self, names: Sequence[str], criterion: RankBy) -> tuple[list[str], list[CriterionComparison]]:
        """The best model by this criterion with all that are tied with it, and what excluded the others.

        Best are those that are ahead of the most others, so that a model without the quantity neither excludes nor is
        excluded, and the order of the models in bench.toml changes nothing.
        """
        others = {name: [self.compare(criterion, name, other) for other in names if other != name] for name in names}
        ahead = {name: sum(comparison.is_ahead for comparison in found) for name, found in others.items()}
        most = max(ahead.values())
        best = [name for name in names if ahead[name] == most]
        better = {
            comparison.other: comparison
            for name in reversed(best)
            for comparison in others[name]
            if comparison.is_better and comparison.other not in best
        }
        tied = [name for name in names if name != best[0] and name not in better]
        return [best[0], *tied], [better[name] for name in names if name in better]

    def compare(self, criterion: RankBy, name: str, other: str) -> CriterionComparison:
        """The model `name` against another by one criterion."""
        pair = (self.models[name], self.models[other])
        if criterion == "pass_rate":
            return self._by_pass_rate(*pair)
        return self._by_memory(*pair) if criterion == "memory_bytes" else self._by_speed(pair, criterion)

    def _by_pass_rate(self, model: ModelInfo, other: ModelInfo) -> CriterionComparison:
        difference = lane_difference(self.result, self.lane, (model, other), self.trials)
        low, high = difference.interval or (None, None)
        text = f"pass rate {100 * difference.difference:+.0f} points against {other.label}"
        fewest = min(self.result.lane_count(self.lane, each.label)[1] for each in (model, other))
        if low is not None and high is not None and fewest >= MIN_TRIALS:
            text += f" (95 % interval {100 * low:+.0f} to {100 * high:+.0f})"
        is_withdrawn = (self.lane.name, frozenset({model.label, other.label})) in self.withdrawn
        is_open = difference.verdict == "can't tell" or is_withdrawn
        return CriterionComparison(
            "pass_rate",
            other.label,
            is_ahead=difference.difference > 0,
            is_better=difference.verdict == "better" and not is_withdrawn,
            low=low,
            high=high,
            text=text,
            estimate=difference.difference,
            trials_to_decide=difference.trials_to_decide if is_open else None,
        )

    def _by_memory(self, model: ModelInfo, other: ModelInfo) -> CriterionComparison:
        used, other_used = model.memory.model_bytes, other.memory.model_bytes
        if not used or not other_used:
            return _not_measured("memory_bytes", other)
        ratio = other_used / used
        text = f"takes {used / GIB:.1f} GiB, {other.label} takes {other_used / GIB:.1f} GiB"
        return CriterionComparison(
            "memory_bytes", other.label, ratio > 1, ratio >= MIN_MEMORY_RATIO, ratio, ratio, text, ratio
        )

    def _by_speed(self, pair: tuple[ModelInfo, ModelInfo], criterion: RankBy) -> CriterionComparison:
        values, other_values = (_speeds(self.result, self.lane, model.label, criterion) for model in pair)
        samples = [(values[key], other_values[key]) for key in sorted(values.keys() & other_values.keys())]
        ratio = self._ratio(samples if criterion in HIGHER_IS_BETTER else [(b, a) for a, b in samples])
        other = pair[1].label
        if ratio is None:
            return _not_measured(criterion, pair[1])
        text = f"{CRITERION_NAMES[criterion]} {ratio.ratio:.2f} times better than {other}"
        if ratio.low is not None and ratio.high is not None:
            text += f" (95 % interval {ratio.low:.2f} to {ratio.high:.2f})"
        return CriterionComparison(
            criterion, other, ratio.ratio > 1, ratio_verdict(ratio) == "more", ratio.low, ratio.high, text, ratio.ratio
        )

    def _ratio(self, samples: Sequence[BlockedPair]) -> Ratio | None:
        """The trials of a block share the state of the machine.

        Where the run states one pass, as those that state none do, each value counts by itself: a model's blocks and a
        drift of the machine cannot be told apart there, and what was published so is computed again by the same rule. A
        sequential run states the most that it may make, and its blocks count even if it ends after the first.
        """
        if self.result.run.passes > 1:
            return blocked_mean_ratio(samples)
        return geometric_mean_ratio([(list(values.values()), list(other.values())) for values, other in samples])


def _not_measured(criterion: RankBy, other: ModelInfo) -> CriterionComparison:
    text = f"{CRITERION_NAMES[criterion]} was not measured for both models (the other is {other.label})"
    return CriterionComparison(criterion, other.label, is_ahead=False, is_better=False, low=None, high=None, text=text)


def _reasons(model: Eligibility) -> str:
    """A model that is not eligible, with the requirements that it does not meet."""
    unmet = [requirement.text for requirement in model.requirements if requirement.state != "met"]
    return f"{model.model} ({'; '.join(unmet)})"


def _excluded(eligibilities: Sequence[Eligibility]) -> str:
    sentences = ""
    for status, heading in (("ruled_out", "Ruled out"), ("undecided", "Undecided")):
        models = [_reasons(model) for model in eligibilities if model.status == status]
        sentences += f" {heading}: {', '.join(models)}." if models else ""
    return sentences


def _text(
    lane: Lane,
    remaining: Sequence[str],
    deciding_comparisons: Sequence[CriterionComparison],
    eligibilities: Sequence[Eligibility],
) -> str:
    excluded = _excluded(eligibilities)
    if not remaining:
        return f"The evidence does not decide: no model is shown to meet every requirement.{excluded}"
    if len(remaining) > 1:
        names = f"{', '.join(remaining[:-1])} and {remaining[-1]}"
        criteria = ", ".join(CRITERION_NAMES[criterion] for criterion in lane.rank_by)
        return f"The evidence does not decide between {names}: they are tied by {criteria}.{excluded}"
    reason = (
        "; ".join(comparison.text for comparison in deciding_comparisons)
        or "the only model shown to meet every requirement"
    )
    return f"{remaining[0]}: {reason}.{excluded}"


def _confidence(remaining: Sequence[str], eligibilities: Sequence[Eligibility]) -> Confidence:
    if len(remaining) != 1:
        return "none"
    return "tentative" if any(model.status == "undecided" for model in eligibilities) else "conclusive"


def recommendation(result: Result, lane: Lane, withdrawn: Set[LaneModels] = frozenset()) -> Recommendation:
    """Recommend a model for one lane of a result whose cells are filled."""
    of_model = split_by_model(result)
    models = lane_models(result, lane)
    eligibilities = tuple(check_eligibility(of_model[model.label], lane, model) for model in models)
    eligible = [model.model for model in eligibilities if model.status == "eligible"]
    selection = LaneSelection.of(result, lane, withdrawn)
    remaining, deciding_comparisons = selection.select(eligible)
    smallest_margin = min(
        deciding_comparisons, key=lambda comparison: comparison.low if comparison.low is not None else 0.0, default=None
    )
    recommended = remaining[0] if len(remaining) == 1 else None
    margins = tuple(selection.margins(eligible, remaining))
    needed = max((margin.trials_to_decide for margin in margins if margin.trials_to_decide), default=None)
    return Recommendation(
        lane=lane.name,
        model=recommended,
        confidence=_confidence(remaining, eligibilities),
        text=_text(lane, remaining, deciding_comparisons, eligibilities),
        low=smallest_margin.low if smallest_margin and recommended else None,
        high=smallest_margin.high if smallest_margin and recommended else None,
        tied=tuple(remaining) if len(remaining) > 1 else (),
        eligibilities=eligibilities,
        untested=tuple(untested(result, lane)),
        margins=margins,
        looks=look_note(result, lane, remaining, needed),
    )


def recommendations(result: Result) -> tuple[Recommendation, ...]:
    """Recommend a model for each lane of the result."""
    withdrawn = withdrawn_pairs(result)
    return tuple(recommendation(result, lane, withdrawn) for lane in result.lanes)
