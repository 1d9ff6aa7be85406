"""Where a result stands among others: `place_result` says it in a sentence for each model.

Only cells of the same model, comparable settings and the same version of a task count. The decode rate is compared with
the median of the others, task by task, where each run counts once however many settings of the model it has; the pass
rates with all of theirs together, with the task as the unit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from harness.collection import GIB, Database, short_name
from harness.compare import comparison_key
from harness.site.rows import MachineClass, SiteRow, read_cells
from harness.stats import difference_on_tasks_like_these, spread
from harness.types import MIN_TRIALS, Result

EQUAL_MARGIN = 0.05
"""A difference of speeds below this share is none to a user."""
MIN_PASS_TASKS = 2
"""Of tasks in common, without which no interval of a difference of pass rates is known."""


@dataclass(frozen=True, slots=True)
class StandingCell:
    """What of one cell is compared."""

    passed: int
    n: int
    scored: bool
    decode_tps: float | None


Cells = dict[str, StandingCell]
"""Digest of a task -> the cell."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One model of one result with its cells."""

    run: str
    machine: MachineClass
    label: str
    model: str
    comparable: str
    cells: Cells

    @property
    def key(self) -> tuple[str, str]:
        """Equal for the same model at comparable settings."""
        return short_name(self.model).casefold(), self.comparable


def place_result(result: Result, others: Database) -> list[str]:
    """Where each model of a result stands among the results of a site's data."""
    names = {short_name(model.model).casefold() for model in result.models}
    groups = by_key(contenders(row for row in read_cells(others) if row.model.casefold() in names))
    return [
        standing(own, groups.get(own.key, ()))
        or f"{own.label}: no other result has this model with comparable settings on the same tasks."
        for own in _contenders_of(result)
    ]


def _contenders_of(result: Result) -> list[Contender]:
    host, tasks, run = result.host, {task.name: task.sha256 for task in result.tasks}, short_name(result.run.id)
    machine = MachineClass(
        short_name(host.chip or host.architecture),
        _gigabytes(host.memory_bytes),
        host.gpu_cores,
        _gigabytes(host.separate_gpu_bytes),
    )
    found = {
        model.label: Contender(run, machine, model.label, model.model, comparison_key(result, model), {})
        for model in result.models
    }
    for cell in result.cells:
        speed = cell.turns[0].decode_tps if cell.turns else None
        found[cell.model].cells[tasks[cell.task]] = StandingCell(
            cell.pass_rate.passed, cell.pass_rate.n, cell.scored, None if speed is None else speed.median
        )
    return list(found.values())


def _gigabytes(size: int | None) -> int | None:
    return None if size is None else round(size / GIB)


def contenders(rows: Iterable[SiteRow]) -> list[Contender]:
    """The models of the results that cells belong to."""
    found: dict[tuple[str, str], Contender] = {}
    for row in rows:
        key = (row.bundle, row.label)
        if key not in found:
            found[key] = Contender(row.run, row.machine, row.label, row.model, row.comparable, {})
        cell = StandingCell(row.passed, row.n, bool(row.scored), row.decode_tps)
        found[key].cells[row.task_sha256 or ""] = cell
    return list(found.values())


def by_key(found: Iterable[Contender]) -> Mapping[tuple[str, str], Sequence[Contender]]:
    """The contenders that may be compared with each other."""
    groups: dict[tuple[str, str], list[Contender]] = {}
    for each in found:
        groups.setdefault(each.key, []).append(each)
    return groups


def standing(own: Contender, group: Sequence[Contender]) -> str | None:
    """A sentence on where a model stands among the group of its key; None if no other result shares a task."""
    others = [each for each in group if each.run != own.run and own.cells.keys() & each.cells.keys()]
    if not others:
        return None
    of_machine = f"{own.label} on {own.machine.name}"
    parts = [part for part in (_speed(own, others), _pass_rate(own, others)) if part]
    return f"{of_machine}: {'; '.join(parts)}." if parts else None


def _speed(own: Contender, others: Sequence[Contender]) -> str | None:
    ratios = _run_ratios(own, others)
    found = spread(ratios)
    if found is None:
        return None
    count = len(ratios)
    whom = "the one other result" if count == 1 else f"the median of {count} other results"
    if found.low is not None and found.high is not None and found.low <= 1 <= found.high:
        return f"its decode rate can't be told from {whom} ({_change(found.low)} to {_change(found.high)})"
    if abs(found.median - 1) < EQUAL_MARGIN:
        return f"decodes about as fast as {whom} ({_change(found.median)})"
    interval = f" ({_share(found.low)} to {_share(found.high)})" if found.low and found.high else ""
    beaten = f", faster than {sum(ratio > 1 for ratio in ratios)} of them" if count > 1 else ""
    word = "faster" if found.median > 1 else "slower"
    return f"decodes {_share(found.median)} {word} than {whom}{interval}{beaten}"


def _run_ratios(own: Contender, others: Sequence[Contender]) -> list[float]:
    """The ratio of decode rates to each run: the geometric mean over its settings, which are no independent results."""
    logs: dict[str, list[float]] = {}
    for other in others:
        if (log_ratio := _log_ratio(own, other)) is not None:
            logs.setdefault(other.run, []).append(log_ratio)
    return [math.exp(fmean(each)) for each in logs.values()]


def _log_ratio(own: Contender, other: Contender) -> float | None:
    """The mean over the tasks in common of the logarithms of the ratios of decode rates."""
    logs = [
        math.log(cell.decode_tps) - math.log(others.decode_tps)
        for task, cell in own.cells.items()
        if cell.decode_tps and (others := other.cells.get(task)) is not None and others.decode_tps
    ]
    return fmean(logs) if logs else None


def _pass_rate(own: Contender, others: Sequence[Contender]) -> str | None:
    pairs = []
    for task, cell in own.cells.items():
        theirs = [other.cells[task] for other in others if task in other.cells]
        count = sum(each.passed for each in theirs), sum(each.n for each in theirs)
        if cell.scored and cell.n and count[1]:
            pairs.append(((cell.passed, cell.n), count))
    if not pairs:
        return None
    rates = f"{_mean_rate([pair[0] for pair in pairs])}, theirs {_mean_rate([pair[1] for pair in pairs])}"
    counts = f"mean of {len(pairs)} tasks: {rates}" if len(pairs) > 1 else f"{rates} solved"
    found = difference_on_tasks_like_these(pairs) if len(pairs) >= MIN_PASS_TASKS else None
    if found is None or found.interval is None:
        return f"{counts}, on too few tasks for an interval"
    interval = f"{_points(found.interval.low)} to {_points(found.interval.high)} points"
    evidence = f"{counts}; difference {interval}" if min(own[1] for own, _ in pairs) >= MIN_TRIALS else counts
    if found.verdict in ("better", "worse"):
        return f"its pass rate is {found.verdict} than theirs by {abs(100 * found.difference):.0f} points ({evidence})"
    return f"its pass rate can't be told from theirs ({evidence})"


def _mean_rate(counts: Sequence[tuple[int, int]]) -> str:
    """Each task counts once, as in the difference: others may have more trials of one task than of another."""
    rate = sum(passed / n for passed, n in counts) / len(counts)
    return f"{100 * rate:.0f} % of {sum(n for _, n in counts)} trials"


def _share(ratio: float) -> str:
    return f"{abs(100 * (ratio - 1)):.0f} %"


def _change(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.0f} %"


def _points(share: float) -> str:
    return f"{100 * share:+.0f}"
