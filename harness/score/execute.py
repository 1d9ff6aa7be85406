"""From code to observations: the job that a task and a piece of code make, and how one case's end reads.

The checks of an execution are its cases, named by their ids; what must come out stays here, on the host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from harness.score.compare import Equality, equality_of, short
from harness.score.extract import Found, extract
from harness.score.languages import LANGUAGES
from harness.score.verdict import Judgement, ends_of, nothing
from harness.types import Case, Check, Job, Json, Observation, Sandbox, Variant

Driver = Literal["calls", "program"]
Judge = Callable[[Case, Observation, Equality], Check]
NO_CODE = "no code was found in the answer"


def language_of(variant: Variant) -> str:
    """The task's language; tasks that run code name one (see `faults_of_language`)."""
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


def job_of(variant: Variant, files: Mapping[str, str], driver: Driver, cases: Iterable[Case] | None = None) -> Job:
    """The job that runs these files against the task's cases, or against others."""
    chosen = variant.cases if cases is None else tuple(cases)
    return Job(
        language=language_of(variant),
        driver=driver,
        entry=entry_of(variant),
        files=dict(files),
        cases=tuple((case.id, case.give) for case in chosen),
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


def judged(
    variant: Variant, files: Mapping[str, str], sandbox: Sandbox, *, driver: Driver, judge: Judge
) -> tuple[tuple[Check, ...], list[Observation]]:
    """Run files against the task's cases: one check a case, and what was seen. Raises EngineError."""
    how = equality(variant)
    pairs = pair(variant.cases, sandbox.run(job_of(variant, files, driver)))
    return tuple(judge(case, seen, how) for case, seen in pairs), [seen for _, seen in pairs]


def judge_answer(answer: str, variant: Variant, sandbox: Sandbox, *, driver: Driver, judge: Judge) -> Judgement:
    """Find the code in an answer, run it against the task's cases, compare. Raises EngineError."""
    found = find_code(answer, variant)
    if found is None:
        return nothing([case.id for case in variant.cases], NO_CODE)
    files = {**given_files(variant), entry_of(variant): found.code}
    checks, seen = judged(variant, files, sandbox, driver=driver, judge=judge)
    return Judgement(checks, found.rule, ends_of(failed_of(checks, seen)), facts={"block_closed": found.closed})


def failed_of(checks: Sequence[Check], seen: Sequence[Observation]) -> list[Observation]:
    """The observations whose checks failed."""
    return [one for check, one in zip(checks, seen, strict=True) if not check.passed]
