"""Keeps a written task only if its own answers score as they must: its solution passes, its wrong answers do not.

`keep_if_proved` is the entry point. The folder is written twice: what a wrong answer fails is not known before it is
scored.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import DiskError, TaskError
from harness.repository_tasks.folder import WrongEntry
from harness.repository_tasks.proof import RejectionError
from harness.score import score
from harness.tasks import load_tasks, readings_of, require_scorable, vary
from harness.types import Outcome, Sandbox, Score

FolderWriter = Callable[[Path, Sequence[WrongEntry]], None]
"""Writes a task's folder with these wrong answers."""


def keep_if_proved(write: FolderWriter, wrong: Sequence[WrongEntry], draft: Path, target: Path, box: Sandbox) -> None:
    """Write a task into `draft` and move it to `target`. Raises RejectionError, EngineError, DiskError."""
    shutil.rmtree(draft, ignore_errors=True)
    write(draft, wrong)
    scores = dict(_scores(draft, box))
    if scores[None].outcome is not Outcome.PASSED:
        raise RejectionError("its own change does not pass as an answer")
    for entry in wrong:
        if scores[entry.name].outcome is Outcome.PASSED:
            raise RejectionError(f"the answer {entry.name!r} passes, too")
    write(draft, [_as_scored(entry, scores[entry.name]) for entry in wrong])
    require_scorable(load_tasks([draft.parent], names=[draft.name]))
    try:
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
    except OSError as error:
        raise DiskError(f"{target}: cannot be written: {error.strerror or error}") from error


def _scores(draft: Path, sandbox: Sandbox) -> Iterator[tuple[str | None, Score]]:
    """The score of each wrong answer by its name, and that of the task's solution under None."""
    try:
        (loaded,) = load_tasks([draft.parent], names=[draft.name])
        require_scorable([loaded])
    except TaskError as error:
        raise RejectionError(f"cannot be written as a task: {error.message.partition(': ')[2]}") from error
    variant = vary(loaded, 0)
    yield None, score(variant, readings_of(variant.solution), sandbox)
    for answer in variant.wrong_answers:
        yield answer.name, score(variant, readings_of(answer.replies), sandbox)


def _as_scored(entry: WrongEntry, scored: Score) -> WrongEntry:
    """The entry with what its answer was seen to fail: which tests need a changed module is not known before."""
    failed = tuple(check.name for check in scored.checks if not check.passed)
    all_failed = len(failed) == len(scored.checks)
    return replace(entry, fails="*" if all_failed else failed, outcome=scored.outcome)
