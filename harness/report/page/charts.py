"""The charts of the page: each is a question, the rows that answer it, how they are drawn, and their table.

`charts_of` gives those that have rows. A new chart is a function that draws it and its row in CHARTS. Colors are the
variables of page.css, so that a chart follows light, dark and paper; `drawing.py` has what the drawings share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.report.elements import Entry, Table
from harness.report.formatting import MISSING, format_number
from harness.report.page import chart_rows, drawing
from harness.report.page.chart_rows import Rows
from harness.report.page.drawing import Labels
from harness.report.task_tables import labels_of
from harness.types import Json, PageEvidence, Result

Column = tuple[str, str]
"""The header of a column, and the name of its value in the rows."""


@dataclass(frozen=True, slots=True)
class ChartKind:
    """One row of CHARTS. `choice` is the field of which the reader chooses one value at a time."""

    key: str
    part: str
    title: str
    note: str
    rows: Callable[[Result, PageEvidence], Rows]
    draw: Callable[[Rows, Labels], Mapping[str, Json]]
    columns: tuple[Column, ...]
    choice: str | None = None
    min_rows: int = 1


@dataclass(frozen=True, slots=True)
class PageChart:
    """A chart with its rows; `choices` are the values of its choice, the first of which is drawn first.

    `labels` are all models of the run.
    """

    kind: ChartKind
    rows: Rows
    choices: tuple[str, ...]
    labels: tuple[str, ...]

    def table(self) -> Table:
        """The rows as a table."""
        rows = tuple(tuple(_entry(row.get(name)) for _, name in self.kind.columns) for row in self.rows)
        return Table("", tuple(header for header, _ in self.kind.columns), rows)

    def shown_rows(self) -> Rows:
        """The rows that are drawn first."""
        choice = self.kind.choice
        return [row for row in self.rows if choice is None or row[choice] == self.choices[0]]

    def spec(self) -> Mapping[str, Json]:
        """The Vega-Lite specification, whose axes fit every choice. Raises ImportError without altair."""
        from altair.utils.schemapi import debug_mode

        # Else altair validates each part of a chart when it is made, and again with the whole: half of a page's time.
        with debug_mode(False):
            drawn = self.kind.draw(self.rows, self.labels)
        return {**drawn, "datasets": {"rows": self.shown_rows()}}


def _entry(value: Json) -> Entry:
    if isinstance(value, bool) or value is None:
        return Entry({None: MISSING, True: "yes", False: "no"}[value])
    return Entry(
        format_number(value) if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else value
    )


def charts_of(result: Result, evidence: PageEvidence) -> list[PageChart]:
    """Every chart that has enough rows."""
    charts, labels = [], labels_of(result)
    for kind in CHARTS:
        rows = kind.rows(result, evidence)
        if len(rows) >= kind.min_rows:
            names = dict.fromkeys(str(row[kind.choice]) for row in rows) if kind.choice else ()
            charts.append(PageChart(kind, rows, tuple(names), labels))
    return charts


CHARTS: tuple[ChartKind, ...] = (
    ChartKind(
        "quality",
        "quality",
        "Quality against time to a whole answer",
        "Up and to the left is better. Crosses are 95 % intervals, the line joins the models that no other beats in "
        "both. Shape: quantization; size: memory. A model is faint if the limits that you set above rule it out of "
        "every lane. The rate of a model that skipped tasks, which do not fit into its context, is over other tasks.",
        chart_rows.quality_rows,
        drawing.quality,
        (
            ("model", "model"),
            ("passed, %", "passed"),
            ("from", "low"),
            ("to", "high"),
            ("skipped tasks", "skipped"),
            ("whole answer, s", "seconds"),
            ("decode, tok/s", "decode"),
            ("memory, GiB", "memory"),
            ("quantization", "quantization"),
            ("beaten by none", "front"),
        ),
    ),
    ChartKind(
        "differences",
        "differences",
        "Difference of pass rates, paired by task and trial",
        "Right of zero is better than the baseline. The verdict allows for the number of pairs, so that a line may "
        "miss zero and still decide nothing.",
        chart_rows.difference_rows,
        drawing.differences,
        (
            ("model", "model"),
            ("baseline", "baseline"),
            ("points", "points"),
            ("from", "low"),
            ("to", "high"),
            ("verdict", "verdict"),
        ),
        choice="baseline",
    ),
    ChartKind(
        "ttft",
        "speed",
        "Time to first token by turn",
        "Warm turns reuse what the server has cached of the conversation; cold ones prefill all of it again.",
        chart_rows.ttft_rows,
        drawing.ttft,
        (
            ("task", "task"),
            ("model", "model"),
            ("turn", "turn"),
            ("cache", "cache"),
            ("asked", "asked"),
            ("TTFT, s", "seconds"),
            ("from", "low"),
            ("to", "high"),
        ),
        choice="task",
    ),
    ChartKind(
        "prefill",
        "speed",
        "Prefill rate against prompt length",
        "Uncached prompt tokens over TTFT; overhead lowers it for short prompts.",
        chart_rows.prefill_rows,
        drawing.prefill,
        (("model", "model"), ("prompt tokens", "tokens"), ("tok/s", "tps")),
    ),
    ChartKind(
        "decode",
        "speed",
        "Decode rate against prompt length",
        "Each point is the median of one task; the longer the context, the slower attention becomes.",
        chart_rows.decode_rows,
        drawing.decode,
        (
            ("model", "model"),
            ("task", "task"),
            ("prompt tokens", "tokens"),
            ("tok/s", "tps"),
            ("from", "low"),
            ("to", "high"),
        ),
    ),
    ChartKind(
        "stream",
        "speed",
        "One stream, event by event",
        "Characters over time, of the first trial with the longest prompt. An event without a token, or a first "
        "token long before all others, shows that a time to the first event would lie.",
        chart_rows.stream_rows,
        drawing.stream,
        (("model", "model"), ("task", "task"), ("seconds", "seconds"), ("event", "event"), ("characters", "chars")),
        choice="model",
    ),
    ChartKind(
        "outcomes",
        "failures",
        "How trials ended",
        "Every planned and recorded trial of the scored tasks counts.",
        chart_rows.outcome_rows,
        drawing.outcomes,
        (("model", "model"), ("outcome", "outcome"), ("trials", "trials")),
    ),
    ChartKind(
        "solved",
        "failures",
        "Tasks solved always, sometimes, never",
        "A task that is solved sometimes is one that you would have to check and ask again.",
        chart_rows.solved_rows,
        drawing.solved,
        (("model", "model"), ("solved", "solved"), ("tasks", "tasks")),
    ),
    ChartKind(
        "drift",
        "failures",
        "Decode rate over the run",
        "Each point is one block of trials against the median of the same tasks. A slope is drift or throttling.",
        chart_rows.drift_rows,
        drawing.drift,
        (
            ("model", "model"),
            ("block", "block"),
            ("minute", "minutes"),
            ("change, %", "percent"),
            ("turns", "trials"),
        ),
        min_rows=2,
    ),
)
