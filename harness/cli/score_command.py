"""What the commands that score share: the engine made ready, the verdicts, the result file, the page, the tables."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from harness.cli.console import command, say, show
from harness.files import write_atomic
from harness.report import render_github, render_html, render_text
from harness.run import RunFolder, Watch, result_of, score_run, write_result
from harness.sandbox import check_limits, check_runtime, ensure_engine, ensure_image, open_sandbox
from harness.score import score
from harness.tasks import check_tasks
from harness.types import Result, Task

FORMATS = {"text": render_text, "github": render_github}


def add_scoring_options(parser: argparse.ArgumentParser) -> None:
    """How the tables are printed."""
    parser.add_argument(
        "--format", choices=tuple(FORMATS), default="text", help="github prints Markdown that can be pasted"
    )
    parser.add_argument("--runtime", help="the engine's runtime for the containers, as runsc where gVisor is installed")


def languages_of(tasks: Sequence[Task]) -> tuple[str, ...]:
    """The languages whose answers have to run."""
    return tuple(sorted({task.language for task in tasks if task.language is not None}))


def make_engine_ready(tasks: Sequence[Task], runtime: str | None, own: Sequence[Path] = ()) -> None:
    """Bring the engine and the images up before a model is asked: what is missing should show in the first minute.

    Tasks in the user's `own` folders are tried by their own answers here; no container is left when this returns.
    Raises EngineError, and CheckError for an own task whose answers do not end as it says.
    """
    languages = languages_of(tasks)
    if not languages:
        return
    engine = ensure_engine(say)
    check_runtime(engine, runtime)
    check_limits(engine)
    for language in languages:
        ensure_image(engine, language, say)
    mine = [task for task in tasks if any(task.name in (folder.name, *listed(folder)) for folder in own)]
    if mine:
        with open_sandbox("tasks-check", say, languages_of(mine), runtime=runtime) as sandbox:
            check_tasks(mine, partial(score, sandbox=sandbox), say, first_only=True)


def listed(folder: Path) -> list[str]:
    """The names of what stands in a folder."""
    return [path.name for path in folder.iterdir()]


def score_and_write(folder: RunFolder, tasks: Sequence[Task], watch: Watch, runtime: str | None = None) -> Result:
    """Score what has no verdict yet; write result.json and report.html. Raises EngineError, DiskError."""
    with open_sandbox(folder.plan.id, say, languages_of(tasks), runtime=runtime) as sandbox:
        score_run(folder, tasks, sandbox, watch)
    result = result_of(folder)
    write_result(folder, result)
    write_atomic(folder.path / "report.html", render_html(result))
    return result


def show_result(folder: RunFolder, result: Result, form: str) -> None:
    """Print the tables, and where the files are."""
    show(FORMATS[form](result))
    say(f"result  {folder.result_path}")
    say(f"page    {folder.path / 'report.html'}")
    say(f"check   {command(f'verify {folder.path}')}")
