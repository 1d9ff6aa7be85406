"""From bytes to JSON documents, with caps on size and depth. What they mean is looked at later."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from harness.bundle import READ_ERRORS, Caps, Source
from harness.errors import LanebenchError
from harness.files import from_json
from harness.types import Finding, Json

DEPTH = 64


class UnreadableError(LanebenchError):
    """A document that cannot be read: becomes a finding, never leaves this package."""

    def __init__(self, finding: Finding) -> None:
        """Keep the finding."""
        super().__init__(finding.text)
        self.finding = finding


@dataclass(frozen=True, slots=True)
class Shelf:
    """A source with its name for places, and the caps."""

    name: str
    source: Source
    caps: Caps

    def place(self, file: str) -> str:
        """A file as findings name it."""
        return f"{self.name}: {file}"

    def has(self, file: str) -> bool:
        """Whether the source holds it."""
        return file in self.source.sizes


def deeper_than(value: Json, most: int) -> bool:
    """Whether lists and objects stand in each other more than `most` deep; loops, never recurses."""
    level = [value]
    for _ in range(most + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


def parse(data: bytes, place: str, flat: str | None = None) -> Json:
    """One JSON document. Raises UnreadableError.

    `flat` names a field that is too long to be looked through for depth: its caller looks at what is in it.
    """
    try:
        document = from_json(data.decode("utf-8"))
    except ValueError as error:
        deep = "nested too deeply" in str(error)
        raise UnreadableError(
            Finding("json-depth" if deep else "json", place, f"not readable as JSON: {error}")
        ) from error
    rest = {**document, flat: None} if flat is not None and isinstance(document, dict) else document
    if deeper_than(rest, DEPTH):
        raise UnreadableError(Finding("json-depth", place, f"nested more than {DEPTH} deep"))
    return document


def read_document(shelf: Shelf, file: str) -> Json:
    """A whole file as one JSON document. Raises UnreadableError."""
    return parse(read_bytes(shelf, file), shelf.place(file))


def read_bytes(shelf: Shelf, file: str) -> bytes:
    """A whole file up to its cap. Raises UnreadableError."""
    place, cap = shelf.place(file), shelf.caps.document_bytes
    if not shelf.has(file):
        raise UnreadableError(Finding("file-missing", place, "is not there"))
    try:
        with shelf.source.open(file) as stream:
            data = stream.read(cap + 1)
    except READ_ERRORS as error:
        raise UnreadableError(Finding("archive", place, f"cannot be read: {error}")) from error
    if len(data) > cap:
        raise UnreadableError(Finding("size", place, f"is larger than {cap} bytes"))
    return data


def read_rows(shelf: Shelf, file: str) -> Iterator[tuple[int, bytes]]:
    """Each line's number (from 1) and bytes. Raises UnreadableError for one that is too long or torn."""
    place, cap = shelf.place(file), shelf.caps.line_bytes
    try:
        with shelf.source.open(file) as stream:
            number = 0
            while line := stream.readline(cap + 1):
                number += 1
                if len(line) > cap:
                    raise UnreadableError(Finding("size", f"{place}, line {number}", f"longer than {cap} bytes"))
                if not line.endswith(b"\n"):
                    raise UnreadableError(Finding("json", f"{place}, line {number}", "the last line has no end"))
                yield number, line
    except READ_ERRORS as error:
        raise UnreadableError(Finding("archive", place, f"cannot be read: {error}")) from error


def digest_of(shelf: Shelf, file: str) -> str:
    """sha256 of a file's bytes. Raises UnreadableError."""
    digest = hashlib.sha256()
    try:
        with shelf.source.open(file) as stream:
            while piece := stream.read(1024 * 1024):
                digest.update(piece)
    except READ_ERRORS as error:
        raise UnreadableError(Finding("archive", shelf.place(file), f"cannot be read: {error}")) from error
    return digest.hexdigest()
