"""Whatever a model writes and whatever comes out of a container, a trial ends in an outcome, never in an exception."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.files import to_json
from harness.run import PREVIOUS
from harness.schema import as_document, validate
from harness.score import KINDS, score
from harness.types import CaseStatus, Job, Json, Observation, Outcome, ScoredTrial, ToolCall, TrialKey, Variant
from harness.virtual_tools import TOOL_NAMES, Workspace, run_call
from tests.deep import part_and_whole
from tests.scored import ScriptedSandbox, case, problem_texts, said, variant_of

PY = {"calc.py": "def add(a, b):\n    return a - b\n", "right.py": "", "notes.md": "In 2023 there were 7.\n"}
ADD = case("one/add", {"call": "add", "args": [1, 2]}, value=3)
RUN = case("run", {"argv": ["x"]}, exit=0, stdout="a\n", stdout_json=[1], files={"out": {"json": [1]}}, no_files=True)
VARIANTS: dict[str, Variant] = {
    "agent": variant_of(
        "agent",
        [ADD, case("plus", {"find": r"\+", "in": ["*.py"]}, min=1)],
        files=PY,
        settings={"editable": ["calc.py", "*.md"]},
    ),
    "calls": variant_of("calls", [ADD, case("two", {"call": "add"}, raises="ValueError")]),
    "program": variant_of("program", [RUN], language="bash", settings={"lint": "shellcheck"}),
    "speed": variant_of("speed", language=None),
    "edits": variant_of("edits", [ADD], files=PY, settings={"protected": ["right.py"], "min_changed_files": 2}),
    "review": variant_of(
        "review",
        [
            case("defect", defect=["sql"], file="calc.py", lines=[1, 2], severity="high"),
            case("decoy", decoy="fine", file="calc.py", lines=[3, 4]),
            case("clean", clean=True, file="right.py"),
        ],
        settings={"min_precision": 0.5, "min_severity_agreement": 0.5},
    ),
    "tools": variant_of("tools", [ADD], files=PY, settings={"first_call": "grep", "max_wasted_calls": 1}),
    "conversation": variant_of(
        "conversation",
        [
            case("a", {"turn": 1, "call": "add", "args": []}, value=1),
            case("b", {"turn": 1, "tests_on": "right.py"}, tests="fail"),
            case("c", {"turn": 1, "argv": []}, exit=0),
        ],
        files=PY,
    ),
    "voice": variant_of("voice", [case("dash", rule="no_em_dash"), case("new", rule="no_new_numbers")]),
    "summary": variant_of("summary", [case("says", rule="says", any=["7"]), case("names", rule="no_new_names")]),
    "needle": variant_of(
        "needle", [case("k", key="key", any=["x", 7], superseded=["y"]), case("no", key="no", absent=True)]
    ),
    "outside_tests": variant_of(
        "outside_tests",
        [case("check", {"call": "check", "candidate": "add"}, passes=True)],
        files={"tests.py": "def check(candidate):\n    assert candidate(1, 2) == 3\n"},
        settings={"tests": "tests.py", "names": ["add"]},
    ),
    "repository": variant_of(
        "repository",
        [case("fixed/1", {"tests": ["test_calc.py::test_add"]}, outcome="passed")],
        files={**PY, "test_calc.py": "from calc import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"},
        settings={"given": ["calc.py"]},
    ),
    "patch": variant_of("patch", [], files=PY),
    "cannot_do": variant_of("cannot_do", [ADD], settings={"possible": False, "reasons": ["missing_file"]}),
}
PIECES = (
    "```python\n", "```\n", "```json\n", "def add(a, b):\n    return a + b\n", "import os\n", "[1, 2]", "{", "}", "[",
    "]", '{"status": "cannot", "reason": "missing_file"}', '{"key": "x", "no": 1e999}',
    '{"findings": [{"line": "1-2"}]}',
    '[{"line": 1, "file": "calc.py", "severity": "high", "title": "sql"}]', "- line 1: sql (high)\n", "calc.py\n",
    "<<<<<<< SEARCH\n", "    return a - b\n", "=======\n", ">>>>>>> REPLACE\n", "--- a/calc.py\n+++ b/calc.py\n",
    "--- /dev/null\n+++ b/CANNOT.txt\n@@ -0,0 +1 @@\n+missing_file\n",
    "@@\n", "+x\n", "-x\n", " x\n", "\u2014", "\ud800", "\x00", "7 ", "Karlsund ", "\n", "\n\n", "# Title\n",
    "<think>", "</think>",
)  # fmt: skip
ANSWERS = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=14).map("".join)
KIND_NAMES = ("int", "float", "set", "tuple", "dict", "decimal", "fraction", "subclass", "oversize", "undefined", "new")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["$", "v", "of", "exit", "stdout", "stderr", "files", "a"]), inner, max_size=4
        )
        | st.builds(lambda kind, value: {"$": kind, "v": value}, st.sampled_from(KIND_NAMES), inner)
    ),
    max_leaves=8,
)
EACH_END: tuple[CaseStatus, ...] = (
    "returned",
    "raised",
    "timed_out",
    "out_of_memory",
    "crashed",
    "not_loaded",
    "forged",
)
ENDS = st.sampled_from(EACH_END)
ARGUMENTS = st.dictionaries(
    st.sampled_from(["path", "pattern", "old", "new", "first_line", "last_line"]),
    st.sampled_from(["calc.py", "", ".", "return a - b", "a*", "(", 1, 2.0, 10**30, -1, None, []]),
    max_size=4,
).map(to_json)
CALLS = st.lists(
    st.builds(ToolCall, st.none(), st.sampled_from([*TOOL_NAMES, "bash"]), ARGUMENTS | st.text()), max_size=4
)


def test_every_scorer_kind_has_a_valid_task_here() -> None:
    assert set(VARIANTS) == set(KINDS)
    assert {kind: problem_texts(variant.task) for kind, variant in VARIANTS.items()} == {kind: [] for kind in KINDS}


@pytest.mark.parametrize("examples", part_and_whole(12, 60))
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_any_answer_and_any_observation_give_a_valid_score(kind: str, examples: int) -> None:
    settings(max_examples=examples, deadline=None)(given(data=st.data())(_check_score))(kind)


def _check_score(kind: str, data: st.DataObject) -> None:
    def observe(job: Job, name: str, give: Mapping[str, Json]) -> Observation:
        return Observation(name, data.draw(ENDS), data.draw(VALUES), data.draw(st.none() | st.text(max_size=5)))

    variant = VARIANTS[kind]
    replies = [said(data.draw(ANSWERS), *data.draw(CALLS)) for _ in range(data.draw(st.integers(1, 3)))]
    verdict = score(variant, replies, ScriptedSandbox(observe))
    assert 0 <= verdict.fraction <= 1
    assert (verdict.outcome is Outcome.PASSED) == all(check.passed for check in verdict.checks)
    kept = {**as_document("scores", ScoredTrial(TrialKey("m", "t", 0), 0, verdict)), PREVIOUS: "0" * 64}
    assert validate("scores", kept) == []
    assert to_json(kept)


@given(CALLS)
def test_any_call_is_answered_and_no_other_file_changes(calls: list[ToolCall]) -> None:
    for call in calls:
        used = run_call(Workspace(PY, protected=("right.py",)), call)
        changed = {path for path in {*used.files, *PY} if used.files.get(path) != PY.get(path)}
        assert used.text or call.name == "read_file"
        assert changed <= {used.edited_path}
