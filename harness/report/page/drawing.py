"""The drawings of the charts by altair: each function takes rows and gives a Vega-Lite specification.

Rows are a named data set, `rows`, so that the page can change them; `labels` are all models of the run. altair is
imported inside the functions: the package works without it, and the page then has tables and plain SVG. Every encoding
is a channel of altair's, such as `alt.Text("name:N")`: for a bare string or value altair looks through the schemas of
all its classes, half of the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from harness.report.label_placement import Box, place_labels
from harness.report.page.chart_rows import Rows
from harness.types import Json

if TYPE_CHECKING:
    import altair as alt

Labels = Sequence[str]
"""The models of the run in its order, with those that have no row: every chart gives a model the same color."""
PALETTE = tuple(f"var(--c{number})" for number in range(1, 13))
INK, SOFT, RULE, PAPER = "var(--ink)", "var(--soft)", "var(--rule)", "var(--paper)"
GOOD, BAD = "var(--good)", "var(--bad)"
VERDICTS = ("better", "can't tell", "worse")
SHAPES = ("circle", "square", "diamond", "triangle-up", "cross", "triangle-down")
OUTCOME_COLORS = (GOOD, BAD, "var(--c2)", "var(--c3)", "var(--c5)", "var(--c7)", "var(--c4)", "var(--c6)", SOFT)
WIDTH, HEIGHT, BAR_HEIGHT = 800, 380, 30
_IS_NARROW = "width < 480"
"""An expression on the width of a chart."""
CHAR_WIDTH, SYMBOL_WIDTH = 7, 32
"""Of a legend's entry in px, with the space behind it."""
_CONFIG: Mapping[str, Json] = {
    "background": "transparent",
    "font": "system-ui, -apple-system, Segoe UI, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": SOFT,
        "titleColor": SOFT,
        "gridColor": RULE,
        "domainColor": RULE,
        "tickColor": RULE,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 10,
        "labelLimit": 220,
        "labelOverlap": "greedy",
        "labelSeparation": 4,
        # The last label would be moved into the one before it.
        "labelFlush": False,
        "tickCount": {"expr": f"{_IS_NARROW} ? 5 : 8"},
    },
    "legend": {
        "labelColor": INK,
        "titleColor": SOFT,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "orient": "bottom",
        "labelLimit": 240,
        "columns": {"expr": f"{_IS_NARROW} ? 2 : 4"},
        # Two legends beside each other are wider than a phone.
        "layout": {"bottom": {"anchor": "start", "direction": "vertical"}},
        "symbolStrokeWidth": 2,
    },
    "text": {"color": INK, "fontSize": 12},
}


def _finish(chart: Any, rows: Rows, height: int = HEIGHT) -> Mapping[str, Json]:
    """The chart as a specification with its rows, as wide as its place on the page."""
    spec: dict[str, Any] = chart.properties(width="container", height=height).to_dict(validate=False)
    spec |= {"config": _CONFIG, "datasets": {"rows": rows}, "autosize": {"type": "fit-x", "contains": "padding"}}
    return spec


def _base(rows: Rows) -> alt.Chart:
    import altair as alt

    return alt.Chart(alt.NamedData(name="rows"))


def _models(rows: Rows) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(row["model"]) for row in rows))


def _color(rows: Rows, labels: Labels, *, legend: bool = True) -> alt.Color:
    """A color for each model in the order of the run; the thirteenth has that of the first."""
    import altair as alt

    if not legend or len(_models(rows)) < 2:
        return alt.Color("model:N", scale=_scale(labels), legend=None)
    entry = CHAR_WIDTH * max(map(len, _models(rows))) + SYMBOL_WIDTH
    # By steps of the width: a number that changes while the chart finds its width would leave too little height.
    narrow, middle, wide = (min(4, max(1, width // entry)) for width in (270, 450, 700))
    columns = alt.ExprRef(f"{_IS_NARROW} ? {narrow} : width < 760 ? {middle} : {wide}")
    legend_of_rows = alt.Legend(title=None, columns=columns, values=list(_models(rows)))
    return alt.Color("model:N", scale=_scale(labels), legend=legend_of_rows)


def _scale(labels: Labels) -> alt.Scale:
    import altair as alt

    return alt.Scale(domain=list(labels), range=[PALETTE[at % len(PALETTE)] for at in range(len(labels))])


def _tooltip(*fields: str) -> list[alt.Tooltip]:
    """What a pointer shows: names as they are, numbers with three digits."""
    import altair as alt

    pairs = (field.split(":") for field in fields)
    return [alt.Tooltip(f"{name}:{kind}", format=",.3~r" if kind == "Q" else "") for name, kind in pairs]


def quality(rows: Rows, labels: Labels) -> Mapping[str, Json]:
    """Pass rate against time, with crosses, the Pareto line and a name beside each point; on a phone its number."""
    import altair as alt

    base = _base(rows)
    x = alt.X("seconds:Q", title="seconds to a whole answer (median)", scale=_time_scale(rows))
    y = alt.Y("passed:Q", title="trials passed, %", scale=alt.Scale(domain=[0, 100]))
    color = _color(rows, labels, legend=False)
    faint = _faint_unless_kept(0.75)
    # A row without an interval has no bar: a null would be drawn as zero.
    up = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=1.5)
    across = base.transform_filter("isValid(datum.fast)").mark_rule(strokeWidth=1.5)
    crosses = up.encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), color=color, opacity=faint)
    times = across.encode(alt.X("fast:Q"), y, x2=alt.X2("slow:Q"), color=color, opacity=faint)
    front = base.transform_filter("datum.front").mark_line(strokeDash=[5, 4], color=SOFT, strokeWidth=1.5)
    shapes = sorted({str(row["quantization"]) for row in rows})
    points = base.mark_point(filled=True).encode(
        x,
        y,
        color=color,
        opacity=_faint_unless_kept(0.9),
        shape=alt.Shape(
            "quantization:N",
            scale=alt.Scale(domain=shapes, range=[SHAPES[at % len(SHAPES)] for at in range(len(shapes))]),
            legend=_plain_legend("quantization") if len(shapes) > 1 else None,
        ),
        size=_memory_size(rows),
        tooltip=_tooltip("model:N", "passed:Q", "skipped:Q", "seconds:Q", "memory:Q", "quantization:N"),
    )
    names = [
        base.transform_filter(alt.FieldEqualPredicate(field="model", equal=row["model"]))
        .transform_calculate(name=f"{_IS_NARROW} ? '{number}' : datum.model")
        .mark_text(align=place.side, dx=place.dx, dy=place.dy, fontWeight=600, limit=240)
        .encode(x, y, text=alt.Text("name:N"))
        for number, (row, place) in enumerate(zip(rows, _name_places(rows), strict=True), 1)
    ]
    line = front.encode(x, y, order=alt.Order("seconds:Q"))
    return _finish(alt.layer(line, crosses, times, points, *names), rows)


def _faint_unless_kept(opacity: float) -> alt.OpacityValue:
    import altair as alt

    return alt.OpacityValue(0.25, condition={"test": "datum.kept", "value": opacity})


def _memory_size(rows: Rows) -> Any:
    import altair as alt

    if all(row["memory"] is None for row in rows):
        return alt.SizeValue(140)
    known = sorted(row["memory"] for row in rows if row["memory"] is not None)
    legend = _plain_legend("memory, GiB", values=sorted({known[0], known[len(known) // 2], known[-1]}), format=".2~f")
    return alt.Size("memory:Q", scale=alt.Scale(range=[80, 700], zero=True), legend=legend)


def _plain_legend(title: str, **fields: Json) -> alt.Legend:
    """A legend of shapes or sizes, which has no color of a model."""
    import altair as alt

    return alt.Legend(title=title, symbolFillColor=SOFT, **fields)


def _time_scale(rows: Rows) -> alt.Scale:
    """From zero; logarithmic where the slowest takes ten times as long as the fastest."""
    import altair as alt

    times = [row["seconds"] for row in rows]
    if min(times) > 0 and max(times) > 10 * min(times):
        return alt.Scale(type="log", nice=True)
    return alt.Scale(domain=[0, 1.15 * max(1e-9, *times, *(row["slow"] or 0.0 for row in rows))])


@dataclass(frozen=True, slots=True)
class _NamePlace:
    """Where the name of a point stands: its alignment, and its distance from the point in px."""

    side: Literal["left", "right"]
    dx: float
    dy: float


def _name_places(rows: Rows) -> list[_NamePlace]:
    """The places with the least overlap at the usual width."""
    right = 1.15 * max((row["slow"] or row["seconds"] for row in rows), default=1.0) or 1.0
    points, whiskers = [], []
    for row in rows:
        x, y = WIDTH * row["seconds"] / right, HEIGHT * (1 - row["passed"] / 100)
        points.append(Box(x - 9, y - 9, x + 9, y + 9))
        if row["low"] is not None and row["high"] is not None:
            whiskers.append(Box(x - 2, HEIGHT * (1 - row["high"] / 100), x + 2, HEIGHT * (1 - row["low"] / 100)))
        if row["fast"] is not None and row["slow"] is not None:
            whiskers.append(Box(WIDTH * row["fast"] / right, y - 2, WIDTH * row["slow"] / right, y + 2))
    boxes = place_labels(points, [str(row["model"]) for row in rows], whiskers, Box(0, -20, WIDTH + 40, HEIGHT))
    return [_name_place(point, box) for point, box in zip(points, boxes, strict=True)]


def _name_place(point: Box, box: Box) -> _NamePlace:
    x, y = (point.left + point.right) / 2, (point.top + point.bottom) / 2
    middle = (box.top + box.bottom) / 2 - y
    return (
        _NamePlace("left", box.left - x + 4, middle)
        if box.left >= x
        else _NamePlace("right", box.right - x - 4, middle)
    )


def differences(rows: Rows, labels: Labels) -> Mapping[str, Json]:
    """A forest plot: a line for each model, zero marked; shape and color say the verdict."""
    import altair as alt

    base, row = _base(rows), alt.Y("model:N", title=None, sort=None, axis=alt.Axis(domain=False, ticks=False))
    color = alt.Color("verdict:N", scale=alt.Scale(domain=list(VERDICTS), range=[GOOD, SOFT, BAD]), legend=None)
    shape = alt.Shape(
        "verdict:N",
        scale=alt.Scale(domain=list(VERDICTS), range=["triangle-right", "circle", "triangle-left"]),
        legend=None,
    )
    bounds = [abs(row[name]) for row in rows for name in ("points", "low", "high") if row[name] is not None]
    span = min(100, 10 * (1 + max(bounds) // 10))
    x = alt.X("points:Q", title="points against the baseline", scale=alt.Scale(domain=[-span, span]))
    zero = base.mark_rule(color=INK, strokeWidth=1).encode(alt.XDatum(0))
    lines = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=3, opacity=0.55)
    bars = lines.encode(alt.X("low:Q"), row, x2=alt.X2("high:Q"), color=color)
    tooltip = _tooltip("model:N", "baseline:N", "points:Q", "low:Q", "high:Q", "verdict:N")
    dots = base.mark_point(filled=True, size=130, opacity=1).encode(x, row, color=color, shape=shape, tooltip=tooltip)
    words = base.mark_text(align="left", dy=-13, fontSize=11).encode(x, row, text=alt.Text("verdict:N"), color=color)
    outline = base.mark_text(align="left", dy=-13, fontSize=11, stroke=PAPER, strokeWidth=4)
    halo = outline.encode(x, row, text=alt.Text("verdict:N"))
    return _finish(alt.layer(zero, bars, dots, halo, words), rows, 44 * len(_models(rows)))


def ttft(rows: Rows, labels: Labels) -> Mapping[str, Json]:
    """TTFT by turn on a logarithmic axis: a line for each model, dashed where each turn was asked on its own."""
    import altair as alt

    dash = alt.StrokeDash(
        "asked:N",
        scale=alt.Scale(domain=["one conversation", "each turn on its own"], range=[[1, 0], [5, 4]]),
        legend=alt.Legend(title=None),
    )
    shape = alt.Shape(
        "cache:N", scale=alt.Scale(domain=["cold", "warm"], range=["square", "circle"]), legend=_plain_legend("cache")
    )
    x = alt.X("turn:O", title="turn", axis=alt.Axis(labelAngle=0))
    y = alt.Y("seconds:Q", title="TTFT, seconds (median)", scale=alt.Scale(type="log", nice=True))
    lines = _base(rows).mark_line(strokeWidth=2).encode(x, y, color=_color(rows, labels), strokeDash=dash)
    tooltip = _tooltip("model:N", "turn:Q", "cache:N", "asked:N", "seconds:Q")
    dots = _base(rows).mark_point(size=70, filled=True, opacity=1)
    return _finish(alt.layer(lines, dots.encode(x, y, color=_color(rows, labels), shape=shape, tooltip=tooltip)), rows)


def _by_length(rows: Rows, labels: Labels, title: str, tooltip: list[str]) -> Mapping[str, Json]:
    """A rate against the length of the prompt."""
    import altair as alt

    x = alt.X("tokens:Q", title="prompt tokens", scale=alt.Scale(type="log", nice=True))
    y = alt.Y("tps:Q", title=title, scale=alt.Scale(zero=True))
    lines = _base(rows).mark_line(strokeWidth=2).encode(x, y, color=_color(rows, labels))
    dots = (
        _base(rows)
        .mark_point(size=50, strokeWidth=2, fill=PAPER)
        .encode(x, y, color=_color(rows, labels), tooltip=_tooltip(*tooltip))
    )
    return _finish(alt.layer(lines, dots), rows, 300)


def prefill(rows: Rows, labels: Labels) -> Mapping[str, Json]:
    """Prefill rate against prompt length."""
    return _by_length(rows, labels, "uncached prompt tokens per second", ["model:N", "tokens:Q", "tps:Q"])


def decode(rows: Rows, labels: Labels) -> Mapping[str, Json]:
    """Decode rate against prompt length."""
    return _by_length(rows, labels, "tokens per second (median)", ["model:N", "task:N", "tokens:Q", "tps:Q"])


def stream(rows: Rows, labels: Labels) -> Mapping[str, Json]:
    """Characters over time, with a mark for each event."""
    import altair as alt

    events = ["role only, no token", "reasoning", "content", "tool"]
    color = alt.Color(
        "event:N",
        scale=alt.Scale(domain=events, range=[BAD, "var(--c4)", "var(--c1)", "var(--c5)"]),
        legend=alt.Legend(title=None),
    )
    shape = alt.Shape(
        "event:N",
        scale=alt.Scale(domain=events, range=["cross", "square", "circle", "triangle-up"]),
        legend=alt.Legend(title=None),
    )
    x = alt.X("seconds:Q", title="seconds since the request", scale=alt.Scale(zero=True))
    y = alt.Y("chars:Q", title="characters received")
    line = _base(rows).mark_line(interpolate="step-after", color=SOFT, strokeWidth=1).encode(x, y)
    tooltip = _tooltip("event:N", "seconds:Q", "chars:Q", "task:N")
    dots = _base(rows).mark_point(filled=True, size=36, opacity=0.9)
    return _finish(alt.layer(line, dots.encode(x, y, color=color, shape=shape, tooltip=tooltip)), rows, 280)


def _stacked(rows: Rows, field: str, count: str, colors: Mapping[str, str]) -> Mapping[str, Json]:
    """One bar for each model, divided by a field."""
    import altair as alt

    scale = alt.Scale(domain=list(colors), range=list(colors.values()))
    bars = _base(rows).mark_bar(stroke=PAPER, strokeWidth=1.5)
    encoded = bars.encode(
        alt.X(f"{count}:Q", title=count, axis=alt.Axis(tickMinStep=1)),
        alt.Y("model:N", title=None, sort=None, axis=alt.Axis(domain=False, ticks=False)),
        color=alt.Color(f"{field}:N", scale=scale, legend=alt.Legend(title=None)),
        order=alt.Order("order:Q"),
        tooltip=_tooltip("model:N", f"{field}:N", f"{count}:Q"),
    )
    return _finish(encoded, rows, BAR_HEIGHT * len(_models(rows)) + 10)


def outcomes(rows: Rows, labels: Labels) -> Mapping[str, Json]:
    """Trials by outcome."""
    names = sorted({(row["order"], str(row["outcome"])) for row in rows})
    colors = {name: OUTCOME_COLORS[min(order, len(OUTCOME_COLORS) - 1)] for order, name in names}
    return _stacked(rows, "outcome", "trials", colors)


def solved(rows: Rows, labels: Labels) -> Mapping[str, Json]:
    """Tasks by how often they were solved."""
    return _stacked(rows, "solved", "tasks", {"always": GOOD, "sometimes": "var(--c2)", "never": BAD})


def drift(rows: Rows, labels: Labels) -> Mapping[str, Json]:
    """The deviation of each block over the time of the run."""
    import altair as alt

    span = max(10.0, *(abs(row["percent"]) for row in rows))
    x = alt.X("minutes:Q", title="minutes since the start of the run")
    y = alt.Y("percent:Q", title="decode rate against the median, %", scale=alt.Scale(domain=[-span, span]))
    zero = _base(rows).mark_rule(color=SOFT).encode(alt.YDatum(0))
    lines = _base(rows).mark_line(strokeWidth=1.5, opacity=0.7).encode(x, y, color=_color(rows, labels))
    tooltip = _tooltip("model:N", "block:Q", "minutes:Q", "percent:Q")
    dots = (
        _base(rows)
        .mark_point(filled=True, size=45, opacity=1)
        .encode(x, y, color=_color(rows, labels), tooltip=tooltip)
    )
    return _finish(alt.layer(zero, lines, dots), rows, 260)
