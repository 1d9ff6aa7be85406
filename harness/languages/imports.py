"""Which new files a language would import in place of others: a protected file can be replaced without touching it.

The rules follow the languages' own: Python prefers a package to a module of the same name, and the script's folder to
its library (docs.python.org, "The import system"); Node tries a name as it stands, then its extensions in order, then a
folder (Node.js documentation, "Modules: CommonJS modules"). The other languages name files themselves.
"""

from __future__ import annotations

import posixpath
import sys
from collections.abc import Sequence

_PYTHON_ENDINGS = ("py", "pyc", "so")
_PYTHON_HOOKS = frozenset(("sitecustomize", "usercustomize"))
"""Modules that Python imports by itself when it starts."""
_NODE_ENDINGS = (".js", ".mjs", ".cjs", ".json", ".node", ".ts", ".mts", ".cts")


def _module_of(path: str) -> tuple[str, ...]:
    """The name of the Python module that a file is, in its parts; () for a file that is none."""
    folder, name = posixpath.split(path)
    stem, _, endings = name.partition(".")
    if endings.rpartition(".")[2] not in _PYTHON_ENDINGS:
        return ()
    parts = tuple(part for part in folder.split("/") if part)
    return parts if stem == "__init__" else (*parts, stem)


def shadows_in_python(path: str, protected: Sequence[str], entry: str) -> bool:
    """Whether Python would import a file in place of a protected one, or of the library that it uses."""
    module = _module_of(path)
    names = [_module_of(other) for other in protected]
    if module and any(name[: len(module)] == module for name in names):
        return True
    searched = {(), tuple(part for part in posixpath.dirname(entry).split("/") if part)}
    roots = {
        module[len(folder)] for folder in searched if module[: len(folder)] == folder and len(module) > len(folder)
    }
    return bool(roots & (sys.stdlib_module_names | _PYTHON_HOOKS))


def _node_stem(path: str) -> str:
    """What Node is asked for to load a file: its path without the extension, a folder for its index."""
    stem, ending = posixpath.splitext(path)
    stem = stem if ending in _NODE_ENDINGS else path
    return posixpath.dirname(stem) if posixpath.basename(stem) == "index" else stem


def shadows_in_node(path: str, protected: Sequence[str], entry: str) -> bool:
    """Whether Node would load a file in place of a protected one."""
    del entry
    if posixpath.basename(path) == "package.json":
        # Its field `main` says what a folder is.
        return any(posixpath.dirname(path) == _node_stem(other) for other in protected)
    return any(_node_stem(path) == _node_stem(other) for other in protected)
