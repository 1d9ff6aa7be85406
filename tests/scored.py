"""Support for scorer tests: variants, readings, and sandboxes that follow a script."""

import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from copy import deepcopy
from dataclasses import dataclass, field

from harness.files import to_json
from harness.score import KINDS
from harness.tasks import scorer_problems
from harness.types import (
    Case,
    Check,
    Counts,
    Job,
    Json,
    Limits,
    Observation,
    Reading,
    SandboxFacts,
    Score,
    StreamError,
    Task,
    Timings,
    ToolCall,
    Variant,
)

FACTS = SandboxFacts("scripted", "1", "none", "none", "none", rootless=True, cgroup_version="2")
Script = Callable[[Job, str, Mapping[str, Json]], Observation]
"""Says what comes of a case: its job, its id and what it gives."""


@dataclass
class ScriptedSandbox:
    """A sandbox that does what its script says and keeps the jobs that it was given."""

    script: Script | None = None
    jobs: list[Job] = field(default_factory=list)
    facts: SandboxFacts = FACTS

    def run(self, job: Job) -> tuple[Observation, ...]:
        """One observation a case; without a script nothing may be run."""
        assert self.script is not None, "nothing should have been run"
        self.jobs.append(job)
        return tuple(self.script(job, name, give) for name, give in job.cases)


def returning(value: Json) -> ScriptedSandbox:
    """A sandbox in which every case returns this value."""
    return ScriptedSandbox(lambda job, name, give: Observation(name, "returned", value))


def running_python() -> ScriptedSandbox:
    """A sandbox that really calls the functions of the trusted Python code of a test, with the files as modules."""
    return ScriptedSandbox(_call)


def _call(job: Job, name: str, give: Mapping[str, Json]) -> Observation:
    space: dict[str, Json] = {"__name__": "answer"}
    try:
        exec(compile(job.files[job.entry], job.entry, "exec"), space)
    except SyntaxError as error:
        return Observation(name, "not_loaded", None, type(error).__name__)
    if give["call"] not in space:
        return Observation(name, "not_callable", None, "not found")
    args = deepcopy(list(give.get("args", [])))
    output = io.StringIO()
    try:
        with redirect_stdout(output):
            value = space[give["call"]](*args)
    except (ValueError, TypeError, ArithmeticError) as error:
        names = [base.__name__ for base in type(error).__mro__]
        return Observation(name, "raised", names, names[0], args)
    return Observation(name, "returned", value, None, args, output.getvalue())


def case(name: str, give: Mapping[str, Json] | None = None, **expect: Json) -> Case:
    """A case."""
    return Case(name, give or {}, expect)


def variant_of(
    kind: str,
    cases: Sequence[Case] = (),
    *,
    language: str | None = "python",
    files: Mapping[str, str] | None = None,
    settings: Mapping[str, Json] | None = None,
    prompt: str = "Write it.",
    turns: Sequence[str] = (),
) -> Variant:
    """A variant of a task that holds what a scorer looks at."""
    documents = [{"id": case.id, "give": case.give, "expect": case.expect} for case in cases]
    asked = tuple(turns) or (prompt,)
    task = Task(
        name="a-task",
        title="A task",
        suites=("full",),
        tags=(),
        language=language,
        budget_tokens=1000,
        limits=Limits(),
        scorer=kind,
        settings=settings or {},
        system="Be brief.",
        turns=asked,
        files=files or {},
        cases_json=to_json(documents) if documents else "",
        solution=("",),
        wrong_answers=(),
        variants=(),
        sha256="0" * 64,
        scored=kind not in KINDS or KINDS[kind].scored,
        tool_loop=kind in KINDS and KINDS[kind].tool_loop,
    )
    return Variant(task, 0, task.system, asked, task.files, tuple(cases), ("",), ())


def said(content: str = "", *calls: ToolCall, finish: str | None = "stop", error: StreamError | None = None) -> Reading:
    """The reading of one reply."""
    return Reading(content, "", calls, finish, True, None, error, Counts(), Timings())


def called(name: str, **arguments: Json) -> ToolCall:
    """A call of a tool."""
    return ToolCall("call_1", name, to_json(arguments))


def failed(score: Score) -> set[str]:
    """The names of the failed checks."""
    return {check.name for check in score.checks if not check.passed}


def check(score: Score, name: str) -> Check:
    """One check by its name."""
    return next(check for check in score.checks if check.name == name)


def problem_texts(task: Task) -> list[str]:
    """What is wrong with a task's settings and cases: each problem's message and fix in one line."""
    return [f"{problem.message}; {problem.fix}" for problem in scorer_problems(task)]
