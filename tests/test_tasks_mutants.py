"""Mutants of a solution: each has one mistake, in code only, and the same seed gives the same ones."""

import pytest

from harness.files import from_json, to_json
from harness.tasks.mutants import MAX_MUTANTS, mutants_of
from harness.tasks.replies import split_reply
from harness.trees import apply_patch

ANSWER = """Less than 3 lines and no more:

```python
def count(items, limit):
    # stop at < 3
    total = 0
    for item in items:
        if item < limit and item != 7:
            total += 1
    items.sort()
    return total
```
"""


def names(answer: str) -> list[str]:
    return [mutant.name for mutant in mutants_of([answer], "seed")]


def test_operators_numbers_and_statements_change_one_at_a_time() -> None:
    found = names(ANSWER)
    assert {"line 3: 0 became 1", "line 5: < became <=", "line 5: and became or", "line 5: != became =="} <= set(found)
    assert "line 5: 7 became 8" in found
    assert "line 6: += became -=" in found
    assert "line 7: removed 'items.sort()'" in found


def test_prose_comments_and_what_is_outside_a_block_stay() -> None:
    assert not any(name.startswith("line 2:") for name in names(ANSWER))
    assert all(mutant.replies[0].startswith("Less than 3 lines") for mutant in mutants_of([ANSWER], "seed"))
    assert mutants_of(["if a < b: return 3"], "seed") == []


def test_every_mutant_differs_from_the_answer_and_from_the_others() -> None:
    answers = [mutant.replies[0] for mutant in mutants_of([ANSWER], "seed")]
    assert ANSWER not in answers
    assert len(set(answers)) == len(answers)


@pytest.mark.parametrize("language", ["javascript", "go", "rust", "sql", "bash"])
def test_code_of_any_language_has_mutants(language: str) -> None:
    assert names(f"```{language}\n  if (a <= b && c == 2) x += 1;\n```\n")


def test_a_long_answer_is_sampled_by_the_seed() -> None:
    long = "```python\n" + "".join(f"    x{n} = {n} + {n}\n" for n in range(100)) + "```\n"
    assert len(mutants_of([long], "a")) == MAX_MUTANTS
    assert mutants_of([long], "a") == mutants_of([long], "a")
    assert mutants_of([long], "a") != mutants_of([long], "b")


def test_of_an_edit_only_the_new_lines_change() -> None:
    edit = "calc.py\n<<<<<<< SEARCH\n    return a + 1\n=======\n    return a + 2\n>>>>>>> REPLACE\n"
    found = mutants_of([edit], "seed")
    assert {mutant.name for mutant in found} == {"line 1: + became -", "line 1: 2 became 3"}
    assert all("    return a + 1\n=======" in mutant.replies[0] for mutant in found)
    assert names(edit + edit)[0].startswith("block 1, line 1: ")


def test_of_tool_calls_only_what_they_write_changes() -> None:
    calls = [
        {"name": "grep", "arguments": {"pattern": "1 < 2"}},
        {"name": "edit_file", "arguments": {"path": "a.py", "old": "x = 1", "new": "x = 1 + y\n"}},
    ]
    replies = ["Let me see.\n\n```tool_calls\n" + to_json(calls) + "\n```\n", "Done in 3 lines."]
    found = mutants_of(replies, "seed")
    assert [mutant.name for mutant in found] == [
        "reply 1, call 2, line 1: + became -",
        "reply 1, call 2, line 1: 1 became 2",
    ]
    content, mutated = split_reply(found[0].replies[0])
    assert (content, found[0].replies[1]) == ("Let me see.", replies[1])
    assert from_json(mutated[1].arguments) == {"path": "a.py", "old": "x = 1", "new": "x = 1 - y\n"}


def test_the_mutants_of_a_patch_are_patches_whose_new_lines_of_code_have_one_mistake() -> None:
    files = {"a.py": "x = 1\n", "README.md": "less than 3\n"}
    patch = (
        "diff --git a/README.md b/README.md\n--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-less than 3\n+now 4\n"
        "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1,3 @@\n-x = 1\n+# 5\n+x = 2\n+y = x < 3\n"
    )
    mutants = mutants_of([patch], "seed")
    assert [mutant.name for mutant in mutants] == [
        "a.py, new line 2: 2 became 3", "a.py, new line 3: < became <=", "a.py, new line 3: < became >",
        "a.py, new line 3: 3 became 4",
    ]  # fmt: skip
    assert [apply_patch(files, mutant.replies[0]).files["a.py"] for mutant in mutants[:2]] == [
        "# 5\nx = 3\ny = x < 3\n", "# 5\nx = 2\ny = x <= 3\n",
    ]  # fmt: skip


def test_a_path_with_spaces_is_that_of_its_own_file() -> None:
    code = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n"
    notes = (
        "diff --git a/my notes.md b/my notes.md\n--- a/my notes.md\t\n+++ b/my notes.md\t\n@@ -1 +1 @@\n-a\n+has 3\n"
    )
    assert names(code + notes) == ["a.py, new line 1: 2 became 3"]
    other = code.replace("a.py", "my file.py")
    assert names(notes + other) == ["my file.py, new line 1: 2 became 3"]


def test_a_new_line_that_looks_like_a_header_of_a_patch_is_code() -> None:
    patch = "diff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -1 +1 @@\n-a;\n+++ b/2;\n"
    assert names(patch) == ["a.c, new line 1: 2 became 3"]


DOCUMENTED = '''\
def f(a):
    """Add 1 or 2.

    Adds 3 and 4.
    """
    text = """
5 or less
"""
    r\'\'\'Between 6 and 7.
    \'\'\'
    return a + 8
'''


IN_CODE = [
    'line 6: removed \'text = """\'',
    "line 7: or became and",
    "line 7: 5 became 6",
    "line 11: + became -",
    "line 11: 8 became 9",
]


def test_a_docstring_stays_and_another_string_is_code() -> None:
    assert names(f"```python\n{DOCUMENTED}```\n") == IN_CODE


def test_a_docstring_that_a_patch_adds_stays() -> None:
    added = "".join(f"+{line}\n" for line in DOCUMENTED.splitlines())
    patch = f"diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1,11 @@\n-x = 1\n{added}"
    assert [name.removeprefix("a.py, new ") for name in names(patch)] == IN_CODE


@pytest.mark.parametrize(
    "answer",
    [
        "```python\ndef f(a):\n    return a + 1\n",
        "1. Here:\n\n   ```python\n   def f(a):\n       return a + 1\n   ```\n",
        "~~~~python\ndef f(a):\n    return a + 1\n~~~~\n",
    ],
)
def test_code_in_any_fence_has_mutants(answer: str) -> None:
    assert names(answer) == ["line 2: + became -", "line 2: 1 became 2"]


def test_a_fence_inside_a_string_does_not_end_the_block() -> None:
    code = "```python\ndef f(a):\n    text = ['''\n    ```\n    ''']\n    return 1\n```\n"
    assert "line 5: 1 became 2" in names(code)


@pytest.mark.parametrize(
    ("digits", "expected"), [("9" * 5000, "9" * 4982 + "0" * 18), ("1" + "0" * 4999, "1" + "0" * 4998 + "1")]
)
def test_a_number_of_thousands_of_digits_changes_as_any_other(digits: str, expected: str) -> None:
    (mutant,) = mutants_of([f"```python\nx = {digits}\n```\n"], "seed")
    assert mutant.replies == (f"```python\nx = {expected}\n```\n",)
    assert len(mutant.name) < 200
