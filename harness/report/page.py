"""The report as one page: no network, no script, light and dark, prints. Every foreign text is escaped by jinja2."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness.report.elements import Chart, Scatter
from harness.report.formatting import format_optional, format_seconds
from harness.report.sections import sections_of, simulation_banner, title_of
from harness.report.svg import BarPlot, DotPlot, bar_plot, dot_plot
from harness.report.terminal import plain_text
from harness.types import Check, Result, TrialResult, TurnResult

TEMPLATE = "page.html.j2"
ANSWER_CHARS = 12_000
"""How much of one answer the page shows; result.json has it whole."""
PAGE_CHARS = 2_000_000
"""How much of all answers: a page that a browser opens."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One turn as the page shows it."""

    head: str
    rows: tuple[str, ...]
    cut: bool


@dataclass(frozen=True, slots=True)
class ShownTrial:
    """One trial as the page shows it."""

    head: str
    outcome: str
    checks: tuple[str, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class ShownCell:
    """The trials of one task and model."""

    anchor: str
    head: str
    trials: tuple[ShownTrial, ...]


Anchors = dict[tuple[str, str], str]


def _anchors(result: Result) -> Anchors:
    """An id for each cell, of numbers: names are foreign."""
    return {(cell.task, cell.model): f"cell-{number}" for number, cell in enumerate(result.cells, 1)}


def _check_words(check: Check) -> str:
    seen = f"expected {check.expected!r}, observed {check.observed!r}"
    return f"{check.name}: {seen}{f' ({check.note})' if check.note else ''}"[:600]


def _turn_words(turn: TurnResult, number: int) -> str:
    usage, times = turn.usage, turn.timings
    count = format_optional(usage.completion_tokens) if usage else "-"
    e2e = "-" if times.e2e_s is None else format_seconds(times.e2e_s)
    reasoning = f", {turn.reasoning_chars:,} characters of thoughts not shown" if turn.reasoning_chars else ""
    error = f", error: {turn.error.message[:300]}" if turn.error else ""
    return f"turn {number + 1}: {count} tokens in {e2e}, finish {format_optional(turn.finish_reason)}{reasoning}{error}"


class _Room:
    """How many characters of answers the page still takes."""

    def __init__(self, chars: int) -> None:
        self.left = chars

    def answer(self, turn: TurnResult, number: int) -> Answer:
        text = turn.content[: min(ANSWER_CHARS, self.left)]
        self.left -= len(text)
        rows = tuple(text.expandtabs().split("\n")) if text else ()
        return Answer(_turn_words(turn, number), rows, len(text) < len(turn.content))


def _trial(trial: TrialResult, room: _Room) -> ShownTrial:
    return ShownTrial(
        f"trial {trial.trial + 1}, variant {trial.variant}, {trial.fraction:.0%} of the checks",
        trial.outcome,
        tuple(_check_words(check) for check in trial.checks if not check.passed),
        tuple(room.answer(turn, number) for number, turn in enumerate(trial.turns)),
    )


def _cells(result: Result, anchors: Anchors) -> tuple[ShownCell, ...]:
    room = _Room(PAGE_CHARS)
    by_cell: dict[tuple[str, str], list[ShownTrial]] = {key: [] for key in anchors}
    for trial in sorted(result.trials, key=lambda one: (one.outcome == "passed", one.trial)):
        shown = by_cell.get((trial.task, trial.model))
        if shown is not None and not trial.warmup:
            shown.append(_trial(trial, room))
    return tuple(
        ShownCell(anchors[key], f"{key[0]} / {key[1]}", tuple(trials)) for key, trials in by_cell.items() if trials
    )


def _draw(chart: Chart | Scatter) -> BarPlot | DotPlot:
    return bar_plot(chart) if isinstance(chart, Chart) else dot_plot(chart)


def render_html(result: Result) -> str:
    """The whole report as one page, the same bytes for the same result."""
    env = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Terminal escapes and bidirectional marks mislead in a browser too: every expression is spelled out first.
        finalize=lambda value: plain_text(value) if type(value) is str else value,
    )
    env.filters["draw"] = _draw
    anchors = _anchors(result)
    return env.get_template(TEMPLATE).render(
        title=title_of(result),
        banner=simulation_banner(result),
        sections=sections_of(result),
        anchors=anchors,
        cells=_cells(result, anchors),
    )
