"""Rows in the form of MultiPL-E: problems in many languages, whose tests call a function with literals.

The published tests are appended to an answer and run as one program with it, which an answer can deceive. Here the
calls and the expected values are read from their text (literals.py) and become cases: nothing that is expected enters
the container. A row whose tests do anything else is left out. This form has no reference: see call_table.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from harness.sets.call_table import STAND_IN, TestCall, table_answers
from harness.sets.literals import Literals
from harness.sets.problem import SetProblem, UnusableError, function_prompt, require_texts
from harness.types import Json

_TEXTS = ("name", "language", "prompt", "tests")


@dataclass(frozen=True, slots=True)
class _TestForm:
    """How tests of a language are written: a check begins, goes on after the call, and ends; `names` has the function.

    `labels` are what rows call the language.
    """

    labels: tuple[str, ...]
    begins: re.Pattern[str]
    after_call: str
    ends: str
    names: re.Pattern[str]


_SCRIPT_NAMES = re.compile(r"let candidate = (\w+);")
_SCRIPT_BEGINS = re.compile(r"assert\.deepEqual\(\s*candidate\(")
_FORMS: Mapping[str, _TestForm] = {
    "javascript": _TestForm(("js", "javascript"), _SCRIPT_BEGINS, ",", ")", _SCRIPT_NAMES),
    "typescript": _TestForm(("ts", "typescript"), _SCRIPT_BEGINS, ",", ")", _SCRIPT_NAMES),
    "rust": _TestForm(("rs", "rust"), re.compile(r"assert_eq!\(\s*candidate\("), ",", ")", _SCRIPT_NAMES),
    "go": _TestForm(
        ("go", "go_test.go"),
        re.compile(r"\{\s*actual:\s*candidate\("),
        ", expected:",
        "}",
        re.compile(r"candidate := (\w+)"),
    ),
}
_UNREAD = re.compile(r"assert\w*(?:!|\.\w+)\s*\(|actual:")
_GO_HEAD = re.compile(r"\Apackage \w+\s*(?:import\s*(?:\([^)]*\)|\"[^\"]*\")\s*)*")


def multipl_e_problem(row: Json, language: str) -> SetProblem:
    """A row in this language. Raises UnusableError."""
    texts = require_texts(row, _TEXTS)
    form = _FORMS[language]
    if texts["language"] not in form.labels:
        raise UnusableError(f"its language is {texts['language']}")
    found = form.names.search(texts["tests"])
    if found is None:
        raise UnusableError("its tests do not say which function they call")
    name, calls = found[1], read_calls(texts["tests"], form)
    prompt = _GO_HEAD.sub("package answer\n\n", texts["prompt"]) if language == "go" else texts["prompt"]
    answers = table_answers(language, name, prompt, calls)
    return SetProblem(
        id=texts["name"],
        title=name,
        language=language,
        prompt=function_prompt(language, name, prompt),
        settings={"kind": "calls", "names": [name], "equality": "equal"},
        cases=[
            {"id": f"call-{at}", "give": {"call": name, "args": list(call.args)}, "expect": {"value": call.result}}
            for at, call in enumerate(calls, 1)
        ],
        reference=answers.reference,
        constant=answers.constant,
        constant_fails=[f"call-{at}" for at, call in enumerate(calls, 1) if call.result_text != answers.usual],
        mutant=answers.mutant,
        stand_in=STAND_IN,
    )


def read_calls(tests: str, form: _TestForm) -> list[TestCall]:
    """The calls of tests with their results. Raises UnusableError where the tests do more than compare them."""
    calls, rest, at = [], "", 0
    while begin := form.begins.search(tests, at):
        rest += tests[at : begin.start()]
        literals = Literals(tests, begin.end())
        args = literals.items(")")
        args_text = tests[begin.end() : literals.at - 1].strip()
        for word in form.after_call.split():
            literals.expect(word)
        start = literals.at
        result = literals.value()
        calls.append(TestCall(args, result, args_text, tests[start : literals.at].strip()))
        literals.expect(form.ends)
        at = literals.at
    rest += tests[at:]
    if not calls or len(re.findall(r"\bcandidate\b", rest)) != 1 or _UNREAD.search(rest):
        raise UnusableError("its tests are more than calls whose result is compared with a literal")
    return calls
