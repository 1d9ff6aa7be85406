"""Kind `tools`: the first call, invalid and wasted calls, the edits of a replayed loop, and the resulting files."""

import pytest

from harness.score import score
from harness.types import Json, Outcome, Reading, Score, ToolCall
from tests.scored import ScriptedSandbox, called, case, check, failed, problem_texts, running_python, said, variant_of

FILES = {"calc.py": "def add(a, b):\n    return a - b\n", "probe.py": "from calc import add\n"}
CASES = (case("add", {"call": "add", "args": [1, 2]}, value=3),)
LOOK = said("", called("grep", pattern="def add"))
READ = said("", called("read_file", path="calc.py"))
FIX = said("", called("edit_file", path="calc.py", old="a - b", new="a + b"))
DONE = said("Done.")
SETTINGS: dict[str, Json] = {"entry": "calc.py", "first_call": "grep", "protected": ["probe.py"]}


def judge(*replies: Reading, cases: tuple[Json, ...] = CASES, **settings: Json) -> Score:
    variant = variant_of("tools", cases, files=FILES, settings={**SETTINGS, **settings})
    assert problem_texts(variant.task) == []
    return score(variant, replies, running_python())


def test_a_loop_that_searches_then_edits_passes() -> None:
    verdict = judge(LOOK, READ, FIX, DONE)
    assert (verdict.outcome, verdict.extraction_rule) == (Outcome.PASSED, "tool-calls")
    assert [check.name for check in verdict.checks] == ["first-call", "calls-valid", "applied", "add"]
    assert verdict.metrics == {
        "calls": 3,
        "invalid_calls": 0,
        "wasted_calls": 0,
        "turns": 4,
        "narrated_first": False,
        "edits_applied": 1,
        "edits_refused": 0,
        "files_changed": ["calc.py"],
    }


def test_a_first_reply_without_a_call_fails_the_first_call_check() -> None:
    verdict = judge(said("First I will search for add."), FIX)
    assert failed(verdict) == {"first-call"}
    assert verdict.metrics["narrated_first"] is True


def test_text_beside_the_first_call_does_not_fail_it() -> None:
    verdict = judge(said("Let me look.", called("grep", pattern="add")), FIX, DONE)
    assert (verdict.outcome, verdict.metrics["narrated_first"]) == (Outcome.PASSED, True)


@pytest.mark.parametrize(
    "first",
    [
        called("read_file", path="calc.py"),
        called("grep", regex="def add"),
        ToolCall(None, "grep", '{"pattern": "def add"'),
        ToolCall(None, "search", '{"pattern": "def add"}'),
    ],
)
def test_a_first_call_of_another_tool_or_with_wrong_arguments_fails(first: ToolCall) -> None:
    assert "first-call" in failed(judge(said("", first), FIX, DONE))


def test_a_later_invalid_call_fails_only_the_check_of_calls() -> None:
    verdict = judge(LOOK, said("", called("read_file", file="calc.py")), FIX, DONE)
    assert (failed(verdict), verdict.metrics["invalid_calls"]) == ({"calls-valid"}, 1)
    assert "$.path: required field is missing" in str(check(verdict, "calls-valid").note)
    assert failed(judge(LOOK, said("", called("read_file", file="calc.py")), FIX, DONE, max_invalid_calls=1)) == set()


def test_a_first_call_that_finds_nothing_of_what_the_task_names_fails() -> None:
    lost = said("", called("grep", pattern="def subtract"))
    verdict = judge(lost, FIX, DONE, first_call_finds="calc.py")
    assert failed(verdict) == {"first-call"}
    assert check(verdict, "first-call").note == "the result does not contain 'calc.py'"
    assert failed(judge(LOOK, FIX, DONE, first_call_finds="calc.py")) == set()


@pytest.mark.parametrize(
    ("last", "passed"),
    [
        (DONE, True),
        (said("x" * 20), True),
        (said("x" * 21), False),
        (said(" \n"), False),
        (said("Done.", called("read_file", path="calc.py")), False),
    ],
)
def test_the_last_reply_calls_no_tool_and_is_short(last: Reading, passed: bool) -> None:
    verdict = judge(LOOK, FIX, last, max_final_chars=20)
    assert failed(verdict) == (set() if passed else {"final-reply"})


def test_an_edit_that_does_not_apply_fails_the_applied_check() -> None:
    verdict = judge(LOOK, said("", called("edit_file", path="calc.py", old="a * b", new="a + b")), DONE)
    assert failed(verdict) == {"applied", "add"}
    assert "occurs 0 times in calc.py" in str(check(verdict, "applied").note)


def test_a_loop_without_an_edit_fails_the_applied_check() -> None:
    assert failed(judge(LOOK, READ, DONE)) == {"applied", "add"}


def test_an_edit_that_applies_may_still_be_wrong() -> None:
    wrong = said("", called("edit_file", path="calc.py", old="a - b", new="a * b"))
    assert failed(judge(LOOK, wrong, DONE)) == {"add"}


def test_an_edit_that_is_undone_is_not_an_edit() -> None:
    back = said("", called("edit_file", path="calc.py", old="a + b", new="a - b"))
    assert failed(judge(LOOK, FIX, back, DONE)) == {"applied", "add"}


def test_a_protected_file_stays_as_it_was() -> None:
    cheat = said("", called("edit_file", path="probe.py", old="from calc import add", new="add = max"))
    verdict = judge(LOOK, cheat, FIX, DONE)
    assert (verdict.outcome, verdict.metrics["edits_refused"]) == (Outcome.PASSED, 1)


@pytest.mark.parametrize("path", ["probe/__init__.py", "sqlite3.py"])
def test_a_protected_file_is_not_replaced_by_another_that_is_imported_first(path: str) -> None:
    made = said("", called("edit_file", path=path, old="", new="def add(a, b):\n    return 3\n"))
    verdict = judge(LOOK, made, DONE)
    assert "applied" in failed(verdict)
    assert (verdict.metrics["edits_refused"], verdict.metrics["files_changed"]) == (1, [])


def test_calls_after_the_last_turn_of_the_loop_do_not_count() -> None:
    verdict = judge(LOOK, DONE, FIX, max_turns=2)
    assert (verdict.metrics["calls"], verdict.metrics["turns"]) == (1, 2)
    assert "applied" in failed(verdict)


def test_one_call_with_a_number_as_a_string_or_an_extra_argument_passes() -> None:
    loose = said("", called("read_file", path="calc.py", first_line="1", encoding="utf-8"))
    extra = said("", called("grep", pattern="def add", recursive=True))
    verdict = judge(extra, loose, FIX, DONE)
    assert (verdict.outcome, verdict.metrics["invalid_calls"]) == (Outcome.PASSED, 0)


def test_repetitions_without_a_change_between_and_failed_calls_are_wasted() -> None:
    vain = said("", called("read_file", path="gone.py"))
    verdict = judge(LOOK, LOOK, vain, FIX, DONE, max_wasted_calls=1)
    assert (failed(verdict), verdict.metrics["wasted_calls"]) == ({"calls-useful"}, 2)
    assert failed(judge(LOOK, READ, FIX, READ, LOOK, DONE, max_wasted_calls=0)) == set()


def test_several_calls_in_one_reply_count_each() -> None:
    both = said("", called("grep", pattern="add"), called("edit_file", path="calc.py", old="a - b", new="a + b"))
    verdict = judge(both, DONE)
    assert (verdict.outcome, verdict.metrics["calls"], verdict.metrics["turns"]) == (Outcome.PASSED, 2, 2)


def test_a_loop_without_calls_is_no_answer() -> None:
    variant = variant_of("tools", CASES, files=FILES, settings=SETTINGS)
    verdict = score(variant, [said("Change the sign in calc.py.")], ScriptedSandbox())
    assert verdict.outcome is Outcome.NO_ANSWER
    assert failed(verdict) == {"answer", "first-call", "calls-valid", "applied", "add"}


def test_a_truncated_loop_is_truncated_out() -> None:
    assert judge(LOOK, said("", finish="length")).outcome is Outcome.TRUNCATED_OUT


def test_without_cases_only_the_calls_count_and_nothing_runs() -> None:
    variant = variant_of("tools", files=FILES, settings={"first_call": "grep"}, language=None)
    assert problem_texts(variant.task) == []
    verdict = score(variant, [LOOK, DONE], ScriptedSandbox())
    assert (verdict.outcome, [check.name for check in verdict.checks]) == (
        Outcome.PASSED,
        ["first-call", "calls-valid"],
    )


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"tools": ["bash"]}, "scorer.tools[0]: expected one of read_file, grep, edit_file"),
        ({"first_call": "bash"}, "scorer.first_call: expected one of read_file, grep, edit_file"),
        ({"max_turns": "ten"}, "scorer.max_turns: expected integer"),
        ({"wasted": 1}, "scorer.wasted: unknown field"),
        ({"entry": "gone.py"}, "scorer.entry: files/gone.py does not exist"),
    ],
)
def test_wrong_settings_are_reported(settings: dict[str, Json], problem: str) -> None:
    found = problem_texts(variant_of("tools", CASES, files=FILES, settings=settings).task)
    assert any(problem in text for text in found), found
