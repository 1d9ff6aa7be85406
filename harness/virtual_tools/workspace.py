"""The workspace of a tool loop: virtual files, and the three tools that read, search and edit them.

Each tool returns a `ToolResult` with its answer and the files after it. A missing file or an edit that does not fit is
an answer, never an exception.

`grep` uses RE2, since its time is linear in the text whatever the pattern: a model can write any pattern. RE2 has
neither look-around nor back references, and its `\\w`, `\\d` and `\\b` are ASCII.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import re2

from harness.languages import shadows
from harness.trees import blocking_files, matches, path_problem
from harness.types import Json

TOOL_NAMES = ("read_file", "grep", "edit_file")
MAX_MATCHES = 200
MAX_CHARS = 60_000
MAX_PATTERN_CHARS = 1000
"""google-re2 1.1.20251105 needs 0.5 s for 5,000 nested groups, 13 s for 20,000, and crashes the process at 50,000."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The answer to a call and the files after it.

    `invalid_reason`: why the call names no offered tool or its arguments do not fit the tool's schema. `wasted_reason`:
    why a valid call achieved nothing. `edited_path`: the file that it changed. `refused_path`: the protected file that
    it tried to change.
    """

    text: str
    files: Mapping[str, str]
    invalid_reason: str | None = None
    wasted_reason: str | None = None
    edited_path: str | None = None
    refused_path: str | None = None


@dataclass(frozen=True, slots=True)
class Workspace:
    """What calls work on: the current files, the tools on offer, and the files that must not change.

    `editable` are patterns of the only paths that may change or be new; None: all. `language` and `entry`, the file
    that is started, decide which new files would replace a protected one.
    """

    files: Mapping[str, str]
    offered: Sequence[str] = TOOL_NAMES
    protected: Sequence[str] = ()
    language: str | None = None
    entry: str = ""
    editable: Sequence[str] | None = None

    def refuses(self, path: str) -> bool:
        """Whether a file must not be written: it is protected or not editable, or is imported in place of one."""
        if self.editable is not None and not matches(path, self.editable):
            return True
        is_new = path not in self.files
        return path in self.protected or (is_new and shadows(self.language, path, self.protected, self.entry))


def _missing_file(path: str, files: Mapping[str, str]) -> str:
    return f"error: no such file: {path!r}; the files are: {', '.join(sorted(files))}"


def _path(text: str, files: Mapping[str, str]) -> str:
    """A path relative to the repository: the tools of agents take "/app.py" for app.py, if there is such a file."""
    path = posixpath.normpath(text.strip())
    inside = path.lstrip("/") or "."
    is_there = inside == "." or any(name == inside or name.startswith(f"{inside}/") for name in files)
    return inside if path.startswith("/") and is_there else path


def _count(text: str, part: str) -> int:
    """How often a string occurs, as far as it matters: two occurrences that overlap are no single one."""
    count = text.count(part)
    return 2 if count == 1 and part in text[text.index(part) + 1 :] else count


def read_file(workspace: Workspace, arguments: Mapping[str, Json]) -> ToolResult:
    """The text of a file, or of a range of its lines."""
    path = _path(arguments["path"], workspace.files)
    if path not in workspace.files:
        return ToolResult(_missing_file(path, workspace.files), workspace.files, wasted_reason="no such file")
    lines = workspace.files[path].split("\n")
    # JSON has one type of number: a model that writes 2.0 for a line means 2.
    first, last = int(arguments.get("first_line", 1)), int(arguments.get("last_line", len(lines)))
    shown = "\n".join(lines[first - 1 : last])
    if first > len(lines) or first > last:
        return ToolResult(f"error: {path} has {len(lines)} lines", workspace.files, wasted_reason="no such lines")
    return ToolResult(shown[:MAX_CHARS], workspace.files)


def _utf8(text: str) -> bytes:
    """RE2 works on bytes; `surrogatepass`, since a JSON string of a model can hold half of a surrogate pair."""
    return text.encode("utf-8", "surrogatepass")


def _compile(pattern: str) -> Any:
    """The compiled pattern. Raises ValueError for one that is too long or that RE2 refuses."""
    if len(pattern) > MAX_PATTERN_CHARS:
        raise ValueError(f"longer than {MAX_PATTERN_CHARS} characters")
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(_utf8(pattern), options)
    except re2.error as error:
        raise ValueError(error.args[0].decode("utf-8", "replace")) from error


def grep(workspace: Workspace, arguments: Mapping[str, Json]) -> ToolResult:
    """path:line:text of each line that matches a pattern."""
    try:
        pattern = _compile(arguments["pattern"])
    except ValueError as error:
        return ToolResult(f"error: invalid pattern: {error}", workspace.files, wasted_reason="invalid pattern")
    under = _path(arguments.get("path", "."), workspace.files)
    paths = [path for path in sorted(workspace.files) if under in (".", path) or path.startswith(f"{under}/")]
    if not paths:
        return ToolResult(_missing_file(under, workspace.files), workspace.files, wasted_reason="no such file")
    matches = [
        f"{path}:{number}:{line}"
        for path in paths
        for number, line in enumerate(workspace.files[path].split("\n"), 1)
        if pattern.search(_utf8(line))
    ]
    more = f"\n... and {len(matches) - MAX_MATCHES} more lines" if len(matches) > MAX_MATCHES else ""
    return ToolResult("\n".join(matches[:MAX_MATCHES])[:MAX_CHARS] + more if matches else "no matches", workspace.files)


def _create_file(workspace: Workspace, path: str, text: str) -> ToolResult:
    """Create a file, unless no folder could hold it beside the others."""
    files = {**workspace.files, path: text}
    problem = path_problem(path) or ("a file and a folder of one name" if blocking_files(files) else None)
    if problem is not None:
        message = f"error: {path!r} cannot be created: {problem}"
        return ToolResult(message, workspace.files, wasted_reason="impossible path")
    return ToolResult(f"created {path}", files, edited_path=path)


def edit_file(workspace: Workspace, arguments: Mapping[str, Json]) -> ToolResult:
    """Replace the only occurrence of a string, or create a file."""
    path, old, new = _path(arguments["path"], workspace.files), arguments["old"], arguments["new"]
    if workspace.refuses(path):
        return ToolResult(
            f"error: {path} must not be {'changed' if path in workspace.files else 'created'}",
            workspace.files,
            wasted_reason="protected file",
            refused_path=path,
        )
    if path.startswith(("/", "..")):
        return ToolResult("error: the path leaves the repository", workspace.files, wasted_reason="path outside")
    if path not in workspace.files:
        if old:
            return ToolResult(_missing_file(path, workspace.files), workspace.files, wasted_reason="no such file")
        return _create_file(workspace, path, new)
    text = workspace.files[path]
    count = _count(text, old) if old else 0
    if count != 1:
        why = "`old` is empty, but the file exists" if not old else f"`old` occurs {count} times in {path}, not once"
        return ToolResult(f"error: {why}; nothing was changed", workspace.files, wasted_reason="edit does not fit")
    if old == new:
        return ToolResult(
            "error: `old` equals `new`; nothing was changed",
            workspace.files,
            wasted_reason="edit without a change",
        )
    return ToolResult(f"edited {path}", {**workspace.files, path: text.replace(old, new)}, edited_path=path)
