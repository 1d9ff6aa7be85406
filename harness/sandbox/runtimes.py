"""What a container of a language runs: the command line of its driver, filled in for a job's limits and files."""

from __future__ import annotations

import posixpath

from harness.errors import EngineError
from harness.languages import LANGUAGES, Runtime
from harness.types import Job, Json, Limits

_MIB = 1024 * 1024


def runtime_of(language: str) -> Runtime:
    """How a language runs. Raises EngineError for one that has no record."""
    if language not in LANGUAGES:
        raise EngineError(f"the scorer image runs no {language!r}; it runs {', '.join(sorted(LANGUAGES))}")
    return LANGUAGES[language].runtime


def driver_command(language: str, driver: str, limits: Limits) -> list[str]:
    """The command line of process 1: the driver, which waits for a job. Raises EngineError."""
    runtime = runtime_of(language)
    drivers = {
        "calls": runtime.calls_driver,
        "program": runtime.program_driver,
        "tests": runtime.tests_driver,
        "outside": runtime.outside_driver,
    }
    heap_mib = limits.memory_bytes * 3 // 4 // _MIB
    return [word.replace("{heap_mib}", str(heap_mib)) for word in drivers[driver]]


def program_commands(job: Job) -> dict[str, Json]:
    """The command lines that begin each run, each import and each type check of an answer. Raises EngineError."""
    module = posixpath.splitext(job.entry)[0].replace("/", ".")
    runtime = runtime_of(job.language)
    commands = {"run": runtime.run, "load": runtime.load, "check_types": runtime.check_types}
    return {
        name: [word.replace("{entry}", job.entry).replace("{module}", module) for word in words]
        for name, words in commands.items()
    }
