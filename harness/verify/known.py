"""Checks against what is known here: the tasks, and the machine's memory bandwidth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.files import plain
from harness.types import Cell, ModelInfo, Task, TaskInfo
from harness.verify.evidence import Evidence
from harness.verify.findings import Finding

MARGIN = 1.15
"""Speculative decoding and sparse activation may beat the bound a little; beyond this it wants an explanation."""


def task_facts(task: Task) -> TaskInfo:
    """A task known here as a result must name it."""
    return TaskInfo(
        task.name, task.title, task.scorer, task.language, task.sha256, len(task.variants), task.private_includes
    )


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
        elif plain(task_facts(task)) != plain(info):
            yield Finding("tasks", place, f"{info.name} is described otherwise than the task with its digest says")


def _number(model: ModelInfo, name: str) -> float | None:
    value = model.facts.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None


def decode_bound_tps(model: ModelInfo, chip: str | None) -> float | None:
    """Memory bandwidth over the bytes of the active weights: what one stream cannot beat without speculation."""
    bandwidth = BANDWIDTH_GBPS.get(chip or "")
    active = _number(model, "active_parameters_b") or _number(model, "parameters_b")
    bits = _number(model, "bits")
    if bandwidth is None or active is None or bits is None:
        return None
    return bandwidth / (active * bits / 8)


def _fastest(cell: Cell) -> float:
    return max((turn.decode_tps.maximum for turn in cell.turns if turn.decode_tps is not None), default=0.0)


def check_bound(evidence: Evidence) -> Iterator[Finding]:
    """No decode rate is above what the machine's memory allows for the declared size. A doubt, not a fault."""
    result = evidence.result
    for model in result.models:
        bound = decode_bound_tps(model, result.host.chip)
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


# GB/s as the maker states them: Apple's technical specifications of each machine.
BANDWIDTH_GBPS: Mapping[str, float] = {
    "Apple M1": 68.25,
    "Apple M1 Pro": 200.0,
    "Apple M1 Max": 400.0,
    "Apple M1 Ultra": 800.0,
    "Apple M2": 100.0,
    "Apple M2 Pro": 200.0,
    "Apple M2 Max": 400.0,
    "Apple M2 Ultra": 800.0,
    "Apple M3": 100.0,
    "Apple M3 Pro": 150.0,
    "Apple M3 Max": 400.0,
    "Apple M3 Ultra": 819.0,
    "Apple M4": 120.0,
    "Apple M4 Pro": 273.0,
    "Apple M4 Max": 546.0,
    "Apple M5": 153.0,
}
