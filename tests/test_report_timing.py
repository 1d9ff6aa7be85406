"""The report's prefill fit, concurrent clients, self-test and canary marks."""

import html
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.report import render_github, render_html, render_text
from harness.report.correctness import outcomes
from harness.report.page.chart_rows import decode_rows, ttft_rows
from harness.report.speed import prefill
from harness.summarize import summarize
from harness.types import PageEvidence, RecorderOverhead, Result, SelfTest
from tests.example import example_result
from tests.test_summarize_timing import with_canary, with_clients, with_curve

RENDERERS = (render_text, render_github, render_html)


def words_of(text: str) -> str:
    """The text without a page's scripts, without line breaks, HTML escapes and the drawing of tables."""
    text = re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.DOTALL)
    return " ".join(html.unescape(text).replace("|", " ").split())


@pytest.mark.parametrize("render", RENDERERS)
def test_the_fitted_and_the_apparent_rate_are_shown_with_the_valid_one(render: Callable[[Result], str]) -> None:
    report = words_of(render(with_curve(lambda tokens: 0.5 + tokens / 1000)))
    assert "Prefill rate fitted over several prompt sizes" in report
    assert " fitted " in report
    assert "500 ms" in report


def test_an_early_first_token_has_no_fitted_rate_and_no_rate_is_valid() -> None:
    report = words_of(render_github(with_curve(lambda _tokens: 0.02, lambda tokens: tokens / 1000)))
    assert " none " in report
    assert "first token comes before the prefill is done" in report


@pytest.mark.parametrize("render", RENDERERS)
def test_concurrent_clients_have_a_row_for_each_number(render: Callable[[Result], str]) -> None:
    report = words_of(render(with_clients()))
    assert "speed-parallel, 1 clients" in report
    assert "speed-parallel, 2 clients" in report
    assert "56.9" in report


@pytest.mark.parametrize("render", RENDERERS)
def test_the_self_test_and_the_overhead_of_recording_are_shown_with_the_machine(
    render: Callable[[Result], str],
) -> None:
    result = example_result()
    run = replace(result.run, selftest=SelfTest(12, 0.0002, 0.0003, 0.0015, 0.02, 0.07))
    first = replace(result.models[0], recorder_overhead=RecorderOverhead(1.5, 100.0, 40, 80 * 2**20))
    report = words_of(render(replace(result, run=run, models=(first, *result.models[1:]))))
    assert "(bare socket" in report
    assert "1.5 ms late (99th percentile)" in report.replace("1.50", "1.5")
    assert "other processes used 7% of the CPU" in report
    assert f"overhead during {first.label}" in report
    assert "1.5 % of a core" in report


def test_a_run_without_such_tasks_has_no_such_tables() -> None:
    report = render_text(example_result())
    assert "fitted over" not in report
    assert "Concurrent clients" not in report


def test_a_fit_without_cache_figures_says_what_it_rests_on() -> None:
    counted = with_curve(lambda size: 0.1 + size / 1000)
    assert "does not report cached tokens" not in prefill(counted).lead
    result = uncached_unknown(counted)
    section = prefill(result)
    assert "Unknown" not in section.lead
    assert section.lead.startswith("Apparent rates by task are unknown: no server reports both")
    assert f"The server of {result.models[0].label} does not report cached tokens: the fit counts whole" in section.lead
    assert section.tables[0].rows[0][1].text.startswith(("1,0", "99"))


def uncached_unknown(result: Result) -> Result:
    """The same from servers that report no cached tokens, so that no turn has an apparent rate."""
    trials = tuple(
        replace(
            trial,
            turns=tuple(
                replace(
                    turn,
                    usage=turn.usage and replace(turn.usage, cached_tokens=None),
                    timings=replace(turn.timings, apparent_prefill_tps=None),
                )
                for turn in trial.turns
            ),
        )
        for trial in result.trials
    )
    return summarize(replace(result, trials=trials))


def test_a_run_without_trials_claims_nothing() -> None:
    result = example_result()
    models = tuple(replace(model, stop_reason="it did not load") for model in result.models)
    empty = summarize(replace(result, models=models, trials=()))
    assert outcomes(empty).lead == "No trial was run."
    assert prefill(empty).lead == "Nothing was measured: no cold turn was timed."
    passed = tuple(trial for trial in result.trials if trial.model == "steady")
    assert outcomes(summarize(replace(result, models=result.models[:1], trials=passed))).lead == "Every trial passed."


def test_requests_of_clients_are_no_turns_of_a_conversation() -> None:
    result = with_clients()
    assert "speed-parallel" not in {row["task"] for row in ttft_rows(result, PageEvidence())}
    assert "speed-parallel" not in {row["task"] for row in decode_rows(result, PageEvidence())}
    text = render_text(result)
    assert "speed-parallel, request 3" in text
    assert "speed-parallel, turn" not in text


def test_later_turns_of_a_conversation_are_warm_and_those_on_their_own_cold() -> None:
    rows = ttft_rows(with_curve(lambda size: 0.1 + size / 1000), PageEvidence())
    assert {(row["cache"], row["asked"]) for row in rows} == {("cold", "each turn on its own")}
    talk = example_result()
    twice = tuple(replace(trial, turns=trial.turns * 2) for trial in talk.trials)
    rows = ttft_rows(summarize(replace(talk, trials=twice)), PageEvidence())
    assert {(row["turn"], row["cache"], row["asked"]) for row in rows} == {
        (1, "cold", "one conversation"),
        (2, "warm", "one conversation"),
    }


@pytest.mark.parametrize("render", RENDERERS)
def test_speeds_of_a_cell_whose_canary_drifted_have_a_mark_with_a_legend(render: Callable[[Result], str]) -> None:
    moved, quiet = (words_of(render(with_canary(rates))) for rates in ([60.0, 61, 52, 60, 60, 64], [60.0] * 6))
    assert "~: in some of the trials the canary's decode rate deviated by more than 5 %." in moved
    assert moved.count(" ~") > 2
    assert "~" not in quiet
