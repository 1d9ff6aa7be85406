"""A function that knows the right result of each call, from the text of tests: what stands in for a missing reference.

It proves that the cases of a task can be passed: that the values which were read from the tests are those that the
language makes of them. `table_answer` writes it; without calls it is an answer that always gives the same value.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.sets.problem import UnusableError
from harness.types import Json

STAND_IN = "the results of the tests' calls in a table: the set has none"


@dataclass(frozen=True, slots=True)
class TestCall:
    """One call of a test with its result: both as values, and as the texts of their literals."""

    __test__ = False
    args: Sequence[Json]
    result: Json
    args_text: str
    result_text: str


@dataclass(frozen=True, slots=True)
class TableAnswers:
    """The table of all calls, an answer that always gives the usual result, and a table that lacks a call."""

    reference: str
    constant: str
    mutant: str
    usual: str


def table_answers(language: str, name: str, prompt: str, calls: Sequence[TestCall]) -> TableAnswers:
    """The answers in a language; the prompt has the function's signature. Raises UnusableError."""
    write = _WRITERS[language]
    usual = Counter(call.result_text for call in calls).most_common(1)[0][0]
    others = [call for call in calls if call.result_text != usual]
    if not others:
        raise UnusableError("its tests expect the same result of each call")
    kept = [call for call in calls if call is not others[-1]]
    return TableAnswers(
        reference=write(name, prompt, calls, None),
        constant=write(name, prompt, [], usual),
        mutant=write(name, prompt, kept, usual),
        usual=usual,
    )


def _javascript(name: str, prompt: str, calls: Sequence[TestCall], default: str | None) -> str:
    return _script(f"function {name}(...given) {{", "const table = [", calls, default)


def _typescript(name: str, prompt: str, calls: Sequence[TestCall], default: str | None) -> str:
    return _script(f"function {name}(...given: any[]): any {{", "const table: any[] = [", calls, default)


def _script(head: str, table: str, calls: Sequence[TestCall], default: str | None) -> str:
    rows = [f"    [[{call.args_text}], {call.result_text}]," for call in calls]
    end = 'throw new Error("no such call");' if default is None else f"return {default};"
    search = (
        "  for (const [args, result] of table) {\n"
        "    if (JSON.stringify(args) === JSON.stringify(given)) return result;\n  }"
    )
    return "\n".join([head, f"  {table}", *rows, "  ];", search, f"  {end}", "}"])


def _go(name: str, prompt: str, calls: Sequence[TestCall], default: str | None) -> str:
    parameters, result = _signature(f"func {name}(", prompt)
    given = ", ".join(_names(parameters, " "))
    tests = [
        f'\tif given == fmt.Sprintf("%v", []any{{{call.args_text}}}) {{\n\t\treturn {call.result_text}\n\t}}'
        for call in calls
    ]
    end = 'panic("no such call: " + given)' if default is None else f"_ = given\n\treturn {default}"
    head = f'package answer\n\nimport "fmt"\n\nfunc {name}({parameters}) {result} {{'
    return "\n".join([head, f'\tgiven := fmt.Sprintf("%v", []any{{{given}}})', *tests, f"\t{end}", "}"])


def _rust(name: str, prompt: str, calls: Sequence[TestCall], default: str | None) -> str:
    parameters, result = _signature(f"fn {name}(", prompt)
    given = "".join(f"{parameter}.clone(), " for parameter in _names(parameters, ":"))
    tests = [f"    if given == ({call.args_text},) {{\n        return {call.result_text};\n    }}" for call in calls]
    uses = [line for line in prompt.split("\n") if line.startswith("use ")]
    end = 'panic!("no such call")' if default is None else default
    given_line = [f"    let given = ({given});"] if calls else []
    return "\n".join([*uses, f"fn {name}({parameters}) {result} {{", *given_line, *tests, f"    {end}", "}"])


def _signature(begin: str, prompt: str) -> tuple[str, str]:
    """The parameters of a function, and what stands between them and its body. Raises UnusableError."""
    start = prompt.rfind(begin) + len(begin)
    depth, at = 1, start
    while depth and at < len(prompt):
        depth += {"(": 1, ")": -1}.get(prompt[at], 0)
        at += 1
    result, brace, rest = prompt[at:].rpartition("{")
    if start < len(begin) or depth or not brace or rest.strip():
        raise UnusableError("its prompt does not end with the signature of its function")
    return prompt[start : at - 1], result.strip()


def _names(text: str, separator: str) -> list[str]:
    """The names of parameters: what stands before the separator, after each comma outside of brackets."""
    flat, before = text, ""
    while flat != before:
        flat, before = re.sub(r"[(<\[{][^()<>\[\]{}]*[)>\]}]", "", flat), flat
    parts = [part.strip().removeprefix("mut ") for part in flat.split(",") if part.strip()]
    return [part.partition(separator)[0].strip() for part in parts]


_WRITERS: Mapping[str, Callable[[str, str, Sequence[TestCall], str | None], str]] = {
    "go": _go,
    "javascript": _javascript,
    "rust": _rust,
    "typescript": _typescript,
}
