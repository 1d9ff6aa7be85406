"""Writing a result's page and its pictures, with all that the folder of the run and the known tasks add to it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.files import write_atomic
from harness.report import render_html
from harness.run import page_evidence
from harness.types import PageEvidence, Result, Task

PAGE = "report.html"


def evidence_of(result: Result, path: Path, tasks: Iterable[Task]) -> PageEvidence:
    """What a run's folder tells beside its result; a file alone tells less. Raises RunError for damaged recordings."""
    recordings = path / "recordings.jsonl"
    known = {task.name: task for task in tasks}
    return page_evidence(result, recordings if recordings.is_file() else None, known)


def write_page(folder: Path, result: Result, tasks: Iterable[Task]) -> None:
    """Write the page into the run's folder. Raises DiskError, and RunError for damaged recordings."""
    write_atomic(folder / PAGE, render_html(result, evidence_of(result, folder, tasks)))
