"""Requirements of a lane: on which trials and tasks they are judged, and the bound that they need."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from harness.stats import clopper_pearson
from harness.types import Outcome, Result, TaskInfo, TrialResult
from tests.example import LANE_TASKS, grown_result, lane_answer, lane_demand
from tests.test_report_agent_work import WORK
from tests.test_report_agent_work import result as agent_result


def _with_two_turns(result: Result, ttft_s: Sequence[float]) -> Result:
    """Each trial of `code-refactor` has a second turn whose TTFT is that of its model."""
    by_model = dict(zip((model.label for model in result.models), ttft_s, strict=True))

    def grow(trial: TrialResult) -> TrialResult:
        if trial.task != "code-refactor":
            return trial
        first = trial.turns[0]
        later = replace(first.timings, ttft_s=by_model[trial.model] + 0.01 * trial.trial)
        return replace(trial, turns=(first, replace(first, timings=later)))

    return replace(result, trials=tuple(map(grow, result.trials)))


@pytest.mark.parametrize("kind", [{"clients": (1, 1)}, {"separate": True}])
def test_a_turn_of_another_client_or_conversation_is_no_later_turn(kind: dict[str, Any]) -> None:
    result = _with_two_turns(grown_result(8, {}), (3.0, 0.5))

    def apart(task: TaskInfo) -> TaskInfo:
        return replace(task, **kind) if task.name == "code-refactor" else task

    limited = {"max_warm_ttft_s": 1.0, "rank_by": ("warm_ttft_s",)}
    together = lane_answer(result, **limited)
    assert lane_demand(together, "steady", "warm_ttft").state == "not_met"
    alone = lane_answer(replace(result, tasks=tuple(map(apart, result.tasks))), **limited)
    assert lane_demand(alone, "steady", "warm_ttft").state == "unknown"
    assert any("second turn" in gap for gap in alone.untested)


def test_times_of_clients_that_run_together_rank_no_model() -> None:
    result = _with_two_turns(grown_result(8, {}), (3.0, 0.5))
    ranked = {"tasks": {"code-refactor": 1.0}, "rank_by": ("warm_ttft_s",)}
    assert lane_answer(result, **ranked).model == "hasty"
    tasks = tuple(replace(task, clients=(1, 1)) for task in result.tasks)
    for criterion in ("warm_ttft_s", "ttft_s", "e2e_s"):
        found = lane_answer(replace(result, tasks=tasks), **{**ranked, "rank_by": (criterion,)})
        assert [margin.estimate for margin in found.margins] == [None], criterion


def test_agents_are_ranked_by_the_median_of_their_later_requests() -> None:
    result = agent_result()
    (agent,) = (model for model in result.models if model.agent)
    worked = [trial for trial in result.trials if trial.task == WORK]

    def trials(label: str, ttft_s: float) -> list[TrialResult]:
        """The first trial with one request more than the others."""
        made = []
        for trial in worked:
            timings = replace(trial.turns[0].timings, ttft_s=ttft_s + 0.01 * trial.trial)
            turns = (replace(trial.turns[0], timings=timings),) * (5 if trial.trial == 0 else 4)
            made.append(replace(trial, model=label, outcome=Outcome.PASSED, turns=turns))
        return made

    models = (replace(agent, label="quick"), replace(agent, label="slow"))
    tasks = tuple(task for task in result.tasks if task.for_agents)
    ranked = {"tasks": {WORK: 1.0}, "rank_by": ("pass_rate", "warm_ttft_s")}
    both = replace(result, models=models, tasks=tasks, trials=(*trials("quick", 1.0), *trials("slow", 5.0)))
    found = lane_answer(both, **ranked)
    assert (found.model, found.confidence) == ("quick", "conclusive")
    (margin,) = found.margins
    assert margin.criterion == "warm_ttft_s"
    assert margin.estimate == pytest.approx(4.9, abs=0.1)


def _solving(result: Result, passed: Mapping[str, int]) -> Result:
    """Of each task a model passes so many of the first trials."""
    solved = {True: (Outcome.PASSED, 1.0), False: (Outcome.FAILED, 0.0)}

    def end(trial: TrialResult) -> TrialResult:
        if trial.task not in LANE_TASKS:
            return trial
        outcome, fraction = solved[trial.trial < passed[trial.model]]
        return replace(trial, outcome=outcome, fraction=fraction)

    return replace(result, trials=tuple(map(end, result.trials)))


def test_speed_alone_recommends_no_model_that_solved_nothing() -> None:
    ranked = {"rank_by": ("decode_tps", "pass_rate")}
    found = lane_answer(_solving(grown_result(6, {}), {"steady": 6, "hasty": 0}), **ranked)
    assert (found.model, lane_demand(found, "hasty", "solved").state) == ("steady", "not_met")
    few = lane_answer(_solving(grown_result(4, {}), {"steady": 4, "hasty": 0}), **ranked)
    assert (few.model, few.confidence, lane_demand(few, "hasty", "solved").state) == (
        "steady",
        "tentative",
        "inconclusive",
    )
    one = lane_answer(_solving(grown_result(6, {}), {"steady": 6, "hasty": 1}), **ranked)
    assert (one.model, one.confidence) == ("hasty", "conclusive")


def test_a_rate_of_a_part_of_the_lane_decides_no_demand() -> None:
    result = _solving(grown_result(6, {}), {"steady": 0, "hasty": 0})
    weights = {**LANE_TASKS, "not-here": 8.0}
    found = lane_answer(result, tasks=weights, min_pass_rate=0.9)
    demand = lane_demand(found, "steady", "pass_rate")
    assert (found.eligibilities[0].status, found.eligibilities[0].rate, demand.state) == ("undecided", None, "unknown")
    assert demand.text.startswith("passed 0 of 12, not every task was run in full")
    assert lane_demand(lane_answer(result, min_pass_rate=0.9), "steady", "pass_rate").state == "not_met"
    # A task that no answer is scored of, or that has no weight, is no part of the rate.
    unscored = lane_answer(result, tasks={**LANE_TASKS, "speed-small": 1.0, "not-here": 0.0}, min_pass_rate=0.9)
    assert lane_demand(unscored, "steady", "pass_rate").state == "not_met"


@pytest.mark.parametrize(("trials", "state"), [(2, "inconclusive"), (3, "met")])
def test_a_demand_is_met_by_a_bound_that_is_exact_over_several_tasks_too(trials: int, state: str) -> None:
    """Four of four passed are as little for two tasks of two trials as for one of four: at least 40 %."""
    result = grown_result(trials, {})
    assert lane_demand(lane_answer(result, min_pass_rate=0.5), "steady", "pass_rate").state == state
    low = lane_answer(result, min_pass_rate=0.5).eligibilities[0].low
    exact = clopper_pearson(2 * trials, 2 * trials)
    assert exact
    assert low == pytest.approx(exact.low)


def test_without_a_count_of_tokens_the_longest_prompt_is_unknown() -> None:
    result = grown_result(6, {})
    uncounted = tuple(
        replace(trial, turns=tuple(replace(turn, usage=None) for turn in trial.turns)) for trial in result.trials
    )
    (gap,) = (
        gap for gap in lane_answer(replace(result, trials=uncounted), min_context_tokens=9).untested if "prompt" in gap
    )
    assert gap == "no server reported the tokens of a prompt; whether contexts up to 9 were tested is unknown"
