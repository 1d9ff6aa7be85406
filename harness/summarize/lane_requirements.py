"""Requirements of a lane, checked for one model: met, not met, inconclusive or unknown.

A requirement is one function and its row in REQUIREMENTS. `check_eligibility` applies all of them to a model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from harness.stats import Interval, claimed_rate_on_these_tasks, rate_on_these_tasks
from harness.summarize.schedule import claim_level, is_asked
from harness.types import (
    GIB,
    MIN_TRIALS,
    Cell,
    Eligibility,
    Lane,
    ModelInfo,
    Requirement,
    RequirementState,
    Result,
    Task,
    TaskInfo,
)

MIN_UNSOLVED = 10
"""Trials without a pass that rule a model out of a lane that demands no rate: at most three of ten then, at 95 %."""


def cells_of(result: Result, lane: Lane, model: str) -> dict[str, Cell]:
    """Task -> the model's cell, for the lane's tasks with at least one trial."""
    return {
        cell.task: cell
        for cell in result.cells
        if cell.model == model and lane.tasks.get(cell.task, 0) > 0 and cell.outcomes
    }


def split_by_model(result: Result) -> Mapping[str, Result]:
    """Label -> the result with that model's cells only; each requirement goes through all cells that it is given."""
    cells: dict[str, list[Cell]] = {model.label: [] for model in result.models}
    for cell in result.cells:
        if cell.model in cells:
            cells[cell.model].append(cell)
    return {label: replace(result, cells=tuple(own)) for label, own in cells.items()}


def lane_models(result: Result, lane: Lane) -> tuple[ModelInfo, ...]:
    """The models that are asked tasks of a lane; all of them for a lane without tasks in this run."""
    tasks = [task for task in result.tasks if lane.tasks.get(task.name)]
    asked = tuple(model for model in result.models if any(is_asked(model, task) for task in tasks))
    return asked or result.models


def lane_rate(result: Result, lane: Lane, model: str) -> tuple[float | None, Interval | None]:
    """The weighted pass rate on the lane's scored tasks, None unless all of them are in the run and were run in full.

    The interval is that of a claim. Plans with the first rule of futility were published when it was the stratified one
    over several tasks; their results are computed again by it.
    """
    cells, design = cells_of(result, lane, model), result.run.design
    if _unfinished(result, lane, model, cells):
        return None, None
    scored = [cell for cell in cells.values() if cell.scored]
    counts, weights = (
        [(each.pass_rate.passed, each.pass_rate.n) for each in scored],
        [lane.tasks[each.task] for each in scored],
    )
    is_first_rule = design is not None and design.rule == 1 and len(scored) > 1
    rate_of = rate_on_these_tasks if is_first_rule else claimed_rate_on_these_tasks
    return rate_of(counts, claim_level(result), weights)


def tasks_not_run(lane: Lane, tasks: Iterable[Task | TaskInfo]) -> list[str]:
    """The names of a lane's tasks that are not among those of a run: no model is eligible for such a lane."""
    return sorted({name for name, weight in lane.tasks.items() if weight > 0} - {task.name for task in tasks})


def _unfinished(result: Result, lane: Lane, model: str, cells: Mapping[str, Cell]) -> bool:
    """Whether a task that may count for the lane's pass rate is not in the run, or lacks trials of the model."""
    info = next(each for each in result.models if each.label == model)
    counted = (task for task in result.tasks if lane.tasks.get(task.name, 0) > 0 and task.scored)
    wanted = (task.name for task in counted if is_asked(info, task))
    is_complete = all(name in cells and cells[name].pass_rate.is_complete for name in wanted)
    return not is_complete or bool(tasks_not_run(lane, result.tasks))


def tasks_run(result: Result, lane: Lane, model: ModelInfo) -> Requirement | None:
    """Every task of the lane must have been run; a task that does not fit into the context rules the model out."""
    skipped = [skip for skip in model.skipped if lane.tasks.get(skip.task, 0) > 0]
    if skipped:
        first = skipped[0]
        evidence = (
            f"{first.task} needs {first.required_tokens:,} tokens of context, {first.available_tokens:,} are available"
        )
        return Requirement("tasks", "not_met", evidence)
    cells = cells_of(result, lane, model.label)
    rates = {task: cells[task].pass_rate for task in cells}
    missing = sorted(set(lane.tasks) - set(cells))
    missing += [f"{task} ({rate.n} of {rate.planned} run)" for task, rate in rates.items() if not rate.is_complete]
    return Requirement("tasks", "unknown", f"not run: {', '.join(missing)}") if missing else None


def pass_rate(result: Result, lane: Lane, model: ModelInfo) -> Requirement | None:
    """The lower bound of the pass rate must reach the lane's minimum."""
    if lane.min_pass_rate is None:
        return None
    required = f"required: lower bound of at least {100 * lane.min_pass_rate:.0f} %"
    rate, interval = lane_rate(result, lane, model.label)
    evidence = f"{_rate_text(result, lane, model.label, (rate, interval))}; {required}"
    if rate is None or interval is None:
        return Requirement("pass_rate", "unknown", evidence)
    state: RequirementState = "inconclusive"
    if interval.low >= lane.min_pass_rate:
        state = "met"
    elif interval.high < lane.min_pass_rate:
        state = "not_met"
    return Requirement("pass_rate", state, evidence)


def describe_rate(result: Result, lane: Lane, model: str) -> str:
    """`pass rate 92 % (95 % interval 76 to 98 %)`; `passed 3 of 3` where few trials carry neither."""
    return _rate_text(result, lane, model, lane_rate(result, lane, model))


def _rate_text(result: Result, lane: Lane, model: str, found: tuple[float | None, Interval | None]) -> str:
    """The text of `describe_rate` for what `lane_rate` found."""
    rate, interval = found
    passed, n = result.lane_count(lane, model)
    if rate is None or interval is None:
        cells = cells_of(result, lane, model).values()
        is_part = any(cell.scored and cell.pass_rate.is_complete for cell in cells)
        return (
            f"passed {passed} of {n}, not every task was run in full" if is_part else "no scored task was run in full"
        )
    if n < MIN_TRIALS:
        return f"passed {passed} of {n}"
    return f"pass rate {100 * rate:.0f} % (95 % interval {100 * interval.low:.0f} to {100 * interval.high:.0f} %)"


def solved(result: Result, lane: Lane, model: ModelInfo) -> Requirement | None:
    """Where no pass rate is demanded, a model must have solved something: speed alone recommends none.

    From MIN_UNSOLVED trials on a model that solved nothing is ruled out; with fewer it may yet solve a task.
    """
    passed, n = result.lane_count(lane, model.label)
    if lane.min_pass_rate is not None or passed or not n:
        return None
    state: RequirementState = "not_met" if n >= MIN_UNSOLVED else "inconclusive"
    return Requirement("solved", state, f"passed 0 of {n}; required: one solved trial")


def context(result: Result, lane: Lane, model: ModelInfo) -> Requirement | None:
    """The context that the server reports decides; a declared context can only rule a model out."""
    minimum, served, declared = lane.min_context_tokens, model.served_context_tokens, model.context_tokens
    if minimum is None:
        return None
    required = f"required: {minimum:,} tokens"
    if served is not None:
        state: RequirementState = "met" if served >= minimum else "not_met"
        return Requirement("context", state, f"the server reports {served:,} tokens; {required}")
    if declared is not None:
        state = "inconclusive" if declared >= minimum else "not_met"
        return Requirement("context", state, f"{declared:,} tokens declared, the server reports none; {required}")
    return Requirement("context", "unknown", f"context length is neither reported nor declared; {required}")


def memory(result: Result, lane: Lane, model: ModelInfo) -> Requirement | None:
    """The loaded model must not take more memory than the lane allows."""
    if lane.max_memory_bytes is None:
        return None
    used, allowed = model.memory.model_bytes, f"allowed: {lane.max_memory_bytes / GIB:.1f} GiB"
    if used is None:
        return Requirement("memory", "unknown", f"memory was not measured; {allowed}")
    state: RequirementState = "met" if used <= lane.max_memory_bytes else "not_met"
    return Requirement("memory", state, f"takes {used / GIB:.1f} GiB ({model.memory.method}); {allowed}")


def warm_ttft(result: Result, lane: Lane, model: ModelInfo) -> Requirement | None:
    """The upper bound of the median TTFT of the slowest later turn must not exceed the lane's maximum."""
    limit = lane.max_warm_ttft_s
    if limit is None:
        return None
    allowed = f"allowed: {limit:g} s"
    conversations = {task.name for task in result.tasks if task.is_conversation}
    cells = [cell for cell in cells_of(result, lane, model.label).values() if cell.task in conversations]
    turns = [(cell.task, turn.turn + 1, turn.ttft_s) for cell in cells for turn in cell.turns[1:] if turn.ttft_s]
    if not turns:
        return Requirement("warm_ttft", "unknown", f"no later turn was measured; {allowed}")
    task, number, slowest = max(turns, key=lambda row: row[2].median)
    state: RequirementState = "inconclusive"
    if slowest.high is not None and slowest.high <= limit:
        state = "met"
    elif slowest.low is not None and slowest.low > limit:
        state = "not_met"
    bounds = "no interval below 6 trials"
    if slowest.low is not None and slowest.high is not None:
        bounds = f"95 % interval {slowest.low:.2f} to {slowest.high:.2f} s"
    return Requirement("warm_ttft", state, f"{slowest.median:.2f} s at turn {number} of {task} ({bounds}); {allowed}")


def check_eligibility(result: Result, lane: Lane, model: ModelInfo) -> Eligibility:
    """Check every requirement of a lane for one model, before models are ranked; its cells are enough."""
    result = replace(result, cells=tuple(cells_of(result, lane, model.label).values()))
    checked = (check(result, lane, model) for check in REQUIREMENTS)
    requirements = tuple(requirement for requirement in checked if requirement is not None)
    states = {requirement.state for requirement in requirements}
    rate, interval = lane_rate(result, lane, model.label)
    return Eligibility(
        model=model.label,
        status="ruled_out" if "not_met" in states else "eligible" if states <= {"met"} else "undecided",
        requirements=requirements,
        rate=rate,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
    )


REQUIREMENTS: tuple[Callable[[Result, Lane, ModelInfo], Requirement | None], ...] = (
    tasks_run,
    pass_rate,
    solved,
    context,
    memory,
    warm_ttft,
)
