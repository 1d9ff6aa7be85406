"""Task folders on disk: what loads, and every fault by its name."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import TaskError
from harness.tasks import find_fixtures, load_tasks, vary
from harness.types import Task

RECIPE = """
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
    "task.toml": RECIPE + VARIANTS,
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


def faults(own: Path) -> list[str]:
    with pytest.raises(TaskError) as caught:
        load_tasks([own], names=["add"])
    return [fault.removeprefix(f"{own / 'add'}/") for fault in [one.message for one in caught.value.problems]]


def change(own: Path, name: str, old: str, new: str) -> None:
    path = own / "add" / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_task_folder_reads_as_a_task_with_its_includes_put_in(own: Path) -> None:
    task = load(own)
    assert task.turns == ("Write {{variant.FUNC}}.\n\nBe brief.",)
    assert task.system == "You add. {{nonce}}"
    assert [wrong.name for wrong in task.wrong] == ["minus", "prose", "cut", "three"]
    assert task.wrong[2].finish_reason == "length"


def test_a_variant_is_filled_into_every_text_and_into_the_cases_before_they_are_parsed(own: Path) -> None:
    variant = vary(load(own), 7)
    assert variant.index == 2
    assert variant.turns == ("Write add3.\n\nBe brief.",)
    assert variant.cases[0].give == {"call": "add3", "args": [3, 1]}
    assert "def add3" in variant.solution[0]
    assert variant.wrong[0].replies == ("minus add3",)


def test_what_is_put_in_is_never_looked_at_again(own: Path) -> None:
    change(own, "task.toml", 'FUNC = "add1"', 'FUNC = "{{variant.N}}"')
    assert vary(load(own), 0).wrong[0].replies == ("minus {{variant.N}}",)


def test_the_digest_changes_with_every_input_byte_and_with_what_is_included(own: Path) -> None:
    seen = {load(own).sha256}
    for name in FILES:
        path = own / "add" / name
        path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        seen.add(load(own).sha256)
    write(own / "_library", {"style.txt": "Be very brief.\n"})
    seen.add(load(own).sha256)
    assert len(seen) == len(FILES) + 2


def test_the_digest_does_not_depend_on_where_the_folder_stands_or_on_hidden_files(own: Path, tmp_path: Path) -> None:
    before = load(own).sha256
    write(own / "add", {".DS_Store": "x", "files/__pycache__/a.pyc": "x"})
    elsewhere = tmp_path / "_elsewhere"
    shutil.copytree(own / "_library", elsewhere / "_library")
    shutil.copytree(own / "add", elsewhere / "add")
    assert load(own).sha256 == load(elsewhere).sha256 == before


def test_of_an_include_from_ones_own_folder_only_the_digest_is_told(own: Path) -> None:
    (digest,) = load(own).private_includes
    assert len(digest) == 64
    assert int(digest, 16)


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


FAULTS = [
    ("task.toml", 'title = "Add two numbers"', "", "task.toml: title: missing; write a text"),
    ("task.toml", "tags =", "tgas =", "task.toml: tgas: unknown key; did you mean 'tags'?"),
    ("task.toml", "budget_tokens = 100", "budget_tokens = -1", "task.toml: budget_tokens: must be a number above 0"),
    ("task.toml", "budget_tokens = 100", "budget_tokens = 20", "task.toml: budget_tokens: is 20; the reference"),
    ("task.toml", "budget_tokens = 100", "budget_tokens = 1.5", "task.toml: budget_tokens: must be a whole number"),
    ("task.toml", 'suites = ["own"]', 'suites = "own"', "task.toml: suites: must be a list of texts"),
    ("task.toml", 'suites = ["own"]', 'suites = ["My Own"]', "task.toml: suites: 'My Own': a suite's name is"),
    ("task.toml", '[scorer]\nkind = "calls"', "", "task.toml: scorer.kind: missing; write a text"),
    ("task.toml", "[scorer]", "[limits]\nmemory = 5\n\n[scorer]", "task.toml: limits.memory: unknown key"),
    ("task.toml", "[scorer]", "[limits]\npids = 'x'\n\n[scorer]", "task.toml: limits.pids: must be a number above 0"),
    ("task.toml", 'file = "minus.md"', 'file = "plus.md"', "wrong/plus.md: no such file; write it"),
    ("task.toml", 'fails = ["one"]', "", "task.toml: wrong[1].fails: must name the checks"),
    ("task.toml", 'outcome = "no_answer"', 'outcome = "passed"', "task.toml: wrong[2].outcome: 'passed' is no outcome"),
    ("task.toml", 'FUNC = "add2"', "FUNC = 2", "task.toml: variants[2].FUNC: must be a text"),
    ("task.toml", 'FUNC = "add2"\n', "", "task.toml: variants[2].FUNC: every variant has the same names"),
    ("task.toml", 'FUNC = "add2"\nN = "2"', 'FUNC = "add1"\nN = "1"', "task.toml: variants[2]: is the same as one"),
    ("task.toml", LAST, "", "task.toml: variants: has 4; a code task needs at least 5"),
    ("task.toml", "title =", "title = =", "task.toml: not readable as TOML"),
    ("task.toml", "wrong", "worng", "task.toml: worng: unknown key; did you mean 'wrong'?"),
    ("wrong/three.md", "three", "Use plus.", "task.toml: wrong: has 3 different wrong answers"),
    ("task.toml", 'fails = ["two"]', 'fails = ["one"]', "__none__"),
    (
        "prompt.md",
        "style.txt",
        "../_library/style.txt",
        "prompt.md: {{include:../_library/style.txt}}: leaves its folder",
    ),
    ("prompt.md", "style.txt", "/etc/hostname", "prompt.md: {{include:/etc/hostname}}: leaves its folder"),
    ("prompt.md", "style.txt", "stile.txt", "prompt.md: {{include:stile.txt}}: no such file; looked in"),
    ("prompt.md", "{{variant.FUNC}}", "{{variant.FUN}}", "prompt.md: line 1: {{variant.FUN}}: no variant has 'FUN'"),
    ("system.md", "{{nonce}}", "{{nounce}}", "system.md: line 1: unknown placeholder {{nounce}}"),
    ("cases.json", "{{variant.N}}", "{{include:style.txt}}", "cases.json: line 2: cases.json takes no include"),
    ("cases.json", '"value": 2}}', '"value": 2}', "cases.json (variant 0): not readable as JSON"),
    ("cases.json", '"two"', '"one"', "cases.json (variant 0): the id 'one' stands twice"),
    ("cases.json", '"expect": {"value": 0}', '"expects": {}', "cases.json (variant 0)[1]: a case has the keys"),
    ("cases.json", '"id": "two"', '"id": 2', "cases.json (variant 0)[1].id: must be a text"),
    ("solution/answer.md", "```\n", "```\n\n```tool_calls\n[{]\n```\n", "solution/answer.md: its tool_calls block"),
]


@pytest.mark.parametrize(("name", "old", "new", "fault"), FAULTS, ids=[row[3][:60] for row in FAULTS])
def test_a_fault_is_told_with_its_file_its_place_and_its_fix(
    own: Path, name: str, old: str, new: str, fault: str
) -> None:
    change(own, name, old, new)
    if fault == "__none__":
        assert load(own)
    else:
        assert any(one.startswith(fault) for one in faults(own)), faults(own)


@pytest.mark.parametrize("name", ["system.md", "prompt.md", "solution/answer.md", "wrong/minus.md"])
def test_a_missing_text_is_a_fault(own: Path, name: str) -> None:
    (own / "add" / name).unlink()
    assert f"{name}: no such file; write it" in faults(own)


def test_all_faults_of_a_task_are_told_at_once(own: Path) -> None:
    change(own, "task.toml", "tags =", "tgas =")
    change(own, "prompt.md", "style.txt", "nowhere.txt")
    change(own, "cases.json", '"two"', '"one"')
    assert len({fault.split(":")[0] for fault in faults(own)}) == 3


def test_a_name_of_a_variant_that_nothing_uses_is_a_fault(own: Path) -> None:
    change(own, "task.toml", "\nN = ", '\nUNUSED = "x"\nN = ')
    assert faults(own) == [
        "task.toml: variants: nothing uses 'UNUSED'; use it as {{variant.UNUSED}} or take it out",
    ]


def test_a_file_that_nothing_uses_is_a_fault(own: Path) -> None:
    write(own / "add", {"wrong/forgotten.md": "x", "notes.txt": "x"})
    assert [fault.split(":")[0] for fault in faults(own)] == ["notes.txt", "wrong/forgotten.md"]


def test_a_link_out_of_the_folder_is_a_fault(own: Path) -> None:
    (own / "add" / "system.md").unlink()
    (own / "add" / "system.md").symlink_to("/etc/hostname")
    assert faults(own) == ["system.md: points out of the task's folder; put the file itself there"]


def test_a_linked_include_that_leaves_its_library_is_a_fault(own: Path) -> None:
    (own / "_library" / "style.txt").unlink()
    (own / "_library" / "style.txt").symlink_to("/etc/hostname")
    assert "leaves its folder" in faults(own)[0]


def test_an_include_inside_an_include_is_a_fault(own: Path) -> None:
    write(own / "_library", {"style.txt": "{{include:other.txt}}", "other.txt": "x"})
    assert "holds an include itself" in faults(own)[0]


def test_a_text_that_is_not_utf8_is_a_fault(own: Path) -> None:
    (own / "add" / "system.md").write_bytes(b"You \xff add.")
    assert faults(own) == ["system.md: byte 4: is not UTF-8; save the file as UTF-8"]


def test_turns_with_a_gap_are_a_fault(own: Path) -> None:
    (own / "add" / "prompt.md").unlink()
    write(own / "add", {"turns/1.md": "{{include:style.txt}}", "turns/3.md": "x"})
    assert any(fault.startswith("turns: turns are numbered 1.md, 2.md ... without a gap") for fault in faults(own))


def test_four_wrong_answers_that_fail_alike_are_too_few(own: Path) -> None:
    text = (own / "add" / "task.toml").read_text(encoding="utf-8")
    head, tail = text.split("[[wrong]]", 1)
    rows = "".join(f'[[wrong]]\nfile = "{name}.md"\nfails = ["one"]\n' for name in ("minus", "prose", "cut", "three"))
    variants = tail[tail.index("[[variants]]") :]
    (own / "add" / "task.toml").write_text(head + rows + variants, encoding="utf-8")
    assert faults(own) == ["task.toml: wrong: its answers fail in 1 ways; they must fail in at least 3"]


def test_an_unknown_task_is_told_with_the_nearest_that_is_there(own: Path) -> None:
    with pytest.raises(TaskError, match=r"no task is called 'ad'; did you mean 'add'\? known: add"):
        load_tasks([own], names=["ad"])


def test_an_unknown_suite_is_told_with_those_that_are_there(own: Path) -> None:
    with pytest.raises(TaskError, match=r"no suite is called 'v1'; known: own"):
        load_tasks([own], suite="v1")


def test_a_suite_leaves_other_tasks_unread_but_not_one_whose_recipe_is_broken(own: Path) -> None:
    write(own / "draft", {"task.toml": 'suites = ["later"]'})
    assert [task.name for task in load_tasks([own], suite="own")] == ["add"]
    write(own / "draft", {"task.toml": "suites ="})
    with pytest.raises(TaskError, match=r"draft/task\.toml: not readable as TOML"):
        load_tasks([own], suite="own")


def test_two_tasks_of_one_name_are_a_fault(own: Path) -> None:
    write(own / "more" / "add", FILES)
    with pytest.raises(TaskError, match="has the same name; give this one another"):
        load_tasks([own, own / "more"], names=["add"])


def test_a_folder_without_a_recipe_is_a_fault_unless_its_name_starts_with_an_underscore(own: Path) -> None:
    write(own / "_drafts", {"x.md": "x"})
    assert load(own)
    write(own / "stray", {"x.md": "x"})
    with pytest.raises(TaskError, match=r"stray: has no task\.toml; write one, or start the folder's name with '_'"):
        load_tasks([own])


def test_a_folder_whose_name_cannot_be_a_tasks_is_a_fault(own: Path) -> None:
    write(own / "My Task", FILES)
    with pytest.raises(TaskError, match="My Task: a task's name is lower-case letters, digits and hyphens"):
        load_tasks([own])


def test_a_link_to_nothing_is_a_fault_and_no_crash(own: Path) -> None:
    (own / "add" / "files").mkdir()
    (own / "add" / "files" / "data.txt").symlink_to(own / "add" / "gone.txt")
    assert "files/data.txt: no such file; write it" in faults(own)


def test_a_folder_that_is_a_task_itself_can_be_named(own: Path) -> None:
    assert [task.name for task in load_tasks([own / "add"])] == ["add"]


def test_a_folder_that_is_not_there_is_a_fault(own: Path) -> None:
    with pytest.raises(TaskError, match="no such folder of tasks"):
        load_tasks([own / "nowhere"])


def test_cases_may_be_any_json_but_hold_no_duplicate_key(own: Path) -> None:
    change(own, "cases.json", '"value": 0', '"value": 0, "value": 1')
    assert "duplicate key" in faults(own)[0]


def test_the_kits_own_tasks_load_and_every_suite_of_the_design_has_some() -> None:
    tasks = load_tasks([find_fixtures()])
    suites = {suite for task in tasks for suite in task.suites}
    assert {"demo", "quick", "v1", "v2", "full"} <= suites
    assert all(json.loads(task.cases or "[]") is not None for task in tasks if not task.variants)


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
def test_no_value_of_a_key_makes_the_loader_fall_over(own: Path, old: str, key: str) -> None:
    for value in ODD:
        recipe = (RECIPE + VARIANTS).replace(old, f"{key} = {value}", 1)
        (own / "add" / "task.toml").write_text(recipe, encoding="utf-8")
        assert loads_or_tells(own)


def loads_or_tells(own: Path) -> bool:
    """Whether the task loads, or every fault that is told names its place in the folder."""
    try:
        tasks = load_tasks([own], names=["add"])
    except TaskError as error:
        return all("add/" in problem.message for problem in error.problems)
    return [vary(task, 1).index for task in tasks] == [1]


def test_a_wrong_answer_is_a_file_of_its_own_folder(own: Path) -> None:
    change(own, "task.toml", 'file = "minus.md"', 'file = "../solution/answer.md"')
    assert any("'../solution/answer.md' is no name of a file under wrong/" in fault for fault in faults(own))
