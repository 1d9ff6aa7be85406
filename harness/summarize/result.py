"""Entry point of stage 4: `summarize` computes every statistic of a result from the evidence in it."""

from __future__ import annotations

from dataclasses import replace

from harness.summarize.canary import drifted_blocks
from harness.summarize.cells import by_cell, cell
from harness.summarize.judging import judge_reports
from harness.summarize.lanes import recommendations
from harness.summarize.models import model_summary
from harness.summarize.pairwise import comparisons, ranks
from harness.summarize.provenance import sources
from harness.summarize.schedule import is_asked
from harness.summarize.twins import twin_gaps
from harness.summarize.warnings import result_warnings
from harness.types import Result


def summarize(result: Result) -> Result:
    """Return the result with all computed fields replaced; their previous values are ignored."""
    trials = by_cell(result)
    drifted = {model.label: drifted_blocks(result, model, trials) for model in result.models}
    cells = tuple(
        cell(result, model, task, trials.get((model.label, task.name), ()), drifted[model.label])
        for model in result.models
        for task in result.tasks
        if is_asked(model, task)
    )
    summaries = tuple(model_summary(result, model, cells) for model in result.models)
    pairs = comparisons(result, summaries)
    filled = replace(result, cells=cells, summaries=summaries)
    return replace(
        filled,
        warnings=result_warnings(filled),
        comparisons=pairs,
        ranks=ranks(result.models, summaries, pairs),
        recommendations=recommendations(filled),
        sources=sources(result),
        judge_reports=judge_reports(result),
        twin_gaps=twin_gaps(result),
    )
