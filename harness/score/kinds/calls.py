"""Kind `calls`: the answer is imported once, a function called for each case, what it returns compared.

settings (all optional; of task.toml's [scorer], as everywhere below)
    equality  "exact" (default): same types all the way down; "equal": what == says
    entry     the file that the answer becomes; default answer.py, answer.js, answer.ts, ...
    files     true: the task's files/ stand beside it; or a list of their names
    names     what the code must define to be found among several blocks; default: the functions that the cases call
    blocks    "one" (default), or "all": all the blocks of the language are one program
cases.json
    give      {"call": "name" or "Class.method", "args": [...], "kwargs": {...}}; args and kwargs may be left out
    expect    {"value": json}, {"raises": "TypeName"} (that type or one derived from it), or {"one_of": [json, ...]}
              Values as harness/sandbox/values.py describes: {"$": "tuple", "v": [1, 2]} is a tuple
checks        one a case, named by its id
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.score.compare import Equality, same, short
from harness.score.execute import expected_of, judge_answer, unreturned
from harness.score.settings import Demands
from harness.score.verdict import Judgment
from harness.types import Case, Check, Observation, Reading, Sandbox, Task, Variant

SETTINGS = ("equality", "entry", "files", "names", "blocks")


def check_names(variant: Variant) -> tuple[str, ...]:
    """The checks' names."""
    return tuple(case.id for case in variant.cases)


def _is_raised(name: str, seen: Observation) -> bool:
    bases = seen.value if isinstance(seen.value, list) else []
    return seen.note == name or name in bases


def judge_call(case: Case, seen: Observation, how: Equality) -> Check:
    """The check of one call."""
    wanted = case.expect
    if seen.ended == "raised":
        passed = "raises" in wanted and _is_raised(str(wanted["raises"]), seen)
        return Check(case.id, passed, expected_of(case), {"raises": seen.note})
    if seen.ended != "returned":
        return unreturned(case, seen)
    values = wanted["one_of"] if "one_of" in wanted else [wanted["value"]] if "value" in wanted else []
    passed = any(same(value, seen.value, how) for value in values)
    return Check(case.id, passed, expected_of(case), short(seen.value))


def score_calls(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """Score the last turn's answer. Raises EngineError."""
    return judge_answer(readings[-1].content, variant, sandbox, driver="calls", judge=judge_call)


def demand_calls(demands: Demands, cases: Sequence[Case]) -> None:
    """Note what is wrong with the cases."""
    for case in cases:
        at = demands.case(case)
        at.only(case.give, ("call", "args", "kwargs"), "give")
        at.of_type(case.give, "call", str, "give", needed=True)
        at.of_type(case.give, "args", list, "give")
        at.of_type(case.give, "kwargs", dict, "give")
        at.one_of(case.expect, ("value", "raises", "one_of"))


def problems(task: Task, cases: Sequence[Case]) -> list[str]:
    """What is wrong with a task of this kind."""
    demands = Demands(task)
    demands.code(SETTINGS)
    demands.some(cases)
    demand_calls(demands, cases)
    return demands.found
