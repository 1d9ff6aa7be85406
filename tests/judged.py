"""Judgings for tests: results with texts of several models, and simulated judges of known preferences and biases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

from harness.files import build, plain
from harness.judge import JudgingFolder, PreparedPairs, ballot_digest, create_judging, prepare_pairs, sheet_digest
from harness.run import task_info
from harness.types import Ballot, Judging, ModelInfo, PairOrigin, Result, Task, TrialResult, Vote
from tests.bundle import Bundle, good_bundle, summarized
from tests.bundle import tasks as bundle_tasks
from tests.example import example_result
from tests.samples import task_of

SALT = "5" * 64
VARIANTS = 20
Judge = Callable[[PairOrigin, Random], Vote]
"""How a simulated judge votes, knowing what a real one does not."""


@cache
def tasks() -> Mapping[str, Task]:
    """Two tasks whose answers need a reader, and one whose answers do not."""
    variants = tuple({"N": str(number)} for number in range(VARIANTS))
    named = {
        "letter": replace(
            task_of("letter", "Write letter {{variant.N}}. {{nonce}}", scorer="voice"), variants=variants
        ),
        "brief": replace(task_of("brief", "Write brief {{variant.N}}.", scorer="summary"), variants=variants),
        "timed": replace(task_of("timed", "Count."), variants=()),
    }
    return {name: replace(task, sha256=f"{number:064x}") for number, (name, task) in enumerate(named.items())}


def text_of(model: str, task: str, trial: int) -> str:
    """A model's answer; its length depends on the task, the model and the trial, its quality is for the judge."""
    draw = Random(f"{model} {task} {trial}")
    return f"{task} {trial} by the author {sum(map(ord, model))}. " + "word " * draw.randint(5, 40)


def judged_result(*labels: str, text: Callable[[str, str, int], str] = text_of, run: str = "run-1") -> Result:
    """The result of a run of these models, as far as a judging needs it."""
    base = _example()
    models = tuple(_model(base.models[0], label) for label in labels)
    pattern = next(trial for trial in base.trials if trial.turns and not trial.warmup)
    trials = tuple(
        _trial(pattern, label, task, number, text(label, task, number))
        for label in labels
        for task in tasks()
        for number in range(VARIANTS)
    )
    infos = tuple(task_info(task) for task in tasks().values())
    return replace(base, run=replace(base.run, id=run), models=models, tasks=infos, trials=trials)


@cache
def _example() -> Result:
    return example_result()


def _model(info: ModelInfo, label: str) -> ModelInfo:
    return replace(info, label=label, model=f"maker/{label}-7b")


def _trial(pattern: TrialResult, label: str, task: str, number: int, text: str) -> TrialResult:
    turn = replace(pattern.turns[0], content=text)
    return replace(pattern, model=label, task=task, trial=number, variant=number % VARIANTS, turns=(turn,))


def judged_bundle() -> Bundle:
    """The sound bundle with a judging: alpha and beta gave different answers in one trial, which is shown twice."""
    bundle = good_bundle()
    result = build(Result, bundle.result)
    # The bundle's tasks need no reader; that they are read as if they did changes nothing for the checks.
    read = replace(result, tasks=tuple(replace(task, scorer="voice") for task in result.tasks))
    prepared = prepare_pairs([read], bundle_tasks(), salt=SALT)
    ballots = list[Ballot]()
    for judge in ("me", "you"):
        for pair in prepared.sheet.pairs:
            previous = ballot_digest(ballots[-1]) if ballots else sheet_digest(prepared.sheet)
            vote = better(prepared.mapping.origins[pair.id], "alpha")
            ballots.append(Ballot(judge, pair.id, vote, "2026-11-23T11:00:00.000+00:00", previous))
    mapping = prepared.mapping
    judging = Judging(prepared.sheet, mapping.salt, mapping.origins, tuple(ballots), partial=False)
    bundle.result["judgings"] = [plain(judging)]
    return summarized(bundle)


def prepared_folder(path: Path, *labels: str, pairs: int = 60) -> JudgingFolder:
    """A judging of these models' answers, not yet judged."""
    return create_judging(path, _prepared(labels, pairs), [])


@cache
def _prepared(labels: tuple[str, ...], pairs: int) -> PreparedPairs:
    return prepare_pairs([judged_result(*labels)], tasks(), pairs, SALT)


def vote_all(folder: JudgingFolder, judge: Judge, name: str = "me", seed: int = 1, guess: bool | None = None) -> None:
    """Have a simulated judge vote on every pair. `guess`: it recognizes every author, or takes the other one for it."""
    draw, origins = Random(seed), folder.open_mapping().origins
    for pair in folder.pending(name):
        origin = origins[pair.id]
        author = {True: origin.left, False: origin.right, None: None}[guess]
        folder.cast(name, pair, judge(origin, draw), author.contestant if author and pair.asks_guess else None)


def better(origin: PairOrigin, contestant: str) -> Vote:
    """The vote for a contestant."""
    return "left" if origin.left.contestant == contestant else "right"


def by_strength(strengths: Mapping[str, float]) -> Judge:
    """Prefers by strength, in an item always alike: a fair judge."""

    def judge(origin: PairOrigin, draw: Random) -> Vote:
        del draw
        first, second = sorted((origin.left, origin.right), key=lambda answer: answer.contestant)
        names = first.contestant, second.contestant
        share = strengths[names[0]] / (strengths[names[0]] + strengths[names[1]])
        chance = Random(f"{origin.task} {first.trial} {names}").random()
        return better(origin, names[0] if chance < share else names[1])

    return judge


def longer_first(origin: PairOrigin, draw: Random) -> Vote:
    """Prefers the longer answer."""
    del draw
    return "left" if origin.left.chars > origin.right.chars else "right"


def mostly_left(origin: PairOrigin, draw: Random) -> Vote:
    """Prefers the left side in nine of ten pairs."""
    del origin
    return "left" if draw.random() < 0.9 else "right"
