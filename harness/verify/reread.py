"""The level reread: the raw streams give the same answers, counts and times; the verdicts are those of the scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from harness.bundle import RECORDINGS, SCORES
from harness.errors import RunError
from harness.files import build, plain
from harness.schema import validate
from harness.types import Finding, ScoredTrial, TrialKey, TrialResult
from harness.verify.documents import UnreadableError, parse, read_rows
from harness.verify.evidence import Evidence, key_of, told
from harness.verify.json_diff import MOST, differences
from harness.verify.recording_rows import Row, examined
from harness.verify.requests import asked_faults, unknown_kinds

OF_SCORES = ("variant", "outcome", "fraction", "rule", "checks", "facts")


@dataclass(slots=True)
class _Trials:
    """The whole trials of recordings.jsonl in their order, and what was wrong on the way."""

    rows: dict[TrialKey, tuple[Row, ...]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def _gather(evidence: Evidence) -> _Trials:
    """Group the lines into trials: turns from 0, one trial after the other."""
    out, open_rows = _Trials(), list[Row]()
    place, size = evidence.shelf.place(RECORDINGS), evidence.shelf.source.sizes[RECORDINGS]
    for row in examined(read_rows(evidence.shelf, RECORDINGS), place, size):
        out.findings += row.findings
        if row.told is None:
            continue
        key = key_of(row.told)
        begun = key_of(open_rows[0].told) if open_rows and open_rows[0].told else key
        if key in out.rows or key != begun or row.turn != len(open_rows):
            text = f"turn {row.turn} of {told(key)} is doubled or out of order"
            out.findings.append(Finding("recordings", f"{place}, line {row.number}", text))
            open_rows = []
            continue
        open_rows.append(row)
        if row.last:
            out.rows[key] = tuple(open_rows)
            open_rows = []
    if open_rows:
        out.findings.append(Finding("recordings", place, "its last trial was broken off and is in no result", "doubt"))
    return out


def _together(rows: Sequence[Row]) -> TrialResult:
    """The trial that its turns tell; the verdict is not in them."""
    parts = [row.told for row in rows if row.told is not None]
    turns = tuple(turn for part in parts for turn in part.turns)
    return replace(parts[0], ended_ns=parts[-1].ended_ns, turns=turns)


def read_scores(evidence: Evidence) -> Iterator[ScoredTrial | Finding]:
    """Each line of scores.jsonl, or what is wrong with it."""
    seen: set[TrialKey] = set()
    for number, line in read_rows(evidence.shelf, SCORES):
        place = f"{evidence.shelf.place(SCORES)}, line {number}"
        try:
            document = parse(line, place)
            faults = [problem.message for problem in validate("scores", document)]
            scored = None if faults else build(ScoredTrial, document)
        except UnreadableError as error:
            yield error.finding
            continue
        except RunError as error:
            faults, scored = [str(error)], None
        yield from (Finding("schema-scores", place, fault) for fault in faults)
        if scored is None:
            continue
        if scored.key in seen:
            yield Finding("scores", place, f"{told(scored.key)} is scored twice")
        seen.add(scored.key)
        yield scored


def _sets(evidence: Evidence, keys: Sequence[TrialKey], file: str, check: str) -> Iterator[Finding]:
    """The file has exactly the trials of the result."""
    stated, place = [key_of(trial) for trial in evidence.result.trials], evidence.shelf.place(file)
    in_file, in_result = set(keys), set(stated)
    for key in islice((key for key in stated if key not in in_file), MOST):
        yield Finding(check, place, f"{told(key)} of the result is not in it")
    for key in islice((key for key in keys if key not in in_result), MOST):
        yield Finding(check, place, f"{told(key)} is in it and not in the result")
    if check == "recordings" and in_file == in_result and list(keys) != stated:
        yield Finding(check, place, "has the trials in another order than the result")


def _check_trial(evidence: Evidence, at: int, found: TrialResult, scored: ScoredTrial | None) -> Iterator[Finding]:
    stated = plain(evidence.result.trials[at])
    if scored is not None:
        score = scored.score
        found = replace(
            found,
            outcome=score.outcome,
            fraction=score.fraction,
            rule=score.rule,
            checks=score.checks,
            facts=score.facts,
        )
    for path, text in islice(differences(stated, plain(found), f"$.trials[{at}]"), MOST):
        field_name = path.removeprefix(f"$.trials[{at}].").split(".")[0].split("[")[0]
        if field_name in OF_SCORES and scored is None:
            continue
        yield Finding("scores" if field_name in OF_SCORES else "reread", evidence.place(path), text)


def _check_sandbox(evidence: Evidence, scores: Mapping[TrialKey, ScoredTrial]) -> Iterator[Finding]:
    used = [scored.sandbox for scored in scores.values() if scored.sandbox is not None]
    if (used[-1] if used else None) != evidence.result.sandbox:
        yield Finding("scores", evidence.place("$.sandbox"), "is not the sandbox that scores.jsonl names last")
    if len(set(used)) > 1:
        text = f"{len(set(used))} different sandboxes gave the verdicts; the result names the last"
        yield Finding("scores", evidence.place("$.sandbox"), text, "doubt")


def check_reread(evidence: Evidence) -> Iterator[Finding]:
    """Read every recording again and compare. Raises UnreadableError when a file cannot be read."""
    trials = _gather(evidence)
    yield from trials.findings
    scores: dict[TrialKey, ScoredTrial] = {}
    for one in read_scores(evidence):
        if isinstance(one, Finding):
            yield one
        else:
            scores[one.key] = one
    yield from _sets(evidence, list(trials.rows), RECORDINGS, "recordings")
    yield from _sets(evidence, list(scores), SCORES, "scores")
    yield from _check_sandbox(evidence, scores)
    for at, kind in unknown_kinds(evidence):
        text = f"no server kind {kind!r} is known here: what its requests must hold cannot be said"
        yield Finding("asked", evidence.place(f"$.models[{at}].server"), text, "unknown")
    for at, trial in enumerate(evidence.result.trials):
        rows = trials.rows.get(key_of(trial))
        if rows is None:
            continue
        scored = scores.get(key_of(trial))
        yield from _check_trial(evidence, at, _together(rows), scored)
        if scored is not None and any(row.variant != scored.variant for row in rows):
            place = f"{evidence.shelf.place(RECORDINGS)}, line {rows[0].number}"
            yield Finding("recordings", place, f"{told(key_of(trial))} was asked another variant than was scored")
        for number, text in asked_faults(evidence, trial, rows):
            yield Finding(
                "asked", f"{evidence.shelf.place(RECORDINGS)}, line {number}", f"{told(key_of(trial))}: {text}"
            )
