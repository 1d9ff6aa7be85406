"""What the terminal shows: results on standard output, everything said along the way on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from harness.errors import Problem
from harness.run import Watch

_ERR = Console(stderr=True, highlight=False, soft_wrap=True)


def say(line: str) -> None:
    """One line about what is being done."""
    _ERR.print(escape(line), style="dim")


def complain(problem: Problem) -> None:
    """Print what is wrong, and on a line of its own what to do about it."""
    _ERR.print(f"[bold red]error[/] {escape(problem.message)}")
    if problem.fix:
        _ERR.print(f"[bold]fix[/]   {escape(problem.fix)}")


def show(text: str) -> None:
    """The thing that was asked for: nothing else goes to standard output, so that it can be piped."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


NOX_SESSIONS = ("bench", "verify")


def command(words: str) -> str:
    """How this user would type a sub-command: through nox where nox started us, else as installed."""
    first, _, rest = words.partition(" ")
    session = os.environ.get("NOX_CURRENT_SESSION")
    if session in NOX_SESSIONS and first in NOX_SESSIONS:
        return f"nox -s {first} -- {rest}"
    if Path(sys.argv[0]).stem == "lanebench":
        return f"lanebench {words}"
    python = os.path.relpath(sys.executable) if session else "python"
    return f"{python} -m harness {words}"


class _Bars:
    """A bar for each stage that has begun."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int, name: str) -> None:
        if stage not in self._bars:
            self._bars[stage] = self._progress.add_task(stage, total=total, name=name)
        self._progress.update(self._bars[stage], completed=done, total=total, name=name)


class _Lines:
    """Where no terminal shows bars: a line when a stage begins and when it ends."""

    def __call__(self, stage: str, done: int, total: int, name: str) -> None:
        if done in (0, total):
            say(f"{stage}: {done} of {total}  {name}")


@contextmanager
def watching() -> Iterator[Watch]:
    """Show how far the stages are until the block ends."""
    if not _ERR.is_terminal:
        yield _Lines()
        return
    columns = (
        TextColumn("{task.description:<7}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[name]}"),
    )
    with Progress(*columns, console=_ERR, transient=False) as progress:
        yield _Bars(progress)
