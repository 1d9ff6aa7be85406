"""The quantities and comparisons from which a lane can be decided again for other limits.

`lane_evidence` gives them for every lane of a result: the page changes the limits and decides as lanes.py does.
"""

from __future__ import annotations

from collections.abc import Set

from harness.summarize.lane_differences import LaneModels, withdrawn_pairs
from harness.summarize.lane_requirements import check_eligibility, describe_rate, lane_models, split_by_model
from harness.summarize.lanes import LaneSelection
from harness.types import Lane, LaneEvidence, LaneModel, LanePair, ModelInfo, Result

_LIMITED = ("pass_rate", "context", "memory")
"""The requirements whose limits can be changed, since the evidence has the quantities that they limit."""


def lane_evidence(result: Result) -> tuple[LaneEvidence, ...]:
    """The evidence of each lane."""
    withdrawn = withdrawn_pairs(result)
    return tuple(_evidence(result, lane, withdrawn) for lane in result.lanes)


def _evidence(result: Result, lane: Lane, withdrawn: Set[LaneModels]) -> LaneEvidence:
    selection = LaneSelection.of(result, lane, withdrawn)
    of_model = split_by_model(result)
    models = lane_models(result, lane)
    labels = [model.label for model in models]
    found = (
        (label, selection.compare(criterion, label, other))
        for criterion in lane.rank_by
        for label in labels
        for other in labels
        if label != other
    )
    pairs = tuple(
        LanePair(each.criterion, label, each.other, each.is_ahead, each.is_better, each.text) for label, each in found
    )
    return LaneEvidence(lane.name, tuple(_model(of_model[model.label], lane, model) for model in models), pairs)


def _model(result: Result, lane: Lane, model: ModelInfo) -> LaneModel:
    eligibility = check_eligibility(result, lane, model)
    summary = next((each for each in result.summaries if each.model == model.label), None)
    return LaneModel(
        model=model.label,
        rate=eligibility.rate,
        low=eligibility.low,
        high=eligibility.high,
        rate_text=describe_rate(result, lane, model.label),
        memory_bytes=model.memory.model_bytes,
        context_tokens=model.served_context_tokens,
        declared_context_tokens=model.context_tokens,
        decode_tps=summary.decode_tps if summary else None,
        other_states=tuple(
            (requirement.state, requirement.text)
            for requirement in eligibility.requirements
            if requirement.name not in _LIMITED
        ),
    )
