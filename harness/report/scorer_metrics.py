"""Metrics that scorers record in addition to the outcome: edits applied, recall, precision, invalid calls, declines.

A metric of a scorer kind is one row in METRICS: its name and how to format the metrics of a model's trials. A trial
without an answer has no metrics; every formatted value states its number of trials.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.report.elements import Entry, Section, Table
from harness.report.formatting import MISSING, format_number, format_percent
from harness.report.task_tables import labels_of
from harness.types import Json, Result, TaskInfo

TrialMetrics = Sequence[Mapping[str, Json]]
FormatMetrics = Callable[[TrialMetrics], str]


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table: its name, and its value for the metrics of one model's trials of one task."""

    name: str
    format_metrics: FormatMetrics


def scorer_metrics(result: Result) -> Section:
    """One row per task and metric that any model has a value for."""
    rows = tuple(row for task in result.tasks for row in _rows(result, task))
    if not rows:
        return Section("scorer_metrics", "", "")
    return Section(
        "scorer_metrics",
        "Scorer metrics",
        "What the scorers measured in addition to the outcome, over the trials that gave an answer.",
        (Table("", ("task: metric", *labels_of(result)), rows, by_model=True),),
    )


def _rows(result: Result, task: TaskInfo) -> list[tuple[Entry, ...]]:
    trials = [trial for trial in result.counted_trials if trial.task == task.name and trial.metrics]
    by_model = [[trial.metrics for trial in trials if trial.model == label] for label in labels_of(result)]
    rows = []
    for metric in METRICS.get(task.scorer, ()):
        values = [metric.format_metrics(metrics) for metrics in by_model]
        if any(value != MISSING for value in values):
            rows.append((Entry(f"{task.name}: {metric.name}"), *map(Entry, values)))
    return rows


def _numbers(metrics: TrialMetrics, key: str) -> list[float]:
    """The numeric values of a metric; metrics of an untrusted file may have any type."""
    values = (trial_metrics.get(key) for trial_metrics in metrics)
    return [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]


def _format_mean(values: Sequence[float], format_value: Callable[[float], str] = format_number) -> str:
    return f"{format_value(sum(values) / len(values))} (n {len(values)})" if values else MISSING


def _mean_share(key: str) -> FormatMetrics:
    return lambda metrics: _format_mean(_numbers(metrics, key), format_percent)


def _mean(key: str) -> FormatMetrics:
    return lambda metrics: _format_mean(_numbers(metrics, key))


def _mean_length(key: str) -> FormatMetrics:
    """The mean number of items in a metric that is a list."""
    return lambda metrics: _format_mean([len(each[key]) for each in metrics if isinstance(each.get(key), list)])


def _count(key: str, expected: Json = True) -> FormatMetrics:
    """k/n trials in which the metric has the expected value."""

    def format_metrics(metrics: TrialMetrics) -> str:
        values = [trial_metrics[key] for trial_metrics in metrics if key in trial_metrics]
        return f"{sum(value == expected for value in values)}/{len(values)}" if values else MISSING

    return format_metrics


def _ratio(part: str, whole: str) -> FormatMetrics:
    """Sum of one metric over the sum of another one."""

    def format_metrics(metrics: TrialMetrics) -> str:
        part_sum, whole_sum = sum(_numbers(metrics, part)), sum(_numbers(metrics, whole))
        return f"{format_number(part_sum)}/{format_number(whole_sum)}" if whole_sum else MISSING

    return format_metrics


def _rules_followed(key: str) -> FormatMetrics:
    """Rules followed of all rules, over all trials."""

    def format_metrics(metrics: TrialMetrics) -> str:
        rules = sum(len(each["loose"]) for each in metrics if isinstance(each.get("loose"), dict))
        return f"{format_number(sum(_numbers(metrics, key)))}/{rules}" if rules else MISSING

    return format_metrics


def _shellcheck_findings(metrics: TrialMetrics) -> str:
    lints = [each["lint"] for each in metrics if isinstance(each.get("lint"), dict)]
    levels = ("error", "warning", "info", "style")
    return _format_mean([sum(sum(_numbers([lint], level)) for level in levels) for lint in lints])


_PROSE = (
    Metric("rules followed, strict", _rules_followed("strict_passed")),
    Metric("rules followed, loose", _rules_followed("loose_passed")),
)

METRICS: Mapping[str, tuple[Metric, ...]] = {
    "program": (Metric("shellcheck findings per script", _shellcheck_findings),),
    "edits": (
        Metric("edits applied", _count("applied")),
        Metric("edits applied ignoring whitespace", _count("edit_rule", "whitespace")),
    ),
    "review": (
        Metric("recall", _mean_share("recall")),
        Metric("precision", _mean_share("precision")),
        Metric("severity within one level", _mean_share("severity_near")),
        Metric("undecided claims per review", _mean("undecided")),
    ),
    "tools": (
        Metric("text before the first call", _count("narrated_first")),
        Metric("invalid calls", _ratio("invalid_calls", "calls")),
        Metric("redundant calls", _ratio("wasted_calls", "calls")),
        Metric("turns", _mean("turns")),
    ),
    "conversation": (
        Metric("own tests pass on correct code", _mean_share("tests_right")),
        Metric("own tests fail on broken code", _mean_share("tests_broken")),
    ),
    "voice": _PROSE,
    "summary": (
        *_PROSE,
        Metric("facts stated", _ratio("facts_kept", "facts_total")),
        Metric("superseded values per answer", _mean("superseded")),
        Metric("numbers not in the source per answer", _mean_length("new_numbers")),
        Metric("names not in the source per answer", _mean_length("new_names")),
    ),
    "needle": (
        Metric("recall", _mean_share("recall")),
        Metric("precision", _mean_share("precision")),
        Metric("superseded values per answer", _mean("superseded")),
    ),
    "cannot_do": (
        Metric("solved", _count("quadrant", "solved")),
        Metric("wrong", _count("quadrant", "wrong")),
        Metric("correctly declined", _count("quadrant", "rightly_declined")),
        Metric("wrongly declined", _count("quadrant", "wrongly_declined")),
        Metric("tests edited", _count("tests_edited")),
        Metric("results hard-coded", _count("hard_coded")),
    ),
}
