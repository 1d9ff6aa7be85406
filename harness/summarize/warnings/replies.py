"""Warnings about answers and their streams: repeated answers, caches, missing usage, buffering, outcomes, drift."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.summarize.cells import answer_identity, by_cell, is_complete, non_warmup_trials
from harness.types import ModelInfo, Outcome, Result, ResultWarning, TrialResult, TurnResult

MIN_BUFFERED_TOKENS = 64
MIN_ARRIVALS = 8
MIN_PROMPT_RATIO = 4
MIN_PROMPT_DIFFERENCE_TOKENS = 1000
MIN_TTFT_RATIO = 1.2
"""A prompt 4 times and 1000 tokens longer must take at least 1.2 times as long to the first token."""
MIN_DRIFT = 0.05
NO_REASON = "no reason recorded"

Turns = list[tuple[TrialResult, TurnResult]]


def _turns(result: Result, model: ModelInfo) -> Turns:
    return [(trial, turn) for trial in non_warmup_trials(result, model.label) for turn in trial.turns]


def _task_list(turns: Iterable[tuple[TrialResult, TurnResult]]) -> str:
    return ", ".join(sorted({trial.task for trial, _ in turns}))


def identical_answers(result: Result) -> Iterator[ResultWarning]:
    """Identical answers at temperature 0 are one observation, however many trials repeat them."""
    temperature = {model.label: model.sampling.temperature for model in result.models}
    trials = by_cell(result)
    for cell in result.cells:
        if cell.distinct_answers != 1 or temperature[cell.model] != 0:
            continue
        # A trial that ended in a server error has no answer.
        answers = sum(answer_identity(trial) is not None for trial in trials.get((cell.model, cell.task), ()))
        if answers < 2:
            continue
        text = f"all {answers} answers are identical at temperature 0: they are one observation, not {answers}"
        yield ResultWarning("identical_answers", f"{cell.model} on {cell.task}: {text}", cell.model, cell.task)


def cache_hits(result: Result) -> Iterator[ResultWarning]:
    """Cold trials that the server answered from its cache."""
    for cell in result.cells:
        if cell.cache_hits:
            text = (
                f"{cell.cache_hits} of {sum(cell.outcomes.values())} cold trials were served from the cache "
                "and are excluded from TTFT, E2E and prefill"
            )
            yield ResultWarning("cache_hit", f"{cell.model} on {cell.task}: {text}", cell.model, cell.task)


def cache_unknown(result: Result) -> Iterator[ResultWarning]:
    """Without the server's cache figures, nothing verifies that cold trials were cold; an agent's never are by plan."""
    for model in result.models:
        complete = [turn for trial, turn in _turns(result, model) if is_complete(turn) and trial.work is None]
        if complete and all(turn.usage is None or turn.usage.cached_tokens is None for turn in complete):
            text = "the server does not report cached tokens: only the nonce ensures that cold trials are cold"
            yield ResultWarning("cache_unknown", f"{model.label}: {text}", model.label)


def usage_missing(result: Result) -> Iterator[ResultWarning]:
    """Rates from chunk counts are no token rates."""
    for model in result.models:
        turns = [(trial, turn) for trial, turn in _turns(result, model) if turn.timings.tokens_source == "events"]
        if turns:
            text = f"{len(turns)} replies have no usage ({_task_list(turns)}): their rates count chunks, not tokens"
            yield ResultWarning("usage_missing", f"{model.label}: {text}", model.label)


def _is_buffered(turn: TurnResult) -> bool:
    tokens = turn.usage.completion_tokens if turn.usage else None
    few_arrivals = 0 < turn.counts.arrivals < MIN_ARRIVALS
    return is_complete(turn) and few_arrivals and tokens is not None and tokens >= MIN_BUFFERED_TOKENS


def buffered_stream(result: Result) -> Iterator[ResultWarning]:
    """Many tokens in a few arrivals: the server or a proxy buffers the stream."""
    for model in result.models:
        turns = [(trial, turn) for trial, turn in _turns(result, model) if _is_buffered(turn)]
        if turns:
            text = (
                f"{len(turns)} replies arrived in fewer than {MIN_ARRIVALS} pieces ({_task_list(turns)}): the stream "
                "is buffered, TTFT is late and there is no decode rate"
            )
            yield ResultWarning("buffered_stream", f"{model.label}: {text}", model.label)


def decode_unmeasured(result: Result) -> Iterator[ResultWarning]:
    """Replies without a decode rate, by reason."""
    for model in result.models:
        complete = [(trial, turn) for trial, turn in _turns(result, model) if is_complete(turn)]
        by_reason: dict[str, Turns] = {}
        for trial, turn in complete:
            if turn.timings.decode_tps is None:
                by_reason.setdefault(turn.timings.decode_null_reason or NO_REASON, []).append((trial, turn))
        for reason, turns in sorted(by_reason.items()):
            text = f"{len(turns)} of {len(complete)} replies have no decode rate: {reason} ({_task_list(turns)})"
            yield ResultWarning("decode_unmeasured", f"{model.label}: {text}", model.label)


_OUTCOMES = {
    Outcome.TRUNCATED_OUT: "answers reached the token budget and were cut off",
    Outcome.REPETITIVE: "answers had become a loop and were stopped",
    Outcome.TRUNCATED_IN: "prompts were truncated by the server: the model did not see all of them",
    Outcome.SERVER_ERROR: "trials ended in a server error",
    Outcome.TIMED_OUT: "trials timed out",
    Outcome.OUT_OF_MEMORY: "trials ran out of memory",
}


def outcomes_to_check(result: Result) -> Iterator[ResultWarning]:
    """Outcomes that a budget, a context length or the server may have caused rather than the model."""
    for cell in result.cells:
        for outcome, description in _OUTCOMES.items():
            count = cell.outcomes.get(outcome.value, 0)
            if count:
                text = f"{cell.model} on {cell.task}: {count} of {cell.pass_rate.n} {description}"
                yield ResultWarning(outcome.value, text, cell.model, cell.task)


def _cold_medians(result: Result, model: ModelInfo) -> list[tuple[float, float]]:
    """(prompt tokens, TTFT in seconds) of the model's cold turns, by prompt size; an agent's requests have no nonce."""
    of_agents = {task.name for task in result.tasks if task.for_agents}
    cells = (cell for cell in result.cells if cell.model == model.label and cell.task not in of_agents)
    cold = [cell.turns[0] for cell in cells if cell.turns]
    return sorted(
        (turn.prompt_tokens.median, turn.ttft_s.median) for turn in cold if turn.prompt_tokens and turn.ttft_s
    )


def prefill_contradicted(result: Result) -> Iterator[ResultWarning]:
    """A much longer prompt with the same TTFT was not prefilled before the first token, or came from a cache."""
    for model in result.models:
        points = _cold_medians(result, model)
        if len(points) < 2:
            continue
        (short_tokens, short_s), (long_tokens, long_s) = points[0], points[-1]
        difference = long_tokens - short_tokens
        is_longer = long_tokens >= MIN_PROMPT_RATIO * short_tokens and difference >= MIN_PROMPT_DIFFERENCE_TOKENS
        if is_longer and long_s < MIN_TTFT_RATIO * short_s:
            text = (
                f"{model.label}: TTFT is {long_s:.3f} s for {long_tokens:.0f} prompt tokens and {short_s:.3f} s for "
                f"{short_tokens:.0f}: the first token is sent before the prefill ends, or the prompt was cached"
            )
            yield ResultWarning("prefill_contradicted", text, model.label)


def drift(result: Result) -> Iterator[ResultWarning]:
    """A decode rate that changed significantly, and by 5 % or more, during the run: heat, another program, a cache."""
    for summary in result.summaries:
        change = summary.drift
        if change is None or abs(change.change) < MIN_DRIFT or change.low <= 0 <= change.high:
            continue
        interval = f"95 % interval {100 * change.low:+.0f} to {100 * change.high:+.0f} %"
        text = f"the decode rate changed by {100 * change.change:+.0f} % from the first to the last trial ({interval})"
        yield ResultWarning("drift", f"{summary.model}: {text}", summary.model)
