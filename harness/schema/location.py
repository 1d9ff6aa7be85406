"""Where a value is in a file: the file's name, a JSON path and, in TOML, the line of the key.

`Location` is the prefix of every validation message: `bench.toml, line 12: $.models[1].base_url`.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from harness.errors import Problem
from harness.types import Json

JsonPath = tuple[str | int, ...]
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
_TOKENS = re.compile(
    r'''"""(?:\\.|[^\\])*?"{3,5}|'{3}.*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|\#[^\n]*|[\[\]{}\n]''', re.DOTALL
)
"""The strings and comments of a valid TOML document, each as a whole, and what is outside of them: brackets, newlines.
A string in three quotes may end in five, of which the first two are its own."""


def json_path(path: JsonPath) -> str:
    """`$.models[1].base_url`; a key with other characters is put in brackets and quotes."""
    out = "$"
    for step in path:
        if isinstance(step, int):
            out += f"[{step}]"
        else:
            out += f".{step}" if _PLAIN_KEY.fullmatch(step) else f"[{json.dumps(step)}]"
    return out


@dataclass(frozen=True, slots=True)
class Location:
    """A value's place: `file` as the user named it ("" for none), `path` inside it, `toml` the file's text if TOML."""

    file: str = ""
    path: JsonPath = ()
    toml: str = ""

    def at(self, *steps: str | int) -> Location:
        """The location of a value inside this one."""
        return replace(self, path=(*self.path, *steps))

    @property
    def line(self) -> int | None:
        """The line (from 1) of the key, or of the nearest table around it; None if the file is not TOML."""
        lines = key_lines(self.toml) if self.toml else {}
        found = (lines[self.path[:end]] for end in range(len(self.path), 0, -1) if self.path[:end] in lines)
        return next(found, None)

    def problem(self, message: str, fix: str = "") -> Problem:
        """A problem of the value here."""
        return Problem(f"{self}: {message}", fix)

    def __str__(self) -> str:
        line = self.line
        file = f"{self.file}, line {line}" if line else self.file
        return f"{file}: {json_path(self.path)}" if file else json_path(self.path)


@lru_cache(maxsize=8)
def key_lines(text: str) -> Mapping[JsonPath, int]:
    """The line on which each table and key of a valid TOML document begins.

    tomllib keeps no positions. Each statement is parsed by itself, and its first line is the line of its keys.
    """
    lines: dict[JsonPath, int] = {}
    last_entry: dict[JsonPath, int] = {}
    table: JsonPath = ()
    for line, statement, values in _statements(text):
        if statement.lstrip().startswith("["):
            table = _table_path(values, last_entry)
            paths = [table[:end] for end in range(1, len(table) + 1)]
        else:
            paths = [(*table, *path) for path in _paths(values)]
        for path in paths:
            lines.setdefault(path, line)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str, Json]]:
    """Each statement with its first line and its parsed values."""
    start, first_line = 0, 1
    for end in (*_statement_ends(text), len(text)):
        statement = text[start:end]
        yield first_line, statement, tomllib.loads(statement)
        start, first_line = end, first_line + statement.count("\n")


def _statement_ends(text: str) -> Iterator[int]:
    """Where each statement ends: behind a newline that is within no string and no bracket."""
    depth = 0
    for token in _TOKENS.finditer(text):
        if token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
        elif token[0] == "\n" and depth == 0:
            yield token.end()


def _table_path(header: Json, last_entry: dict[JsonPath, int]) -> JsonPath:
    """The path of `[a.b]` or `[[a.b]]`; `last_entry` counts the entries of each array of tables."""
    path: JsonPath = ()
    node = header
    while isinstance(node, dict) and node:
        ((name, node),) = node.items()
        path = (*path, name)
        if isinstance(node, list):
            last_entry[path] = last_entry.get(path, -1) + 1
        if path in last_entry:
            path = (*path, last_entry[path])
    return path


def _paths(values: Json, path: JsonPath = ()) -> Iterator[JsonPath]:
    for name, inner in values.items() if isinstance(values, dict) else ():
        yield (*path, name)
        yield from _paths(inner, (*path, name))
