"""Opens the mapping of a judging: `reveal` checks commitment and ballots, and gives the section of a result."""

from __future__ import annotations

from itertools import islice

from harness.errors import Problem, RunError
from harness.judge.folder import JudgingFolder
from harness.judge.integrity import judging_problems
from harness.types import Judging

_MAX_PROBLEMS = 20


def reveal(folder: JudgingFolder, *, partial: bool = False) -> Judging:
    """Open the mapping and close the judging.

    Raises RunError while pairs are not judged, unless `partial`, which the result then states; and if mapping or
    ballots are not those that the commitment and the chain hold.
    """
    missing = {judge: len(folder.pending(judge)) for judge in folder.judges}
    unfinished = {judge: count for judge, count in missing.items() if count}
    if not folder.judges:
        raise RunError(f"{folder.path}: nobody has judged a pair yet", fix="judge the pairs first")
    if unfinished and not partial:
        texts = (f"{judge} has {count} of {len(folder.sheet.pairs)} pairs to go" for judge, count in unfinished.items())
        raise RunError(f"{folder.path}: {'; '.join(texts)}")
    mapping = folder.open_mapping()
    judging = Judging(folder.sheet, mapping.salt, mapping.origins, tuple(folder.ballots), bool(unfinished))
    problems = list(islice(judging_problems(judging), _MAX_PROBLEMS))
    if problems:
        raise RunError(*(Problem(f"{folder.path}: {place} {problem}") for place, problem in problems))
    folder.write_revealed(judging)
    return judging
