"""Warnings about numbers that are possible but implausible: rates above the roofline, identical times."""

from __future__ import annotations

from collections.abc import Iterator

from harness.summarize import max_decode_tps
from harness.types import Cell, Finding
from harness.verify.evidence import Evidence

ROOFLINE_MARGIN = 1.15
"""Speculative decoding and sparse activation may exceed the bound a little; more needs an explanation."""
MIN_TIMES = 3
"""Two trials may take the same time by chance of a coarse clock."""


def check_roofline(evidence: Evidence) -> Iterator[Finding]:
    """No model decodes faster than the memory bandwidth allows for its declared size."""
    result = evidence.result
    for model in result.models:
        bound = max_decode_tps(result.host, model.facts)
        fastest = max((_max_decode_tps(cell) for cell in result.cells if cell.model == model.label), default=0.0)
        if bound is not None and fastest > ROOFLINE_MARGIN * bound:
            message = (
                f"{model.label} decodes {fastest:.0f} tok/s, the memory bandwidth of {result.host.chip} allows "
                f"{bound:.0f} for its declared weights: speculative decoding, or a wrong size"
            )
            yield Finding("roofline", evidence.location("$.cells"), message, "warning")


def _max_decode_tps(cell: Cell) -> float:
    return max((turn.decode_tps.maximum for turn in cell.turns if turn.decode_tps is not None), default=0.0)


def check_identical_times(evidence: Evidence) -> Iterator[Finding]:
    """The trials of a cell do not all take exactly the same time."""
    times_s: dict[tuple[str, str], list[float]] = {}
    for trial in evidence.result.trials:
        if not trial.warmup and trial.turns and trial.turns[0].timings.e2e_s is not None:
            times_s.setdefault((trial.model, trial.task), []).append(trial.turns[0].timings.e2e_s)
    # A result may repeat a cell, which the check `cells` reports.
    for model, task in dict.fromkeys((cell.model, cell.task) for cell in evidence.result.cells):
        known = times_s.get((model, task), [])
        if len(known) >= MIN_TIMES and len(set(known)) == 1:
            message = f"{model} on {task}: all {len(known)} trials took exactly {known[0]} s"
            yield Finding("identical-times", evidence.location("$.trials"), message, "warning")
