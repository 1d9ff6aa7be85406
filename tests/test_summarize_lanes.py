"""Pairwise comparisons, ranks, provenance, and recommendations for lanes."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from harness.stats import mcnemar_p, wilson
from harness.summarize import design_of, summarize
from harness.summarize.provenance import MODEL_FIELDS, NOT_FACTS
from harness.types import (
    Comparison,
    Lane,
    LaneLook,
    Look,
    MemoryUse,
    ModelInfo,
    Outcome,
    Override,
    Recommendation,
    Result,
    SkippedTask,
    TaskInfo,
    TrialResult,
)
from tests.example import LANE_TASKS, contenders, example_result, grown_result, lane_answer, lane_demand


def _pair(result: Result, estimand: str) -> Comparison:
    return next(one for one in result.comparisons if one.estimand == estimand)


def _models(result: Result, **changes: dict[str, Any]) -> Result:
    models = tuple(replace(one, **changes.get(one.label, {})) for one in result.models)
    return summarize(replace(result, models=models))


def test_two_models_are_paired_by_task_and_trial_under_both_estimands() -> None:
    result = example_result()
    like, these = (_pair(result, name) for name in ("tasks_like_these", "exactly_these_tasks"))
    assert (like.model, like.baseline, like.n_tasks) == ("hasty", "steady", 2)
    assert (like.difference, these.difference) == pytest.approx((-5 / 12, -5 / 12))
    assert (like.verdict, like.tasks_to_decide is not None) == ("can't tell", True)
    assert these.p == pytest.approx(mcnemar_p(0, 5))
    assert these.verdict == "can't tell"
    assert these.low is not None
    assert these.low < -5 / 12 < (these.high or 0)


def test_a_sixth_discordant_pair_decides_on_these_tasks_but_not_on_tasks_like_these() -> None:
    result = grown_result(6, {"code-refactor": 4, "code-bugfix": 2})
    assert _pair(result, "exactly_these_tasks").verdict == "worse"
    assert _pair(result, "tasks_like_these").verdict == "can't tell"


def test_what_would_decide_is_for_the_pairs_of_models_but_not_in_plans_of_the_first_rule() -> None:
    two = example_result()
    three = _third(two)
    wider = _pair(summarize(three), "exactly_these_tasks").mde
    assert wider
    assert wider > (_pair(two, "exactly_these_tasks").mde or 1.0)
    design = replace(design_of((6,), 600.0, (Lane("daily coding", LANE_TASKS),), 3), rule=1)
    first = replace(three, run=replace(three.run, design=design))
    assert _pair(summarize(first), "exactly_these_tasks").mde == _pair(two, "exactly_these_tasks").mde


def _until_the_time_ended(result: Result, rule: int) -> Recommendation:
    """The lane of a sequential run of at most 20 trials without looks on the way, planned with a rule of futility."""
    lane = Lane("daily coding", LANE_TASKS)
    labels = tuple(model.label for model in result.models)
    design = replace(design_of((20,), 600.0, (lane,), len(labels)), rule=rule)
    look = Look(8, (LaneLook(lane.name, labels, decided=False),), "budget", 600.0)
    return lane_answer(replace(result, run=replace(result.run, trials=20, design=design, looks=(look,))))


def test_what_would_decide_a_lane_is_for_its_pairs_of_models_but_not_in_plans_of_the_first_rule() -> None:
    result = contenders(8, {"good": 0, "worse": 2, "also good": 0})
    (fixed, _), (first, _), (second, _) = (
        found.margins
        for found in (lane_answer(result), _until_the_time_ended(result, 1), _until_the_time_ended(result, 2))
    )
    assert fixed.trials_to_decide
    assert first == fixed
    assert (second.trials_to_decide or 0) > fixed.trials_to_decide


FIVE = {"good": 0, "worse": 3, "third": 0, "fourth": 0, "fifth": 0}
"""The pair of the first two has p = 0.031, which Holm's correction for ten pairs withdraws."""
THREE = {"good": 0, "worse": 3, "worst": 8}
"""The pair of the first two has the largest p, 0.031, which Holm's correction leaves as it is."""


@pytest.mark.parametrize(("fails", "verdict"), [(FIVE, "can't tell"), (THREE, "worse")])
def test_a_pair_that_holm_withdraws_says_what_would_decide_and_no_other_does(
    fails: dict[str, int], verdict: str
) -> None:
    result = contenders(8, fails)
    these = _pair(result, "exactly_these_tasks")
    assert these.p == pytest.approx(0.03125)
    assert these.verdict == verdict
    in_lane = _until_the_time_ended(result, 2).margins[0]
    assert {these.model, these.baseline} == {in_lane.model, in_lane.other} == {"good", "worse"}
    assert in_lane.estimate == -these.difference
    for trials in (these.trials_to_decide, in_lane.trials_to_decide):
        assert trials is None if verdict == "worse" else trials is not None and trials > 8


def test_a_sequential_run_needs_more_trials_than_a_fixed_one_to_decide() -> None:
    result = grown_result(6, {"code-refactor": 3})
    design = design_of((1, 2, 3, 4, 5, 6), None, (Lane("daily coding", LANE_TASKS),), 2)
    state = LaneLook("daily coding", ("steady", "hasty"), decided=False)
    looks = tuple(Look(at, (state,), None if at < 6 else "cap", 10.0 * at) for at in range(1, 7))
    looked_at = lane_answer(replace(result, run=replace(result.run, design=design, looks=looks)))
    (sequential,), (fixed,) = looked_at.margins, lane_answer(result).margins
    assert fixed.trials_to_decide
    assert (sequential.trials_to_decide or 0) > fixed.trials_to_decide


def test_models_without_a_significant_difference_share_a_rank() -> None:
    assert [(one.rank, one.models) for one in example_result().ranks] == [(1, ("steady", "hasty"))]


def test_many_tasks_decide_and_the_ranks_follow() -> None:
    result = example_result()
    tasks = tuple(TaskInfo(f"task-{at}", "A task", "calls", "python", f"{at:064d}", 1) for at in range(8))
    base = next(trial for trial in result.trials if trial.task == "code-bugfix")

    def trial(model: str, task: TaskInfo, at: int) -> TrialResult:
        failed = model == "hasty" and at % 2 == 0
        outcome = Outcome.FAILED if failed else Outcome.PASSED
        return replace(base, model=model, task=task.name, trial=at, outcome=outcome)

    made = tuple(trial(model.label, task, at) for model in result.models for task in tasks for at in range(6))
    parted = summarize(replace(result, tasks=tasks, trials=made))
    like = _pair(parted, "tasks_like_these")
    assert (like.verdict, like.p, like.tasks_to_decide) == ("worse", 2 / 2**8, None)
    assert [(one.rank, one.models) for one in parted.ranks] == [(1, ("steady",)), (2, ("hasty",))]


def test_p_values_are_adjusted_for_the_number_of_pairs() -> None:
    result = example_result()
    third = replace(result.models[1], label="third")
    trials = result.trials + tuple(replace(t, model="third") for t in result.trials if t.model == "hasty")
    more = summarize(replace(result, models=(*result.models, third), trials=trials))
    assert len(more.comparisons) == 6
    for one in more.comparisons:
        assert one.p is not None
        assert one.p_holm is not None
        assert one.p_holm >= one.p


def test_a_summary_counts_tasks_passed_in_every_and_in_any_trial() -> None:
    steady, hasty = example_result().summaries
    assert steady.passed_every_trial
    assert hasty.passed_every_trial
    assert hasty.passed_any_trial
    assert (steady.passed_every_trial.passed, steady.passed_every_trial.n) == (2, 2)
    assert (hasty.passed_every_trial.passed, hasty.passed_any_trial.passed) == (0, 2)


def test_the_counts_of_tasks_have_the_level_of_a_sequential_run() -> None:
    result = example_result()
    lane = Lane("daily coding", LANE_TASKS)
    design = design_of((1, 2, 3, 4, 5, 6), None, (lane,), 2)
    state = LaneLook(lane.name, ("steady", "hasty"), decided=False)
    looks = tuple(Look(at, (state,), None if at < 6 else "cap", 10.0 * at) for at in range(1, 7))
    (steady, _) = summarize(replace(result, run=replace(result.run, design=design, looks=looks))).summaries
    expected = wilson(2, 2, 1 - design.nominal_level)
    for rate in (steady.passed_every_trial, steady.passed_any_trial):
        assert expected
        assert rate
        assert (rate.low, rate.high) == pytest.approx(expected)


def test_a_drift_keeps_its_sign_when_a_reboot_restarts_the_monotonic_clock() -> None:
    result = example_result()
    reboot = {key: at for at, key in enumerate(sorted({trial.trial for trial in result.trials}))}
    start = datetime(2026, 11, 23, 10, tzinfo=UTC)

    def slowed(trial: TrialResult) -> TrialResult:
        block = reboot[trial.trial]
        turns = tuple(
            replace(turn, timings=replace(turn.timings, decode_tps=(turn.timings.decode_tps or 0) * (1 - 0.03 * block)))
            for turn in trial.turns
        )
        # Blocks 0 to 2 ran before the reboot, an hour after the boot before it.
        uptime_s = 3600 + 60 * block if block < 3 else 60 * block
        at = (start + timedelta(seconds=60 * block)).isoformat(timespec="milliseconds")
        return replace(trial, turns=turns, started_at=at, started_ns=uptime_s * 10**9)

    drift = summarize(replace(result, trials=tuple(map(slowed, result.trials)))).summaries[0].drift
    assert drift
    assert drift.high < 0


def test_tasks_with_concurrent_clients_are_no_part_of_the_decode_rate() -> None:
    result = example_result()
    alone = result.tasks[0].name
    tasks = tuple(task if task.name == alone else replace(task, clients=(1, 4)) for task in result.tasks)
    filled = summarize(replace(result, tasks=tasks))
    trials = [
        trial
        for trial in filled.trials
        if (trial.model, trial.task, trial.warmup) == (filled.models[0].label, alone, False)
    ]
    spread = filled.summaries[0].decode_tps
    assert (spread and spread.n) == len(trials)


def test_a_rate_that_falls_during_the_run_is_drift_and_is_warned_of() -> None:
    result = example_result()

    def slowed(trial: TrialResult) -> TrialResult:
        factor = 1 - 0.03 * trial.trial if trial.model == "steady" else 1.0
        timings = [replace(turn.timings, decode_tps=(turn.timings.decode_tps or 0) * factor) for turn in trial.turns]
        return replace(
            trial, turns=tuple(replace(turn, timings=t) for turn, t in zip(trial.turns, timings, strict=True))
        )

    slower = summarize(replace(result, trials=tuple(map(slowed, result.trials))))
    drift = slower.summaries[0].drift
    assert drift
    assert drift.change == pytest.approx(-0.15, abs=0.03)
    assert drift.high < 0
    assert [one.model for one in slower.warnings if one.code == "drift"] == ["steady"]
    assert "drift" not in [one.code for one in result.warnings]


# --- who says so --------------------------------------------------------------------------------------------


def test_every_fact_has_its_source_and_what_is_null_is_unknown() -> None:
    result = _models(example_result(), steady={"server_version": None, "memory": MemoryUse()})
    sources = result.sources
    assert sources["models.steady.served_context_tokens"] == "server_reported"
    assert sources["models.steady.server_version"] == "unknown"
    assert sources["models.steady.memory"] == "unknown"
    assert sources["models.hasty.memory"] == "measured"
    assert sources["models.steady.facts.bits_per_weight"] == "declared"
    assert sources["models.steady.facts.file_sha256"] == "unknown"
    assert sources["host.chip"] == "measured"
    assert sources["trials.usage"] == "server_reported"


def test_no_fact_of_a_model_is_left_without_a_source() -> None:
    assert {field.name for field in fields(ModelInfo)} == set(MODEL_FIELDS) | NOT_FACTS


# --- lanes --------------------------------------------------------------------------------------------------


def _status(found: Recommendation) -> dict[str, str]:
    return {one.model: one.status for one in found.eligibilities}


def test_a_model_that_is_better_by_its_interval_is_recommended_clearly() -> None:
    found = lane_answer(grown_result(10, {"code-refactor": 8, "code-bugfix": 4}))
    assert (found.model, found.confidence, found.tied) == ("steady", "conclusive", ())
    assert "pass rate +60 points against hasty" in found.text
    assert found.low is not None
    assert 0 < found.low < 0.6 < (found.high or 0)


def test_tied_models_are_named_and_none_is_recommended() -> None:
    found = lane_answer(grown_result(10, {"code-refactor": 1}))
    assert (found.model, found.confidence, found.tied) == (None, "none", ("steady", "hasty"))
    assert found.text.startswith("The evidence does not decide between steady and hasty")


def test_the_second_criterion_decides_what_the_first_cannot() -> None:
    found = lane_answer(grown_result(10, {"code-refactor": 1}), rank_by=("pass_rate", "decode_tps"))
    assert (found.model, found.confidence) == ("hasty", "conclusive")
    assert "decode rate 1.7" in found.text


def _third(result: Result) -> Result:
    """The result with a third model, which measured and passed what "steady" did."""
    model = replace(result.models[0], label="third")
    trials = tuple(replace(trial, model="third") for trial in result.trials if trial.model == "steady")
    return replace(result, models=(*result.models, model), trials=(*result.trials, *trials))


def _without_rate(result: Result, label: str) -> Result:
    """The result without the decode rates of one model."""

    def bare(trial: TrialResult) -> TrialResult:
        turns = (replace(turn, timings=replace(turn.timings, decode_tps=None)) for turn in trial.turns)
        return replace(trial, turns=tuple(turns)) if trial.model == label else trial

    return replace(result, trials=tuple(map(bare, result.trials)))


@pytest.mark.parametrize("order", list(permutations(("steady", "hasty", "third"))))
def test_a_model_without_the_quantity_stays_tied_and_hides_no_difference_of_the_others(order: tuple[str, ...]) -> None:
    result = _without_rate(_third(grown_result(10, {})), "third")
    models = {model.label: model for model in result.models}
    ordered = replace(result, models=tuple(models[label] for label in order))
    found = lane_answer(ordered, rank_by=("decode_tps",))
    assert (found.model, set(found.tied)) == (None, {"hasty", "third"})
    assert lane_answer(ordered, rank_by=("decode_tps", "ttft_s")).model == "hasty"


@pytest.mark.parametrize("order", list(permutations(("steady", "hasty", "third"))))
def test_equal_best_models_exclude_the_same_others_in_any_order(order: tuple[str, ...]) -> None:
    """Two models pass 16 of 20; of these only "steady" fails where "hasty" fails, which passes 10, and so is better."""
    result = _third(grown_result(10, {"code-refactor": 10}))

    def failing(trial: TrialResult) -> TrialResult:
        is_failed = trial.trial < 4 and (trial.model, trial.task) in {
            ("steady", "code-refactor"),
            ("third", "code-bugfix"),
        }
        return replace(trial, outcome=Outcome.FAILED) if is_failed else trial

    models = {model.label: model for model in result.models}
    ordered = replace(result, models=tuple(models[label] for label in order), trials=tuple(map(failing, result.trials)))
    assert set(lane_answer(ordered, rank_by=("pass_rate",)).tied) == {"steady", "third"}


def test_blocks_of_a_machine_that_changes_its_speed_count_once_where_models_took_turns() -> None:
    result = grown_result(10, {})

    def at_the_moment(trial: TrialResult) -> TrialResult:
        # Each block of a model ran at another speed of the machine, the same for both tasks.
        machine = 1.3 if (trial.trial + (trial.model == "hasty")) % 2 else 0.8
        rate = machine * (1.22 if trial.model == "hasty" else 1.0) * (100 + trial.trial)
        return replace(
            trial, turns=tuple(replace(turn, timings=replace(turn.timings, decode_tps=rate)) for turn in trial.turns)
        )

    drifting = replace(result, trials=tuple(map(at_the_moment, result.trials)))
    in_turns = replace(drifting, run=replace(drifting.run, passes=2))
    found = {run.run.passes: lane_answer(run, rank_by=("decode_tps",)) for run in (drifting, in_turns)}
    assert (found[1].model, found[2].model) == ("hasty", None)
    assert set(found[2].tied) == {"steady", "hasty"}


@pytest.mark.parametrize(
    ("criterion", "model"), [("ttft_s", "hasty"), ("e2e_s", "hasty"), ("memory_bytes", "hasty"), ("warm_ttft_s", None)]
)
def test_lower_is_better_for_times_and_memory(criterion: Any, model: str | None) -> None:
    assert lane_answer(grown_result(10, {}), rank_by=(criterion,)).model == model


def test_the_lower_bound_must_reach_the_required_rate() -> None:
    twenty = grown_result(20, {"code-refactor": 18, "code-bugfix": 18})
    found = lane_answer(twenty, min_pass_rate=0.8)
    assert _status(found) == {"steady": "eligible", "hasty": "ruled_out"}
    assert found.model == "steady"
    assert "only model shown to meet every requirement" in found.text
    assert "Ruled out: hasty (pass rate 10 %" in found.text
    few = lane_answer(grown_result(3, {}), min_pass_rate=0.8)
    assert _status(few) == {"steady": "undecided", "hasty": "undecided"}
    assert (few.model, few.confidence) == (None, "none")
    assert "no model is shown to meet every requirement" in few.text


def test_the_claim_of_a_lane_with_one_task_is_exact() -> None:
    found = lane_answer(grown_result(10, {}), tasks={"code-bugfix": 1.0}, min_pass_rate=0.7)
    assert found.eligibilities[0].low == pytest.approx(0.6915, abs=1e-4)
    assert _status(found)["steady"] == "undecided"


def test_an_undecided_model_reduces_the_confidence_to_leaning() -> None:
    result = _models(grown_result(20, {}), hasty={"memory": MemoryUse()})
    found = lane_answer(result, max_memory_bytes=20 * 2**30)
    assert _status(found) == {"steady": "eligible", "hasty": "undecided"}
    assert (found.model, found.confidence) == ("steady", "tentative")
    assert "Undecided: hasty (memory was not measured" in found.text


def test_memory_is_that_of_the_process_or_the_growth_of_the_machines_use() -> None:
    result = _models(
        grown_result(6, {}),
        steady={"memory": MemoryUse("machine in use", 10 * 2**30, 30 * 2**30)},
        hasty={"memory": MemoryUse("machine in use", None, 30 * 2**30)},
    )
    found = lane_answer(result, max_memory_bytes=24 * 2**30)
    assert lane_demand(found, "steady", "memory").state == "met"
    assert lane_demand(found, "hasty", "memory").state == "unknown"
    loaded_before = _models(result, steady={"memory": MemoryUse("machine in use", 30 * 2**30, 30 * 2**30)})
    assert lane_demand(lane_answer(loaded_before, max_memory_bytes=24 * 2**30), "steady", "memory").state == "unknown"
    assert (
        lane_demand(lane_answer(grown_result(6, {}), max_memory_bytes=12 * 2**30), "steady", "memory").state
        == "not_met"
    )


def test_only_the_servers_report_proves_the_context_length() -> None:
    result = _models(grown_result(6, {}), hasty={"served_context_tokens": None})
    found = lane_answer(result, min_context_tokens=32_768)
    assert lane_demand(found, "steady", "context").state == "met"
    assert lane_demand(found, "hasty", "context").state == "inconclusive"
    larger = lane_answer(result, min_context_tokens=65_536)
    assert _status(larger) == {"steady": "ruled_out", "hasty": "ruled_out"}
    unknown = _models(result, hasty={"served_context_tokens": None, "context_tokens": None})
    assert lane_demand(lane_answer(unknown, min_context_tokens=1), "hasty", "context").state == "unknown"
    assert any("contexts up to 65,536 were not tested" in one for one in larger.untested)


def _second_turn(ttft_s: float) -> Result:
    def talk(trial: TrialResult) -> TrialResult:
        first = trial.turns[0]
        seen = ttft_s + 0.01 * trial.trial
        return replace(trial, turns=(first, replace(first, timings=replace(first.timings, ttft_s=seen))))

    result = grown_result(8, {})
    return summarize(replace(result, trials=tuple(map(talk, result.trials))))


@pytest.mark.parametrize(("ttft_s", "state"), [(0.5, "met"), (0.96, "inconclusive"), (3.0, "not_met")])
def test_later_turns_must_be_quick_by_their_interval(ttft_s: float, state: str) -> None:
    found = lane_answer(_second_turn(ttft_s), max_warm_ttft_s=1.0)
    assert lane_demand(found, "steady", "warm_ttft").state == state


def test_a_requirement_on_later_turns_without_any_is_unknown_and_listed_as_untested() -> None:
    found = lane_answer(grown_result(8, {}), max_warm_ttft_s=1.0)
    assert lane_demand(found, "steady", "warm_ttft").state == "unknown"
    assert any("second turn" in one for one in found.untested)
    assert found.model is None


def test_a_task_that_was_not_run_or_does_not_fit_is_no_evidence() -> None:
    found = lane_answer(grown_result(8, {}), tasks={**LANE_TASKS, "code-large": 1.0})
    assert lane_demand(found, "steady", "tasks").text == "not run: code-large"
    assert "not in this run: code-large" in found.untested
    skipping = _models(grown_result(8, {}), hasty={"skipped": (SkippedTask("code-refactor", 60_000, 4_096),)})
    assert lane_demand(lane_answer(skipping), "hasty", "tasks").state == "not_met"


def test_weights_decide_what_counts() -> None:
    result = grown_result(10, {"code-refactor": 9})
    heavy = lane_answer(result, tasks={"code-refactor": 9.0, "code-bugfix": 1.0})
    light = lane_answer(result, tasks={"code-refactor": 0.1, "code-bugfix": 9.9})
    rates = [next(one.rate for one in found.eligibilities if one.model == "hasty") for found in (heavy, light)]
    assert rates == pytest.approx([0.19, 0.991])
    assert heavy.model == "steady"


def test_untested_thinking_settings_are_listed() -> None:
    found = lane_answer(example_result())
    assert "steady was not tested with thinking on; do not retire it yet" in found.untested
    assert "hasty was not tested with thinking off, which may be faster and as good" in found.untested
    default = lane_answer(_models(example_result(), steady={"thinking": "default"}, hasty={"stop_reason": "gone"}))
    assert "steady ran with its server's default for thinking; neither on nor off was tested" in default.untested
    assert "hasty was stopped early: gone" in default.untested


def test_the_users_choice_is_kept_and_does_not_change_the_recommendation() -> None:
    own = Override("hasty", "faster in my editor", "2026-11-20")
    result = grown_result(10, {"code-refactor": 8, "code-bugfix": 4})
    lane = Lane("daily coding", LANE_TASKS, override=own)
    kept = summarize(replace(result, lanes=(lane,)))
    assert kept.lanes[0].override == own
    assert kept.recommendations == summarize(replace(result, lanes=(replace(lane, override=None),))).recommendations
