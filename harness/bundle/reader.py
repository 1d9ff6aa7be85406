"""Reads the files of an untrusted source: raw bytes, JSON documents and JSON lines, within the limits.

`SourceReader` names each file as findings do and raises `UnreadableError`, which carries the finding. It does not
validate what the documents contain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from harness.bundle.source import READ_ERRORS, ReadLimits, Source
from harness.errors import LanebenchError
from harness.files import MAX_JSON_DEPTH, from_json, is_deeper_than
from harness.types import Finding, Json


class UnreadableError(LanebenchError):
    """A file cannot be read. `verify` reports the finding; the error never leaves it."""

    def __init__(self, finding: Finding) -> None:
        """Keep the finding."""
        super().__init__(f"{finding.location}: {finding.message}")
        self.finding = finding


@dataclass(frozen=True, slots=True)
class SourceReader:
    """The files of a source, read within `limits`; `name` is the source's path, for the locations of findings."""

    name: str
    source: Source
    limits: ReadLimits
    digests: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    """Those computed so far: several checks ask for the digest of the same file, which may be large."""

    def location(self, file: str) -> str:
        """A file as findings name it."""
        return f"{self.name}: {file}"

    def has(self, file: str) -> bool:
        """Whether the source holds the file."""
        return file in self.source.sizes

    def read_bytes(self, file: str) -> bytes:
        """A whole file. Raises UnreadableError when it is missing, damaged or larger than the limit."""
        location, max_bytes = self.location(file), self.limits.max_document_bytes
        if not self.has(file):
            raise UnreadableError(Finding("file-missing", location, "the file is missing"))
        with self._read_errors(file), self.source.open(file) as stream:
            data = stream.read(max_bytes + 1)
        if len(data) > max_bytes:
            raise UnreadableError(Finding("size", location, f"the file is larger than {max_bytes} bytes"))
        return data

    def read_beginning(self, file: str, size_bytes: int) -> bytes:
        """The first bytes of a file. Raises UnreadableError."""
        with self._read_errors(file), self.source.open(file) as stream:
            return stream.read(size_bytes)

    def read_document(self, file: str) -> Json:
        """A whole file as one JSON document. Raises UnreadableError."""
        return parse_document(self.read_bytes(file), self.location(file))

    def read_lines(self, file: str, max_lines: int) -> Iterator[tuple[int, bytes]]:
        """The number (from 1) and the bytes of each line.

        Raises UnreadableError for a line too long or incomplete, and for more than `max_lines` lines.
        """
        max_bytes, number = self.limits.max_line_bytes, 0
        with self._read_errors(file), self.source.open(file) as stream:
            while line := stream.readline(max_bytes + 1):
                number += 1
                location = f"{self.location(file)}, line {number}"
                if number > max_lines:
                    message = f"the file has more lines than the result accounts for, {max_lines}"
                    raise UnreadableError(Finding("size", self.location(file), message))
                if len(line) > max_bytes:
                    raise UnreadableError(Finding("size", location, f"the line is longer than {max_bytes} bytes"))
                if not line.endswith(b"\n"):
                    raise UnreadableError(Finding("json", location, "the last line does not end with a newline"))
                yield number, line

    def digest(self, file: str) -> str:
        """sha256 of a file's bytes. Raises UnreadableError."""
        if file not in self.digests:
            with self._read_errors(file), self.source.open(file) as stream:
                digest = hashlib.sha256()
                while piece := stream.read(1024 * 1024):
                    digest.update(piece)
            self.digests[file] = digest.hexdigest()
        return self.digests[file]

    @contextmanager
    def _read_errors(self, file: str) -> Iterator[None]:
        try:
            yield
        except READ_ERRORS as error:
            finding = Finding("archive", self.location(file), f"the file cannot be read: {error}")
            raise UnreadableError(finding) from error


def parse_document(data: bytes, location: str, *, skip_depth_of: str | None = None) -> Json:
    """One JSON document. Raises UnreadableError.

    `skip_depth_of` names a field whose depth is not checked, because it is long and its caller validates each entry.
    """
    try:
        document = from_json(data)
    except ValueError as error:
        too_deep = "nested too deeply" in str(error)
        finding = Finding("json-depth" if too_deep else "json", location, f"not readable as JSON: {error}")
        raise UnreadableError(finding) from error
    checked = {**document, skip_depth_of: None} if skip_depth_of and isinstance(document, dict) else document
    if is_deeper_than(checked, MAX_JSON_DEPTH):
        raise UnreadableError(Finding("json-depth", location, f"nested more than {MAX_JSON_DEPTH} levels deep"))
    return document
