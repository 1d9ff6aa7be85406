"""Canonical JSON and digests: one text for one value, and dataclasses to and from JSON values.

NaN and infinities are refused in both directions, duplicate keys when reading: a file that two readers could understand
differently is no evidence (RFC 8259, section 4, leaves the meaning of duplicate keys open). A text with more than
MAX_JSON_VALUES values is refused before it is parsed, since a few bytes become an object of a hundred.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec

from harness.errors import RunError
from harness.types import Json

T = TypeVar("T")
MAX_JSON_VALUES = 2_000_000
"""Of one document. 5,000 trials in a result are 400,000; a reply of 128,000 chunks is as many."""
MAX_JSON_BYTES = 96 * 1024 * 1024
"""Of one document, and of one line of a file of JSON lines."""
MAX_ASTRAL_JSON_BYTES = 48 * 1024 * 1024
"""Of a text with a character beyond U+FFFF: Python then keeps four bytes for each of its characters."""
_ASTRAL = re.compile(rb"[\xf0-\xff]")
MAX_JSON_DEPTH = 64
"""Of what strangers and models write. Documents of the kit are about ten levels deep; deeper nesting only exhausts the
stack of functions that recurse, such as json.dumps."""
_CONTAINERS = frozenset({dict, list})
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""A JSON string, or one that never ends. Possessive: the time stays linear, whatever the text."""


def sha256_of(data: bytes | str) -> str:
    """Hex digest of bytes, or of a string as UTF-8. Lone surrogates, which servers do send, are encoded as they are."""
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return hashlib.sha256(raw).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def plain(value: Any) -> Json:
    """A dataclass, or a container of them, as JSON values; bytes become base64 strings."""
    return msgspec.to_builtins(value)


def build(kind: type[T], document: Json) -> T:
    """The dataclass `kind` from JSON values: the inverse of `plain`. Raises RunError that names the JSON path."""
    try:
        return msgspec.convert(document, type=kind)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        # A lone surrogate is a character that JSON can have and base64 or an enumeration cannot.
        raise RunError(f"not a valid {kind.__name__}: {error}") from error


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Canonical JSON: sorted keys, no NaN, one line unless `indent` is given. Lone surrogates are escaped."""
    document = plain(value)
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return _to_ascii(document, indent)
    # json.dumps indents in Python, five times as slowly as both of these together.
    return text if indent is None else msgspec.json.format(text, indent=indent)


def _to_ascii(document: Json, indent: int | None = None) -> str:
    """Canonical JSON in which every character beyond ASCII is escaped."""
    separators = (",", ":") if indent is None else (",", ": ")
    return json.dumps(document, sort_keys=True, allow_nan=False, separators=separators, indent=indent)


def to_line(value: Any, *, max_astral_bytes: int = MAX_ASTRAL_JSON_BYTES) -> bytes:
    """Canonical JSON with a newline, of a size that `from_json` reads. Raises ValueError, RecursionError.

    Characters beyond U+FFFF are escaped in a line of more than `max_astral_bytes`, of which they take four times the
    memory.
    """
    line = (to_json(value) + "\n").encode("utf-8")
    if len(line) > max_astral_bytes and _ASTRAL.search(line):
        line = (_to_ascii(plain(value)) + "\n").encode("ascii")
    if len(line) > MAX_JSON_BYTES:
        raise ValueError(f"longer than {MAX_JSON_BYTES} bytes")
    _require_few_values(line.decode("utf-8"), MAX_JSON_VALUES)
    return line


def valid_unicode(value: Json) -> Json:
    """The value with `?` for each lone surrogate, in names too. JSON can have one, UTF-8 and a Parquet file cannot.

    A value that becomes JSON text comes here first: in the text a surrogate is an escape, which some readers refuse.
    """
    if isinstance(value, Mapping):
        return {valid_text(name): valid_unicode(each) for name, each in value.items()}
    if isinstance(value, list):
        return [valid_unicode(each) for each in value]
    return valid_text(value) if isinstance(value, str) else value


def valid_text(text: str) -> str:
    """The string with `?` for each lone surrogate, as a file name that is not UTF-8 has them."""
    return text.encode("utf-8", "replace").decode()


def from_json(text: str | bytes, *, max_depth: int | None = None, max_values: int = MAX_JSON_VALUES) -> Json:
    """JSON values from text, as UTF-8 if it is bytes.

    Raises ValueError for bad syntax, NaN, infinities, duplicate keys, deep nesting and too many values. Without
    `max_depth` only what the parser cannot read is nested too deeply. A number such as 1e999 is infinity, which
    `harness.schema` refuses together with its place.
    """
    if isinstance(text, bytes):
        if len(text) > MAX_ASTRAL_JSON_BYTES and _ASTRAL.search(text):
            raise ValueError(f"more than {MAX_ASTRAL_JSON_BYTES} bytes, with characters beyond U+FFFF")
        text = text.decode("utf-8")
    _require_few_values(text, max_values)
    try:
        document = json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if max_depth is not None and is_deeper_than(document, max_depth):
        raise ValueError(f"nested more than {max_depth} levels deep")
    return document


def is_deeper_than(value: Json, max_depth: int) -> bool:
    """Whether lists and objects are nested more than `max_depth` levels deep; iterative, so that no stack overflows."""
    containers = [value] if type(value) in _CONTAINERS else []
    for _ in range(max_depth):
        containers = [
            inner
            for outer in containers
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in _CONTAINERS
        ]
    return any(containers)


def read_json(path: Path) -> Json:
    """The JSON document in a file. Raises RunError that names the file."""
    with open_regular(path) as file:
        data = file.read(MAX_JSON_BYTES + 1)
    if len(data) > MAX_JSON_BYTES:
        raise RunError(f"{path}: larger than {MAX_JSON_BYTES} bytes")
    try:
        return from_json(data)
    except ValueError as error:
        raise RunError(f"{path}: not readable as JSON: {error}") from error


@contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read; a device or a FIFO, which may never end, is refused. Raises RunError that names the file."""
    try:
        if path.exists() and not path.is_file():
            raise RunError(f"{path}: is not a regular file")
        with path.open("rb") as file:
            yield file
    except FileNotFoundError as error:
        raise RunError(f"{path}: no such file") from error
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}") from error


def _unique_keys(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError(f"duplicate key {_first_duplicate(pairs)!r}")
    return out


def _first_duplicate(pairs: list[tuple[str, Json]]) -> str | None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            return key
        seen.add(key)
    return None


def _require_few_values(text: str, max_values: int) -> None:
    # The first count is quick and too high by the signs in strings; few texts need the exact one.
    if _count_values(text) > max_values and _count_values(_STRING.sub("", text)) > max_values:
        raise ValueError(f"more than {max_values} values")


def _count_values(text: str) -> int:
    """At least the number of values outside of strings: each but the first follows a comma or opens a container."""
    return text.count(",") + text.count("[") + text.count("{") + 1


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")
