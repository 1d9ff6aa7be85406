"""Warnings about timings: prefill fits, roofline, canaries, thinking, prompts that the server cut, disturbed clocks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from harness.summarize.canary import drifted_blocks
from harness.summarize.cells import by_cell, is_complete, non_warmup_trials
from harness.summarize.roofline import max_decode_tps, max_prefill_tps
from harness.types import ModelInfo, Prefill, Result, ResultWarning, SelfTest, TrialResult

MAX_OTHER_CPU_SHARE = 0.25
MAX_LAG_S = 0.005
MAX_SELFTEST_TTFT_ERROR_S = 0.005
MAX_SELFTEST_DECODE_PERCENT = 1.0
MAX_CLOCK_STEP_S = 0.001
MAX_CLOCK_RATE_ERROR = 0.01
"""A smaller difference may be the wall clock's, which is adjusted while it runs."""
MAX_KIT_CPU_SHARE = 0.05
MIN_PROMPT_CHARS = 1500
MIN_LENGTH_RATIO = 2.0
MIN_DENSITY_RATIO = 0.7
"""Code has up to 1.4 times the tokens per character of prose: a lower value than 1/1.4 has another cause."""


def _format_rate(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "no rate"
    return f"{value:.0f} tokens/s" + (f" ({low:.0f} to {high:.0f})" if low is not None and high is not None else "")


def _prefill_problem(fit: Prefill) -> tuple[str, str] | None:
    """Code and text of the warning about a fit; None if the fitted rate is valid."""
    apparent = _format_rate(fit.apparent_tps, fit.apparent_low, fit.apparent_high)
    early_s = fit.early_first_token_s
    if fit.valid_rate == "none" and early_s is not None:
        text = (
            f"the first token comes before the prefill is done, by about {early_s:.2f} s at the longest prompt: "
            f"TTFT and the apparent prefill rate ({apparent}) are invalid, E2E is valid"
        )
        return "first_token_early", text
    if fit.valid_rate == "none":
        text = f"TTFT does not grow significantly with the prompt: no prefill rate is valid, including {apparent}"
        return "prefill_unmeasured", text
    if early_s is not None:
        fitted = _format_rate(fit.tps, fit.low, fit.high)
        text = (
            f"the first token comes about {early_s:.2f} s before the prefill is done at every prompt size: use the "
            f"fitted rate, {fitted}, not the apparent {apparent}"
        )
        return "first_token_early", text
    if fit.valid_rate == "between_sizes":
        rates = ", ".join("none" if rate is None else f"{rate:.0f}" for rate in fit.marginal_tps)
        text = f"prefill slows down with the prompt: no one rate is valid; between neighboring sizes {rates} tokens/s"
        return "prefill_nonlinear", text
    return None


def prefill_reliability(result: Result) -> Iterator[ResultWarning]:
    """Prefill fits whose rate or whose TTFT is not valid."""
    for summary in result.summaries:
        fit = summary.prefill
        problem = _prefill_problem(fit) if fit is not None else None
        if fit is not None and problem is not None:
            code, text = problem
            yield ResultWarning(code, f"{summary.model} on {fit.task}: {text}", summary.model, fit.task)


def implausible_rates(result: Result) -> Iterator[ResultWarning]:
    """Rates above the roofline of the machine for the declared weights."""
    for model in result.models:
        bounds = (
            ("decode", max_decode_tps(result.host, model.facts), "memory-bandwidth"),
            ("prefill", max_prefill_tps(result.host, model.facts), "peak-FLOPs"),
        )
        for phase, bound, resource in bounds:
            rate = _max_rate(result, model, phase)
            if bound is not None and rate is not None and rate > bound:
                text = (
                    f"{model.label}: {phase} at {rate:.0f} tokens/s is above {bound:.0f}, the {resource} limit for "
                    "the declared weights: a cache, speculative decoding, or a wrong fact or timing"
                )
                yield ResultWarning(f"implausible_{phase}", text, model.label)


def _max_rate(result: Result, model: ModelInfo, phase: str) -> float | None:
    """The highest median rate that the result reports for a model, including the fitted prefill rate."""
    turns = [turn for cell in result.cells if cell.model == model.label for turn in cell.turns]
    spreads = [turn.decode_tps if phase == "decode" else turn.apparent_prefill_tps for turn in turns]
    rates = [spread.median for spread in spreads if spread is not None]
    if phase == "prefill":
        fits = [summary.prefill for summary in result.summaries if summary.model == model.label]
        rates += [fit.tps for fit in fits if fit is not None and fit.tps is not None]
    return max(rates, default=None)


def canary_drifted(result: Result) -> Iterator[ResultWarning]:
    """Blocks whose canary was more than 5 % off the run's median: heat, another program, a server restart."""
    trials = by_cell(result)
    for model in result.models:
        drifted = drifted_blocks(result, model, trials)
        if drifted:
            worst = max(drifted.values(), key=abs)
            blocks = ", ".join(str(block + 1) for block in sorted(drifted))
            count = len({trial.trial for trial in result.counted_trials})
            text = (
                f"{model.label}: the canary's decode rate was up to {100 * worst:+.0f} % off in blocks {blocks} of "
                f"{count}: the trials of these blocks ran at another machine speed"
            )
            yield ResultWarning("canary_drifted", text, model.label)


def thinking_switch(result: Result) -> Iterator[ResultWarning]:
    """Replies that contradict the thinking setting: reasoning when it is off, none when it is on.

    Reasoning of a model that was learned not to think had no budget of its own.
    """
    for model in result.models:
        turns = [turn for trial in non_warmup_trials(result, model.label) for turn in trial.turns if is_complete(turn)]
        with_reasoning = sum(turn.reasoning_chars > 0 for turn in turns)
        if model.thinking == "off" and with_reasoning:
            text = f"{model.label}: thinking is off, but {with_reasoning} of {len(turns)} replies contain reasoning"
            yield ResultWarning("thinking_not_off", text, model.label)
        if model.thinking == "default" and model.thinks is False and with_reasoning:
            text = f"{model.label}: it did not think when first asked, but {with_reasoning} of {len(turns)} replies did"
            yield ResultWarning("thinking_without_budget", text, model.label)
        if model.thinking == "on" and turns and not with_reasoning:
            text = f"{model.label}: thinking is on, but none of {len(turns)} replies contains reasoning"
            yield ResultWarning("thinking_not_on", text, model.label)


class _Prompt(NamedTuple):
    task: str
    chars: int
    tokens: int

    @property
    def tokens_per_char(self) -> float:
        """How many tokens the server counted per character."""
        return self.tokens / self.chars


def _cold_prompts(result: Result, model: ModelInfo) -> list[_Prompt]:
    """The cold prompts that are long enough for a stable number of tokens per character."""
    separate = {task.name for task in result.tasks if task.separate}
    prompts = []
    for trial in non_warmup_trials(result, model.label):
        for turn in trial.turns if trial.task in separate else trial.turns[:1]:
            chars, tokens = turn.prompt_chars or 0, turn.usage.prompt_tokens if turn.usage else None
            if chars >= MIN_PROMPT_CHARS and tokens and is_complete(turn):
                prompts.append(_Prompt(trial.task, chars, tokens))
    return prompts


def prompt_suspect(result: Result) -> Iterator[ResultWarning]:
    """A long prompt with far fewer tokens per character than the shorter ones: the server may have truncated it."""
    for model in result.models:
        prompts = _cold_prompts(result, model)
        reported: set[str] = set()
        for prompt in prompts:
            shorter = [other.tokens_per_char for other in prompts if other.chars * MIN_LENGTH_RATIO <= prompt.chars]
            if not shorter or prompt.tokens_per_char >= MIN_DENSITY_RATIO * min(shorter) or prompt.task in reported:
                continue
            reported.add(prompt.task)
            share = 1 - prompt.tokens_per_char / min(shorter)
            text = (
                f"{model.label} on {prompt.task}: the server counts {prompt.tokens} tokens in {prompt.chars} "
                f"characters, {100 * share:.0f} % fewer per character than in shorter "
                "prompts: it may have truncated the prompt"
            )
            yield ResultWarning("prompt_suspect", text, model.label, prompt.task)


def _shrunk_turn(trial: TrialResult) -> tuple[int, int, int] | None:
    """(turn, its tokens, tokens of the turn before) if a conversation's prompt did not grow.

    None if the server reports cached tokens: `harness.read` then finds truncated prompts in each turn by itself.
    """
    counts = [turn.usage.prompt_tokens if turn.usage and is_complete(turn) else None for turn in trial.turns]
    if any(turn.usage and turn.usage.cached_tokens is not None for turn in trial.turns):
        return None
    for number, (before, tokens) in enumerate(pairwise(counts), 2):
        if before and tokens and tokens <= before:
            return number, tokens, before
    return None


def prompt_shrank(result: Result) -> Iterator[ResultWarning]:
    """A later prompt of a conversation that has no more tokens than the one before: truncated, or cached.

    An agent decides itself what its next prompt holds.
    """
    independent = {task.name for task in result.tasks if task.for_agents or not task.is_conversation}
    for (model, task), trials in by_cell(result).items():
        if task in independent:
            continue
        shrunk = [turn for turn in map(_shrunk_turn, trials) if turn is not None]
        if shrunk:
            number, tokens, before = shrunk[0]
            text = (
                f"{model} on {task}: in {len(shrunk)} of {len(trials)} trials the prompt did not grow from turn to "
                f"turn (turn {number}: {tokens} tokens, {before} before): the server dropped the beginning, or does "
                "not count cached tokens"
            )
            yield ResultWarning("prompt_shrank", text, model, task)


def clock_disturbed(result: Result) -> Iterator[ResultWarning]:
    """The self-test's times were wrong: other processes delayed them, or the clock is not accurate."""
    test = result.run.selftest
    problems = () if test is None else tuple(find_timing_problems(test))
    if problems:
        yield ResultWarning("clock_disturbed", "; ".join(problems))


def find_timing_problems(test: SelfTest) -> Iterator[str]:
    """What a self-test found wrong with the times of this machine, one text each."""
    if (test.other_cpu_share or 0.0) > MAX_OTHER_CPU_SHARE or test.lag_p99_s > MAX_LAG_S:
        share = "an unknown share" if test.other_cpu_share is None else f"{100 * test.other_cpu_share:.0f} %"
        yield (
            f"other processes used {share} of the CPU before the run; timestamps of tokens were up to "
            f"{1e3 * test.lag_p99_s:.1f} ms late (99th percentile)"
        )
    if abs(test.ttft_error_s) > MAX_SELFTEST_TTFT_ERROR_S:
        side = "late" if test.ttft_error_s > 0 else "early"
        yield f"in the self-test TTFT was {1e3 * abs(test.ttft_error_s):.1f} ms too {side} (median)"
    if test.decode_error_percent > MAX_SELFTEST_DECODE_PERCENT:
        yield f"in the self-test the decode rate was off by {test.decode_error_percent:.1f} % (median)"
    yield from _clock_problems(test.clock_step_s or 0.0, test.clock_rate_error or 0.0)


def _clock_problems(step_s: float, rate_error: float) -> Iterator[str]:
    if step_s > MAX_CLOCK_STEP_S:
        yield f"the clock moves in steps of {1e3 * step_s:.1f} ms"
    if rate_error > MAX_CLOCK_RATE_ERROR:
        yield f"the clock's speed, and so that of all times, is {100 * rate_error:.1f} % off the wall clock's"


def kit_overhead(result: Result) -> Iterator[ResultWarning]:
    """Lanebench itself used so much CPU time while recording that it may have slowed the model down."""
    for model in result.models:
        use = model.recorder_overhead
        if use is not None and use.turns and use.cpu_s > MAX_KIT_CPU_SHARE * use.wall_s and not model.simulated:
            share = 100 * use.cpu_s / use.wall_s
            yield ResultWarning("kit_overhead", f"{model.label}: Lanebench used {share:.0f} % of a core", model.label)
