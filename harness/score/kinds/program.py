"""Kind `program`: the answer runs once for each case in a fresh directory; exit status, output and files are compared.

settings      as of kind `calls` (equality is that of JSON values); and
    lint        "shellcheck": its remarks on a Bash script go into metrics.lint and have no influence on the verdict
cases.json
    give      {"argv": [string], "stdin": string, "files": {path: string}, "mode": "run" | "import"}; all optional.
              "import" loads the answer without running it as a program: nothing should happen. Also
              "folders" [path], "links" {path: target}, "modes" {path: "755"}: what else the folder holds at the start
    expect    at least one of
              "exit"             integer
              "stdout"           string, or {"$": "bytes", "v": base64} of what is not UTF-8: compared byte for byte
              "stdout_lines"     string, compared by lines without whitespace at either end, up to the last with more
              "stdout_json"      json, the output parsed as plain JSON, without a key that occurs twice
              "stderr"           string, compared in full (its last 4 KiB are kept); or "empty", or "not_empty": that it
                                 has more than whitespace
              "stderr_contains"  string that the error output must contain (its last 4 KiB are kept)
              "files"            {path: {"text": string} | {"json": json} | {"sha256": hex} | {"symlink": target} |
                                 {"folder": true} | {"deleted": true}}: what was created, changed or deleted
              "modes"            {path: "644"}: the permissions of a file or folder, in octal
              "unchanged"        [path]: what was given and must stay as it is, with its permissions
              "no_files"         true: nothing but `files`, and the folders that these are in, was created, changed or
                                 deleted, and no permissions; or [path]: these were not
              A case that gives a "call" is one of kind `calls`: the answer is loaded, and its function called
checks        one for each case, named by its id
metrics       lint: how many remarks of each level, and their codes; null where the linter did not run
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from harness.errors import Problem
from harness.files import sha256_of
from harness.score.compare import Equality, display, is_equal, is_equal_json
from harness.score.execute import (
    Build,
    CaseJudge,
    Driver,
    check_names,
    display_expected,
    find_code,
    job_of,
    judge_answer,
    not_returned,
)
from harness.score.kinds.calls import SETTINGS as CALLS_SETTINGS
from harness.score.kinds.calls import case_schema_of as call_schema_of
from harness.score.kinds.calls import judge_call
from harness.score.scorer_kind import ScorerKind
from harness.score.type_check import type_problems
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
_PERMISSIONS: Json = {"type": "object", "additionalProperties": {"type": "string", "pattern": "^[0-7]{1,4}$"}}
_GIVEN_MODE = "644"
GIVE = object_schema(
    {
        "argv": STRINGS,
        "stdin": STRING,
        "files": {"type": "object"},
        "mode": {"enum": ["run", "import"]},
        "folders": STRINGS,
        "links": {"type": "object", "additionalProperties": STRING},
        "modes": _PERMISSIONS,
    }
)
EXPECT = object_schema(
    {
        "exit": INTEGER,
        "stdout": {"anyOf": [STRING, object_schema({"$": {"const": "bytes"}, "v": STRING}, ["$", "v"])]},
        "stdout_lines": STRING,
        "stdout_json": ANY,
        "stderr": STRING,
        "stderr_contains": STRING,
        "files": {
            "type": "object",
            "additionalProperties": one_of_schema(
                {
                    "text": STRING,
                    "json": ANY,
                    "sha256": STRING,
                    "symlink": STRING,
                    "folder": {"const": True},
                    "deleted": {"const": True},
                }
            ),
        },
        "modes": _PERMISSIONS,
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
_MAX_PATH_CHARS = 100
_LEVELS = ("error", "warning", "info", "style")
Difference = tuple[str, Json]
"""What is not as expected, and what was observed of it."""
_UNEXPECTED = " was created, changed or deleted"


def _is_file(expected: Mapping[str, Json], observed: Json, equality: Equality) -> bool:
    """Whether what a path became is what is expected of it; `observed` is None for a path that stayed as it was."""
    if "text" in expected:
        return type(observed) is str and observed == str(expected["text"])
    if "json" in expected:
        return isinstance(observed, str) and is_equal_json(expected["json"], observed, equality)
    if "sha256" in expected and isinstance(observed, str):
        return sha256_of(observed) == str(expected["sha256"])
    ((key, value),) = expected.items()
    return isinstance(observed, dict) and bool(observed.get(key) == value)


def _content_differences(
    expected: Mapping[str, Json], changed: Mapping[str, Json], equality: Equality
) -> Iterator[Difference]:
    for path, content in expected.items():
        if not _is_file(content, changed.get(path), equality):
            yield f"file {path}", display(changed.get(path))


def _unwanted_paths(expect: Mapping[str, Json], changed: Mapping[str, Json]) -> list[str]:
    """The paths that were created, changed or deleted against `no_files` and `unchanged`."""
    expected = expect.get("files", {})
    parents = {parent for path in expected for parent in _parents(path) if changed.get(parent) == {"folder": True}}
    banned = expect.get("no_files", [])
    unwanted = sorted({*changed} - {*expected} - parents) if banned is True else [*banned]
    return [path for path in dict.fromkeys([*unwanted, *expect.get("unchanged", [])]) if path in changed]


def _parents(path: str) -> list[str]:
    return [str(parent) for parent in PurePosixPath(path).parents]


def _file_differences(case: Case, observed: Mapping[str, Json], equality: Equality) -> Iterator[Difference]:
    files, modes = _mapping(observed.get("files")), _mapping(observed.get("modes"))
    yield from _content_differences(case.expect.get("files", {}), files, equality)
    yield from _mode_differences(case, modes)
    expected_modes = set(case.expect.get("modes", {})) | set(case.expect.get("files", {}))
    changed = {**{path: mode for path, mode in modes.items() if path not in expected_modes}, **files}
    for path in _unwanted_paths(case.expect, changed):
        yield f"file {path[:_MAX_PATH_CHARS]}{_UNEXPECTED}", display(changed[path])


def _mode_differences(case: Case, modes: Mapping[str, Json]) -> Iterator[Difference]:
    given = {**dict.fromkeys(case.give.get("files", {}), _GIVEN_MODE), **case.give.get("modes", {})}
    for path, mode in case.expect.get("modes", {}).items():
        observed = modes.get(path, given.get(path))
        if observed is None or int(str(observed), 8) != int(mode, 8):
            yield f"mode of {path}", observed


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _stream_differences(
    expect: Mapping[str, Json], observed: Mapping[str, Json], equality: Equality
) -> Iterator[Difference]:
    stdout = observed.get("stdout")
    if "stdout" in expect and stdout != expect["stdout"]:
        yield "stdout", display(stdout)
    lines = expect.get("stdout_lines")
    if lines is not None and not (isinstance(stdout, str) and _lines(stdout) == _lines(lines)):
        yield "stdout_lines", display(stdout)
    if "stdout_json" in expect and not (
        isinstance(stdout, str) and is_equal_json(expect["stdout_json"], stdout, equality)
    ):
        yield "stdout_json", display(stdout)
    if not _is_stderr(expect, observed.get("stderr")):
        yield "stderr", display(_error_line(observed.get("stderr")))


def _lines(text: str) -> list[str]:
    """The lines of a text without whitespace at either end, up to the last that has more."""
    return [line.strip() for line in text.rstrip().split("\n")]


def _is_stderr(expect: Mapping[str, Json], stderr: Json) -> bool:
    """Whether the error output is as expected; bytes that are no UTF-8 are not empty."""
    if str(expect.get("stderr_contains", "")) not in str(stderr):
        return False
    if expect.get("stderr") == "not_empty":
        return bool(stderr.strip()) if isinstance(stderr, str) else stderr is not None
    return "stderr" not in expect or stderr == ("" if expect["stderr"] == "empty" else expect["stderr"])


def _differences(case: Case, observed: Mapping[str, Json], equality: Equality) -> Iterator[Difference]:
    """Everything in a run that is not as expected."""
    expect = case.expect
    if "exit" in expect and not is_equal(expect["exit"], observed.get("exit"), equality):
        yield "exit", {"exit": display(observed.get("exit")), "stderr": display(_error_line(observed.get("stderr")))}
    yield from _stream_differences(expect, observed, equality)
    yield from _file_differences(case, observed, equality)


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
    differences = list(_differences(case, observation.value, equality))
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
    """The problems of a linter or a check of types for another language, and of files that do not exist."""
    if "lint" in task.settings and task.language != "bash":
        message = f"shellcheck reads Bash, the task's language is {task.language!r}"
        yield settings_location(task, "lint").problem(message, "remove the setting")
    yield from missing_files(task, "files")
    yield from type_problems(task, cases)


KIND = ScorerKind(
    check_names,
    score_program,
    settings=lambda task: SETTINGS,
    case=lambda task, case: call_schema_of(task) if "call" in case.give else CASE,
    problems=problems,
    runs_code=True,
)
