"""Kind `program`: the answer runs once for each case in a fresh directory; exit status, output and files are compared.

settings      as of kind `calls` (equality is that of JSON values); and
    lint        "shellcheck": its remarks on a Bash script go into metrics.lint and have no influence on the verdict
cases.json
    give      {"argv": [string], "stdin": string, "files": {path: string}, "mode": "run" | "import"}; all optional.
              "import" loads the answer without running it as a program: nothing should happen
    expect    at least one of
              "exit"             integer
              "stdout"           string, compared in full; "stdout_json": json, the output parsed as JSON
              "stderr"           string, compared in full (its last 4 KiB are kept)
              "stderr_contains"  string that the error output must contain (its last 4 KiB are kept)
              "files"            {path: {"text": string} | {"json": json} | {"sha256": hex}}: created or changed
              "unchanged"        [path]: given files that must stay as they are
              "no_files"         true: no other files than `files` were created or changed; or [path]: these were not
              A case that gives a "call" is one of kind `calls`: the answer is loaded, and its function called
checks        one for each case, named by its id
metrics       lint: how many remarks of each level, and their codes; null where the linter did not run
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from harness.errors import Problem
from harness.score.compare import Equality, display, is_equal, is_equal_json
from harness.score.execute import (
    Build,
    CaseJudge,
    Driver,
    display_expected,
    find_code,
    job_of,
    judge_answer,
    not_returned,
)
from harness.score.kinds.calls import SETTINGS as CALLS_SETTINGS
from harness.score.kinds.calls import case_schema_of as call_schema_of
from harness.score.kinds.calls import check_names, judge_call
from harness.score.scorer_kind import ScorerKind
from harness.score.validation import (
    ANY,
    INTEGER,
    STRING,
    STRINGS,
    case_schema,
    missing_files,
    object_schema,
    one_of_schema,
    settings_location,
)
from harness.score.verdict import Judgment
from harness.types import Case, Check, Json, Observation, Reading, Sandbox, Task, Variant

SETTINGS: dict[str, Json] = {**CALLS_SETTINGS, "lint": {"enum": ["shellcheck"]}}
GIVE = object_schema(
    {"argv": STRINGS, "stdin": STRING, "files": {"type": "object"}, "mode": {"enum": ["run", "import"]}}
)
EXPECT = object_schema(
    {
        "exit": INTEGER,
        "stdout": STRING,
        "stdout_json": ANY,
        "stderr": STRING,
        "stderr_contains": STRING,
        "files": {
            "type": "object",
            "additionalProperties": one_of_schema({"text": ANY, "json": ANY, "sha256": ANY}),
        },
        "unchanged": STRINGS,
        "no_files": {"anyOf": [{"const": True}, STRINGS]},
    },
    minProperties=1,
)
CASE = case_schema(GIVE, EXPECT)
_ERROR_LINE = re.compile(r"^\w*(?:Error|Exception)\b|\berror:", re.MULTILINE)
_LINTED, _LINT = "script.sh", "lint.sh"
_LINT_SCRIPT = f"shellcheck --format=json --shell=bash {_LINTED}\n"
_MAX_CODES = 20
_LEVELS = ("error", "warning", "info", "style")
Difference = tuple[str, Json]
"""What is not as expected, and what was observed of it."""
_UNEXPECTED = " was created or changed"


def _is_file(expected: Mapping[str, Json], observed: Json, equality: Equality) -> bool:
    if "sha256" in expected:
        return isinstance(observed, dict) and observed.get("sha256") == expected["sha256"]
    if not isinstance(observed, str):
        return False
    return observed == expected["text"] if "text" in expected else is_equal_json(expected["json"], observed, equality)


def _file_differences(
    expect: Mapping[str, Json], changed: Mapping[str, Json], equality: Equality
) -> Iterator[Difference]:
    expected = expect.get("files", {})
    for path, content in expected.items():
        if not _is_file(content, changed.get(path), equality):
            yield f"file {path}", display(changed.get(path))
    banned = expect.get("no_files", [])
    unwanted = sorted(set(changed) - set(expected)) if banned is True else [path for path in banned if path in changed]
    unwanted += [path for path in expect.get("unchanged", []) if path in changed]
    for path in dict.fromkeys(unwanted):
        yield f"file {path}{_UNEXPECTED}", display(changed[path])


def _stream_differences(
    expect: Mapping[str, Json], observed: Mapping[str, Json], equality: Equality
) -> Iterator[Difference]:
    stdout, stderr = observed.get("stdout"), observed.get("stderr")
    if "stdout" in expect and stdout != expect["stdout"]:
        yield "stdout", display(stdout)
    if "stdout_json" in expect and not (
        isinstance(stdout, str) and is_equal_json(expect["stdout_json"], stdout, equality)
    ):
        yield "stdout_json", display(stdout)
    if "stderr" in expect and stderr != expect["stderr"]:
        yield "stderr", display(stderr)
    if "stderr_contains" in expect and str(expect["stderr_contains"]) not in str(stderr):
        yield "stderr", display(_error_line(stderr))


def _differences(expect: Mapping[str, Json], observed: Mapping[str, Json], equality: Equality) -> Iterator[Difference]:
    """Everything in a run that is not as expected."""
    if "exit" in expect and not is_equal(expect["exit"], observed.get("exit"), equality):
        yield "exit", {"exit": display(observed.get("exit")), "stderr": display(_error_line(observed.get("stderr")))}
    yield from _stream_differences(expect, observed, equality)
    changed = observed.get("files")
    yield from _file_differences(expect, changed if isinstance(changed, dict) else {}, equality)


def _error_line(stderr: Json) -> Json:
    """The line that says what happened: the last one that names an error, else the last one."""
    if not isinstance(stderr, str):
        return stderr
    lines = [line for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR_LINE.search(line)]
    return (errors or lines or [""])[-1]


def _note(names: Sequence[str]) -> str:
    wrong = ", ".join(name for name in names if not name.endswith(_UNEXPECTED))
    unexpected = ", ".join(name for name in names if name.endswith(_UNEXPECTED))
    return "; ".join([f"wrong: {wrong}"] * bool(wrong) + [f"unexpected: {unexpected}"] * bool(unexpected))


def judge_program(case: Case, observation: Observation, equality: Equality) -> Check:
    """The check of one run."""
    if observation.status != "returned" or not isinstance(observation.value, dict):
        return not_returned(case, observation)
    differences = list(_differences(case.expect, observation.value, equality))
    if not differences:
        return Check(case.id, True, display_expected(case), display(observation.value.get("stdout")))
    note = _note([name for name, _ in differences])
    return Check(case.id, False, display_expected(case), dict(differences[:3]), note[:200])


def _count_remarks(observations: Sequence[Observation]) -> Json:
    """The linter's remarks by level; None where its output cannot be read."""
    value = observations[0].value if observations else None
    try:
        remarks = json.loads(value["stdout"]) if isinstance(value, dict) else None
    except (ValueError, RecursionError, TypeError, KeyError):
        return None
    if not isinstance(remarks, list) or not all(isinstance(remark, dict) for remark in remarks):
        return None
    codes = sorted({f"SC{remark.get('code')}" for remark in remarks})
    return {
        **{level: sum(remark.get("level") == level for remark in remarks) for level in _LEVELS},
        "codes": codes[:_MAX_CODES],
    }


def _lint(answer: str, variant: Variant, sandbox: Sandbox) -> Json:
    found = find_code(answer, variant)
    if found is None:
        return None
    build = Build({_LINTED: found.code, _LINT: _LINT_SCRIPT}, _LINT, "program")
    return _count_remarks(sandbox.run(job_of(variant, build, [Case("lint", {"argv": [], "mode": "run"}, {})])))


JUDGES: Mapping[Driver, CaseJudge] = {"program": judge_program, "calls": judge_call}


def score_program(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """Score the last turn's answer. Raises EngineError."""
    answer = readings[-1].content
    judgment = judge_answer(answer, variant, sandbox, JUDGES)
    if judgment.missing is not None or "lint" not in variant.task.settings:
        return judgment
    return replace(judgment, metrics={**judgment.metrics, "lint": _lint(answer, variant, sandbox)})


def problems(task: Task, cases: Sequence[Case]) -> Iterator[Problem]:
    """The problems of a linter for another language, and of files that do not exist."""
    del cases
    if "lint" in task.settings and task.language != "bash":
        message = f"shellcheck reads Bash, the task's language is {task.language!r}"
        yield settings_location(task, "lint").problem(message, "remove the setting")
    yield from missing_files(task, "files")


KIND = ScorerKind(
    check_names,
    score_program,
    settings=lambda task: SETTINGS,
    case=lambda task, case: call_schema_of(task) if "call" in case.give else CASE,
    problems=problems,
    runs_code=True,
)
