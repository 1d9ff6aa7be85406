"""Which model for which lane, from the evidence alone: a model, or that the evidence does not decide.

The user's own choice is kept in the lane and looked at nowhere here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal

from harness.stats import difference_on_these_tasks, ratio_of, ratio_word
from harness.summarize.cells import Trials, by_cell, cold_but_cached, counted, is_whole
from harness.summarize.lane_gaps import untested
from harness.summarize.lane_requirements import cells_of, standing, taken_bytes
from harness.summarize.pairwise import passes_of, table_of
from harness.types import Lane, ModelInfo, RankBy, Recommendation, Result, Standing, TurnResult

CALLED: Mapping[RankBy, str] = {
    "pass_rate": "pass rate",
    "decode_tps": "decode rate",
    "ttft_s": "TTFT",
    "warm_ttft_s": "TTFT of later turns",
    "e2e_s": "time to the whole answer",
    "memory_bytes": "memory",
}
MORE_IS_BETTER = ("pass_rate", "decode_tps")


@dataclass(frozen=True, slots=True)
class Gap:
    """The first of two models against the second by one criterion: `is_ahead` by the figure, `is_better` by its
    interval."""

    criterion: RankBy
    other: str
    is_ahead: bool
    is_better: bool
    low: float | None
    high: float | None
    text: str


def _value(turn: TurnResult, criterion: RankBy) -> float | None:
    times = turn.timings
    return {"decode_tps": times.decode_tps, "e2e_s": times.e2e_s}.get(criterion, times.ttft_s)


def _speeds(result: Result, lane: Lane, model: str, criterion: RankBy) -> dict[tuple[str, int], list[float]]:
    """The values of a criterion by task and turn; cold turns from a cache measure no waiting."""
    separate = {task.name for task in result.tasks if task.separate}
    found: dict[tuple[str, int], list[float]] = {}
    for trial in counted(result, model):
        alone = trial.task in separate
        if not lane.tasks.get(trial.task) or (criterion != "decode_tps" and cold_but_cached(trial, separate=alone)):
            continue
        for index, turn in enumerate(trial.turns):
            warm = index > 0 and not alone
            value = _value(turn, criterion)
            if value and is_whole(turn) and criterion != ("ttft_s" if warm else "warm_ttft_s"):
                found.setdefault((trial.task, index), []).append(value)
    return found


def _by_pass_rate(result: Result, lane: Lane, one: ModelInfo, other: ModelInfo, trials: Trials) -> Gap:
    asked = cells_of(result, lane, one.label).keys() & cells_of(result, lane, other.label).keys()
    tasks = [task for task in result.tasks if task.name in asked and task.scored]
    passes = [[passes_of(result, model, task, trials) for model in (one, other)] for task in tasks]
    tables = [table_of(mine, theirs) for mine, theirs in passes]
    seen = difference_on_these_tasks(tables, weights=[lane.tasks[task.name] for task in tasks])
    low, high = seen.interval or (None, None)
    text = f"pass rate {100 * seen.difference:+.0f} points against {other.label}"
    if low is not None and high is not None:
        text += f" (95 % interval {100 * low:+.0f} to {100 * high:+.0f})"
    return Gap("pass_rate", other.label, seen.difference > 0, seen.word == "better", low, high, text)


def _by_memory(one: ModelInfo, other: ModelInfo) -> Gap:
    mine, theirs = taken_bytes(one.memory), taken_bytes(other.memory)
    if not mine or not theirs:
        return _no_gap("memory_bytes", other)
    times = theirs / mine
    text = f"takes {mine / 2**30:.1f} GiB against {other.label}'s {theirs / 2**30:.1f}"
    return Gap("memory_bytes", other.label, times > 1, times >= 1.05, times, times, text)


def _no_gap(criterion: RankBy, other: ModelInfo) -> Gap:
    text = f"{CALLED[criterion]} was not measured for both it and {other.label}"
    return Gap(criterion, other.label, is_ahead=False, is_better=False, low=None, high=None, text=text)


def _by_speed(result: Result, lane: Lane, pair: tuple[ModelInfo, ModelInfo], criterion: RankBy) -> Gap:
    mine, theirs = (_speeds(result, lane, model.label, criterion) for model in pair)
    arms = [(mine[at], theirs[at]) for at in sorted(mine.keys() & theirs.keys())]
    seen = ratio_of(arms if criterion in MORE_IS_BETTER else [(b, a) for a, b in arms])
    if seen is None:
        return _no_gap(criterion, pair[1])
    text = f"{CALLED[criterion]} {seen.ratio:.2f} times as good as {pair[1].label}'s"
    if seen.low is not None and seen.high is not None:
        text += f" (95 % interval {seen.low:.2f} to {seen.high:.2f})"
    return Gap(criterion, pair[1].label, seen.ratio > 1, ratio_word(seen) == "more", seen.low, seen.high, text)


@dataclass(frozen=True, slots=True)
class Contest:
    """A lane and who is still in it."""

    result: Result
    lane: Lane
    models: Mapping[str, ModelInfo]
    trials: Trials

    def gap(self, criterion: RankBy, one: str, other: str) -> Gap:
        """The one against the other."""
        pair = (self.models[one], self.models[other])
        if criterion == "pass_rate":
            return _by_pass_rate(self.result, self.lane, *pair, self.trials)
        return _by_memory(*pair) if criterion == "memory_bytes" else _by_speed(self.result, self.lane, pair, criterion)

    def narrow(self, names: Sequence[str], criterion: RankBy) -> tuple[list[str], list[Gap]]:
        """The best by this criterion with those that cannot be told from it; and its gaps to those it beats."""
        best = reduce(lambda a, b: b if self.gap(criterion, b, a).is_ahead else a, names)
        gaps = [self.gap(criterion, best, other) for other in names if other != best]
        return [best, *(gap.other for gap in gaps if not gap.is_better)], [gap for gap in gaps if gap.is_better]

    def decide(self, eligible: Sequence[str]) -> tuple[list[str], list[Gap]]:
        """Who is left after the criteria in their order, and what the last one that decided anything decided."""
        left, decided = list(eligible), list[Gap]()
        for criterion in self.lane.rank_by:
            if len(left) < 2:
                break
            left, beaten = self.narrow(left, criterion)
            decided = beaten or decided
        return left, decided


def _shown(standing_of: Standing) -> str:
    """A model that is not eligible with the demands that keep it out."""
    why = [one.text for one in standing_of.demands if one.state != "met"]
    return f"{standing_of.model} ({'; '.join(why)})"


def _others(standings: Sequence[Standing]) -> str:
    out = ""
    for status, words in (("ruled_out", "Ruled out"), ("undecided", "Not shown either way")):
        some = [_shown(one) for one in standings if one.status == status]
        out += f" {words}: {', '.join(some)}." if some else ""
    return out


def _criteria(lane: Lane) -> str:
    return ", ".join(CALLED[one] for one in lane.rank_by)


def _text(lane: Lane, left: Sequence[str], decided: Sequence[Gap], standings: Sequence[Standing]) -> str:
    if not left:
        return f"The evidence does not decide: no model is shown to meet every demand.{_others(standings)}"
    if len(left) > 1:
        names = f"{', '.join(left[:-1])} and {left[-1]}"
        return f"The evidence does not decide between {names}: not told apart by {_criteria(lane)}.{_others(standings)}"
    why = "; ".join(gap.text for gap in decided) or "the only one shown to meet every demand"
    return f"{left[0]}: {why}.{_others(standings)}"


def _confidence(left: Sequence[str], standings: Sequence[Standing]) -> Literal["clear", "leaning", "none"]:
    if len(left) != 1:
        return "none"
    return "leaning" if any(one.status == "undecided" for one in standings) else "clear"


def recommendation(result: Result, lane: Lane) -> Recommendation:
    """What the evidence says for one lane."""
    standings = tuple(standing(result, lane, model) for model in result.models)
    eligible = [one.model for one in standings if one.status == "eligible"]
    contest = Contest(result, lane, {model.label: model for model in result.models}, by_cell(result))
    left, decided = contest.decide(eligible)
    nearest = min(decided, key=lambda gap: gap.low if gap.low is not None else 0.0, default=None)
    chosen = left[0] if len(left) == 1 else None
    return Recommendation(
        lane=lane.name,
        model=chosen,
        confidence=_confidence(left, standings),
        text=_text(lane, left, decided, standings),
        low=nearest.low if nearest and chosen else None,
        high=nearest.high if nearest and chosen else None,
        tied=tuple(left) if len(left) > 1 else (),
        standings=standings,
        untested=tuple(untested(result, lane)),
    )


def recommendations(result: Result) -> tuple[Recommendation, ...]:
    """One for each lane of a result whose cells are filled."""
    return tuple(recommendation(result, lane) for lane in result.lanes)
