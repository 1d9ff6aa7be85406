"""The report on one screen: at most 30 lines of 80 columns, whatever the result holds, and the answer first."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli.page import closing_of
from harness.report import (
    MAX_LINES,
    WIDTH,
    display_width,
    fit,
    format_pass_rate,
    lane_answers,
    render_brief,
    render_brief_lanes,
)
from harness.report.brief import ANSWER_CHANGING
from harness.report.compact import cut, wrap_display
from harness.report.correctness import glance
from harness.summarize import design_of, summarize, warnings
from harness.types import Lane, LaneLook, Look, Outcome, PassRate, Result, SkippedTask
from tests.example import LANE, example_result, grown_result

CLOSING = (
    "page   results/r/report.html",
    "check  lanebench verify results/r",
    "next   lanebench report results/r --full",
)
BUILT_IN = ("daily coding", "agent work", "writing", "long context")


def _with_models(result: Result, labels: Sequence[str]) -> Result:
    """The result with as many models, copies of the second one."""
    first, second = result.models
    trials = [trial for trial in result.trials if trial.model == second.label]
    return summarize(
        replace(
            result,
            models=tuple(replace(second if at else first, label=label) for at, label in enumerate(labels)),
            trials=tuple(
                replace(trial, model=label)
                for at, label in enumerate(labels)
                for trial in (trials if at else [each for each in result.trials if each.model == first.label])
            ),
        )
    )


def _lanes(result: Result, names: Sequence[str]) -> Result:
    return summarize(replace(result, lanes=tuple(replace(LANE, name=name, override=None) for name in names)))


def _fits(text: str) -> bool:
    lines = text.rstrip("\n").split("\n")
    return len(lines) <= MAX_LINES and all(display_width(line) <= WIDTH for line in lines)


@pytest.mark.parametrize("count", [1, 2, 4, 12, 20])
@pytest.mark.parametrize("prefix", ["m", "qwen3-coder-480b-a35b-instruct-mlx-8bit-long-name-of-a-model-x"])
def test_every_result_fits_one_screen(count: int, prefix: str) -> None:
    labels = [f"{prefix}{at}"[-64:] for at in range(count)]
    result = _lanes(_with_models(grown_result(6, {"code-refactor": 3}), labels), BUILT_IN)
    brief = render_brief(result, CLOSING)
    assert _fits(brief)
    assert _fits(render_brief_lanes(result, CLOSING))
    assert "Daily coding:" in brief
    assert all(brief.count(line.split()[0]) for line in CLOSING)
    assert count > 12 or all(label[:8] in brief for label in labels)


def test_many_lanes_with_long_wide_names_fit_and_the_rest_are_counted() -> None:
    names = [f"{'模型' * 15} {at}" for at in range(50)]
    brief = render_brief(_lanes(grown_result(6, {}), names), CLOSING)
    assert _fits(brief)
    assert "more lanes" in brief


def test_a_run_in_which_everything_was_skipped_says_what_would_change_that() -> None:
    result = example_result()
    skipped = tuple(SkippedTask(task.name, 40_960, 8_192) for task in result.tasks)
    models = tuple(replace(model, skipped=skipped, context_setting="-c") for model in result.models)
    brief = render_brief(summarize(replace(result, models=models, trials=(), lanes=(LANE,))), CLOSING)
    assert _fits(brief)
    assert "skipped 3 tasks, which need up to 40,960 tokens of context" in " ".join(brief.split())
    assert "8,192 (-c)" in " ".join(brief.split())


def test_a_simulated_run_says_so_before_its_answers() -> None:
    result = example_result()
    brief = render_brief(summarize(replace(result, run=replace(result.run, simulated=True))), CLOSING)
    assert brief.startswith("SIMULATED")


def test_the_answer_states_counts_and_the_difference_in_points_with_its_interval() -> None:
    result = grown_result(10, {"code-refactor": 8, "code-bugfix": 4})
    lane = Lane("daily coding", {"code-bugfix": 1.0, "code-refactor": 1.0})
    (answer,) = lane_answers(summarize(replace(result, lanes=(lane,))))
    assert answer.state == "decided"
    assert answer.text.startswith("Daily coding: steady. It solved 20 of 20, hasty 8 of 20: better by 60 points (")


def test_an_undecided_lane_says_how_many_more_trials_a_task_would_decide() -> None:
    result = grown_result(6, {"code-refactor": 2})
    lane = Lane("daily coding", {"code-bugfix": 1.0, "code-refactor": 1.0})
    summarized = summarize(replace(result, lanes=(lane,)))
    (answer,), (found,) = lane_answers(summarized), summarized.recommendations
    assert answer.state == "undecided"
    needed = found.margins[0].trials_to_decide
    assert needed is not None
    assert f"{needed - 6} more trials a task would" in answer.text


def test_a_run_whose_time_ended_says_what_it_leaves_open_and_how_long_that_would_take() -> None:
    result = grown_result(6, {"code-refactor": 2})
    lane = Lane("daily coding", {"code-bugfix": 1.0, "code-refactor": 1.0})
    both = LaneLook(lane.name, tuple(model.label for model in result.models), decided=False)
    run = replace(
        result.run,
        trials=200,
        design=design_of((200,), 600.0, (lane,), len(result.models)),
        looks=(Look(6, (both,), "budget", 600.0),),
    )
    summarized = summarize(replace(result, run=run, lanes=(lane,)))
    (answer,), (found,) = lane_answers(summarized), summarized.recommendations
    needed = found.margins[0].trials_to_decide
    assert needed is not None
    assert f"{needed - 6} more trials a task would" in answer.text
    minutes = round(100 * (needed - 6) / 60)
    assert "6 of at most 200 trials a task were run when the time was used, with 2 models in question." in answer.text
    assert f"About {minutes} more minutes of recording would decide it." in answer.text


def test_fewer_than_six_trials_are_counted_and_have_no_interval() -> None:
    result = grown_result(3, {"code-refactor": 2})
    (answer,) = lane_answers(summarize(replace(result, lanes=(Lane("agents", {"code-refactor": 1.0}),))))
    assert "3 of 3" in answer.text
    assert " to " not in answer.text


def test_a_model_that_a_demand_rules_out_is_named_with_the_demand_and_how_fast_it_is() -> None:
    result = grown_result(10, {"code-refactor": 10, "code-bugfix": 10})
    lane = Lane("daily coding", {"code-bugfix": 1.0, "code-refactor": 1.0}, min_pass_rate=0.7)
    (answer,) = lane_answers(summarize(replace(result, lanes=(lane,))))
    assert answer.model == "steady"
    assert re.search(r"Ruled out by the demanded 70 %: .* \(solved 0 of 20; .* times as fast\)", answer.text)


def test_where_nothing_is_solved_no_model_is_recommended() -> None:
    result = grown_result(10, {"code-refactor": 10, "code-bugfix": 10})
    lane = Lane("daily coding", {"code-refactor": 1.0}, min_pass_rate=0.7)
    models = result.models[1:]
    (answer,) = lane_answers(summarize(replace(result, models=models, lanes=(lane,))))
    assert (answer.state, answer.model) == ("none", None)


def test_a_lane_without_a_task_in_the_suite_says_so() -> None:
    result = summarize(replace(example_result(), lanes=(LANE, Lane("writing", {}))))
    assert [answer.state for answer in lane_answers(result)][1] == "no_task"
    assert "No task of this suite belongs to: writing." in render_brief(result)
    assert _fits(render_brief(result))


def test_a_wide_character_takes_two_columns_and_a_long_word_is_broken() -> None:
    assert display_width("模型e\u0301") == 5
    assert all(display_width(line) <= 10 for line in wrap_display("模型" * 20, 10))
    assert cut("模型模型", 5) == "模型…"
    assert len(fit(["word " * 100] * 3, 5, "lanes")) == 5


def test_warnings_that_change_the_answer_are_those_that_the_kit_has() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in Path(warnings.__file__).parent.glob("*.py"))
    assert {code for code in ANSWER_CHANGING if f'"{code}"' not in source} == set()


def test_fewer_than_six_trials_are_counted_and_carry_no_interval() -> None:
    assert format_pass_rate(PassRate(3, 3, 3, 1.0, 0.44, 1.0)) == "3 of 3"
    assert format_pass_rate(PassRate(6, 6, 6, 1.0, 0.61, 1.0)) == "6/6 100% [61, 100]"


def test_a_model_that_lacks_trials_is_named_before_those_with_failed_ones_and_the_run_can_go_on(tmp_path: Path) -> None:
    whole = grown_result(4, {})
    ended = replace(whole.trials[-1], outcome=Outcome.TRUNCATED_OUT, model="steady", task="code-bugfix")
    kept = [trial for trial in whole.trials if trial.model != "hasty" or trial.trial < 2]
    trials = (ended if (t.model, t.task, t.trial) == ("steady", "code-bugfix", ended.trial) else t for t in kept)
    result = summarize(replace(whole, trials=tuple(trials)))
    brief = render_brief(result, CLOSING)
    assert brief.index("hasty: ran ") < brief.index("steady: 1 trial ended with truncated_out")
    assert closing_of(result, tmp_path)[-1].startswith("next   every table: ")
    (tmp_path / "run.json").touch()
    assert closing_of(result, tmp_path)[-1].startswith("next   record what is missing: ")
    assert f"bench --resume {tmp_path}; every table: " in closing_of(result, tmp_path)[-1]


def test_an_undecided_run_whose_time_was_used_is_told_to_take_more_time(tmp_path: Path) -> None:
    result = grown_result(6, {"code-refactor": 2})
    lane = Lane("daily coding", {"code-bugfix": 1.0, "code-refactor": 1.0})
    undecided = summarize(replace(result, lanes=(lane,)))
    assert "more trials (--trials)" in closing_of(undecided, tmp_path)[-1]
    ended = replace(undecided, run=replace(undecided.run, looks=(Look(6, (), "budget", 60.0),)))
    assert "more time (--budget)" in closing_of(ended, tmp_path)[-1]


def test_the_screen_and_the_full_tables_have_one_name_for_a_quantity() -> None:
    result = example_result()
    screen = next(line for line in render_brief(result).splitlines() if line.startswith("model ")).split()
    headers = glance(result).tables[0].headers
    assert {"solved", "time"} <= set(screen)
    assert {"solved", "time"} <= set(headers)
