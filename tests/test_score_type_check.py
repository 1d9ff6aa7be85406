"""The check `types`: what the compiler is given, how its words become a check, and the compiler itself."""

from collections.abc import Iterator, Mapping, Sequence

import pytest

from harness.languages import LANGUAGES
from harness.sandbox import DockerSandbox, open_sandbox
from harness.score import score
from harness.score.type_check import checked_text
from harness.types import Case, CaseStatus, Job, Json, Observation, Outcome
from tests.scored import ScriptedSandbox, case, check, failed, problem_texts, said, variant_of

RIGHT = "export function add(a: number, b: number): number {\n  return a + b;\n}"
ADDS = (case("small", {"call": "add", "args": [1, 2]}, value=3),)
TYPED = variant_of("calls", ADDS, language="typescript", settings={"types": True})


def compiling(exit_code: int, stdout: str = "", end: CaseStatus = "returned") -> ScriptedSandbox:
    """A sandbox in which the answer adds rightly and the compiler ends so."""

    def script(job: Job, name: str, give: Mapping[str, Json]) -> Observation:
        if name != "types":
            return Observation(name, "returned", 3)
        printed = {"exit": exit_code, "stdout": stdout, "stderr": "", "files": {}}
        return Observation(name, end, printed if end == "returned" else None, "why")

    return ScriptedSandbox(script)


def answer(code: str) -> str:
    return f"```typescript\n{code}\n```"


def test_an_answer_without_a_type_error_passes() -> None:
    assert problem_texts(TYPED.task) == []
    verdict = score(TYPED, [said(answer(RIGHT))], compiling(0))
    assert verdict.outcome is Outcome.PASSED
    assert [check.name for check in verdict.checks] == ["small", "types"]


def test_a_type_error_fails_the_check_and_is_shown() -> None:
    verdict = score(TYPED, [said(answer(RIGHT))], compiling(2, "answer.ts(1,7): error TS2322: Type ..."))
    assert (verdict.outcome, failed(verdict)) == (Outcome.FAILED, {"types"})
    assert check(verdict, "types").observed == "answer.ts(1,7): error TS2322: Type ..."


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        ("timed_out", Outcome.TIMED_OUT),
        ("out_of_memory", Outcome.OUT_OF_MEMORY),
        ("crashed", Outcome.CRASHED),
        ("forged", Outcome.FAILED),
    ],
)
def test_a_compiler_that_does_not_end_fails_the_check(end: CaseStatus, outcome: Outcome) -> None:
    verdict = score(TYPED, [said(answer(RIGHT))], compiling(0, end=end))
    assert (verdict.outcome, failed(verdict)) == (outcome, {"types"})


def test_the_compiler_gets_the_code_in_a_job_of_its_own_with_time_of_its_own() -> None:
    sandbox = compiling(0)
    score(TYPED, [said(answer(RIGHT))], sandbox)
    calls, types = sandbox.jobs
    assert (calls.driver, types.driver, types.entry) == ("calls", "program", "answer.ts")
    assert types.files["answer.ts"] == calls.files["answer.ts"] == RIGHT + "\n"
    assert types.cases == (("types", {"mode": "types"}),)
    assert types.limits.case_timeout_s >= 20
    assert types.limits.pids >= 1024 > calls.limits.pids


def test_a_compiler_that_breaks_off_is_run_once_more() -> None:
    broken = compiling(2, "goroutine 1 [running]")
    verdict = score(TYPED, [said(answer(RIGHT))], broken)
    assert (check(verdict, "types").note, len(broken.jobs)) == ("the compiler broke off without naming an error", 3)
    assert len(compiled_jobs(compiling(2, "answer.ts(1,7): error TS2322: Type ..."))) == 2


def compiled_jobs(sandbox: ScriptedSandbox) -> Sequence[Job]:
    score(TYPED, [said(answer(RIGHT))], sandbox)
    return sandbox.jobs


def test_an_answer_without_code_fails_the_check_too() -> None:
    assert failed(score(TYPED, [said("No.")], ScriptedSandbox())) == {"answer", "small", "types"}


def test_without_the_setting_nothing_is_compiled() -> None:
    sandbox = compiling(2)
    variant = variant_of("calls", ADDS, language="typescript")
    assert score(variant, [said(answer(RIGHT))], sandbox).outcome is Outcome.PASSED
    assert len(sandbox.jobs) == 1


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("// @ts-nocheck\nlet a;", "// @ ts-nocheck\nlet a;"),
        ("/* @ts-ignore */ a", "/* @ ts-ignore */ a"),
        ("//@TS-Expect-Error why", "//@ TS-Expect-Error why"),
        ('/// <reference no-default-lib="true"/>', '//  <reference no-default-lib="true"/>'),
        ('///\t<reference path="x"/>', '// \t<reference path="x"/>'),
        ("// @ts-check", "// @ts-check"),
        ("@decorator tsignore", "@decorator tsignore"),
    ],
)
def test_comments_that_tell_the_compiler_to_overlook_errors_have_no_effect(code: str, expected: str) -> None:
    assert checked_text(code) == expected


@pytest.mark.parametrize(
    ("language", "cases", "problem"),
    [
        ("javascript", ADDS, "types are checked in typescript, the task's language is 'javascript'; remove it"),
        ("python", ADDS, "types are checked in typescript, the task's language is 'python'"),
        ("typescript", [case("types", {"call": "add"}, value=1)], "the check of the setting `types` has that name"),
    ],
)
def test_a_task_that_cannot_have_the_check_is_a_problem(language: str, cases: Sequence[Case], problem: str) -> None:
    variant = variant_of("calls", cases, language=language, settings={"types": True})
    assert any(problem in text for text in problem_texts(variant.task)), problem_texts(variant.task)


# --- the compiler ---------------------------------------------------------------------------------------------------

HONEST = {
    "plain": RIGHT,
    "without export": "const add = (a: number, b: number) => a + b;",
    "commonjs": "function add(a: number, b: number) { return a + b; }\nmodule.exports = { add };",
    "export assignment": "function add(a: number, b: number): number { return a + b; }\nexport = { add };",
    "node": (
        'import { readFileSync } from "node:fs";\nimport assert from "assert";\n'
        'const lines = (path: string) => readFileSync(path, "utf8").split("\\n").map((line) => line.trim());\n'
        "export function add(a: number, b: number): number { assert(lines.length); return a + b; }\n"
        "if (process.argv.length > 9) { console.log(lines(process.argv[9]), structuredClone(1), new URL('a:b')); }"
    ),
    "names of the library": (
        "const name = 1; type Element = string; function print(x: Element) { return x; }\n"
        "export const add = (a: number, b: number): number => a + b + 0 * name * print('').length;"
    ),
    "newer library": "export const add = (a: number, b: number): number => [a, b].toSorted().reduce((x, y) => x + y);",
    "narrowed filter": (
        "export function add(...all: (number | undefined)[]): number {\n"
        "  return all.filter((x) => x !== undefined).reduce((x, y) => x + y, 0);\n}"
    ),
    "enum and generic": (
        "enum Sign { Plus = 1 }\n"
        "function fold<T>(items: readonly T[], f: (x: T, y: T) => T): T { return items.reduce(f); }\n"
        "export const add = (a: number, b: number): number => Sign.Plus * fold([a, b], (x, y) => x + y);"
    ),
    "any": "export function add(a: any, b: any): any { return a + b; }",
    "await": "await Promise.resolve();\nexport function add(a: number, b: number): number { return a + b; }",
}
HOSTILE = {
    "wrong variable": RIGHT + "\nconst bad: string = 3;",
    "wrong result": "export function add(a: number, b: number): string { return a + b; }",
    "no annotations": "export function add(a, b) { return a + b; }",
    "unknown name": RIGHT + "\nif (add(1, 2) > 5) { console.log(missing); }",
    "wrong argument": RIGHT + "\nif (add(1, 2) > 5) { add('1', 2); }",
    "maybe undefined": "export function add(a: number, b?: number): number { return a + b; }",
    "null for number": "export function add(a: number, b: number): number { return a > 9e9 ? null : a + b; }",
    "nocheck": "// @ts-nocheck\nexport function add(a: number, b: number): string { return a + b; }",
    "nocheck in capitals": "// @TS-NOCHECK\nexport function add(a: number, b: number): string { return a + b; }",
    "ignore": "export function add(a: number, b: number): string {\n  // @ts-ignore\n  return a + b;\n}",
    "ignore in a block": "export function add(a: number, b: number): string {\n  /* @ts-ignore */\n  return a + b;\n}",
    "expect error": "export function add(a: number, b: number): string {\n  // @ts-expect-error\n  return a + b;\n}",
    "no default library": '/// <reference no-default-lib="true"/>\nexport const add = (a: number): string => a;',
    "browser": RIGHT + "\nif (add(1, 2) > 5) { document.title = ''; }",
    "no such module": 'import type { Thing } from "left-pad";\n' + RIGHT,
    "endless type": (
        "type Grow<T extends unknown[]> = T['length'] extends 9999999 ? T : Grow<[...T, 0]>;\n"
        + RIGHT
        + "\nlet x: Grow<[]>;"
    ),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[DockerSandbox]:
    with open_sandbox("test-types", print, ["typescript"]) as opened:
        yield opened


@pytest.mark.engine
@pytest.mark.parametrize("name", HONEST)
def test_honest_code_has_no_type_error(sandbox: DockerSandbox, name: str) -> None:
    verdict = score(TYPED, [said(answer(HONEST[name]))], sandbox)
    assert verdict.outcome is Outcome.PASSED, verdict.checks


@pytest.mark.engine
@pytest.mark.parametrize("name", HOSTILE)
def test_code_with_a_type_error_fails_by_that_alone(sandbox: DockerSandbox, name: str) -> None:
    verdict = score(TYPED, [said(answer(HOSTILE[name]))], sandbox)
    assert "types" in failed(verdict), verdict.checks
    assert "error TS" in str(check(verdict, "types").observed) or verdict.outcome is not Outcome.FAILED


def test_only_typescript_has_a_compiler_that_checks_types() -> None:
    assert [name for name, language in LANGUAGES.items() if language.runtime.check_types] == ["typescript"]
