"""The sections on task families, with the example's trials under other task names."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache

import pytest

from harness.report import render_github, render_html, render_text
from harness.report.elements import Section
from harness.report.task_families import conversations, declines, needles, real_bugs
from harness.summarize import summarize
from harness.types import Check, Json, Outcome, Result, TaskInfo, TrialResult, Usage
from tests.example import example_result

ASKED = (Check("declined", False), Check("reason", False), Check("no-code", False))
Seen = tuple[str, str, Mapping[str, Json], tuple[Check, ...]]
"""A task's name, its kind, the facts of its trials and their checks."""


@cache
def example() -> Result:
    """Made once: nothing in it changes."""
    return example_result()


def build_result(seen: Sequence[Seen], usage: Usage | None = None) -> Result:
    """The example's trials of code-bugfix again for each task, seen so."""
    base = example()
    trials = [one for one in base.trials if one.task == "code-bugfix"]
    made: list[TrialResult] = []
    tasks: list[TaskInfo] = []
    for name, kind, metrics, checks in seen:
        tasks.append(
            replace(base.tasks[1], name=name, scorer=kind, scored=kind != "speed", separate=name.endswith("-control"))
        )
        for one in trials:
            second = usage if kind == "conversation" else Usage(prompt_tokens=400, cached_tokens=0)
            turns = (*one.turns, replace(one.turns[-1], usage=second)) if usage else one.turns
            made.append(replace(one, task=name, metrics=metrics, checks=checks or one.checks, turns=turns))
    return summarize(replace(base, tasks=tuple(tasks), trials=tuple(made), lanes=()))


def values_by_row(section: Section) -> dict[str, str]:
    """The first model's value by the name of the row."""
    return {row[0].text: row[1].text for table in section.tables for row in table.rows}


def a_pair(twin: str = "cannot-do-x-twin") -> Result:
    declined: dict[str, Json] = {"quadrant": "rightly_declined", "reason": "missing"}
    wrong: dict[str, Json] = {"quadrant": "wrong", "hard_coded": True, "tests_edited": False}
    return build_result([("cannot-do-x", "cannot_do", declined, ASKED), (twin, "cannot_do", wrong, ())])


def needles_of(short: float, long: float) -> Result:
    far: dict[str, Json] = {"recall": long, "precision": 1.0, "recall_by_depth": {"0.05": 1.0, "0.15": 0.0, "1.0": 1.0}}
    near: dict[str, Json] = {"recall": short, "precision": 0.5}
    return build_result([("long-needle-28k", "needle", far, ()), ("long-needle-short", "needle", near, ())])


def a_talk(usage: Usage | None = None, control: str = "chat-cold-control") -> Result:
    return build_result([(control, "speed", {}, ()), ("chat-cold-warm", "conversation", {}, ())], usage)


def test_a_pair_reports_both_halves_and_cheating() -> None:
    values = values_by_row(declines(a_pair()))
    assert values["unsolvable: correctly declined"] == "6/6 100%"
    assert values["unsolvable: wrong"] == "0/6 0%"
    assert values["solvable: wrong"] == "6/6 100%"
    assert values["solvable: solved"] == "0/6 0%"
    assert values["results hard-coded"] == "6/12 50%"
    assert values["tests edited"] == "0/12 0%"


def test_a_task_whose_twin_was_not_run_is_no_pair() -> None:
    assert declines(a_pair(twin="another")).tables == ()


def test_a_trial_with_an_error_stays_in_the_count_of_its_half() -> None:
    result = a_pair()
    first = next(at for at, one in enumerate(result.trials) if one.task == "cannot-do-x")
    broken = replace(result.trials[first], metrics={}, checks=())
    values = values_by_row(
        declines(replace(result, trials=(*result.trials[:first], broken, *result.trials[first + 1 :])))
    )
    assert values["unsolvable: correctly declined"] == "5/6 83%"
    assert values["unsolvable: no answer"] == "1/6 17%"


def _without_checks(result: Result, *tasks: str) -> Result:
    """The result with a server error in every trial of these tasks."""
    return replace(
        result,
        trials=tuple(
            replace(one, metrics={}, checks=(), outcome=Outcome.SERVER_ERROR) if one.task in tasks else one
            for one in result.trials
        ),
    )


@pytest.mark.parametrize(
    ("task", "unsolvable", "solvable"),
    [("cannot-do-x", "6/6 100%", "0/6 0%"), ("cannot-do-x-twin", "0/6 0%", "6/6 100%")],
)
def test_a_half_that_nobody_answered_stays_in_its_half(task: str, unsolvable: str, solvable: str) -> None:
    values = values_by_row(declines(_without_checks(a_pair(), task)))
    assert values["unsolvable: no answer"] == unsolvable
    assert values["solvable: no answer"] == solvable


def test_a_half_whose_answers_have_nothing_to_score_stays_in_its_half() -> None:
    result = a_pair()
    empty = tuple(
        replace(one, metrics={"quadrant": "wrong"}, checks=(Check("answer", False), *one.checks))
        if one.task == "cannot-do-x"
        else one
        for one in result.trials
    )
    assert values_by_row(declines(replace(result, trials=empty)))["unsolvable: wrong"] == "6/6 100%"


def test_a_pair_that_nobody_answered_is_named_and_not_counted() -> None:
    section = declines(_without_checks(a_pair(), "cannot-do-x", "cannot-do-x-twin"))
    assert section.tables == ()
    assert [note.split(".")[0] for note in section.notes] == ["Not counted: cannot-do-x"]


def test_a_needle_task_that_nobody_answered_has_found_nothing() -> None:
    values = values_by_row(needles(_without_checks(needles_of(short=1.0, long=1.0), "long-needle-28k")))
    assert values["long-needle-28k: recall"] == "0% (n 6)"
    assert values["long-needle-28k: relative recall"] == "0.00 x"
    assert "long-needle-28k: precision" not in values


def test_recall_on_a_long_text_is_relative_to_the_models_short_one() -> None:
    values = values_by_row(needles(needles_of(short=0.8, long=0.4)))
    assert values["long-needle-28k: recall"] == "40% (n 6)"
    assert values["long-needle-28k: precision"] == "100% (n 6)"
    assert values["long-needle-28k: relative recall"] == "0.5 x"
    assert values["long-needle-28k: prompt"] == "310 tok"
    assert "long-needle-short: relative recall" not in values


def test_there_is_no_relative_recall_without_any_recall_on_the_short_text() -> None:
    assert "long-needle-28k: relative recall" not in values_by_row(needles(needles_of(short=0.0, long=0.4)))


def test_recall_is_reported_by_fifth_of_the_text() -> None:
    values = values_by_row(needles(needles_of(short=1.0, long=0.4)))
    assert values["long-needle-28k: at 0 to 20%"] == "50% of 12"
    assert values["long-needle-28k: at 80 to 100%"] == "100% of 6"
    assert "long-needle-28k: at 20 to 40%" not in values


def test_a_needle_trial_without_an_answer_found_nothing() -> None:
    result = needles_of(short=1.0, long=1.0)
    first = next(at for at, one in enumerate(result.trials) if one.task == "long-needle-28k" and one.trial == 0)
    silent = replace(result.trials[first], metrics={})
    values = values_by_row(
        needles(replace(result, trials=(*result.trials[:first], silent, *result.trials[first + 1 :])))
    )
    assert values["long-needle-28k: recall"] == "83% (n 6)"
    assert values["long-needle-28k: precision"] == "100% (n 5)"


def test_a_turn_is_compared_with_the_same_turn_cold_and_its_cached_share() -> None:
    values = values_by_row(conversations(a_talk(Usage(prompt_tokens=400, completion_tokens=40, cached_tokens=300))))
    assert values["chat-cold-warm, turn 2: cached share of the prompt"] == "75% n=6"
    assert values["chat-cold-warm, turn 2: TTFT"].endswith("n=6")
    assert values["chat-cold-warm, turn 2: TTFT cold"].endswith("n=6")


def test_a_server_without_cache_figures_has_no_cached_share() -> None:
    values = values_by_row(conversations(a_talk(Usage(prompt_tokens=400, completion_tokens=40))))
    assert "chat-cold-warm, turn 2: cached share of the prompt" not in values


def test_the_control_of_another_conversation_is_not_used() -> None:
    assert "chat-cold-warm, turn 2: TTFT cold" not in values_by_row(
        conversations(a_talk(Usage(prompt_tokens=400), "chat-ten-control"))
    )


@pytest.mark.parametrize("odd", [None, "x", [], {}, [1], {"a": "b"}, {"nan": 1}, {"0.5": "x"}, True, -1])
def test_facts_of_an_untrusted_file_may_have_any_type(odd: Json) -> None:
    metrics = dict.fromkeys(("recall", "precision", "recall_by_depth", "quadrant", "hard_coded"), odd)
    result = build_result(
        [("x", "cannot_do", metrics, ()), ("x-twin", "cannot_do", metrics, ()), ("n-1", "needle", metrics, ())]
    )
    assert declines(result).tables
    assert needles(result).title


def test_a_run_without_such_tasks_has_none_of_the_sections() -> None:
    text = render_text(example())
    assert all(not make(example()).lead for make in (declines, needles, conversations))
    assert "Unsolvable tasks" not in text


@pytest.mark.parametrize("render", [render_text, render_github, render_html])
def test_every_report_has_the_sections(render: Callable[[Result], str]) -> None:
    assert "Unsolvable tasks" in render(a_pair())
    assert "Retrieval from long texts" in render(needles_of(1.0, 0.5))
    assert "Conversations by turn" in render(a_talk())


def test_real_bugs_state_what_was_applied_and_fixed_and_the_gap_to_the_twins() -> None:
    applied: dict[str, Json] = {"applied": True}
    broke = (Check("applied", True), Check("fixed/a", True), Check("still/b", False))
    wrong = (Check("applied", True), Check("fixed/a", True), Check("fixed/1", False))
    refused = (Check("applied", False), Check("fixed/a", False))
    result = build_result(
        [
            ("bug-x", "repository", applied, broke),
            ("bug-x-twin", "repository", applied, wrong),
            ("mined-1", "repository", {"applied": False}, refused),
        ]
    )
    n = sum(trial.task == "bug-x" and trial.model == result.models[0].label for trial in result.trials)
    values = values_by_row(real_bugs(result))
    assert values["bugs: edits applied"] == values["twins: edits applied"] == f"{n}/{n} 100%"
    assert values["bugs: fixed"] == f"{n}/{n} 100%"
    assert values["twins: fixed"] == f"0/{n} 0%"
    assert values["gap: fixed bugs less fixed twins"] == "+100 points"


def test_the_gap_of_several_pairs_has_an_interval_for_each_form_in_which_they_were_asked() -> None:
    fixed = (Check("applied", True), Check("fixed/a", True))
    wrong = (Check("applied", True), Check("fixed/a", False))
    work = (Check("fixed/a", True),)
    seen: list[Seen] = []
    for kind, ending, checks in (("repository", "", fixed), ("tools", "-tools", wrong), ("agent", "-agent", work)):
        for number in range(6):
            name, files = f"bug-{number}{ending}", {"files_changed": ["a.py"]}
            seen += [(name, kind, files, checks), (f"{name}-twin", kind, files, fixed if number == 0 else wrong)]
    result = build_result(seen)
    section = real_bugs(result)
    given, tools, agent = ({row[0].text: row[1].text for row in table.rows} for table in section.tables)
    # Five of six pairs differ by 100 points: Student's t on them, cut off at 100.
    assert given["gap: fixed bugs less fixed twins"] == "+83 points (+40 to +100, 6 pairs)"
    assert tools["gap: fixed bugs less fixed twins"] == "-17 points (-60 to +26, 6 pairs)"
    assert agent["bugs: edits applied"] == agent["bugs: fixed"]
    assert [table.title for table in section.tables] == [
        "Given the files that matter",
        "Finding them with tools",
        "As an agent's work",
    ]
    by_scorer = {gap.scorer: gap for gap in result.twin_gaps if gap.model == result.models[0].label}
    assert by_scorer["repository"].verdict == "can't tell"
    assert by_scorer["tools"].low == pytest.approx(-0.595, abs=0.001)
    assert by_scorer["tools"].pairs == 6


def test_a_bug_without_trials_of_its_twin_has_counts_and_no_gap() -> None:
    fixed = (Check("applied", True), Check("fixed/a", True))
    both = build_result([("bug-x", "repository", {}, fixed), ("bug-x-twin", "repository", {}, fixed)])
    result = summarize(replace(both, trials=tuple(trial for trial in both.trials if trial.task == "bug-x")))
    assert {(gap.pairs, gap.gap, gap.twins) for gap in result.twin_gaps} == {(0, None, 0)}
    values = values_by_row(real_bugs(result))
    assert "gap: fixed bugs less fixed twins" not in values
    assert values["bugs: fixed"].endswith("100%")


def test_without_a_pair_of_a_bug_and_its_twin_there_is_no_such_section() -> None:
    result = build_result([("mined-1", "repository", {"applied": True}, (Check("fixed/1", True),))])
    assert real_bugs(result) == Section("real-bugs", "", "")
