"""Lanes, pairwise comparisons, stability and trade-offs in the reports."""

from dataclasses import replace

import pytest

from harness.report import render_github, render_html, render_text
from harness.report.elements import Scatter
from harness.report.selection import lanes, pairs, stability, trade_offs
from harness.summarize import summarize
from harness.types import Lane, Override, Result
from tests.example import LANE, example_result, grown_result


def _with(result: Result, lane: Lane) -> Result:
    return summarize(replace(result, lanes=(lane,)))


@pytest.mark.parametrize("render", [render_text, render_github, render_html])
def test_the_users_choice_is_shown_with_the_recommendation(render: object) -> None:
    assert callable(render)
    report = render(_with(grown_result(10, {"code-refactor": 9, "code-bugfix": 8}), LANE))
    assert "steady" in report
    assert "hasty (2026-11-20: faster in my editor)" in report


def test_a_lane_shows_recommendation_confidence_requirements_and_untested_conditions() -> None:
    section = lanes(_with(grown_result(10, {"code-refactor": 10, "code-bugfix": 10}), LANE))
    assert [entry.text for entry in section.tables[0].rows[0]][:3] == ["daily coding", "steady", "conclusive"]
    assert {row[1].text for row in section.tables[1].rows} == {"eligible", "ruled out"}
    assert any("do not retire it yet" in note for note in section.notes)


def test_the_words_of_the_column_are_explained() -> None:
    section = lanes(_with(example_result(), LANE))
    shown = {row[2].text for row in section.tables[0].rows}
    assert shown == {"conclusive"}
    assert "Conclusive:" in section.lead
    assert "Tentative:" in section.lead


def test_a_lane_that_the_evidence_does_not_decide_says_so() -> None:
    section = lanes(_with(grown_result(10, {}), replace(LANE, rank_by=("pass_rate",), override=None)))
    assert [entry.text for entry in section.tables[0].rows[0]] == ["daily coding", "not decided", "none", "-"]
    assert "does not decide between steady and hasty" in section.notes[0]


def test_a_chosen_model_that_is_not_in_the_run_is_marked() -> None:
    gone = replace(LANE, override=Override("gone", "habit", "2026-11-20"))
    section = lanes(_with(example_result(), gone))
    assert section.tables[0].rows[0][3].text == "gone, not in this run (2026-11-20: habit)"


def test_a_run_without_lanes_or_with_one_model_has_no_such_section() -> None:
    result = summarize(replace(example_result(), lanes=()))
    assert "Lanes\n" not in render_text(result)
    alone = summarize(replace(result, models=result.models[:1]))
    assert pairs(alone).tables == ()
    assert "Pairwise comparisons" not in render_text(alone)


def test_pairs_have_a_verdict_an_interval_and_the_size_that_would_decide() -> None:
    rows = [[entry.text for entry in row] for row in pairs(example_result()).tables[1].rows]
    assert [row[2] for row in rows] == ["can't tell", "can't tell"]
    assert rows[0][0] == "hasty against steady"
    assert "tasks" in rows[0][6]


def test_stability_counts_tasks_and_not_trials() -> None:
    rows = [[entry.text for entry in row] for row in stability(example_result()).tables[0].rows]
    assert rows == [["steady", "100%", "2/2 100%", "2/2 100%"], ["hasty", "58%", "0/2 0%", "2/2 100%"]]


def test_trade_offs_are_drawn_where_two_models_have_both_quantities() -> None:
    result = example_result()
    models = tuple(
        replace(model, facts={**model.facts, "active_parameters_b": 3.0 + at}) for at, model in enumerate(result.models)
    )
    section = trade_offs(summarize(replace(result, models=models)))
    assert [chart.title for chart in section.charts if isinstance(chart, Scatter)] == [
        "Pass rate against memory",
        "Pass rate against bits",
        "Decode rate against active parameters",
    ]
    bare = tuple(
        replace(model, facts={"bits_per_weight": 4.8} if model.label == "steady" else {}) for model in result.models
    )
    assert [chart.title for chart in trade_offs(summarize(replace(result, models=bare))).charts] == [
        "Pass rate against memory"
    ]
