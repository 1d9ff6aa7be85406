"""summarize(result): the evidence of a result -> the same result with every number that follows from it."""

from __future__ import annotations

from dataclasses import replace

from harness.summarize.canary import moved_blocks
from harness.summarize.cells import by_cell, cell
from harness.summarize.lanes import recommendations
from harness.summarize.models import model_summary
from harness.summarize.pairwise import comparisons, ranks
from harness.summarize.provenance import sources
from harness.summarize.warnings import caveats
from harness.types import Result


def summarize(result: Result) -> Result:
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
