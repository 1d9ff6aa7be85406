"""The module with its version that a build writes into a package, made where a repository lacks it: `version_module`.

Packages whose version comes from version control (hatch-vcs, setuptools-scm, PDM, versioningit) have their build write
it into a module that the repository does not hold, and that the package imports. Building would run the repository's
code, so the module is written here, with a version of zeros.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from harness.mining.requirements import parse_toml, table_at

_PLACES = (
    ("hatch", "build", "hooks", "vcs", "version-file"),
    ("setuptools_scm", "version_file"),
    ("setuptools_scm", "write_to"),
    ("pdm", "version", "write_to"),
    ("versioningit", "write", "file"),
)
"""Below [tool] in pyproject.toml, as each tool's documentation has it."""
_TEXT = '__version__ = version = "0.0.0"\n__version_tuple__ = version_tuple = (0, 0, 0)\n'


def version_module(files: Mapping[str, str | None]) -> dict[str, str]:
    """The module by its path in a repository with these files; {} where none is missing."""
    tools = table_at(parse_toml(files.get("pyproject.toml")), "tool")
    return {path: _TEXT for path in _paths(tools) if path not in files}


def _paths(tools: Mapping[str, Any]) -> Iterator[str]:
    for *keys, last in _PLACES:
        path = table_at(tools, *keys).get(last)
        if isinstance(path, str) and _is_module(PurePosixPath(path)):
            yield str(PurePosixPath(path))


def _is_module(path: PurePosixPath) -> bool:
    return path.suffix == ".py" and not path.is_absolute() and ".." not in path.parts
