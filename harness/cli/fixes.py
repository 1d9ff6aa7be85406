"""What only the command line can say about an error: a fix that names a command or an option, and how to continue.

Packages below `cli` do not know which command runs, so their errors name no command. `suggest` gives a fix to errors
that have none, and `resumable` notes how to continue a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.cli.console import command_line
from harness.errors import ConfigError, LanebenchError, ServerError

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
    what is missing would count for nothing. A run that a server ended before its first trial is not continued either.
    """
    try:
        yield
    except (KeyboardInterrupt, LanebenchError) as stop:
        stop.add_note(_how_to_continue(folder, stop, command_line(words, *values), records=records, values=values))
        raise


def _how_to_continue(
    folder: RunFolder, stop: BaseException, command: str, *, records: bool, values: Sequence[object]
) -> str:
    kept = f"{len(folder.recorded)} recorded and {len(folder.scored)} scored trials are kept"
    if records and folder.has_ended:
        is_written = folder.result_path.is_file()
        more = "The run has ended" if is_written else f"Write its result with: {command_line('score', *values)}"
        return f"{kept}. {more}"
    if records and isinstance(stop, ServerError | ConfigError):
        # A run keeps the models of its plan: what is corrected in bench.toml holds for a new run only.
        if not folder.recorded:
            return f"Nothing is recorded. Begin a new run; {folder.path} can be removed"
        return f"{kept}. If the settings of its models need no change, continue with: {command}"
    return f"{kept}. Continue with: {command}"
