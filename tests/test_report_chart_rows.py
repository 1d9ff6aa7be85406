"""The rows of the charts, the interval around a pass rate, and the colors of the models."""

from dataclasses import replace
from statistics import fmean

import pytest

from harness.report.correctness import glance
from harness.report.elements import Scatter
from harness.report.page.chart_rows import drift_rows, quality_rows
from harness.report.page.charts import charts_of
from harness.report.task_tables import pass_rate_bounds
from harness.run import page_evidence
from harness.summarize import design_of, summarize
from harness.types import Lane, Look, ModelSummary, PageEvidence, PassRate, Result, SkippedTask, SuiteRate
from tests.example import example_result


def _with_rates(summary: ModelSummary, share: float, suite: float) -> ModelSummary:
    """A summary of 18 trials with this share of passed ones, and this mean over three tasks from 0.1 to 0.6."""
    passed = PassRate(round(18 * share), 18, 18, share, None, None)
    return replace(summary, pass_rate=passed, suite_rates=(SuiteRate("tasks_like_these", suite, 0.1, 0.6, 3),))


def test_a_rate_has_its_interval_however_its_sum_is_rounded() -> None:
    share, suite = 5 / 18, fmean((0 / 6, 1 / 6, 4 / 6))
    assert share != suite
    assert pass_rate_bounds(_with_rates(example_result().summaries[0], share, suite)) == (10.0, 60.0)


def test_no_chart_draws_the_interval_of_another_rate() -> None:
    result = example_result()
    summaries = tuple(_with_rates(summary, 15 / 18, 6 / 18) for summary in result.summaries)
    result = replace(result, summaries=summaries)
    assert {(row["low"], row["high"]) for row in quality_rows(result, page_evidence(result))} == {(None, None)}
    (scatter,) = glance(result).charts
    assert isinstance(scatter, Scatter)
    assert {(point.low, point.high) for point in scatter.points} == {(None, None)}


def test_a_model_has_one_color_in_every_chart() -> None:
    result = example_result()
    one_short = tuple(
        trial for trial in result.trials if (trial.model, trial.task, trial.trial) != ("steady", "code-refactor", 5)
    )
    stopped = (replace(result.models[0], stop_reason="out of memory"), *result.models[1:])
    result = summarize(replace(result, models=stopped, trials=one_short))
    charts = charts_of(result, page_evidence(result))
    scales = {chart.kind.key: _model_scales(chart.spec()) for chart in charts}
    shown = {chart.kind.key: {row["model"] for row in chart.rows} for chart in charts}
    assert shown["quality"] == {"hasty"}
    assert shown["drift"] == {"steady", "hasty"}
    for key in ("quality", "decode", "drift"):
        assert scales[key] == {(("steady", "var(--c1)"), ("hasty", "var(--c2)"))}


def _model_scales(node: object) -> set[tuple[tuple[str, str], ...]]:
    """Every color scale of models in a specification, as pairs of a model and its color."""
    if isinstance(node, list):
        return set().union(*map(_model_scales, node))
    if not isinstance(node, dict):
        return set()
    scale = node.get("scale") if node.get("field") == "model" else None
    own = {tuple(zip(scale["domain"], scale["range"], strict=True))} if scale else set()
    return own.union(*map(_model_scales, node.values()))


def test_a_legend_names_the_models_that_are_drawn() -> None:
    result = example_result()
    third = replace(result.models[0], label="absent", stop_reason="it did not load")
    result = summarize(replace(result, models=(third, *result.models)))
    (decode,) = (chart for chart in charts_of(result, PageEvidence()) if chart.kind.key == "decode")
    spec = str(decode.spec())
    assert "'values': ['steady', 'hasty']" in spec
    assert "'domain': ['absent', 'steady', 'hasty']" in spec


def test_the_drift_leaves_out_the_block_in_which_the_time_ran_out() -> None:
    base = example_result()
    lane = Lane("all scored tasks", {"code-bugfix": 1.0, "code-refactor": 1.0})
    run = replace(base.run, design=design_of((6,), 60.0, (lane,), 2), looks=(Look(5, (), "budget", 60.0),))
    result = summarize(replace(base, run=run))
    assert {row["block"] for row in drift_rows(result, PageEvidence())} == {1, 2, 3, 4, 5}


def _skipping(result: Result, *tasks: str) -> Result:
    skipped = tuple(SkippedTask(task, 40_000, 32_768) for task in tasks)
    models = (replace(result.models[0], skipped=skipped), *result.models[1:])
    kept = tuple(trial for trial in result.trials if trial.model != "steady" or trial.task not in tasks)
    return summarize(replace(result, models=models, trials=kept))


@pytest.mark.parametrize(("tasks", "count"), [((), 0), (("code-refactor",), 1), (("speed-small",), 0)])
def test_a_rate_over_other_tasks_is_marked(tasks: tuple[str, ...], count: int) -> None:
    result = _skipping(example_result(), *tasks)
    rows = {row["model"]: row["skipped"] for row in quality_rows(result, page_evidence(result))}
    assert rows == {"steady": count, "hasty": 0}
    note = ("steady: its rate is over other tasks; 1 did not fit into its context.",)
    assert glance(result).notes == (note if count else ())
