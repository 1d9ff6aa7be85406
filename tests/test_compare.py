"""Comparison of runs with a baseline: comparability, verdicts, lanes, and the command."""

import math
import random
import re
from collections.abc import Mapping
from dataclasses import astuple, replace
from typing import Any

import pytest

from harness.compare import ModelPair, QuantityComparison, RunComparison, compare, render_brief_comparisons
from harness.compare.answers import pair_answer
from harness.compare.differences import run_differences
from harness.compare.lanes import lane_changes
from harness.compare.levels import format_level
from harness.compare.sections import sections_of
from harness.errors import RunError
from harness.report.markdown import render_markdown_sections as as_markdown
from harness.report.terminal import render_text_sections as as_text
from harness.summarize import design_of, summarize
from harness.types import Lane, LaneLook, Look, Result, TrialResult, TurnResult
from tests.example import contenders, example_result, grown_result

LANE = Lane("daily coding", {"code-bugfix": 1.0, "code-refactor": 1.0}, min_pass_rate=0.6)


def _compare(baseline: Result, other: Result, **more: Any) -> RunComparison:
    return compare(("a", baseline), ("b", other), **more)


def _pair(compared: RunComparison, label: str) -> ModelPair:
    return next(one for one in compared.pairs if one.other == label)


def _verdicts(quantities: tuple[QuantityComparison, ...]) -> Mapping[str, str]:
    return {one.name: one.verdict for one in quantities}


def _paced(result: Result, model: str, times: float) -> Result:
    """The same trials with another decode rate, and so other times, a little apart from each other."""

    def paced(trial: TrialResult) -> TrialResult:
        if trial.model != model:
            return trial
        own = times * (1 + 0.004 * (trial.trial % 5))
        turns = []
        for turn in trial.turns:
            old = turn.timings
            rate = old.decode_tps and old.decode_tps * own
            turns.append(replace(turn, timings=replace(old, decode_tps=rate, e2e_s=old.e2e_s and old.e2e_s / own)))
        return replace(trial, turns=tuple(turns))

    return summarize(replace(result, trials=tuple(map(paced, result.trials))))


def test_a_task_that_lacks_trials_is_not_compared_and_named() -> None:
    whole = example_result()
    kept = tuple(one for one in whole.trials if (one.model, one.trial) != ("steady", 5) or one.task == "speed-small")
    compared = _compare(whole, summarize(replace(whole, trials=kept)))
    assert [cell.task for cell in _pair(compared, "steady").cells] == ["speed-small"]
    assert len(_pair(compared, "hasty").cells) == 3
    note = "excluded, because the other run lacks trials of them: steady on code-bugfix, steady on code-refactor"
    assert note in compared.notes


def test_a_run_against_itself_differs_in_nothing() -> None:
    result = example_result()
    compared = _compare(result, result)
    assert compared.differences == ()
    for pair in compared.pairs:
        assert pair.differences == ()
        assert pair.regressed.passed == 0
        assert set(_verdicts(pair.overall).values()) <= {"can't tell", "equivalent"}
        assert all(one.estimate == (1.0 if one.is_ratio else 0.0) for one in pair.overall)
    assert not compared.is_worse


def test_a_task_that_fails_now_is_worse_overall_and_in_its_cell_alone() -> None:
    compared = _compare(grown_result(10, {"code-refactor": 1}), grown_result(10, {"code-refactor": 9}))
    pair = _pair(compared, "hasty")
    assert _verdicts(pair.overall)["pass rate on these tasks"] == "worse"
    assert _verdicts(pair.overall)["pass rate on tasks like these"] == "can't tell"
    verdicts = {cell.task: _verdicts(cell.quantities).get("pass rate on these tasks") for cell in pair.cells}
    assert verdicts == {"speed-small": None, "code-bugfix": "can't tell", "code-refactor": "worse"}
    cell = next(cell for cell in pair.cells if cell.task == "code-refactor")
    assert (cell.regressed.passed, cell.regressed.n) == (8, 10)
    assert compared.is_worse
    assert _verdicts(_pair(compared, "steady").overall)["pass rate on these tasks"] == "can't tell"


def test_the_other_way_round_it_is_better_and_nothing_is_worse() -> None:
    compared = _compare(grown_result(10, {"code-refactor": 9}), grown_result(10, {"code-refactor": 1}))
    assert _verdicts(_pair(compared, "hasty").overall)["pass rate on these tasks"] == "better"
    assert not compared.is_worse


def test_one_cell_of_many_is_corrected_for_their_number() -> None:
    """Six failures all one way are p = 0.031 alone, and 0.063 when two cells were looked at."""
    compared = _compare(grown_result(10, {}), grown_result(10, {"code-refactor": 6}))
    (cell,) = (cell for cell in _pair(compared, "hasty").cells if cell.task == "code-refactor")
    assert _verdicts(cell.quantities)["pass rate on these tasks"] == "can't tell"


def test_pass_rates_over_all_tasks_are_corrected_for_the_pairs_of_models() -> None:
    """Six failures all one way are p = 0.031 for one pair of models, and 0.063 where two were compared."""
    before, after = grown_result(10, {}), grown_result(10, {"code-refactor": 6})
    alone = _compare(before, after, pairs=[("hasty", "hasty")])
    assert _verdicts(_pair(alone, "hasty").overall)["pass rate on these tasks"] == "worse"
    both = _compare(before, after)
    assert _verdicts(_pair(both, "hasty").overall)["pass rate on these tasks"] == "can't tell"
    assert not both.is_worse
    p = {pair.other: pair.overall[0].p for pair in both.pairs}
    assert p == {"steady": 1.0, "hasty": pytest.approx(0.0625)}


def test_tasks_are_corrected_over_all_pairs_of_models() -> None:
    """Seven failures all one way are p = 0.016, and 0.063 among two tasks of two pairs."""
    before, after = grown_result(10, {}), grown_result(10, {"code-refactor": 7})
    verdicts = [
        _verdicts(cell.quantities)["pass rate on these tasks"]
        for pairs in ([("hasty", "hasty")], [("steady", "steady"), ("hasty", "hasty")])
        for pair in _compare(before, after, pairs=pairs).pairs
        for cell in pair.cells
        if (pair.other, cell.task) == ("hasty", "code-refactor")
    ]
    assert verdicts == ["worse", "can't tell"]


def _noisy(result: Result, draw: random.Random) -> Result:
    """The same trials with times that vary by a fifth and have no other cause."""

    def noisy(turn: TurnResult) -> TurnResult:
        rate, ttft, e2e = (100 * math.exp(draw.gauss(0, 0.2)) for _ in range(3))
        return replace(turn, timings=replace(turn.timings, decode_tps=rate, ttft_s=ttft, e2e_s=e2e))

    trials = (replace(trial, turns=tuple(map(noisy, trial.turns))) for trial in result.trials)
    return replace(result, trials=tuple(trials))


def test_equal_models_are_rarely_called_faster_or_slower() -> None:
    """Two models, three tasks, three speeds: uncorrected, every third comparison had a false verdict."""
    base, draw = grown_result(5, {}), random.Random(7)
    found = [_compare(_noisy(base, draw), _noisy(base, draw)) for _ in range(60)]
    verdicts = [
        {each.verdict for pair in compared.pairs for each in _all_quantities(pair) if each.is_ratio}
        for compared in found
    ]
    assert sum(not one.isdisjoint(("better", "worse")) for one in verdicts) <= 3


def _all_quantities(pair: ModelPair) -> tuple[QuantityComparison, ...]:
    return (*pair.overall, *(quantity for cell in pair.cells for quantity in cell.quantities))


def _sequential(result: Result) -> Result:
    """The result as that of a run that was looked at after each trial."""
    labels = tuple(model.label for model in result.models)
    design = design_of(tuple(range(1, 11)), None, (LANE,), len(labels))
    lanes = (LaneLook(LANE.name, labels, decided=False),)
    looks = tuple(Look(trials, lanes, "cap" if trials == 10 else None, 60.0 * trials) for trials in range(1, 11))
    return summarize(replace(result, lanes=(LANE,), run=replace(result.run, design=design, looks=looks)))


@pytest.mark.parametrize(("fails", "verdict"), [(7, "can't tell"), (9, "better")])
def test_two_models_of_a_sequential_run_are_compared_as_the_run_does(fails: int, verdict: str) -> None:
    """Seven trials that only one of them passed are p = 0.016, of which ten looks leave 0.07."""
    result = _sequential(grown_result(10, {"code-refactor": fails}))
    compared = _compare(result, result, pairs=[("hasty", "steady")])
    rate = compared.pairs[0].overall[0]
    (of_run,) = (each for each in result.comparisons if each.estimand == "exactly_these_tasks")
    assert rate.verdict == verdict
    assert of_run.verdict == {"better": "worse"}.get(verdict, verdict)
    assert rate.p == pytest.approx(of_run.p_holm)
    assert [rate.low, rate.high] == pytest.approx([-(of_run.high or 0), -(of_run.low or 0)])
    (note,) = (note for note in compared.notes if "sequential" in note)
    assert note.startswith("the run is sequential, with at most 10 looks")
    assert "98.9" in note


@pytest.mark.parametrize(
    ("fails", "verdict"), [({"a": 3, "b": 0, "c": 0}, "can't tell"), ({"a": 3, "b": 8, "c": 8}, "worse")]
)
def test_a_pair_that_holm_withdraws_says_what_would_decide_and_no_other_does(
    fails: dict[str, int], verdict: str
) -> None:
    compared = _compare(contenders(8, dict.fromkeys(fails, 0)), contenders(8, fails))
    rate = _pair(compared, "a").overall[0]
    assert rate.verdict == verdict
    assert rate.p == pytest.approx(0.03125 if verdict == "worse" else 3 * 0.03125)
    assert (rate.trials_to_decide is None) == (verdict == "worse")


def test_of_two_runs_the_stricter_level_counts() -> None:
    fixed, looked_at = grown_result(10, {"code-refactor": 7}), _sequential(grown_result(10, {}))
    for baseline, other in ((fixed, looked_at), (looked_at, fixed)):
        other = replace(other, run=replace(other.run, id="later"))
        compared = _compare(baseline, other, pairs=[("hasty", "hasty")])
        assert compared.pairs[0].overall[0].verdict == "can't tell"
        assert compared.levels.pass_rates == pytest.approx(0.989, abs=0.001)
    assert _compare(fixed, grown_result(10, {}), pairs=[("hasty", "hasty")]).pairs[0].overall[0].verdict == "better"


def test_the_levels_stand_where_the_tables_are_printed() -> None:
    """Two pairs of two models, three tasks each: 2.5 % for 6 speeds over all tasks, for 18 by task, and for a pair."""
    compared = _compare(grown_result(10, {}), grown_result(10, {"code-refactor": 6}))
    assert astuple(compared.levels) == pytest.approx((0.95, 1 - 0.025 / 6, 1 - 0.025 / 18, 0.975))
    full, brief = as_text("compared", sections_of(compared)), render_brief_comparisons([compared])
    assert "Speed by task, intervals at 99.86 %" in full
    assert "Pass rate by task, intervals at 95 %, verdicts corrected by Holm" in full
    assert "99.58 %" in full.split("Overall")[1].split("Pass rate by task")[0]
    assert "speeds for all of them, over all tasks and by task (Bonferroni)" in " ".join(full.split())
    assert "Intervals: points 95 %, times 99.58 %; verdicts corrected for their number" in brief


@pytest.mark.parametrize(
    ("level", "text"), [(0.95, "95 %"), (0.9, "90 %"), (1 - 0.05 / 6, "99.17 %"), (1 - 4e-5, "99.996 %")]
)
def test_a_level_is_written_with_two_digits_of_its_error(level: float, text: str) -> None:
    assert format_level(level) == text


@pytest.mark.parametrize(
    ("times", "verdict"), [(0.8, "worse"), (1.25, "better"), (1.01, "equivalent"), (1.06, "better")]
)
def test_speeds_are_judged_by_the_equivalence_margin(times: float, verdict: str) -> None:
    base = grown_result(10, {})
    compared = _compare(_paced(base, "steady", 1.0), _paced(base, "steady", times))
    verdicts = _verdicts(_pair(compared, "steady").overall)
    assert verdicts["decode rate"] == verdict
    assert verdicts["E2E latency"] == verdict
    assert verdicts["TTFT"] == "equivalent"
    assert compared.is_worse is (verdict == "worse")


def test_differing_facts_are_listed() -> None:
    base = example_result()
    model = replace(
        base.models[0],
        server_version="b7000",
        thinking="on",
        served_context_tokens=8192,
        sampling=replace(base.models[0].sampling, temperature=0.7),
        facts={**base.models[0].facts, "quantization": "Q8_0"},
    )
    other = summarize(
        replace(base, models=(model, base.models[1]), host=replace(base.host, power_source="Battery Power"))
    )
    compared = _compare(base, other)
    assert [(one.name, one.baseline, one.other) for one in compared.differences] == [
        ("power", "AC Power", "Battery Power")
    ]
    assert [one.name for one in _pair(compared, "steady").differences] == [
        "server version",
        "thinking",
        "context served",
        "temperature",
        "quantization",
    ]
    assert _pair(compared, "hasty").differences == ()


def test_another_agent_is_a_difference() -> None:
    base = example_result()

    def with_agent(agent: str | None, version: str | None) -> Result:
        return replace(base, models=(replace(base.models[0], agent=agent, agent_version=version), base.models[1]))

    def told(first: Result, second: Result) -> list[tuple[str, str, str]]:
        found = _pair(_compare(first, second), "steady").differences
        return [(one.name, one.baseline, one.other) for one in found]

    pi, newer, codex = with_agent("pi", "0.73"), with_agent("pi", "0.74"), with_agent("codex", "0.73")
    assert told(base, pi) == [("agent", "none", "pi"), ("agent version", "none", "0.73")]
    assert told(pi, newer) == [("agent version", "0.73", "0.74")]
    assert told(pi, codex) == [("agent", "pi", "codex")]


def test_incomparable_runs_are_refused_with_every_reason() -> None:
    base = example_result()
    tasks = tuple(replace(task, sha256="0" * 64) for task in base.tasks)
    other = replace(base, tasks=tasks, kit=replace(base.kit, version="1.2.0"), run=replace(base.run, simulated=True))
    with pytest.raises(RunError) as caught:
        _compare(base, other)
    assert [fault.split(": ", 1)[1][:30] for fault in [one.message for one in caught.value.problems]] == [
        "different major versions of La",
        "one of them is simulated by th",
        "no task has the same name and ",
    ]


def test_changed_and_unshared_tasks_are_excluded_and_listed() -> None:
    base = example_result()
    tasks = (base.tasks[0], replace(base.tasks[1], sha256="0" * 64), replace(base.tasks[2], name="code-other"))
    trials = tuple(
        replace(trial, task="code-other") if trial.task == "code-refactor" else trial for trial in base.trials
    )
    compared = _compare(base, summarize(replace(base, tasks=tasks, trials=trials)))
    assert [cell.task for cell in compared.pairs[0].cells] == ["speed-small"]
    assert compared.notes[0] == "excluded 1 task that changed between the runs: code-bugfix"
    assert compared.notes[1] == "excluded 2 tasks of one run only: code-other, code-refactor"


def test_only_models_that_did_not_take_turns_are_said_to_have_had_their_trials_in_one_piece() -> None:
    base = example_result()
    in_turns = replace(base, run=replace(base.run, passes=2))
    pairs = [(base.models[0].label, base.models[1].label)]
    said = [
        any("in one piece" in note for note in compare(("a", run), ("a", run), pairs).notes) for run in (base, in_turns)
    ]
    assert said == [True, False]


def _renamed(result: Result, names: Mapping[str, str]) -> Result:
    models = tuple(replace(one, label=names[one.label]) for one in result.models if one.label in names)
    trials = tuple(replace(t, model=names[t.model]) for t in result.trials if t.model in names)
    return summarize(replace(result, models=models, trials=trials))


def test_models_are_paired_by_label_by_being_the_only_ones_or_by_name() -> None:
    base = example_result()
    alone = _renamed(base, {"steady": "steady-q8"})
    assert [(one.baseline, one.other) for one in _compare(_renamed(base, {"hasty": "hasty"}), alone).pairs] == [
        ("hasty", "steady-q8")
    ]
    both = _renamed(base, {"steady": "new", "hasty": "newer"})
    with pytest.raises(RunError, match="no model has the same label"):
        _compare(base, both)
    named = _compare(base, both, pairs=[("steady", "newer")])
    assert [(one.baseline, one.other) for one in named.pairs] == [("steady", "newer")]
    with pytest.raises(RunError, match="no model has the label gone"):
        _compare(base, both, pairs=[("gone", "newer")])


def test_equal_seeds_give_a_note_about_caches() -> None:
    base = example_result()
    later = replace(base, run=replace(base.run, id="later"))
    assert any("both runs have the seed 42" in note for note in _compare(base, later).notes)
    fresh = replace(base, run=replace(base.run, id="later", seed=43))
    compared = _compare(base, fresh)
    assert not any("caches" in note for note in compared.notes)
    assert [(one.baseline, one.other) for one in compared.differences] == [("42", "43")]


def test_uncommitted_changes_of_lanebench_are_named() -> None:
    base = example_result()
    dirty = replace(base, kit=replace(base.kit, dirty=True))
    assert not any("uncommitted" in note for note in _compare(base, base).notes)
    (note,) = (note for note in _compare(base, dirty).notes if "uncommitted" in note)
    assert "in the other run" in note


def test_forged_statistics_in_a_file_change_nothing() -> None:
    base = example_result()
    forged = replace(base, cells=(), summaries=(), comparisons=())
    assert _compare(base, forged) == _compare(base, base)


# --- lanes --------------------------------------------------------------------------------------------------


def _with_lane(result: Result, lane: Lane = LANE) -> Result:
    return summarize(replace(result, lanes=(lane,)))


@pytest.mark.parametrize(
    ("before", "after", "verdict", "expected"),
    [
        ({}, {"code-refactor": 9, "code-bugfix": 8}, "strengthened", "now steady (conclusive"),
        ({"code-refactor": 9, "code-bugfix": 8}, {}, "weakened", "now the evidence does not decide"),
        (
            {"code-refactor": 9, "code-bugfix": 8},
            {"code-refactor": 9, "code-bugfix": 8},
            "unchanged",
            "; now (conclusive",
        ),
        ({"code-refactor": 6}, {"code-refactor": 9, "code-bugfix": 9}, "strengthened", "steady (tentative"),
        ({}, {}, "unchanged", "decides in neither run"),
    ],
)
def test_a_later_run_changes_the_confidence(
    before: Mapping[str, int], after: Mapping[str, int], verdict: str, expected: str
) -> None:
    left, right = (_with_lane(grown_result(10, fails)) for fails in (before, after))
    ((change,), unlike) = lane_changes(left, right)
    assert unlike == []
    assert change.verdict == verdict
    assert expected in change.text


def test_a_lane_with_other_requirements_is_not_compared_and_an_override_is_no_requirement() -> None:
    left = _with_lane(grown_result(10, {}))
    right = _with_lane(grown_result(10, {}), replace(LANE, min_pass_rate=0.5))
    assert lane_changes(left, right) == ([], ["daily coding"])
    assert lane_changes(left, replace(left, lanes=(), recommendations=())) == ([], [])
    later = replace(right, run=replace(right.run, id="later"))
    assert "lanes whose tasks or requirements differ are not compared: daily coding" in _compare(left, later).notes


# --- the answer ---------------------------------------------------------------------------------------------


def _failing_refactors(fails: int) -> Result:
    return grown_result(10, {"code-refactor": fails})


def test_the_answer_says_by_how_many_points_a_model_is_worse() -> None:
    compared = _compare(_failing_refactors(1), _failing_refactors(9))
    answer = pair_answer(_pair(compared, "hasty"))
    assert answer.startswith("hasty is worse than before by 40 points (")
    assert "it solved 11 of 20, before 19. Whether it is so on other tasks like these, the evidence" in answer
    assert "8 of 20 trials regressed." in answer
    better = pair_answer(_pair(_compare(_failing_refactors(9), _failing_refactors(1)), "hasty"))
    assert better.startswith("hasty is better than before by 40 points (")


def test_an_undecided_comparison_says_how_many_more_trials_would_decide() -> None:
    pair = _pair(_compare(_failing_refactors(1), _failing_refactors(3)), "hasty")
    needed = next(each.trials_to_decide for each in pair.overall if each.name == "pass rate on these tasks")
    assert needed is not None
    words = f"hasty: the evidence does not decide between before and now; {needed - 10} more trials a task would. "
    assert pair_answer(pair).startswith(f"{words}It solved 17 of 20, before 19.")
    same = _pair(_compare(_failing_refactors(1), _failing_refactors(1)), "hasty")
    assert "now: as many solved so far. It solved 19 of 20, before 19." in pair_answer(same)
    other = replace(pair, other="steady")
    assert pair_answer(other).startswith("The evidence does not decide between steady and hasty; ")


def test_fewer_than_six_trials_are_counted_and_give_no_interval() -> None:
    pair = _pair(_compare(grown_result(2, {}), grown_result(2, {"code-refactor": 2, "code-bugfix": 2})), "hasty")
    answer = pair_answer(pair)
    assert "olved 0 of 4, before 4." in answer
    assert " to " not in answer


def test_speeds_are_said_with_the_direction_that_they_went() -> None:
    base = grown_result(10, {})
    slower = pair_answer(_pair(_compare(base, _paced(base, "steady", 0.5)), "steady"))
    assert "Slower: it decodes 0.50 times as fast, whole answers take 2.0 times as long." in slower
    assert "Faster: it decodes 2.0 times as fast" in pair_answer(
        _pair(_compare(_paced(base, "steady", 0.5), base), "steady")
    )
    assert "As fast as each other, within 5 %." in pair_answer(_pair(_compare(base, base), "steady"))


def test_one_screen_begins_with_the_answer_and_names_what_differs() -> None:
    base = example_result()
    model = replace(base.models[0], server_version="b7100", facts={**base.models[0].facts, "weights": "0" * 64})
    other = summarize(replace(base, models=(model, base.models[1]), run=replace(base.run, id="later")))
    screen = render_brief_comparisons([_compare(base, other)], ("next   look",))
    assert screen.startswith("steady: all 18 answers are the same")
    assert re.search(
        r"Differs: server version \w+, now b7100 \(steady\); weights \(steady\)\.", " ".join(screen.split())
    )
    assert "Baseline: a. Now: b\nmodel " in screen
    assert screen.endswith("\n\nnext   look\n")


# --- the output -----------------------------------------------------------------------------------------------


def test_printed_comparisons_cannot_control_a_terminal_or_a_page() -> None:
    base = example_result()
    model = replace(base.models[0], server_version="\x1b[2J<img src=x>")
    compared = _compare(base, summarize(replace(base, models=(model, base.models[1]))))
    assert "\x1b" not in as_text("compared", sections_of(compared))
    assert "<img" not in as_markdown("compared", sections_of(compared))


@pytest.mark.parametrize(("is_sequential", "named"), [(False, ["passes over the models"]), (True, [])])
def test_passes_differ_between_fixed_runs_alone(is_sequential: bool, named: list[str]) -> None:
    base = example_result()
    design = design_of((base.run.trials,), 60.0, base.lanes, len(base.models)) if is_sequential else None
    runs = [replace(base, run=replace(base.run, passes=passes, design=design)) for passes in (1, 10)]
    assert [difference.name for difference in run_differences(*runs)] == named
