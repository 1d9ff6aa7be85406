"""Where a result stands among others: `place_result` says it in a sentence for each model.

Only cells of the same model, comparable settings and the same version of a task count. The decode rate is compared with
the median of the others, task by task; the pass rates with all of theirs together, with the task as the unit. In both
each run counts once, however many settings of the model it has.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import fmean
from typing import NamedTuple

from harness.collection import MAX_NAME_CHARS, Database, short_name
from harness.compare import comparison_key
from harness.errors import first_of
from harness.files import to_json, valid_text
from harness.site.rows import MAX_CELLS, MachineClass, SiteRow, read_cells_of
from harness.stats import difference_on_tasks_like_these, spread
from harness.types import MIN_TRIALS, ModelInfo, Result

EQUAL_MARGIN = 0.05
"""A difference of speeds below this share is none to a user."""
MAX_QUANTIZATIONS = 3
MIN_PASS_TASKS = 2
"""Of tasks in common, without which no interval of a difference of pass rates is known."""


@dataclass(frozen=True, slots=True)
class StandingCell:
    """What of one cell is compared."""

    passed: int
    n: int
    scored: bool
    decode_tps: float | None


class TaskCount(NamedTuple):
    """Passed and n of one task, each the sum over runs of the means over settings, and the trials behind them."""

    passed: int | Fraction
    n: int | Fraction
    trials: int


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
    quantization: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Equal for the same model at comparable settings."""
        return short_name(self.model).casefold(), self.comparable


def place_result(result: Result, others: Database) -> list[str]:
    """Where each model of a result stands among the results of a site's data."""
    names = {short_name(model.model).casefold() for model in result.models}
    cells, is_cut = read_cells_of(others, lambda name: name.casefold() in names)
    groups = by_key(contenders(cells))
    found = [
        standing(own, groups.get(own.key, ()))
        or f"{own.label}: no other result has this model with comparable settings on the same tasks."
        for own in _contenders_of(result)
    ]
    return [*found, f"Only the newest {MAX_CELLS:,} cells of these models count; there are more."] if is_cut else found


def _contenders_of(result: Result) -> list[Contender]:
    host, tasks, run = result.host, {task.name: task.sha256 for task in result.tasks}, short_name(result.run.id)
    machine = MachineClass(
        short_name(host.chip or host.architecture), host.memory_gb, host.gpu_cores, host.separate_gpu_gb
    )
    found = {
        model.label: Contender(
            run, machine, model.label, model.model, comparison_key(result, model), {}, _quantization_of(model)
        )
        for model in result.models
    }
    for cell in result.cells:
        speed = cell.turns[0].decode_tps if cell.turns else None
        found[cell.model].cells[tasks[cell.task]] = StandingCell(
            cell.pass_rate.passed, cell.pass_rate.n, cell.scored, None if speed is None else speed.median
        )
    return list(found.values())


def _quantization_of(model: ModelInfo) -> str | None:
    stated = model.facts.get("quantization")
    # As the data of a site has it.
    text = stated if isinstance(stated, str) else to_json(stated)
    return None if stated is None else valid_text(text)[:MAX_NAME_CHARS]


def contenders(rows: Iterable[SiteRow]) -> list[Contender]:
    """The models of the results that cells belong to."""
    found: dict[tuple[str, str], Contender] = {}
    for row in rows:
        key = (row.bundle, row.label)
        if key not in found:
            found[key] = Contender(row.run, row.machine, row.label, row.model, row.comparable, {}, row.quantization)
        cell = StandingCell(row.passed, row.n, bool(row.scored), row.decode_tps)
        found[key].cells[row.task_sha256 or ""] = cell
    return list(found.values())


def by_key(found: Iterable[Contender]) -> Mapping[tuple[str, str], Sequence[Contender]]:
    """The contenders that may be compared with each other."""
    groups: dict[tuple[str, str], list[Contender]] = {}
    for each in found:
        groups.setdefault(each.key, []).append(each)
    return groups


def standing(own: Contender, group: Sequence[Contender], name: str = "") -> str | None:
    """A sentence on where a model stands among the group of its key; None if no other result shares a task.

    `name` is what the model is called there; without, its label and machine.
    """
    others = [each for each in group if each.run != own.run and own.cells.keys() & each.cells.keys()]
    if not others:
        return None
    called = name or f"{own.label} on {own.machine.name}"
    parts = [part for part in (_speed(own, others), _pass_rate(own, others)) if part]
    if not parts:
        return None
    return f"{called}: {'; '.join([*parts, *_quantizations(own, others)])}."


def _quantizations(own: Contender, others: Sequence[Contender]) -> Iterator[str]:
    """What makes the comparison one of weights, too: a free text of their owners, for which no result is left out."""
    theirs = sorted({other.quantization or "unknown" for other in others})
    if theirs == [own.quantization or "unknown"]:
        return
    shown = first_of(theirs, MAX_QUANTIZATIONS)
    yield f"its quantization is {own.quantization or 'unknown'}, theirs {shown}"


def _speed(own: Contender, others: Sequence[Contender]) -> str | None:
    ratios = _run_ratios(own, others)
    found = spread(ratios)
    if found is None:
        return None
    count = len(ratios)
    whom = "the one other result" if count == 1 else f"the median of {count} other results"
    if found.low is not None and found.high is not None:
        if max(abs(found.low - 1), abs(found.high - 1)) < EQUAL_MARGIN:
            return f"decodes about as fast as {whom} ({_change(found.low)} to {_change(found.high)})"
        if found.low <= 1 <= found.high:
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
    pairs = list(_paired_counts(own, others))
    if not pairs:
        return None
    counts = _rates(pairs)
    shares = [(ours[:2], theirs[:2]) for ours, theirs in pairs]
    found = difference_on_tasks_like_these(shares) if len(pairs) >= MIN_PASS_TASKS else None
    if found is None or found.interval is None:
        return f"{counts}, on too few tasks for an interval"
    interval = f"{_points(found.interval.low)} to {_points(found.interval.high)} points"
    evidence = f"{counts}; difference {interval}" if min(ours.n for ours, _ in pairs) >= MIN_TRIALS else counts
    if found.verdict in ("better", "worse"):
        return f"its pass rate is {found.verdict} than theirs by {abs(100 * found.difference):.0f} points ({evidence})"
    return f"its pass rate can't be told from theirs ({evidence})"


def _paired_counts(own: Contender, others: Sequence[Contender]) -> Iterator[tuple[TaskCount, TaskCount]]:
    """Our count and theirs for each task in common that is scored."""
    for task, cell in own.cells.items():
        theirs = _count_runs([(other.run, other.cells[task]) for other in others if task in other.cells])
        if cell.scored and cell.n and theirs.n:
            yield TaskCount(cell.passed, cell.n, cell.n), theirs


def _rates(pairs: Sequence[tuple[TaskCount, TaskCount]]) -> str:
    own, theirs = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    rates = f"{_mean_rate(own)}, theirs {_mean_rate(theirs)}"
    words = f"mean of {len(pairs)} tasks: {rates}" if len(pairs) > 1 else f"{rates} solved"
    return words if all(count.n == count.trials for count in theirs) else f"{words}, each run counted once"


def _count_runs(cells: Sequence[tuple[str, StandingCell]]) -> TaskCount:
    """Of one task and each run the means over its settings, since those are no independent results."""
    runs: dict[str, list[StandingCell]] = {}
    for run, cell in cells:
        if cell.n:
            runs.setdefault(run, []).append(cell)
    passed = sum((Fraction(sum(cell.passed for cell in each), len(each)) for each in runs.values()), Fraction())
    n = sum((Fraction(sum(cell.n for cell in each), len(each)) for each in runs.values()), Fraction())
    return TaskCount(passed, n, sum(cell.n for _, cell in cells))


def _mean_rate(counts: Sequence[TaskCount]) -> str:
    """Each task counts once, as in the difference: others may have more trials of one task than of another."""
    rate = sum(Fraction(count.passed, count.n) for count in counts) / len(counts)
    return f"{float(100 * rate):.0f} % of {sum(count.trials for count in counts)} trials"


def _share(ratio: float) -> str:
    return f"{abs(100 * (ratio - 1)):.0f} %"


def _change(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.0f} %"


def _points(share: float) -> str:
    return f"{100 * share:+.0f}"
