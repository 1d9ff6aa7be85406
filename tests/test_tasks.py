"""Task folders on disk: how they load, and the message for every problem."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import Problem, TaskError
from harness.tasks import find_fixtures, load_tasks, require_scorable, vary
from harness.types import Task

MANIFEST = """
title = "Add two numbers"
suites = ["own"]
tags = ["code"]
language = "python"
budget_tokens = 100

[scorer]
kind = "calls"

[[wrong]]
file = "minus.md"
fails = ["one"]

[[wrong]]
file = "prose.md"
fails = "*"
outcome = "no_answer"

[[wrong]]
file = "cut.md"
fails = "*"
outcome = "truncated_out"
finish_reason = "length"

[[wrong]]
file = "three.md"
fails = ["two"]
"""
VARIANTS = "".join(f'\n[[variants]]\nFUNC = "add{number}"\nN = "{number}"\n' for number in range(1, 6))
LAST = '\n[[variants]]\nFUNC = "add5"\nN = "5"\n'
CASES = """[
  {"id": "one", "give": {"call": "{{variant.FUNC}}", "args": [{{variant.N}}, 1]}, "expect": {"value": 2}},
  {"id": "two", "give": {"call": "{{variant.FUNC}}", "args": [0, 0]}, "expect": {"value": 0}}
]"""
FILES = {
    "task.toml": MANIFEST + VARIANTS,
    "system.md": "You add. {{nonce}}\n",
    "prompt.md": "Write {{variant.FUNC}}.\n\n{{include:style.txt}}\n",
    "cases.json": CASES,
    "solution/answer.md": "```python\ndef {{variant.FUNC}}(a, b):\n    return a + b\n```\n",
    "wrong/minus.md": "minus {{variant.FUNC}}",
    "wrong/prose.md": "Use plus.",
    "wrong/cut.md": "```python\ndef",
    "wrong/three.md": "three",
}

Change = Callable[[str, str], None]


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A user's folder with one task and a library."""
    write(tmp_path / "_library", {"style.txt": "Be brief.\n"})
    write(tmp_path / "add", FILES)
    return tmp_path


def load(own: Path) -> Task:
    (task,) = load_tasks([own], names=["add"])
    return task


def problems_of_folder(own: Path) -> list[str]:
    with pytest.raises(TaskError) as caught:
        load_tasks([own], names=["add"])
    texts = (f"{problem.message}; {problem.fix}".removesuffix("; ") for problem in caught.value.problems)
    return [text.removeprefix(f"{own / 'add'}/") for text in texts]


def change(own: Path, name: str, old: str, new: str) -> None:
    path = own / "add" / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_task_folder_reads_as_a_task_with_its_includes_put_in(own: Path) -> None:
    task = load(own)
    assert task.turns == ("Write {{variant.FUNC}}.\n\nBe brief.",)
    assert task.system == "You add. {{nonce}}"
    assert [wrong.name for wrong in task.wrong_answers] == ["minus", "prose", "cut", "three"]
    assert task.wrong_answers[2].finish_reason == "length"


def test_a_variant_is_filled_into_every_text_and_into_the_cases_before_they_are_parsed(own: Path) -> None:
    variant = vary(load(own), 7)
    assert variant.index == 2
    assert variant.turns == ("Write add3.\n\nBe brief.",)
    assert variant.cases[0].give == {"call": "add3", "args": [3, 1]}
    assert "def add3" in variant.solution[0]
    assert variant.wrong_answers[0].replies == ("minus add3",)


def test_a_filled_in_value_is_never_expanded_again(own: Path) -> None:
    change(own, "task.toml", 'FUNC = "add1"', 'FUNC = "{{variant.N}}"')
    assert vary(load(own), 0).wrong_answers[0].replies == ("minus {{variant.N}}",)


def test_the_digest_changes_with_every_input_byte_and_with_what_is_included(own: Path) -> None:
    seen = {load(own).sha256}
    for name in FILES:
        path = own / "add" / name
        path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        seen.add(load(own).sha256)
    write(own / "_library", {"style.txt": "Be very brief.\n"})
    seen.add(load(own).sha256)
    assert len(seen) == len(FILES) + 2


@pytest.mark.parametrize("name", ["cases.py", "host/expected.txt"])
def test_hidden_inputs_may_include_and_the_digest_covers_what_they_do(name: str, own: Path) -> None:
    write(own / "_library", {"shared.py": "SIZES = (1, 2)\n"})
    write(own / "add", {name: "{{include:shared.py}}\n"})
    task = load(own)
    assert "SIZES = (1, 2)\n" in (task.generator, task.host_files.get("expected.txt"))
    write(own / "_library", {"shared.py": "SIZES = (1, 3)\n"})
    assert load(own).sha256 != task.sha256


def test_the_digest_does_not_depend_on_where_the_folder_stands_or_on_hidden_files(own: Path, tmp_path: Path) -> None:
    before = load(own).sha256
    write(own / "add", {".DS_Store": "x", "files/__pycache__/a.pyc": "x"})
    elsewhere = tmp_path / "_elsewhere"
    shutil.copytree(own / "_library", elsewhere / "_library")
    shutil.copytree(own / "add", elsewhere / "add")
    assert load(own).sha256 == load(elsewhere).sha256 == before


def test_of_an_include_from_a_users_folder_only_the_digest_is_published(own: Path) -> None:
    (digest,) = load(own).private_includes
    assert len(digest) == 64
    assert int(digest, 16)


@pytest.mark.parametrize("scorer", ['kind = "tools"', 'kind = "agent"\neditable = ["a.py"]'])
def test_files_that_a_model_works_in_are_private_as_if_its_prompt_included_them(own: Path, scorer: str) -> None:
    change(own, "prompt.md", "\n\n{{include:style.txt}}", "")
    write(own / "add", {"files/a.py": "x = 1\n"})
    assert load(own).private_includes == ()
    change(own, "task.toml", 'kind = "calls"', scorer)
    (digest,) = load(own).private_includes
    write(own / "add", {"files/a.py": "x = 2\n"})
    assert load(own).private_includes != (digest,)


def test_the_kits_own_tool_loop_is_public() -> None:
    (task,) = load_tasks([find_fixtures()], names=["code-tooluse"])
    assert task.private_includes == ()


def test_an_include_from_the_kits_library_is_not_private(own: Path) -> None:
    change(own, "prompt.md", "style.txt", "handbook.md")
    assert load(own).private_includes == ()


def test_a_folder_of_turns_reads_in_the_order_of_their_numbers(own: Path) -> None:
    (own / "add" / "prompt.md").unlink()
    (own / "add" / "solution" / "answer.md").unlink()
    write(own / "add", {f"turns/{number}.md": f"turn {number}" for number in range(1, 12)})
    write(own / "add", {f"solution/{number}.md": f"{{{{variant.FUNC}}}} {number}" for number in range(1, 12)})
    task = load(own)
    assert task.turns == tuple(f"turn {number}" for number in range(1, 12))
    assert len(task.solution) == 11


PROBLEMS = [
    (
        "task.toml",
        'title = "Add two numbers"',
        "",
        "task.toml: $.title: required field is missing; add it: A one-line title.",
    ),
    ("task.toml", "tags =", "tgas =", "task.toml, line 4: $.tgas: unknown field; did you mean 'tags'?"),
    (
        "task.toml",
        "budget_tokens = 100",
        "budget_tokens = -1",
        "task.toml, line 6: $.budget_tokens: expected 1 or more, got -1",
    ),
    (
        "task.toml",
        "budget_tokens = 100",
        "budget_tokens = 20",
        "task.toml, line 6: $.budget_tokens: 20 is less than twice the solution",
    ),
    (
        "task.toml",
        "budget_tokens = 100",
        "budget_tokens = 1.5",
        "task.toml, line 6: $.budget_tokens: expected integer, got 1.5",
    ),
    ("task.toml", 'suites = ["own"]', 'suites = "own"', 'task.toml, line 3: $.suites: expected array, got "own"'),
    (
        "task.toml",
        'suites = ["own"]',
        'suites = ["My Own"]',
        "task.toml, line 3: $.suites[0]: expected a string that matches",
    ),
    ("task.toml", '[scorer]\nkind = "calls"', "", "task.toml: $.scorer: required field is missing"),
    ("task.toml", 'kind = "calls"', "", "task.toml, line 8: $.scorer.kind: required field is missing"),
    ("task.toml", "[scorer]", "[limits]\nmemory = 5\n\n[scorer]", "task.toml, line 9: $.limits.memory: unknown field"),
    (
        "task.toml",
        "[scorer]",
        "[limits]\npids = 'x'\n\n[scorer]",
        'task.toml, line 9: $.limits.pids: expected integer, got "x"',
    ),
    ("task.toml", 'file = "minus.md"', 'file = "plus.md"', "wrong/plus.md: no such file; write it"),
    ("task.toml", 'fails = ["one"]', "", "task.toml, line 11: $.wrong[0].fails: required field is missing"),
    (
        "task.toml",
        'outcome = "no_answer"',
        'outcome = "passed"',
        "task.toml, line 18: $.wrong[1].outcome: expected one of failed, ",
    ),
    ("task.toml", 'FUNC = "add2"', "FUNC = 2", "task.toml, line 35: $.variants[1].FUNC: expected string, got 2"),
    (
        "task.toml",
        'FUNC = "add2"\n',
        "",
        "task.toml, line 34: $.variants[1].FUNC: every variant must have the same names",
    ),
    (
        "task.toml",
        'FUNC = "add2"\nN = "2"',
        'FUNC = "add1"\nN = "1"',
        "task.toml, line 34: $.variants[1]: the variant equals an earlier one",
    ),
    (
        "task.toml",
        LAST,
        "",
        "task.toml, line 30: $.variants: a code task needs at least 5 variants, this one has 4",
    ),
    ("task.toml", "title =", "title = =", "task.toml: invalid TOML: Invalid value (at line 2, column 9)"),
    ("task.toml", "wrong", "worng", "task.toml, line 11: $.worng: unknown field; did you mean 'wrong'?"),
    (
        "wrong/three.md",
        "three",
        "Use plus.",
        "task.toml, line 11: $.wrong: a scored task needs at least 4 different wrong answers, this one has 3",
    ),
    ("task.toml", 'fails = ["two"]', 'fails = ["one"]', "__none__"),
    (
        "prompt.md",
        "style.txt",
        "../_library/style.txt",
        "prompt.md: {{include:../_library/style.txt}}: the include leaves its folder",
    ),
    ("prompt.md", "style.txt", "/etc/hostname", "prompt.md: {{include:/etc/hostname}}: the include leaves its folder"),
    ("prompt.md", "style.txt", "stile.txt", "prompt.md: {{include:stile.txt}}: no such file in "),
    (
        "prompt.md",
        "{{variant.FUNC}}",
        "{{variant.FUN}}",
        "prompt.md, line 1: {{variant.FUN}}: no variant has the name 'FUN'",
    ),
    ("system.md", "{{nonce}}", "{{nounce}}", "system.md, line 1: {{nounce}}: unknown placeholder"),
    (
        "cases.json",
        "{{variant.N}}",
        "{{include:style.txt}}",
        "cases.json, line 2: {{include:style.txt}}: cases.json must not contain an include",
    ),
    ("cases.json", '"value": 2}}', '"value": 2}', "cases.json (variant 0): invalid JSON"),
    (
        "cases.json",
        "[0, 0]",
        "[0, NaN]",
        "cases.json (variant 0): invalid JSON: NaN is not JSON; write plain JSON: no comment",
    ),
    (
        "task.toml",
        'N = "2"',
        'N = "[2"',
        "cases.json (variant 1): invalid JSON: Expecting ',' delimiter: line 2 column 57 (char 58); check the quotes",
    ),
    (
        "task.toml",
        'kind = "calls"',
        'kind = "calls"\n\n[limits]\nmemory_bytes = 1\npids = 1',
        "task.toml, line 12: $.limits.memory_bytes: expected 67108864 or more, got 1",
    ),
    (
        "task.toml",
        'kind = "calls"',
        'kind = "calls"\n\n[limits]\nmemory_bytes = 67108864\npids = 1',
        "task.toml, line 13: $.limits.pids: expected 16 or more, got 1",
    ),
    ("cases.json", "[0, 0]", "[0, 1e999]", "cases.json (variant 0): $[1].give.args[1]: expected a finite number"),
    ("task.toml", "= 100", "= " + "9" * 5000, "task.toml: invalid TOML: an integer has too many digits"),
    ("task.toml", "= 100", "= " + "[" * 9000 + "]" * 9000, "task.toml: invalid TOML: nested too deeply"),
    ("task.toml", "= 100", "= " + "[" * 70 + "]" * 70, "task.toml: invalid TOML: nested more than 64 levels"),
    (
        "task.toml",
        'fails = ["one"]',
        'fails = ["one"]\nbreaks = "sum"',
        "task.toml, line 11: $.wrong[0]: has breaks, and fails: only one of these may be given; leave one of them out",
    ),
    ("cases.json", '"two"', '"one"', "cases.json (variant 0): $[1].id: the id 'one' is a duplicate"),
    (
        "cases.json",
        '"expect": {"value": 0}',
        '"expects": {}',
        "cases.json (variant 0): $[1].expects: unknown field; did you mean 'expect'?",
    ),
    (
        "cases.json",
        '"expect": {"value": 0}',
        '"expects": {}',
        "cases.json (variant 0): $[1].expect: required field is missing",
    ),
    ("cases.json", '"id": "two"', '"id": 2', "cases.json (variant 0): $[1].id: expected string, got 2"),
    (
        "solution/answer.md",
        "```\n",
        "```\n\n```tool_calls\n[{]\n```\n",
        "solution/answer.md: the tool_calls block is invalid: ",
    ),
]


@pytest.mark.parametrize(("name", "old", "new", "problem"), PROBLEMS, ids=[row[3][:60] for row in PROBLEMS])
def test_a_problem_names_its_file_line_place_and_fix(own: Path, name: str, old: str, new: str, problem: str) -> None:
    change(own, name, old, new)
    if problem == "__none__":
        assert load(own)
    else:
        assert any(text.startswith(problem) for text in problems_of_folder(own)), problems_of_folder(own)


@pytest.mark.parametrize("name", ["system.md", "prompt.md", "solution/answer.md", "wrong/minus.md"])
def test_a_missing_file_is_a_problem(own: Path, name: str) -> None:
    (own / "add" / name).unlink()
    assert f"{name}: no such file; write it" in problems_of_folder(own)


def test_an_incomplete_task_is_not_told_to_remove_what_its_missing_part_uses(own: Path) -> None:
    (own / "add/cases.json").unlink()
    for text in ("", "[]"):
        with pytest.raises(TaskError) as caught:
            require_scorable([load(own)])
        assert [problem.message for problem in caught.value.problems] == ["add/cases.json: there is no case"]
        write(own / "add", {"cases.json": text})
    change(own, "task.toml", "finish_reason =", "finish = ")
    assert not [text for text in problems_of_folder(own) if "no text uses" in text]


def test_a_case_that_states_an_unknown_requirement_is_a_problem(own: Path) -> None:
    change(own, "cases.json", '{"id": "two",', '{"id": "two", "requirements": ["summ"],')
    with pytest.raises(TaskError) as caught:
        require_scorable([load(own)])
    assert caught.value.problems == (
        Problem("add/cases.json, case 'two': no requirement has the id 'summ'", "known ids: none"),
    )


def test_a_byte_order_mark_in_the_cases_is_one_problem(own: Path) -> None:
    change(own, "cases.json", "[\n", "\ufeff[\n")
    assert problems_of_folder(own) == ["cases.json: begins with a byte order mark; save the file as UTF-8 without one"]


def test_all_problems_of_a_task_are_reported_at_once(own: Path) -> None:
    change(own, "task.toml", "tags =", "tgas =")
    change(own, "prompt.md", "style.txt", "nowhere.txt")
    change(own, "cases.json", '"two"', '"one"')
    assert len({problem.split(":")[0] for problem in problems_of_folder(own)}) == 3


def test_an_unused_name_of_a_variant_is_a_problem(own: Path) -> None:
    change(own, "task.toml", "\nN = ", '\nUNUSED = "x"\nN = ')
    assert problems_of_folder(own) == [
        "task.toml, line 32: $.variants[0].UNUSED: no text uses 'UNUSED'; use it as {{variant.UNUSED}} or remove it",
    ]


def test_an_unused_file_is_a_problem(own: Path) -> None:
    write(own / "add", {"wrong/forgotten.md": "x", "notes.txt": "x"})
    assert [problem.split(":")[0] for problem in problems_of_folder(own)] == ["notes.txt", "wrong/forgotten.md"]


def test_a_link_out_of_the_folder_is_a_problem(own: Path) -> None:
    (own / "add" / "system.md").unlink()
    (own / "add" / "system.md").symlink_to("/etc/hostname")
    assert problems_of_folder(own) == ["system.md: the link points out of the task's folder; put the file itself there"]


def test_a_link_to_a_folder_is_a_problem(own: Path) -> None:
    """It would be left out: neither the model nor the digest would have what is in it."""
    write(own / "_elsewhere", {"util.py": "x = 1\n"})
    (own / "add" / "files").mkdir()
    (own / "add" / "files" / "pkg").symlink_to(own / "_elsewhere")
    assert problems_of_folder(own) == ["files/pkg: a link to a folder is not followed; put the folder itself there"]


@pytest.mark.parametrize("name", ["files/.env", "files/.github/x.yml", "host/.hidden.py"])
def test_a_hidden_file_that_belongs_to_the_task_is_a_problem(own: Path, name: str) -> None:
    write(own / "add", {name: "x\n"})
    hidden = "/".join(name.split("/")[:2])
    message = "hidden files are left out; rename it to a name without a dot in front, or remove it"
    assert problems_of_folder(own) == [f"{hidden}: {message}"]


def test_what_editors_and_operating_systems_leave_is_no_problem(own: Path) -> None:
    left = {"files/.DS_Store": "x", "files/._a.py": "x", "files/.a.py.swp": "x", ".idea/x": "x", "wrong/.DS_Store": "x"}
    write(own / "add", {**left, "files/__pycache__/a.pyc": "x"})
    assert dict(load(own).files) == {}


@pytest.mark.parametrize("name", ["prompt.md", "system.md", "task.toml", "cases.json", "solution/answer.md"])
def test_a_byte_order_mark_is_a_problem(own: Path, name: str) -> None:
    path = own / "add" / name
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    expected = f"{name}: begins with a byte order mark; save the file as UTF-8 without one"
    assert expected in problems_of_folder(own)


def test_a_byte_order_mark_of_an_included_document_is_a_problem_and_that_of_a_given_file_is_its_content(
    own: Path,
) -> None:
    write(own / "add", {"files/data.csv": "\ufeffa,b\n"})
    assert load(own).files == {"data.csv": "\ufeffa,b\n"}
    (own / "_library" / "style.txt").write_bytes(b"\xef\xbb\xbfBe brief.\n")
    (problem,) = problems_of_folder(own)
    assert problem == (
        "prompt.md: {{include:style.txt}}: begins with a byte order mark; save the file as UTF-8 without one"
    )


def test_a_linked_include_that_leaves_its_library_is_a_problem(own: Path) -> None:
    (own / "_library" / "style.txt").unlink()
    (own / "_library" / "style.txt").symlink_to("/etc/hostname")
    assert "leaves its folder" in problems_of_folder(own)[0]


def test_an_include_inside_an_include_is_a_problem(own: Path) -> None:
    write(own / "_library", {"style.txt": "{{include:other.txt}}", "other.txt": "x"})
    assert "an included file must not contain an include" in problems_of_folder(own)[0]


def test_a_file_that_is_not_utf8_is_a_problem(own: Path) -> None:
    (own / "add" / "system.md").write_bytes(b"You \xff add.")
    assert problems_of_folder(own) == ["system.md: byte 4 is not UTF-8; save the file as UTF-8"]


def test_a_gap_in_the_numbers_of_turns_is_a_problem(own: Path) -> None:
    (own / "add" / "prompt.md").unlink()
    write(own / "add", {"turns/1.md": "{{include:style.txt}}", "turns/3.md": "x"})
    assert any(
        problem.startswith("turns: turns must be numbered 1.md, 2.md ... without a gap")
        for problem in problems_of_folder(own)
    )


def test_four_wrong_answers_that_fail_in_one_way_are_too_few(own: Path) -> None:
    text = (own / "add" / "task.toml").read_text(encoding="utf-8")
    head, tail = text.split("[[wrong]]", 1)
    rows = "".join(f'[[wrong]]\nfile = "{name}.md"\nfails = ["one"]\n' for name in ("minus", "prose", "cut", "three"))
    variants = tail[tail.index("[[variants]]") :]
    (own / "add" / "task.toml").write_text(head + rows + variants, encoding="utf-8")
    assert problems_of_folder(own) == [
        "task.toml, line 11: $.wrong: the wrong answers must fail in at least 3 ways, these fail in 1"
    ]


def test_an_unknown_task_is_reported_with_the_nearest_name(own: Path) -> None:
    with pytest.raises(TaskError) as caught:
        load_tasks([own], names=["ad"])
    assert caught.value.problems == (Problem("unknown task 'ad'", "did you mean 'add'?"),)


def test_an_unknown_suite_is_reported_with_the_known_ones(own: Path) -> None:
    with pytest.raises(TaskError, match=r"unknown suite 'v1'; known: own"):
        load_tasks([own], suite="v1")


def test_a_suite_skips_other_tasks_but_not_one_whose_manifest_is_broken(own: Path) -> None:
    write(own / "draft", {"task.toml": 'suites = ["later"]'})
    assert [task.name for task in load_tasks([own], suite="own")] == ["add"]
    for broken in ("suites =", "suites = " + "9" * 5000, "suites = " + "[" * 9000):
        write(own / "draft", {"task.toml": broken})
        with pytest.raises(TaskError, match=r"draft/task\.toml: invalid TOML"):
            load_tasks([own], suite="own")


def test_two_tasks_with_one_name_are_a_problem(own: Path) -> None:
    write(own / "more" / "add", FILES)
    with pytest.raises(TaskError) as caught:
        load_tasks([own, own / "more"], names=["add"])
    clash = Problem(f"{own}/more/add: {own}/add has the same name", "rename one of them")
    assert clash in caught.value.problems


def test_a_folder_without_a_manifest_is_a_problem_unless_its_name_starts_with_an_underscore(own: Path) -> None:
    write(own / "_drafts", {"x.md": "x"})
    assert load(own)
    write(own / "stray", {"x.md": "x"})
    with pytest.raises(TaskError, match=r"stray: has no task\.toml") as caught:
        load_tasks([own])
    assert caught.value.problems[0].fix == "write one, or start the folder's name with '_'"


def test_a_folder_with_an_invalid_task_name_is_a_problem(own: Path) -> None:
    write(own / "My Task", FILES)
    with pytest.raises(TaskError, match="My Task: not a valid name for a task"):
        load_tasks([own])


def test_a_dangling_link_is_a_problem_and_not_a_crash(own: Path) -> None:
    (own / "add" / "files").mkdir()
    (own / "add" / "files" / "data.txt").symlink_to(own / "add" / "gone.txt")
    assert "files/data.txt: no such file; write it" in problems_of_folder(own)


def test_a_folder_may_be_a_task_itself(own: Path) -> None:
    assert [task.name for task in load_tasks([own / "add"])] == ["add"]


def test_a_folder_that_is_named_and_is_no_task_by_its_name_is_a_problem(own: Path) -> None:
    write(own / "_draft", FILES)
    with pytest.raises(TaskError) as caught:
        load_tasks([own / "_draft"])
    expected = Problem(f"{own}/_draft: a folder whose name starts with '_' is no task", "rename it")
    assert caught.value.problems == (expected,)


def test_a_folder_without_tasks_is_a_problem(own: Path) -> None:
    folder = own / "_empty"
    write(folder, {"_library/style.txt": "x"})
    with pytest.raises(TaskError) as caught:
        load_tasks([own, folder])
    expected = Problem(f"{folder}: has no folder of a task", "name a folder of tasks, or one with a task.toml")
    assert caught.value.problems == (expected,)


def test_a_missing_folder_of_tasks_is_a_problem(own: Path) -> None:
    with pytest.raises(TaskError, match="no such folder of tasks"):
        load_tasks([own / "nowhere"])


def test_a_duplicate_key_in_cases_is_a_problem(own: Path) -> None:
    change(own, "cases.json", '"value": 0', '"value": 0, "value": 1')
    assert "duplicate key" in problems_of_folder(own)[0]


def test_the_tasks_that_ship_load_and_every_suite_of_the_design_has_some() -> None:
    tasks = load_tasks([find_fixtures()])
    suites = {suite for task in tasks for suite in task.suites}
    assert {"demo", "quick", "v1", "v2", "full"} <= suites
    assert all(json.loads(task.cases_json or "[]") is not None for task in tasks if not task.variants)


ODD = ("1", "-1", "0", "1.5", "nan", "inf", "true", '""', '"x"', "[]", "[1]", '["a", "a"]', "[[]]", "{}", "{a = 1}",
       "2020-01-01", '"\\u0000"', "[{}]", "[{file = 1}]", "99999999999999999999", '"../../etc"', "'x'")  # fmt: skip
PLACES = (
    ('title = "Add two numbers"', "title"),
    ('suites = ["own"]', "suites"),
    ('tags = ["code"]', "tags"),
    ('language = "python"', "language"),
    ("budget_tokens = 100", "budget_tokens"),
    ('[scorer]\nkind = "calls"', "scorer"),
    ('kind = "calls"', "kind"),
    ('file = "minus.md"', "file"),
    ('fails = ["one"]', "fails"),
    ('outcome = "no_answer"', "outcome"),
    ('finish_reason = "length"', "finish_reason"),
    ('FUNC = "add1"', "FUNC"),
    ("budget_tokens = 100", "budget_tokens = 100\nlimits.case_timeout_s"),
    ("budget_tokens = 100", "budget_tokens = 100\nlimits.pids"),
)


@pytest.mark.parametrize(("old", "key"), PLACES, ids=[place[1][-13:] for place in PLACES])
def test_no_value_of_a_key_crashes_the_loader(own: Path, old: str, key: str) -> None:
    for value in ODD:
        manifest = (MANIFEST + VARIANTS).replace(old, f"{key} = {value}", 1)
        (own / "add" / "task.toml").write_text(manifest, encoding="utf-8")
        assert loads_or_reports(own)


def loads_or_reports(own: Path) -> bool:
    """Whether the task loads, or every problem names its place in the folder."""
    try:
        tasks = load_tasks([own], names=["add"])
    except TaskError as error:
        return all("add/" in problem.message for problem in error.problems)
    return [vary(task, 1).index for task in tasks] == [1]


def test_a_wrong_answer_must_be_a_file_under_wrong(own: Path) -> None:
    change(own, "task.toml", 'file = "minus.md"', 'file = "../solution/answer.md"')
    assert any("$.wrong[0].file: expected a string that matches " in problem for problem in problems_of_folder(own))


@pytest.mark.parametrize("place", ["prompt.md", "files/pipe", "wrong/pipe.md"])
def test_a_fifo_in_a_task_folder_is_refused_at_once(own: Path, place: str) -> None:
    path = own / "add" / place
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    with pytest.raises(TaskError) as caught:
        load_tasks([own], names=["add"])
    assert f"{place}: not a regular file" in str(caught.value)


@pytest.mark.parametrize("place", ["prompt.md", "files/zeros", "wrong/zeros.md"])
def test_a_link_to_a_device_in_a_task_folder_is_refused_at_once(own: Path, place: str) -> None:
    path = own / "add" / place
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")
    with pytest.raises(TaskError) as caught:
        load_tasks([own], names=["add"])
    assert f"{place}: not a regular file" in str(caught.value)


def test_a_loop_of_links_in_a_task_folder_is_refused(own: Path) -> None:
    (own / "add" / "prompt.md").unlink()
    (own / "add" / "prompt.md").symlink_to("prompt.md")
    with pytest.raises(TaskError) as caught:
        load_tasks([own], names=["add"])
    assert "prompt.md: cannot be read" in str(caught.value)
