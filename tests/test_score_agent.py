"""Kind `agent`: what an agent left is cleaned, and decides by the host's cases how its trial ended."""

from collections.abc import Mapping
from typing import Literal

import pytest

from harness.read import work_reading
from harness.score import score, validate_task
from harness.score.kinds.agent import KIND
from harness.trees import FinalTree, make_patch
from harness.types import AgentEnd, Case, Json, Limits, Score, Task, Variant
from tests.scored import ScriptedSandbox

FILES = {"shop/cart.py": "def total():\n    return old_sum()\n", "tests/test_cart.py": "assert total() == 3\n"}
CASES = (
    Case("gone", {"find": r"\bold_sum\b", "in": ["shop/*"]}, {"max": 0}),
    Case("there", {"find": r"\bnew_sum\b", "in": ["shop/*"]}, {"min": 1}),
)
RIGHT = {**FILES, "shop/cart.py": "def total():\n    return new_sum()\n"}
WRONG = {**FILES, "shop/cart.py": "def total():\n    return old_sum() + 1\n"}


def variant_of(cases: tuple[Case, ...] = CASES, **settings: Json) -> Variant:
    task = Task(
        name="rename", title="", suites=(), tags=(), language=None, budget_tokens=1, limits=Limits(), scorer="agent",
        settings={"editable": ["shop/*"], **settings}, system="", turns=("",), files=FILES, cases_json="", solution=(),
        wrong_answers=(), variants=(), sha256="", for_agents=True,
    )  # fmt: skip
    return Variant(task, 0, "", ("",), FILES, cases, (), ())


def scored(
    files: Mapping[str, str], end: AgentEnd | Literal["crashed"] = "exited", variant: Variant | None = None
) -> Score:
    patch = make_patch(FILES, FinalTree(files))
    return score(variant or variant_of(), [work_reading(patch, end)], ScriptedSandbox())


def test_a_right_tree_passes_whatever_ended_the_agent() -> None:
    assert scored(RIGHT).outcome == scored(RIGHT, "clock").outcome == "passed"


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        ("exited", "failed"),
        ("gave_up", "declined"),
        ("clock", "time_limit"),
        ("turns", "turn_limit"),
        ("tokens", "token_limit"),
        ("context", "context_exceeded"),
        ("memory", "out_of_memory"),
        ("crashed", "crashed"),
    ],
)
def test_a_wrong_tree_ends_as_the_agent_did(end: AgentEnd | Literal["crashed"], outcome: str) -> None:
    assert scored(WRONG, end).outcome == outcome


def test_edited_tests_alone_are_no_edit_and_reported() -> None:
    found = scored({**FILES, "tests/test_cart.py": "", "conftest.py": "exit(0)", "shop/conftest.py": "exit(0)"})
    assert found.outcome == "no_edit"
    assert found.metrics["put_back"] == ["tests/test_cart.py"]
    assert found.metrics["removed"] == [
        ["conftest.py", "configures tests"],
        ["shop/conftest.py", "configures tests"],
    ]


def test_scratch_files_cost_an_honest_agent_nothing() -> None:
    assert scored({**RIGHT, "notes.md": "x", ".agent/log": "x"}).outcome == "passed"


def test_a_task_that_can_be_done_is_not_solved_by_saying_that_it_cannot() -> None:
    found = scored({**RIGHT, "CANNOT.txt": "no-tests\n"})
    assert (found.outcome, found.metrics["cannot"]) == ("declined", "no-tests")


def test_a_task_that_cannot_be_done_is_solved_by_saying_so_for_the_right_reason_alone() -> None:
    variant = variant_of((), cannot=["missing-file"])
    assert scored({**FILES, "CANNOT.txt": "missing-file\nIt is not there.\n"}, variant=variant).outcome == "passed"
    assert scored({**FILES, "CANNOT.txt": "missing-file\n\n"}, variant=variant).outcome == "failed"
    assert scored({**FILES, "CANNOT.txt": "too-hard\nIt is.\n"}, variant=variant).outcome == "failed"
    assert scored({**RIGHT, "CANNOT.txt": "missing-file\nNo.\n"}, variant=variant).outcome == "failed"
    assert scored(RIGHT, variant=variant).outcome == "failed"
    assert scored(FILES, variant=variant).outcome == "no_edit"


def test_a_text_that_is_no_patch_is_no_answer() -> None:
    found = score(variant_of(), [work_reading("I have fixed it.\n", "exited")], ScriptedSandbox())
    assert found.outcome == "no_answer"


def test_a_pattern_that_no_file_matches_is_a_problem_of_the_task() -> None:
    variant = variant_of(editable=["src/*"])
    assert [problem.message for problem in validate_task(KIND, variant.task, variant.cases)] == [
        "rename/task.toml: $.scorer.editable: no file matches 'src/*'"
    ]
