"""What only the command line can say about an error: a fix that names a command or an option, and how to continue.

Packages below `cli` do not know which command runs, so their errors name no command. `suggest` gives a fix to errors
that have none, and `resumable` notes how to continue a run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.cli.console import command_line
from harness.errors import LanebenchError

if TYPE_CHECKING:
    from harness.run import RunFolder


@contextmanager
def suggest(fix: str, kind: type[LanebenchError]) -> Iterator[None]:
    """Add a fix to the errors of one kind that leave the block without a fix."""
    try:
        yield
    except kind as error:
        error.add_fix(fix)
        raise


@contextmanager
def resumable(folder: RunFolder, words: str, *values: object, records: bool = True) -> Iterator[None]:
    """Note on any error or Ctrl-C that leaves the block which trials are kept and which command continues the run.

    Words and values of the command are those of `command_line`.
    With `records`, a sequential run that a look has ended is not continued, but scored if its result is not written:
    what is missing would count for nothing.
    """
    try:
        yield
    except (KeyboardInterrupt, LanebenchError) as stop:
        kept = f"{len(folder.recorded)} recorded and {len(folder.scored)} scored trials are kept"
        more = f"Continue with: {command_line(words, *values)}"
        if records and folder.has_ended:
            is_written = folder.result_path.is_file()
            more = "The run has ended" if is_written else f"Write its result with: {command_line('score', *values)}"
        stop.add_note(f"{kept}. {more}")
        raise
