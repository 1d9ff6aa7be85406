"""The exception tree, with one exit code for each class.

LanebenchError                 1   the root
+-- CheckError                 1   a check was made and it failed (`verify`, `tasks check`)
+-- UncheckedError             2   a check that was requested could not be made
+-- ConfigError                3   bench.toml or a command-line value
+-- TaskError                  4   a folder under fixtures/
+-- ServerError                5   a model server that does not answer, start or stop
+-- EngineError                6   the container engine or the scorer image
+-- RunError                   7   a run folder or a result file that cannot be used
+-- DiskError                  8   a file that cannot be written
+-- DownloadError              9   an embedded model, its server or a package that cannot be had
+-- InterruptedRunError      130   Ctrl-C

A model's failure is an outcome and raises nothing. `first_of` writes a list of names into a message.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: `message` says what and where, `fix` says what to do about it ("" if unknown).

    A fix that depends on the command (`--resume`, `--results`) is added by `cli`, which knows what the user typed.
    """

    message: str
    fix: str = ""


class LanebenchError(Exception):
    """The root of the tree. `problems` has at least one entry; `str(error)` joins their messages without the fixes."""

    exit_code = 1

    def __init__(self, *problems: str | Problem, fix: str = "") -> None:
        """Problems given as strings get `fix`."""
        if not problems:
            raise ValueError("an error needs at least one problem")
        self.problems = tuple(Problem(problem, fix) if isinstance(problem, str) else problem for problem in problems)
        super().__init__("\n".join(problem.message for problem in self.problems))

    def __reduce__(self) -> tuple[type[LanebenchError], tuple[Problem, ...]]:
        """Crosses processes with its problems, whose fixes the message of an exception does not have."""
        return type(self), self.problems

    @property
    def message(self) -> str:
        """The first problem's message, for where one line fits."""
        return self.problems[0].message

    @property
    def fix(self) -> str:
        """The first problem's fix."""
        return self.problems[0].fix

    def add_fix(self, fix: str) -> None:
        """Give a fix to the problems that have none."""
        self.problems = tuple(problem if problem.fix else replace(problem, fix=fix) for problem in self.problems)


class CheckError(LanebenchError):
    """A check was made and failed."""

    exit_code = 1


class UncheckedError(LanebenchError):
    """A check that was requested could not be made."""

    exit_code = 2


class ConfigError(LanebenchError):
    """The configuration or a command-line value is wrong."""

    exit_code = 3


class TaskError(LanebenchError):
    """A task folder is wrong."""

    exit_code = 4


class ServerError(LanebenchError):
    """A model server does not answer, start or stop."""

    exit_code = 5


class EngineError(LanebenchError):
    """The container engine or the scorer image is missing or has failed. It is never the model's failure."""

    exit_code = 6


class RunError(LanebenchError):
    """A run folder or a result file cannot be used."""

    exit_code = 7


class DiskError(LanebenchError):
    """The disk is full or a file cannot be written."""

    exit_code = 8


class DownloadError(LanebenchError):
    """An embedded model, its server or a package cannot be had on this machine."""

    exit_code = 9


class InterruptedRunError(LanebenchError):
    """The user stopped the run. What was recorded is kept."""

    exit_code = 130


def first_of(names: Iterable[str], most: int) -> str:
    """The first names and how many follow: "a, b and 3 more"."""
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return f"{', '.join(listed[:most])}{more}"
