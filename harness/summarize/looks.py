"""Looks of a sequential run: which models can still be a lane's best, and whether the run is decided.

`plan_looks` makes the design before the run, `take_look` applies it to the trials so far. A model leaves a lane if a
requirement rules it out, or if it is worse than a model that meets all of them; worse is judged as in the final
recommendation (lanes.py), by a test of all looks so far, so that all looks, pairs and lanes together have a false
"better" in at most 5 % of runs. A model that left stays out. A lane ends early, too, if the trials up to the cap would
hardly tell any two of its models apart (futility.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from harness.stats import pocock_level
from harness.summarize.futility import LATEST_RULE
from harness.summarize.lane_differences import can_be_told_apart, withdrawn_pairs
from harness.summarize.lane_requirements import check_eligibility, lane_models, split_by_model, tasks_not_run
from harness.summarize.lanes import LaneSelection
from harness.summarize.result import summarize
from harness.summarize.schedule import ERROR
from harness.types import (
    STOPPED_BY_OWNER,
    Eligibility,
    Lane,
    LaneLook,
    Look,
    Result,
    RunSettings,
    SequentialDesign,
    StopRule,
    Task,
    TaskInfo,
)

LOOKS = 10
"""A run is looked at after each tenth of its most trials: a large difference shows early."""
WHOLE_SUITE = "all scored tasks"
"""The lane of a run without lanes."""
SAMPLED_REQUIREMENTS = ("pass_rate", "solved", "warm_ttft")
"""The requirements of a lane that more trials can decide."""
SECONDS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600}


def plan_looks(
    settings: RunSettings, lanes: Sequence[Lane], tasks: Sequence[Task | TaskInfo], models: int
) -> SequentialDesign | None:
    """The design of a run: None for a fixed number of trials. Without `until_decided` its end is its only look.

    It has the lanes that the run can decide: those with a scored task, without one that the run lacks.
    """
    if not settings.is_sequential:
        return None
    known = {task.name for task in tasks if task.scored}
    decidable = [lane for lane in lanes if lane.tasks.keys() & known and not tasks_not_run(lane, tasks)]
    wanted = [replace(lane, override=None) for lane in decidable]
    chosen = tuple(wanted) or (Lane(WHOLE_SUITE, dict.fromkeys(sorted(known or {task.name for task in tasks}), 1.0)),)
    budget_s = float(settings.budget[:-1]) * SECONDS[settings.budget[-1]] if settings.budget else None
    return design_of(schedule_looks(settings.trials, settings.until_decided), budget_s, chosen, models)


def schedule_looks(trials: int, until_decided: bool) -> tuple[int, ...]:
    """The numbers of trials after which a run of at most `trials` is looked at."""
    if not until_decided:
        return (trials,)
    return tuple(sorted({-(-trials * look // LOOKS) for look in range(1, LOOKS + 1)}))


def design_of(looks: tuple[int, ...], budget_s: float | None, lanes: tuple[Lane, ...], models: int) -> SequentialDesign:
    """The design with its level, which follows from the looks and from the pairs of models over the lanes."""
    hypotheses = max(1, len(lanes) * models * (models - 1) // 2)
    # The time may run out between two looks, which is then one more.
    unplanned = int(budget_s is not None and len(looks) > 1)
    level = hypotheses * pocock_level(looks, ERROR / hypotheses, unplanned)
    return SequentialDesign(looks, budget_s, lanes, hypotheses, min(ERROR, level), LATEST_RULE)


def take_look(result: Result, trials: int, elapsed_s: float, *, time_used: bool) -> Look:
    """Look at the trials of a run whose earlier looks the result states; `trials` are complete of each open task."""
    design, looks = result.run.design, result.run.looks
    assert design is not None
    provisional = (*looks, Look(trials, (), "budget", elapsed_s)) if time_used else looks
    run = replace(result.run, looks=provisional)
    filled = summarize(replace(result, run=run, lanes=design.lanes, judgings=()))
    withdrawn = withdrawn_pairs(filled)
    may_go_on = trials < design.looks[-1] and not time_used
    lanes = tuple(
        _look_at(LaneSelection.of(filled, lane, withdrawn), _before(result, lane), may_go_on=may_go_on)
        for lane in design.lanes
    )
    return Look(trials, lanes, _stop_rule(design, lanes, trials, time_used=time_used), elapsed_s)


def _before(result: Result, lane: Lane) -> LaneLook:
    """What the look before found of a lane; all models are in question at the first look."""
    everything = LaneLook(lane.name, tuple(model.label for model in lane_models(result, lane)), decided=False)
    looked_at = result.run.looks[-1].lanes if result.run.looks else (everything,)
    return next((found for found in looked_at if found.lane == lane.name), LaneLook(lane.name, (), decided=False))


def _look_at(selection: LaneSelection, before: LaneLook, *, may_go_on: bool) -> LaneLook:
    models, candidates = selection.models, before.candidates
    of_model = split_by_model(selection.result)
    found = {name: check_eligibility(of_model[name], selection.lane, models[name]) for name in candidates}
    eligible = [name for name in found if found[name].status == "eligible"]
    remaining = tuple(
        name
        for name in candidates
        if models[name].stop_reason in (None, STOPPED_BY_OWNER)
        and found[name].status != "ruled_out"
        and not any(selection.is_better(best, name) for best in eligible if best != name)
    )
    is_open = any(_is_open(found[name]) for name in remaining)
    decided = len(remaining) < 2 and not is_open
    futile = before.futile or (may_go_on and not is_open and _is_futile(selection, remaining))
    return LaneLook(selection.lane.name, remaining, decided, futile and not decided)


def _is_futile(selection: LaneSelection, remaining: Sequence[str]) -> bool:
    """Whether the rest of the run would hardly tell any two models apart, where pass rates come first."""
    lane, models = selection.lane, selection.models
    return lane.rank_by[0] == "pass_rate" and not any(
        can_be_told_apart(selection.result, lane, (models[one], models[other]), selection.trials)
        for one, other in combinations(remaining, 2)
    )


def _is_open(eligibility: Eligibility) -> bool:
    """Whether more trials can decide a requirement of the model."""
    return any(
        requirement.state == "inconclusive" and requirement.name in SAMPLED_REQUIREMENTS
        for requirement in eligibility.requirements
    )


def _stop_rule(design: SequentialDesign, lanes: Sequence[LaneLook], trials: int, *, time_used: bool) -> StopRule | None:
    if time_used:
        return "budget"
    if all(lane.decided for lane in lanes):
        return "decided"
    if trials >= design.looks[-1]:
        return "cap"
    return None if any(lane.is_open for lane in lanes) else "futile"
