"""Comparisons on one screen: answers, a table with a row a model, what differs, warnings, and where to look.

`render_brief_comparisons` takes any number of runs against one baseline; those that are worse come first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from harness.compare.answers import DECIDED, pair_answer, quantity_of
from harness.compare.comparability import SERVER_STARTS_NOTE
from harness.compare.differences import UNKNOWN
from harness.compare.levels import format_level
from harness.compare.models import FactDifference, ModelPair, QuantityComparison, RunComparison
from harness.compare.quantities import ON_THESE_TASKS, SPEEDS
from harness.report import MAX_LINES, MISSING, closing_lines, fit, fit_whole, table_lines

MAX_ROWS = 8
MAX_ANSWERS = 4
MAX_REMARK_LINES = 2
MAX_VALUE_LENGTH = 28
"""Longer values, as digests, say no more than that they differ."""
LEGEND = "points: pass rate; the others: times the baseline; = within 5 %, ? can't tell"
_COLUMNS = dict(zip((speed.name for speed in SPEEDS), ("decode", "TTFT", "answer"), strict=True))
_MARKS = {"better": " better", "worse": " worse", "equivalent": " =", "can't tell": " ?"}
_UNDECIDED = 5
"""The place of a row of which nothing is decided, over all tasks or on one."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A model in one of the runs; `run` is its number where several runs are compared with the baseline."""

    run: int | None
    pair: ModelPair

    @property
    def answer(self) -> str:
        return pair_answer(self.pair) if self.run is None else f"Run {self.run}: {pair_answer(self.pair)}"

    @property
    def weight(self) -> tuple[int, float]:
        """Its place: solves fewer, more, is slower, faster, any of it on a task, nothing; of these the worst first."""
        rates, speeds = (
            {each.verdict for each in self.pair.overall if each.is_ratio is ratio} for ratio in (False, True)
        )
        decided = [verdict in found for found in (rates, speeds) for verdict in DECIDED]
        decided.append(any(each.verdict in DECIDED for cell in self.pair.cells for each in cell.quantities))
        rate = quantity_of(self.pair, ON_THESE_TASKS)
        return [*decided, True].index(True), 0.0 if rate is None else rate.estimate or 0.0

    @property
    def name(self) -> str:
        return self.pair.other if self.run is None else f"{self.run} {self.pair.other}"

    @property
    def cells(self) -> list[str]:
        pair = self.pair
        rate = quantity_of(pair, ON_THESE_TASKS)
        counts = [f"{passed}/{pair.regressed.n}" for passed in (pair.baseline_passed, pair.other_passed)]
        return [
            self.name,
            *(counts if pair.regressed.n else (MISSING, MISSING)),
            MISSING if rate is None or rate.estimate is None else f"{100 * rate.estimate:+.0f}{_point_mark(rate)}",
            *(_ratio(quantity_of(pair, speed.name)) for speed in SPEEDS),
        ]


def render_brief_comparisons(comparisons: Sequence[RunComparison], closing: Sequence[str] = ()) -> str:
    """All comparisons in at most MAX_LINES lines; `closing` are the last of them."""
    several = len(comparisons) > 1
    rows = [_Row(at if several else None, pair) for at, each in enumerate(comparisons, 1) for pair in each.pairs]
    rows.sort(key=lambda row: row.weight)
    shown = rows if len(rows) <= MAX_ROWS else rows[: MAX_ROWS - 1]
    more = [f"... and {len(rows) - len(shown)} more rows"] if len(shown) < len(rows) else []
    table = [
        *fit([_caption(comparisons)], 2, "runs"),
        *table_lines(["model", "baseline", "now", "points", *_COLUMNS.values()], [row.cells for row in shown]),
        *more,
        LEGEND,
        *fit([_levels(comparisons)], 2, "levels"),
    ]
    end = closing_lines(closing)
    room = MAX_LINES - len(table) - len(end) - 1
    remarks = list(_remarks(comparisons))
    answers = fit(_answers(rows), max(1, room - min(len(remarks) + 1, room // 3)), "models")
    notes = fit_whole(remarks, room - len(answers), "remarks", max_lines=MAX_REMARK_LINES)
    return "\n".join([*answers, "", *table, *notes, *end]) + "\n"


def _answers(rows: Sequence[_Row]) -> list[str]:
    """One for each model; where they are many, those that are not decided share one."""
    alike = [row for row in rows if row.weight[0] == _UNDECIDED] if len(rows) > MAX_ANSWERS else []
    texts = [row.answer for row in rows if row not in alike]
    names = ", ".join(row.name for row in alike)
    undecided = f"Nothing better or worse is shown in {len(alike)} of {len(rows)} (run and model): {names}."
    return [*texts, undecided] if alike else texts


def _caption(comparisons: Sequence[RunComparison]) -> str:
    first = comparisons[0]
    if len(comparisons) > 1:
        runs = ", ".join(f"{number} {each.other}" for number, each in enumerate(comparisons, 1))
        return f"Baseline: {first.baseline}. Runs: {runs}"
    if first.baseline == first.other:
        return f"Both are models of {first.other}"
    return f"Baseline: {first.baseline}. Now: {first.other}"


def _levels(comparisons: Sequence[RunComparison]) -> str:
    """The levels of the intervals behind the table's verdicts."""
    levels = [each.levels for each in comparisons]
    points, times = ({each.pass_rates for each in levels}, {each.speeds for each in levels})
    return f"Intervals: points {_range(points)}, times {_range(times)}; verdicts corrected for their number"


def _range(levels: Set[float]) -> str:
    return " to ".join(dict.fromkeys((format_level(min(levels)), format_level(max(levels)))))


def _point_mark(rate: QuantityComparison) -> str:
    return _MARKS["can't tell"] if rate.verdict == "can't tell" else ""


def _ratio(quantity: QuantityComparison | None) -> str:
    if quantity is None or quantity.estimate is None:
        return MISSING
    return f"{quantity.estimate:.2f}{_MARKS[quantity.verdict]}"


def _remarks(comparisons: Sequence[RunComparison]) -> Iterator[str]:
    """What differs, what was left out, warnings and lanes; the same remark of several runs once."""
    for kind in (_facts, _notes, _warnings, _lanes):
        found = dict[str, list[int]]()
        for number, comparison in enumerate(comparisons, 1):
            for words in kind(comparison):
                found.setdefault(words, []).append(number)
        for words, runs in found.items():
            yield words if len(runs) == len(comparisons) else f"Run {', '.join(map(str, runs))}: {words}"
    if any(SERVER_STARTS_NOTE in comparison.notes for comparison in comparisons):
        yield f"Note: {SERVER_STARTS_NOTE}"


def _facts(comparison: RunComparison) -> Iterator[str]:
    """`Differs: server version b7000, now b7100; Lanebench commit`: the models' facts before those around them."""
    by_fact: dict[FactDifference, list[str]] = {}
    for pair in comparison.pairs:
        for fact in pair.differences:
            by_fact.setdefault(fact, []).append(pair.other)
    every = len(comparison.pairs)
    facts = [
        _fact(fact) if len(labels) == every else f"{_fact(fact)} ({', '.join(labels)})"
        for fact, labels in by_fact.items()
    ]
    facts += map(_fact, comparison.differences)
    facts.sort(key=lambda fact: UNKNOWN in fact)
    yield f"Differs: {'; '.join(facts)}." if facts else "No recorded fact differs."


def _fact(fact: FactDifference) -> str:
    if max(len(fact.baseline), len(fact.other)) > MAX_VALUE_LENGTH:
        return fact.name
    return f"{fact.name} {fact.baseline}, now {fact.other}"


def _lanes(comparison: RunComparison) -> Iterator[str]:
    for lane in comparison.lanes:
        if lane.baseline is not None or lane.other is not None:
            yield f"Lane {lane.lane}: {lane.verdict}; {lane.text}"


def _warnings(comparison: RunComparison) -> Iterator[str]:
    yield from (f"Warning: {text}" for text in comparison.warnings)
    if comparison.minor_warnings:
        more = "more " if comparison.warnings else ""
        yield f"{comparison.minor_warnings} {more}warning{'' if comparison.minor_warnings == 1 else 's'} of less weight"


def _notes(comparison: RunComparison) -> Iterator[str]:
    yield from (f"Note: {note}" for note in comparison.notes if note != SERVER_STARTS_NOTE)
