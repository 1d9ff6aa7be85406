"""Freezes pairs of answers for blind judging: `prepare_pairs` gives the sheet that judges see and its hidden mapping.

Answers to the same trial of the same task are paired, of every two models. One trial of each variant comes before
further ones, since they repeat its prompt. The salt of the commitment is the seed of everything that is drawn, so
anyone can see after the reveal, and nobody before it, how sides and order were drawn.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, combinations, zip_longest
from math import ceil
from operator import attrgetter
from random import Random

from harness.errors import RunError
from harness.files import sha256_of
from harness.judge.integrity import commitment_of
from harness.judge.neutral import neutralize, redacted_names
from harness.score import KINDS
from harness.tasks import vary
from harness.types import (
    Contestant,
    JudgedAnswer,
    PairMapping,
    PairOrigin,
    PairSheet,
    Result,
    ShownPair,
    Task,
    TrialResult,
    Variant,
)

MAX_PAIRS = 60
"""By default: an hour for a person."""
MAX_CONTESTANTS = 12
MAX_JUDGED_CHARS = 10_000_000
"""Of all answers together, which `verify` neutralizes again in some seconds."""
REPEATED_SHARE = 0.1
GUESSED_SHARE = 0.15
MAX_GUESSES = 12


@dataclass(frozen=True, slots=True)
class PreparedPairs:
    """The sheet, the mapping, and the text of each digest in the sheet."""

    sheet: PairSheet
    mapping: PairMapping
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Pairing:
    """The answers of two contestants to one trial."""

    variant: Variant
    first: JudgedAnswer
    second: JudgedAnswer
    texts: tuple[str, str]

    def origin(self, *, swapped: bool, repeats: str | None = None) -> PairOrigin:
        left, right = (self.second, self.first) if swapped else (self.first, self.second)
        return PairOrigin(self.variant.task.name, self.variant.index, left, right, repeats)


@dataclass(slots=True)
class _Candidates:
    """The pairings by contestants, and how many were left out."""

    pairings: dict[tuple[str, str], list[_Pairing]] = field(default_factory=lambda: defaultdict(list))
    identical: int = 0
    without_text: int = 0


def prepare_pairs(
    results: Sequence[Result], tasks: Mapping[str, Task], max_pairs: int = MAX_PAIRS, salt: str | None = None
) -> PreparedPairs:
    """Pair the answers of all models of these runs, at most `max_pairs` and the repeated ones.

    A new salt is drawn unless one is given, with which the same pairs are drawn again. Raises RunError where there is
    nothing to judge, or labels are not unique.
    """
    contestants = _contestants(results)
    names = redacted_names(contestants)
    candidates = _candidates(results, _judged_tasks(results, tasks), names)
    salt = salt or secrets.token_hex(32)
    draw = Random(salt)
    drawn = _draw(candidates.pairings, max_pairs, draw)
    if not drawn:
        reason = f"{candidates.identical} pairs are equal, {candidates.without_text} lack a text"
        raise RunError(f"there is nothing to judge: {reason}", fix="record models that answer these tasks differently")
    chars = sum(answer.chars for pairing, _ in drawn for answer in (pairing.first, pairing.second))
    if chars > MAX_JUDGED_CHARS:
        message = f"the answers of these pairs have {chars} characters, more than {MAX_JUDGED_CHARS}"
        raise RunError(message, fix="judge fewer pairs")
    return _number(drawn, contestants, names, salt, candidates)


def _contestants(results: Sequence[Result]) -> tuple[Contestant, ...]:
    found = [Contestant(model.label, model.model, result.run.id) for result in results for model in result.models]
    labels = [contestant.label for contestant in found]
    doubled = sorted({label for label in labels if labels.count(label) > 1})
    if doubled:
        raise RunError(f"these labels are in two of the runs: {', '.join(doubled)}", fix="leave one of the runs out")
    if not 2 <= len(found) <= MAX_CONTESTANTS:
        message = f"{len(found)} models: blind judging compares from two to {MAX_CONTESTANTS}"
        raise RunError(message, fix="name runs with that many models")
    return tuple(found)


def _judged_tasks(results: Sequence[Result], tasks: Mapping[str, Task]) -> dict[str, Task]:
    """The tasks whose answers need a reader. Raises RunError if there are none, or another version was run."""
    judged: dict[str, Task] = {}
    for info in (info for result in results for info in result.tasks):
        if info.scorer in KINDS and KINDS[info.scorer].needs_reader:
            task = tasks.get(info.name)
            if task is None or task.sha256 != info.sha256:
                raise RunError(f"the version of {info.name} that was run is not known here", fix="give its folder")
            judged[info.name] = task
    if not judged:
        kinds = ", ".join(sorted(name for name, kind in KINDS.items() if kind.needs_reader))
        fix = "record a task of one of these kinds, such as write-voice"
        raise RunError(f"no task of these runs leaves anything to a reader; the scorer kinds that do: {kinds}", fix=fix)
    return judged


def _candidates(results: Sequence[Result], tasks: Mapping[str, Task], names: Sequence[str]) -> _Candidates:
    found = _Candidates()
    trials = (trial for result in results for trial in result.trials)
    by_trial: dict[tuple[str, int], list[TrialResult]] = defaultdict(list)
    for trial in trials:
        if trial.task in tasks and not trial.warmup:
            by_trial[trial.task, trial.trial].append(trial)
    for (name, number), answers in sorted(by_trial.items()):
        variant = vary(tasks[name], number)
        # In one order whatever the order of the trials: each pair of contestants is drawn and shown as one.
        for first, second in combinations(sorted(answers, key=attrgetter("model")), 2):
            _add(found, variant, (first, second), names)
    return found


def _add(found: _Candidates, variant: Variant, trials: tuple[TrialResult, TrialResult], names: Sequence[str]) -> None:
    shown = [neutralize(answer_of(trial), names) for trial in trials]
    texts = shown[0].text, shown[1].text
    if not all(texts):
        found.without_text += 1
    elif texts[0] == texts[1]:
        found.identical += 1
    else:
        first, second = (
            JudgedAnswer(trial.model, trial.trial, redactions, len(text))
            for trial, (text, redactions) in zip(trials, shown, strict=True)
        )
        found.pairings[first.contestant, second.contestant].append(_Pairing(variant, first, second, texts))


def answer_of(trial: TrialResult) -> str:
    """What is judged of a trial: the content of its last turn."""
    return trial.turns[-1].content if trial.turns else ""


def _draw(
    pairings: Mapping[tuple[str, str], Sequence[_Pairing]], max_pairs: int, draw: Random
) -> list[tuple[_Pairing, bool]]:
    """At most so many pairings, evenly of every two contestants, each with whether its sides are swapped.

    Of every two contestants, each is on the left as often as the other, give or take one.
    """
    by_contestants = [_variants_first(found, draw) for _, found in sorted(pairings.items())]
    draw.shuffle(by_contestants)
    in_turn = [pairing for pairing in chain.from_iterable(zip_longest(*by_contestants)) if pairing is not None]
    swapped: dict[tuple[str, str], bool] = defaultdict(lambda: bool(draw.getrandbits(1)))
    drawn = []
    for pairing in in_turn[:max_pairs]:
        both = pairing.first.contestant, pairing.second.contestant
        drawn.append((pairing, swapped[both]))
        swapped[both] = not swapped[both]
    draw.shuffle(drawn)
    return drawn


def _variants_first(pairings: Iterable[_Pairing], draw: Random) -> list[_Pairing]:
    """In random order, but one trial of every variant before the second of any."""
    shuffled = list(pairings)
    draw.shuffle(shuffled)
    seen: dict[tuple[str, int], int] = defaultdict(int)
    ranked = []
    for pairing in shuffled:
        item = pairing.variant.task.name, pairing.variant.index
        ranked.append((seen[item], pairing))
        seen[item] += 1
    return [pairing for _, pairing in sorted(ranked, key=lambda entry: entry[0])]


def _number(
    drawn: Sequence[tuple[_Pairing, bool]],
    contestants: tuple[Contestant, ...],
    names: tuple[str, ...],
    salt: str,
    candidates: _Candidates,
) -> PreparedPairs:
    """Put the repeated pairs among the later ones, number all, and write sheet, mapping and texts."""
    draw = Random(f"{salt} order")
    shown = _with_repeats(drawn, draw)
    origins: dict[str, PairOrigin] = {}
    texts: dict[str, str] = {}
    pairs = []
    ids: dict[int, str] = {}
    guessed = set(draw.sample(range(len(drawn)), min(MAX_GUESSES, ceil(GUESSED_SHARE * len(drawn)))))
    for number, (at, is_repeat) in enumerate(shown, 1):
        pairing, swapped = drawn[at]
        pair = f"pair-{number}"
        origins[pair] = pairing.origin(swapped=swapped != is_repeat, repeats=ids[at] if is_repeat else None)
        ids.setdefault(at, pair)
        left, right = pairing.texts[::-1] if swapped != is_repeat else pairing.texts
        prompt_sha256, left_sha256, right_sha256 = (
            _add_text(texts, text) for text in (prompt_of(pairing.variant), left, right)
        )
        asks_guess = not is_repeat and at in guessed
        task = pairing.variant.task.name
        pairs.append(ShownPair(pair, task, prompt_sha256, left_sha256, right_sha256, asks_guess))
    mapping = PairMapping(salt, origins)
    created_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    sheet = PairSheet(
        created_at,
        contestants,
        names,
        commitment_of(salt, origins),
        tuple(pairs),
        candidates.identical,
        candidates.without_text,
    )
    return PreparedPairs(sheet, mapping, texts)


def _with_repeats(drawn: Sequence[object], draw: Random) -> list[tuple[int, bool]]:
    """The order of the pairs by index, and whether each is a repeat: of an early pair, among the late ones."""
    count, half = ceil(REPEATED_SHARE * len(drawn)), (len(drawn) + 1) // 2
    order = [(at, False) for at in range(len(drawn))]
    for at in draw.sample(range(half), min(count, half)):
        order.insert(draw.randint(half, len(order)), (at, True))
    return order


def _add_text(texts: dict[str, str], text: str) -> str:
    digest = sha256_of(text)
    texts[digest] = text
    return digest


def prompt_of(variant: Variant) -> str:
    """What the models were asked, as judges see it."""
    return "\n\n".join(part for part in (variant.system, *variant.turns) if part).replace("{{nonce}}", "").strip()
