"""Stage 4: compute every statistic of a result from its recorded and scored trials.

`trial_result` assembles a trial, `summarize` fills cells, summaries, comparisons, ranks, recommendations, warnings
and sources. All functions are pure, so that `verify` can repeat them from a published file.
"""

from harness.summarize.cells import (
    Trials,
    answer_identity,
    by_cell,
    has_cache_hit_on_cold_turn,
    turn_values,
)
from harness.summarize.judging import MAX_JUDGES
from harness.summarize.lane_differences import pair_looks
from harness.summarize.lane_evidence import lane_evidence
from harness.summarize.lane_requirements import tasks_not_run
from harness.summarize.lanes import CRITERION_NAMES
from harness.summarize.looks import design_of, plan_looks, schedule_looks, take_look
from harness.summarize.model_families import MODEL_FAMILIES, family_of
from harness.summarize.pairwise import Passes, contingency_table, passes_of
from harness.summarize.result import summarize
from harness.summarize.roofline import max_decode_tps
from harness.summarize.schedule import Schedule, adjusted_p, claim_level, is_asked, schedule_of, trials_planned
from harness.summarize.trials import trial_result
from harness.summarize.warnings import find_timing_problems

__all__ = [
    "CRITERION_NAMES",
    "MAX_JUDGES",
    "MODEL_FAMILIES",
    "Passes",
    "Schedule",
    "Trials",
    "adjusted_p",
    "answer_identity",
    "by_cell",
    "claim_level",
    "contingency_table",
    "design_of",
    "family_of",
    "find_timing_problems",
    "has_cache_hit_on_cold_turn",
    "is_asked",
    "lane_evidence",
    "max_decode_tps",
    "pair_looks",
    "passes_of",
    "plan_looks",
    "schedule_looks",
    "schedule_of",
    "summarize",
    "take_look",
    "tasks_not_run",
    "trial_result",
    "trials_planned",
    "turn_values",
]
