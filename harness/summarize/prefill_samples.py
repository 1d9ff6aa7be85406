"""Selection of the turns that the prefill regression uses: complete, cold, timed turns of a task with several sizes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from harness.summarize.cells import is_complete, non_warmup_trials, served_from_cache
from harness.summarize.prefill import Sample, prefill
from harness.types import ModelInfo, Prefill, Result, TaskInfo, TrialResult, TurnResult

MAX_LENGTH_SPREAD = 0.1
"""Answers whose lengths differ by at most this share of their median count as equally long."""


def prefill_of(result: Result, model: ModelInfo) -> Prefill | None:
    """The prefill fit of the task with the longest prompts among those with enough sizes; None without such a task."""
    tasks = [task for task in result.tasks if task.separate and not task.clients]
    fits = [prefill(task.name, _samples(result, model, task)) for task in tasks]
    usable = [fit for fit in fits if fit is not None]
    return max(usable, key=lambda fit: fit.points[-1].uncached_tokens, default=None)


def _samples(result: Result, model: ModelInfo, task: TaskInfo) -> list[Sample]:
    trials = non_warmup_trials(result, model.label, task.name)
    found = [_sample(size, turn) for trial in trials for size, turn in enumerate(trial.turns)]
    samples = [sample for sample in found if sample is not None]
    if _equally_long_answers(trials):
        return samples
    # E2E shows an early first token only between answers of one length: if it cannot, TTFT takes its place.
    return [Sample(sample.size, sample.uncached_tokens, sample.ttft_s, sample.ttft_s) for sample in samples]


def _sample(size: int, turn: TurnResult) -> Sample | None:
    usage, timings = turn.usage, turn.timings
    if not is_complete(turn) or served_from_cache(turn) or usage is None or usage.prompt_tokens is None:
        return None
    if timings.ttft_s is None or timings.e2e_s is None:
        return None
    return Sample(size, usage.prompt_tokens - (usage.cached_tokens or 0), timings.ttft_s, timings.e2e_s)


def _equally_long_answers(trials: Sequence[TrialResult]) -> bool:
    usages = [turn.usage for trial in trials for turn in trial.turns]
    lengths = [usage.completion_tokens for usage in usages if usage and usage.completion_tokens]
    return bool(lengths) and max(lengths) - min(lengths) <= MAX_LENGTH_SPREAD * median(lengths)
