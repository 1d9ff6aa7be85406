"""The two ways to run a task's cases, for the kinds that take either: settings.driver says which."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.score.execute import Build, Driver, Judge, Judged, judged
from harness.score.kinds.calls import demand_calls, judge_call
from harness.score.kinds.program import demand_programs, judge_program
from harness.score.settings import Demands
from harness.types import Case, Sandbox, Variant


@dataclass(frozen=True, slots=True)
class Way:
    """How one case is judged, and what its cases must hold."""

    judge: Judge
    demand: Callable[[Demands, Sequence[Case]], None]


def driver_of(variant: Variant) -> Driver:
    """The way that the settings name; calls where they name none."""
    return "program" if variant.task.settings.get("driver") == "program" else "calls"


def run_files(variant: Variant, files: Mapping[str, str], sandbox: Sandbox) -> Judged:
    """Run files against all of the task's cases. Raises EngineError."""
    driver = driver_of(variant)
    build = Build(files, entry_among(variant, files), driver)
    return judged(variant, build, sandbox, WAYS[driver].judge, variant.cases)


def entry_among(variant: Variant, files: Mapping[str, str]) -> str:
    """The file that is loaded or started: settings.entry, else the first of the task's by name, else of these."""
    named = variant.task.settings.get("entry")
    return named if isinstance(named, str) else min(variant.files or files)


def demand_driven(demands: Demands, cases: Sequence[Case]) -> None:
    """Note what is wrong with the driver, the entry and the cases of a task whose files are run."""
    settings = demands.task.settings
    demands.choice(settings, "driver", tuple(WAYS))
    if not demands.task.files:
        demands.found.append("files: is empty; this scorer needs the files that the answer works on")
    entry = settings.get("entry")
    if isinstance(entry, str) and entry not in demands.task.files:
        demands.fault("entry", f"files/{entry} is not there; write it or name another")
    WAYS["program" if settings.get("driver") == "program" else "calls"].demand(demands, cases)


WAYS: Mapping[str, Way] = {
    "calls": Way(judge_call, demand_calls),
    "program": Way(judge_program, demand_programs),
}
