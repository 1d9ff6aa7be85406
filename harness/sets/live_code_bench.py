"""Rows in LiveCodeBench's form: contest problems whose cases are data, as programs and as functions.

A case gives standard input or, of a function, the arguments as JSON, one a line. The private cases may be packed, as
base64 of zlib of a pickle of one string, which is read and never run. This form has no reference: a program or a
function that knows the tests' results stands in.
"""

from __future__ import annotations

import ast
import base64
import binascii
import builtins
import json
import pickletools
import typing
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.files import from_json
from harness.sets.call_table import STAND_IN
from harness.sets.problem import MAX_QUOTED_CHARS, SetProblem, UnusableError, require_texts, unparsed
from harness.types import Json

MAX_CASES_BYTES = 4 << 20
_TEXTS = ("question_id", "question_title", "question_content", "public_test_cases")
_STRING_OPCODES = frozenset(("BINUNICODE", "BINUNICODE8", "SHORT_BINUNICODE", "UNICODE"))
_FRAME_OPCODES = frozenset(("PROTO", "FRAME", "MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT", "STOP"))
"""What stands around the one string in a pickle of it."""
_WHOLE = "Answer with {} in one code block, and with nothing else."


@dataclass(frozen=True, slots=True)
class _Contest:
    """The inputs and outputs of a problem; `function` is the header of the function that is asked for, if one is."""

    cases: Sequence[tuple[Json, Json]]
    function: ast.FunctionDef | None


def live_code_bench_problem(row: Json) -> SetProblem:
    """A row, its public and private cases. Raises UnusableError."""
    if not isinstance(row, dict):
        raise UnusableError("its row is not a JSON object")
    private = row.get("private_test_cases")
    texts = require_texts({**row, "question_content": _clean(row.get("question_content"))}, _TEXTS)
    raw = _cases(texts["public_test_cases"]) + (_cases(private) if isinstance(private, str) and private else [])
    kinds = {str(case.get("testtype")) for case in raw}
    if kinds == {"functional"}:
        contest = _Contest([_arguments(case) for case in raw], _function(row))
    elif kinds == {"stdin"}:
        contest = _Contest([(case["input"], case["output"]) for case in raw], None)
    else:
        raise UnusableError(f"its cases are {', '.join(sorted(kinds)) or 'none'}")
    return _problem(texts, contest)


def _clean(text: Json) -> Json:
    return text.replace("\r\n", "\n") if isinstance(text, str) else text


def _cases(text: str) -> list[dict[str, Json]]:
    if len(text) > 2 * MAX_CASES_BYTES:
        raise UnusableError(f"its cases are over {MAX_CASES_BYTES >> 20} MiB")
    try:
        cases = from_json(text if text.lstrip().startswith("[") else _unpacked(text))
    except UnusableError:
        raise
    except (ValueError, binascii.Error, zlib.error) as error:
        raise UnusableError(f"its cases cannot be read: {error}") from error
    is_read = isinstance(cases, list) and all(
        isinstance(case, dict) and isinstance(case.get("input"), str) and isinstance(case.get("output"), str)
        for case in cases
    )
    if not is_read:
        raise UnusableError("its cases are no list of inputs and outputs")
    return list(cases)


def _unpacked(text: str) -> str:
    unpacker = zlib.decompressobj()
    data = unpacker.decompress(base64.b64decode(text, validate=True), MAX_CASES_BYTES)
    if unpacker.unconsumed_tail:
        raise UnusableError(f"its cases are over {MAX_CASES_BYTES >> 20} MiB")
    return _pickled_string(data)


def _pickled_string(data: bytes) -> str:
    """The string of a pickle that has nothing else. Raises UnusableError, ValueError.

    The published files hold a pickle, which is a program: its opcodes are listed here, and none is run.
    """
    strings: list[str] = []
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name in _STRING_OPCODES:
            strings.append(str(argument))
        elif opcode.name not in _FRAME_OPCODES:
            raise UnusableError(f"its private cases are no string: their pickle has {opcode.name}")
    if len(strings) != 1:
        raise UnusableError(f"its private cases are no string: their pickle has {len(strings)}")
    return strings[0]


def _arguments(case: Mapping[str, Json]) -> tuple[Json, Json]:
    try:
        return [from_json(line) for line in case["input"].split("\n") if line.strip()], from_json(case["output"])
    except ValueError as error:
        raise UnusableError(f"a case is not JSON: {error}") from error


def _function(row: Mapping[str, Json]) -> ast.FunctionDef:
    """The method of the starter code's class as a function. Raises UnusableError."""
    try:
        module = ast.parse(str(row.get("starter_code", "")).rstrip() + "\n        pass\n")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UnusableError(f"its starter code is not Python: {error}") from error
    methods = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
    if len(methods) != 1 or not methods[0].args.args:
        raise UnusableError("its starter code is not one method of a class")
    methods[0].args.args.pop(0)
    return methods[0]


def _problem(texts: Mapping[str, str], contest: _Contest) -> SetProblem:
    function = contest.function
    results = Counter(json.dumps(output) for _, output in contest.cases)
    usual = json.loads(results.most_common(1)[0][0])
    others = [at for at, (_, output) in enumerate(contest.cases) if output != usual]
    if not others:
        raise UnusableError("its cases expect the same result of each input")
    kept = [pair for at, pair in enumerate(contest.cases) if at != others[-1]]
    write = _program if function is None else _function_code(function)
    return SetProblem(
        id=texts["question_id"],
        title=texts["question_title"],
        language="python",
        prompt=f"{texts['question_content'].strip()}\n\n{_task(function)}\n",
        settings={"kind": "program"} if function is None else {"kind": "calls", "equality": "equal"},
        cases=[_case(at, pair, function) for at, pair in enumerate(contest.cases)],
        reference=write(contest.cases, None),
        constant=write([], usual),
        constant_fails=[f"case-{at}" for at in others],
        mutant=write(kept, usual),
        stand_in=STAND_IN,
    )


def _task(function: ast.FunctionDef | None) -> str:
    if function is None:
        whole = _WHOLE.format("the whole program")
        return f"Write a Python program that reads standard input and writes standard output. {whole}"
    function.body = [ast.Pass()]
    code = _imports(function) + unparsed(function, "starter code").removesuffix("pass").rstrip()
    whole = _WHOLE.format("the whole function and its imports")
    return f"Write this Python function, outside of any class. {whole}\n\n```python\n{code}\n```"


def _imports(function: ast.FunctionDef) -> str:
    """The import that a header needs: answers repeat it as it stands. Raises UnusableError for names that it lacks."""
    names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)} - set(dir(builtins))
    unknown = sorted(names - set(typing.__all__))
    if unknown:
        raise UnusableError(f"its starter code has the name {unknown[0][:MAX_QUOTED_CHARS]!r}, which nothing defines")
    return f"from typing import {', '.join(sorted(names))}\n\n\n" if names else ""


def _case(at: int, pair: tuple[Json, Json], function: ast.FunctionDef | None) -> Json:
    given, output = pair
    if function is None:
        return {"id": f"case-{at}", "give": {"stdin": given}, "expect": {"stdout_lines": output}}
    return {"id": f"case-{at}", "give": {"call": function.name, "args": given}, "expect": {"value": output}}


def _program(cases: Sequence[tuple[Json, Json]], default: Json) -> str:
    """A program that knows the output of each input."""
    table = "".join(f"    {given!r}: {output!r},\n" for given, output in cases)
    return f"import sys\n\ntable = {{\n{table}}}\nprint(table.get(sys.stdin.read(), {default!r}))"


def _function_code(function: ast.FunctionDef) -> Callable[[Sequence[tuple[Json, Json]], Json], str]:
    """Writes a function that knows the result of each call."""

    def write(cases: Sequence[tuple[Json, Json]], default: Json) -> str:
        table = "".join(f"    ({given!r}, {output!r}),\n" for given, output in cases)
        search = f"    return next((result for args, result in table if args == list(given)), {default!r})"
        return f"table = [\n{table}]\n\n\ndef {function.name}(*given):\n{search}"

    return write
