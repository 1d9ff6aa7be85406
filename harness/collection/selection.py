"""Which of many imported sources count: `select_results` gives one for each run, `may_correct` who may replace whose.

Sources are known by their records, which the import makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import Problem
from harness.types import LEVELS

UNKNOWN_SIGNER = "unknown"
"""The signer of a bundle whose signature could not be checked; no fingerprint of a key reads so."""


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """What is known of an imported source; `problems` say why it was refused, each as what follows the source's path.

    `level` is the highest level of verification that it reached, `unverified` what could not be checked, `evidence`
    counts the files that the result can be checked with. `signer` is None for an unsigned source only.
    """

    bundle: str
    run: str = ""
    level: str = ""
    unverified: str = ""
    result_sha256: str = ""
    manifest_sha256: str | None = None
    supersedes: str | None = None
    signer: str | None = None
    evidence: int = 0
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportedResult:
    """A source with its record."""

    path: Path
    record: ImportRecord


@dataclass(frozen=True, slots=True)
class Selection:
    """The results that count, one of a run, with a note for each that is left out.

    `undecided` are left out too: of one run, with different results, and nothing says which counts. Each such run has
    one of the `problems`.
    """

    kept: tuple[ImportedResult, ...]
    notes: tuple[str, ...]
    undecided: tuple[ImportedResult, ...] = ()
    problems: tuple[Problem, ...] = ()


def may_correct(signer: str | None, corrector: str | None) -> bool:
    """Whether a bundle by one signer may be replaced by one of another: a signed one only by its own key's."""
    return signer is None or (signer == corrector and signer != UNKNOWN_SIGNER)


def select_results(found: Sequence[ImportedResult]) -> Selection:
    """One result for each run.

    A correction comes before what it supersedes. Then the higher level counts, then a bundle before a folder or a lone
    result, and before a bundle that corrects what it may not. Of different results that are equal in this, signed ones
    count; if that leaves two, none does, since whoever chose the name of a file would choose the result. Of copies the
    one with more of its evidence counts.
    """
    runs: dict[str, list[ImportedResult]] = {}
    for each in found:
        runs.setdefault(each.record.run, []).append(each)
    selections = [_select_of_run(run, candidates) for run, candidates in runs.items()]
    kept = sorted((each for selection in selections for each in selection.kept), key=lambda each: str(each.path))
    return Selection(
        tuple(kept),
        tuple(note for selection in selections for note in selection.notes),
        tuple(each for selection in selections for each in selection.undecided),
        tuple(problem for selection in selections for problem in selection.problems),
    )


def _select_of_run(run: str, candidates: Sequence[ImportedResult]) -> Selection:
    superseded = _superseded(candidates)
    notes = [f"{each.path}: left out, a correction supersedes it" for each in candidates if each.path in superseded]
    remaining = [each for each in candidates if each.path not in superseded]
    first, *others = _contenders(candidates, remaining)
    if any(other.record.result_sha256 != first.record.result_sha256 for other in others):
        return Selection((), tuple(notes), tuple(remaining), (_undecided(run, [first, *others]),))
    for each in remaining:
        if each is not first:
            is_copy = each.record.result_sha256 == first.record.result_sha256
            what = f"another copy of run {run}" if is_copy else f"another result of run {run} that goes first"
            notes.append(f"{each.path}: left out, {what} is there: {first.path}")
    return Selection((first,), tuple(notes))


def _contenders(candidates: Sequence[ImportedResult], remaining: Sequence[ImportedResult]) -> list[ImportedResult]:
    """What is left of a run and equal in what counts, the one with the most evidence first."""
    # A signature that could not be checked keeps a bundle from its level: it counts as the highest that is there.
    highest = max(_rank(each.record) for each in remaining)

    def order(each: ImportedResult) -> tuple[int, bool, bool]:
        record = each.record
        rank = highest if record.signer == UNKNOWN_SIGNER else _rank(record)
        return -rank, record.manifest_sha256 is None, _is_refused(record, candidates)

    best = min(map(order, remaining))
    found = [each for each in remaining if order(each) == best]
    signers = {each.record.signer for each in found}
    if len({each.record.result_sha256 for each in found}) > 1 and UNKNOWN_SIGNER not in signers and signers != {None}:
        found = [each for each in found if each.record.signer is not None]
    return sorted(found, key=lambda each: (-each.record.evidence, str(each.path)))


def _undecided(run: str, contenders: Sequence[ImportedResult]) -> Problem:
    paths = ", ".join(str(each.path) for each in contenders)
    if any(each.record.signer == UNKNOWN_SIGNER for each in contenders):
        fix = "install the OpenSSH client, so that their signatures can be checked"
    else:
        fix = "keep one of them, or publish one as a correction of the other"
    return Problem(f"run {run}: left out, since these differ and nothing says which counts: {paths}", fix)


def _superseded(candidates: Sequence[ImportedResult]) -> set[Path]:
    """Those of one run that a correction replaces, also as the folder or the lone result that was published."""
    corrections = [each.record for each in candidates if each.record.supersedes is not None]
    replaced = [each for each in candidates if any(_supersedes(record, each.record) for record in corrections)]
    results = {each.record.result_sha256 for each in replaced}
    unpublished = [each for each in candidates if each.record.manifest_sha256 is None]
    return {each.path for each in (*replaced, *(each for each in unpublished if each.record.result_sha256 in results))}


def _supersedes(correction: ImportRecord, record: ImportRecord) -> bool:
    """Whether a bundle of the same run takes the place of another.

    Who is not known to be the author must show at least as much: else whoever invents a result could replace one that
    was verified to a higher level.
    """
    is_same_author = record.signer is not None and correction.signer == record.signer
    return (
        correction.supersedes is not None
        and correction.supersedes == record.manifest_sha256
        and may_correct(record.signer, correction.signer)
        and (is_same_author or _rank(correction) >= _rank(record))
    )


def _is_refused(correction: ImportRecord, candidates: Sequence[ImportedResult]) -> bool:
    """Whether what a bundle says that it corrects is there, and it may not."""
    targets = [each.record for each in candidates if each.record.manifest_sha256 == correction.supersedes]
    return correction.supersedes is not None and any(not _supersedes(correction, target) for target in targets)


def _rank(record: ImportRecord) -> int:
    return LEVELS.index(record.level) if record.level in LEVELS else -1
