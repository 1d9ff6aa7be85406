"""What a text is and binds as Python, by Python's own parser; nothing of the text is run."""

from __future__ import annotations

import ast
import builtins
import threading
import warnings
from collections.abc import Iterator

_MAX_PARSED_CHARS = 200_000
_WARNING_FILTERS = threading.Lock()
"""Held while `warnings` changes its filters, which belong to the whole process: many threads score simultaneously."""

_PHRASES = (
    ast.Constant, ast.Name, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp,
    ast.Attribute,
)  # fmt: skip
"""Expressions that prose may happen to be: `Done`, `yes, no`, `a - b`."""
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SCOPES = (*_DEFINITIONS, ast.Lambda)
"""What has names of its own, apart from those that it declares `global`."""
_MODULE_NAMES = frozenset(("__name__", "__file__", "__doc__"))


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


def names_of(code: str) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """(defined, imported, missing): the names that a module defines for others, imports, and uses without having them.

    All are empty for code that does not parse.
    """
    tree = _parse(code)
    if tree is None:
        return frozenset(), frozenset(), frozenset()
    defined = frozenset(name for statement in tree.body for name in _definitions(statement))
    nodes = list(ast.walk(tree))
    imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    imported = frozenset((alias.asname or alias.name).split(".")[0] for node in imports for alias in node.names)
    names = [node for node in nodes if isinstance(node, ast.Name)]
    used = frozenset(node.id for node in names if isinstance(node.ctx, ast.Load))
    bound = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    bound |= {node.name for node in nodes if isinstance(node, ast.ExceptHandler) and node.name}
    bound |= {node.name for node in nodes if isinstance(node, _DEFINITIONS)}
    return defined, imported, used - bound - imported - frozenset(dir(builtins)) - _MODULE_NAMES


def _definitions(statement: ast.stmt) -> list[str]:
    """The names that a statement of a module defines."""
    if isinstance(statement, _DEFINITIONS):
        return [statement.name]
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    targets = [statement.target] if isinstance(statement, ast.AnnAssign) else targets
    return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]


def module_bindings(code: str) -> list[tuple[str, frozenset[str]]]:
    """(first line, names) of each statement of a module, with the names that it binds, deletes or changes a part of.

    Names of a function or a class inside do not count, unless declared `global`. Empty for code that does not parse.
    """
    tree = _parse(code)
    if tree is None:
        return []
    # The parser takes a lone carriage return for a newline, too.
    lines = code.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [(lines[_first_line(statement) - 1].rstrip(), _bound_names(statement)) for statement in tree.body]


def _first_line(statement: ast.stmt) -> int:
    decorators = statement.decorator_list if isinstance(statement, _DEFINITIONS) else []
    return min([statement.lineno, *(node.lineno for node in decorators)])


def _bound_names(statement: ast.stmt) -> frozenset[str]:
    """The names that running a statement of a module binds in it. A stack, since trees may be deep."""
    names: set[str] = set()
    stack: list[tuple[ast.AST, bool]] = [(statement, False)]
    while stack:
        node, is_inner = stack.pop()
        if isinstance(node, ast.Global):
            names.update(node.names)
        elif not is_inner:
            names.update(_names_bound_by(node))
        is_inner = is_inner or isinstance(node, _SCOPES)
        # The variable of a comprehension is its own.
        own = node.target if isinstance(node, ast.comprehension) else None
        stack.extend((child, is_inner) for child in ast.iter_child_nodes(node) if child is not own)
    return frozenset(names)


def _names_bound_by(node: ast.AST) -> Iterator[str]:
    """The names that one node binds, deletes or changes a part of."""
    match node:
        case ast.Import() | ast.ImportFrom():
            yield from ((alias.asname or alias.name).split(".")[0] for alias in node.names)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)):
            yield name
        case ast.Name(ctx=ast.Store() | ast.Del()):
            yield node.id
        case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
            whole: ast.expr = node
            while isinstance(whole, ast.Attribute | ast.Subscript):
                whole = whole.value
            if isinstance(whole, ast.Name):
                yield whole.id
