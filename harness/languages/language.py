"""The types of a language's record: how its code is recognized in an answer, and how it runs in a container."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

DRIVERS = "/opt/lanebench"
"""Where the drivers are in an image."""
_GUARDED_PYTHON = "/usr/local/bin/lanebench-python"
"""A copy of Python that nobody can read: the kernel then closes /proc/1 to the programs that the driver starts, and
with it the driver's memory and settings, which else outlive a case (execve(2), proc(5))."""


def python_driver(name: str, *, runs_programs: bool = True) -> tuple[str, ...]:
    """The command line of a driver that is written in Python; the image holds it compiled.

    `runs_programs`: answers run in processes of their own, or a task's files may start such processes for them (as
    code-tooluse does). They are kept out of the driver's process.
    """
    return (_GUARDED_PYTHON if runs_programs else "python3", "-S", "-s", "-P", f"{DRIVERS}/{name}.pyc")


@dataclass(frozen=True, slots=True)
class Syntax:
    """How code of a language is told from prose and from other languages, with regular expressions for single lines.

    `definition` matches the definition of the identifier that replaces NAME. `code_line` matches a line that nobody
    writes in prose, `possible_line` one that may occur between such lines, `test_line` one that marks a block as tests.
    `body` matches in every definition but not in a bare signature. `export` matches the export of names that are
    defined elsewhere; its group has them.

    Each pattern must take time in proportion to the text, hence the possessive quantifiers: models do write whitespace,
    or one line, without end.
    """

    definition: str
    code_line: str
    possible_line: str
    test_line: str | None = None
    body: str | None = None
    export: str | None = None
    parses: Callable[[str], bool] | None = None
    """Whether a text is well formed; None for a language that is not parsed on the host."""
    names: Callable[[str], tuple[frozenset[str], frozenset[str], frozenset[str]]] | None = None
    """The names that code defines, imports, and uses without having them; None where only lines are looked at."""
    is_program: Callable[[str], bool] | None = None
    """Whether a text parses and is more than a phrase that happens to parse; None if only lines are looked at."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """How answers run: the stage of Dockerfile.scorer, the drivers, and the commands of the answer as a program.

    The fields that end in `_driver` are the command lines of process 1. `run` and `load` begin the command lines by
    which the program driver runs an answer and imports it; the case's arguments follow. Placeholders: {entry} is the
    answer's file, {module} that path as a module's name, {heap_mib} three quarters of the container's memory.

    `executes`: its programs may execute files that they wrote. A compiled language has `build_bytes` of space for its
    compiler's output, and its containers at least `memory_bytes`, which the compiler needs.
    """

    calls_driver: tuple[str, ...]
    run: tuple[str, ...]
    load: tuple[str, ...]
    program_driver: tuple[str, ...] = python_driver("program")
    tests_driver: tuple[str, ...] = ()
    """The driver that runs tests which a model wrote; empty where no image has a runner of them."""
    outside_driver: tuple[str, ...] = ()
    """The driver that keeps given tests and an answer in containers of their own; empty where there is none."""
    stage: str = "base"
    executes: bool = False
    build_bytes: int = 0
    memory_bytes: int = 0
    env: tuple[str, ...] = ()
    reports_args: bool = False
    """Its calls driver can report the arguments as they are after a call."""
    reports_output: bool = False
    """Its calls driver can report what a call has printed."""
    check_types: tuple[str, ...] = ()
    """The command line by which the program driver checks an answer's types without running it, where there is one."""
    takes_kwargs: bool = False
    """Its callers may name a function's arguments."""


@dataclass(frozen=True, slots=True)
class Language:
    """One programming language.

    `labels` are the words that name it in the info string of a Markdown fence; the first of its `extensions` is that of
    an answer's file. `has_one_number_type`: its values do not tell 1 from 1.0. `has_functions`: its code defines the
    names that cases call.
    """

    name: str
    labels: tuple[str, ...]
    extensions: tuple[str, ...]
    syntax: Syntax
    runtime: Runtime
    has_one_number_type: bool = False
    has_functions: bool = True
    shadows: Callable[[str, Sequence[str], str], bool] | None = None
    """Whether a new file (its path, the protected paths, the entry) would be imported in place of a protected one."""

    @property
    def entry(self) -> str:
        """The file that an answer's code becomes if a task names none."""
        return f"answer{self.extensions[0]}"
