"""Which of many imported sources count: `select_results` gives one for each run, `may_correct` who may replace whose.

Sources are known by their records, which the import makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.types import LEVELS


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """What is known of an imported source; `problems` say why it was refused, each as what follows the source's path.

    `level` is the highest level of verification that it reached, `unverified` what could not be checked, `evidence`
    counts the files that the result can be checked with.
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


def may_correct(signer: str | None, corrector: str | None) -> bool:
    """Whether a bundle by one signer may be replaced by one of another: a signed one only by its own key's."""
    return signer in (None, corrector)


def select_results(found: Sequence[ImportedResult]) -> tuple[list[ImportedResult], list[str]]:
    """One result for each run, with a note for each that is left out.

    A correction comes before what it supersedes. Then the higher level counts, then a bundle before a folder or a lone
    result, and before a bundle that corrects what it may not; then one with more of its evidence.
    """
    runs: dict[str, list[ImportedResult]] = {}
    for each in found:
        runs.setdefault(each.record.run, []).append(each)
    kept, notes = [], []
    for run, candidates in runs.items():
        superseded = _superseded(candidates)
        first = min((each for each in candidates if each.path not in superseded), key=_preference)
        kept.append(first)
        for each in candidates:
            if each.path in superseded:
                notes.append(f"{each.path}: left out, a correction supersedes it")
            elif each is not first:
                notes.append(f"{each.path}: left out, another copy of run {run} is there: {first.path}")
    return sorted(kept, key=lambda each: str(each.path)), notes


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
    is_same_author = correction.signer is not None and correction.signer == record.signer
    return (
        correction.supersedes is not None
        and correction.supersedes == record.manifest_sha256
        and may_correct(record.signer, correction.signer)
        and (is_same_author or _rank(correction) >= _rank(record))
    )


def _preference(each: ImportedResult) -> tuple[int, bool, bool, int, str]:
    """Sorts what is left of a run, the best first; a path decides only between equals."""
    record = each.record
    is_folder, is_correction = record.manifest_sha256 is None, record.supersedes is not None
    return -_rank(record), is_folder, is_correction, -record.evidence, str(each.path)


def _rank(record: ImportRecord) -> int:
    return LEVELS.index(record.level) if record.level in LEVELS else -1
