"""Comparison of runs with a baseline run, across machines, users and server versions, per task and overall.

`compare` computes everything again from the trials of both files, since statistics that a file states may be forged.
`sections_of` turns its result into report sections.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.compare.brief import render_brief_comparisons
from harness.compare.comparability import (
    SERVER_STARTS_NOTE,
    common_tasks,
    comparison_key,
    pair_models,
    require_comparable,
)
from harness.compare.differences import model_differences, run_differences
from harness.compare.lanes import lane_changes
from harness.compare.levels import format_level, hold_pass_rates, levels_of
from harness.compare.models import (
    CellPair,
    FactDifference,
    LaneChange,
    Levels,
    ModelPair,
    QuantityComparison,
    RunComparison,
)
from harness.compare.quantities import Side, Sides, contingency_tables, pass_rates, speeds
from harness.compare.sections import sections_of
from harness.report import answer_changing_warnings, warning_texts
from harness.stats import wilson
from harness.summarize import answer_identity, by_cell, claim_level, summarize
from harness.types import ModelInfo, PassRate, Result, TaskInfo

__all__ = [
    "CellPair",
    "FactDifference",
    "LaneChange",
    "Levels",
    "ModelPair",
    "QuantityComparison",
    "RunComparison",
    "compare",
    "comparison_key",
    "render_brief_comparisons",
    "sections_of",
]


def compare(
    baseline: tuple[str, Result], other: tuple[str, Result], pairs: Sequence[tuple[str, str]] = ()
) -> RunComparison:
    """Compare a named run with a named baseline. Raises RunError when they are not comparable."""
    names = (baseline[0], other[0])
    require_comparable(names, baseline[1], other[1])
    left, right = summarize(baseline[1]), summarize(other[1])
    tasks, _ = common_tasks(left, right)
    trials = by_cell(left), by_cell(right)
    # A run's lanes are what they are in the same run, of which two models are compared.
    lanes, unlike = ([], []) if left.run.id == right.run.id else lane_changes(left, right)
    paired = pair_models(left, right, pairs)
    warnings, minor = _warnings(left, right, paired)
    sides = [(Side(left, model, trials[0]), Side(right, other_model, trials[1])) for model, other_model in paired]
    run_tasks = [[task for task in tasks if all(side.passes(task) for side in both)] for both in sides]
    levels = levels_of((left, right), len(paired), sum(map(len, run_tasks)))
    found = [_model_pair(both, run, levels) for both, run in zip(sides, run_tasks, strict=True)]
    return RunComparison(
        baseline=names[0],
        other=names[1],
        differences=run_differences(left, right),
        pairs=hold_pass_rates(found, (left, right)),
        lanes=tuple(lanes),
        notes=(*_skipped_notes(left, right, paired), *_notes(left, right, unlike)),
        warnings=warnings,
        minor_warnings=minor,
        levels=levels,
    )


def _warnings(
    baseline: Result, other: Result, pairs: Sequence[tuple[ModelInfo, ModelInfo]]
) -> tuple[tuple[str, ...], int]:
    """The warnings about the compared models and their machines that may turn an answer, and how many others are."""
    sides = [("baseline: ", baseline, {model.label for model, _ in pairs})]
    sides.append(("now: ", other, {model.label for _, model in pairs}))
    if baseline.run.id == other.run.id:
        sides = [("", other, sides[0][2] | sides[1][2])]
    found, minor = list[str](), 0
    for name, result, models in sides:
        about = [each for each in result.warnings if each.model is None or each.model in models]
        shown = [each for each in answer_changing_warnings(result) if each in about]
        found += [f"{name}{text}" for text in warning_texts(shown)]
        minor += len(about) - len(shown)
    return tuple(found), minor


def _model_pair(sides: Sides, run: Sequence[TaskInfo], levels: Levels) -> ModelPair:
    """A pair on the tasks that both ran whole; its pass rates are not corrected yet."""
    scored = [task for task in run if task.scored]
    tables = contingency_tables(sides, scored)
    return ModelPair(
        baseline=sides[0].model.label,
        other=sides[1].model.label,
        differences=model_differences(sides[0].model, sides[1].model),
        overall=(
            *pass_rates(sides, scored, levels.pass_rates, levels.pass_rate_power),
            *speeds(sides, run, levels.speeds),
        ),
        baseline_passed=sum(table.both + table.baseline_only for table in tables),
        other_passed=sum(table.both + table.model_only for table in tables),
        regressed=_unpooled(sum(table.baseline_only for table in tables), sum(table.n for table in tables)),
        same_answers=_same_answers(sides, run),
        cells=tuple(_cell_pair(sides, task, levels) for task in run),
    )


def _same_answers(sides: Sides, tasks: Sequence[TaskInfo]) -> PassRate | None:
    """Prompts hold nonces that follow from the run's seed, and differ between the models of one run on one server."""
    baseline, other = sides
    if baseline.result.run.seed != other.result.run.seed or baseline.result.run.id == other.result.run.id:
        return None
    pairs = [pair for task in tasks for pair in _answers_of_both(sides, task)]
    return _unpooled(sum(left == right for left, right in pairs), len(pairs))


def _answers_of_both(sides: Sides, task: TaskInfo) -> Iterator[tuple[object, object]]:
    """What both answered in the trials of a task, where both answered."""
    left, right = (
        {trial.trial: answer_identity(trial) for trial in side.trials.get((side.model.label, task.name), ())}
        for side in sides
    )
    both = ((left[number], right[number]) for number in left if number in right)
    return ((answer, other) for answer, other in both if answer is not None and other is not None)


def _cell_pair(sides: Sides, task: TaskInfo, levels: Levels) -> CellPair:
    (table,) = contingency_tables(sides, [task])
    baseline, other = (side.passes(task) for side in sides)
    rates = pass_rates(sides, [task], levels.pass_rates, levels.pass_rates) if task.scored else ()
    return CellPair(
        task=task.name,
        baseline=_pass_rate(sum(baseline.values()), len(baseline)),
        other=_pass_rate(sum(other.values()), len(other)),
        regressed=_pass_rate(table.baseline_only, table.n) if task.scored else _pass_rate(0, 0),
        quantities=(*rates, *speeds(sides, [task], levels.task_speeds)),
    )


def _pass_rate(k: int, n: int) -> PassRate:
    interval = wilson(k, n)
    return PassRate(k, n, n, k / n, *interval) if interval else PassRate(k, n, n, None, None, None)


def _unpooled(k: int, n: int) -> PassRate:
    """k of n over several tasks, without an interval."""
    return PassRate(k, n, n, k / n if n else None, None, None)


def _skipped_notes(baseline: Result, other: Result, pairs: Sequence[tuple[ModelInfo, ModelInfo]]) -> Iterator[str]:
    """The common tasks that a compared model skipped in one of the runs: no count of the answer has them."""
    common = {task.name for task in common_tasks(baseline, other)[0]}
    for name, models in zip(("baseline", "other run"), zip(*pairs, strict=True), strict=True):
        skipped = [
            f"{model.label} on {skip.task} (needs {skip.required_tokens:,} tokens, it has {skip.available_tokens:,})"
            for model in models
            for skip in model.skipped
            if skip.task in common
        ]
        if skipped:
            yield f"excluded, because they do not fit into the context of the {name}: {', '.join(skipped)}"


def _notes(baseline: Result, other: Result, unlike_lanes: Sequence[str]) -> tuple[str, ...]:
    notes = [*common_tasks(baseline, other)[1]]
    if unlike_lanes:
        notes.append(f"lanes whose tasks or requirements differ are not compared: {', '.join(unlike_lanes)}")
    notes += [
        f"Lanebench had uncommitted changes in the {name} (run {result.run.id}): nobody else can get that version"
        for name, result in (("baseline", baseline), ("other run", other))
        if result.kit.dirty
    ]
    notes += _looks_notes(baseline, other)
    for name, result in (("baseline", baseline), ("other run", other)):
        incomplete = [f"{cell.model} on {cell.task}" for cell in result.cells if not cell.pass_rate.is_complete]
        if incomplete:
            notes.append(f"excluded, because the {name} lacks trials of them: {', '.join(incomplete)}")
    if baseline.run.seed == other.run.seed and baseline.run.id != other.run.id:
        notes.append(
            f"both runs have the seed {baseline.run.seed}: a server that was not restarted may have cached the prompts"
        )
    if baseline.run.id == other.run.id:
        notes.append(
            "whether the answers are the same is not compared: in one run each model's prompts have nonces of their own"
        )
        if baseline.run.design is None and baseline.run.passes == 1:
            notes.append(
                "each model had all its trials in one piece: a drift of the machine counts as a difference of models"
            )
    return (*notes, SERVER_STARTS_NOTE)


def _looks_notes(baseline: Result, other: Result) -> Iterator[str]:
    """A note for each sequential run: it ends when it shows enough, so that its claims are at a level of their own."""
    runs = [("baseline", baseline), ("other run", other)]
    if baseline.run.id == other.run.id:
        runs = [("run", baseline)]
    for name, result in runs:
        if result.run.design is not None:
            yield (
                f"the {name} is sequential, with at most {len(result.run.design.looks)} looks: what is compared "
                f"with it is at its level of {format_level(claim_level(result))} in place of 95 %"
            )
