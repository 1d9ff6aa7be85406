"""Checks against what is known here: the tasks, their suites, and what a machine can do at most."""

from __future__ import annotations

from collections.abc import Iterator

from harness import __version__
from harness.files import plain
from harness.run import task_info
from harness.summarize import max_decode_tps
from harness.types import CUSTOM_SUITE, Cell, Finding, Severity, Task
from harness.verify.evidence import Evidence

MARGIN = 1.15
"""Speculative decoding and sparse activation may beat the bound a little; beyond this it wants an explanation."""


def _misdescribed(evidence: Evidence, at: int, task: Task) -> bool:
    """Whether the result describes a task otherwise than the task folder does."""
    return bool(plain(task_info(task)) != plain(evidence.result.tasks[at]))


def check_tasks(evidence: Evidence) -> Iterator[Finding]:
    """Each task is one that is known here, byte for byte; of another one nothing can be said."""
    for at, info in enumerate(evidence.result.tasks):
        place, task = evidence.place(f"$.tasks[{at}]"), evidence.tasks.get(info.name)
        if task is None:
            text = f"no task {info.name!r} is known here: give its folder with --tasks"
            yield Finding("tasks", place, text, "unknown")
        elif task.sha256 != info.sha256:
            text = f"{info.name} is another version than the one known here: give the folder that was used with --tasks"
            yield Finding("tasks", f"{place}.sha256", text, "unknown")
        elif _misdescribed(evidence, at, task):
            yield Finding("tasks", place, f"{info.name} is described otherwise than the task with its digest says")


def check_suite(evidence: Evidence) -> Iterator[Finding]:
    """A run of a suite asked every task of it: a task that was left out is no failure that nobody sees."""
    run, place = evidence.result.run, evidence.place("$.run.suite")
    if run.suite == CUSTOM_SUITE or not evidence.tasks:
        return
    there = {info.name for info in evidence.result.tasks}
    wanted = {name for name, task in evidence.tasks.items() if run.suite in task.suites}
    # A suite may grow with the kit: only of the very same kit it is known what was in it.
    severity: Severity = "fault" if evidence.result.kit.version == __version__ else "doubt"
    if not wanted:
        yield Finding("suite", place, f"no suite {run.suite!r} is known here", severity)
    elif wanted - there:
        yield Finding("suite", place, f"{run.suite} has these tasks too: {', '.join(sorted(wanted - there))}", severity)
    for name in sorted(there & set(evidence.tasks) - wanted if wanted else ()):
        yield Finding("suite", place, f"{name} is not a task of {run.suite}", severity)


def _fastest(cell: Cell) -> float:
    return max((turn.decode_tps.maximum for turn in cell.turns if turn.decode_tps is not None), default=0.0)


def check_bound(evidence: Evidence) -> Iterator[Finding]:
    """No decode rate is above what the machine's memory allows for the declared size. A doubt, not a fault."""
    result = evidence.result
    for model in result.models:
        bound = max_decode_tps(result.host, model.facts)
        fastest = max((_fastest(cell) for cell in result.cells if cell.model == model.label), default=0.0)
        if bound is not None and fastest > MARGIN * bound:
            text = (
                f"{model.label} decodes {fastest:.0f} tok/s; {result.host.chip} can read its declared weights "
                f"{bound:.0f} times a second: speculative decoding, or a wrong size"
            )
            yield Finding("rate-bound", evidence.place("$.cells"), text, "doubt")


def check_same_times(evidence: Evidence) -> Iterator[Finding]:
    """Trials of one cell do not take the same nanoseconds. A doubt: a coarse clock could do it."""
    result = evidence.result
    for cell in result.cells:
        times = [
            trial.turns[0].timings.e2e_s
            for trial in result.trials
            if (trial.model, trial.task) == (cell.model, cell.task) and not trial.warmup and trial.turns
        ]
        known = [value for value in times if value is not None]
        if len(known) > 2 and len(set(known)) == 1:
            text = f"{cell.model} on {cell.task}: all {len(known)} trials took exactly {known[0]} s"
            yield Finding("same-times", evidence.place("$.trials"), text, "doubt")
