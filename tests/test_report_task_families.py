"""The sections on what some tasks were made for, on the example's trials under other names."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache

import pytest

from harness.report import render_github, render_html, render_text
from harness.report.elements import Section
from harness.report.task_families import conversations, declines, needles
from harness.summarize import summarize
from harness.types import Check, Json, Result, TaskInfo, TrialResult, Usage
from tests.example import example_result

ASKED = (Check("declined", False), Check("reason", False))
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
    for name, kind, facts, checks in seen:
        tasks.append(
            replace(base.tasks[1], name=name, scorer=kind, scored=kind != "speed", separate=name.endswith("-control"))
        )
        for one in trials:
            second = usage if kind == "conversation" else Usage(prompt_tokens=400, cached_tokens=0)
            turns = (*one.turns, replace(one.turns[-1], usage=second)) if usage else one.turns
            made.append(replace(one, task=name, facts=facts, checks=checks or one.checks, turns=turns))
    return summarize(replace(base, tasks=tuple(tasks), trials=tuple(made), lanes=()))


def told(section: Section) -> dict[str, str]:
    """The first model's words by the line's name."""
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


def test_a_pair_tells_both_halves_and_what_was_cheated() -> None:
    lines = told(declines(a_pair()))
    assert lines["unsolvable: correctly declined"] == "6/6 100%"
    assert lines["unsolvable: wrong"] == "0/6 0%"
    assert lines["solvable: wrong"] == "6/6 100%"
    assert lines["solvable: solved"] == "0/6 0%"
    assert lines["results hard-coded"] == "6/12 50%"
    assert lines["tests edited"] == "0/12 0%"


def test_a_task_whose_twin_was_not_run_is_no_pair() -> None:
    assert declines(a_pair(twin="another")).tables == ()


def test_a_trial_that_met_an_error_stays_in_the_count_of_its_half() -> None:
    result = a_pair()
    first = next(at for at, one in enumerate(result.trials) if one.task == "cannot-do-x")
    broken = replace(result.trials[first], facts={}, checks=())
    lines = told(declines(replace(result, trials=(*result.trials[:first], broken, *result.trials[first + 1 :]))))
    assert lines["unsolvable: correctly declined"] == "5/6 83%"
    assert lines["unsolvable: no answer"] == "1/6 17%"


def test_a_long_text_is_held_against_the_models_own_short_one() -> None:
    lines = told(needles(needles_of(short=0.8, long=0.4)))
    assert lines["long-needle-28k: recall"] == "40% (n 6)"
    assert lines["long-needle-28k: precision"] == "100% (n 6)"
    assert lines["long-needle-28k: relative recall"] == "0.5 x"
    assert lines["long-needle-28k: prompt"] == "310 tok"
    assert "long-needle-short: relative recall" not in lines


def test_nothing_is_told_relative_to_a_short_text_of_which_nothing_was_found() -> None:
    assert "long-needle-28k: relative recall" not in told(needles(needles_of(short=0.0, long=0.4)))


def test_recall_stands_by_the_fifth_of_the_text() -> None:
    lines = told(needles(needles_of(short=1.0, long=0.4)))
    assert lines["long-needle-28k: at 0 to 20%"] == "50% of 12"
    assert lines["long-needle-28k: at 80 to 100%"] == "100% of 6"
    assert "long-needle-28k: at 20 to 40%" not in lines


def test_a_needle_trial_without_an_answer_found_nothing() -> None:
    result = needles_of(short=1.0, long=1.0)
    first = next(at for at, one in enumerate(result.trials) if one.task == "long-needle-28k" and one.trial == 0)
    silent = replace(result.trials[first], facts={})
    lines = told(needles(replace(result, trials=(*result.trials[:first], silent, *result.trials[first + 1 :]))))
    assert lines["long-needle-28k: recall"] == "83% (n 6)"
    assert lines["long-needle-28k: precision"] == "100% (n 5)"


def test_a_turn_stands_beside_the_same_turn_cold_with_what_was_cached() -> None:
    lines = told(conversations(a_talk(Usage(prompt_tokens=400, completion_tokens=40, cached_tokens=300))))
    assert lines["chat-cold-warm, turn 2: cached share of the prompt"] == "75% n=6"
    assert lines["chat-cold-warm, turn 2: TTFT"].endswith("n=6")
    assert lines["chat-cold-warm, turn 2: TTFT cold"].endswith("n=6")


def test_a_server_that_tells_nothing_of_its_cache_gets_no_share() -> None:
    lines = told(conversations(a_talk(Usage(prompt_tokens=400, completion_tokens=40))))
    assert "chat-cold-warm, turn 2: cached share of the prompt" not in lines


def test_the_control_of_another_conversation_is_not_taken() -> None:
    assert "chat-cold-warm, turn 2: TTFT cold" not in told(
        conversations(a_talk(Usage(prompt_tokens=400), "chat-ten-control"))
    )


@pytest.mark.parametrize("odd", [None, "x", [], {}, [1], {"a": "b"}, {"nan": 1}, {"0.5": "x"}, True, -1])
def test_facts_of_a_foreign_file_may_be_anything(odd: Json) -> None:
    facts = dict.fromkeys(("recall", "precision", "recall_by_depth", "quadrant", "hard_coded"), odd)
    result = build_result(
        [("x", "cannot_do", facts, ()), ("x-twin", "cannot_do", facts, ()), ("n-1", "needle", facts, ())]
    )
    assert declines(result).tables
    assert needles(result).title


def test_a_run_without_such_tasks_has_none_of_the_sections() -> None:
    text = render_text(example())
    assert all(not make(example()).lead for make in (declines, needles, conversations))
    assert "Unsolvable tasks" not in text


@pytest.mark.parametrize("render", [render_text, render_github, render_html])
def test_every_report_holds_the_sections(render: Callable[[Result], str]) -> None:
    assert "Unsolvable tasks" in render(a_pair())
    assert "Retrieval from long texts" in render(needles_of(1.0, 0.5))
    assert "Conversations by turn" in render(a_talk())
