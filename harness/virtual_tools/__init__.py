"""The virtual tools of a tool loop (read_file, grep, edit_file): their definitions, and what each call answers.

`run_call` takes a workspace of virtual files and a call as the model wrote it, and returns the text that answers it and
the files after it. Both the run, which answers the model, and the scorer, which replays the recorded calls, use it. An
invalid call, a missing file or an edit that does not fit is an answer, never an exception.

`grep` uses RE2, since its time is linear in the text whatever the pattern: a model can write any pattern. RE2 has
neither look-around nor back references, and its `\\w`, `\\d` and `\\b` are ASCII.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import re2

from harness.files import from_json
from harness.schema import problems_of
from harness.types import Json, ToolCall, Variant

__all__ = [
    "TOOL_NAMES",
    "ToolResult",
    "Workspace",
    "assistant_tool_calls",
    "call_problem",
    "max_turns",
    "run_call",
    "tool_definitions",
    "tool_messages",
    "workspace_of",
]

TOOL_NAMES = ("read_file", "grep", "edit_file")
DEFAULT_MAX_TURNS = 10
MAX_MATCHES = 200
MAX_CHARS = 60_000
MAX_PATTERN_CHARS = 1000
"""google-re2 1.1.20251105 needs 0.5 s for 5,000 nested groups, 13 s for 20,000, and crashes the process at 50,000."""
_RE2_OPTIONS = re2.Options()
_RE2_OPTIONS.log_errors = False


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
    """What calls work on: the current files, the tools on offer, and the files that must not change."""

    files: Mapping[str, str]
    offered: Sequence[str] = TOOL_NAMES
    protected: Sequence[str] = ()


def _missing_file(path: str, files: Mapping[str, str]) -> str:
    return f"error: no such file: {path!r}; the files are: {', '.join(sorted(files))}"


def _path(text: str) -> str:
    return posixpath.normpath(text.strip())


def _read_file(workspace: Workspace, arguments: Mapping[str, Json]) -> ToolResult:
    path = _path(arguments["path"])
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
    try:
        return re2.compile(_utf8(pattern), _RE2_OPTIONS)
    except re2.error as error:
        raise ValueError(error.args[0].decode("utf-8", "replace")) from error


def _grep(workspace: Workspace, arguments: Mapping[str, Json]) -> ToolResult:
    try:
        pattern = _compile(arguments["pattern"])
    except ValueError as error:
        return ToolResult(f"error: invalid pattern: {error}", workspace.files, wasted_reason="invalid pattern")
    under = _path(arguments.get("path", "."))
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


def _edit_file(workspace: Workspace, arguments: Mapping[str, Json]) -> ToolResult:
    path, old, new = _path(arguments["path"]), arguments["old"], arguments["new"]
    if path in workspace.protected:
        return ToolResult(
            f"error: {path} must not be changed", workspace.files, wasted_reason="protected file", refused_path=path
        )
    if path.startswith(("/", "..")):
        return ToolResult("error: the path leaves the repository", workspace.files, wasted_reason="path outside")
    if path not in workspace.files:
        if old:
            return ToolResult(_missing_file(path, workspace.files), workspace.files, wasted_reason="no such file")
        return ToolResult(f"created {path}", {**workspace.files, path: new}, edited_path=path)
    text = workspace.files[path]
    count = text.count(old) if old else 0
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


@dataclass(frozen=True, slots=True)
class _Tool:
    """A tool: its description and argument schema for the model, and the function that answers a call."""

    description: str
    properties: Mapping[str, Json]
    required: tuple[str, ...]
    run: Callable[[Workspace, Mapping[str, Json]], ToolResult] = field(repr=False)

    @property
    def schema(self) -> dict[str, Json]:
        """The JSON schema of the arguments."""
        return {
            "type": "object",
            "properties": dict(self.properties),
            "required": list(self.required),
            "additionalProperties": False,
        }


def _string(description: str, **more: Json) -> dict[str, Json]:
    return {"type": "string", "description": description, **more}


def _line(description: str) -> dict[str, Json]:
    return {"type": "integer", "minimum": 1, "description": description}


_PATH = _string("Path of a file, relative to the repository.", minLength=1)
_TOOLS: Mapping[str, _Tool] = {
    "read_file": _Tool(
        "Read a file, all of it or a range of lines.",
        {
            "path": _PATH,
            "first_line": _line("First line, counted from 1."),
            "last_line": _line("Last line."),
        },
        ("path",),
        _read_file,
    ),
    "grep": _Tool(
        "Search files for a regular expression (RE2 syntax); returns path:line:text for each matching line.",
        {
            "pattern": _string("The regular expression.", minLength=1),
            "path": _string("File or folder to search; default: all files."),
        },
        ("pattern",),
        _grep,
    ),
    "edit_file": _Tool(
        "Replace a string that occurs exactly once in a file. With an empty `old`, create a new file.",
        {"path": _PATH, "old": _string("The string to replace."), "new": _string("The replacement.")},
        ("path", "old", "new"),
        _edit_file,
    ),
}


def tool_definitions(names: Sequence[str] = TOOL_NAMES) -> list[dict[str, Json]]:
    """The tools as the field `tools` of a chat request takes them."""
    return [
        {
            "type": "function",
            "function": {"name": name, "description": _TOOLS[name].description, "parameters": _TOOLS[name].schema},
        }
        for name in names
    ]


def read_arguments(text: str) -> Json:
    """The arguments of a call as JSON; an empty string is an empty object. Raises ValueError."""
    return from_json(text) if text.strip() else {}


def call_problem(call: ToolCall, offered: Sequence[str] = TOOL_NAMES) -> str | None:
    """Why a call is invalid: its name, its arguments' JSON, or their schema. None for a valid call."""
    if call.name not in offered or call.name not in _TOOLS:
        return f"there is no tool {call.name!r}; the tools are: {', '.join(offered)}"
    try:
        arguments = read_arguments(call.arguments)
    except (ValueError, RecursionError) as error:
        return f"the arguments are not JSON: {error}"
    problems = problems_of(arguments, _TOOLS[call.name].schema)
    return "; ".join(f"{problem.message}; {problem.fix}".removesuffix("; ") for problem in problems) or None


def run_call(workspace: Workspace, call: ToolCall) -> ToolResult:
    """Answer one call; the workspace is unchanged, the files after the call are in the result."""
    problem = call_problem(call, workspace.offered)
    if problem is not None:
        return ToolResult(f"error: {problem}", workspace.files, invalid_reason=problem)
    return _TOOLS[call.name].run(workspace, read_arguments(call.arguments))


def workspace_of(variant: Variant) -> Workspace:
    """The workspace at the start of a trial: the task's files, and its settings `tools` and `protected`."""
    settings = variant.task.settings
    return Workspace(
        dict(variant.files), tuple(settings.get("tools", TOOL_NAMES)), tuple(settings.get("protected", ()))
    )


def max_turns(variant: Variant) -> int:
    """The maximum number of replies in a tool loop: the setting `max_turns`."""
    return int(variant.task.settings.get("max_turns", DEFAULT_MAX_TURNS))


def _id_of(call: ToolCall, number: int) -> str:
    return call.id or f"call_{number}"


def assistant_tool_calls(calls: Sequence[ToolCall]) -> list[dict[str, Json]]:
    """A reply's calls as the `tool_calls` of its assistant message in the next request.

    Servers parse the arguments again to fill in their chat template, and fail on anything but a JSON object: other
    arguments go back as {}.
    """
    messages = []
    for number, call in enumerate(calls, 1):
        function = {"name": call.name, "arguments": call.arguments if _is_object(call.arguments) else "{}"}
        messages.append({"id": _id_of(call, number), "type": "function", "function": function})
    return messages


def _is_object(text: str) -> bool:
    try:
        return isinstance(from_json(text), dict)
    except ValueError:
        return False


def tool_messages(calls: Sequence[ToolCall], workspace: Workspace) -> tuple[list[dict[str, Json]], Workspace]:
    """The messages with role `tool` that answer a reply's calls in order, and the workspace after them."""
    messages: list[dict[str, Json]] = []
    for number, call in enumerate(calls, 1):
        result = run_call(workspace, call)
        workspace = replace(workspace, files=result.files)
        messages.append({"role": "tool", "tool_call_id": _id_of(call, number), "content": result.text})
    return messages, workspace
