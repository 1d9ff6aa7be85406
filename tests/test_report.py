"""The three renderers: equal content, the mark of simulated runs, and safety against untrusted names."""

import re
from dataclasses import replace
from itertools import combinations

import pytest

from harness.collection.tables import MODELS, rows_of
from harness.report import plain_text, render_brief, render_github, render_html, render_text
from harness.report.correctness import glance
from harness.report.elements import Chart, IntervalRow, Point, Scatter, Section
from harness.report.formatting import format_bytes, format_number, format_percent, format_seconds
from harness.report.label_placement import CHAR_PX
from harness.report.markdown import render_markdown_sections
from harness.report.page.chart_rows import quality_rows
from harness.report.sections import SECTIONS, SIMULATED, sections_of
from harness.report.selection import trade_offs
from harness.report.svg import bar_plot, dot_plot, tick_step
from harness.report.terminal import WIDTH
from harness.run import page_evidence
from harness.summarize import summarize
from harness.types import MemoryUse, Result
from tests.example import example_result

RENDERERS = (render_text, render_github, render_html)
HOSTILE = "\x1b[31mred\x1b[0m <script>alert(1)</script> | a\u202eb `x` [l](http://e.example) @someone"


def _simulated(result: Result) -> Result:
    return replace(result, run=replace(result.run, simulated=True))


def _named(name: str) -> Result:
    """The example with an untrusted name wherever a file can bring one."""
    result = example_result()
    models = tuple(replace(one, label=f"{name}{at}", model=name) for at, one in enumerate(result.models))
    names = {old.label: new.label for old, new in zip(result.models, models, strict=True)}
    trials = tuple(
        replace(
            one,
            model=names[one.model],
            checks=tuple(replace(check, name=name, passed=False, observed=name) for check in one.checks),
            turns=tuple(replace(turn, content=name) for turn in one.turns),
        )
        for one in result.trials
    )
    tasks = tuple(replace(one, title=name) for one in result.tasks)
    return summarize(replace(result, models=models, trials=trials, tasks=tasks))


def test_every_report_names_the_run_and_holds_every_section() -> None:
    result = example_result()
    for render in RENDERERS:
        report = render(result)
        assert result.run.id in report
        for section in sections_of(result):
            assert section.title in report


def test_every_section_has_a_unique_key() -> None:
    result = example_result()
    keys = [make(result).key for make in SECTIONS]
    assert len(set(keys)) == len(SECTIONS)


def test_a_task_that_was_not_run_has_no_rate_in_any_report() -> None:
    whole = example_result()
    result = summarize(replace(whole, trials=tuple(one for one in whole.trials if one.model != "steady")))
    for render in RENDERERS:
        report = render(result)
        assert "0 of 6 run" in report
        assert "0 of 12 run" in report
        assert "0/6" not in report
        assert report.index("steady was not run, 0 of 18 trials") < report.index("Models at a glance")


def test_a_task_of_which_some_trials_were_run_has_their_count_and_no_rate() -> None:
    whole = example_result()
    kept = tuple(one for one in whole.trials if (one.model, one.task, one.trial) != ("steady", "code-bugfix", 5))
    report = render_text(summarize(replace(whole, trials=kept)))
    assert "5 passed, 5 of 6 run" in report
    assert "5/5" not in report


@pytest.mark.parametrize("text", ["5/6 83% [44, 97]", "2/6 33% [10, 70]", "6/6 100% [61, 100]", "n=18", "[truncated"])
def test_every_report_has_the_same_numbers_with_their_n_and_interval(text: str) -> None:
    for render in (render_text, render_html):
        assert text in render(example_result())
    assert text.replace("[truncated", "truncated") in render_github(example_result())


def test_a_simulated_run_is_marked_in_every_report_and_a_measured_one_in_none() -> None:
    for render in RENDERERS:
        assert SIMULATED in render(_simulated(example_result()))
        assert "SIMULATED" not in render(example_result())


def test_one_simulated_model_marks_the_whole_report() -> None:
    result = example_result()
    models = (replace(result.models[0], simulated=True), *result.models[1:])
    assert SIMULATED in render_text(replace(result, models=models))


def test_every_report_has_the_warnings() -> None:
    for render in (render_text, render_html):
        assert "answers reached the token budget and were cut off" in render(example_result())


def test_four_models_fit_the_terminal_and_more_are_shown_in_groups() -> None:
    result = example_result()
    for count in (4, 6):
        infos = tuple(replace(result.models[0], label=f"contender-{at}-q4") for at in range(count))
        trials = tuple(
            replace(trial, model=info.label) for info in infos for trial in result.trials if trial.model == "steady"
        )
        report = render_text(summarize(replace(result, models=infos, trials=trials)))
        assert max(map(len, report.splitlines())) <= WIDTH
        assert ("(more models)" in report) == (count > 4)
        assert all(info.label in report for info in infos)


def test_a_model_without_trials_is_shown_as_not_run_and_not_as_zero() -> None:
    result = example_result()
    report = render_text(replace(result, cells=tuple(one for one in result.cells if one.model == "steady")))
    assert "not run" in report


def test_a_result_without_scored_tasks_renders() -> None:
    result = example_result()
    tasks = result.tasks[:1]
    trials = tuple(one for one in result.trials if one.task == tasks[0].name)
    bare = summarize(replace(result, tasks=tasks, trials=trials))
    for render in RENDERERS:
        assert "Generation speed" in render(bare)


def test_an_empty_result_renders() -> None:
    bare = summarize(replace(example_result(), models=(), tasks=(), trials=(), sandbox=None))
    for render in RENDERERS:
        assert "no answer was executed" in render(bare)


def test_plain_text_escapes_characters_that_control_a_terminal() -> None:
    assert plain_text("\x1b[2J\x07\u202e\u2028\ud800\x9b") == "\\u001b[2J\\u0007\\u202e\\u2028\\ud800\\u009b"
    assert plain_text("naïve 模型 🚀") == "naïve 模型 🚀"


def test_untrusted_names_cannot_control_the_terminal() -> None:
    report = render_text(_named(HOSTILE))
    assert set(re.findall(r"[^\x20-\x7e]", report)) <= {"\n"}


def test_untrusted_names_stay_text_in_markdown() -> None:
    report = render_github(_named(HOSTILE))
    for line in report.splitlines():
        # Everything untrusted is escaped, so no row of a table has a cell too many.
        if line.startswith("| ") and "red" in line:
            assert "<" not in line
            assert "http://" not in line
            assert "@someone" not in line.replace("&#64;&#8288;", "")
            assert "\x1b" not in line
    tables = [block for block in report.split("\n\n") if block.startswith("| ")]
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.00"),
        (0.00004, "0.00004"),
        (0.04213, "0.0421"),
        (0.5, "0.5"),
        (-0.9999, "-1.00"),
        (4.2149, "4.21"),
        (9.996, "10.0"),
        (42.149, "42.1"),
        (421.49, "421"),
        (999.6, "1,000"),
        (4214.9, "4,215"),
    ],
)
def test_numbers_have_three_significant_digits(value: float, text: str) -> None:
    assert format_number(value) == text


@pytest.mark.parametrize(("share", "text"), [(0, "0%"), (0.001, "<1%"), (0.5, "50%"), (0.998, ">99%"), (1, "100%")])
def test_percentages_never_round_to_0_or_100(share: float, text: str) -> None:
    assert format_percent(share) == text


def test_seconds_have_a_readable_unit() -> None:
    assert [format_seconds(value) for value in (0.0123, 12.34, 600)] == ["12.3 ms", "12.3 s", "10.0 min"]
    assert [format_seconds(value) for value in (3e-8, 0.9999)] == ["0.00003 ms", "1.00 s"]


def test_bytes_have_a_readable_unit() -> None:
    assert [format_bytes(count) for count in (0, 10, 2**20, 2**30 - 1)] == ["0", "0.00977 KiB", "1.00 MiB", "1.00 GiB"]


@pytest.mark.parametrize("top", [0.003, 1, 7, 100, 12345])
def test_an_axis_has_few_round_ticks(top: float) -> None:
    assert 1 <= top / tick_step(top) <= 6


def test_marks_beyond_the_axis_stay_inside_the_drawing() -> None:
    plot = bar_plot(
        Chart("t", "u", (IntervalRow("a", -5, 50, 5e9, ""), IntervalRow("b", None, None, None, "-")), top=100)
    )
    first, second = plot.bars
    assert (first.low, first.high) == (plot.left, plot.right)
    assert second.middle is None


@pytest.mark.parametrize("step", [0.0, 0.1, 10.0])
def test_labels_of_points_at_one_height_do_not_cover_each_other(step: float) -> None:
    points = tuple(Point(f"m{at}", 10.0 + step * at, 50.0) for at in range(4))
    dots = dot_plot(Scatter("t", "x", "y", points)).dots
    for one, other in combinations(dots, 2):
        assert abs(one.label_y - other.label_y) >= 14 or abs(one.label_x - other.label_x) >= CHAR_PX * len("m0")


@pytest.mark.parametrize("value", [5e-324, 1e-300, 1.7e308])
def test_a_chart_of_extreme_numbers_is_drawn(value: float) -> None:
    """As of a result whose medians are forged; `report` refuses those, and whoever calls the page gets one."""
    marks = (IntervalRow("a", None, value, value, "x"), IntervalRow("b", 0.0, value, None, "x"))
    assert len(bar_plot(Chart("bars", "s", marks)).ticks) < 20
    points = (Point("a", value, value, None, value), Point("b", 1.0, value))
    assert len(dot_plot(Scatter("dots", "x", "y", points)).x_ticks) < 20


def test_imported_mined_drawn_and_fixed_tasks_are_shown_apart() -> None:
    result = example_result()
    first, second, *_ = (task.name for task in result.tasks if task.scored)
    tasks = tuple(replace(task, origin="HumanEval" if task.name == second else "") for task in result.tasks)
    trials = tuple(
        replace(trial, checks=tuple(replace(check, name="order/h1") for check in trial.checks))
        if trial.task == first
        else trial
        for trial in result.trials
    )
    (table,) = (
        each
        for section in sections_of(summarize(replace(result, tasks=tasks, trials=trials)))
        for each in section.tables
        if each.title == "By origin"
    )
    rows = {row[0].text: row[1].text for row in table.rows}
    assert {"cases drawn after the answers (1 task)", "HumanEval (1 task)"} <= rows.keys()
    own = [cell for cell in result.cells if cell.model == result.models[0].label and cell.task == second]
    assert rows["HumanEval (1 task)"].startswith(f"{own[0].pass_rate.passed}/{own[0].pass_rate.n}")
    only = summarize(replace(result, tasks=tuple(replace(task, origin="MBPP") for task in result.tasks)))
    assert all(each.title != "By origin" for section in sections_of(only) for each in section.tables)


def test_a_lead_is_escaped_in_markdown_like_all_else() -> None:
    text = render_markdown_sections("t", [Section("s", "s", "by www.evil.example and [a](b): 70 % [40, 89]")])
    assert "www.evil" not in text
    assert "](" not in text
    assert "[40, 89]" in text


@pytest.mark.parametrize(("before_gib", "shown"), [(None, "-"), (10, "21.0"), (31, "-"), (40, "-")])
def test_memory_in_use_of_the_whole_machine_is_shown_as_no_models(before_gib: int | None, shown: str) -> None:
    memory = MemoryUse("machine in use", None if before_gib is None else before_gib * 2**30, 31 * 2**30)
    example = example_result()
    result = summarize(replace(example, models=tuple(replace(model, memory=memory) for model in example.models)))
    is_known = shown != "-"
    assert {row[3].text for row in glance(result).tables[0].rows} == {f"{shown} GiB" if is_known else "-"}
    assert ("21.0" in render_brief(result), "31.0" in render_brief(result)) == (is_known, False)
    evidence = page_evidence(result)
    assert {row["memory"] for row in quality_rows(result, evidence)} == {21.0 if is_known else None}
    assert ("Memory at most" in render_html(result, evidence)) == is_known
    assert ("Pass rate against memory" in [chart.title for chart in trade_offs(result).charts]) == is_known
    used = {row["memory_bytes"] for row in rows_of(MODELS, result, "bundle")}
    assert used == {21 * 2**30 if is_known else None}
