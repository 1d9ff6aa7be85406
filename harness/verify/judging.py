"""Checks of the blind judgings in a result: commitment, ballots, and that the answers shown are those of its trials."""

from __future__ import annotations

from collections.abc import Iterator

from harness.judge import MAX_JUDGED_CHARS, NeutralText, answer_of, answer_problem, judging_problems, neutralize
from harness.types import Finding, JudgedAnswer, Judging
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
    judged = {
        (answer.contestant, judging.origins[pair].task, answer.trial) for pair, _, answer, _ in _shown_answers(judging)
    }
    if sum(len(answer_of(trials[key])) for key in judged & set(trials)) > MAX_JUDGED_CHARS:
        yield "origins", f"are of answers of more than {MAX_JUDGED_CHARS} characters together"
        return

    shown: dict[tuple[str, str, int], NeutralText] = {}
    for pair, side, answer, digest in _shown_answers(judging):
        if answer.contestant not in labels:
            continue
        key = answer.contestant, judging.origins[pair].task, answer.trial
        if key not in trials:
            yield f"origins.{pair}.{side}", "is of no trial of this run"
            continue
        if key not in shown:
            shown[key] = neutralize(answer_of(trials[key]), names)
        problem = answer_problem(answer, *shown[key], digest=digest)
        if problem is not None:
            yield f"origins.{pair}.{side}", problem


def _shown_answers(judging: Judging) -> Iterator[tuple[str, str, JudgedAnswer, str]]:
    """Each answer with its pair, its side and the digest of the text that was shown."""
    for pair in judging.sheet.pairs:
        origin = judging.origins.get(pair.id)
        if origin is not None:
            yield pair.id, "left", origin.left, pair.left_sha256
            yield pair.id, "right", origin.right, pair.right_sha256
