"""The sections of every report in their order; a new section is one function and its row in SECTIONS."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.report.agent_work import agent_work
from harness.report.correctness import correctness, glance, memory, outcomes, warnings
from harness.report.elements import Section
from harness.report.environment import environment, models, tasks
from harness.report.judging import blind_judging
from harness.report.scorer_metrics import scorer_metrics
from harness.report.selection import lanes, pairs, stability, trade_offs
from harness.report.speed import first_token, generation, prefill
from harness.report.task_families import conversations, declines, needles, real_bugs
from harness.types import ModelInfo, Result

SIMULATED = "SIMULATED: the demo server answered in this run; no number here measures a real model or this machine"

WITHHELD = "and every recording; only digests are published, so nothing beyond the level consistent can be verified"


def title_of(result: Result) -> str:
    """The first line of the report."""
    return f"Lanebench: suite {result.run.suite}, {result.run.trials_words} per task, run {result.run.id}"


def banners_of(result: Result) -> tuple[str, ...]:
    """The lines below the title that every reader must see: simulated models, missing trials, withheld answers."""
    simulated = result.run.simulated or any(model.simulated for model in result.models)
    incomplete = [text for model in result.models if (text := _missing_trials(result, model))]
    parts = f"NOT COMPLETE: {'; '.join(incomplete)}. Incomplete tasks have no rate, interval or rank"
    withheld = len({trial.task for trial in result.trials if any(turn.is_withheld for turn in trial.turns)})
    private = f"WITHHELD: the answers to {withheld} private task{'s' if withheld > 1 else ''}, {WITHHELD}"
    shown = ((simulated, SIMULATED), (incomplete, parts), (withheld, private))
    return tuple(text for is_shown, text in shown if is_shown)


def _missing_trials(result: Result, model: ModelInfo) -> str:
    """How many of a model's planned trials were run, and why not all; "" if all were."""
    rates = [cell.pass_rate for cell in result.cells if cell.model == model.label]
    if all(rate.is_complete for rate in rates):
        return ""
    run, planned = sum(rate.n for rate in rates), sum(rate.planned for rate in rates)
    reason = f" ({model.stop_reason})" if model.stop_reason else ""
    return f"{model.label} {f'ran {run} of {planned} trials' if run else f'was not run, 0 of {planned} trials'}{reason}"


def sections_of(result: Result) -> tuple[Section, ...]:
    """Every section that has content for this result."""
    sections = (make(result) for make in SECTIONS)
    return tuple(section for section in sections if section.lead or section.tables or section.charts or section.notes)


def standing_section(sentences: Sequence[str]) -> Section:
    """Where each model stands among other results, in these sentences; empty without any."""
    lead = "Against other results of the same model, comparable settings and the same tasks, on any machine."
    return Section("standing", "Among others", lead if sentences else "", notes=tuple(sentences))


SECTIONS: tuple[Callable[[Result], Section], ...] = (
    glance,
    lanes,
    correctness,
    agent_work,
    scorer_metrics,
    blind_judging,
    declines,
    real_bugs,
    needles,
    conversations,
    stability,
    pairs,
    generation,
    prefill,
    first_token,
    memory,
    trade_offs,
    outcomes,
    warnings,
    tasks,
    models,
    environment,
)
