"""The sections on choosing: lanes with the user's own choice beside them, models in pairs, what is paid for what."""

from __future__ import annotations

from collections.abc import Iterator

from harness.report.elements import Entry, Point, Scatter, Section, Table, line
from harness.report.formatting import NOTHING, count_words, percent
from harness.types import Comparison, Json, Lane, ModelInfo, ModelSummary, Rate, Recommendation, Result

GIB = 2**30
ESTIMANDS = {"tasks_like_these": "tasks like these", "exactly_these_tasks": "exactly these tasks"}


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" [{100 * low:+.0f}, {100 * high:+.0f}]"


def _own_choice(lane: Lane | None, labels: set[str]) -> str:
    if lane is None or lane.override is None:
        return NOTHING
    own = lane.override
    gone = "" if own.model in labels else ", not in this run"
    return f"{own.model}{gone} ({own.date}: {own.reason})"


def _standings(one: Recommendation) -> Table:
    rows = [
        line(standing.model, standing.status.replace("_", " "), demand.name.replace("_", " "), demand.text)
        for standing in one.standings
        for demand in standing.demands
    ]
    return Table(f"Demands of {one.lane}", ("model", "stands", "demand", "evidence"), tuple(rows))


def lanes(result: Result) -> Section:
    """What the evidence says for each lane, what the user took, and what nobody ran."""
    stated, labels = {lane.name: lane for lane in result.lanes}, {model.label for model in result.models}
    rows = tuple(
        line(one.lane, one.model or "not decided", one.confidence, _own_choice(stated.get(one.lane), labels))
        for one in result.recommendations
    )
    if not rows:
        return Section("lanes", "Lanes", "")
    notes = [f"{one.lane}: {one.text}" for one in result.recommendations]
    notes += [f"{one.lane}, not tested: {told}" for one in result.recommendations for told in one.untested]
    return Section(
        "lanes",
        "Lanes",
        "Which model for which role, by the evidence of this run alone. Clear: everybody else is ruled out, or worse "
        "by an interval. Leaning: somebody else is not shown either way. Your own choice is kept beside it.",
        (
            Table("", ("lane", "recommended", "confidence", "your own choice"), rows),
            *(_standings(one) for one in result.recommendations if any(row.demands for row in one.standings)),
        ),
        notes=tuple(notes),
    )


def _pair_row(one: Comparison) -> tuple[str, ...]:
    needed = [
        f"{count} {what}"
        for count, what in ((one.tasks_to_decide, "tasks"), (one.trials_to_decide, "trials a task"))
        if count is not None
    ]
    return (
        f"{one.model} against {one.baseline}",
        ESTIMANDS[one.estimand],
        one.verdict,
        f"{100 * one.difference:+.0f} points{_interval(one.low, one.high)}",
        NOTHING if one.p_holm is None else f"{one.p_holm:.3f}",
        NOTHING if one.smallest_gap is None else f"{100 * one.smallest_gap:.0f} points",
        " or ".join(needed) or NOTHING,
    )


def pairs(result: Result) -> Section:
    """Every model against every other, and the ranks that follow."""
    headers = ("models", "on", "verdict", "difference", "p (Holm)", "smallest gap seen", "would decide")
    rows = tuple(line(*_pair_row(one)) for one in result.comparisons)
    if not rows:
        return Section("pairs", "The models against each other", "")
    ranked = Table(
        "Ranks; who shares one cannot be told from its first",
        ("rank", "models"),
        tuple(line(str(one.rank), ", ".join(one.models)) for one in result.ranks),
    )
    return Section(
        "pairs",
        "The models against each other",
        "Pass rates paired by task and trial, model minus the other; p by flipping signs, after all pairs were looked "
        "at. Intervals that overlap are no test. Gap: what this design shows in four repeats of five.",
        (ranked, Table("", headers, rows)),
    )


def stability(result: Result) -> Section:
    """Solved in every trial, in some, in none."""
    rows = tuple(
        (Entry(one.model), _tasks(one), *line(*map(_always_once, (one.solved_always, one.solved_once))))
        for one in result.summaries
        if one.solved_always is not None and one.solved_always.n
    )
    if not rows:
        return Section("stability", "Stability", "")
    return Section(
        "stability",
        "Stability",
        "Tasks solved in every trial and in at least one, beside the mean over tasks.",
        (Table("", ("model", "mean over tasks", "solved every time", "solved at least once"), rows),),
    )


def _tasks(one: ModelSummary) -> Entry:
    rate = one.suite_rates[0].rate if one.suite_rates else None
    return Entry(NOTHING if rate is None else percent(rate), rate)


def _always_once(rate: Rate | None) -> str:
    return NOTHING if rate is None else count_words(rate)


def _number(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _solved(one: ModelSummary) -> tuple[float | None, float | None, float | None]:
    """Per cent solved on tasks like these, with its interval."""
    rate = one.suite_rates[0] if one.suite_rates else None
    if rate is None or rate.rate is None:
        return None, None, None
    low, high = (None if bound is None else 100 * bound for bound in (rate.low, rate.high))
    return 100 * rate.rate, low, high


def _scatters(result: Result) -> Iterator[Scatter]:
    """Each trade of which two models or more state and measured both sides."""
    both: list[tuple[ModelInfo, ModelSummary]] = list(zip(result.models, result.summaries, strict=False))
    quality, bits, speed = [], [], []
    for model, summary in both:
        taken, y = model.memory.loaded_bytes, _solved(summary)
        width, active = (_number(model.facts.get(name)) for name in ("bits", "active_parameters_b"))
        if y[0] is not None and taken is not None:
            quality.append(Point(model.label, taken / GIB, y[0], y[1], y[2]))
        if y[0] is not None and width is not None:
            bits.append(Point(model.label, width, y[0], y[1], y[2]))
        if summary.decode_tps is not None and active is not None:
            decode = summary.decode_tps
            speed.append(Point(model.label, active, decode.median, decode.low, decode.high))
    solved = "solved, % (mean over tasks)"
    drawn = (
        Scatter("Memory against quality", "memory, GiB", solved, tuple(quality), y_top=100.0),
        Scatter("Bits against correctness", "bits a weight (declared)", solved, tuple(bits), y_top=100.0),
        Scatter("Active parameters against decode rate", "active, 10^9 (declared)", "decode, tok/s", tuple(speed)),
    )
    return (one for one in drawn if len(one.points) > 1)


def trades(result: Result) -> Section:
    """What a model takes against what it gives, where the config states it."""
    names = (("parameters_b", "parameters, 10^9"), ("active_parameters_b", "active, 10^9"), ("bits", "bits a weight"))
    told = [(key, header) for key, header in names if any(model.facts.get(key) is not None for model in result.models)]
    scatters = tuple(_scatters(result))
    if not told and not scatters:
        return Section("trades", "What is paid for what", "")
    rows = tuple(
        line(model.label, *(NOTHING if model.facts.get(key) is None else f"{model.facts[key]:g}" for key, _ in told))
        for model in result.models
    )
    return Section(
        "trades",
        "What is paid for what",
        "Parameters and bits are declared by the config and not measured; memory, pass rate and decode rate are.",
        (Table("", ("model", *(header for _, header in told)), rows),) if told else (),
        scatters,
    )
