"""What a lane demands of one model, and whether the evidence shows it, refutes it or does neither."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from harness.stats import Interval, clopper_pearson, rate_on_these_tasks
from harness.types import Cell, Demand, Lane, MemoryUse, ModelInfo, Result, Standing

State = Literal["met", "not_met", "not_shown", "unknown"]
GIB = 2**30
ONE_PROCESS = "server process"


def cells_of(result: Result, lane: Lane, model: str) -> dict[str, Cell]:
    """The model's cells on the lane's tasks of which at least one trial was made, by task."""
    return {
        one.task: one for one in result.cells if one.model == model and lane.tasks.get(one.task, 0) > 0 and one.outcomes
    }


def lane_rate(result: Result, lane: Lane, model: str) -> tuple[float | None, Interval | None]:
    """The weighted pass rate on the lane's scored tasks. Of one task the interval is exact: it carries a claim."""
    cells = [one for one in cells_of(result, lane, model).values() if one.scored]
    counts = [(one.rate.passed, one.rate.n) for one in cells]
    if len(cells) == 1:
        return cells[0].rate.rate, clopper_pearson(*counts[0])
    return rate_on_these_tasks(counts, weights=[lane.tasks[one.task] for one in cells])


def taken_bytes(memory: MemoryUse) -> int | None:
    """What the model takes: its process, or what the whole machine had in use more than before."""
    if memory.loaded_bytes is None or memory.method == ONE_PROCESS:
        return memory.loaded_bytes
    return None if memory.before_bytes is None else max(0, memory.loaded_bytes - memory.before_bytes)


def tasks_asked(result: Result, lane: Lane, model: ModelInfo) -> Demand | None:
    """Every task of the lane must have been asked; one that does not fit into the context rules the model out."""
    skipped = [one for one in model.skipped if lane.tasks.get(one.task, 0) > 0]
    if skipped:
        first = skipped[0]
        text = f"{first.task} needs {first.required_tokens:,} tokens of context and gets {first.available_tokens:,}"
        return Demand("tasks", "not_met", text)
    missing = sorted(set(lane.tasks) - set(cells_of(result, lane, model.label)))
    return Demand("tasks", "unknown", f"not asked: {', '.join(missing)}") if missing else None


def pass_rate(result: Result, lane: Lane, model: ModelInfo) -> Demand | None:
    """The lower bound must reach what is demanded."""
    if lane.min_pass_rate is None:
        return None
    wanted = f"at least {100 * lane.min_pass_rate:.0f} % wanted by its lower end"
    rate, interval = lane_rate(result, lane, model.label)
    if rate is None or interval is None:
        return Demand("pass_rate", "unknown", f"no trial of a scored task; {wanted}")
    state: State = "not_shown"
    if interval.low >= lane.min_pass_rate:
        state = "met"
    elif interval.high < lane.min_pass_rate:
        state = "not_met"
    return Demand("pass_rate", state, f"pass rate {rate_text(rate, interval)}; {wanted}")


def rate_text(rate: float, interval: Interval) -> str:
    """`92 % (95 % interval 76 to 98 %)`."""
    return f"{100 * rate:.0f} % (95 % interval {100 * interval.low:.0f} to {100 * interval.high:.0f} %)"


def context(result: Result, lane: Lane, model: ModelInfo) -> Demand | None:
    """The server's own word shows it; what is declared only refutes."""
    wanted, served, declared = lane.min_context_tokens, model.served_context_tokens, model.context_tokens
    if wanted is None:
        return None
    end = f"{wanted:,} tokens wanted"
    if served is not None:
        return Demand("context", "met" if served >= wanted else "not_met", f"the server gives {served:,}; {end}")
    if declared is not None:
        state: State = "not_shown" if declared >= wanted else "not_met"
        return Demand("context", state, f"{declared:,} are declared and the server does not say; {end}")
    return Demand("context", "unknown", f"nobody says how much context it has; {end}")


def memory(result: Result, lane: Lane, model: ModelInfo) -> Demand | None:
    """What the loaded model takes."""
    if lane.max_memory_bytes is None:
        return None
    taken, end = taken_bytes(model.memory), f"{lane.max_memory_bytes / GIB:.1f} GiB allowed"
    if taken is None:
        return Demand("memory", "unknown", f"its memory was not measured; {end}")
    state: State = "met" if taken <= lane.max_memory_bytes else "not_met"
    return Demand("memory", state, f"takes {taken / GIB:.1f} GiB ({model.memory.method}); {end}")


def warm_ttft(result: Result, lane: Lane, model: ModelInfo) -> Demand | None:
    """The slowest of the later turns, by its median's upper bound."""
    limit = lane.max_warm_ttft_s
    if limit is None:
        return None
    end = f"{limit:g} s allowed"
    separate = {task.name for task in result.tasks if task.separate}
    cells = [one for one in cells_of(result, lane, model.label).values() if one.task not in separate]
    turns = [(one.task, turn.turn + 1, turn.ttft_s) for one in cells for turn in one.turns[1:] if turn.ttft_s]
    if not turns:
        return Demand("warm_ttft", "unknown", f"no later turn was measured; {end}")
    task, number, slowest = max(turns, key=lambda row: row[2].median)
    state: State = "not_shown"
    if slowest.high is not None and slowest.high <= limit:
        state = "met"
    elif slowest.low is not None and slowest.low > limit:
        state = "not_met"
    bounds = (
        "no interval below 6" if slowest.low is None else f"95 % interval {slowest.low:.2f} to {slowest.high:.2f} s"
    )
    return Demand("warm_ttft", state, f"{slowest.median:.2f} s at turn {number} of {task} ({bounds}); {end}")


DEMANDS: tuple[Callable[[Result, Lane, ModelInfo], Demand | None], ...] = (
    tasks_asked,
    pass_rate,
    context,
    memory,
    warm_ttft,
)


def _found(result: Result, lane: Lane, model: ModelInfo) -> Iterator[Demand]:
    for demand in DEMANDS:
        found = demand(result, lane, model)
        if found is not None:
            yield found


def standing(result: Result, lane: Lane, model: ModelInfo) -> Standing:
    """Where a model stands in a lane, before anybody is ranked."""
    found = tuple(_found(result, lane, model))
    states = {one.state for one in found}
    rate, interval = lane_rate(result, lane, model.label)
    return Standing(
        model=model.label,
        status="ruled_out" if "not_met" in states else "eligible" if states <= {"met"} else "undecided",
        demands=found,
        rate=rate,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
    )
