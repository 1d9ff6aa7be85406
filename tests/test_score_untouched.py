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
        ("import os\n", "import os\nimport os.path\n"),
        ("1 + wagons\n", "1 + wagons\n\n\nif __name__ == '__main__':\n    print(crew(3), [crew for crew in LIMITS])\n"),
        ("1 + wagons\n", "1 + wagons\n\n\ndef more(crew):\n    LIMITS = crew\n    return LIMITS\n"),
        ("1 + wagons\n", "1 + wagons\n\n\nclass Yard:\n    LIMITS = (1,)\n"),
        ("    return sum(rows)", "    global LIMITS\n    LIMITS = ()\n    return sum(rows)"),
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


@pytest.mark.parametrize(
    "new",
    [
        "x = LIMITS = 5",
        "total = LIMITS = 5",
        "x, LIMITS = 1, 5",
        "(x, *LIMITS) = 1, 5",
        "if True:\n    LIMITS = 5",
        "if True:\n    LIMITS += (5,)",
        "for LIMITS in (5,): pass",
        "with open(__file__) as LIMITS:\n    pass",
        "try:\n    pass\nexcept OSError as LIMITS:\n    pass",
        "match 5:\n    case LIMITS:\n        pass",
        "print(LIMITS := 5)",
        "[LIMITS := x for x in (5,)]",
        "del x, LIMITS",
        "x, crew.limit = 1, 5",
        "from other import crew",
        "import other as crew",
        "from other import (\n    crew,\n)",
        "def more():\n    global LIMITS\n    LIMITS = 5",
        "if True:\n    def crew(wagons):\n        return 3",
        "# A return of the carriage ends a comment.\rLIMITS = 5",
    ],
)
def test_no_new_statement_binds_a_name_of_the_given_file_again(new: str) -> None:
    line = new.partition("\r")[2] or new.partition("\n")[0]
    assert changed_statements(GIVEN, f"{GIVEN}\n\n{new}\n", ["total"]) == [line]


def test_a_name_that_the_given_file_binds_in_a_compound_statement_is_known_too() -> None:
    given = f"{GIVEN}\n\ntry:\n    import fast\nexcept ImportError:\n    fast = None\n"
    assert changed_statements(given, given, ["total"]) == []
    assert changed_statements(given, f"{given}fast = object()\n", ["total"]) == ["fast = object()"]


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
