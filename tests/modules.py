"""The kit's modules as the tests of its form read them: `kit_modules` lists them, `tree` and `nodes` parse one."""

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import harness

HOUSE = Path(harness.__file__).parent


@cache
def kit_modules() -> tuple[Path, ...]:
    """Every module of the kit, those that run inside containers too."""
    return tuple(path for path in sorted(HOUSE.rglob("*.py")) if "_data" not in path.parts)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes(path: Path) -> dict[type[ast.AST], list[Any]]:
    """The nodes of a module by their type: a walk takes longer than parsing."""
    found = defaultdict(list)
    for node in ast.walk(tree(path)):
        found[type(node)].append(node)
    return found
