"""TOML -> ServerKind: every fault named with its file and key."""

from __future__ import annotations

import difflib
import functools
import tomllib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import get_args, get_origin, get_type_hints

from harness.errors import ConfigError, RunError
from harness.files import build
from harness.servers.kinds import ServerKind
from harness.types import Json

FOLDER = Path(__file__).parent


def _dataclass_in(hint: object) -> type | None:
    """The dataclass that a field's type holds: itself, or inside a tuple or a union."""
    if isinstance(hint, type) and is_dataclass(hint):
        return hint
    if get_origin(hint) in (tuple, UnionType):
        return next((found for found in map(_dataclass_in, get_args(hint)) if found is not None), None)
    return None


def _unknown_keys(kind: type, document: Mapping[str, Json], place: str) -> list[str]:
    known = {one.name for one in fields(kind)}
    hints = get_type_hints(kind)
    faults = []
    for key, value in document.items():
        if key not in known:
            close = difflib.get_close_matches(key, known, 1)
            faults.append(f"{place}{key}: unknown key" + (f"; did you mean {close[0]}?" if close else ""))
            continue
        inner = _dataclass_in(hints[key])
        rows = value if isinstance(value, list) else [value]
        for row in rows if inner is not None else []:
            faults += _unknown_keys(inner, row, f"{place}{key}.") if isinstance(row, dict) and inner else []
    return faults


def read_kind(path: Path) -> ServerKind:
    """One TOML as a ServerKind named after its file. Raises ConfigError that names the file and the key."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as TOML: {error}") from error
    document.setdefault("name", path.stem)
    faults = _unknown_keys(ServerKind, document, "")
    if document["name"] != path.stem:
        faults.append(f"name: {document['name']!r} is not the file's name; leave it out")
    if faults:
        raise ConfigError(*(f"{path}: {fault}" for fault in faults))
    try:
        return build(ServerKind, document)
    except RunError as error:
        raise ConfigError(f"{path}: {error}") from error


def read_kinds(folder: Path) -> Mapping[str, ServerKind]:
    """Every TOML of a folder, by name. Raises ConfigError with the faults of all of them."""
    kinds: dict[str, ServerKind] = {}
    faults: list[str] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            kinds[path.stem] = read_kind(path)
        except ConfigError as error:
            faults += [one.message for one in error.problems]
    if faults:
        raise ConfigError(*faults)
    return MappingProxyType(kinds)


@functools.cache
def load_kinds() -> Mapping[str, ServerKind]:
    """The kinds that ship with the kit, by name."""
    return read_kinds(FOLDER)


def get_server_kind(name: str) -> ServerKind:
    """The kind of that name. Raises ConfigError that lists the known ones, the nearest first."""
    kinds = load_kinds()
    if name in kinds:
        return kinds[name]
    close = difflib.get_close_matches(name.lower().replace("_", "-"), kinds, 1, 0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ConfigError(f"no server kind is named {name!r}; known are {', '.join(kinds)}.{hint}")
