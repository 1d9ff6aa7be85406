"""summarise(result): the evidence of a result -> the same result with every number that follows from it."""

from __future__ import annotations

from dataclasses import replace

from harness.summarise.canary import moved_blocks
from harness.summarise.caveats import caveats
from harness.summarise.cells import by_cell, cell
from harness.summarise.contests import comparisons, ranks
from harness.summarise.lanes import recommendations
from harness.summarise.models import model_summary
from harness.summarise.sources import sources
from harness.types import Result


def summarise(result: Result) -> Result:
    """Fill cells, summaries and warnings from the evidence above them; what stood there before is not looked at."""
    trials = by_cell(result)
    moved = {model.label: moved_blocks(result, model, trials) for model in result.models}
    cells = tuple(
        cell(result, model, task, trials.get((model.label, task.name), ()), moved[model.label])
        for model in result.models
        for task in result.tasks
    )
    summaries = tuple(model_summary(result, model, cells) for model in result.models)
    pairs = comparisons(result)
    filled = replace(result, cells=cells, summaries=summaries)
    return replace(
        filled,
        warnings=caveats(filled),
        comparisons=pairs,
        ranks=ranks(summaries, pairs),
        recommendations=recommendations(filled),
        sources=sources(result),
    )
