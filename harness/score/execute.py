"""From code to observations: the job that a task and a piece of code make, and how one case's end reads.

The checks of an execution are its cases, named by their ids; what must come out stays here, on the host.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.languages import LANGUAGES
from harness.score.compare import Equality, equality_of, short
from harness.score.extraction.extract import Found, extract
from harness.score.verdict import Judgment, ends_of, nothing
from harness.types import Case, Check, Job, Json, Observation, Outcome, Sandbox, Variant

Driver = Literal["calls", "program"]
Judge = Callable[[Case, Observation, Equality], Check]
NO_CODE = "no code was found in the answer"


def language_of(variant: Variant) -> str:
    """The task's language: `faults_of` refuses a task that runs code and names none."""
    return variant.task.language or "python"


def entry_of(variant: Variant) -> str:
    """The name of the file that the answer's code becomes: settings.entry, else the language's own."""
    named = variant.task.settings.get("entry")
    return named if isinstance(named, str) else LANGUAGES[language_of(variant)].entry


def given_files(variant: Variant) -> dict[str, str]:
    """The task's files that go into the container: all (settings.files = true), those named, or none."""
    chosen = variant.task.settings.get("files", False)
    if isinstance(chosen, list):
        return {name: variant.files[name] for name in chosen if name in variant.files}
    return dict(variant.files) if chosen else {}


def wanted_of(variant: Variant) -> tuple[str, ...]:
    """The names that the code should define: settings.names, else the functions that the cases call."""
    names = variant.task.settings.get("names")
    if isinstance(names, list):
        return tuple(str(name) for name in names)
    return tuple(dict.fromkeys(str(case.give["call"]) for case in variant.cases if "call" in case.give))


def equality(variant: Variant) -> Equality:
    """How the task compares values: settings.equality."""
    return equality_of(str(variant.task.settings.get("equality", "exact")), variant.task.language)


def find_code(answer: str, variant: Variant) -> Found | None:
    """The code in an answer to this task."""
    joined = variant.task.settings.get("blocks") == "all"
    return extract(answer, language_of(variant), wanted_of(variant), joined=joined)


@dataclass(frozen=True, slots=True)
class Build:
    """What is run: the files of the working directory, which of them is loaded or started, and how."""

    files: Mapping[str, str]
    entry: str
    driver: Driver


def job_of(variant: Variant, build: Build, cases: Sequence[Case]) -> Job:
    """The job that runs a build against cases."""
    return Job(
        language=language_of(variant),
        driver=build.driver,
        entry=build.entry,
        files=dict(build.files),
        cases=tuple((case.id, case.give) for case in cases),
        limits=variant.task.limits,
    )


def pair(cases: Sequence[Case], seen: Sequence[Observation]) -> list[tuple[Case, Observation]]:
    """Each case with its one observation; what came twice or not at all is forged."""
    by_id: dict[str, list[Observation]] = {}
    for one in seen:
        by_id.setdefault(one.case, []).append(one)
    found = []
    for case in cases:
        mine = by_id.get(case.id, [])
        lone = mine[0] if len(mine) == 1 else Observation(case.id, "forged", None, "not reported once")
        found.append((case, lone))
    return found


def unreturned(case: Case, seen: Observation) -> Check:
    """The failed check of a case that returned nothing."""
    note = f"{seen.ended}: {seen.note}" if seen.note else seen.ended
    return Check(case.id, False, expected_of(case), None, note[:200])


def expected_of(case: Case) -> Json:
    """What was expected, short: the value itself where that is all that was expected."""
    expect = dict(case.expect)
    return short(expect["value"] if list(expect) == ["value"] else expect)


@dataclass(frozen=True, slots=True)
class Judged:
    """The checks of an execution, one a case, and what ended the code in those that failed."""

    checks: tuple[Check, ...]
    ends: frozenset[Outcome]


def judged(variant: Variant, build: Build, sandbox: Sandbox, judge: Judge, cases: Sequence[Case]) -> Judged:
    """Run a build against cases. Raises EngineError."""
    if not cases:
        return Judged((), frozenset())
    how = equality(variant)
    pairs = pair(cases, sandbox.run(job_of(variant, build, cases)))
    checks = tuple(judge(case, seen, how) for case, seen in pairs)
    failed = [seen for check, (_, seen) in zip(checks, pairs, strict=True) if not check.passed]
    return Judged(checks, ends_of(failed) | _killed(failed))


def _killed(failed: Sequence[Observation]) -> frozenset[Outcome]:
    """A program that ended by a signal died; no program ends so by itself."""
    codes = [seen.value.get("exit") for seen in failed if isinstance(seen.value, dict)]
    return frozenset({Outcome.CRASHED} if any(type(code) is int and code < 0 for code in codes) else ())


def groups_of(checks: Sequence[Check]) -> dict[str, Json]:
    """How many checks passed of each group: what stands before a slash in their names."""
    groups: dict[str, Json] = {}
    for check in checks:
        group, slash, _ = check.name.partition("/")
        if slash:
            counts = groups.setdefault(group, {"passed": 0, "n": 0})
            counts["passed"] += check.passed
            counts["n"] += 1
    return groups


def grouped(checks: Sequence[Check]) -> dict[str, Json]:
    """The fact `groups`, where there are any."""
    groups = groups_of(checks)
    return {"groups": groups} if groups else {}


def judge_answer(answer: str, variant: Variant, sandbox: Sandbox, *, driver: Driver, judge: Judge) -> Judgment:
    """Find the code in an answer, run it against the task's cases, compare. Raises EngineError."""
    found = find_code(answer, variant)
    if found is None:
        return nothing([case.id for case in variant.cases], NO_CODE)
    entry = entry_of(variant)
    build = Build({**given_files(variant), entry: found.code}, entry, driver)
    ran = judged(variant, build, sandbox, judge, variant.cases)
    return Judgment(ran.checks, found.rule, ran.ends, facts={"block_closed": found.closed, **grouped(ran.checks)})
