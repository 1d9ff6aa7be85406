"""The report's prefill fit, concurrent clients, self-test and canary marks."""

import html
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.report import render_github, render_html, render_text
from harness.types import RecorderOverhead, Result, SelfTest
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


@pytest.mark.parametrize("render", RENDERERS)
def test_speeds_of_a_cell_whose_canary_drifted_have_a_mark_with_a_legend(render: Callable[[Result], str]) -> None:
    moved, quiet = (words_of(render(with_canary(rates))) for rates in ([60.0, 61, 52, 60, 60, 64], [60.0] * 6))
    assert "~: in some of the trials the canary's decode rate deviated by more than 5 %." in moved
    assert moved.count(" ~") > 2
    assert "~" not in quiet
