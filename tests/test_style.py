"""How the code is written, as far as a program can tell: one meaning a name, positive docstrings, small functions."""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from tests.modules import HOUSE, kit_modules, nodes, tree

ROOT = HOUSE.parent

MAX_FUNCTION_LINES = 40
MAX_BRANCHES = 12
MAX_ARGUMENTS = 5
MAX_FILE_LINES = 400
MIN_MODULE_LINES = 25
SMALL_MODULES = {
    "__init__.py": "the version, which the build reads",
    "__main__.py": "`python -m harness`",
    "languages/packages.py": "one pattern for each registry; sandbox, scorer and mining hold names to it",
    "read/repetition.py": "one rule, by which the recorder stops a turn and `verify` judges that it did",
}
"""Modules under MIN_MODULE_LINES, each with its reason; a package's `__init__` is its interface and may be small."""

NEGATIONS = re.compile(r"\b(?:no|not|never|nothing|nobody|none|neither|nor)\b|n't\b", re.IGNORECASE)
NEGATIVE_START = re.compile(rf"^(?!(?:Where|When|If)\b)(?:\w+\s+)?(?:{NEGATIONS.pattern})", re.IGNORECASE)
"""A sentence that says what is not done, such as `Asks nobody.`; a negation later in it qualifies what is there."""
PARAPHRASES = re.compile(r"^_*(?:MOST|LEAST|LONGEST|SHORTEST|FEWEST|LARGEST)(?:_|$)|(?<!WITH)_AN?_")
BRITISH = re.compile(
    r"\w*(?:behaviour|colour|neighbour|favour|honour|flavour|labelled|cancelled|modelled|licence|judgement|artefact"
    r"|analys(?:e|ed|es|ing)\b|programme\b|grey\b|centre\b"
    r"|(?:summar|recogn|normal|organ|initial|serial|token|quant|real|minim|maxim|optim|general|special|standard"
    r"|categor|author|priorit|random|synchron|util|visual|custom|emphas|final|ideal|local|memor|parametr|penal)"
    r"is(?:e|ed|es|er|ing|ation|ations)\b)\w*",
    re.IGNORECASE,
)
WORD = re.compile(r"\w+")
BRANCHES = (ast.If, ast.IfExp, ast.For, ast.While, ast.ExceptHandler, ast.BoolOp, ast.Assert, ast.comprehension)


def _name(path: Path) -> str:
    return str(path.relative_to(HOUSE))


def branches_of(function: ast.AST) -> int:
    """How many branches a function has; an `and`/`or` counts once for each operand after the first."""
    found = 0
    for node in ast.walk(function):
        if isinstance(node, ast.BoolOp):
            found += len(node.values) - 1
        elif isinstance(node, ast.comprehension):
            found += len(node.ifs)
        elif isinstance(node, BRANCHES):
            found += 1
    return found


def docstring_problem(text: str | None) -> str | None:
    """Why a module docstring does not tell a newcomer what is there; None when it does."""
    if not text or not text.strip():
        return "is missing"
    first, *others = re.split(r"(?<=[.;?!])\s+", text.strip())
    if len(re.findall(r"\w+", first)) < 4:
        return f"begins with too short a sentence: {first!r}"
    if NEGATIVE_START.search(first):
        return f"begins with what the module is not: {first!r}"
    riddles = [sentence for sentence in others if NEGATIONS.search(sentence) and len(re.findall(r"\w+", sentence)) <= 3]
    return f"has a riddle: {riddles[0]!r}" if riddles else None


def test_no_two_public_classes_share_a_name() -> None:
    places = defaultdict(list)
    for path in kit_modules():
        for node in nodes(path)[ast.ClassDef]:
            if not node.name.startswith("_"):
                places[node.name].append(_name(path))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_every_module_docstring_says_what_is_there() -> None:
    problems = {_name(path): docstring_problem(ast.get_docstring(tree(path))) for path in kit_modules()}
    assert {name: problem for name, problem in problems.items() if problem} == {}


@pytest.mark.parametrize(
    "text",
    [None, "", "Asks nobody.", "Does not judge what an answer says.", "Reads SSE events from bytes. Asks nobody."],
)
def test_a_missing_or_negative_docstring_is_a_problem(text: str | None) -> None:
    assert docstring_problem(text) is not None


@pytest.mark.parametrize(
    "text", ["Checks of the trials: none missing, none repeated.", "Where no engine answers, installs one."]
)
def test_a_negation_may_qualify_what_a_module_does(text: str) -> None:
    assert docstring_problem(text) is None


def test_a_docstring_may_end_with_a_limit_that_would_surprise() -> None:
    assert docstring_problem("Parses server-sent events from bytes. It never raises, whatever the bytes are.") is None


def test_constants_are_called_max_and_min_and_per() -> None:
    found = [
        f"{_name(path)}:{node.lineno} {node.id}"
        for path in kit_modules()
        for node in nodes(path)[ast.Name]
        if isinstance(node.ctx, ast.Store) and PARAPHRASES.search(node.id)
    ]
    assert found == []


def test_the_spelling_is_american() -> None:
    paths = [*kit_modules(), *sorted(ROOT.glob("*.md")), *sorted((ROOT / "schemas").glob("*")), *HOUSE.rglob("*.toml")]
    # A word is looked at once, however many files have it.
    is_british = cache(BRITISH.fullmatch)
    found = {
        str(path.relative_to(ROOT)): sorted(filter(is_british, set(WORD.findall(path.read_text("utf-8")))))
        for path in paths
    }
    assert {name: words for name, words in found.items() if words} == {}


def test_functions_are_short_and_have_few_branches_and_arguments() -> None:
    found = []
    for path in kit_modules():
        for function in (*nodes(path)[ast.FunctionDef], *nodes(path)[ast.AsyncFunctionDef]):
            lines = (function.end_lineno or 0) - function.lineno + 1
            arguments = len(function.args.args) + len(function.args.kwonlyargs) - _is_method(function)
            if lines > MAX_FUNCTION_LINES or branches_of(function) > MAX_BRANCHES or arguments > MAX_ARGUMENTS:
                found.append(
                    f"{_name(path)}:{function.name}: {lines} lines, {branches_of(function)} branches, "
                    f"{arguments} arguments"
                )
    assert found == []


def _is_method(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return bool(function.args.args) and function.args.args[0].arg in ("self", "cls")


def test_modules_are_neither_too_long_nor_too_small_to_be_one() -> None:
    lines = {_name(path): path.read_text(encoding="utf-8").count("\n") for path in kit_modules()}
    long = {name: count for name, count in lines.items() if count > MAX_FILE_LINES}
    small = {
        name: count
        for name, count in lines.items()
        if count < MIN_MODULE_LINES and not name.endswith("__init__.py") and name not in SMALL_MODULES
    }
    assert (long, small) == ({}, {})
    assert set(SMALL_MODULES) <= set(lines)
