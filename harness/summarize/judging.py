"""What the ballots of a blind judging say: wins, biases, consistency, blindness, and strengths.

`judge_reports` makes a report for each judge of each judging. The counts of wins are over the original pairs; the
repeated ones, whose sides are swapped, say how consistent a judge is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from harness.stats import binomial_p, bradley_terry, cohen_kappa, holm, wilson
from harness.summarize.model_families import family_of
from harness.types import (
    SIGNIFICANCE,
    SWAPPED_VOTES,
    Ballot,
    JudgeReport,
    Judging,
    Match,
    PairOrigin,
    Proportion,
    Result,
    Strength,
    Vote,
)

MAX_JUDGES = 10
"""Of one judging; `verify` refuses more."""
MIN_RANKED = 3
"""Contestants from which on strengths are estimated: of two, the share of wins says the same."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """A pair with its origin and one judge's ballot."""

    id: str
    origin: PairOrigin
    ballot: Ballot

    @property
    def winner(self) -> str | None:
        """The contestant that was preferred."""
        sides = {"left": self.origin.left.contestant, "right": self.origin.right.contestant}
        return sides.get(self.ballot.vote)


def judge_reports(result: Result) -> tuple[JudgeReport, ...]:
    """A report for each judge, in the order of their first ballots."""
    return tuple(report for judging in result.judgings for report in _reports(judging))


def _reports(judging: Judging) -> Iterator[JudgeReport]:
    known = {contestant.label for contestant in judging.sheet.contestants}
    origins = {
        pair: origin
        for pair, origin in judging.origins.items()
        if {origin.left.contestant, origin.right.contestant} <= known
    }
    by_judge: dict[str, dict[str, _Judged]] = defaultdict(dict)
    for ballot in judging.ballots:
        if ballot.pair in origins:
            by_judge[ballot.judge][ballot.pair] = _Judged(ballot.pair, origins[ballot.pair], ballot)
    for judge, judged in list(by_judge.items())[:MAX_JUDGES]:
        yield _report(judging, judge, judged)


def _report(judging: Judging, judge: str, judged: Mapping[str, _Judged]) -> JudgeReport:
    originals = [pair for pair in judged.values() if pair.origin.repeats is None]
    repeated = _repeated_votes(judged)
    labels = [contestant.label for contestant in judging.sheet.contestants]
    model = next((pair.ballot.model for pair in judged.values() if pair.ballot.model is not None), None)
    family = None if model is None else family_of(model)
    return JudgeReport(
        judging=judging.sheet.commitment,
        judge=judge,
        model=model,
        partial=judging.partial,
        pairs=len(judging.sheet.pairs),
        judged=len(judged),
        matches=_matches(originals, labels),
        left=_left(judged.values()),
        longer=_longer(originals),
        consistent=_proportion(sum(one == other for one, other in repeated), len(repeated), None),
        kappa=cohen_kappa(repeated),
        guessed=_guessed(judged.values(), len(labels)),
        strengths=_strengths(originals, labels),
        same_family=tuple(
            contestant.label
            for contestant in judging.sheet.contestants
            if family is not None and family_of(contestant.model) == family
        ),
    )


def _proportion(k: int, n: int, chance: float | None) -> Proportion:
    interval = wilson(k, n)
    low, high = (None, None) if interval is None else interval
    p = None if chance is None else binomial_p(k, n, chance)
    return Proportion(k, n, chance, k / n if n else None, low, high, p)


def _matches(originals: Sequence[_Judged], labels: Sequence[str]) -> tuple[Match, ...]:
    """Each two contestants that met, with p-values adjusted for their number."""
    found = [
        _match(met, model, baseline)
        for model, baseline in combinations(labels, 2)
        if (met := [pair for pair in originals if _sides(pair) == {model, baseline}])
    ]
    tested = [match.decisive.p for match in found if match.decisive.p is not None]
    adjusted = iter(holm(tested))
    return tuple(_with_verdict(match, next(adjusted)) if match.decisive.p is not None else match for match in found)


def _sides(pair: _Judged) -> set[str]:
    return {pair.origin.left.contestant, pair.origin.right.contestant}


def _match(met: Sequence[_Judged], model: str, baseline: str) -> Match:
    votes = Counter(pair.ballot.vote for pair in met)
    wins = sum(pair.winner == model for pair in met)
    losses = sum(pair.winner == baseline for pair in met)
    counted = len(met) - votes["cannot_judge"]
    return Match(
        model,
        baseline,
        wins,
        losses,
        ties=votes["tie"],
        both_bad=votes["both_bad"],
        cannot_judge=votes["cannot_judge"],
        order_dependent=votes["order_dependent"],
        decisive=_proportion(wins, wins + losses, 0.5),
        score=(wins + (counted - wins - losses) / 2) / counted if counted else None,
        p_adjusted=None,
        verdict="can't tell",
    )


def _with_verdict(match: Match, p: float) -> Match:
    if p > SIGNIFICANCE:
        return replace(match, p_adjusted=p)
    return replace(match, p_adjusted=p, verdict="better" if match.wins > match.losses else "worse")


def _left(judged: Iterable[_Judged]) -> Proportion:
    """How often the side that was shown first won. A model saw each pair twice."""
    shown: Counter[Vote] = Counter()
    for pair in judged:
        shown.update([reply.vote for reply in pair.ballot.replies] or [pair.ballot.vote])
    return _proportion(shown["left"], shown["left"] + shown["right"], 0.5)


def _longer(originals: Iterable[_Judged]) -> Proportion:
    """How often the longer answer won, of decided pairs of unequal length."""
    won = []
    for pair in originals:
        left, right = pair.origin.left, pair.origin.right
        if pair.winner is not None and left.chars != right.chars:
            won.append(pair.winner == (left if left.chars > right.chars else right).contestant)
    return _proportion(sum(won), len(won), 0.5)


def _repeated_votes(judged: Mapping[str, _Judged]) -> list[tuple[str, str]]:
    """The two votes on each pair that was shown twice, the second as if its sides had not been swapped."""
    twice = ((judged.get(pair.origin.repeats or ""), pair.ballot.vote) for pair in judged.values())
    return [(first.ballot.vote, SWAPPED_VOTES.get(vote, vote)) for first, vote in twice if first is not None]


def _guessed(judged: Iterable[_Judged], contestants: int) -> Proportion:
    """How often the author of the left answer was recognized, of the guesses that were made."""
    right = [pair.ballot.guess == pair.origin.left.contestant for pair in judged if pair.ballot.guess is not None]
    return _proportion(sum(right), len(right), 1 / contestants if contestants > 1 else None)


def _strengths(originals: Sequence[_Judged], labels: Sequence[str]) -> tuple[Strength, ...]:
    """Strongest first; none for two contestants."""
    if len(labels) < MIN_RANKED:
        return ()
    number = {label: at for at, label in enumerate(labels)}
    items: dict[tuple[str, int], dict[tuple[int, int], float]] = defaultdict(lambda: defaultdict(float))
    for pair in originals:
        if pair.ballot.vote == "cannot_judge":
            continue
        left, right = number[pair.origin.left.contestant], number[pair.origin.right.contestant]
        item = items[pair.origin.task, pair.origin.variant]
        share = {"left": 1.0, "right": 0.0}.get(pair.ballot.vote, 0.5)
        item[left, right] += share
        item[right, left] += 1 - share
    estimates = bradley_terry(list(items.values()), len(labels)) or []
    found = [Strength(label, *estimate) for label, estimate in zip(labels, estimates, strict=False)]
    return tuple(sorted(found, key=lambda strength: -strength.win_share))
