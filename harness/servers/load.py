"""Reads server kinds from their TOML files, each validated against schemas/server.v1.schema.json.

`load_kinds` gives the kinds that ship with the kit, `get_server_kind` one of them, `read_kind` a file of the user's.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from harness.errors import ConfigError, Problem
from harness.files import build
from harness.schema import parse_toml, suggestion
from harness.servers.kinds import ServerKind

FOLDER = Path(__file__).parent


def read_kind(path: Path) -> ServerKind:
    """One TOML file as a ServerKind named after the file. Raises ConfigError with every problem and its line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    document = parse_toml("server", text, str(path))
    if document.problems:
        raise ConfigError(*document.problems)
    return build(ServerKind, {"name": path.stem, **document.values})


def read_kinds(folder: Path) -> Mapping[str, ServerKind]:
    """Every TOML file of a folder, by name. Raises ConfigError with the problems of all files."""
    kinds: dict[str, ServerKind] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            kinds[path.stem] = read_kind(path)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(*problems)
    return MappingProxyType(kinds)


@functools.cache
def load_kinds() -> Mapping[str, ServerKind]:
    """The kinds that ship with the kit, by name."""
    return read_kinds(FOLDER)


def get_server_kind(name: str) -> ServerKind:
    """The kind of that name. Raises ConfigError that lists the known ones and suggests the nearest."""
    kinds = load_kinds()
    if name not in kinds:
        known = ", ".join(kinds)
        raise ConfigError(
            f"unknown server kind {name!r}; known: {known}", fix=suggestion(name.replace("_", "-"), kinds)
        )
    return kinds[name]
