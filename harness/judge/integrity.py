"""What binds a judging together: the commitment to the mapping, and the chain of ballots that begins with the sheet.

`judging_problems` finds what no honest judging has; the reveal refuses such a folder, and `verify` such a result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from harness.files import sha256_of, to_json
from harness.judge.replies import vote_of, vote_of_replies
from harness.summarize import MAX_JUDGES
from harness.types import Ballot, JudgedAnswer, Judging, PairOrigin, PairSheet, ShownPair


def commitment_of(salt: str, origins: Mapping[str, PairOrigin]) -> str:
    """The digest that is shown before the first pair: nobody can choose another mapping afterwards."""
    return sha256_of(salt + to_json(origins))


def sheet_digest(sheet: PairSheet) -> str:
    """The digest that the first ballot follows."""
    return sha256_of(to_json(sheet))


def ballot_digest(ballot: Ballot) -> str:
    """The digest of the line that holds a ballot, which the next one follows."""
    return sha256_of(to_json(ballot) + "\n")


def chain_problems(sheet: PairSheet, ballots: Iterable[Ballot]) -> Iterator[tuple[str, str]]:
    """The ballots that do not follow the one before: the JSON path of each and what is wrong."""
    head = sheet_digest(sheet)
    for at, ballot in enumerate(ballots):
        if ballot.previous != head:
            yield f"ballots[{at}]", "does not follow the ballot before it: one was removed, added or changed afterwards"
            return
        head = ballot_digest(ballot)


def judging_problems(judging: Judging) -> Iterator[tuple[str, str]]:
    """The JSON path in the judging and the text of each problem."""
    sheet = judging.sheet
    if commitment_of(judging.salt, judging.origins) != sheet.commitment:
        yield "sheet.commitment", "is not the digest of salt and mapping: one of them was changed after the commitment"
    yield from chain_problems(sheet, judging.ballots)
    if set(judging.origins) != {pair.id for pair in sheet.pairs} or len(judging.origins) != len(sheet.pairs):
        yield "origins", "are not those of the pairs that were shown"
        return
    yield from _origin_problems(judging)
    yield from _side_problems(judging)
    yield from _ballot_problems(judging)


def _origin_problems(judging: Judging) -> Iterator[tuple[str, str]]:
    shown = {pair.id: pair for pair in judging.sheet.pairs}
    labels = {contestant.label for contestant in judging.sheet.contestants}
    for pair, origin in judging.origins.items():
        place = f"origins.{pair}"
        sides = {origin.left.contestant, origin.right.contestant}
        if len(sides) != 2 or not sides <= labels or origin.task != shown[pair].task:
            yield place, "is not a pair of two contestants on the task that was shown"
        if origin.repeats is not None and not _is_repeat(judging, shown[pair], origin):
            yield place, f"does not show {origin.repeats} with its sides swapped"


def _is_repeat(judging: Judging, pair: ShownPair, origin: PairOrigin) -> bool:
    earlier = judging.origins.get(str(origin.repeats))
    if earlier is None or earlier.repeats is not None:
        return False
    original = next(shown for shown in judging.sheet.pairs if shown.id == origin.repeats)
    digests = (pair.left_sha256, pair.right_sha256) == (original.right_sha256, original.left_sha256)
    return digests and (origin.left, origin.right) == (earlier.right, earlier.left)


def _side_problems(judging: Judging) -> Iterator[tuple[str, str]]:
    """Of every two contestants each is on the left as often as the other, give or take one."""
    left: Counter[tuple[str, str]] = Counter()
    for origin in judging.origins.values():
        if origin.repeats is None:
            left[origin.left.contestant, origin.right.contestant] += 1
    for (first, second), count in left.items():
        if count - left[second, first] > 1:
            yield "origins", f"show {first} on the left of {second} {count} times, and {left[second, first]} times not"


def _ballot_problems(judging: Judging) -> Iterator[tuple[str, str]]:
    pairs = [pair.id for pair in judging.sheet.pairs]
    voted = Counter((ballot.judge, ballot.pair) for ballot in judging.ballots)
    judges = list(dict.fromkeys(ballot.judge for ballot in judging.ballots))
    if len(judges) > MAX_JUDGES:
        yield "ballots", f"are of {len(judges)} judges, at most {MAX_JUDGES} are reported"
    for at, ballot in enumerate(judging.ballots):
        place = f"ballots[{at}]"
        if ballot.pair not in judging.origins:
            yield place, f"is on {ballot.pair}, which was not shown"
        elif voted[ballot.judge, ballot.pair] > 1:
            yield place, f"is not the only one of {ballot.judge} on {ballot.pair}"
        yield from ((place, text) for text in _reply_problems(ballot))
    if not judging.partial:
        yield from _missing(judges, pairs, voted)


def _missing(
    judges: Sequence[str], pairs: Sequence[str], voted: Mapping[tuple[str, str], int]
) -> Iterator[tuple[str, str]]:
    if not judges:
        yield "ballots", "are missing"
    for judge in judges:
        without = [pair for pair in pairs if (judge, pair) not in voted]
        if without:
            yield "ballots", f"lack {len(without)} of {judge}, the first on {without[0]}, and none may be missing"


def _reply_problems(ballot: Ballot) -> Iterator[str]:
    """A model's vote follows from what it replied; a person has no replies."""
    if (ballot.model is None) != (not ballot.replies):
        yield "has a model without replies, or replies without a model"
    elif ballot.model is None:
        if ballot.vote == "order_dependent":
            yield "is a person's, who cannot vote that a pair is order-dependent"
    elif any(vote_of(reply.content) != reply.vote for reply in ballot.replies):
        yield "has a reply that does not say what its vote is"
    elif len(ballot.replies) != 2 or vote_of_replies(*(reply.vote for reply in ballot.replies)) != ballot.vote:
        yield "does not follow from the two replies"


def answer_problem(answer: JudgedAnswer, text: str, redactions: int, *, digest: str) -> str | None:
    """What is wrong with a shown answer, given the neutralized answer of its trial; None if nothing is."""
    if sha256_of(text) != digest:
        return f"is not the answer of {answer.contestant} in trial {answer.trial}"
    if (answer.redactions, answer.chars) != (redactions, len(text)):
        return f"has {redactions} redactions and {len(text)} characters, not what the mapping states"
    return None
