"""Warnings about timings: prefill fits, roofline, canaries, thinking, suspicious prompts, disturbed clocks."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.summarize import find_timing_problems, summarize
from harness.types import (
    DistributionSummary,
    Prefill,
    RecorderOverhead,
    Result,
    SelfTest,
    TaskInfo,
    TrialResult,
    TurnResult,
    Usage,
)
from tests.example import example_result

SIZES = (1000, 4000, 8000, 16000, 32000)
CURVE = TaskInfo("speed-curve", "Sizes", "speed", None, "0" * 64, 1, separate=True, scored=False)
CANARY = TaskInfo("speed-canary", "Canary", "speed", None, "0" * 64, 1, canary=True, scored=False)
TRIALS = 6


def base() -> Result:
    return replace(example_result(), warnings=())


def model_of(result: Result) -> str:
    return result.models[0].label


def pattern(result: Result) -> TrialResult:
    return next(one for one in result.trials if one.task == "speed-small" and not one.warmup)


def timed(turn: TurnResult, tokens: int, ttft_s: float, e2e_s: float) -> TurnResult:
    timings = replace(turn.timings, ttft_s=ttft_s, e2e_s=e2e_s)
    return replace(turn, usage=Usage(tokens, 128, 0, None), timings=timings)


def with_curve(ttft_s: Callable[[int], float], hidden_s: Callable[[int], float] = lambda _tokens: 0.0) -> Result:
    """A result whose first model ran every prompt size; `hidden_s` is prefill time after the first token."""
    result = base()
    trial, label = pattern(result), model_of(result)
    trials = []
    for number in range(TRIALS):
        noise = 1 + 0.002 * (number % 3 - 1)
        turns = tuple(timed(trial.turns[0], n, noise * ttft_s(n), noise * ttft_s(n) + 2.0 + hidden_s(n)) for n in SIZES)
        trials.append(replace(trial, model=label, task=CURVE.name, trial=number, turns=turns))
    return summarize(replace(result, tasks=(*result.tasks, CURVE), trials=(*result.trials, *trials)))


def curve_with_usage(result: Result, usage: Callable[[int, int], Usage]) -> Result:
    """The same with what the server counts changed, by trial and size."""
    trials = []
    for trial in result.trials:
        if trial.task == CURVE.name:
            turns = [replace(turn, usage=usage(trial.trial, at)) for at, turn in enumerate(trial.turns)]
            trials.append(replace(trial, turns=tuple(turns)))
        else:
            trials.append(trial)
    return summarize(replace(result, trials=tuple(trials)))


def codes(result: Result) -> set[str]:
    return {warning.code for warning in result.warnings if warning.model in (None, model_of(result))}


def text_of(result: Result, code: str) -> str:
    return next(warning.text for warning in result.warnings if warning.code == code)


def line_of(result: Result) -> Prefill:
    line = result.summaries[0].prefill
    assert line is not None
    return line


def test_the_prefill_fit_is_in_the_models_summary_with_its_sizes() -> None:
    result = with_curve(lambda tokens: 0.1 + tokens / 1000)
    line = line_of(result)
    assert line.tps == pytest.approx(1000, rel=0.01)
    assert [(point.uncached_tokens, point.n) for point in line.points] == [(size, TRIALS) for size in SIZES]
    assert not codes(result) & {"first_token_early", "prefill_unmeasured", "prefill_nonlinear"}
    assert result.summaries[1].prefill is None


def test_cold_turns_served_from_a_cache_are_excluded_from_the_fit() -> None:
    result = with_curve(lambda tokens: 0.1 + tokens / 1000)
    again = curve_with_usage(result, lambda trial, at: Usage(SIZES[at], 128, 0 if trial else 900))
    assert [point.n for point in line_of(again).points][:3] == [TRIALS - 1] * 3
    assert next(cell for cell in again.cells if cell.task == CURVE.name).cache_hits == 1


def test_a_first_token_before_the_prefill_is_warned_of_with_its_lead_and_the_valid_times() -> None:
    result = with_curve(lambda _tokens: 0.02, lambda tokens: tokens / 1000)
    text = text_of(result, "first_token_early")
    assert "by about 31.00 s" in text
    assert "E2E is valid" in text
    assert line_of(result).tps is None


def test_a_first_token_that_is_early_at_every_size_is_warned_of_with_the_fitted_rate() -> None:
    result = with_curve(lambda tokens: tokens / 1000 - 0.4, lambda _tokens: 0.4)
    assert "use the fitted rate, 1000 tokens/s" in text_of(result, "first_token_early")


def test_answers_of_different_lengths_do_not_make_a_first_token_early() -> None:
    result = with_curve(lambda _tokens: 0.02, lambda tokens: tokens / 1000)
    uneven = curve_with_usage(result, lambda _trial, at: Usage(SIZES[at], 20 * (at + 1), 0))
    assert "prefill_unmeasured" in codes(uneven)


def test_a_prefill_that_slows_down_has_marginal_rates_and_no_one_rate() -> None:
    result = with_curve(lambda tokens: 0.1 + tokens / 2000 + tokens**2 / 1e8)
    assert "no one rate is valid" in text_of(result, "prefill_nonlinear")


def faster(spread: DistributionSummary | None, times: float) -> DistributionSummary | None:
    return None if spread is None else replace(spread, median=spread.median * times)


def test_rates_above_the_roofline_are_warned_of_with_the_bound() -> None:
    result = base()
    assert not codes(summarize(result)) & {"implausible_decode", "implausible_prefill"}
    trials = [
        replace(
            trial,
            turns=tuple(
                replace(turn, timings=replace(turn.timings, decode_tps=5000.0, apparent_prefill_tps=1e6))
                for turn in trial.turns
            ),
        )
        for trial in result.trials
    ]
    fast = summarize(replace(result, trials=tuple(trials)))
    assert "is above 130" in text_of(fast, "implausible_decode")
    assert {"implausible_decode", "implausible_prefill"} <= codes(fast)
    unknown = replace(fast, host=replace(fast.host, chip="Unknown"))
    assert not codes(summarize(unknown)) & {"implausible_decode", "implausible_prefill"}


def with_canary(rates: list[float]) -> Result:
    result = base()
    trial = pattern(result)
    canaries = [
        replace(
            trial,
            model=model_of(result),
            task=CANARY.name,
            trial=number,
            turns=(replace(trial.turns[0], timings=replace(trial.turns[0].timings, decode_tps=rate)),),
        )
        for number, rate in enumerate(rates)
    ]
    return summarize(replace(result, tasks=(*result.tasks, CANARY), trials=(*result.trials, *canaries)))


def test_a_canary_that_drifted_by_more_than_5_percent_names_its_blocks() -> None:
    text = text_of(with_canary([60, 61, 60, 52, 60, 64]), "canary_drifted")
    assert "blocks 4, 6 of 6" in text
    assert "-13 %" in text


def test_a_cell_with_trials_in_a_block_whose_canary_drifted_is_flagged() -> None:
    result = with_canary([60, 61, 52, 60, 60, 64])
    there = {trial.trial for trial in result.trials if (trial.model, trial.task) == (model_of(result), "code-bugfix")}
    assert {2, 5} & there
    flagged = {(cell.model, cell.task): cell.drifted_trials for cell in result.cells if cell.drifted_trials}
    assert flagged[model_of(result), "code-bugfix"] == tuple(sorted({2, 5} & there))
    assert {model for model, _ in flagged} == {model_of(result)}
    assert not any(cell.drifted_trials for cell in with_canary([60, 61, 60, 60, 60, 60]).cells)


def test_a_block_without_a_canary_rate_keeps_its_number() -> None:
    result = with_canary([60, 60, 60, 60, 60, 70])
    trials = [trial for trial in result.trials if (trial.task, trial.trial) != (CANARY.name, 1)]
    assert "blocks 6 of 6" in text_of(summarize(replace(result, trials=tuple(trials))), "canary_drifted")


def test_a_canary_within_5_percent_is_not_warned_of() -> None:
    assert "canary_drifted" not in codes(with_canary([60, 62, 61, 58.5, 60, 62.5]))


def thought(chars: int, thinking: str) -> Result:
    result = base()
    label = model_of(result)
    models = tuple(
        replace(model, thinking=thinking) if model.label == label else model  # type: ignore[arg-type]
        for model in result.models
    )
    trials = tuple(
        replace(trial, turns=tuple(replace(turn, reasoning_chars=chars) for turn in trial.turns))
        if trial.model == label
        else trial
        for trial in result.trials
    )
    return summarize(replace(result, models=models, trials=trials))


def test_replies_that_contradict_the_thinking_setting_are_warned_of() -> None:
    assert "thinking_not_off" in codes(thought(50, "off"))
    assert "thinking_not_on" in codes(thought(0, "on"))
    for chars, thinking in ((0, "off"), (50, "on"), (50, "default"), (0, "default")):
        assert not codes(thought(chars, thinking)) & {"thinking_not_off", "thinking_not_on"}


@pytest.mark.parametrize(("busy", "lag_s", "warned"), [(0.4, 0.001, True), (0.1, 0.02, True), (0.1, 0.001, False)])
def test_a_disturbed_clock_is_warned_of(busy: float, lag_s: float, warned: bool) -> None:
    found = SelfTest(12, 0.0002, 0.0003, lag_s, 0.01, busy)
    result = base()
    result = summarize(replace(result, run=replace(result.run, selftest=found)))
    assert ("clock_disturbed" in codes(result)) is warned


@pytest.mark.parametrize(
    ("ttft_error_s", "decode_percent", "phrases"),
    [
        (0.030, 0.0, ("30.0 ms too late",)),
        (-0.030, 1000.0, ("30.0 ms too early", "off by 1000.0 %")),
        (0.001, 100.0, ("off by 100.0 %",)),
        (0.001, 0.5, ()),
    ],
)
def test_wrong_times_of_the_self_test_are_warned_of(
    ttft_error_s: float, decode_percent: float, phrases: tuple[str, ...]
) -> None:
    test = SelfTest(8, 0.0002, ttft_error_s, 0.0005, decode_percent, 0.1, 1e-7, 0.002)
    result = base()
    result = summarize(replace(result, run=replace(result.run, selftest=test)))
    texts = [warning.text for warning in result.warnings if warning.code == "clock_disturbed"]
    assert len(texts) == bool(phrases)
    assert all(words in texts[0] for words in phrases)


@pytest.mark.parametrize(
    ("step_s", "rate_error", "phrases"),
    [(0.016, 0.0, ("steps of 16.0 ms",)), (1e-7, 1.0, ("is 100.0 % off the wall clock",)), (None, None, ())],
)
def test_a_coarse_clock_or_one_of_another_speed_is_warned_of(
    step_s: float | None, rate_error: float | None, phrases: tuple[str, ...]
) -> None:
    found = list(find_timing_problems(SelfTest(8, 0.0002, 0.0003, 0.0005, 0.1, 0.1, step_s, rate_error)))
    assert len(found) == len(phrases)
    assert all(words in found[0] for words in phrases)


@pytest.mark.parametrize(("cpu_s", "turns", "warned"), [(1.0, 10, False), (9.0, 10, True), (9.0, 0, False)])
def test_high_cpu_use_of_the_recorder_is_warned_of(cpu_s: float, turns: int, warned: bool) -> None:
    result = base()
    models = tuple(
        replace(model, recorder_overhead=RecorderOverhead(cpu_s, 100.0, turns, 10**8)) for model in result.models
    )
    assert ("kit_overhead" in codes(summarize(replace(result, models=models)))) is warned


def with_clients() -> Result:
    """A result whose first model served one client and two; in one trial the second one got no complete reply."""
    result = base()
    trial, label = pattern(result), model_of(result)
    parallel = TaskInfo("speed-parallel", "Together", "speed", None, "0" * 64, 1, clients=(1, 2), scored=False)
    starts_s = (0.0, 10.0, 10.5)
    turns = tuple(
        replace(timed(trial.turns[0], 100, 0.5 + at, 4.0), started_ns=10**9 + int(start_s * 1e9))
        for at, start_s in enumerate(starts_s)
    )
    trials = [replace(trial, model=label, task=parallel.name, trial=number, turns=turns) for number in range(TRIALS)]
    broken = replace(trials[0], turns=(turns[0], turns[1], replace(turns[2], done=False, finish_reason=None)))
    whole = replace(result, tasks=(*result.tasks, parallel), trials=(*result.trials, broken, *trials[1:]))
    return summarize(whole)


def test_concurrent_clients_have_an_aggregate_throughput() -> None:
    one, two = next(cell for cell in with_clients().cells if cell.task == "speed-parallel").throughput
    assert one.tps is not None
    assert two.tps is not None
    assert two.max_ttft_s is not None
    assert [(group.clients, group.tps.n) for group in (one, two) if group.tps] == [(1, TRIALS), (2, TRIALS - 1)]
    assert [one.tps.median, two.tps.median] == pytest.approx([128 / 4, 256 / 4.5])
    assert two.max_ttft_s.median == pytest.approx(2.5)


def counted_so(tokens: Callable[[int], int]) -> Result:
    """A result whose server counts so many tokens in prompts of four characters a token."""
    result = with_curve(lambda size: 0.1 + size / 1000)
    trials = [
        replace(
            trial,
            turns=tuple(
                replace(turn, prompt_chars=4 * SIZES[at], usage=Usage(tokens(SIZES[at]), 128, 0))
                for at, turn in enumerate(trial.turns)
            ),
        )
        if trial.task == CURVE.name
        else trial
        for trial in result.trials
    ]
    return summarize(replace(result, trials=tuple(trials)))


def test_a_long_prompt_with_far_fewer_tokens_per_character_is_suspected() -> None:
    text = text_of(counted_so(lambda size: min(size, 20_000)), "prompt_suspect")
    assert "20000 tokens in 128000 characters" in text
    assert "38 % fewer" in text


@pytest.mark.parametrize("tokens", [lambda size: size, lambda size: size + 500, lambda size: int(size * 0.8)])
def test_prompts_of_similar_tokens_per_character_are_not_suspected(tokens: Callable[[int], int]) -> None:
    assert "prompt_suspect" not in codes(counted_so(tokens))


def with_conversation(counts: list[int | None], cached: int | None = None, **changes: bool) -> Result:
    """A result with one task of so many turns, the prompt of each counted so."""
    result = base()
    trial = pattern(result)
    task = TaskInfo("talk", "Talk", "speed", None, "0" * 64, 1, scored=False, **changes)  # type: ignore[arg-type]
    turns = tuple(
        replace(trial.turns[0], usage=None if count is None else Usage(count, 20, cached, None)) for count in counts
    )
    return summarize(
        replace(
            result,
            tasks=(*result.tasks, task),
            trials=(*result.trials, replace(trial, model=model_of(result), task="talk", turns=turns)),
        )
    )


def test_a_conversation_whose_prompt_shrinks_is_warned_of() -> None:
    text = text_of(with_conversation([1000, 2000, 1500]), "prompt_shrank")
    assert "1 of 1 trials" in text
    assert "turn 3: 1500 tokens, 2000 before" in text


def test_a_conversation_that_grows_or_has_no_counts_is_not_warned_of() -> None:
    assert "prompt_shrank" in codes(with_conversation([1000, 1000]))
    whole: list[int | None] = [1000, 2000, 3000]
    for counts in (whole, [1000, None, 900]):
        assert "prompt_shrank" not in codes(with_conversation(counts))
    assert "prompt_shrank" not in codes(with_conversation([1000, 500], 0))
    assert "prompt_shrank" not in codes(with_conversation([1000, 500], separate=True))


def test_the_blocks_of_a_drifted_canary_are_those_that_ran_and_not_the_cap() -> None:
    result = with_canary([60, 61, 60, 52, 60, 64])
    capped = summarize(replace(result, run=replace(result.run, trials=200)))
    assert "blocks 4, 6 of 6" in text_of(capped, "canary_drifted")
