"""What a reader must know of how times were taken: prefill by the line, bounds of the machine, canaries, thinking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from harness.summarize.canary import moved_blocks
from harness.summarize.cells import by_cell, counted, is_whole, served_from_cache
from harness.summarize.prefill import Sample, prefill
from harness.summarize.roofline import most_decode_tps, most_prefill_tps
from harness.types import Caveat, ModelInfo, Prefill, Result, TaskInfo, TrialResult, TurnResult

OTHERS_BUSY = 0.25
LATE_S = 0.005
KIT_SHARE = 0.05
SAME_LENGTH = 0.1
COUNTED_CHARS = 1500
LONGER_TIMES = 2.0
THINNER = 0.7
"""Code has up to 1.4 times the tokens a character that prose has; what is thinner still is no other kind of text."""


def _sample(size: int, turn: TurnResult) -> Sample | None:
    usage, timings = turn.usage, turn.timings
    if not is_whole(turn) or served_from_cache(turn) or usage is None or usage.prompt_tokens is None:
        return None
    if timings.ttft_s is None or timings.e2e_s is None:
        return None
    return Sample(size, usage.prompt_tokens - (usage.cached_tokens or 0), timings.ttft_s, timings.e2e_s)


def _same_length(trials: Sequence[TrialResult]) -> bool:
    """Whether the answers to all sizes are about as long, so that the ends of their replies can be compared."""
    lengths = [
        turn.usage.completion_tokens for t in trials for turn in t.turns if turn.usage and turn.usage.completion_tokens
    ]
    return bool(lengths) and max(lengths) - min(lengths) <= SAME_LENGTH * median(lengths)


def _samples(result: Result, model: ModelInfo, task: TaskInfo) -> list[Sample]:
    trials = counted(result, model.label, task.name)
    found = [_sample(size, turn) for trial in trials for size, turn in enumerate(trial.turns)]
    samples = [one for one in found if one is not None]
    if _same_length(trials):
        return samples
    return [Sample(one.size, one.uncached_tokens, one.ttft_s, one.ttft_s) for one in samples]


def prefill_of(result: Result, model: ModelInfo) -> Prefill | None:
    """The line through the task that asks the longest prompts in enough sizes; None where none does."""
    lines = [
        prefill(task.name, _samples(result, model, task)) for task in result.tasks if task.separate and not task.clients
    ]
    known = [line for line in lines if line is not None]
    return max(known, key=lambda line: line.points[-1].uncached_tokens, default=None)


def _rate(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "no rate"
    return f"{value:.0f} tokens/s" + (f" ({low:.0f} to {high:.0f})" if low is not None and high is not None else "")


def _prefill_text(line: Prefill) -> str | None:
    apparent = _rate(line.apparent_tps, line.apparent_low, line.apparent_high)
    if line.trust == "neither" and line.early_s is not None:
        return (
            f"the first token comes before the prefill is done, by about {line.early_s:.2f} s at the longest prompt: "
            f"TTFT and the apparent prefill rate ({apparent}) are not to be trusted; E2E is"
        )
    if line.trust == "neither":
        return f"TTFT does not grow with the prompt beyond chance: no prefill rate can be told, nor is {apparent} one"
    told = _rate(line.tps, line.low, line.high)
    if line.early_s is not None:
        return (
            f"the first token comes about {line.early_s:.2f} s before the prefill is done in every size: trust the "
            f"line, {told}, not the apparent {apparent}"
        )
    if line.trust == "marginal":
        rates = ", ".join("none" if rate is None else f"{rate:.0f}" for rate in line.marginal_tps)
        return f"prefill slows down with the prompt: between neighbouring sizes {rates} tokens/s; no one rate holds"
    return None


def prefill_told(result: Result) -> Iterator[Caveat]:
    """What the line through the prompt sizes says against the apparent rate."""
    for one in result.summaries:
        text = _prefill_text(one.prefill) if one.prefill is not None else None
        if text is not None and one.prefill is not None:
            code = "prefill_curved" if one.prefill.trust == "marginal" else "first_token_early"
            if one.prefill.trust == "neither" and one.prefill.early_s is None:
                code = "prefill_unmeasured"
            yield Caveat(code, f"{one.model} on {one.prefill.task}: {text}", one.model, one.prefill.task)


def implausible(result: Result) -> Iterator[Caveat]:
    """A rate above what the machine can do for these weights is wrong, or not what it seems."""
    for model in result.models:
        bounds = (
            ("decode", most_decode_tps(result.host, model.facts), "the memory's bandwidth"),
            ("prefill", most_prefill_tps(result.host, model.facts), "the graphics' arithmetic"),
        )
        for word, most, why in bounds:
            seen = _fastest(result, model, word)
            if most is not None and seen is not None and seen > most:
                text = (
                    f"{model.label}: {word} at {seen:.0f} tokens/s is above {most:.0f}, the most that {why} allows for "
                    "the stated weights: a cache, several tokens a pass, or a wrong fact or time"
                )
                yield Caveat(f"implausible_{word}", text, model.label)


def _fastest(result: Result, model: ModelInfo, word: str) -> float | None:
    """The largest median rate that the result tells of a model; of prefill the line's too."""
    turns = [turn for cell in result.cells if cell.model == model.label for turn in cell.turns]
    spreads = [turn.decode_tps if word == "decode" else turn.apparent_prefill_tps for turn in turns]
    rates = [spread.median for spread in spreads if spread is not None]
    lines = [one.prefill.tps for one in result.summaries if one.model == model.label and one.prefill is not None]
    rates += [rate for rate in lines if rate is not None and word == "prefill"]
    return max(rates, default=None)


def canary_moved(result: Result) -> Iterator[Caveat]:
    """Blocks whose canary was more than 5 % off the run's own: heat, another program, another state of the server."""
    trials = by_cell(result)
    for model in result.models:
        moved = moved_blocks(result, model, trials)
        if moved:
            worst = max(moved.values(), key=abs)
            blocks = ", ".join(str(trial + 1) for trial in sorted(moved))
            text = (
                f"{model.label}: the canary's decode rate was up to {100 * worst:+.0f} % off in blocks {blocks} of "
                f"{result.run.trials}: in every cell, the trials of these numbers ran on a machine of another speed"
            )
            yield Caveat("canary_moved", text, model.label)


def thinking_unproven(result: Result) -> Iterator[Caveat]:
    """A switch is believed when the reply shows it: thoughts when on, none when off."""
    for model in result.models:
        turns = [turn for trial in counted(result, model.label) for turn in trial.turns if is_whole(turn)]
        thought = sum(turn.reasoning_chars > 0 for turn in turns)
        if model.thinking == "off" and thought:
            text = f"{model.label}: thinking was switched off, and {thought} of {len(turns)} replies hold thoughts"
            yield Caveat("thinking_not_off", text, model.label)
        if model.thinking == "on" and turns and not thought:
            text = f"{model.label}: thinking was switched on, and none of {len(turns)} replies holds a thought"
            yield Caveat("thinking_not_on", text, model.label)


def _densities(result: Result, model: ModelInfo) -> list[tuple[str, int, int, float]]:
    """(task, characters, tokens, tokens a character) of each turn whose prompt is long enough to count."""
    separate = {task.name for task in result.tasks if task.separate}
    out = []
    for trial in counted(result, model.label):
        cold = trial.turns if trial.task in separate else trial.turns[:1]
        for turn in cold:
            chars, tokens = turn.prompt_chars or 0, turn.usage.prompt_tokens if turn.usage else None
            if chars >= COUNTED_CHARS and tokens and is_whole(turn):
                out.append((trial.task, chars, tokens, tokens / chars))
    return out


def prompt_suspect(result: Result) -> Iterator[Caveat]:
    """A long prompt of which the server counts far fewer tokens a character than of the shorter ones was cut."""
    for model in result.models:
        rows = _densities(result, model)
        told: set[str] = set()
        for task, chars, tokens, density in rows:
            shorter = [other for _, others, _, other in rows if others * LONGER_TIMES <= chars]
            if not shorter or density >= THINNER * min(shorter) or task in told:
                continue
            told.add(task)
            text = (
                f"{model.label} on {task}: the server counts {tokens} tokens in {chars} characters, "
                f"{100 * (1 - density / min(shorter)):.0f} % fewer a character than in shorter prompts: it may have "
                "cut the prompt"
            )
            yield Caveat("prompt_suspect", text, model.label, task)


def _shrunk(trial: TrialResult) -> tuple[int, int, int] | None:
    """(turn, tokens, tokens of the turn before) where a conversation's prompt did not grow; cached tokens not told."""
    counts = [turn.usage.prompt_tokens if turn.usage and is_whole(turn) else None for turn in trial.turns]
    told = any(turn.usage and turn.usage.cached_tokens is not None for turn in trial.turns)
    for at, (before, now) in enumerate(pairwise(counts), 2):
        if not told and before and now and now <= before:
            return at, now, before
    return None


def prompt_shrank(result: Result) -> Iterator[Caveat]:
    """A conversation grows: a later prompt with no more tokens lost its beginning, or its cached part."""
    alone = {task.name for task in result.tasks if task.separate or task.clients}
    for (model, task), trials in by_cell(result).items():
        found = [one for one in map(_shrunk, trials) if one is not None and task not in alone]
        if found:
            turn, now, before = found[0]
            text = (
                f"{model} on {task}: in {len(found)} of {len(trials)} trials the prompt did not grow on its way "
                f"(turn {turn}: {now} tokens, {before} before): the server dropped what was said first, or does not "
                "count what it had cached"
            )
            yield Caveat("prompt_shrank", text, model, task)


def clock_disturbed(result: Result) -> Iterator[Caveat]:
    """Others at work while the clock was tested make every short time late."""
    found = result.run.selftest
    if found is None:
        return
    if (found.other_cpu_share or 0.0) > OTHERS_BUSY or found.lag_p99_s > LATE_S:
        busy = "an unknown share" if found.other_cpu_share is None else f"{100 * found.other_cpu_share:.0f} %"
        text = (
            f"other processes took {busy} of the processors before the run; tokens were stamped up to "
            f"{1e3 * found.lag_p99_s:.1f} ms late (99th percentile)"
        )
        yield Caveat("clock_disturbed", text)


def kit_heavy(result: Result) -> Iterator[Caveat]:
    """The kit itself must not be what slows a model down."""
    for model in result.models:
        use = model.kit_use
        if use is not None and use.turns and use.cpu_s > KIT_SHARE * use.wall_s and not model.simulated:
            share = 100 * use.cpu_s / use.wall_s
            yield Caveat("kit_heavy", f"{model.label}: the kit itself took {share:.0f} % of a core", model.label)
