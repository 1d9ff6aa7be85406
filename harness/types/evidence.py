"""What the page shows beside the result: reasoning, streams, extracted code, inputs, and each lane's comparisons.

`PageEvidence` is built from a run's recordings and tasks; a result file alone has only the lanes and the times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.types.common import Json
from harness.types.lane import RankBy
from harness.types.model import TrialKey
from harness.types.summary import DistributionSummary
from harness.types.verification import LevelReport

StreamChannel = Literal["role", "reasoning", "content", "tool"]


@dataclass(frozen=True, slots=True)
class StreamPart:
    """One event of a stream: its channel, and how many characters it brought; 0 for a role-only event."""

    at_ns: int
    channel: StreamChannel
    chars: int


@dataclass(frozen=True, slots=True)
class TurnEvidence:
    """The reasoning and the stream of one turn."""

    reasoning: str
    stream: tuple[StreamPart, ...]


@dataclass(frozen=True, slots=True)
class TrialEvidence:
    """The code that was found in a trial's answer, the input of each check by its name, and the turns."""

    code: str | None
    inputs: Mapping[str, Json]
    turns: tuple[TurnEvidence, ...]


@dataclass(frozen=True, slots=True)
class LaneModel:
    """The quantities of one model that a lane's limits are compared with; None if not measured.

    `context_tokens` is the context that the server reports, `declared_context_tokens` the one that the user states.
    `other_states` are the states of the requirements that have no such quantity, with their evidence.
    """

    model: str
    rate: float | None
    low: float | None
    high: float | None
    rate_text: str
    memory_bytes: int | None
    context_tokens: int | None
    declared_context_tokens: int | None
    decode_tps: DistributionSummary | None
    other_states: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class LanePair:
    """A model compared with another by one criterion of a lane."""

    criterion: RankBy
    model: str
    other: str
    is_ahead: bool
    is_better: bool
    text: str


@dataclass(frozen=True, slots=True)
class LaneEvidence:
    """What decides a lane for any limits: the models' quantities, and all pairs by all criteria."""

    lane: str
    models: tuple[LaneModel, ...]
    pairs: tuple[LanePair, ...]


@dataclass(frozen=True, slots=True)
class PageEvidence:
    """`answer_times`: seconds from a task's first request to its last token, over the scored trials of each model.

    `levels`: how far the result was verified before the page was made; empty for a run that writes its own page.
    `standing`: a sentence for each model on where it stands among other results; empty if nobody asked.
    """

    lanes: tuple[LaneEvidence, ...] = ()
    answer_times: Mapping[str, DistributionSummary] = field(default_factory=dict)
    trials: Mapping[TrialKey, TrialEvidence] = field(default_factory=dict)
    levels: tuple[LevelReport, ...] = ()
    standing: tuple[str, ...] = ()
