"""Imports a standard set into a folder: each problem that proves itself becomes a task, the others are listed.

`import_set` is the entry point. A problem proves itself where its reference passes, and where an empty answer, a
constant and a mutant of the reference fail, all scored as a model's answers are. An import that was stopped goes on
where it was: a task that is in the folder has proved itself.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from harness.errors import CheckError, TaskError
from harness.files import disk_error, to_json, write_atomic
from harness.sets.problem import SetProblem, UnusableError
from harness.sets.source import SetSource
from harness.sets.standard_sets import StandardSet
from harness.sets.task_folder import WrongFile, fenced, task_name, write_task
from harness.tasks import (
    TASK_FILE,
    Scorer,
    check_tasks,
    load_tasks,
    mutants_of,
    readings_of,
    require_folder,
    require_scorable,
    vary,
)
from harness.types import ExcludedInstance, Json, Log, Outcome, Task

REPORT_FILE = "import.json"
MAX_MUTANTS_TRIED = 12
_UNFINISHED = ".unfinished-"


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did; it stands in the folder as import.json."""

    set: str
    license: str
    file: str
    sha256: str
    imported: int
    excluded: tuple[ExcludedInstance, ...]


def import_set(standard_set: StandardSet, source: SetSource, folder: Path, score: Scorer, log: Log) -> ImportReport:
    """Import what proves itself. Raises TaskError, EngineError, DiskError."""
    require_folder(folder)
    _require_same_source(folder, source)
    _require_own_names(standard_set, source)
    one = partial(_import_row, standard_set, source, folder, score)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(max_workers=2 * (os.cpu_count() or 1)) as pool:
            found = list(_each(pool, one, source.rows, log))
    except OSError as error:
        raise disk_error(folder, error) from error
    excluded = tuple(
        ExcludedInstance(row_id, reason)
        for (row_id, _), reason in zip(source.rows, found, strict=True)
        if reason is not None
    )
    report = ImportReport(
        standard_set.title,
        standard_set.source_license,
        source.origin,
        source.sha256,
        len(source.rows) - len(excluded),
        excluded,
    )
    write_atomic(folder / REPORT_FILE, to_json(asdict(report), indent=2) + "\n")
    return report


def _each(
    pool: ThreadPoolExecutor, one: partial[str | None], rows: Sequence[tuple[str, Json]], log: Log
) -> list[str | None]:
    found: list[str | None] = []
    try:
        for (row_id, _), reason in zip(rows, pool.map(one, rows), strict=True):
            found.append(reason)
            if reason is not None:
                log(f"{row_id}: left out: {reason}")
            elif len(found) % 20 == 0:
                log(f"{len(found)} of {len(rows)} problems done")
    except BaseException:
        # Without this, leaving the pool would wait for every queued problem after an engine error or Ctrl-C.
        pool.shutdown(wait=True, cancel_futures=True)
        raise
    return found


def _require_same_source(folder: Path, source: SetSource) -> None:
    """Raises TaskError where the folder holds tasks that are not from this very file."""
    for path in sorted(folder.glob(f"*/{TASK_FILE}")):
        if f'sha256 = "{source.sha256}"' not in path.read_text(encoding="utf-8", errors="replace"):
            raise TaskError(f"{path.parent}: is a task from elsewhere", fix="import into an empty folder")


def _require_own_names(standard_set: StandardSet, source: SetSource) -> None:
    """Raises TaskError where two ids would give the same task."""
    ids: dict[str, str] = {}
    for row_id, _ in source.rows:
        other = ids.setdefault(task_name(standard_set, row_id), row_id)
        if other != row_id:
            raise TaskError(f"{source.origin}: the ids {other!r} and {row_id!r} give the same name of a task")


def _import_row(
    standard_set: StandardSet, source: SetSource, folder: Path, score: Scorer, row: tuple[str, Json]
) -> str | None:
    """Import one problem; why it is left out, None if it is not. Raises EngineError, OSError."""
    name = task_name(standard_set, row[0])
    target, unfinished = folder / name, folder / f"{_UNFINISHED}{name}" / name
    if target.exists():
        return None
    shutil.rmtree(unfinished.parent, ignore_errors=True)
    try:
        problem = _read(standard_set, row[1])
        write_task(unfinished, standard_set, source, problem, None)
        task = _load(unfinished)
        check_tasks([task], score, lambda text: None)
        write_task(unfinished, standard_set, source, problem, _failing_mutant(task, problem, score))
        _load(unfinished)
        unfinished.rename(target)
    except (UnusableError, TaskError, CheckError) as error:
        return str(error).split("\n", 1)[0].removeprefix(f"{name}, ")
    finally:
        shutil.rmtree(unfinished.parent, ignore_errors=True)
    return None


def _read(standard_set: StandardSet, row: Json) -> SetProblem:
    """The problem of a row. Raises UnusableError, whatever the reader of its set did not think of."""
    try:
        return standard_set.read(row)
    except UnusableError:
        raise
    except Exception as error:
        raise UnusableError(f"its row cannot be read: {type(error).__name__}") from error


def _load(folder: Path) -> Task:
    (task,) = load_tasks([folder])
    require_scorable([task])
    return task


def _failing_mutant(task: Task, problem: SetProblem, score: Scorer) -> WrongFile:
    """A mutant of the reference that fails, else one that ends otherwise. Raises UnusableError if none is caught."""
    variant, caught = vary(task, 0), []
    replies = [mutant.replies[0] for mutant in mutants_of(variant.solution, task.name)[:MAX_MUTANTS_TRIED]]
    for reply in (*replies, fenced(problem.mutant, problem.language)):
        found = score(variant, readings_of([reply]))
        if found.outcome is not Outcome.PASSED:
            failed = tuple(check.name for check in found.checks if not check.passed)
            fails = failed if len(failed) < len(found.checks) else ()
            caught.append(WrongFile("mutant.md", reply.rstrip("\n") + "\n", fails, found.outcome))
        if found.outcome is Outcome.FAILED:
            return caught[-1]
    if not caught:
        raise UnusableError("its tests catch no mutant of the reference")
    return caught[0]
