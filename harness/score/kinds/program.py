"""Kind `program`: the answer is run for each case in a fresh directory; exit code, output and files are compared.

settings      as of kind `calls` (equality is that of JSON values); and
    lint        "shellcheck": what it says of a Bash script goes into facts.lint, beside the verdict
cases.json
    give      {"argv": [text], "stdin": text, "files": {path: text}, "mode": "run" | "import"}; each may be left out.
              "import" loads the answer without running it as a program: nothing should happen
    expect    any of
              "exit"         int
              "stdout"       text, compared whole; "stdout_json": json, the output read as JSON
              "stderr_has"   text that the error output must hold (its last 4 KiB are kept)
              "files"        {path: {"text": text} | {"json": json} | {"sha256": hex}}: made or changed, with this in it
              "kept"         [path]: given files that must stand unchanged
              "no_files"     true: nothing else was made or changed than `files` names; or [path]: these were not
checks        one a case, named by its id
facts         lint: how many remarks of each level, and their codes; null where the linter did not run
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from harness.score.compare import Equality, same, same_json, short
from harness.score.execute import Build, expected_of, find_code, job_of, judge_answer, unreturned
from harness.score.kinds.calls import SETTINGS
from harness.score.settings import Demands
from harness.score.verdict import Judgment
from harness.types import Case, Check, Json, Observation, Reading, Sandbox, Task, Variant

_NAMES_ERROR = re.compile(r"^\w*(?:Error|Exception)\b|\berror:", re.MULTILINE)
_LINTED, _LINT = "script.sh", "lint.sh"
_LINT_SCRIPT = f"shellcheck --format=json --shell=bash {_LINTED}\n"
_MOST_CODES = 20
_LEVELS = ("error", "warning", "info", "style")
EXPECT = ("exit", "stdout", "stdout_json", "stderr_has", "files", "kept", "no_files")


def _is_file(wanted: Mapping[str, Json], seen: Json, how: Equality) -> bool:
    if "sha256" in wanted:
        return isinstance(seen, dict) and seen.get("sha256") == wanted["sha256"]
    if not isinstance(seen, str):
        return False
    return seen == wanted["text"] if "text" in wanted else same_json(wanted["json"], seen, how)


def _wrong_files(expect: Mapping[str, Json], made: Mapping[str, Json], how: Equality) -> Iterator[tuple[str, Json]]:
    wanted = expect.get("files", {})
    for path, what in wanted.items():
        if not _is_file(what, made.get(path), how):
            yield f"file {path}", short(made.get(path))
    banned = expect.get("no_files", [])
    unwanted = sorted(set(made) - set(wanted)) if banned is True else [path for path in banned or [] if path in made]
    unwanted += [path for path in expect.get("kept", []) if path in made]
    for path in dict.fromkeys(unwanted):
        yield f"file {path} was made or changed", short(made[path])


def _wrong(expect: Mapping[str, Json], seen: Mapping[str, Json], how: Equality) -> Iterator[tuple[str, Json]]:
    """Each thing that is not as expected, with what was seen of it."""
    if "exit" in expect and not same(expect["exit"], seen.get("exit"), how):
        yield "exit", {"exit": short(seen.get("exit")), "stderr": short(_end_of(seen.get("stderr")))}
    if "stdout" in expect and seen.get("stdout") != expect["stdout"]:
        yield "stdout", short(seen.get("stdout"))
    stdout = seen.get("stdout")
    if "stdout_json" in expect and not (isinstance(stdout, str) and same_json(expect["stdout_json"], stdout, how)):
        yield "stdout_json", short(stdout)
    if "stderr_has" in expect and str(expect["stderr_has"]) not in str(seen.get("stderr")):
        yield "stderr", short(_end_of(seen.get("stderr")))
    made = seen.get("files")
    yield from _wrong_files(expect, made if isinstance(made, dict) else {}, how)


def _end_of(stderr: Json) -> Json:
    """The line that says what happened: the last one that names an error, else the last one."""
    if not isinstance(stderr, str):
        return stderr
    lines = [line for line in stderr.splitlines() if line.strip()]
    named = [line for line in lines if _NAMES_ERROR.search(line)]
    return (named or lines or [""])[-1]


def judge_program(case: Case, seen: Observation, how: Equality) -> Check:
    """The check of one run."""
    if seen.ended != "returned" or not isinstance(seen.value, dict):
        return unreturned(case, seen)
    wrong = list(_wrong(case.expect, seen.value, how))
    if not wrong:
        return Check(case.id, True, expected_of(case), short(seen.value.get("stdout")))
    note = "wrong: " + ", ".join(name for name, _ in wrong)
    return Check(case.id, False, expected_of(case), dict(wrong[:3]), note[:200])


def _remarks(seen: Sequence[Observation]) -> Json:
    """The linter's remarks counted by level; None where it said nothing that can be read."""
    value = seen[0].value if seen else None
    try:
        found = json.loads(value["stdout"]) if isinstance(value, dict) else None
    except (ValueError, RecursionError, TypeError, KeyError):
        return None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        return None
    codes = sorted({f"SC{one.get('code')}" for one in found})
    return {
        **{level: sum(one.get("level") == level for one in found) for level in _LEVELS},
        "codes": codes[:_MOST_CODES],
    }


def _lint(answer: str, variant: Variant, sandbox: Sandbox) -> Json:
    found = find_code(answer, variant)
    if found is None:
        return None
    build = Build({_LINTED: found.code, _LINT: _LINT_SCRIPT}, _LINT, "program")
    return _remarks(sandbox.run(job_of(variant, build, [Case("lint", {"argv": [], "mode": "run"}, {})])))


def score_program(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """Score the last turn's answer. Raises EngineError."""
    answer = readings[-1].content
    judgment = judge_answer(answer, variant, sandbox, driver="program", judge=judge_program)
    if judgment.missing is not None or "lint" not in variant.task.settings:
        return judgment
    return replace(judgment, facts={**judgment.facts, "lint": _lint(answer, variant, sandbox)})


def _demand_files(at: Demands, files: Json) -> None:
    for path, what in files.items() if isinstance(files, dict) else []:
        if not isinstance(what, dict) or len(what) != 1 or next(iter(what)) not in ("text", "json", "sha256"):
            at.fault(f"expect.files.{path}", 'must be {"text": ...}, {"json": ...} or {"sha256": ...}')


def demand_programs(demands: Demands, cases: Sequence[Case]) -> None:
    """Note what is wrong with the cases."""
    for case in cases:
        at = demands.case(case)
        at.only(case.give, ("argv", "stdin", "files", "mode"), "give")
        at.texts(case.give, "argv", "give") if case.give.get("argv") else None
        at.of_type(case.give, "stdin", str, "give")
        at.of_type(case.give, "files", dict, "give")
        at.choice(case.give, "mode", ("run", "import"), "give")
        at.only(case.expect, EXPECT, "expect")
        if not case.expect:
            at.fault("expect", f"expects nothing; write at least one of {', '.join(EXPECT)}")
        at.of_type(case.expect, "exit", int, "expect")
        at.of_type(case.expect, "stdout", str, "expect")
        at.of_type(case.expect, "stderr_has", str, "expect")
        if at.of_type(case.expect, "files", dict, "expect"):
            _demand_files(at, case.expect["files"])
        at.texts(case.expect, "kept", "expect")
        if case.expect.get("no_files") is not True:
            at.texts(case.expect, "no_files", "expect")


def problems(task: Task, cases: Sequence[Case]) -> list[str]:
    """What is wrong with a task of this kind."""
    demands = Demands(task)
    demands.code((*SETTINGS, "lint"))
    demands.choice(task.settings, "lint", ("shellcheck",))
    if "lint" in task.settings and task.language != "bash":
        demands.fault("lint", f"shellcheck reads Bash, not {task.language}; take it out")
    demands.some(cases)
    demand_programs(demands, cases)
    return demands.found
