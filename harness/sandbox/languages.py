"""What each language needs: a stage of Dockerfile.scorer, a driver for calls, and room for what is compiled.

A new language is a stage there, a driver, and a line in the table at the foot of this file.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import EngineError
from harness.types import Limits

HOME = "/opt/lanebench"
_MIB = 1024 * 1024
_PYTHON = ("python3", "-S", "-s", "-P")
_QUIET = "--disable-warning=ExperimentalWarning"


@dataclass(frozen=True, slots=True)
class Language:
    """One language: `executes` says that its programs may run files of their own making.

    A compiled language gets `build_bytes` of room for that, and at least `memory_bytes`, which its compiler needs.
    """

    stage: str
    driver: str
    flags: tuple[str, ...] = ()
    executes: bool = False
    build_bytes: int = 0
    memory_bytes: int = 0
    env: tuple[str, ...] = ()


def language_of(name: str) -> Language:
    """The language's line in the table. Raises EngineError for one that is not there."""
    if name not in LANGUAGES:
        raise EngineError(f"no stage of Dockerfile.scorer runs {name!r}: it runs {', '.join(sorted(LANGUAGES))}")
    return LANGUAGES[name]


def command_of(name: str, driver: str, limits: Limits) -> list[str]:
    """What a container of this language runs: its driver, which waits for a job."""
    language = language_of(name)
    if driver == "program":
        return [*_PYTHON, f"{HOME}/program.pyc"]
    if language.driver.endswith(".py"):
        return [*_PYTHON, f"{HOME}/{language.driver}c"]
    # The heap stays below the container's memory, so that V8 collects in time and says so when it cannot.
    heap = limits.memory_bytes * 3 // 4 // _MIB
    return ["node", f"--max-old-space-size={heap}", *language.flags, f"{HOME}/{language.driver}"]


LANGUAGES = {
    "python": Language("base", "python_calls.py"),
    "javascript": Language("base", "node_calls.js", flags=(_QUIET,)),
    "typescript": Language("base", "node_calls.js", flags=(_QUIET, "--experimental-transform-types")),
    "bash": Language("base", "bash_calls.py", executes=True),
    "sql": Language("base", "sql_calls.py"),
    "go": Language(
        "go",
        "compiled_calls.py",
        executes=True,
        build_bytes=64 * _MIB,
        memory_bytes=512 * _MIB,
        env=("GOMAXPROCS=2",),
    ),
    "rust": Language("rust", "compiled_calls.py", executes=True, build_bytes=64 * _MIB, memory_bytes=512 * _MIB),
}
