"""What a role demands of a model, and which model the evidence recommends for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

RankBy = Literal["pass_rate", "decode_tps", "ttft_s", "warm_ttft_s", "e2e_s", "memory_bytes"]


@dataclass(frozen=True, slots=True)
class Override:
    """What the user took in place of what the kit recommends, kept beside it."""

    model: str
    reason: str
    date: str


@dataclass(frozen=True, slots=True)
class Lane:
    """A role that a model is wanted for: its tasks with their weights, what it demands, what it ranks by.

    `min_pass_rate` must be met by the lower bound of the rate's interval, `max_warm_ttft_s` by the upper bound of the
    TTFT of later turns. `rank_by` are criteria in their order: each is asked only of those that the ones before it
    could not tell apart.
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
class Demand:
    """One demand of a lane on one model; `text` has the numbers. `unknown`: nothing was measured or told."""

    name: str
    state: Literal["met", "not_met", "not_shown", "unknown"]
    text: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a model stands in a lane: ruled out by a demand that it does not meet, eligible when it meets all.

    `rate`, `low` and `high` are its weighted pass rate on the lane's tasks with the 95 % interval.
    """

    model: str
    status: Literal["eligible", "ruled_out", "undecided"]
    demands: tuple[Demand, ...]
    rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What the evidence says for a lane. `model` None: it does not decide, and `text` says between whom or why.

    Confidence `clear`: everybody else is ruled out or worse by an interval. `leaning`: somebody else is not shown
    either way. `low` and `high` bound what decided: the difference or ratio to the next one, see `text`.
    """

    lane: str
    model: str | None
    confidence: Literal["clear", "leaning", "none"]
    text: str
    low: float | None
    high: float | None
    tied: tuple[str, ...]
    standings: tuple[Standing, ...]
    untested: tuple[str, ...]
