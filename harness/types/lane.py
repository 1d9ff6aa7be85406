"""Lanes: a role that a model is wanted for, its requirements, and the model that the evidence recommends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

RankBy = Literal["pass_rate", "decode_tps", "ttft_s", "warm_ttft_s", "e2e_s", "memory_bytes"]
RequirementState = Literal["met", "not_met", "inconclusive", "unknown"]
"""Inconclusive: the interval includes the limit. Unknown: there is no measurement and no server report."""
Confidence = Literal["conclusive", "tentative", "none"]
"""Conclusive: every other model is ruled out or worse by its interval. Tentative: some model is undecided."""


@dataclass(frozen=True, slots=True)
class Override:
    """The user's choice for a lane if it differs from the recommendation; both are reported."""

    model: str
    reason: str
    date: str


@dataclass(frozen=True, slots=True)
class Lane:
    """A role: its tasks with their weights, its requirements and its ranking criteria.

    The lower bound of the pass rate must reach `min_pass_rate`; the upper bound of the TTFT of later turns must not
    exceed `max_warm_ttft_s`. `rank_by` lists criteria in order: each one ranks the models that the previous ones left
    tied.
    """

    name: str
    tasks: Mapping[str, float]
    min_pass_rate: float | None = None
    min_context_tokens: int | None = None
    max_memory_bytes: int | None = None
    max_warm_ttft_s: float | None = None
    rank_by: tuple[RankBy, ...] = ("pass_rate",)
    override: Override | None = None


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement of a lane, checked for one model; `text` is the evidence with its numbers."""

    name: str
    state: RequirementState
    text: str


@dataclass(frozen=True, slots=True)
class Eligibility:
    """One model in a lane: eligible when it meets every requirement, ruled out when it fails one.

    `rate`, `low` and `high` are its weighted pass rate on the lane's tasks with the 95 % interval.
    """

    model: str
    status: Literal["eligible", "ruled_out", "undecided"]
    requirements: tuple[Requirement, ...]
    rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class LaneMargin:
    """How far a lane's first model is ahead of another one, by the criterion that decides between them.

    `estimate` is a difference of pass rates, for every other criterion a ratio above 1, with its 95 % interval.
    `trials_to_decide` is how many trials of each task detect a difference as large as this; None if it is decided.
    """

    model: str
    other: str
    criterion: RankBy
    estimate: float | None
    low: float | None
    high: float | None
    is_better: bool
    trials_to_decide: int | None


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The recommended model of a lane, or None if the evidence does not decide; `text` gives the reason.

    `low` and `high` bound the deciding difference or ratio to the next best model. `untested` lists configurations
    and conditions that no trial of the run covers. `margins` has one row for each other eligible model: of the
    recommended one, or between those that are tied. `looks` says how a sequential run ended for the lane.
    """

    lane: str
    model: str | None
    confidence: Confidence
    text: str
    low: float | None
    high: float | None
    tied: tuple[str, ...]
    eligibilities: tuple[Eligibility, ...]
    untested: tuple[str, ...]
    margins: tuple[LaneMargin, ...] = ()
    looks: str = ""
