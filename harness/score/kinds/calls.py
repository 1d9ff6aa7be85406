"""Kind `calls`: the answer's code is loaded once, and functions of it are called and their results compared.

settings (all optional; in task.toml's [scorer], as everywhere below)
    equality  "exact" (default): same types at every depth; "equal": as == says (harness/score/compare.py)
    entry     the file that the code becomes; default answer.py, answer.js, answer.ts, ...
    files     true: the task's files/ are placed beside it; or a list of their names
    names     what the code must define to be found among several blocks; default: the functions that the cases call
    blocks    "one" (default), or "all": all the blocks of the language are one program
cases.json
    give      {"call": "name" or "Class.method", "args": [...], "kwargs": {...}}; args and kwargs are optional
    expect    {"value": json}, {"raises": "TypeName"} (that type or one derived from it), or {"one_of": [json, ...]}
              Values as harness/sandbox/values.py describes: {"$": "tuple", "v": [1, 2]} is a tuple
checks        one for each case, named by its id
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.score.compare import Equality, display, is_equal
from harness.score.execute import display_expected, judge_answer, not_returned
from harness.score.scorer_kind import ScorerKind
from harness.score.validation import (
    ANY,
    BOOLEAN,
    EQUALITY,
    STRING,
    STRINGS,
    case_schema,
    missing_files,
    object_schema,
    one_of_schema,
)
from harness.score.verdict import Judgment
from harness.types import Case, Check, Json, Observation, Reading, Sandbox, Variant

SETTINGS: dict[str, Json] = {
    "equality": EQUALITY,
    "entry": STRING,
    "files": {"anyOf": [BOOLEAN, STRINGS]},
    "names": STRINGS,
    "blocks": {"enum": ["one", "all"]},
}
GIVE = object_schema({"call": STRING, "args": {"type": "array"}, "kwargs": {"type": "object"}}, ["call"])
EXPECT = one_of_schema({"value": ANY, "raises": STRING, "one_of": {"type": "array"}})
CASE = case_schema(GIVE, EXPECT)


def check_names(variant: Variant) -> tuple[str, ...]:
    """The ids of the cases."""
    return tuple(case.id for case in variant.cases)


def _has_raised(name: str, observation: Observation) -> bool:
    base_names = observation.value if isinstance(observation.value, list) else []
    return observation.note == name or name in base_names


def judge_call(case: Case, observation: Observation, equality: Equality) -> Check:
    """The check of one call."""
    expect = case.expect
    if observation.status == "raised":
        passed = "raises" in expect and _has_raised(str(expect["raises"]), observation)
        return Check(case.id, passed, display_expected(case), {"raises": observation.note})
    if observation.status != "returned":
        return not_returned(case, observation)
    values = expect["one_of"] if "one_of" in expect else [expect["value"]] if "value" in expect else []
    passed = any(is_equal(value, observation.value, equality) for value in values)
    return Check(case.id, passed, display_expected(case), display(observation.value))


def score_calls(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """Score the last turn's answer. Raises EngineError."""
    return judge_answer(readings[-1].content, variant, sandbox, driver="calls", judge=judge_call)


KIND = ScorerKind(
    check_names,
    score_calls,
    settings=lambda task: SETTINGS,
    case=lambda task, case: CASE,
    problems=lambda task, cases: missing_files(task, "files"),
    runs_code=True,
)
