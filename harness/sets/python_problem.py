"""Problems in Python whose tests stay outside: rows of HumanEval, and rows in EvalPlus' form.

`human_eval_problem` reads a row of HumanEval, whose oracle is test code; `eval_plus_problem` one in the form of
EvalPlus, whose oracle is a reference and inputs. Code is parsed here and never run.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Mapping

from harness.files import to_json
from harness.sets.eval_plus import TEST_NAME, EvalPlusRules, test_code
from harness.sets.problem import SetProblem, UnusableError, function_prompt, require_texts, unparsed
from harness.types import Json

MAX_TEST_BYTES = 4 << 20
_TEXTS = ("task_id", "prompt", "entry_point", "canonical_solution")
_CONSTANTS = {"bool": "True", "int": "0", "float": "0.0", "str": "''", "List": "[]", "list": "[]"}
_NAMED_CHECK = """
check_candidate = check


def check(candidate):
    global {entry}
    {entry} = candidate
    check_candidate(candidate)
"""
# Some tests call the function by its name instead of `candidate`.


def _texts(row: Json) -> dict[str, str]:
    texts = require_texts(row, _TEXTS)
    if not texts["entry_point"].isidentifier():
        raise UnusableError("its entry point is not the name of a function")
    return texts


def _parse(code: str, what: str) -> ast.Module:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UnusableError(f"its {what} is not Python: {error}") from error


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _without_docstrings(module: ast.Module) -> str:
    """The module's code without strings that stand alone: examples in them would be mutated, which changes nothing."""
    for node in ast.walk(module):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
            kept = [part for part in node.body if not _is_text(part)]
            node.body = kept if kept or isinstance(node, ast.Module) else [ast.Pass()]
    return unparsed(module, "code")


def _without_result(code: str) -> str:
    """The code with `return None` in the place of its last `return`: a mutant of any function."""
    module = ast.parse(code)
    returns = [node for node in ast.walk(module) if isinstance(node, ast.Return)]
    if returns:
        max(returns, key=lambda node: node.lineno).value = ast.Constant(None)
    return unparsed(module, "code")


def _preamble(prompt: str, entry_point: str) -> str:
    module = _parse(prompt, "prompt")
    kept = [node for node in module.body if not (isinstance(node, ast.FunctionDef) and node.name == entry_point)]
    return _without_docstrings(ast.Module(kept, []))


def human_eval_problem(row: Json) -> SetProblem:
    """A row of HumanEval. Raises UnusableError."""
    texts = _texts(row)
    if not texts.get("test", "").strip():
        raise UnusableError("it has no test")
    _parse(texts["test"], "test")
    preamble = _preamble(texts["prompt"], texts["entry_point"])
    tests = f"{preamble}\n\n{texts['test']}\n" + _NAMED_CHECK.format(entry=texts["entry_point"])
    return _problem(texts, preamble, _reference(texts), tests, "check")


def eval_plus_problem(row: Json, inputs: tuple[str, ...], rules: EvalPlusRules) -> SetProblem:
    """A row in EvalPlus' form with these of its lists of inputs. Raises UnusableError."""
    texts = _texts(row)
    reference = _reference(texts)
    preamble = _preamble(texts["prompt"], texts["entry_point"])
    tests = test_code(rules, texts, reference, _inputs(row, inputs), _tolerance(row))
    if len(tests.encode("utf-8", "surrogatepass")) > MAX_TEST_BYTES:
        raise UnusableError(f"its inputs are over {MAX_TEST_BYTES >> 20} MiB")
    return _problem(texts, preamble, reference, tests, TEST_NAME)


def _reference(texts: Mapping[str, str]) -> str:
    return _without_docstrings(_parse(texts["prompt"] + texts["canonical_solution"], "reference"))


def _problem(texts: Mapping[str, str], preamble: str, reference: str, tests: str, test_name: str) -> SetProblem:
    """A problem whose `tests` define this function; the preamble is the code of the prompt before its function."""
    name = texts["entry_point"]
    files = {"tests.py": tests, **({"preamble.py": preamble} if preamble else {})}
    settings: dict[str, Json] = {"kind": "outside_tests", "tests": "tests.py", "names": [name]}
    case = {"id": "tests", "give": {"call": test_name, "candidate": name}, "expect": {"passes": True}}
    return SetProblem(
        id=texts["task_id"],
        title=name,
        language="python",
        prompt=function_prompt("python", name, texts["prompt"]),
        settings={**settings, **({"preamble": "preamble.py"} if preamble else {})},
        cases=[case],
        reference=reference,
        constant=_constant(name, texts["prompt"]),
        mutant=_without_result(reference),
        files=files,
    )


def _constant(name: str, prompt: str) -> str:
    """A function that returns the same value whatever it is given, of the type that the prompt states."""
    stated = re.search(rf"def {name}\(.*?->\s*(\w+)", prompt, re.DOTALL)
    value = _CONSTANTS.get(stated[1] if stated else "bool", "None")
    return f"def {name}(*args, **kwargs):\n    return {value}"


def _inputs(row: Mapping[str, Json], names: tuple[str, ...]) -> str:
    lists = [found for name in names if isinstance(found := row.get(name), list)]
    given = [item for found in lists for item in found]
    if not given or not all(isinstance(item, list) for item in given):
        raise UnusableError(f"it has no inputs in {' and '.join(names)}")
    try:
        return to_json(given)
    except ValueError as error:
        raise UnusableError("its inputs have a number that is too large") from error


def _tolerance(row: Mapping[str, Json]) -> float:
    """How far two floats may differ: as the row says, else by what rounding does. Raises UnusableError."""
    stated = row.get("atol")
    if not isinstance(stated, int | float) or not stated > 0:
        return 1e-6
    if stated > sys.float_info.max:
        raise UnusableError("its atol is too large")
    return float(stated)
