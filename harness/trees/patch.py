"""A final tree as a patch: a unified diff in git's form against the tree that the task gave.

`make_patch` writes it and `apply_patch` reads it back, strictly: every line of context must be where the hunk says.
What was left out of the tree stands above the first file, where git reads nothing: `git apply` takes the patch, too.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence

from harness.trees.tree import ExcludedPath, FinalTree, blocking_files, path_problem

MAX_COMPARED_LINES = 2000
"""Longer files are replaced as a whole: comparing lines takes time by their square, and an agent chooses the lines."""
MAX_PATCH_CHARS = 64 * 1024 * 1024
_LEFT_OUT = re.compile(r"left out: (?P<path>.+) \((?P<reason>[^()]*)\)")
HUNK_RANGES = r"-(?P<old>[0-9]{1,9})(?:,(?P<n_old>[0-9]{1,9}))? \+[0-9]{1,9}(?:,(?P<n_new>[0-9]{1,9}))?"
"""The line numbers of a hunk's header. Bounded: Python refuses to read an integer of 4,300 digits."""
_HUNK = re.compile(rf"@@ {HUNK_RANGES} @@(?: .*)?")
_NO_NEWLINE = "\\ No newline at end of file"
_INDEX = re.compile(r"index [0-9a-f]+\.\.[0-9a-f]+(?: \d+)?")
"""A line of `git diff`, by which people write the patches of a task's folder; it says nothing that is needed here."""
_NEW_FILE, _DELETED_FILE = "new file mode 100644", "deleted file mode 100644"


class PatchError(ValueError):
    """A text that is no patch against this tree."""


def make_patch(before: Mapping[str, str], tree: FinalTree) -> str:
    """The changes from the task's files to a final tree; "" where there are none and nothing was left out."""
    out = [f"left out: {entry.path} ({entry.reason})\n" for entry in tree.left_out]
    for path in sorted({*before, *tree.files}):
        old, new = before.get(path), tree.files.get(path)
        if old != new and not (new is None and tree.is_left_out(path)):
            out += _file_patch(path, old, new)
    return "".join(out)


def apply_patch(before: Mapping[str, str], patch: str) -> FinalTree:
    """The final tree that a patch describes. Raises PatchError."""
    if len(patch) > MAX_PATCH_CHARS:
        raise PatchError(f"the patch has more than {MAX_PATCH_CHARS} characters")
    lines = patch.split("\n")
    if lines.pop():
        raise PatchError("the patch does not end with a newline")
    reader = _Reader(lines)
    left_out = tuple(reader.left_out())
    files = dict(before)
    while not reader.at_end:
        path, text = reader.file(files)
        if text is None:
            del files[path]
        else:
            files[path] = text
    blocked = blocking_files(files)
    if blocked:
        raise PatchError(f"{min(blocked)} is a file and a folder")
    return FinalTree(files, left_out)


# --- writing ----------------------------------------------------------------------------------------------------------


def _file_patch(path: str, old: str | None, new: str | None) -> Iterator[str]:
    yield f"diff --git a/{path} b/{path}\n"
    if old is None:
        yield f"{_NEW_FILE}\n"
    if new is None:
        yield f"{_DELETED_FILE}\n"
    old_lines, new_lines = lines_of(old or ""), lines_of(new or "")
    if not old_lines and not new_lines:
        return
    # Git ends a name that contains a space with a tab.
    tab = "\t" if " " in path else ""
    yield "--- /dev/null\n" if old is None else f"--- a/{path}{tab}\n"
    yield "+++ /dev/null\n" if new is None else f"+++ b/{path}{tab}\n"
    if max(len(old_lines), len(new_lines)) > MAX_COMPARED_LINES:
        yield f"@@ -{_range(len(old_lines))} +{_range(len(new_lines))} @@\n"
        marked = [*(f"-{line}" for line in old_lines), *(f"+{line}" for line in new_lines)]
    else:
        marked = list(difflib.unified_diff(old_lines, new_lines))[2:]
    for line in marked:
        yield line if line.endswith("\n") else f"{line}\n{_NO_NEWLINE}\n"


def _range(count: int) -> str:
    return f"{min(1, count)},{count}"


def lines_of(text: str) -> list[str]:
    """The lines with their newlines; nothing but a newline ends a line, as in a patch."""
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop().removesuffix("\n")
    return [*lines, last] if last else lines


# --- reading ----------------------------------------------------------------------------------------------------------


class _Reader:
    """Reads a patch line by line."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._all = lines
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._all)

    @property
    def _line(self) -> str:
        return "" if self.at_end else self._all[self._at]

    def _take(self, *expected: str) -> bool:
        """Whether the next line is one of these; then it is read."""
        found = not self.at_end and self._line in expected
        self._at += found
        return found

    def _refuse(self, message: str) -> PatchError:
        return PatchError(f"line {self._at + 1} of the patch: {message}")

    def left_out(self) -> Iterator[ExcludedPath]:
        while (found := _LEFT_OUT.fullmatch(self._line)) is not None:
            yield ExcludedPath(found["path"], found["reason"])
            self._at += 1

    def file(self, files: Mapping[str, str]) -> tuple[str, str | None]:
        """The next file's path and its text after the patch; None where it is deleted."""
        path = self._path()
        is_new, is_deleted = self._take(_NEW_FILE), self._take(_DELETED_FILE)
        if is_new == (path in files) or (is_new and is_deleted):
            raise self._refuse(f"{path} {'exists already' if path in files else 'does not exist'}")
        self._at += _INDEX.fullmatch(self._line) is not None
        if not self._take("--- /dev/null" if is_new else f"--- a/{path}", f"--- a/{path}\t"):
            return path, None if is_deleted else self._empty(is_new)
        if not self._take("+++ /dev/null" if is_deleted else f"+++ b/{path}", f"+++ b/{path}\t"):
            raise self._refuse("expected the header of the new file")
        text = self._hunks(lines_of(files.get(path, "")))
        if is_deleted and text:
            raise self._refuse(f"{path} is deleted, but not all of its lines")
        return path, None if is_deleted else text

    def _empty(self, is_new: bool) -> str:
        if not is_new:
            raise self._refuse("expected the header of the old file")
        return ""

    def _path(self) -> str:
        header = self._line.removeprefix("diff --git a/")
        half = (len(header) - len(" b/")) // 2
        path = header[: max(0, half)]
        if self._line != f"diff --git a/{path} b/{path}" or path_problem(path) is not None:
            raise self._refuse(f"expected the header of a file, got {self._line[:80]!r}")
        self._at += 1
        return path

    def _hunks(self, old: Sequence[str]) -> str:
        out: list[str] = []
        position = 0
        while (hunk := _HUNK.fullmatch(self._line)) is not None:
            self._at += 1
            n_old, n_new = int(hunk["n_old"] or 1), int(hunk["n_new"] or 1)
            start = int(hunk["old"]) - (1 if n_old else 0)
            if not position <= start <= len(old):
                raise self._refuse("the hunk is out of place")
            removed, added = self._hunk_lines(n_old, n_new)
            if list(old[start : start + n_old]) != removed:
                raise self._refuse("the hunk does not fit the file")
            out += [*old[position:start], *added]
            position = start + n_old
        if not position and not out:
            raise self._refuse("expected a hunk")
        return "".join([*out, *old[position:]])

    def _hunk_lines(self, n_old: int, n_new: int) -> tuple[list[str], list[str]]:
        """The old and the new lines of a hunk, each with its newline unless the patch says that it has none."""
        removed: list[str] = []
        added: list[str] = []
        last: tuple[list[str], ...] = ()
        while len(removed) < n_old or len(added) < n_new or self._line == _NO_NEWLINE:
            line = self._line
            self._at += 1
            if line == _NO_NEWLINE:
                for side in last:
                    side[-1] = side[-1].removesuffix("\n")
                continue
            sides = {" ": (removed, added), "-": (removed,), "+": (added,)}.get(line[:1])
            if sides is None:
                raise self._refuse(f"expected a line of the hunk, got {line[:80]!r}")
            last = sides
            for side in sides:
                side.append(f"{line[1:]}\n")
        if (len(removed), len(added)) != (n_old, n_new):
            raise self._refuse("the hunk has another number of lines than it states")
        return removed, added
