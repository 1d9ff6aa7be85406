"""A working tree as a tar archive: `pack_tree` makes one, `unpack_tree` reads one that a hostile agent may have made.

What comes back is checked by name, type and size, and nothing is written to this machine's disk.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

from harness.types import RefusedEntry, Tree, TreeFile

MAX_TREE_BYTES = 64 * 1024**2
MAX_FILES = 5000
_MAX_REFUSED = 1000
_MAX_NAME_BYTES = 1024
_MTIME = 1_700_000_000
_TYPES = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a named pipe",
    tarfile.DIRTYPE: "a folder",
}


def pack_tree(tree: Tree) -> bytes:
    """The archive of a tree, the same bytes for the same tree."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, file in sorted(tree.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(file.data), file.mode, _MTIME
            tar.addfile(entry, io.BytesIO(file.data))
    return archive.getvalue()


def printable_name(name: str) -> str:
    """A name in which no character is half a one or moves the cursor."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8").encode("unicode_escape").decode("ascii")


def unpack_tree(archive: bytes) -> tuple[dict[str, TreeFile], tuple[RefusedEntry, ...]]:
    """The regular files of an archive by name, and what was refused. It never raises, whatever the bytes are."""
    tree: dict[str, TreeFile] = {}
    refused: list[RefusedEntry] = []
    total = 0
    for entry, data in _entries(archive, refused):
        reason = _refusal(entry, tree)
        if not reason and len(data) != entry.size:
            reason = "its content is not in the archive"
        if not reason and total + len(data) > MAX_TREE_BYTES:
            reason = f"the tree would exceed {MAX_TREE_BYTES} bytes"
        if reason:
            refused.append(RefusedEntry(printable_name(entry.name), reason))
            continue
        tree[entry.name] = TreeFile(data, 0o755 if entry.mode & 0o100 else 0o644)
        total += len(data)
    return tree, tuple(refused[:_MAX_REFUSED])


def _entries(archive: bytes, refused: list[RefusedEntry]) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """The entries of an archive with the content of regular ones, as far as it can be read."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
            for entry in tar:
                # Links are regular files to `extractfile`, and a sparse file claims bytes that the archive lacks.
                is_plain = entry.isreg() and not entry.issparse() and entry.size <= len(archive)
                file = tar.extractfile(entry) if is_plain else None
                yield entry, file.read() if file is not None else b""
    except (tarfile.TarError, ValueError, EOFError, OverflowError, OSError, MemoryError) as error:
        refused.append(RefusedEntry("(archive)", f"broken: {error}"))


def _refusal(entry: tarfile.TarInfo, tree: Tree) -> str:
    """Why an entry is not taken over; empty if it is."""
    name = entry.name
    parts = name.split("/")
    if not entry.isreg() or entry.issparse():
        return _TYPES.get(entry.type, "not a regular file")
    if name.startswith("/") or "\\" in name or not all(part not in ("", ".", "..") for part in parts):
        return "not a relative path inside the tree"
    if not name.isprintable() or len(name.encode("utf-8", "surrogateescape")) > _MAX_NAME_BYTES:
        return "its name cannot be printed or is too long"
    if name in tree or any("/".join(parts[:depth]) in tree for depth in range(1, len(parts))):
        return "a second entry of this name"
    if any(other.startswith(f"{name}/") for other in tree):
        return "a second entry of this name"
    return f"more than {MAX_FILES} files" if len(tree) >= MAX_FILES else ""
