"""The archive of a working tree: `pack_tree` makes the agent's, `read_tree` reads what it left as a `FinalTree`.

`read_tree` takes the bytes of a tar archive, whatever the agent made of its folder. It keeps regular files of text with
usual names; links, devices, binary files, the folders of tools and caches, and whatever is beyond the limits are left
out and listed. Nothing is unpacked to a disk, so a link or an absolute name leads nowhere.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping

from harness.files import valid_text
from harness.trees.tree import (
    MAX_PATH_CHARS,
    OUTSIDE_OF_TREE,
    UNUSUAL_NAME,
    ExcludedPath,
    FinalTree,
    blocking_files,
    path_problem,
    text_of,
)

MAX_ARCHIVE_BYTES = 32 * 1024 * 1024
MAX_FILES = 2000
MAX_FILE_BYTES = 1024 * 1024
MAX_TREE_BYTES = 16 * 1024 * 1024
MAX_MEMBERS = 100_000
MAX_LEFT_OUT = 200
"""Entries that are listed, of ordinary ones and of others each."""
TOOL_FOLDERS = frozenset(
    (
        ".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", "venv", ".tox", ".nox", ".cache", ".npm",
        ".pytest_cache", ".mypy_cache", ".ruff_cache",
    )
)  # fmt: skip
"""Folders whose content is never looked at, wherever they are: repositories, dependencies, caches."""
CUT = "archive too large"
_BINARY, _TOOLS, _LARGE = "binary file", "repository, dependencies or cache", "file too large"
ORDINARY_REASONS = frozenset((_BINARY, _TOOLS, _LARGE, UNUSUAL_NAME))
"""Why the archive of a well-meant folder may have entries that are left out. Any other reason speaks against it."""
_MTIME = 1_700_000_000


class _TooLargeError(Exception):
    """The archive exceeds a limit; caught in this module."""


class _Stream(io.RawIOBase):
    """The chunks of an archive as a file that can only be read, up to a limit."""

    def __init__(self, chunks: Iterable[bytes], limit: int) -> None:
        self._chunks = iter(chunks)
        self._rest = b""
        self._left = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        size = min(len(buffer), len(self._rest))
        self._left -= size
        if self._left < 0:
            raise _TooLargeError
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


class _Tree:
    """The files and the left-out entries that were found so far."""

    def __init__(self, unsent: Iterable[tuple[str, str]]) -> None:
        self.files: dict[str, str] = {}
        self._bytes = 0
        # Apart, so that no number of binary files keeps a link or an absolute name out of the list.
        self._ordinary: dict[str, str] = {}
        self._others: dict[str, str] = {}
        for path, reason in unsent:
            self.leave_out(path, reason)

    def leave_out(self, path: str, reason: str) -> None:
        self.files.pop(path, None)
        entries = self._ordinary if reason in ORDINARY_REASONS else self._others
        if len(entries) < MAX_LEFT_OUT:
            entries.setdefault(_displayable(path), reason)

    def leave_rest_out(self, reason: str) -> None:
        """Leave out what was not read, whatever it is; the limit of the list does not hold for this."""
        self._others.setdefault("/", reason)

    @property
    def left_out(self) -> tuple[ExcludedPath, ...]:
        """What was left out, by its path. Of two reasons the one that is not ordinary stands."""
        entries = {**self._ordinary, **self._others}
        return tuple(sorted(ExcludedPath(path, reason) for path, reason in entries.items()))

    def add(self, path: str, data: bytes) -> None:
        text = text_of(data)
        if text is None:
            self.leave_out(path, _BINARY)
        elif len(self.files) >= MAX_FILES or self._bytes + len(data) > MAX_TREE_BYTES:
            self.leave_out(path, "tree too large")
        else:
            self._bytes += len(data)
            self.files[path] = text


def pack_tree(files: Mapping[str, str]) -> bytes:
    """The archive of a working tree, the same bytes for the same files; scripts are executable."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, text in sorted(files.items()):
            entry, data = tarfile.TarInfo(path), text.encode()
            entry.size, entry.mode, entry.mtime = len(data), 0o755 if text.startswith("#!") else 0o644, _MTIME
            tar.addfile(entry, io.BytesIO(data))
    return archive.getvalue()


def read_tree(
    archive: Iterable[bytes], *, unsent: Iterable[tuple[str, str]] = (), max_bytes: int = MAX_ARCHIVE_BYTES
) -> FinalTree:
    """The files of a folder from the chunks of its tar archive; `unsent` are paths that it lacks, with the reason.

    Never raises for what the archive holds. Where it is cut off or exceeds a limit, "/" is left out: what was not read
    then counts as unchanged, not as deleted.
    """
    tree = _Tree(unsent)
    stream = io.BufferedReader(_Stream(archive, max_bytes))
    try:
        with tarfile.open(fileobj=stream, mode="r|", errors="surrogateescape") as tar:
            for count, member in enumerate(_members(tar)):
                if count >= MAX_MEMBERS:
                    raise _TooLargeError
                _read_member(tree, tar, member)
    except (_TooLargeError, MemoryError):
        tree.leave_rest_out(CUT)
    # The standard library's reader raises more than its own error on archives that were not made by it.
    except (tarfile.TarError, OSError, ValueError, EOFError, KeyError, IndexError, OverflowError, RecursionError):
        tree.leave_rest_out("archive unreadable")
    for path in blocking_files(tree.files):
        tree.leave_out(path, "file and folder of one name")
    return FinalTree(tree.files, tree.left_out)


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The members one by one; the reader's own list of them would grow with the archive."""
    while (member := tar.next()) is not None:
        yield member
        tar.members = []  # type: ignore[attr-defined]


def _read_member(tree: _Tree, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    path = member.name.removeprefix("./")
    if path.startswith("/") or ".." in path.split("/"):
        # Before all else: that it is a folder, or one of tools, does not make it harmless.
        tree.leave_out(path, OUTSIDE_OF_TREE)
    elif (folder := _tool_folder(path)) is not None:
        tree.leave_out(folder, _TOOLS)
    elif member.isdir():
        return
    elif (problem := path_problem(path)) is not None:
        tree.leave_out(path, problem)
    elif not member.isreg() or member.issparse():
        tree.leave_out(path, "link" if member.issym() or member.islnk() else "no regular file")
    elif member.size > MAX_FILE_BYTES:
        tree.leave_out(path, _LARGE)
    else:
        content = tar.extractfile(member)
        tree.add(path, content.read() if content is not None else b"")


def _displayable(path: str) -> str:
    """A path whose characters fit into a line, whatever they are."""
    return "".join(char if char.isprintable() else "?" for char in valid_text(path))[:MAX_PATH_CHARS]


def _tool_folder(path: str) -> str | None:
    """The outermost folder of tools that a path is in, with "/" at its end."""
    parts = path.split("/")
    found = next((at for at, part in enumerate(parts) if part in TOOL_FOLDERS), None)
    return None if found is None else "/".join(parts[: found + 1]) + "/"
