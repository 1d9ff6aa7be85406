"""Blind judging: pairs of answers as judges see them, the mapping behind them, the ballots, and what they say.

A `Judging` is evidence, like a trial; its `JudgeReport`s are computed from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Vote = Literal["left", "right", "tie", "both_bad", "cannot_judge", "order_dependent"]
"""What a judge says of a pair; `order_dependent`: a model said something else when the sides were swapped."""
SWAPPED_VOTES: Mapping[Vote, Vote] = {"left": "right", "right": "left"}
"""What a vote becomes when the sides are swapped; others stay."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A model whose answers are judged, and the run that recorded them. Labels are unique in a judging."""

    label: str
    model: str
    run: str


@dataclass(frozen=True, slots=True)
class ShownPair:
    """One pair as it is shown: digests of the prompt and of the two neutralized answers, which are a file of their own.

    `asks_guess`: judges are also asked which contestant wrote the left answer.
    """

    id: str
    task: str
    prompt_sha256: str
    left_sha256: str
    right_sha256: str
    asks_guess: bool = False


@dataclass(frozen=True, slots=True)
class PairSheet:
    """Everything that is frozen before a pair is shown, in the order in which pairs are shown.

    `commitment` is the digest of the salt and the mapping. `redacted_names` were replaced in every answer. `identical`
    and `without_text` count the pairs that were left out: equal answers, and answers without a text.
    """

    created_at: str
    contestants: tuple[Contestant, ...]
    redacted_names: tuple[str, ...]
    commitment: str
    pairs: tuple[ShownPair, ...]
    identical: int = 0
    without_text: int = 0


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """Which trial a shown answer is of, how many names were replaced in it, and its length as shown."""

    contestant: str
    trial: int
    redactions: int
    chars: int


@dataclass(frozen=True, slots=True)
class PairOrigin:
    """What the mapping reveals of a pair. `repeats` is the pair that this one shows again with its sides swapped."""

    task: str
    variant: int
    left: JudgedAnswer
    right: JudgedAnswer
    repeats: str | None = None


@dataclass(frozen=True, slots=True)
class PairMapping:
    """The file that only the reveal opens: the salt of the commitment, and the origin of each pair by its id."""

    salt: str
    origins: Mapping[str, PairOrigin]


@dataclass(frozen=True, slots=True)
class ModelReply:
    """What a judging model replied, its vote on the sides as it saw them, and the digest of the recording's line."""

    content: str
    vote: Vote
    recording_sha256: str


@dataclass(frozen=True, slots=True)
class Ballot:
    """One vote. `previous` is the digest of the ballot before; of the first one, the digest of the pair sheet.

    `guess` is the contestant that the judge takes for the author of the left answer. A model's ballot has the model's
    id and its two replies: to the pair as shown, and with the sides swapped.
    """

    judge: str
    pair: str
    vote: Vote
    at: str
    previous: str
    guess: str | None = None
    model: str | None = None
    replies: tuple[ModelReply, ...] = ()


@dataclass(frozen=True, slots=True)
class Judging:
    """A revealed judging. `partial`: it was revealed before every judge had judged every pair."""

    sheet: PairSheet
    salt: str
    origins: Mapping[str, PairOrigin]
    ballots: tuple[Ballot, ...]
    partial: bool


@dataclass(frozen=True, slots=True)
class Proportion:
    """k of n with Wilson's interval, and the exact p-value against `chance`; None where there is none."""

    k: int
    n: int
    chance: float | None
    share: float | None
    low: float | None
    high: float | None
    p: float | None


@dataclass(frozen=True, slots=True)
class Match:
    """Two contestants by one judge. `decisive` is the share of `model`'s wins in decided pairs.

    `score` is its share of wins, with half of each tie, of all pairs that it could win. `p_adjusted` is Holm's p-value
    over the judge's matches.
    """

    model: str
    baseline: str
    wins: int
    losses: int
    ties: int
    both_bad: int
    cannot_judge: int
    order_dependent: int
    decisive: Proportion
    score: float | None
    p_adjusted: float | None
    verdict: Literal["better", "worse", "can't tell"]


@dataclass(frozen=True, slots=True)
class Strength:
    """A contestant's strength by Bradley and Terry: its expected share of wins against an average contestant.

    There is no interval of too few items.
    """

    contestant: str
    win_share: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """What one judge's ballots say, and how far they can be trusted.

    `judging` is the commitment. `left` counts left votes of decided pairs, `longer` votes for the longer answer,
    `consistent` equal votes on repeated pairs (`kappa` beyond chance), `guessed` right guesses of the author. `judged`
    of `pairs` counts repeats too. `same_family` are contestants of a judging model's own family.
    """

    judging: str
    judge: str
    model: str | None
    partial: bool
    pairs: int
    judged: int
    matches: tuple[Match, ...]
    left: Proportion
    longer: Proportion
    consistent: Proportion
    kappa: float | None
    guessed: Proportion
    strengths: tuple[Strength, ...]
    same_family: tuple[str, ...]
