"""Imports results into Parquet files, once each: `import_results` gives the collection of what folders hold.

Every source is hostile until `read_verified` has found it consistent: one with an error is refused and named, never
read further. An import is kept under the digest of its source, of the kit, of the tasks known here and of the level
asked for; the next one looks up the digest by the file's size, times and inode, and reads nothing. The cache may be
deleted any time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from harness.bundle import (
    LOG,
    MANIFEST,
    RECORDINGS,
    RESULT,
    SCORES,
    SIGNATURE,
    ReadLimits,
    SourceReader,
    UnreadableError,
    find_results,
    identify_signer,
    open_source,
)
from harness.collection.database import ParquetWriter
from harness.collection.selection import UNKNOWN_SIGNER, ImportedResult, ImportRecord, select_results
from harness.collection.tables import TABLES, TableForm, rows_of, schema_of
from harness.errors import LanebenchError, Problem, RunError
from harness.files import (
    build,
    disk_error,
    kit_digest,
    plain,
    read_json,
    sha256_of,
    sha256_of_file,
    to_json,
    valid_text,
    write_atomic,
)
from harness.types import LEVELS, Finding, Json, Log, Manifest, Result, Verdict
from harness.verify import VerifyOptions, read_verified

MAX_KEPT_IMPORTS = 8
"""Folders of imports under other conditions that are kept, the latest used ones: other levels, other tasks."""
KEY_DIGITS = 20
"""Of a digest as the name of a bundle: 80 bits, so that nobody finds two bundles of one name."""
MAX_PROBLEMS = 5
_TableRows = tuple[TableForm[Any], list[dict[str, Json]]]


@dataclass(frozen=True, slots=True)
class Collection:
    """The results that were imported, each once, and the problems of the others; `refused` counts these others."""

    folder: Path
    results: tuple[ImportedResult, ...]
    problems: tuple[Problem, ...]
    refused: int = 0

    def sources(self) -> list[tuple[str, str, str]]:
        """Digest, path and level of each result: SOURCE_COLUMNS of a database, which takes valid Unicode alone."""
        return [(each.record.bundle, valid_text(str(each.path)), each.record.level) for each in self.results]

    def files(self) -> Mapping[str, list[Path]]:
        """The Parquet files of each table."""
        return {
            table.name: [_table_path(self.folder, found.record.bundle, table.name) for found in self.results]
            for table in TABLES
        }


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """Which sources to import, how they are verified, and where imports are kept."""

    paths: Sequence[Path]
    cache: Path
    verify: VerifyOptions = field(default_factory=lambda: VerifyOptions("consistent"))
    log: Log = lambda line: None

    def folder(self) -> Path:
        """The imports that were made under the same conditions, and by the same kit: its checks may have changed."""
        tasks = {name: task.sha256 for name, task in sorted(self.verify.tasks.items())}
        key = sha256_of(to_json([kit_digest(), self.verify.level, tasks]))
        return self.cache / "imports" / key[:16]


def import_results(request: ImportRequest) -> Collection:
    """Import what is new among the results in the given folders, and give them all. Raises DiskError."""
    importer = _Importer(request)
    sources = list(dict.fromkeys(chain.from_iterable(map(find_results, request.paths))))
    try:
        importer.folder.mkdir(parents=True, exist_ok=True)
        _remove_old(importer.folder)
        found = [importer.imported(path) for path in sources]
        importer.keep_digests()
    except OSError as error:
        raise disk_error(importer.folder, error) from error
    problems = [Problem(f"{each.path}{text}") for each in found for text in each.record.problems]
    selection = select_results([each for each in found if not each.record.problems])
    for note in selection.notes:
        request.log(note)
    refused = sum(bool(each.record.problems) for each in found) + len(selection.undecided)
    return Collection(importer.folder, selection.kept, (*problems, *selection.problems), refused)


class _Importer:
    """The imports of one request."""

    def __init__(self, request: ImportRequest) -> None:
        self.folder = request.folder()
        self._request = request
        self._writer: ParquetWriter | None = None
        self._index = request.cache / "imports" / "digests.json"
        self._digests = _read_digests(self._index)
        self._is_changed = False

    def imported(self, path: Path) -> ImportedResult:
        """A source with its record, imported if it was not yet."""
        try:
            bundle = self._digest(path)
            if bundle is None:
                return ImportedResult(path, ImportRecord("", problems=_open_problems(path)))
            record_path = self.folder / f"{bundle}.json"
            kept = _read_record(record_path)
            if kept is not None and (kept.problems or self._has_tables(bundle)):
                return ImportedResult(path, kept)
            with _source_errors():
                verdict, result = read_verified(path, self._request.verify)
                record = _record(path, bundle, verdict, result)
                self._write(bundle, [] if result is None or record.problems else _all_rows(result, bundle))
        except _SourceError as error:
            # Its record is not kept: a kit without the defect reads it again.
            return ImportedResult(path, ImportRecord("", problems=error.args))
        # The record comes last: a kill before it leaves an import that is made again. So does an engine that was not
        # there, or no ssh-keygen: what stood in the way may be gone the next time.
        is_without_engine = (record.level, self._request.verify.level) == ("reread", "rescored")
        if record.problems or not (is_without_engine or record.signer == UNKNOWN_SIGNER):
            write_atomic(record_path, to_json(plain(record)))
        return ImportedResult(path, record)

    def keep_digests(self) -> None:
        """Store the digests for the next time."""
        if self._is_changed:
            write_atomic(self._index, to_json(self._digests))

    def _has_tables(self, bundle: str) -> bool:
        return all(_table_path(self.folder, bundle, table.name).is_file() for table in TABLES)

    def _write(self, bundle: str, rows: Sequence[_TableRows]) -> None:
        for table, own in rows:
            self._writer = self._writer or ParquetWriter()
            self._writer.write(_table_path(self.folder, bundle, table.name), schema_of(table), own)

    def _digest(self, path: Path) -> str | None:
        """The digest of a source, from its state where that was seen before; None if it cannot be read."""
        try:
            state = sha256_of(to_json(_state(path)))
            known = self._digests.get(str(path.absolute()))
            if known is not None and known[0] == state:
                return known[1]
            with _source_errors():
                digest = _digest_of(path)
        except OSError:
            return None
        if digest is not None:
            self._digests[str(path.absolute())] = (state, digest)
            self._is_changed = True
        return digest


class _SourceError(Exception):
    """Why a source could not be checked: as the `problems` of its record."""


@contextmanager
def _source_errors() -> Iterator[None]:
    """Raises _SourceError for what only this source can be the cause of: it must not hide all others.

    That is a defect of the kit which a hostile source brought to light. An EngineError, a full disk and the like are
    not the source's and end the import.
    """
    try:
        yield
    except RunError as error:
        raise _SourceError(*(f": {problem.message}" for problem in error.problems)) from error
    except (LanebenchError, OSError):
        raise
    except Exception as error:
        raise _SourceError(f": could not be checked: {type(error).__name__}: {error}") from error


def _remove_old(folder: Path) -> None:
    """Mark a folder of imports as used, and remove those that were not used for longest. Raises OSError."""
    os.utime(folder)
    others = [each for each in folder.parent.iterdir() if each.is_dir() and each != folder]
    for old in sorted(others, key=_used_ns, reverse=True)[MAX_KEPT_IMPORTS:]:
        shutil.rmtree(old, ignore_errors=True)


def _used_ns(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except FileNotFoundError:
        # Another process has just removed it.
        return 0


def _all_rows(result: Result, bundle: str) -> list[_TableRows]:
    return [(table, rows_of(table, result, bundle)) for table in TABLES]


def _table_path(folder: Path, bundle: str, table: str) -> Path:
    return folder / f"{bundle}.{table}.parquet"


def _read_digests(path: Path) -> dict[str, tuple[str, str]]:
    """State and digest of each source that was seen before, by its path; none where the file is missing or damaged."""
    try:
        return build(dict[str, tuple[str, str]], read_json(path))
    except RunError:
        return {}


def _read_record(path: Path) -> ImportRecord | None:
    """The record of an earlier import; None where it is missing or damaged, so that the source is imported again."""
    try:
        return build(ImportRecord, read_json(path))
    except RunError:
        return None


def _files(path: Path) -> list[Path]:
    return sorted(path.iterdir()) if path.is_dir() else [path]


def _state(path: Path) -> list[list[object]]:
    """What changes when a source's files do; the time of the inode's change cannot be set back by a program.

    A source may be reached through a link: what that leads to counts, as well as the link.
    """
    found = [(file.name, file.lstat()) for file in _files(path)]
    if not path.is_dir():
        found.append((path.name, path.stat()))
    return [[name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino] for name, stat in found]


def _digest_of(path: Path) -> str | None:
    """The digest of a zip's or a file's bytes, or of those of a folder's files; None if it cannot be opened."""
    source, findings = open_source(path, ReadLimits())
    if source is None or findings:
        return None
    if not path.is_dir():
        return sha256_of_file(path)[:KEY_DIGITS]
    reader = SourceReader(str(path), source, ReadLimits())
    names = [name for name in sorted(source.sizes) if name.endswith((".json", ".jsonl", ".sig"))]
    try:
        listed = "".join(f"{name} {reader.digest(name)}\n" for name in names)
    except UnreadableError:
        return None
    return hashlib.sha256(listed.encode()).hexdigest()[:KEY_DIGITS]


def _open_problems(path: Path) -> tuple[str, ...]:
    _, findings = open_source(path, ReadLimits())
    return _problems(path, findings)


def _problems(path: Path, findings: Iterable[Finding]) -> tuple[str, ...]:
    """Why a source is refused, each text as what follows its path: the source may be copied or renamed later."""
    texts = [f"{finding.location}: {finding.message}" for finding in findings]
    found = [text.removeprefix(str(path)) if text.startswith(str(path)) else f": {text}" for text in texts]
    return tuple(found[:MAX_PROBLEMS]) or (": cannot be read",)


def _record(path: Path, bundle: str, verdict: Verdict, result: Result | None) -> ImportRecord:
    errors = [finding for report in verdict.levels for finding in report.findings if finding.severity == "error"]
    if errors or result is None:
        return ImportRecord(bundle, problems=_problems(path, errors))
    unverified = [f"{report.level}: {report.detail}" for report in verdict.levels if report.state == "unverified"]
    return _identified(
        path, ImportRecord(bundle, run=result.run.id, level=_level(verdict), unverified="; ".join(unverified))
    )


def _level(verdict: Verdict) -> str:
    """The highest level that is reached with all levels before it."""
    reached = ""
    for level, report in zip(LEVELS, verdict.levels, strict=False):
        if report.state != "reached":
            break
        reached = level
    return reached


def _identified(path: Path, record: ImportRecord) -> ImportRecord:
    """The record with what tells copies and corrections apart: the digests of result and manifest, who signed what."""
    source, _ = open_source(path, ReadLimits())
    if source is None:
        return record
    reader = SourceReader(str(path), source, ReadLimits())
    evidence = sum(reader.has(name) for name in (RECORDINGS, SCORES, LOG))
    record = replace(record, result_sha256=reader.digest(RESULT), evidence=evidence)
    if not reader.has(MANIFEST):
        return record
    supersedes = build(Manifest, reader.read_document(MANIFEST)).supersedes
    return replace(
        record,
        manifest_sha256=reader.digest(MANIFEST),
        supersedes=None if supersedes is None else supersedes.manifest_sha256,
        signer=_signer(reader),
    )


def _signer(reader: SourceReader) -> str | None:
    """The fingerprint of the key that signed; None only where there is no signature."""
    if not reader.has(SIGNATURE):
        return None
    try:
        signer = identify_signer(reader.read_bytes(MANIFEST), reader.read_bytes(SIGNATURE))
    except LanebenchError:
        return UNKNOWN_SIGNER
    return UNKNOWN_SIGNER if signer is None else signer.fingerprint
