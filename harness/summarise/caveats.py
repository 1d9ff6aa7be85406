"""What a reader must know before believing a number. One function a caveat, in the table at the foot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from harness.summarise.cells import counted, is_whole
from harness.types import Caveat, Cell, HostFacts, ModelInfo, Outcome, Result, TrialResult, TurnResult

SWAP_BYTES = 256 * 1024 * 1024
BUSY_SHARE = 0.5
FEW_TRIALS = 6
BUFFERED_TOKENS = 64
BUFFERED_ARRIVALS = 8
PREFILL_TIMES_LONGER = 4
PREFILL_TOKENS_MORE = 1000
PREFILL_SLOWER = 1.2

Find = Callable[[Result, Sequence[Cell]], Iterator[Caveat]]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names)))


def _turns(result: Result, model: ModelInfo) -> list[tuple[TrialResult, TurnResult]]:
    return [(trial, turn) for trial in counted(result, model.label) for turn in trial.turns]


def simulated(result: Result, cells: Sequence[Cell]) -> Iterator[Caveat]:
    """The demo server's numbers are not measurements."""
    for model in result.models:
        if model.simulated:
            text = f"{model.label} is simulated: nothing here measures a model, and this result cannot be published"
            yield Caveat("simulated", text, model.label)


def kit_dirty(result: Result, cells: Sequence[Cell]) -> Iterator[Caveat]:
    """A changed kit is a kit that nobody else has."""
    if result.kit.dirty:
        yield Caveat("kit_dirty", "the kit had changes that are not committed: nobody else can run what ran here")


def _host_texts(host: HostFacts) -> Mapping[str, str | None]:
    on_battery = host.power_source is not None and "battery" in host.power_source.lower()
    swapped = host.swap_used_bytes if (host.swap_used_bytes or 0) >= SWAP_BYTES else None
    limits = [part.split("=")[1] for part in (host.thermal or "").split() if "Speed_Limit=" in part]
    busy = host.load_1m is not None and host.cpu_cores and host.load_1m > BUSY_SHARE * host.cpu_cores
    return {
        "host_battery": "the machine ran on battery, which can slow it: speeds may be low" if on_battery else None,
        "host_low_power": "low power mode was on: speeds are low" if host.low_power_mode else None,
        "host_swap": f"{swapped / 2**30:.1f} GiB of swap were in use at the start" if swapped else None,
        "host_thermal": f"the processor was held back by heat at the start ({host.thermal})"
        if any(limit != "100" for limit in limits)
        else None,
        "host_busy": f"other programs kept the machine busy at the start (load {host.load_1m:.1f})" if busy else None,
    }


def host_state(result: Result, cells: Sequence[Cell]) -> Iterator[Caveat]:
    """Battery, low power mode, swap, heat and other programs: all of them move speeds."""
    for code, text in _host_texts(result.host).items():
        if text is not None:
            yield Caveat(code, text)


def model_stopped(result: Result, cells: Sequence[Cell]) -> Iterator[Caveat]:
    """A model that was stopped was not asked everything; what was not asked is named."""
    for model in result.models:
        if model.stopped is None:
            continue
        seen = Counter(trial.task for trial in counted(result, model.label))
        lacking = [
            f"{task.name} {result.run.trials - seen[task.name]} of {result.run.trials}"
            for task in result.tasks
            if seen[task.name] < result.run.trials
        ]
        left = f"; not asked: {', '.join(lacking)}" if lacking else ""
        yield Caveat("model_stopped", f"{model.label} was stopped: {model.stopped}{left}", model.label)


def trials_missing(result: Result, cells: Sequence[Cell]) -> Iterator[Caveat]:
    """Planned trials that are not there count as not passed."""
    for one in cells:
        there = sum(one.outcomes.values())
        if there < one.rate.n:
            text = f"{one.rate.n - there} of {one.rate.n} planned trials are missing and count as not passed"
            yield Caveat("trials_missing", f"{one.model} on {one.task}: {text}", one.model, one.task)


def few_trials(result: Result, cells: Sequence[Cell]) -> Iterator[Caveat]:
    """A median of fewer than six values has no 95 % interval."""
    if result.run.trials < FEW_TRIALS:
        text = f"{result.run.trials} trials a task: speeds have no interval below {FEW_TRIALS}, and few rates differ"
        yield Caveat("few_trials", text)


def identical_answers(result: Result, cells: Sequence[Cell]) -> Iterator[Caveat]:
    """Ten copies of one answer are one observation."""
    temperature = {model.label: model.sampling.temperature for model in result.models}
    for one in cells:
        there = sum(one.outcomes.values())
        if there < 2 or one.distinct_answers != 1 or temperature[one.model] != 0:
            continue
        text = f"all {there} answers are the same at temperature 0: one observation, not {there}"
        yield Caveat("identical_answers", f"{one.model} on {one.task}: {text}", one.model, one.task)


def cache_hits(result: Result, cells: Sequence[Cell]) -> Iterator[Caveat]:
    """A cold trial that was not cold says nothing of prefill."""
    for one in cells:
        if one.cache_hits:
            text = (
                f"{one.cache_hits} of {sum(one.outcomes.values())} cold trials were served from the cache "
                "and are left out of TTFT, E2E and prefill"
            )
            yield Caveat("cache_hit", f"{one.model} on {one.task}: {text}", one.model, one.task)


def cache_unknown(result: Result, cells: Sequence[Cell]) -> Iterator[Caveat]:
    """Without the server's word nobody knows whether cold was cold."""
    for model in result.models:
        whole = [turn for _, turn in _turns(result, model) if is_whole(turn)]
        if whole and all(turn.usage is None or turn.usage.cached_tokens is None for turn in whole):
            text = (
                f"{model.label}: its server does not say how much of a prompt was cached; cold rests on the nonce alone"
            )
            yield Caveat("cache_unknown", text, model.label)


def usage_missing(result: Result, cells: Sequence[Cell]) -> Iterator[Caveat]:
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


def buffered_stream(result: Result, cells: Sequence[Cell]) -> Iterator[Caveat]:
    """Many tokens in a handful of arrivals: something on the way held the stream back."""
    for model in result.models:
        turns = [(t, turn) for t, turn in _turns(result, model) if _is_buffered(turn)]
        if turns:
            tasks = _listed(trial.task for trial, _ in turns)
            text = f"{model.label}: {len(turns)} replies came in fewer than {BUFFERED_ARRIVALS} pieces ({tasks})"
            yield Caveat("buffered_stream", f"{text}: their TTFT is late and they have no decode rate", model.label)


def decode_unmeasured(result: Result, cells: Sequence[Cell]) -> Iterator[Caveat]:
    """A decode rate that is null has its reason."""
    for model in result.models:
        whole = [(t, turn) for t, turn in _turns(result, model) if is_whole(turn)]
        without = [(t, turn) for t, turn in whole if turn.timings.decode_tps is None]
        reasons = Counter(turn.timings.decode_reason or "no reason given" for _, turn in without)
        for reason, count in sorted(reasons.items()):
            tasks = _listed(
                t.task for t, turn in without if (turn.timings.decode_reason or "no reason given") == reason
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


def telling_outcomes(result: Result, cells: Sequence[Cell]) -> Iterator[Caveat]:
    """Outcomes that may say more of a budget, a window or a server than of the model."""
    for one in cells:
        for outcome, text in _OUTCOMES.items():
            count = one.outcomes.get(outcome.value, 0)
            if count:
                told = f"{one.model} on {one.task}: {count} of {one.rate.n} {text}"
                yield Caveat(outcome.value, told, one.model, one.task)


def context_smaller(result: Result, cells: Sequence[Cell]) -> Iterator[Caveat]:
    """A server that gives less room than it was asked for."""
    for model in result.models:
        asked, served = model.context_tokens, model.served_context_tokens
        if asked is not None and served is not None and served < asked:
            text = f"{model.label}: {asked} tokens of context were asked for, the server says {served}"
            yield Caveat("context_smaller", text, model.label)


def _medians(model: ModelInfo, cells: Sequence[Cell]) -> list[tuple[float, float]]:
    """(prompt tokens, TTFT in seconds) of the model's cold turns, by the size of the prompt."""
    cold = [one.turns[0] for one in cells if one.model == model.label and one.turns]
    return sorted((t.prompt_tokens.median, t.ttft_s.median) for t in cold if t.prompt_tokens and t.ttft_s)


def prefill_contradicted(result: Result, cells: Sequence[Cell]) -> Iterator[Caveat]:
    """A prompt many times longer that is read in the same time was not read before the first token, or was cached."""
    for model in result.models:
        points = _medians(model, cells)
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


def private_includes(result: Result, cells: Sequence[Cell]) -> Iterator[Caveat]:
    """What only its owner can read, nobody else can run again."""
    for task in result.tasks:
        if task.private_includes:
            text = f"{task.name} holds private files ({', '.join(task.private_includes)}): others see only its digest"
            yield Caveat("private_includes", text, task=task.name)


CAVEATS: tuple[Find, ...] = (
    simulated,
    kit_dirty,
    host_state,
    model_stopped,
    trials_missing,
    few_trials,
    identical_answers,
    cache_hits,
    cache_unknown,
    usage_missing,
    buffered_stream,
    decode_unmeasured,
    telling_outcomes,
    context_smaller,
    prefill_contradicted,
    private_includes,
)


def caveats(result: Result, cells: Sequence[Cell]) -> tuple[Caveat, ...]:
    """Every caveat of a result, in the order of the table."""
    return tuple(one for find in CAVEATS for one in find(result, cells))
