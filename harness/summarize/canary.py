"""Canary check: one short task at the head of every block of trials reveals changes of the machine during a run.

`drifted_blocks` finds the blocks whose canary ran at another speed: throttling, another program, a server restart.
"""

from __future__ import annotations

from statistics import median

from harness.summarize.cells import Trials, is_complete
from harness.types import ModelInfo, Result

MAX_DEVIATION = 0.05


def _canary_rates(result: Result, model: ModelInfo, trials: Trials) -> dict[int, float]:
    """The canary's decode rate by block; with several canary tasks, the first one that has rates."""
    for task in result.tasks:
        canaries = trials.get((model.label, task.name), ()) if task.canary else ()
        rates = {
            trial.trial: trial.turns[0].timings.decode_tps
            for trial in canaries
            if trial.turns and is_complete(trial.turns[0])
        }
        measured = {block: rate for block, rate in rates.items() if rate is not None}
        if len(measured) > 1:
            return measured
    return {}


def drifted_blocks(result: Result, model: ModelInfo, trials: Trials) -> dict[int, float]:
    """Block (trial number) -> relative deviation of its canary from the run's median, if it exceeds 5 %."""
    rates = _canary_rates(result, model, trials)
    center = median(rates.values()) if rates else 0.0
    return {block: rate / center - 1 for block, rate in rates.items() if abs(rate / center - 1) > MAX_DEVIATION}
