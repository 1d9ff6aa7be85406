"""Writing a result's page and its pictures, with all that the folder of the run and the known tasks add to it.

`closing_of` says at the end of a report where the page is, how to check the result, and what to do next.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from harness.bundle import PLAN, READ_ERRORS, RECORDINGS, ReadLimits, open_source
from harness.cli.console import command_line
from harness.cli.options import tasks_arguments
from harness.errors import RunError
from harness.files import write_atomic
from harness.report import lane_answers, render_html
from harness.run import page_evidence
from harness.types import PageEvidence, Result, Task

PAGE = "report.html"


def evidence_of(result: Result, path: Path, tasks: Iterable[Task]) -> PageEvidence:
    """What a run's folder or a bundle tells beside its result; a lone result tells less.

    Raises RunError for damaged recordings.
    """
    with _recordings_of(path) as recordings:
        return page_evidence(result, recordings, {task.name: task for task in tasks})


@contextmanager
def _recordings_of(path: Path) -> Iterator[Path | None]:
    """The file of the recordings, of an archive a copy; its size is within the limits for untrusted archives."""
    source, _ = open_source(path, ReadLimits())
    if source is None or RECORDINGS not in source.sizes:
        yield None
    elif path.is_dir():
        yield path / RECORDINGS
    else:
        with tempfile.TemporaryDirectory(prefix="lanebench-") as folder:
            copy = Path(folder) / RECORDINGS
            try:
                with source.open(RECORDINGS) as member, copy.open("wb") as file:
                    shutil.copyfileobj(member, file)
            except READ_ERRORS as error:
                raise RunError(f"{path}: {RECORDINGS} cannot be read: {error}") from error
            yield copy


def write_page(folder: Path, result: Result, tasks: Iterable[Task], standing: Sequence[str] = ()) -> None:
    """Write the page into the run's folder, with where the result stands among others where that is known.

    Raises DiskError, and RunError for damaged recordings.
    """
    evidence = replace(evidence_of(result, folder, tasks), standing=tuple(standing))
    write_atomic(folder / PAGE, render_html(result, evidence))


def closing_of(result: Result, path: Path, task_folders: Sequence[Path] = ()) -> tuple[str, ...]:
    """The last lines of a report of a run's folder, a bundle or a lone result; the user's own tasks stay given."""
    rest: list[Path | str] = [path, *tasks_arguments(task_folders)]
    page = [f"page   {path / PAGE}"] if (path / PAGE).is_file() else []
    return (*page, f"check  {command_line('verify', *rest)}", f"next   {_next_step(result, rest)}")


def _next_step(result: Result, rest: Sequence[Path | str]) -> str:
    """What helps most now: one's own models, the rest of the trials, more trials, or every table.

    `rest` is the path, then what its commands have to be given besides.
    """
    if result.run.simulated:
        return f"measure your own models: {command_line('init')}"
    every_table = f"every table: {command_line('report', *rest, '--full')}"
    is_whole = all(cell.pass_rate.is_complete for cell in result.cells)
    if not is_whole and result.run.design is None and Path(rest[0], PLAN).is_file():
        return f"record what is missing: {command_line('bench --resume', *rest)}; {every_table}"
    undecided = any(answer.state == "undecided" for answer in lane_answers(result))
    if not undecided:
        return every_table
    is_out_of_time = any(look.stop == "budget" for look in result.run.looks)
    return f"{'more time (--budget)' if is_out_of_time else 'more trials (--trials)'}, or {every_table}"
