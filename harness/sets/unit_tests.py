"""Reads unit tests that call functions with literals: the cases that they amount to, without running any code.

`python_cases` reads unittest code, `javascript_cases` Jest code. Tests that do anything else, as build objects or loop,
raise UnusableError. Of an expected exception the type counts; its message is not compared.
"""

from __future__ import annotations

import ast
import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.files import to_json
from harness.sets.literals import Literals, integer, mapping, require_finite
from harness.sets.problem import UnusableError, quoted, unparsed
from harness.types import Json

MAX_LITERAL_NODES = 100_000
_EQUAL = ("assertEqual", "assertIs", "assertMultiLineEqual", "assertListEqual", "assertDictEqual", "assertSetEqual")
_FIXED = {"assertTrue": True, "assertFalse": False, "assertIsNone": None}
_CONST = re.compile(r"const (\w+) = ")
_EXPECT = re.compile(r"expect\(\s*(\() ?\) => |expect\(\s*")
_CALLED = re.compile(r"(\w+)\(")
_IS = re.compile(r"\s*,?\s*\)\s*\.(?:toEqual|toBe|toStrictEqual)\(\s*")
_THROWS = re.compile(
    r"\s*;?\s*\}?\s*,?\s*\)\s*\.toThrow\(\s*(?:new \w*Error\(\s*)?"
    r"(?:\"[^\"\n]*\"|'[^'\n]*'|\w*Error)?\s*,?\s*\)?\s*,?\s*\)?;?"
)
_FRAME = re.compile(
    r"import[^;]*;|(?:describe|x?test|x?it)(?:\.skip)?\(\s*(?:\"[^\"\n]*\"|'(?:[^'\\\n]|\\.)*'|`[^`]*`),\s*\(\) => \{"
    r"|\}\);?|//[^\n]*|/\*.*?\*/|\s+|;",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class UnitCase:
    """What one assertion amounts to: a call, and its result or the exception that it raises."""

    name: str
    call: str
    args: Sequence[Json]
    kwargs: Mapping[str, Json]
    expect: Mapping[str, Json]

    def as_case(self, at: int) -> Json:
        """The case of cases.json, which is the `at`-th of its task."""
        give: dict[str, Json] = {"call": self.call, "args": list(self.args)}
        return {
            "id": f"{at}-{self.name}",
            "give": {**give, **({"kwargs": dict(self.kwargs)} if self.kwargs else {})},
            "expect": dict(self.expect),
        }


def encoded(value: object) -> Json:
    """A Python value as harness/sandbox/values.py describes. Raises UnusableError."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, float):
        return require_finite(value)
    if isinstance(value, int):
        return integer(value)
    if isinstance(value, list):
        return [encoded(item) for item in value]
    if isinstance(value, tuple):
        return {"$": "tuple", "v": [encoded(item) for item in value]}
    if isinstance(value, set):
        # The order of strings in a set is another in each process; that of a task's file is always the same.
        return {"$": "set", "v": sorted((encoded(item) for item in value), key=to_json)}
    if isinstance(value, dict):
        return mapping([[encoded(key), encoded(item)] for key, item in value.items()])
    if isinstance(value, bytes):
        return {"$": "bytes", "v": base64.b64encode(value).decode("ascii")}
    raise UnusableError(f"a test has a value of type {type(value).__name__}")


class _Names(ast.NodeTransformer):
    """Puts the literals that names stand for in their place."""

    def __init__(self, known: Mapping[str, ast.expr]) -> None:
        self.known = known

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.known.get(node.id, node)


def _with_literals(node: ast.expr, known: Mapping[str, ast.expr]) -> ast.expr:
    """An expression with the literals that its names stand for. Raises UnusableError."""
    try:
        found: ast.expr = _Names(known).visit(node)
    except RecursionError as error:
        raise UnusableError("its tests are nested too deeply") from error
    # Forty names, each a list of the one before twice, would be a value of a million million items.
    if any(count == MAX_LITERAL_NODES for count, _ in enumerate(ast.walk(found))):
        raise UnusableError(f"a test has a value of over {MAX_LITERAL_NODES} parts")
    return found


def _literal(node: ast.expr, known: Mapping[str, ast.expr]) -> Json:
    try:
        return encoded(ast.literal_eval(_with_literals(node, known)))
    except UnusableError:
        raise
    except (ValueError, TypeError, SyntaxError, RecursionError) as error:
        raise UnusableError(f"a test has {quoted(node)}, which is no literal") from error


def python_cases(tests: str) -> list[UnitCase]:
    """The cases of the methods of a file of unittest. Raises UnusableError."""
    try:
        module = ast.parse(tests)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UnusableError(f"its tests are not Python: {error}") from error
    known: dict[str, ast.expr] = {}
    found: list[UnitCase] = []
    for node in module.body:
        if isinstance(node, ast.Assign):
            _assign(node, known)
        elif isinstance(node, ast.ClassDef):
            for method in node.body:
                found += _method_cases(method, known)
        elif not isinstance(node, ast.Import | ast.ImportFrom | ast.If):
            raise UnusableError(f"its tests have {quoted(node)}")
    if not found:
        raise UnusableError("its tests call nothing")
    return found


def _assign(node: ast.Assign, known: dict[str, ast.expr]) -> None:
    target = node.targets[0]
    if len(node.targets) != 1 or not isinstance(target, ast.Name):
        raise UnusableError(f"its tests have {quoted(node)}")
    value = _with_literals(node.value, known)
    _literal(value, known)
    known[target.id] = value


def _method_cases(method: ast.stmt, known: Mapping[str, ast.expr]) -> Iterator[UnitCase]:
    if not isinstance(method, ast.FunctionDef) or not method.name.startswith("test"):
        raise UnusableError(f"its tests have more than test methods: {quoted(method)}")
    local, name, errors = dict(known), method.name.removeprefix("test_").replace("_", "-").lower(), set[str]()
    for statement in method.body:
        if isinstance(statement, ast.Assign):
            _assign(statement, local)
        elif isinstance(statement, ast.With):
            yield _raising_case(name, statement, local)
            variable = statement.items[0].optional_vars
            errors |= {variable.id} if isinstance(variable, ast.Name) else set()
        elif not _is_about(statement, errors) and not _is_text(statement):
            yield _equal_case(name, statement, local)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_about(statement: ast.stmt, errors: set[str]) -> bool:
    """Whether an assertion looks at an exception that was caught before: at its type and its message."""
    return any(isinstance(node, ast.Name) and node.id in errors for node in ast.walk(statement))


def _raising_case(name: str, statement: ast.With, known: Mapping[str, ast.expr]) -> UnitCase:
    caught, body = statement.items[0].context_expr, statement.body[0]
    if (
        not isinstance(caught, ast.Call)
        or unparsed(caught.func, "tests") not in ("self.assertRaises", "self.assertRaisesRegex")
        or not caught.args
        or not isinstance(caught.args[0], ast.Name)
        or len(statement.items) + len(statement.body) != 2
        or not isinstance(body, ast.Expr)
    ):
        raise UnusableError(f"its tests have {quoted(statement)}")
    return _call_case(name, body.value, known, {"raises": caught.args[0].id})


def _equal_case(name: str, statement: ast.stmt, known: Mapping[str, ast.expr]) -> UnitCase:
    call = statement.value if isinstance(statement, ast.Expr) else None
    method = call.func.attr if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) else ""
    if isinstance(call, ast.Call) and method in _FIXED and call.args:
        return _call_case(name, call.args[0], known, {"value": _FIXED[method]})
    if not isinstance(call, ast.Call) or method not in _EQUAL or len(call.args) < 2:
        raise UnusableError(f"its tests have {quoted(statement)}")
    got, expected = call.args[:2]
    if not isinstance(got, ast.Call):
        got, expected = expected, got
    return _call_case(name, got, known, {"value": _literal(expected, known)})


def _call_case(name: str, call: ast.expr, known: Mapping[str, ast.expr], expect: Mapping[str, Json]) -> UnitCase:
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise UnusableError(f"its tests compare {quoted(call)}, which is no call of a function")
    kwargs: dict[str, Json] = {}
    for keyword in call.keywords:
        if keyword.arg is None:
            raise UnusableError(f"its tests call {quoted(call)}, whose arguments have no names")
        kwargs[keyword.arg] = _literal(keyword.value, known)
    return UnitCase(name, call.func.id, [_literal(arg, known) for arg in call.args], kwargs, expect)


def javascript_cases(tests: str) -> list[UnitCase]:
    """The cases of a file of Jest, whose tests are all taken, skipped ones too. Raises UnusableError."""
    literals, found, rest = Literals(tests), list[UnitCase](), ""
    while literals.at < len(tests):
        if const := literals.take(_CONST):
            literals.names[const[1]] = literals.value()
        elif opened := literals.take(_EXPECT):
            found.append(_expectation(literals, is_arrow=opened[1] is not None))
        elif frame := _FRAME.match(tests, literals.at):
            literals.at = frame.end()
        else:
            rest = tests[literals.at :].strip()
            break
    if rest or not found:
        raise UnusableError(f"its tests have {rest[:40]!r}")
    return found


def _expectation(literals: Literals, *, is_arrow: bool) -> UnitCase:
    """The case of an `expect(` that was read."""
    if is_arrow:
        literals.mark("{")
    called = literals.take(_CALLED)
    if called is None:
        raise UnusableError(f"its tests expect {literals.text[literals.at :][:40]!r}, which is no call of a function")
    args = literals.items(")")
    if is_arrow:
        if literals.take(_THROWS) is None:
            raise UnusableError(f"its tests have {literals.text[literals.at :][:40]!r}")
        return UnitCase("throws", called[1], args, {}, {"raises": "Error"})
    if literals.take(_IS) is None:
        raise UnusableError(f"its tests have {literals.text[literals.at :][:40]!r}")
    (value,) = literals.items(")")[:1] or [None]
    return UnitCase("is", called[1], args, {}, {"value": value})
