"""Edits as models write them: reading every format, applying exactly or without whitespace, running the result."""

from collections.abc import Mapping
from textwrap import indent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.languages import shadows
from harness.score import score
from harness.score.edits.apply import EditResult, apply_edits
from harness.score.edits.formats import Edit, find_edits
from harness.score.edits.paths import path_in
from harness.types import Case, Json, Outcome, Score
from tests.scored import ScriptedSandbox, case, check, failed, problem_texts, running_python, said, variant_of

ADD = "def add(a, b):\n    return a - b\n\n\ndef double(a):\n    return 2 * a\n"
FILES = {"calc.py": ADD}
MANY = {"calc.py": ADD, "app/main.py": "from calc import add\n", "app/notes.txt": "one\ntwo\none\n"}
BLOCK = "calc.py\n<<<<<<< SEARCH\n    return a - b\n=======\n    return a + b\n>>>>>>> REPLACE\n"
FIXED = ADD.replace("a - b", "a + b")


def applied(answer: str, files: Mapping[str, str] = FILES, *protected: str) -> EditResult:
    return apply_edits(find_edits(answer, files), files, protected)


# --- forms that say the same --------------------------------------------------------------------------------

DIFF = "--- a/calc.py\n+++ b/calc.py\n@@ -1,2 +1,2 @@\n def add(a, b):\n-    return a - b\n+    return a + b\n"
SAME: dict[str, str] = {
    "a block below its path": BLOCK,
    "a block in a fence": f"Here:\n\n```python\n{BLOCK}```\n",
    "the path above the fence": "calc.py\n```python\n" + BLOCK.partition("\n")[2] + "```\n",
    "the path in bold above the fence": "**`calc.py`**\n\n```\n" + BLOCK.partition("\n")[2] + "```\n",
    "the path as a heading": "### calc.py\n```python\n" + BLOCK.partition("\n")[2] + "```\n",
    "the path in the fence's line": "```python calc.py\n" + BLOCK.partition("\n")[2] + "```\n",
    "the path after the mark": BLOCK.partition("\n")[2].replace("SEARCH", "SEARCH calc.py"),
    "short marks": BLOCK.replace("<<<<<<<", "<<<<<").replace("=======", "=====").replace(">>>>>>>", ">>>>>"),
    "a diff in a fence": f"```diff\n{DIFF}```\n",
    "a diff with the git header": f"```diff\ndiff --git a/calc.py b/calc.py\nindex 1..2 100644\n{DIFF}```",
    "a diff without a fence": f"The change:\n\n{DIFF}",
    "a diff with wrong line numbers": f"```diff\n{DIFF.replace('-1,2 +1,2', '-90,7 +88,3')}```",
    "a diff with a bare hunk mark": f"```diff\n{DIFF.replace('@@ -1,2 +1,2 @@', '@@ ... @@')}```",
    "a diff whose blank context lost its blank": "```diff\n--- calc.py\n+++ calc.py\n@@\n-    return a - b\n"
    "+    return a + b\n\n\n def double(a):\n```",
    "the whole file with its path in the info line": f"```python calc.py\n{FIXED}```",
    "the whole file below its path": f"`calc.py`:\n\n```python\n{FIXED}```",
    "the whole file with its path in a comment": f"```python\n# calc.py\n{FIXED}```",
    "the whole file named in a sentence": f"Here is the new `calc.py`:\n```python\n{FIXED}```",
    "line ends of Windows": BLOCK.replace("\n", "\r\n"),
    "an end mark without a word": BLOCK.replace(" REPLACE", ""),
    "the same block again": f"{BLOCK}\nSo the whole answer is:\n\n{BLOCK}",
    "the same diff again": f"```diff\n{DIFF}```\n\nOnce more:\n\n```diff\n{DIFF}```\n",
    "a diff without a fence above a sentence": f"{DIFF}\nThis adds them.\n",
    "a block in a fence of a list item": "1. Edit:\n\n" + indent(f"```\n{BLOCK}```\n", "    "),
    "a block that is indented as code": "1. Edit:\n\n" + indent(BLOCK, "    "),
    "a block below a sentence that names the file": BLOCK.replace("calc.py\n", "In `calc.py` I change the sign:\n"),
    "a block in a fence below a plain name": "In calc.py, this:\n```\n" + BLOCK.partition("\n")[2] + "```\n",
    "a sentence between the path and the block": BLOCK.replace("calc.py\n", "**calc.py**\n\nThe change:\n\n```\n")
    + "```\n",
    "the whole file, then the command to run it": f"`calc.py`:\n```python\n{FIXED}```\nRun `calc.py`:\n"
    "```bash\npython calc.py\n```",
    "the whole file, then its use": f"calc.py\n```python\n{FIXED}```\nIn `calc.py`, it is so:\n"
    "```python\nadd(1, 2)\n```",
    "the whole file, then its output": f"The new `calc.py`:\n```\n{FIXED}```\nThe output of `calc.py`:\n```\n3\n```\n",
    "the whole file, to use": f"Use this `calc.py`:\n```python\n{FIXED}```\n",
    "a new file that only a comment names": f"{BLOCK}\nTo try it:\n```python\n# demo.py\nfrom calc import add\n```\n",
    "a script that only a comment names": f"calc.py\n```python\n{FIXED}```\n```bash\n# setup.sh\npip install x\n```\n",
}


@pytest.mark.parametrize("answer", SAME.values(), ids=SAME.keys())
def test_an_edit_gives_the_same_file_in_every_format(answer: str) -> None:
    done = applied(answer)
    assert done.errors == ()
    assert done.files["calc.py"].removeprefix("# calc.py\n") == FIXED
    assert (done.changed, done.rules) == (("calc.py",), frozenset({"exact"}))


@pytest.mark.parametrize(
    "heading",
    [
        "1. app/calc.py",
        "**1. app/calc.py**",
        "### 1. `app/calc.py`",
        "Updated app/calc.py:",
        "Updated file: app/calc.py",
        "## File 1: app/calc.py",
        "Modified: app/calc.py",
        "Changes to app/calc.py:",
        "app/calc.py (updated)",
        "`app/calc.py` (new, complete):",
        "- app/calc.py",
        "/app/calc.py",
        "=== app/calc.py ===",
        "--- app/calc.py ---",
        '<file path="app/calc.py">',
        "\N{PAGE FACING UP} app/calc.py",
    ],
)
def test_a_heading_may_say_more_than_the_path(heading: str) -> None:
    for files in ({"app/calc.py": ADD, "main.py": ""}, {"app/main.py": "", "main.py": ""}):
        done = applied(f"{heading}\n\n```python\n{FIXED}```\n", files)
        assert (done.files, done.errors) == ({**files, "app/calc.py": FIXED}, ())


def test_a_sentence_that_ends_in_a_given_path_names_a_whole_file() -> None:
    new = "from calc import add\nX = 1\n"
    assert applied(f"Here is the new app/main.py:\n```\n{new}```\n", MANY).files["app/main.py"] == new
    assert not applied("So app/main.py needs no change:\n```\nX = 1\n```\n", MANY).changed


@pytest.mark.parametrize(
    ("sentence", "block"),
    [
        ("Run the tests of `calc.py`:", "```bash\npytest\n```"),
        ("`calc.py`", "```console\n$ python calc.py\n```"),
        ("Save it as `calc.py` and run:", "```\npython calc.py\n```"),
        ("The output of `calc.py` is then:", "```\n3\n```"),
        ("To use calc.py:", "```python\nprint(add(1, 2))\n```"),
        ("The fault is in calc.py:", "```python\ndef add(a, b):\n    return a - b\n```"),
    ],
)
def test_a_block_that_shows_a_files_use_is_not_the_file(sentence: str, block: str) -> None:
    assert not applied(f"{sentence}\n\n{block}\n", MANY).changed


@pytest.mark.parametrize(
    ("sentence", "excerpt"),
    [
        ("Changes in calc.py:", "    return a + b  # the sign"),
        ("The new code in calc.py:", "    return a + b  # the sign"),
        ("**Changed in calc.py:**", "    return a + b  # the sign"),
        ("The changed line in `calc.py`:", "    return a + b"),
        ("The bug is in calc.py:", "    return a - b  # here"),
        ("This is what you get from calc.py:", "3"),
        ("Now it prints, with python calc.py:", "3\n4\n5\n6\n7"),
    ],
)
def test_an_excerpt_or_an_output_does_not_replace_the_whole_file(sentence: str, excerpt: str) -> None:
    shown = f"{sentence}\n```\n{excerpt}\n```\n"
    for whole in (f"calc.py\n```python\n{FIXED}```\n", f"The fixed file:\n```python\n{FIXED}```\n"):
        for answer in (whole + shown, shown + whole):
            assert judge(answer).outcome is Outcome.PASSED, answer


def test_a_whole_file_may_lack_the_beginning_or_the_end_of_the_given_one() -> None:
    given = f"import os\n\nLIMIT = 3\n\n\n{ADD}"
    for kept in (given.partition("\n\n")[2], given.partition("\n\n\ndef double")[0] + "\n"):
        for sentence in ("Here is `a.py` without what nobody uses:", "So `a.py` is:", "The new code in a.py:"):
            done = applied(f"{sentence}\n```python\n{kept}```\n", {"a.py": given, "main.py": "import a\n"})
            assert done.files["a.py"] == kept


def test_a_heading_may_name_what_the_code_is_about_instead_of_a_file() -> None:
    files, code = {"app.js": "old();\n"}, "```js\nfresh();\n```\n"
    for heading in ("1. Node.js", "New code (Node.js):", "Full code for Next.js:"):
        assert not find_edits(f"{heading}\n{code}", files)
        assert applied(f"app.js\n{code}\n{heading}\n{code}", files).files["app.js"] == "fresh();\n"
    assert applied(f"app.js\n{code}\nNew file: more.js\n{code}", files).changed == ("app.js", "more.js")


def test_typescript_and_javascript_take_each_others_labels_and_other_languages_do_not() -> None:
    for path, label, is_file in (
        ("a.ts", "js", True),
        ("a.js", "ts", True),
        ("a.py", "js", False),
        ("a.toml", "sh", True),
    ):
        assert bool(applied(f"{path}\n```{label}\nx = 1\n```\n", {path: ""}).changed) is is_file, path


def test_a_new_file_that_only_a_comment_names_is_one_where_the_change_needs_it() -> None:
    helper = "```python\n# helper.py\nX = 1\n```\n"
    needed = BLOCK.replace("return a + b", "from helper import X\n    return a + b")
    assert applied(needed + helper).changed == ("calc.py", "helper.py")
    assert applied(BLOCK + helper).changed == ("calc.py",)
    beside = helper.replace("helper", "app/helper")
    assert applied(BLOCK + beside, MANY).changed == ("app/helper.py", "calc.py")
    assert applied(helper).changed == ("helper.py",)
    for sentence, path in (
        ("And a new module:", "helper.py"),
        ("**Notes:**", "NOTES.md"),
        ("The test:", "test_calc.py"),
    ):
        answer = f"{BLOCK}\n{sentence}\n{helper.replace('helper.py', path)}"
        assert applied(answer).changed == tuple(sorted(("calc.py", path)))
    assert applied(f"{BLOCK}\nFor example:\n{helper}").changed == ("calc.py",)
    assert applied(f"app/{BLOCK}\nAnd a module:\n{helper}", {"app/calc.py": ADD}).changed == ("app/calc.py",)


def test_a_sentence_names_the_file_of_a_block_only_if_that_has_the_old_lines() -> None:
    bare = BLOCK.partition("\n")[2]
    assert applied(f"So that `app/main.py` works again, in `calc.py`:\n{bare}", MANY).files["calc.py"] == FIXED
    assert find_edits(f"This makes `app/main.py` work:\n{bare}", MANY)[0].path is None
    assert find_edits(f"- app/main.py\n\nThe change:\n{bare}", MANY)[0].path is None
    second = (
        "Then it stands in `app/notes.txt`:\n<<<<<<< SEARCH\n    return 2 * a\n=======\n    return a\n>>>>>>> REPLACE\n"
    )
    assert applied(BLOCK + second, MANY).changed == ("calc.py",)


def test_an_example_of_the_format_that_is_indented_as_code_is_no_edit() -> None:
    example = indent("<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE\n", "    ")
    done = applied(f"I use this format:\n\n{example}\n{BLOCK}", MANY)
    assert (done.files["calc.py"], done.errors) == (FIXED, ())
    for answer in (f"1. Edit:\n\n    ```\n{example}    ```\n\n{BLOCK}", f"1. Edit:\n\n{example}"):
        assert applied(answer, MANY).errors == ("an edit names no file, and there are several",)


def test_a_diff_without_a_fence_goes_on_below_a_line_without_a_mark() -> None:
    lost = DIFF + "\n\ndef double(a):\n-    return 2 * a\n+    return a + a\n"
    assert [edit.error for edit in find_edits(lost, FILES)] == ["a hunk has a line without a mark: 'def double(a):'"]
    assert applied(lost).files == FILES
    listed = f"{DIFF}\nWhat I changed:\n- the sign\n- nothing else\n\n---\nThat is all.\n"
    assert applied(listed).files["calc.py"] == FIXED


def test_a_file_whose_name_begins_with_an_underscore_keeps_it() -> None:
    assert [path_in(line) for line in ("__init__.py", "**_util.py**:", "_calc.py_", "__calc.py__:")] == [
        "__init__.py",
        "_util.py",
        "calc.py",
        "calc.py",
    ]


def test_a_block_without_a_path_is_for_the_file_of_the_block_before() -> None:
    answer = BLOCK + "\nand\n<<<<<<< SEARCH\n    return 2 * a\n=======\n    return a + a\n>>>>>>> REPLACE\n"
    assert applied(answer, MANY).files["calc.py"] == FIXED.replace("2 * a", "a + a")


def test_one_answer_changes_several_files_and_creates_one() -> None:
    answer = (
        BLOCK
        + "app/main.py\n<<<<<<< SEARCH\nfrom calc import add\n=======\nfrom calc import add, double\n>>>>>>> REPLACE\n"
        + "app/new.py\n<<<<<<< SEARCH\n=======\nX = 1\n>>>>>>> REPLACE\n"
        + "app/other.py\n```python\nY = 2\n```\n"
    )
    done = applied(answer, MANY)
    assert done.changed == ("app/main.py", "app/new.py", "app/other.py", "calc.py")
    assert (done.files["app/new.py"], done.files["app/other.py"]) == ("X = 1\n", "Y = 2\n")


def test_a_diff_creates_and_deletes_files() -> None:
    answer = (
        "```diff\n--- /dev/null\n+++ b/app/new.py\n@@ -0,0 +1,2 @@\n+X = 1\n+Y = 2\n"
        "--- a/app/notes.txt\n+++ /dev/null\n@@ -1,3 +0,0 @@\n-one\n-two\n-one\n```"
    )
    done = applied(answer, MANY)
    assert done.files["app/new.py"] == "X = 1\nY = 2\n"
    assert "app/notes.txt" not in done.files


def test_later_edits_see_earlier_ones() -> None:
    again = BLOCK.replace("a - b", "a + b").replace("=======\n    return a + b", "=======\n    return b + a")
    assert "return b + a" in applied(BLOCK + again).files["calc.py"]


def test_a_snippet_beside_search_blocks_changes_nothing() -> None:
    done = applied(f"In `calc.py`:\n```python\nadd(1, 2)\n```\n{BLOCK}")
    assert done.files["calc.py"] == FIXED


# --- blanks overlooked --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "quote",
    [
        "For comparison, the original `calc.py` was:\n\n```python\n{given}```\n",
        "It stood in `calc.py`:\n```\n{given}```\n",
    ],
)
def test_a_whole_file_is_not_undone_by_a_quotation_of_the_given_one(quote: str) -> None:
    whole, quoted = f"`calc.py`:\n\n```python\n{FIXED}```\n\n", quote.format(given=FILES["calc.py"])
    assert applied(whole + quoted).files["calc.py"] == FIXED
    assert applied(quoted + whole).files["calc.py"] == FIXED
    excerpt = "The original `calc.py`:\n```python\ndef add(a, b):\n    return a - b\n```\n"
    assert applied(whole + excerpt).files["calc.py"] == FIXED
    assert not applied(quoted).changed


def test_a_missing_common_indent_matches_and_is_added_to_the_new_lines() -> None:
    answer = "calc.py\n<<<<<<< SEARCH\nreturn a - b\n=======\nif a:\n    return a\nreturn b\n>>>>>>> REPLACE\n"
    done = applied(answer)
    assert done.rules == {"whitespace"}
    assert done.files["calc.py"].startswith("def add(a, b):\n    if a:\n        return a\n    return b\n")


def test_excess_indent_matches_and_is_removed_from_the_new_lines() -> None:
    old, new = "    def double(a):\n        return 2 * a\n", "    def double(a):\n        return a\n"
    answer = f"calc.py\n<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n"
    assert applied(answer).files["calc.py"].endswith("\ndef double(a):\n    return a\n")


def test_trailing_whitespace_is_ignored() -> None:
    answer = BLOCK.replace("    return a - b\n", "    return a - b  \n", 1)
    done = applied(answer)
    assert (done.files["calc.py"], done.rules) == (FIXED, frozenset({"whitespace"}))


UNFIT: dict[str, tuple[str, str]] = {
    "old lines that are not there": (BLOCK.replace("a - b", "a * b"), "are not there"),
    "old lines that stand twice": (
        "app/notes.txt\n<<<<<<< SEARCH\none\n=======\n1\n>>>>>>> REPLACE\n",
        "occur 2 times",
    ),
    "indents that differ unevenly": (
        "calc.py\n<<<<<<< SEARCH\n  def add(a, b):\n    return a - b\n=======\nx\n>>>>>>> REPLACE\n",
        "are not there",
    ),
    "a word that differs": (BLOCK.replace("return a - b\n=", "return a  -  b\n="), "are not there"),
    "a file that is not there": (BLOCK.replace("calc.py", "gone.py"), "there is no such file"),
    "no file among several": (BLOCK.partition("\n")[2], "names no file"),
    "a block that is not closed": (BLOCK.partition(">>>>>>>")[0], "is not closed"),
    "a block without a middle": (BLOCK.replace("=======\n", ""), "is not closed"),
    "an empty old side where the file is": (
        "calc.py\n<<<<<<< SEARCH\n=======\nx = 1\n>>>>>>> REPLACE\n",
        "has no old lines",
    ),
    "a hunk with a line without a mark": (f"```diff\n{DIFF}return 1\n```", "without a mark"),
    "a hunk whose context differs": (f"```diff\n{DIFF.replace(' def add(a, b)', ' def sum(a, b)')}```", "not there"),
    "a path outside": ("<<<<<<< SEARCH ../calc.py\n=======\nx = 1\n>>>>>>> REPLACE\n", "lies outside"),
}


@pytest.mark.parametrize(("answer", "why"), UNFIT.values(), ids=UNFIT.keys())
def test_an_edit_that_does_not_apply_is_reported_and_changes_nothing(answer: str, why: str) -> None:
    done = applied(answer, MANY)
    assert any(why in error for error in done.errors), done.errors
    assert (done.files, done.changed) == (MANY, ())


def test_if_one_edit_does_not_apply_none_is_applied() -> None:
    done = applied(BLOCK + BLOCK.replace("a - b", "nowhere"))
    assert (done.files, done.matched, len(done.errors)) == (FILES, 1, 1)


def test_line_numbers_of_a_diff_choose_between_equal_matches() -> None:
    files = {"a.txt": "x\nkey\ny\nkey\nz\n"}
    answer = "```diff\n--- a.txt\n+++ a.txt\n@@ -4,1 +4,1 @@\n-key\n+KEY\n```"
    assert applied(answer, files).files["a.txt"] == "x\nkey\ny\nKEY\nz\n"


def test_a_line_number_that_is_too_long_for_one_says_nothing() -> None:
    diff = f"```diff\n--- a/calc.py\n+++ b/calc.py\n@@ -{'1' * 5000} +1 @@\n-    return a - b\n+    return a + b\n```\n"
    assert applied(diff).files["calc.py"] == FIXED


def test_no_edit_format_changes_a_protected_file() -> None:
    for answer in SAME.values():
        done = applied(answer, FILES, "calc.py")
        assert (done.refused, done.files) == (("calc.py",), FILES)


@pytest.mark.parametrize(
    "line", ["calc.py", "`calc.py`", "**calc.py**:", "File: app/main.py", "# calc.py", "new file: a/b.js"]
)
def test_a_decorated_path_is_recognized(line: str) -> None:
    assert path_in(line) in ("calc.py", "app/main.py", "a/b.js")


@pytest.mark.parametrize("line", ["Here is the file:", "version 3.11", "calc.py and main.py", "e.g.", "", "v1.2"])
def test_a_sentence_is_not_a_path(line: str) -> None:
    assert path_in(line) is None


@given(st.text(alphabet="<>=SEARCHREPL \n`+-@a.py", max_size=120))
def test_no_text_breaks_reading_or_applying_edits(answer: str) -> None:
    done = applied(answer, MANY)
    assert done.errors or set(done.files) >= set()


@given(st.lists(st.sampled_from(["a", "b", "", "  c"]), max_size=8), st.integers(0, 8), st.integers(0, 3))
def test_an_exact_edit_changes_its_lines_and_no_others(lines: list[str], at: int, size: int) -> None:
    before, old, after = lines[:at], lines[at : at + size], lines[at + size :]
    marked = ["marker", *old]
    files = {"f.txt": "\n".join([*before, *marked, *after])}
    done = apply_edits([Edit("blocks", "f.txt", ("new",), tuple(marked))], files)
    assert done.files["f.txt"] == "\n".join([*before, "new", *after])


# --- the kind -----------------------------------------------------------------------------------------------

CASES = (
    case("still/double", {"call": "double", "args": [4]}, value=8),
    case("new/add", {"call": "add", "args": [1, 2]}, value=3),
)


def judge(answer: str, files: Mapping[str, str] = FILES, cases: tuple[Case, ...] = CASES, **settings: Json) -> Score:
    variant = variant_of("edits", cases, files=files, settings={"entry": "calc.py", **settings})
    assert problem_texts(variant.task) == []
    return score(variant, [said(answer)], running_python())


def test_a_right_edit_passes_and_its_format_is_a_fact() -> None:
    verdict = judge(BLOCK)
    assert (verdict.outcome, verdict.extraction_rule) == (Outcome.PASSED, "blocks-exact")
    assert [check.name for check in verdict.checks] == ["applied", "still/double", "new/add"]
    assert verdict.metrics == {
        "applied": True,
        "edit_format": "blocks",
        "edit_rule": "exact",
        "edits": 1,
        "edits_applied": 1,
        "files_changed": ["calc.py"],
        "groups": {"still": {"passed": 1, "n": 1}, "new": {"passed": 1, "n": 1}},
    }


def test_an_edit_that_applies_may_still_be_wrong() -> None:
    verdict = judge(BLOCK.replace("a + b", "a * b"))
    assert (verdict.outcome, failed(verdict), verdict.metrics["applied"]) == (Outcome.FAILED, {"new/add"}, True)


def test_an_edit_that_breaks_working_code_fails_that_group() -> None:
    verdict = judge(BLOCK + BLOCK.replace("a - b", "2 * a").replace("a + b", "a"))
    assert failed(verdict) == {"still/double"}


def test_an_edit_that_does_not_apply_fails_everything_and_runs_nothing() -> None:
    variant = variant_of("edits", CASES, files=FILES)
    verdict = score(variant, [said(BLOCK.replace("a - b", "x"))], ScriptedSandbox())
    assert failed(verdict) == {"applied", "still/double", "new/add"}
    assert (verdict.outcome, verdict.metrics["applied"]) == (Outcome.FAILED, False)
    assert "not there" in str(check(verdict, "applied").note)


def test_an_edit_that_changes_nothing_is_not_applied() -> None:
    assert failed(judge(f"```python\n{ADD}```")) == {"applied", "new/add"}


def test_prose_is_no_answer_and_a_truncated_block_is_truncated_out() -> None:
    assert judge("I would change the sign.").outcome is Outcome.NO_ANSWER
    variant = variant_of("edits", CASES, files=FILES)
    cut = score(variant, [said(BLOCK.partition("a + b")[0], finish="length")], ScriptedSandbox())
    assert (cut.outcome, len(failed(cut))) == (Outcome.TRUNCATED_OUT, 3)


def test_an_excerpt_of_the_only_file_above_the_new_one_does_not_replace_it() -> None:
    excerpt = "The fault is in `calc.py`:\n```python\n    return a - b\n```\n"
    assert judge(f"{excerpt}So this is right:\n```python\n{FIXED}```\n").outcome is Outcome.PASSED


def test_a_single_code_block_replaces_the_only_editable_file() -> None:
    verdict = judge(
        f"```python\n{FIXED}```", {"calc.py": ADD, "test_calc.py": "import calc\n"}, protected=["test_calc.py"]
    )
    assert (verdict.outcome, verdict.extraction_rule) == (Outcome.PASSED, "whole-exact")


def test_an_edit_of_a_protected_file_is_refused_and_reported() -> None:
    answer = BLOCK + "test_calc.py\n<<<<<<< SEARCH\nimport calc\n=======\nx = 1\n>>>>>>> REPLACE\n"
    verdict = judge(answer, {"calc.py": ADD, "test_calc.py": "import calc\n"}, protected=["test_calc.py"])
    assert "test_calc.py: must not be changed" in str(check(verdict, "applied").note)


@pytest.mark.parametrize(
    "path",
    [
        "probe/__init__.py",
        "./probe/__init__.py",
        "probe.cpython-313-x86_64-linux-gnu.so",
        "typing.py",
        "json/__init__.py",
    ],
)
def test_no_new_file_replaces_a_protected_one_where_it_is_imported(path: str) -> None:
    files = {**FILES, "probe.py": "import json\n"}
    answer = f"{path}\n<<<<<<< SEARCH\n=======\nx = 1\n>>>>>>> REPLACE\n"
    verdict = judge(answer, files=files, protected=["probe.py"])
    assert "applied" in failed(verdict)
    assert "would be imported in place of a protected file" in str(check(verdict, "applied").note)


@pytest.mark.parametrize(
    ("language", "path", "protected", "replaces"),
    [
        ("python", "engine/__init__.py", "engine.py", True),
        ("python", "engine/core.py", "engine.py", False),
        ("python", "a/b/__init__.py", "a/b.py", True),
        ("python", "a.py", "a/b.py", True),
        ("python", "b.py", "a/b.py", False),
        ("python", "tools/json.py", "tools/probe.py", True),
        ("python", "lib/json.py", "tools/probe.py", False),
        ("python", "helper.py", "engine.py", False),
        ("javascript", "engine", "engine.js", True),
        ("javascript", "engine.json", "engine/index.js", True),
        ("javascript", "engine/package.json", "engine/index.js", True),
        ("javascript", "engine.txt", "engine.js", False),
        ("typescript", "lib/engine.js", "lib/engine.ts", True),
        ("javascript", "fs.js", "engine.js", False),
        ("go", "engine_more.go", "engine.go", False),
    ],
)
def test_a_file_shadows_another_by_what_its_language_imports(
    language: str, path: str, protected: str, replaces: bool
) -> None:
    assert shadows(language, path, [protected], "tools/probe.py") is replaces
    assert not shadows(language, path, [], "tools/probe.py")


def test_an_edit_format_that_the_task_does_not_accept_is_refused() -> None:
    verdict = judge(f"```diff\n{DIFF}```", formats=["blocks"])
    assert "this task accepts edits as blocks" in str(check(verdict, "applied").note)


def test_too_few_changed_files_fail_their_check() -> None:
    assert failed(judge(BLOCK, min_changed_files=2)) == {"files-changed"}
    assert failed(judge(BLOCK, min_changed_files=1)) == set()


def test_all_task_files_run_with_the_edits_applied() -> None:
    sandbox = running_python()
    score(variant_of("edits", CASES, files=MANY, settings={"entry": "calc.py"}), [said(BLOCK)], sandbox)
    assert sandbox.jobs[0].files == {**MANY, "calc.py": FIXED}


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"formats": ["patch"]}, "scorer.formats[0]: expected one of blocks, diff, whole"),
        ({"protected": ["gone.py"]}, "scorer.protected: files/gone.py does not exist"),
        ({"min_changed_files": "3"}, "scorer.min_changed_files: expected integer"),
        ({"driver": "tests"}, "scorer.driver: expected one of calls, program"),
        ({"entry": "gone.py"}, "scorer.entry: files/gone.py does not exist"),
        ({"least": 3}, "scorer.least: unknown field"),
    ],
)
def test_wrong_settings_are_reported(settings: dict[str, Json], problem: str) -> None:
    found = problem_texts(variant_of("edits", CASES, files=FILES, settings=settings).task)
    assert any(problem in text for text in found), found


def test_a_task_without_files_has_nothing_to_edit() -> None:
    assert any("files: the folder is empty" in text for text in problem_texts(variant_of("edits", CASES).task))
