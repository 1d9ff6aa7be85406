"""Says in words how well trials that were run again agree with those that were published.

`compare_model` compares one model's pairs: which trials passed, whether chance explains the difference, and, on
hardware of the same class, how the decode rates compare. Whoever reads the words needs no statistics.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.stats import format_k_of_n, geometric_mean_ratio, mcnemar_p, ratio_verdict
from harness.types import SIGNIFICANCE, HostFacts, Model, ModelInfo, Reading, Severity, TrialResult

MAX_SPEED_FACTOR = 1.25
"""Updates of a server and the temperature of a room change speeds by less; more needs an explanation."""
CLASS_FACTS = ("system", "architecture", "chip", "cpu_cores", "gpu_cores")
"""Machines that have these in common have the same speed, as far as hardware decides it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A published trial, and the same trial as it went here."""

    published: TrialResult
    passed: bool
    readings: tuple[Reading, ...]

    @property
    def was_passed(self) -> bool:
        """Whether the published trial passed."""
        return self.published.outcome == "passed"


def compare_model(label: str, pairs: Sequence[Pair], p_value: float, enough: int) -> tuple[str, Severity]:
    """How the pass rates of a model agree. `p_value` is corrected for the models, `enough` the trials that can tell."""
    here, published = sum(pair.passed for pair in pairs), sum(pair.was_passed for pair in pairs)
    alike = sum(pair.passed == pair.was_passed for pair in pairs)
    counts = f"passed {format_k_of_n(here, len(pairs))} here, and in {published} of the same trials as published"
    if len(pairs) < enough:
        return f"{label}: {counts}; {len(pairs)} trials cannot show a difference, {enough} can", "inconclusive"
    if p_value < SIGNIFICANCE:
        return f"{label} disagrees: {counts}: chance does not explain the difference (p = {p_value:.2g})", "error"
    if alike == len(pairs):
        return f"{label} agrees in every trial: {counts}", "info"
    return f"{label} agrees within chance: {counts}; {alike} of {len(pairs)} trials ended alike", "info"


def p_value_of(pairs: Sequence[Pair]) -> float:
    """The exact McNemar test over the pairs."""
    better = sum(pair.passed and not pair.was_passed for pair in pairs)
    worse = sum(pair.was_passed and not pair.passed for pair in pairs)
    return mcnemar_p(worse, better)


def compare_speed(label: str, pairs: Sequence[Pair], why_incomparable: str | None) -> tuple[str, Severity]:
    """How the decode rates of a model agree; `why_incomparable` says why the hardware is not of the same class."""
    if why_incomparable is not None:
        return f"{label}: speeds are not compared: {why_incomparable}", "info"
    ratio = geometric_mean_ratio(list(_decode_rates(pairs)))
    if ratio is None:
        return f"{label}: speeds are not compared: no turn has a decode rate both here and as published", "info"
    percent = f"{100 * ratio.ratio:.0f} % of the published rate"
    if ratio.low is None or ratio.high is None:
        return f"{label}: decodes at {percent} on hardware of the same class; too few trials for an interval", "info"
    bounds = f"{percent} [{100 * ratio.low:.0f}, {100 * ratio.high:.0f}] on hardware of the same class"
    if ratio.low > MAX_SPEED_FACTOR or ratio.high < 1 / MAX_SPEED_FACTOR:
        fact = "decodes at another speed"
        return f"{label} {fact}: {bounds}: another build, other settings, or a claim that is not true", "warning"
    words = {"equivalent": "decodes at the same speed", "can't tell": "decodes at a speed that may be the same"}
    return f"{label} {words.get(ratio_verdict(ratio), 'decodes at a similar speed')}: {bounds}", "info"


def _decode_rates(pairs: Sequence[Pair]) -> Iterator[tuple[list[float], list[float]]]:
    """The rates here and as published of each turn of each task."""
    rates: Mapping[tuple[str, int], tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for pair in pairs:
        for number, (reading, turn) in enumerate(zip(pair.readings, pair.published.turns, strict=False)):
            here, published = reading.timings.decode_tps, turn.timings.decode_tps
            if here is not None and published is not None:
                rates[pair.published.task, number][0].append(here)
                rates[pair.published.task, number][1].append(published)
    yield from rates.values()


def why_other_hardware(published: HostFacts, here: HostFacts) -> str | None:
    """How this machine's class differs from that of the result; None for the same class."""
    if here.chip is None or published.chip is None:
        return "the processor of one of the machines is unknown"
    if any(host.gpu_memory_bytes is not None and host.gpu_cores is None for host in (here, published)):
        return "the model of a graphics card is unknown"
    for name in CLASS_FACTS:
        theirs, ours = getattr(published, name), getattr(here, name)
        if theirs != ours:
            return f"{name.replace('_', ' ')} is {theirs} as published, {ours} here"
    return None


def setting_differences(published: ModelInfo, here: Model) -> str | None:
    """The settings of the user's own model that differ from those of the result; None without any."""
    names = ("server", "model", "thinking", "sampling", "extra", "agent_version")
    found = [name for name in names if getattr(published, name) != getattr(here, name)]
    return ", ".join(found) or None
