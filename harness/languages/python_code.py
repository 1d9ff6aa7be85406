"""Whether a text is Python, by Python's own parser; nothing of the text is run."""

from __future__ import annotations

import ast
import threading
import warnings

_MAX_PARSED_CHARS = 200_000
_WARNING_FILTERS = threading.Lock()
"""Held while `warnings` changes its filters, which belong to the whole process: many threads score simultaneously."""

_PHRASES = (
    ast.Constant, ast.Name, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp,
    ast.Attribute,
)  # fmt: skip
"""Expressions that prose may happen to be: `Done`, `yes, no`, `a - b`."""


def _parse(code: str) -> ast.Module | None:
    """The syntax tree; None for text that does not parse, or is too large or too deeply nested for the parser."""
    if len(code) > _MAX_PARSED_CHARS:
        return None
    try:
        with _WARNING_FILTERS, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def parses(code: str) -> bool:
    """Whether the code is well formed."""
    return _parse(code) is not None


def is_program(text: str) -> bool:
    """Whether a text parses and has a statement that prose has not."""
    tree = _parse(text)
    return tree is not None and any(_is_code(statement) for statement in tree.body)


def _is_code(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.AnnAssign):
        return statement.value is not None
    return not (isinstance(statement, ast.Expr) and isinstance(statement.value, _PHRASES))
