"""The report's section of scorer metrics."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import pytest

from harness.report import render_github, render_html, render_text
from harness.report.scorer_metrics import METRICS, scorer_metrics
from harness.score import KINDS
from harness.types import Json, Look, Result
from tests.example import example_result

EXAMPLES: dict[str, tuple[dict[str, Json], str, str]] = {
    "program": (
        {"lint": {"error": 1, "warning": 2, "info": 0, "style": 0}},
        "shellcheck findings per script",
        "3.00 (n {n})",
    ),
    "edits": ({"applied": True, "edit_rule": "whitespace"}, "edits applied", "{n}/{n}"),
    "review": ({"recall": 0.5, "precision": 1.0, "undecided": 2}, "recall", "50% (n {n})"),
    "tools": ({"calls": 4, "invalid_calls": 1, "wasted_calls": 0, "turns": 3}, "turns", "3.00 (n {n})"),
    "conversation": ({"tests_right": 1.0, "tests_broken": 0.75}, "own tests fail on broken code", "75% (n {n})"),
    "voice": ({"strict_passed": 0, "loose": {"a": True}}, "rules followed, strict", "0.00/{n}"),
    "summary": ({"new_names": ["Vestby", "Ada"]}, "names not in the source per answer", "2.00 (n {n})"),
    "needle": ({"recall": 0.5, "superseded": 1}, "superseded values per answer", "1.00 (n {n})"),
    "cannot_do": ({"quadrant": "wrongly_declined", "hard_coded": False}, "wrongly declined", "{n}/{n}"),
}


@cache
def example() -> Result:
    """Made once: nothing in it changes."""
    return example_result()


def with_metrics(kind: str, metrics: Mapping[str, Json]) -> Result:
    """The example result with every trial of its first scored task seen so."""
    result = example()
    name = next(task.name for task in result.tasks if task.scored)
    tasks = tuple(replace(task, scorer=kind) if task.name == name else task for task in result.tasks)
    trials = tuple(replace(trial, metrics=metrics) if trial.task == name else trial for trial in result.trials)
    return replace(result, tasks=tasks, trials=trials)


def values_by_metric(result: Result) -> dict[str, str]:
    """The first model's value by metric."""
    section = scorer_metrics(result)
    return {row[0].text.split(": ", 1)[1]: row[1].text for table in section.tables for row in table.rows}


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_each_kind_reports_its_metrics_with_their_n(kind: str) -> None:
    metrics, metric, text = EXAMPLES[kind]
    result = with_metrics(kind, metrics)
    name = next(task.name for task in result.tasks if task.scorer == kind)
    label = result.models[0].label
    n = sum(trial.task == name and trial.model == label and not trial.warmup for trial in result.trials)
    assert values_by_metric(result)[metric] == text.format(n=n)


def test_every_kind_with_facts_has_metrics() -> None:
    assert set(METRICS) == set(EXAMPLES)
    assert set(METRICS) <= set(KINDS)


def test_metrics_without_data_have_no_row_and_no_section() -> None:
    assert values_by_metric(with_metrics("edits", {})) == {}
    assert "scorer_metrics" not in {
        section.key for section in [scorer_metrics(with_metrics("edits", {}))] if section.lead
    }


def test_facts_of_an_untrusted_file_may_have_any_type() -> None:
    for kind in METRICS:
        for odd in (None, "x", [], {}, [1], {"a": "b"}, True, -1):
            names = {key: odd for metrics, *_ in EXAMPLES.values() for key in metrics}
            values_by_metric(with_metrics(kind, names))


def test_every_report_has_the_section() -> None:
    result = with_metrics("review", EXAMPLES["review"][0])
    for render in (render_text, render_github, render_html):
        assert "Scorer metrics" in render(result)


def test_a_block_in_which_the_time_ran_out_counts_in_no_section() -> None:
    result = example_result()
    metrics = {"lint": {"error": 1, "warning": 2, "info": 0, "style": 0}}
    task = replace(result.tasks[0], scorer="program")
    trials = tuple(replace(trial, metrics=metrics) for trial in result.trials if trial.task == task.name)
    looks = (Look(2, (), "budget", 1.0),)
    ended = replace(result, tasks=(task,), trials=trials, run=replace(result.run, looks=looks))
    (row, *_) = scorer_metrics(ended).tables[0].rows
    assert [entry.text for entry in row[1:]] == ["3.00 (n 2)"] * len(result.models)
