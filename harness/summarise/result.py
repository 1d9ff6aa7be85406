"""summarise(result): the evidence of a result -> the same result with every number that follows from it."""

from __future__ import annotations

from dataclasses import replace

from harness.summarise.caveats import caveats
from harness.summarise.cells import cell
from harness.summarise.models import model_summary
from harness.types import Result


def summarise(result: Result) -> Result:
    """Fill cells, summaries and warnings from the evidence above them; what stood there before is not looked at."""
    cells = tuple(cell(result, model, task) for model in result.models for task in result.tasks)
    summaries = tuple(model_summary(result, model, cells) for model in result.models)
    return replace(result, cells=cells, summaries=summaries, warnings=caveats(result, cells))
