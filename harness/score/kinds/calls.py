"""Kind `calls`: the answer's code is loaded once, and functions of it are called and their results compared.

settings (all optional; in task.toml's [scorer], as everywhere below)
    equality  "exact" (default): same types at every depth; "equal": as == says (harness/score/compare.py)
    entry     the file that the code becomes; default answer.py, answer.js, answer.ts, ...
    files     true: the task's files/ are placed beside it; or a list of their names
    names     what the code must define to be found among several blocks; default: the functions that the cases call
    blocks    "one" (default), or "all": all the blocks of the language are one program
    types     true: the compiler checks the types (harness/score/type_check.py); in TypeScript only
cases.json
    give      {"call": "name" or "Class.method"}, and optionally
        args          the positional arguments: a function of another number of parameters does not take them, except in
                      JavaScript and TypeScript, where any function takes any number
        kwargs        {name: value}, in Python only: the names of the parameters can be demanded. Callers in the other
                      languages cannot name arguments: there a case demands their order and, where compiled, their types
        report_args   true: the arguments are reported as they are after the call; not in Bash and SQL
        report_output  true: what the call prints is reported; in Python only
    expect    one of the first three, args_after, output, or several of these
        value         what the call returns
        one_of        a list of values of which it returns one
        raises        the name of the exception's type, or of a base of it (below)
        args_after    the list of the positional arguments after the call, with report_args: as given where the call
                      must leave them as they were. In Rust only what the function takes by `&mut` can change
        output        what the call writes to standard output and error, with report_output: "" where it prints nothing
              Values as harness/sandbox/values.py describes: {"$": "tuple", "v": [1, 2]} is a tuple
checks        one for each case, named by its id, and `types`

The name of an exception that the language has (ValueError, RangeError) stands for the language's own type: a class of
the answer with that name is another one. Go has "error" (a last result that is no nil `error`) and "panic", Rust "Err"
and "panic", Bash "exit 3" (the function's status). A call that no function takes, because there is none of that name or
it has other parameters, raises nothing: its case is `not_callable`, whatever it expects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.errors import Problem
from harness.languages import LANGUAGES
from harness.score.compare import Equality, display, is_equal
from harness.score.execute import check_names, display_expected, judge_answer, not_returned
from harness.score.scorer_kind import ScorerKind
from harness.score.type_check import type_problems
from harness.score.validation import (
    ANY,
    BOOLEAN,
    EQUALITY,
    STRING,
    STRINGS,
    case_schema,
    missing_files,
    object_schema,
)
from harness.score.verdict import Judgment
from harness.types import Case, Check, Json, Observation, Reading, Sandbox, Task, Variant

SETTINGS: dict[str, Json] = {
    "equality": EQUALITY,
    "entry": STRING,
    "files": {"anyOf": [BOOLEAN, STRINGS]},
    "names": STRINGS,
    "blocks": {"enum": ["one", "all"]},
    "types": BOOLEAN,
}
_END: dict[str, Json] = {"value": ANY, "raises": STRING, "one_of": {"type": "array"}}
"""How a call ends: a case expects one of these at most."""
_REPORTED: dict[str, tuple[str, Json]] = {
    "args_after": ("report_args", {"type": "array"}),
    "output": ("report_output", {"type": "string"}),
}
"""What a case may expect besides, with the field of `give` that asks for it."""
_EXPECT: Json = {
    **object_schema({**_END, **{field: schema for field, (_, schema) in _REPORTED.items()}}),
    "minProperties": 1,
    "if": {"required": list(_REPORTED)},
    "then": {"maxProperties": 3},
    "else": {
        "if": {"anyOf": [{"required": [field]} for field in _REPORTED]},
        "then": {"maxProperties": 2},
        "else": {"maxProperties": 1},
    },
}


def case_schema_of(task: Task, **fields: Json) -> Json:
    """The schema of a case in the task's language; `fields` are required in `give` besides its own."""
    language = LANGUAGES.get(task.language or "")
    kwargs: Json = {"type": "object"}
    if language is not None and not language.runtime.takes_kwargs:
        kwargs["maxProperties"] = 0
    give: dict[str, Json] = {"call": STRING, "args": {"type": "array"}, "kwargs": kwargs, **fields}
    if language is None or language.runtime.reports_args:
        give["report_args"] = {"const": True}
    if language is None or language.runtime.reports_output:
        give["report_output"] = {"const": True}
    case = case_schema(object_schema(give, ["call", *fields]), _EXPECT)
    return {
        **case,
        "allOf": [
            rule
            for field, (asked, _) in _REPORTED.items()
            for rule in (_requires("expect", field, "give", asked), _requires("give", asked, "expect", field))
        ],
    }


def _requires(part: str, field: str, other_part: str, other_field: str) -> Json:
    """A field in one part of a case requires one in the other part."""
    return {
        "if": {"properties": {part: {"required": [field]}}},
        "then": {"properties": {other_part: {"required": [other_field]}}},
    }


def _has_raised(name: str, observation: Observation) -> bool:
    base_names = observation.value if isinstance(observation.value, list) else []
    return observation.note == name or name in base_names


def _has_returned(expect: Mapping[str, Json], observation: Observation, equality: Equality) -> bool:
    if "one_of" in expect:
        return any(is_equal(value, observation.value, equality) for value in expect["one_of"])
    if "value" in expect:
        return is_equal(expect["value"], observation.value, equality)
    # A case that expects no more than its arguments after the call leaves the value open.
    return "raises" not in expect


def judge_call(case: Case, observation: Observation, equality: Equality) -> Check:
    """The check of one call."""
    expect = case.expect
    if observation.status == "raised":
        passed = "raises" in expect and _has_raised(str(expect["raises"]), observation)
        observed: Json = {"raises": observation.note}
    elif observation.status == "returned":
        passed = _has_returned(expect, observation, equality)
        observed = observation.value
    else:
        return not_returned(case, observation)
    if reported := {field: getattr(observation, field) for field in _REPORTED if field in expect}:
        passed = passed and all(is_equal(expect[field], seen, equality) for field, seen in reported.items())
        end = observed if observation.status == "raised" else {"value": observed}
        observed = {**end, **reported}
    return Check(case.id, passed, display_expected(case), display(observed))


def score_calls(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """Score the last turn's answer. Raises EngineError."""
    return judge_answer(readings[-1].content, variant, sandbox, {"calls": judge_call})


def problems(task: Task, cases: Sequence[Case]) -> Iterator[Problem]:
    """The problems of files that do not exist, and of a check of types that is not there."""
    yield from missing_files(task, "files")
    yield from type_problems(task, cases)


KIND = ScorerKind(
    check_names,
    score_calls,
    settings=lambda task: SETTINGS,
    case=lambda task, case: case_schema_of(task),
    problems=problems,
    runs_code=True,
)
