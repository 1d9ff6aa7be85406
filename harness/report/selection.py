"""Sections that help to choose: recommendations by lane, pairwise comparisons, stability, trade-offs."""

from __future__ import annotations

from harness.report.elements import Entry, Point, Scatter, Section, Table, text_row
from harness.report.formatting import MISSING, format_count, format_percent
from harness.types import GIB, MIN_TRIALS, Comparison, Json, Lane, ModelSummary, PassRate, Recommendation, Result

ESTIMANDS = {"tasks_like_these": "tasks like these", "exactly_these_tasks": "exactly these tasks"}


def lanes(result: Result) -> Section:
    """The recommendation for each lane, the user's own choice, and untested conditions."""
    by_name, labels = {lane.name: lane for lane in result.lanes}, {model.label for model in result.models}
    rows = tuple(
        text_row(
            recommendation.lane,
            recommendation.model or "not decided",
            recommendation.confidence,
            _format_override(by_name.get(recommendation.lane), labels),
        )
        for recommendation in result.recommendations
    )
    if not rows:
        return Section("lanes", "Lanes", "")
    notes = [f"{recommendation.lane}: {recommendation.text}" for recommendation in result.recommendations]
    gaps: dict[str, list[str]] = {}
    for recommendation in result.recommendations:
        for gap in recommendation.untested:
            gaps.setdefault(gap, []).append(recommendation.lane)
    notes += [f"{', '.join(names)}, not tested: {gap}" for gap, names in gaps.items()]
    requirements = map(_requirements_table, result.recommendations)
    return Section(
        "lanes",
        "Lanes",
        "The model that the evidence of this run recommends for each role. Conclusive: every other model is ruled out "
        "or worse by its interval. Tentative: another model is undecided. Your choice does not change the "
        "recommendation.",
        (
            Table("", ("lane", "recommended", "confidence", "your choice"), rows),
            *(table for table in requirements if table.rows),
        ),
        notes=tuple(notes),
    )


def _format_override(lane: Lane | None, labels: set[str]) -> str:
    if lane is None or lane.override is None:
        return MISSING
    override = lane.override
    absent = "" if override.model in labels else ", not in this run"
    return f"{override.model}{absent} ({override.date}: {override.reason})"


def _requirements_table(recommendation: Recommendation) -> Table:
    rows = tuple(
        text_row(
            eligibility.model,
            eligibility.status.replace("_", " "),
            requirement.name.replace("_", " "),
            requirement.state.replace("_", " "),
            requirement.text,
        )
        for eligibility in recommendation.eligibilities
        for requirement in eligibility.requirements
    )
    headers = ("model", "status", "requirement", "result", "evidence")
    return Table(f"Requirements of {recommendation.lane}", headers, rows)


def pairs(result: Result) -> Section:
    """Each model against each other, and the ranks."""
    headers = ("models", "on", "verdict", "difference", "p (Holm)", "MDE", "would decide")
    few = {summary.model for summary in result.summaries if summary.pass_rate.n < MIN_TRIALS}
    rows = tuple(
        text_row(*_pair_row(each, few_trials=bool(few & {each.model, each.baseline}))) for each in result.comparisons
    )
    if not rows:
        return Section("pairs", "Pairwise comparisons", "")
    ranks = Table(
        "Ranks (every model of a rank is tied with its first)",
        ("rank", "models"),
        tuple(text_row(str(rank.rank), ", ".join(rank.models)) for rank in result.ranks),
    )
    return Section(
        "pairs",
        "Pairwise comparisons",
        "Difference of pass rates, paired by task and trial. p: sign-flip test, adjusted for the number of pairs. "
        "MDE: minimum detectable effect of this design at 80 % power. Overlap of two models' own intervals is no test.",
        (ranks, Table("", headers, rows)),
    )


def _pair_row(comparison: Comparison, *, few_trials: bool) -> tuple[str, ...]:
    sizes = ((comparison.tasks_to_decide, "tasks"), (comparison.trials_to_decide, "trials per task"))
    interval = "" if few_trials else _format_interval(comparison.low, comparison.high)
    difference = f"{100 * comparison.difference:+.0f} points{interval}"
    return (
        f"{comparison.model} against {comparison.baseline}",
        ESTIMANDS[comparison.estimand],
        comparison.verdict,
        difference,
        MISSING if comparison.p_holm is None else f"{comparison.p_holm:.3f}",
        MISSING if comparison.mde is None else f"{100 * comparison.mde:.0f} points",
        " or ".join(f"{count} {unit}" for count, unit in sizes if count is not None) or MISSING,
    )


def _format_interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" [{100 * low:+.0f}, {100 * high:+.0f}]"


def stability(result: Result) -> Section:
    """Tasks passed in every trial and in any trial."""
    rows = tuple(
        (
            Entry(summary.model),
            _mean_rate(summary),
            *text_row(_format_tasks(summary.passed_every_trial), _format_tasks(summary.passed_any_trial)),
        )
        for summary in result.summaries
        if summary.passed_every_trial is not None and summary.passed_every_trial.n
    )
    if not rows:
        return Section("stability", "Stability", "")
    headers = ("model", "mean over tasks", "passed in every trial", "passed in any trial")
    return Section(
        "stability",
        "Stability",
        "Tasks passed in every trial (pass^k) and in at least one, with the mean pass rate over tasks.",
        (Table("", headers, rows),),
    )


def _mean_rate(summary: ModelSummary) -> Entry:
    rate = summary.suite_rates[0].rate if summary.suite_rates else None
    return Entry(MISSING if rate is None else format_percent(rate), rate)


def _format_tasks(rate: PassRate | None) -> str:
    return MISSING if rate is None else format_count(rate)


def trade_offs(result: Result) -> Section:
    """Pass rate and decode rate against memory, bits and active parameters, if the config declares them."""
    names = (
        ("parameters_b", "parameters, 10^9"),
        ("active_parameters_b", "active, 10^9"),
        ("bits_per_weight", "bits per weight"),
    )
    declared = [
        (key, header) for key, header in names if any(model.facts.get(key) is not None for model in result.models)
    ]
    scatters = tuple(scatter for scatter in _scatters(result) if len(scatter.points) > 1)
    if not declared and not scatters:
        return Section("trade-offs", "Trade-offs", "")
    rows = tuple(
        text_row(model.label, *(_format_fact(model.facts.get(key)) for key, _ in declared)) for model in result.models
    )
    return Section(
        "trade-offs",
        "Trade-offs",
        "Parameters and bits are declared in the config; memory, pass rate and decode rate are measured.",
        (Table("", ("model", *(header for _, header in declared)), rows),) if declared else (),
        scatters,
    )


def _format_fact(value: Json) -> str:
    return MISSING if value is None else f"{value:g}"


def _number(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _scatters(result: Result) -> tuple[Scatter, ...]:
    """Each trade-off with the models that have both quantities."""
    by_memory, by_bits, by_parameters = list[Point](), list[Point](), list[Point]()
    for model, summary in zip(result.models, result.summaries, strict=False):
        model_bytes = model.memory.model_bytes
        memory_gib = None if model_bytes is None else model_bytes / GIB
        by_memory += _pass_rate_point(memory_gib, summary)
        by_bits += _pass_rate_point(_number(model.facts.get("bits_per_weight")), summary)
        active = _number(model.facts.get("active_parameters_b"))
        if summary.decode_tps is not None and active is not None:
            decode = summary.decode_tps
            by_parameters.append(Point(model.label, active, decode.median, decode.low, decode.high))
    passed = "passed, % (mean over tasks)"
    return (
        Scatter("Pass rate against memory", "memory, GiB", passed, tuple(by_memory), y_top=100.0),
        Scatter("Pass rate against bits", "bits per weight (declared)", passed, tuple(by_bits), y_top=100.0),
        Scatter(
            "Decode rate against active parameters", "active, 10^9 (declared)", "decode, tok/s", tuple(by_parameters)
        ),
    )


def _pass_rate_point(x: float | None, summary: ModelSummary) -> list[Point]:
    """The percentage passed on tasks like these, with its interval; empty if a quantity is unknown."""
    suite = summary.suite_rates[0] if summary.suite_rates else None
    if x is None or suite is None or suite.rate is None:
        return []
    bounds = (suite.low, suite.high) if summary.pass_rate.n >= MIN_TRIALS else (None, None)
    low, high = (None if bound is None else 100 * bound for bound in bounds)
    return [Point(summary.model, x, 100 * suite.rate, low, high)]
