"""Stage 4: what was recorded and scored becomes the numbers of the result. Pure: `verify` computes them again."""

from harness.summarize.cells import Trials, by_cell, cold_but_cached, is_whole
from harness.summarize.pairwise import Passes, passes_of, table_of
from harness.summarize.result import summarize
from harness.summarize.roofline import most_decode_tps
from harness.summarize.trials import trial_result

__all__ = [
    "Passes",
    "Trials",
    "by_cell",
    "cold_but_cached",
    "is_whole",
    "most_decode_tps",
    "passes_of",
    "summarize",
    "table_of",
    "trial_result",
]
