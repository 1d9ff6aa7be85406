"""Cells, summaries and warnings computed from the evidence of a result."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from harness.read import read
from harness.summarize import summarize, trial_result
from harness.summarize.cells import pass_rate_of
from harness.types import (
    Cell,
    HostFacts,
    Outcome,
    PassRate,
    Rank,
    Result,
    ResultWarning,
    TrialResult,
    TurnResult,
    Usage,
)
from tests import example
from tests.example import example_result

Change = Callable[[Result], Result]


def _cell(result: Result, model: str, task: str) -> Cell:
    return next(one for one in result.cells if (one.model, one.task) == (model, task))


def _codes(result: Result) -> list[str]:
    return [warning.code for warning in result.warnings]


def _warned(result: Result, code: str) -> list[ResultWarning]:
    return [warning for warning in result.warnings if warning.code == code]


def _turns(trial: TrialResult, **changes: Any) -> TrialResult:
    return replace(trial, turns=tuple(replace(turn, **changes) for turn in trial.turns))


def _trials(result: Result, change: Callable[[TrialResult], TrialResult | None]) -> Result:
    changed = [change(trial) for trial in result.trials]
    return summarize(replace(result, trials=tuple(trial for trial in changed if trial is not None)))


def _usage(turn: TurnResult, **changes: Any) -> Usage:
    assert turn.usage is not None
    return replace(turn.usage, **changes)


def test_summarizing_twice_changes_nothing() -> None:
    result = example_result()
    assert summarize(result) == result
    assert summarize(replace(result, cells=(), summaries=(), warnings=())) == result


def test_a_cell_counts_its_trials_and_leaves_the_warm_ups_out() -> None:
    result = example_result()
    cell = _cell(result, "hasty", "code-refactor")
    assert (cell.pass_rate.passed, cell.pass_rate.n, cell.outcomes) == (2, 6, {"failed": 4, "passed": 2})
    assert cell.fraction == pytest.approx((2 * 1 + 4 * 0.75) / 6)
    speed = _cell(result, "steady", "speed-small")
    assert not speed.scored
    assert speed.turns[0].ttft_s
    assert speed.turns[0].ttft_s.n == 6


def test_speeds_of_a_cell_are_those_of_its_turns() -> None:
    cell = _cell(example_result(), "steady", "code-bugfix")
    (turn,) = cell.turns
    assert turn.ttft_s
    assert turn.ttft_s.median == pytest.approx(310 / 900 + 0.040 + 0.0025, abs=1e-6)
    assert turn.decode_tps
    assert turn.decode_tps.median == pytest.approx(1000 / 16.3, rel=0.02)
    assert turn.apparent_prefill_tps
    assert turn.prompt_tokens
    assert turn.prompt_tokens.median == 310


def test_a_summary_has_one_speed_of_each_trial_however_many_turns_it_has() -> None:
    def talk(trial: TrialResult) -> TrialResult:
        first = trial.turns[0]
        later = [
            replace(first, timings=replace(first.timings, ttft_s=0.1 * number, decode_tps=10.0 * number))
            for number in (1, 2, 6)
        ]
        return replace(trial, turns=(first, *later)) if trial.task == "code-bugfix" else trial

    result = example_result()
    before, summary = result.summaries[0], _trials(result, talk).summaries[0]
    assert before.decode_tps
    assert before.cold_ttft_s
    assert summary.decode_tps
    assert summary.cold_ttft_s
    assert (summary.decode_tps.n, summary.cold_ttft_s.n) == (before.decode_tps.n, before.cold_ttft_s.n)
    assert summary.decode_tps.minimum == pytest.approx((20 + 60) / 2)
    assert summary.warm_ttft_s
    assert summary.warm_ttft_s.n == 6
    assert summary.warm_ttft_s.median == pytest.approx(0.2)


def test_a_summary_names_both_estimands_and_never_pools_trials_into_an_interval() -> None:
    summary = example_result().summaries[1]
    assert (summary.pass_rate.passed, summary.pass_rate.n, summary.pass_rate.low, summary.pass_rate.high) == (
        7,
        12,
        None,
        None,
    )
    assert [one.estimand for one in summary.suite_rates] == ["tasks_like_these", "exactly_these_tasks"]
    assert all(one.rate == pytest.approx(7 / 12) and one.n_tasks == 2 for one in summary.suite_rates)


def test_suite_time_is_the_sum_of_the_trials_and_unknown_while_one_is_missing() -> None:
    result = example_result()
    spans = [
        (trial.ended_ns or 0) - (trial.started_ns or 0)
        for trial in result.trials
        if trial.model == "steady" and not trial.warmup
    ]
    assert result.summaries[0].total_trial_s == pytest.approx(sum(spans) / 1e9)
    fewer = _trials(result, lambda trial: None if (trial.model, trial.trial) == ("steady", 3) else trial)
    assert fewer.summaries[0].total_trial_s is None


def _stopped(result: Result, reason: str | None, keep: Callable[[TrialResult], bool]) -> Result:
    """The result in which `steady` ran only some of its trials."""
    models = (replace(result.models[0], stop_reason=reason), result.models[1])
    return _trials(replace(result, models=models), lambda t: t if t.model != "steady" or keep(t) else None)


@pytest.mark.parametrize("reason", [None, "stopped by its owner"])
def test_an_incomplete_task_has_no_rate_whatever_is_said_about_the_stop(reason: str | None) -> None:
    result = _stopped(example_result(), reason, lambda t: (t.task, t.trial) != ("code-bugfix", 5))
    cell, whole = _cell(result, "steady", "code-bugfix"), _cell(result, "steady", "code-refactor")
    assert cell.pass_rate == PassRate(5, 5, 6, None, None, None)
    assert cell.fraction is None
    assert whole.pass_rate == pass_rate_of(6, 6, 6)
    steady = result.summaries[0]
    assert (steady.pass_rate.n, steady.pass_rate.planned, steady.pass_rate.rate) == (11, 12, None)
    assert [suite.rate for suite in steady.suite_rates] == [None, None]
    assert steady.passed_every_trial == PassRate(1, 1, 2, None, None, None)
    assert result.comparisons == ()
    assert result.ranks == (Rank(1, ("hasty",)),)


def test_a_stopped_model_is_named_with_the_trials_that_were_not_run() -> None:
    result = _stopped(example_result(), "server gone", lambda t: t.trial < 4)
    (warning,) = _warned(result, "model_stopped")
    assert warning.text.startswith("steady was stopped: server gone; not run: speed-small 2 of 6")
    assert "trials_not_run" not in _codes(result)


def test_a_model_that_was_not_run_is_ruled_out_of_no_lane_and_recommended_for_none() -> None:
    result = _stopped(example_result(), None, lambda _: False)
    (recommended,) = result.recommendations
    steady, hasty = recommended.eligibilities
    assert (steady.rate, steady.status) == (None, "undecided")
    assert "not run: code-bugfix, code-refactor" in steady.requirements[0].text
    assert recommended.model != "steady"
    assert hasty.rate is not None
    assert [one.model for one in _warned(result, "trials_not_run")] == ["steady"]


def test_a_model_without_trials_has_cells_without_a_rate() -> None:
    result = example_result()
    stopped = (replace(result.models[0], stop_reason="never answered"), result.models[1])
    result = _trials(replace(result, models=stopped), lambda t: None if t.model == "steady" else t)
    cell = _cell(result, "steady", "code-bugfix")
    assert (cell.pass_rate.n, cell.pass_rate.rate, cell.fraction, cell.turns) == (0, None, None, ())
    assert result.summaries[0].suite_rates[0].rate is None


def test_a_cold_trial_from_the_cache_is_left_out_of_the_cold_numbers_and_counted() -> None:
    def warm(trial: TrialResult) -> TrialResult:
        if (trial.model, trial.task, trial.trial) != ("steady", "code-refactor", 2):
            return trial
        return _turns(trial, usage=_usage(trial.turns[0], cached_tokens=900))

    result = _trials(example_result(), warm)
    cell = _cell(result, "steady", "code-refactor")
    (turn,) = cell.turns
    assert cell.cache_hits == 1
    assert turn.ttft_s
    assert turn.apparent_prefill_tps
    assert turn.decode_tps
    assert (turn.ttft_s.n, turn.apparent_prefill_tps.n, turn.decode_tps.n) == (5, 5, 6)
    assert "1 of 6 cold trials" in _warned(result, "cache_hit")[0].text


def test_what_a_template_puts_before_the_nonce_may_be_cached() -> None:
    result = _trials(example_result(), lambda t: _turns(t, usage=_usage(t.turns[0], cached_tokens=20)))
    assert "cache_hit" not in _codes(result)


def test_an_incomplete_reply_has_no_timings_but_counts_as_a_trial() -> None:
    def broken(trial: TrialResult) -> TrialResult:
        if (trial.model, trial.task, trial.trial) != ("steady", "code-bugfix", 1):
            return trial
        return replace(_turns(trial, done=False, finish_reason=None), outcome=Outcome.SERVER_ERROR, fraction=0.0)

    result = _trials(example_result(), broken)
    cell = _cell(result, "steady", "code-bugfix")
    assert cell.turns[0].e2e_s
    assert cell.turns[0].e2e_s.n == 5
    assert (cell.pass_rate.passed, cell.pass_rate.n) == (5, 6)
    assert "server_error" in _codes(result)


def _host(**changes: Any) -> HostFacts:
    return replace(example.HOST, **changes)


def _same_answers(result: Result) -> Result:
    first = {(trial.model, trial.task): trial.turns[0].content_sha256 for trial in reversed(result.trials)}
    return _trials(result, lambda t: _turns(t, content_sha256=first[(t.model, t.task)]))


def _impossible_prefill(result: Result) -> Result:
    def longer(trial: TrialResult) -> TrialResult:
        if trial.task != "code-refactor":
            return trial
        timings = replace(trial.turns[0].timings, ttft_s=0.12)
        return _turns(trial, timings=timings, usage=_usage(trial.turns[0], prompt_tokens=28_000))

    return _trials(result, longer)


def _without_rate(trial: TrialResult) -> TrialResult:
    timings = replace(trial.turns[0].timings, decode_tps=None, decode_null_reason="fewer than 8 arrivals")
    counts = replace(trial.turns[0].counts, arrivals=2)
    return _turns(trial, timings=timings, counts=counts, usage=_usage(trial.turns[0], completion_tokens=300))


def _chunks_only(trial: TrialResult) -> TrialResult:
    return _turns(trial, usage=None, timings=replace(trial.turns[0].timings, tokens_source="events"))


def _uncounted_cache(trial: TrialResult) -> TrialResult:
    return _turns(trial, usage=_usage(trial.turns[0], cached_tokens=None))


def _ending(outcome: Outcome) -> Change:
    return lambda result: _trials(result, lambda t: replace(t, outcome=outcome) if t.trial == 4 else t)


def _with(**changes: Any) -> Change:
    return lambda result: summarize(replace(result, **changes))


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("CPU_Speed_Limit=72", "thermally throttled"),
        ("Thermal_Warning_Level=1", "thermal or performance warning"),
        ("Thermal_Warning_Level=0 Performance_Warning_Level=2", "thermal or performance warning"),
        ("Thermal_Warning_Level=0 CPU_Speed_Limit=100", None),
        ("no warning recorded", None),
        ("a=b=c = =", None),
    ],
)
def test_thermal_limits_and_warning_levels_are_warned_of(state: str, text: str | None) -> None:
    warnings = _with(host=_host(thermal_state=state))(example_result()).warnings
    found = [warning.text for warning in warnings if warning.code == "host_thermal"]
    assert len(found) == (text is not None)
    assert all((text or "") in one for one in found)


CHANGES: dict[str, Change] = {
    "simulated": lambda r: summarize(replace(r, models=(replace(r.models[0], simulated=True), r.models[1]))),
    "kit_dirty": lambda r: summarize(replace(r, kit=replace(r.kit, dirty=True))),
    "host_battery": _with(host=_host(power_source="Battery Power")),
    "host_low_power": _with(host=_host(low_power_mode=True)),
    "host_swap": _with(host=_host(swap_used_bytes=2**30)),
    "host_thermal": _with(host=_host(thermal_state="CPU_Scheduler_Limit=100 CPU_Speed_Limit=72")),
    "host_busy": _with(host=_host(load_1m=12.0)),
    "model_stopped": lambda r: summarize(replace(r, models=(replace(r.models[0], stop_reason="gone"), r.models[1]))),
    "trials_not_run": lambda r: _trials(r, lambda t: None if t.trial == 5 else t),
    "few_trials": lambda r: _trials(replace(r, run=replace(r.run, trials=3)), lambda t: t if t.trial < 3 else None),
    "identical_answers": _same_answers,
    "cache_hit": lambda r: _trials(r, lambda t: _turns(t, usage=_usage(t.turns[0], cached_tokens=60))),
    "cache_unknown": lambda r: _trials(r, _uncounted_cache),
    "usage_missing": lambda r: _trials(r, _chunks_only),
    "buffered_stream": lambda r: _trials(r, _without_rate),
    "decode_unmeasured": lambda r: _trials(r, _without_rate),
    "truncated_out": _ending(Outcome.TRUNCATED_OUT),
    "truncated_in": _ending(Outcome.TRUNCATED_IN),
    "server_error": _ending(Outcome.SERVER_ERROR),
    "timed_out": _ending(Outcome.TIMED_OUT),
    "out_of_memory": _ending(Outcome.OUT_OF_MEMORY),
    "context_smaller": lambda r: summarize(
        replace(r, models=(replace(r.models[0], served_context_tokens=4096), r.models[1]))
    ),
    "prefill_contradicted": _impossible_prefill,
    "private_includes": lambda r: summarize(
        replace(r, tasks=(*r.tasks[:-1], replace(r.tasks[-1], private_includes=("style.md",))))
    ),
}


def _sound() -> Result:
    """The example without the one answer that was cut off: nothing to warn of."""
    passed = Outcome.PASSED
    return _trials(example_result(), lambda t: replace(t, outcome=passed) if t.outcome is Outcome.TRUNCATED_OUT else t)


def test_a_sound_run_has_no_warning() -> None:
    assert _codes(_sound()) == []


@pytest.mark.parametrize("code", CHANGES)
def test_each_warning_has_a_result_that_triggers_it(code: str) -> None:
    changed = CHANGES[code](_sound())
    assert code in _codes(changed)
    assert all(warning.text and "\n" not in warning.text for warning in changed.warnings)


def test_few_trials_are_those_that_were_run_and_not_those_that_were_planned() -> None:
    planned = replace(_sound(), run=replace(_sound().run, trials=10))
    ended_early = _trials(planned, lambda t: t if t.trial < 3 else None)
    assert "few_trials" in _codes(ended_early)
    assert any(w.text.startswith("3 trials per task: ") for w in ended_early.warnings)
    one_short = _trials(planned, lambda t: None if t.task == "code-refactor" and t.trial >= 2 else t)
    assert any(w.text.startswith("2 trials of the task with the fewest: ") for w in one_short.warnings)
    # A task without any trial has no number that could lack an interval.
    assert "few_trials" not in _codes(_trials(planned, lambda t: None if t.task == "code-refactor" else t))


def test_empty_answers_are_not_warned_of_as_identical() -> None:
    digest = hashlib.sha256(b"").hexdigest()
    empty = _trials(_sound(), lambda t: _turns(t, content="", content_sha256=digest))
    assert "identical_answers" not in _codes(empty)


@pytest.mark.parametrize(("answers", "text"), [(1, None), (2, "all 2 answers"), (6, "all 6 answers")])
def test_a_server_error_is_no_identical_answer(answers: int, text: str | None) -> None:
    digest = hashlib.sha256(b"").hexdigest()

    def failing(trial: TrialResult) -> TrialResult:
        if trial.trial < answers:
            return trial
        return replace(_turns(trial, content="", content_sha256=digest), outcome=Outcome.SERVER_ERROR)

    found = [w.text for w in _trials(_same_answers(_sound()), failing).warnings if w.code == "identical_answers"]
    assert bool(found) == (text is not None)
    assert all(str(text) in each and f"not {answers}" in each for each in found)


def test_one_trial_is_not_several() -> None:
    single = _trials(replace(_sound(), run=replace(_sound().run, trials=1)), lambda t: None if t.trial else t)
    assert next(w.text for w in single.warnings if w.code == "few_trials").startswith("1 trial per task: ")


def test_a_trial_is_put_together_from_its_own_recordings_only() -> None:
    first, second = example.recordings()[1:3]
    trial = trial_result([first], [read(first)], example.scored(first.key))
    assert trial.ended_ns == (first.sent_ns or 0) + (first.ended_ns or 0)
    with pytest.raises(ValueError, match="do not make this trial"):
        trial_result([second], [read(second)], example.scored(first.key))
