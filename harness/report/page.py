"""The report as one HTML page: self-contained, without scripts or network access, for light, dark and print.

jinja2 escapes every string, and `render_html` gives the same bytes for the same result.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.report.elements import Chart, Scatter
from harness.report.formatting import MISSING, format_optional, format_seconds
from harness.report.html_templates import html_environment
from harness.report.sections import banners_of, sections_of, title_of
from harness.report.svg import BarPlot, DotPlot, bar_plot, dot_plot
from harness.types import Check, Result, TrialResult, TurnResult

TEMPLATE = "page.html.j2"
MAX_ANSWER_CHARS = 12_000
"""Longer answers are truncated on the page; result.json has them in full."""
MAX_PAGE_CHARS = 2_000_000
"""Of all answers together, so that a browser opens the page without delay."""
MAX_CHECK_CHARS = 600
MAX_ERROR_CHARS = 300


@dataclass(frozen=True, slots=True)
class AnswerView:
    """One turn as the page shows it."""

    head: str
    rows: tuple[str, ...]
    is_truncated: bool


@dataclass(frozen=True, slots=True)
class TrialView:
    """One trial as the page shows it."""

    head: str
    outcome: str
    checks: tuple[str, ...]
    answers: tuple[AnswerView, ...]


@dataclass(frozen=True, slots=True)
class CellView:
    """The trials of one task and model."""

    anchor: str
    head: str
    trials: tuple[TrialView, ...]


Anchors = dict[tuple[str, str], str]
"""(task, model) -> the id of the cell's element."""


def render_html(result: Result) -> str:
    """Render the whole report as one page."""
    environment = html_environment()
    environment.filters["draw"] = _draw
    anchors = _anchors(result)
    return environment.get_template(TEMPLATE).render(
        title=title_of(result),
        banners=banners_of(result),
        sections=sections_of(result),
        anchors=anchors,
        cells=_cells(result, anchors),
    )


def _draw(chart: Chart | Scatter) -> BarPlot | DotPlot:
    return bar_plot(chart) if isinstance(chart, Chart) else dot_plot(chart)


def _anchors(result: Result) -> Anchors:
    """Numbered ids, since names of tasks and models are untrusted."""
    return {(cell.task, cell.model): f"cell-{number}" for number, cell in enumerate(result.cells, 1)}


def _cells(result: Result, anchors: Anchors) -> tuple[CellView, ...]:
    """All trials by cell; those that did not pass come first."""
    budget = _CharacterBudget(MAX_PAGE_CHARS)
    by_cell: dict[tuple[str, str], list[TrialView]] = {key: [] for key in anchors}
    for trial in sorted(result.trials, key=lambda trial: (trial.outcome == "passed", trial.trial)):
        views = by_cell.get((trial.task, trial.model))
        if views is not None and not trial.warmup:
            views.append(_trial(trial, budget))
    return tuple(
        CellView(anchors[key], f"{key[0]} / {key[1]}", tuple(trials)) for key, trials in by_cell.items() if trials
    )


def _trial(trial: TrialResult, budget: _CharacterBudget) -> TrialView:
    return TrialView(
        f"trial {trial.trial + 1}, variant {trial.variant}, {trial.fraction:.0%} of the checks passed",
        trial.outcome,
        tuple(_format_check(check) for check in trial.checks if not check.passed),
        tuple(budget.answer(turn, number) for number, turn in enumerate(trial.turns)),
    )


class _CharacterBudget:
    """Truncates answers to their own limit and to what is left of the page's."""

    def __init__(self, chars: int) -> None:
        self.remaining = chars

    def answer(self, turn: TurnResult, number: int) -> AnswerView:
        text = turn.content[: min(MAX_ANSWER_CHARS, self.remaining)]
        self.remaining -= len(text)
        rows = tuple(text.expandtabs().split("\n")) if text else ()
        return AnswerView(_format_turn(turn, number), rows, len(text) < len(turn.content))


def _format_check(check: Check) -> str:
    note = f" ({check.note})" if check.note else ""
    return f"{check.name}: expected {check.expected!r}, observed {check.observed!r}{note}"[:MAX_CHECK_CHARS]


def _format_turn(turn: TurnResult, number: int) -> str:
    tokens = format_optional(turn.usage.completion_tokens) if turn.usage else MISSING
    e2e = MISSING if turn.timings.e2e_s is None else format_seconds(turn.timings.e2e_s)
    reasoning = f", {turn.reasoning_chars:,} characters of reasoning not shown" if turn.reasoning_chars else ""
    error = f", error: {turn.error.message[:MAX_ERROR_CHARS]}" if turn.error else ""
    return (
        f"turn {number + 1}: {tokens} tokens in {e2e}, finish {format_optional(turn.finish_reason)}{reasoning}{error}"
    )
