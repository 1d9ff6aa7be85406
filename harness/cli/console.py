"""Terminal output: what was requested goes to standard output, everything else to standard error.

`show` prints a result, `log` a line about what is being done, `print_problem` an error and its fix; `show_progress`
shows how far the stages are. Each of them escapes what it prints: much of it was written by models, servers and
strangers. rich and harness.report are imported when something is printed, since they take 50 ms.
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import Problem

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from harness.run import Progress

LINE_S = 60.0
"""Seconds between two lines about a stage where no terminal shows bars."""
NOX_SESSIONS = ("bench", "verify")


@cache
def _stderr() -> Console:
    """The only console of standard error: a line that another one printed would break a progress bar."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)


def _escape(text: str) -> str:
    """Text in which neither rich nor the terminal finds something to interpret; only newlines stay."""
    from rich.markup import escape

    from harness.report import plain_lines

    return escape(plain_lines(text))


def log(line: str) -> None:
    """Print one line about what is being done."""
    _stderr().print(_escape(line), style="dim")


def count_of(number: int, noun: str) -> str:
    """A number with its noun: "1 model", "2 models"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def print_problem(problem: Problem) -> None:
    """Print what is wrong, and on its own line how to fix it. Further lines of a message are indented under it."""
    _stderr().print(f"[bold red]error[/] {_escape(_indent(problem.message))}")
    if problem.fix:
        _stderr().print(f"[bold]fix[/]   {_escape(_indent(problem.fix))}")


def _indent(text: str) -> str:
    return text.replace("\n", "\n      ")


def show(text: str) -> None:
    """Print what was requested. Nothing else goes to standard output, so that it can be piped."""
    from harness.report import plain_lines

    sys.stdout.write(plain_lines(text.removesuffix("\n")) + "\n")
    sys.stdout.flush()


def command_line(words: str, *values: object) -> str:
    """How this user types a sub-command: through nox if nox started this process, else as installed.

    `values` follow the words, each quoted for a shell, as a path may need it.
    """
    command, _, arguments = " ".join([words, *(shlex.quote(str(value)) for value in values)]).partition(" ")
    words = f"{command} {arguments}".rstrip()
    session = os.environ.get("NOX_CURRENT_SESSION")
    if session in NOX_SESSIONS and command in NOX_SESSIONS:
        return f"nox -s {command} -- {arguments}"
    if Path(sys.argv[0]).stem == "lanebench":
        return f"lanebench {words}"
    python = os.path.relpath(sys.executable) if session else "python"
    return f"{python} -m harness {words}"


class _ProgressBars:
    """A bar for each stage that has begun, with the facts of the last step on lines of their own below."""

    def __init__(self, progress: RichProgress) -> None:
        self._progress = progress
        self._bars: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int, name: str) -> None:
        if stage not in self._bars:
            self._bars[stage] = self._progress.add_task(stage, total=total, facts="")
        self._progress.update(self._bars[stage], completed=done, total=total, facts=_escape(name))


class ProgressLines:
    """Where no terminal shows bars: a line when a stage begins and ends, and LINE_S after the one before."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        """Begin; `now_s` is the clock."""
        self._now_s = now_s
        self._next_s = 0.0
        self._told: set[tuple[str, int]] = set()

    def __call__(self, stage: str, done: int, total: int, name: str) -> None:
        """Tell a step, if it is time to."""
        # The rate is told each second of the first trial, too, which is as much a beginning as its first line.
        is_edge = done in (0, total) and (stage, done) not in self._told
        if not is_edge and self._now_s() < self._next_s:
            return
        self._told.add((stage, done))
        log(f"{stage}: {done} of {total}  {', '.join(name.splitlines())}")
        self._next_s = self._now_s() + LINE_S


@contextmanager
def show_progress() -> Iterator[Progress]:
    """Show how far the stages are until the block ends."""
    if not _stderr().is_terminal:
        yield ProgressLines()
        return
    with live_bars(_stderr()) as progress:
        yield progress


@contextmanager
def live_bars(console: Console) -> Iterator[Progress]:
    """Bars on a terminal until the block ends."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as RichProgress
    from rich.text import Text

    class Bars(RichProgress):
        """Below each bar the facts of its stage, each cut to the width of the terminal."""

        def get_renderables(self) -> Iterator[RenderableType]:
            for task in self.tasks:
                yield self.make_tasks_table([task])
                for fact in task.fields["facts"].splitlines():
                    yield Text.from_markup(f"  {fact}", style="dim", overflow="ellipsis")

    columns = (TextColumn("{task.description:<7}"), BarColumn(bar_width=24), MofNCompleteColumn())
    # Drawing takes the interpreter from the thread that times a reply: twice a second is enough to look alive.
    with Bars(*columns, console=console, refresh_per_second=2) as progress:
        yield _ProgressBars(progress)
