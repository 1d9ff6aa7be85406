"""What a reader must know of the answers and their streams before believing a number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from harness.summarize.cells import counted, is_whole
from harness.types import Caveat, Cell, ModelInfo, Outcome, Result, TrialResult, TurnResult

BUFFERED_TOKENS = 64
BUFFERED_ARRIVALS = 8
PREFILL_TIMES_LONGER = 4
PREFILL_TOKENS_MORE = 1000
PREFILL_SLOWER = 1.2
DRIFT = 0.05


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names)))


def _turns(result: Result, model: ModelInfo) -> list[tuple[TrialResult, TurnResult]]:
    return [(trial, turn) for trial in counted(result, model.label) for turn in trial.turns]


def identical_answers(result: Result) -> Iterator[Caveat]:
    """Ten copies of one answer are one observation."""
    temperature = {model.label: model.sampling.temperature for model in result.models}
    for one in result.cells:
        there = sum(one.outcomes.values())
        if there < 2 or one.distinct_answers != 1 or temperature[one.model] != 0:
            continue
        text = f"all {there} answers are the same at temperature 0: one observation, not {there}"
        yield Caveat("identical_answers", f"{one.model} on {one.task}: {text}", one.model, one.task)


def cache_hits(result: Result) -> Iterator[Caveat]:
    """A cold trial that was not cold says nothing of prefill."""
    for one in result.cells:
        if one.cache_hits:
            text = (
                f"{one.cache_hits} of {sum(one.outcomes.values())} cold trials were served from the cache "
                "and are left out of TTFT, E2E and prefill"
            )
            yield Caveat("cache_hit", f"{one.model} on {one.task}: {text}", one.model, one.task)


def cache_unknown(result: Result) -> Iterator[Caveat]:
    """Without the server's word nobody knows whether cold was cold."""
    for model in result.models:
        whole = [turn for _, turn in _turns(result, model) if is_whole(turn)]
        if whole and all(turn.usage is None or turn.usage.cached_tokens is None for turn in whole):
            text = (
                f"{model.label}: its server does not say how much of a prompt was cached; cold rests on the nonce alone"
            )
            yield Caveat("cache_unknown", text, model.label)


def usage_missing(result: Result) -> Iterator[Caveat]:
    """Chunks are not tokens."""
    for model in result.models:
        turns = [(t, turn) for t, turn in _turns(result, model) if turn.timings.tokens_source == "chunks"]
        if turns:
            tasks = _listed(trial.task for trial, _ in turns)
            text = f"{model.label}: no usage in {len(turns)} replies ({tasks}); rates count chunks there, not tokens"
            yield Caveat("usage_missing", text, model.label)


def _is_buffered(turn: TurnResult) -> bool:
    tokens = turn.usage.completion_tokens if turn.usage else None
    few = 0 < turn.counts.arrivals < BUFFERED_ARRIVALS
    return is_whole(turn) and few and tokens is not None and tokens >= BUFFERED_TOKENS


def buffered_stream(result: Result) -> Iterator[Caveat]:
    """Many tokens in a handful of arrivals: something on the way held the stream back."""
    for model in result.models:
        turns = [(t, turn) for t, turn in _turns(result, model) if _is_buffered(turn)]
        if turns:
            tasks = _listed(trial.task for trial, _ in turns)
            text = f"{model.label}: {len(turns)} replies came in fewer than {BUFFERED_ARRIVALS} pieces ({tasks})"
            yield Caveat("buffered_stream", f"{text}: their TTFT is late and they have no decode rate", model.label)


def decode_unmeasured(result: Result) -> Iterator[Caveat]:
    """A decode rate that is null has its reason."""
    for model in result.models:
        whole = [(t, turn) for t, turn in _turns(result, model) if is_whole(turn)]
        without = [(t, turn) for t, turn in whole if turn.timings.decode_tps is None]
        reasons = Counter(turn.timings.decode_null_reason or "no reason given" for _, turn in without)
        for reason, count in sorted(reasons.items()):
            tasks = _listed(
                t.task for t, turn in without if (turn.timings.decode_null_reason or "no reason given") == reason
            )
            text = f"{model.label}: no decode rate for {count} of {len(whole)} replies: {reason} ({tasks})"
            yield Caveat("decode_unmeasured", text, model.label)


_OUTCOMES = {
    Outcome.TRUNCATED_OUT: "answers met their budget of tokens and were cut off",
    Outcome.TRUNCATED_IN: "prompts were cut by the server: the model never saw all of them",
    Outcome.SERVER_ERROR: "trials ended in an error of the server",
    Outcome.TIMED_OUT: "trials ran out of time",
    Outcome.OUT_OF_MEMORY: "trials ran out of memory",
}


def telling_outcomes(result: Result) -> Iterator[Caveat]:
    """Outcomes that may say more of a budget, a window or a server than of the model."""
    for one in result.cells:
        for outcome, text in _OUTCOMES.items():
            count = one.outcomes.get(outcome.value, 0)
            if count:
                told = f"{one.model} on {one.task}: {count} of {one.rate.n} {text}"
                yield Caveat(outcome.value, told, one.model, one.task)


def _medians(model: ModelInfo, cells: Sequence[Cell]) -> list[tuple[float, float]]:
    """(prompt tokens, TTFT in seconds) of the model's cold turns, by the size of the prompt."""
    cold = [one.turns[0] for one in cells if one.model == model.label and one.turns]
    return sorted((t.prompt_tokens.median, t.ttft_s.median) for t in cold if t.prompt_tokens and t.ttft_s)


def prefill_contradicted(result: Result) -> Iterator[Caveat]:
    """A prompt many times longer that is read in the same time was not read before the first token, or was cached."""
    for model in result.models:
        points = _medians(model, result.cells)
        if len(points) < 2:
            continue
        (small, quick), (large, slow) = points[0], points[-1]
        longer = large >= PREFILL_TIMES_LONGER * small and large - small >= PREFILL_TOKENS_MORE
        if longer and slow < PREFILL_SLOWER * quick:
            text = (
                f"{model.label}: {large:.0f} prompt tokens took {slow:.3f} s to the first token and {small:.0f} took "
                f"{quick:.3f} s: the stream tells its first token too early, or a cache was at work"
            )
            yield Caveat("prefill_contradicted", text, model.label)


def drifted(result: Result) -> Iterator[Caveat]:
    """A decode rate that moved during the run by more than matters: heat, another program, a growing cache."""
    for one in result.summaries:
        drift = one.drift
        if drift is None or abs(drift.change) < DRIFT or drift.low <= 0 <= drift.high:
            continue
        bounds = f"{100 * drift.low:+.0f} to {100 * drift.high:+.0f} %"
        text = f"{one.model}: its decode rate moved by {100 * drift.change:+.0f} % from first trial to last ({bounds})"
        yield Caveat("drift", text, one.model)
