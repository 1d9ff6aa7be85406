"""Checks of the blind judgings in a result: commitment, ballots, and that the answers shown are those of its trials."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from harness.judge import NeutralText, answer_of, answer_problem, judging_problems, neutralize
from harness.types import Finding, JudgedAnswer, Judging, ShownPair
from harness.verify.evidence import Evidence


def check_judgings(evidence: Evidence) -> Iterator[Finding]:
    """Each judging holds together, and its answers are those of this result, as far as they are of its run."""
    for at, judging in enumerate(evidence.result.judgings):
        location = evidence.location(f"$.judgings[{at}]")
        for path, problem in judging_problems(judging):
            yield Finding("judging", f"{location}.{path}", problem)
        for path, problem in _answer_problems(evidence, judging):
            yield Finding("judging", f"{location}.{path}", problem)
        others = sorted({one.run for one in judging.sheet.contestants} - {evidence.result.run.id})
        if others:
            message = f"also judges answers of {', '.join(others)}, which are checked in the results of those runs"
            yield Finding("judging", location, message, "info")


def _answer_problems(evidence: Evidence, judging: Judging) -> Iterator[tuple[str, str]]:
    labels = {one.label: one.model for one in judging.sheet.contestants if one.run == evidence.result.run.id}
    stated = {model.label: model.model for model in evidence.result.models}
    if any(stated.get(label) != model for label, model in labels.items()):
        yield "sheet.contestants", "are not the models of this run"
        return
    trials = {(trial.model, trial.task, trial.trial): trial for trial in evidence.result.trials if not trial.warmup}
    names = judging.sheet.redacted_names

    @cache
    def shown(answer: JudgedAnswer, task: str) -> NeutralText | None:
        trial = trials.get((answer.contestant, task, answer.trial))
        return None if trial is None else neutralize(answer_of(trial), names)

    pairs: dict[str, ShownPair] = {pair.id: pair for pair in judging.sheet.pairs}
    for pair, origin in judging.origins.items():
        if pair not in pairs:
            continue
        for side in ("left", "right"):
            answer: JudgedAnswer = getattr(origin, side)
            if answer.contestant in labels:
                found = shown(answer, origin.task)
                digest = pairs[pair].left_sha256 if side == "left" else pairs[pair].right_sha256
                problem = (
                    "is of no trial of this run" if found is None else answer_problem(answer, *found, digest=digest)
                )
                if problem is not None:
                    yield f"origins.{pair}.{side}", problem
