"""The canary: one short task at the head of every block of trials, by whose speed a change of the machine is seen."""

from __future__ import annotations

from statistics import median

from harness.summarize.cells import Trials, is_whole
from harness.types import ModelInfo, Result

MOVED = 0.05


def _rates(result: Result, model: ModelInfo, trials: Trials) -> dict[int, float]:
    """The canary's decode rate at the head of each block; of several canaries the first that has rates."""
    for task in result.tasks:
        there = trials.get((model.label, task.name), ()) if task.canary else ()
        rates = {one.trial: one.turns[0].timings.decode_tps for one in there if one.turns and is_whole(one.turns[0])}
        known = {trial: rate for trial, rate in rates.items() if rate is not None}
        if len(known) > 1:
            return known
    return {}


def moved_blocks(result: Result, model: ModelInfo, trials: Trials) -> dict[int, float]:
    """Trial number -> by which share its block's canary was off the run's median: more than 5 % either way."""
    rates = _rates(result, model, trials)
    middle = median(rates.values()) if rates else 0.0
    return {trial: rate / middle - 1 for trial, rate in rates.items() if abs(rate / middle - 1) > MOVED}
