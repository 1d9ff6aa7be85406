"""The sections of every report, in their order. A new one is a function and its line in the tuple at the foot."""

from __future__ import annotations

from collections.abc import Callable

from harness.report.correctness import correctness, glance, memory, outcomes, warnings
from harness.report.elements import Section
from harness.report.environment import models, surroundings, tasks
from harness.report.scorer_metrics import beside
from harness.report.selection import lanes, pairs, stability, trades
from harness.report.speed import first_token, generation, prefill
from harness.report.task_families import conversations, declines, needles
from harness.types import Result

SIMULATED = "SIMULATED: the demo server answered in this run; nothing here measures a real model or this machine"


def title_of(result: Result) -> str:
    """The report's first line."""
    return f"Lanebench: suite {result.run.suite}, {result.run.trials} trials a task, run {result.run.id}"


def simulated_in(result: Result) -> str | None:
    """The banner of a run that measured nothing real."""
    return SIMULATED if result.run.simulated or any(model.simulated for model in result.models) else None


def sections_of(result: Result) -> tuple[Section, ...]:
    """Every section with something in it."""
    made = (make(result) for make in SECTIONS)
    return tuple(one for one in made if one.lead or one.tables or one.charts or one.notes)


SECTIONS: tuple[Callable[[Result], Section], ...] = (
    glance,
    lanes,
    correctness,
    beside,
    declines,
    needles,
    conversations,
    stability,
    pairs,
    generation,
    prefill,
    first_token,
    memory,
    trades,
    outcomes,
    warnings,
    tasks,
    models,
    surroundings,
)
