"""Writing a result's page and its pictures, with all that the folder of the run and the known tasks add to it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from harness.bundle import READ_ERRORS, RECORDINGS, ReadLimits, open_source
from harness.errors import RunError
from harness.files import write_atomic
from harness.report import render_html
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
