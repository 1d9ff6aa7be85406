"""How many trials of each task a model has to run: all of the plan, or as many as a sequential design has come to.

`trials_planned` is used by the recorder, by the statistics and by `verify`, so that they agree on the denominator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.stats import LEVEL
from harness.types import Lane, Look, Model, ModelInfo, Result, SequentialDesign, StopRule, Task, TaskInfo

ERROR = round(1 - LEVEL, 12)
"""The share of runs with any false "better", over all looks, pairs and lanes."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The number of trials of each task, or the design of a sequential run and its looks so far."""

    trials: int
    design: SequentialDesign | None = None
    looks: Sequence[Look] = ()


def schedule_of(result: Result) -> Schedule:
    """The schedule that a result states."""
    return Schedule(result.run.trials, result.run.design, result.run.looks)


def is_asked(model: Model | ModelInfo, task: Task | TaskInfo) -> bool:
    """Whether a model is asked a task: with an agent those for agents, alone all others."""
    return task.for_agents == (model.agent is not None)


def trials_planned(schedule: Schedule, model: Model | ModelInfo, task: Task | TaskInfo) -> int:
    """How many trials of a task by a model the plan has so far; 0 of a task that it is not asked.

    Where the time ran out within a block, its trials are kept and count for nothing: others lack theirs.
    """
    if not is_asked(model, task):
        return 0
    design = schedule.design
    if design is None:
        return schedule.trials
    planned = design.looks[0]
    for number, look in enumerate(schedule.looks, 1):
        if look.stop == "budget":
            return min(planned, look.trials)
        if look.stop is None and number < len(design.looks) and _continues(design, look, model.label, task):
            planned = design.looks[number]
    return planned


def _continues(design: SequentialDesign, look: Look, model: str, task: Task | TaskInfo) -> bool:
    """Whether a model needs more trials of a task after a look; a canary leads each block of a model."""
    open_lanes = {lane.lane for lane in look.lanes if lane.is_open and model in lane.candidates}
    return any(lane.name in open_lanes and (task.canary or lane.tasks.get(task.name, 0) > 0) for lane in design.lanes)


def claim_level(result: Result) -> float:
    """The confidence level of one interval at which all looks of the run together keep 95 %."""
    return LEVEL if result.run.design is None else 1 - result.run.design.nominal_level


def power_level(result: Result, pairs: int) -> float:
    """The level at which the first of so many pairs of models must differ by Holm, for its power and its size.

    Plans with the first rule of futility were published when it was that of a single comparison.
    """
    design = result.run.design
    if design is not None and design.rule == 1:
        return LEVEL
    return 1 - (1 - claim_level(result)) / max(1, pairs)


def adjusted_p(result: Result, p: float) -> float:
    """A p-value adjusted for the looks of the run; the number of pairs is for Holm's correction."""
    design = result.run.design
    return p if design is None else min(1.0, p * ERROR / design.nominal_level)


def look_note(result: Result, lane: Lane, remaining: Sequence[str], needed: int | None) -> str:
    """How a lane of a sequential run ended, as a sentence; "" for other runs and lanes.

    `needed` is the number of trials per task that would decide it, if more trials can.
    """
    design, looks = result.run.design, result.run.looks
    found = [(look, state) for look in looks for state in look.lanes if state.lane == lane.name]
    if design is None or not found or replace(lane, override=None) not in design.lanes:
        return ""
    last, state = found[-1]
    if state.decided and list(state.candidates) != list(remaining):
        return (
            f"The looks on the way had decided for {' or '.join(state.candidates) or 'no model'}; the final verdicts, "
            "with other hidden cases, no longer carry that."
        )
    states = [(earlier.decided, earlier.futile) for _, earlier in found]
    first = states.index((state.decided, state.futile))
    counted = f"look {first + 1} of at most {len(design.looks)}"
    after = f"after {found[first][0].trials} of at most {design.looks[-1]} trials a task, {counted}"
    if state.decided:
        return f"Sequential design: decided {after}."
    count, ran = len(state.candidates), found[first][0].trials if state.futile else last.trials
    left = f"{count} models in question" if count > 1 else "1 model in question"
    if state.futile:
        ended = f"Sequential design: ended {after}; the rest would hardly tell the pass rates of {count} models apart."
    elif design.is_looked_at_on_the_way:
        number = f"look {len(looks)} of at most {len(design.looks)}"
        ended = f"Sequential design: the looks left {left}{_END[last.stop]}, {number}."
    else:
        ended = f"{ran} of at most {design.looks[-1]} trials a task were run{_END[last.stop]}, with {left}."
    return f"{ended}{_time_to_decide(last, ran, remaining, needed)}"


_END: Mapping[StopRule | None, str] = {
    "budget": " when the time was used",
    "cap": " when all trials were run",
    "decided": "",
    "futile": "",
    None: " so far",
}


def _time_to_decide(last: Look, ran: int, remaining: Sequence[str], needed: int | None) -> str:
    """How long `needed` trials of each task would take beyond those that the lane had, at the pace of the whole run."""
    if len(remaining) < 2 or needed is None or not 0 < ran < needed:
        return ""
    minutes = last.elapsed_s / last.trials * (needed - ran) / 60
    return f" About {max(1, round(minutes))} more minutes of recording would decide it."
