"""Checks that a sequential run kept its own rule: its level, the times of its looks, and what each look found.

`check_looks` takes what the result states; its last look has the final verdicts. `check_interim_looks` repeats the
earlier ones with the verdicts of then, which scores.jsonl still has, and checks the seed of their hidden cases.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from harness.bundle import LOG, RECORDINGS
from harness.run import Link, Turn, fits_block, plan_digest
from harness.summarize import design_of, schedule_looks, schedule_of, take_look, trials_planned
from harness.types import Finding, LaneLook, LogEntry, Look, Result, ScoredTrial, SequentialDesign, TrialKey
from harness.verify.evidence import Evidence, describe, key_of, max_lines
from harness.verify.json_diff import MAX_DIFFERENCES
from harness.verify.trials import has_valid_names

MAX_OVERRUN = 1.1
"""A run may exceed its time by as much: the last turn is cut off before."""
STOP_S = 30.0
"""And by as much to stop the last server: 15 s until it is killed and 15 s until its memory is free, busy or not."""


def check_looks(evidence: Evidence) -> Iterator[Finding]:
    """The design has the level of its looks; the looks were at its times, and the last one ends the run by its rule."""
    run, location = evidence.result.run, evidence.location("$.run.looks")
    if run.design is None:
        if run.looks:
            yield Finding("looks", location, "a run with a fixed number of trials has no looks")
        return
    yield from (Finding("looks", evidence.location("$.run.design"), text) for text in _design_problems(evidence.result))
    problems = [*_schedule_problems(run.design, run.looks), *_candidate_problems(evidence.result, run.looks)]
    yield from (Finding("looks", location, problem) for problem in problems)
    if problems or not run.looks or not has_valid_names(evidence):
        return
    last = run.looks[-1]
    if last.stop is not None and (text := _difference(evidence.result, run.looks[:-1], last)):
        yield Finding("looks", location, f"look {len(run.looks)} {text}")


def _design_problems(result: Result) -> Iterator[str]:
    run, design = result.run, result.run.design
    assert design is not None
    planned = schedule_looks(run.trials, until_decided=True)
    if design.looks != planned and (design.looks != (run.trials,) or design.budget_s is None):
        yield f"the looks are {list(design.looks)}, {run.trials} trials give {list(planned)}"
        return
    expected = design_of(design.looks, design.budget_s, design.lanes, len(result.models))
    if not math.isclose(design.nominal_level, expected.nominal_level, rel_tol=1e-6):
        yield f"the level is {design.nominal_level:.6f}, its looks, lanes and models give {expected.nominal_level:.6f}"
    if design.hypotheses != expected.hypotheses:
        yield f"there are {expected.hypotheses} pairs of models over the lanes, not {design.hypotheses}"


def _schedule_problems(design: SequentialDesign, looks: Sequence[Look]) -> Iterator[str]:
    for number, look in enumerate(looks, 1):
        planned = design.looks[number - 1] if number <= len(design.looks) else None
        if look.stop != "budget" and look.trials != planned:
            yield f"look {number} was after {look.trials} trials, the design has {planned}"
        if look.stop is not None and number < len(looks):
            yield f"look {number} ended the run, and others follow"
    if looks and looks[-1].stop == "budget":
        yield from _time_problems(design, looks[-1])


def _candidate_problems(result: Result, looks: Sequence[Look]) -> Iterator[str]:
    """Candidates that are no model of the result: their looks cannot be taken again."""
    labels = {model.label for model in result.models}
    for number, look in enumerate(looks, 1):
        for lane in look.lanes:
            unknown = [name for name in lane.candidates if name not in labels]
            yield from (
                f"look {number} names {name} for {lane.lane}, which is no model of the result" for name in unknown
            )


def _time_problems(design: SequentialDesign, look: Look) -> Iterator[str]:
    """Why a run may not have ended because its time was used."""
    if design.budget_s is None:
        yield "ended because its time was used, and the design has no limit of time"
    # Without a complete block nothing was gained by more time: loading the first model alone may take longer.
    elif look.trials and look.elapsed_s > MAX_OVERRUN * design.budget_s + STOP_S:
        yield f"ended after {look.elapsed_s:.0f} s of recording, later than its {design.budget_s:.0f} s allow"
    elif fits_block(look.elapsed_s, look.trials, design.budget_s):
        yield f"ended after {look.elapsed_s:.0f} s, although another block fits into {design.budget_s:.0f} s"


def _difference(result: Result, earlier: Sequence[Look], stated: Look) -> str | None:
    """How a look differs from what its trials give; `earlier` are the looks before it."""
    before = replace(result, run=replace(result.run, looks=tuple(earlier)))
    found = take_look(before, stated.trials, stated.elapsed_s, time_used=stated.stop == "budget")
    for lane, other in zip(stated.lanes, found.lanes, strict=False):
        if lane != other:
            return f"states {_words(lane)} for {lane.lane}; its trials give {_words(other)}"
    if found != stated:
        return f"states {stated.stop or 'no end'} with other lanes or another end than its trials give"
    return None


def _words(lane: LaneLook) -> str:
    state = "decided" if lane.decided else "futile" if lane.futile else "open"
    return f"{', '.join(lane.candidates) or 'no model'} ({state})"


def check_interim_looks(
    evidence: Evidence, links: Sequence[Link], scored: Mapping[str, ScoredTrial]
) -> Iterator[Finding]:
    """Each look follows from the verdicts before it, whose hidden cases were drawn with the recordings until then.

    A look is costly, and `check_looks` bounds those of the result. So where the log has others, which is a finding of
    the chain, none of them is taken again; what their candidates are is still said.
    """
    run, location = evidence.result.run, evidence.reader.location(LOG)
    if run.design is None or not has_valid_names(evidence):
        return
    ordered = list(_in_order(links, plan_digest(evidence.result)))
    found = [entry.look for link in ordered if isinstance(entry := link.content, LogEntry) and entry.look is not None]
    problems = list(islice(_candidate_problems(evidence.result, found), MAX_DIFFERENCES))
    yield from (Finding("looks", location, problem) for problem in problems)
    if not problems and tuple(found) == run.looks and len(found) <= len(run.design.looks) + 1:
        yield from _repeat_looks(evidence, ordered, scored)


def _repeat_looks(evidence: Evidence, links: Sequence[Link], scored: Mapping[str, ScoredTrial]) -> Iterator[Finding]:
    """Take each look of the log again; `links` are in their order."""
    digests, location = _prefix_digests(evidence), evidence.reader.location(LOG)
    scores: dict[TrialKey, ScoredTrial] = {}
    looks: list[Look] = []
    recordings = 0
    for link in links:
        recordings += isinstance(link.content, Turn)
        seed_of_now = digests[recordings - 1] if 0 < recordings <= len(digests) else ""
        if link.sha256 in scored:
            score = scored[link.sha256]
            scores[score.key] = score
            if score.case_seed not in (None, seed_of_now):
                message = f"{describe(score.key)} has hidden cases of another seed than the recordings until then"
                yield Finding("looks", link.place, message)
        if isinstance(link.content, LogEntry) and link.content.look is not None:
            seeds = {score.case_seed for score in scores.values()} - {None}
            if seeds - {seed_of_now}:
                message = f"look {len(looks) + 1} has hidden cases of another seed than the recordings until then"
                yield Finding("looks", location, message)
            text = _difference(
                _result_of(evidence.result, scores, (looks, link.content.look)), looks, link.content.look
            )
            looks.append(link.content.look)
            if text:
                yield Finding("looks", location, f"look {len(looks)} {text}")


def _in_order(links: Sequence[Link], start: str) -> Iterator[Link]:
    """The links in the order in which they were written, as far as the chain holds."""
    following = {link.previous: link for link in links if isinstance(link.previous, str)}
    head = start
    while (link := following.pop(head, None)) is not None:
        yield link
        head = link.sha256


def _prefix_digests(evidence: Evidence) -> list[str]:
    """For each line of recordings.jsonl, the digest of the file up to it."""
    digest, found = hashlib.sha256(), list[str]()
    for _, line in evidence.reader.read_lines(RECORDINGS, max_lines(evidence)):
        digest.update(line)
        found.append(digest.hexdigest())
    return found


def _result_of(result: Result, scores: Mapping[TrialKey, ScoredTrial], looks: tuple[Sequence[Look], Look]) -> Result:
    """The result as it was at a look, with the verdicts of then.

    A model that lacks trials had been stopped. One that has all that it ever got may have been: what it says was
    observed after the last one. Then the look decides, for nothing else says whether the model stopped before it.
    """
    earlier, look = looks
    before = replace(result, run=replace(result.run, looks=tuple(earlier)))
    schedule = replace(schedule_of(before), looks=(*earlier, look) if look.stop == "budget" else earlier)
    trials = tuple(
        replace(trial, outcome=scores[key_of(trial)].score.outcome)
        for trial in result.trials
        if key_of(trial) in scores
    )
    candidates = {label for lane in look.lanes for label in lane.candidates}
    went_on = {trial.model for trial in result.trials if key_of(trial) not in scores}
    models = []
    for model in result.models:
        skipped = {skip.task for skip in model.skipped}
        counts = {task.name: trials_planned(schedule, model, task) for task in result.tasks if task.name not in skipped}
        keys = (TrialKey(model.label, name, number) for name, count in counts.items() for number in range(count))
        is_stopped = any(key not in scores for key in keys)
        may_be_stopped = model.stop_reason is not None and model.label not in went_on | candidates
        models.append(replace(model, stop_reason="stopped" if is_stopped or may_be_stopped else None))
    return replace(before, trials=trials, models=tuple(models))
