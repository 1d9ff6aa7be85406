"""Edits that must leave the rest of a Python file alone: what counts as changed, and the check of kind `edits`."""

import pytest

from harness.score import score
from harness.score.edits.untouched import changed_statements
from harness.types import Score
from tests.scored import case, check, problem_texts, running_python, said, variant_of

GIVEN = '''"""Yards."""

import os

LIMITS = (
    3,
    5,
)


def total(rows):
    """The sum."""
    return sum(rows)


# How many hands a shunt needs.
@cache
def crew(wagons):
    return 1 + wagons
'''
REST = case("same/rest", {"outside": ["total"], "in": "yards.py"}, unchanged=True)


def changed(old: str, new: str) -> list[str]:
    assert old in GIVEN
    return changed_statements(GIVEN, GIVEN.replace(old, new), ["total"])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    return sum(rows)", "    return sum(rows) or None"),
        ("def total(rows):", "@wraps(sum)\ndef total(rows, start=0):"),
        ("def total(rows):", "def _all(rows):\n    return rows\n\n\ndef total(rows):"),
        ("import os\n", "import os\nfrom math import fsum\n"),
        ("import os\n", "import math, os\n\nEMPTY = object()\n"),
        ("\n\n\ndef total", "   \n\ndef total"),
        ("\n", "\r\n"),
    ],
)
def test_what_the_change_itself_needs_changes_nothing_else(old: str, new: str) -> None:
    assert changed(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("1 + wagons", "2 + wagons", "@cache"),
        ("@cache\n", "", "@cache"),
        ("    5,\n", "    6,\n", "LIMITS = ("),
        ("# How many", "# So many", "# How many hands a shunt needs."),
        ('"""Yards."""\n\n', "", '"""Yards."""'),
        ("1 + wagons\n", "1 + wagons\n\n\ndef crew(wagons):\n    return wagons\n", "def crew(wagons):"),
        ("1 + wagons\n", "1 + wagons\n\n\nLIMITS = ()\n", "LIMITS = ()"),
        ("1 + wagons\n", "1 + wagons\n\n\ncrew.__wrapped__ = None\n", "crew.__wrapped__ = None"),
    ],
)
def test_any_other_change_is_named_by_its_first_line(old: str, new: str, line: str) -> None:
    assert line in changed(old, new)


def test_the_order_of_the_statements_is_free() -> None:
    head, _, tail = GIVEN.partition("# How")
    assert changed_statements(GIVEN, f"# How{tail}\n{head}", ["total"]) == []


def judge(old: str, new: str) -> Score:
    variant = variant_of(
        "edits",
        (case("total", {"call": "total", "args": [[1, 2]]}, value=4), REST),
        files={"yards.py": GIVEN.replace("@cache\n", "")},
    )
    assert problem_texts(variant.task) == []
    block = f"yards.py\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE\n"
    return score(variant, [said(block)], running_python())


def test_the_check_compares_the_edited_file_beside_the_cases_that_run() -> None:
    verdict = judge("    return sum(rows)", "    return sum(rows) + 1")
    assert [one.name for one in verdict.checks] == ["applied", "total", "same/rest"]
    assert all(one.passed for one in verdict.checks)
    verdict = judge("    return 1 + wagons", "    return 1 * wagons")
    assert not check(verdict, "same/rest").passed
    assert check(verdict, "same/rest").observed == ["def crew(wagons):"]


def test_an_edit_that_does_not_apply_fails_the_check() -> None:
    assert not check(judge("    return 3", "    return 4"), "same/rest").passed


def test_a_case_about_a_file_that_is_not_there_is_a_problem() -> None:
    task = variant_of("edits", (REST,), files={"other.py": GIVEN}).task
    assert any("files/yards.py does not exist" in text for text in problem_texts(task))
