"""The virtual tools of a tool loop: what is offered to a model, and what a call answers. Pure; no file is touched.

`use` takes the virtual files and a call as the model wrote it, and gives the answer's text and the files after it, so a
recorded loop can be played again: converse answers the model with it, score replays it. A call that is not valid, a
file that is not there or an edit that does not fit are answers, never exceptions.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.files import from_json
from harness.schema import problems_of
from harness.types import Json, ToolCall, Variant
from harness.virtual_tools.pattern import Pattern, PatternError

__all__ = [
    "NAMES",
    "Bench",
    "Used",
    "bench_of",
    "definitions",
    "fault_of",
    "most_turns",
    "sent_calls",
    "tool_messages",
    "use",
]

NAMES = ("read_file", "grep", "edit_file")
MOST_TURNS = 10
MOST_HITS = 200
MOST_CHARS = 60_000


@dataclass(frozen=True, slots=True)
class Used:
    """What a call came to: the text that answers it and the files after it.

    `invalid` says why the call is not one of the tools with arguments that fit its schema; `wasted` why a valid call
    told nothing new; `edited` is the path that it changed; `refused` the protected path that it wanted to change.
    """

    text: str
    files: Mapping[str, str]
    invalid: str | None = None
    wasted: str | None = None
    edited: str | None = None
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Bench:
    """What calls work on: the files as they are, the tools that are offered, the files that none may change."""

    files: Mapping[str, str]
    offered: Sequence[str] = NAMES
    protected: Sequence[str] = ()


def _no_such(path: str, files: Mapping[str, str]) -> str:
    return f"error: no file {path!r}; there are: {', '.join(sorted(files))}"


def _path(text: str) -> str:
    return posixpath.normpath(text.strip())


def _read_file(bench: Bench, given: Mapping[str, Json]) -> Used:
    path = _path(given["path"])
    if path not in bench.files:
        return Used(_no_such(path, bench.files), bench.files, wasted="no such file")
    lines = bench.files[path].split("\n")
    # JSON has one kind of number: 2.0 is a whole one.
    first, last = int(given.get("first_line", 1)), int(given.get("last_line", len(lines)))
    shown = "\n".join(lines[first - 1 : last])
    if first > len(lines) or first > last:
        return Used(f"error: {path} has {len(lines)} lines", bench.files, wasted="no such lines")
    return Used(shown[:MOST_CHARS], bench.files)


def _grep(bench: Bench, given: Mapping[str, Json]) -> Used:
    try:
        pattern = Pattern(given["pattern"])
    except PatternError as error:
        return Used(f"error: the pattern cannot be read: {error}", bench.files, wasted="unreadable pattern")
    under = _path(given.get("path", "."))
    paths = [path for path in sorted(bench.files) if under in (".", path) or path.startswith(f"{under}/")]
    if not paths:
        return Used(_no_such(under, bench.files), bench.files, wasted="no such file")
    hits = [
        f"{path}:{number}:{line}"
        for path in paths
        for number, line in enumerate(bench.files[path].split("\n"), 1)
        if pattern.is_in(line)
    ]
    more = f"\n... and {len(hits) - MOST_HITS} more lines" if len(hits) > MOST_HITS else ""
    return Used("\n".join(hits[:MOST_HITS])[:MOST_CHARS] + more if hits else "no matches", bench.files)


def _edit_file(bench: Bench, given: Mapping[str, Json]) -> Used:
    path, old, new = _path(given["path"]), given["old"], given["new"]
    if path in bench.protected:
        return Used(f"error: {path} must not be changed", bench.files, wasted="protected file", refused=path)
    if path.startswith(("/", "..")):
        return Used("error: paths are relative to the repository", bench.files, wasted="path outside")
    if path not in bench.files:
        if old:
            return Used(_no_such(path, bench.files), bench.files, wasted="no such file")
        return Used(f"created {path}", {**bench.files, path: new}, edited=path)
    text = bench.files[path]
    places = text.count(old) if old else 0
    if places != 1:
        why = "`old` is empty, but the file is there" if not old else f"`old` stands in {path} {places} times, not once"
        return Used(f"error: {why}; nothing was changed", bench.files, wasted="edit does not fit")
    if old == new:
        return Used("error: `old` and `new` are the same; nothing was changed", bench.files, wasted="edit of nothing")
    return Used(f"edited {path}", {**bench.files, path: text.replace(old, new)}, edited=path)


@dataclass(frozen=True, slots=True)
class _Tool:
    """A tool: what is told of it, its arguments' schema, and what it does."""

    about: str
    properties: Mapping[str, Json]
    required: tuple[str, ...]
    does: Callable[[Bench, Mapping[str, Json]], Used] = field(repr=False)

    @property
    def schema(self) -> dict[str, Json]:
        """The JSON schema of the arguments."""
        return {
            "type": "object",
            "properties": dict(self.properties),
            "required": list(self.required),
            "additionalProperties": False,
        }


def _text(about: str, **more: Json) -> dict[str, Json]:
    return {"type": "string", "description": about, **more}


def _line(about: str) -> dict[str, Json]:
    return {"type": "integer", "minimum": 1, "description": about}


_PATH = _text("Path of a file, relative to the repository.", minLength=1)
_TOOLS: Mapping[str, _Tool] = {
    "read_file": _Tool(
        "Read a file, whole or from one line to another.",
        {"path": _PATH, "first_line": _line("Where to begin; 1 is the first."), "last_line": _line("Where to end.")},
        ("path",),
        _read_file,
    ),
    "grep": _Tool(
        "Search files for a regular expression; gives path:line:text for each line that matches.",
        {
            "pattern": _text("The regular expression.", minLength=1),
            "path": _text("A file or folder to search; all files where left out."),
        },
        ("pattern",),
        _grep,
    ),
    "edit_file": _Tool(
        "Replace a text that stands exactly once in a file; with an empty `old`, make a new file.",
        {"path": _PATH, "old": _text("The text to replace, as it stands."), "new": _text("What to put there.")},
        ("path", "old", "new"),
        _edit_file,
    ),
}


def definitions(names: Sequence[str] = NAMES) -> list[dict[str, Json]]:
    """The tools as the field `tools` of a chat request takes them."""
    return [
        {
            "type": "function",
            "function": {"name": name, "description": _TOOLS[name].about, "parameters": _TOOLS[name].schema},
        }
        for name in names
    ]


def read_arguments(text: str) -> Json:
    """The arguments of a call as JSON; no text at all is an empty object. Raises ValueError."""
    return from_json(text) if text.strip() else {}


def fault_of(call: ToolCall, offered: Sequence[str] = NAMES) -> str | None:
    """Why a call is not valid: its name, its arguments' JSON, or their schema. None where it is."""
    if call.name not in offered or call.name not in _TOOLS:
        return f"there is no tool {call.name!r}; there are {', '.join(offered)}"
    try:
        given = read_arguments(call.arguments)
    except (ValueError, RecursionError) as error:
        return f"the arguments are not JSON: {error}"
    problems = problems_of(given, _TOOLS[call.name].schema)
    return "; ".join(f"{problem.message}; {problem.fix}".removesuffix("; ") for problem in problems) or None


def use(bench: Bench, call: ToolCall) -> Used:
    """Answer one call; the bench stays as it is, the files after the call stand in the answer."""
    fault = fault_of(call, bench.offered)
    if fault is not None:
        return Used(f"error: {fault}", bench.files, invalid=fault)
    return _TOOLS[call.name].does(bench, read_arguments(call.arguments))


def bench_of(variant: Variant) -> Bench:
    """What the calls of a trial work on at its start: the task's files, and its settings `tools` and `protected`."""
    settings = variant.task.settings
    return Bench(dict(variant.files), tuple(settings.get("tools", NAMES)), tuple(settings.get("protected", ())))


def most_turns(variant: Variant) -> int:
    """How many replies a loop asks for at most: the setting `max_turns`."""
    return int(variant.task.settings.get("max_turns", MOST_TURNS))


def _id_of(call: ToolCall, number: int) -> str:
    return call.id or f"call_{number}"


def sent_calls(calls: Sequence[ToolCall]) -> list[dict[str, Json]]:
    """A reply's calls as they go back into the conversation.

    Servers read the arguments again to fill their template, and fail on what is no JSON object: that goes back as {}.
    """
    sent = []
    for number, call in enumerate(calls, 1):
        function = {"name": call.name, "arguments": call.arguments if _is_object(call.arguments) else "{}"}
        sent.append({"id": _id_of(call, number), "type": "function", "function": function})
    return sent


def _is_object(text: str) -> bool:
    try:
        return isinstance(from_json(text), dict)
    except ValueError:
        return False


def tool_messages(calls: Sequence[ToolCall], bench: Bench) -> tuple[list[dict[str, Json]], Bench]:
    """The messages with role `tool` that answer a reply's calls in order, and the bench after them."""
    messages: list[dict[str, Json]] = []
    for number, call in enumerate(calls, 1):
        used = use(bench, call)
        bench = replace(bench, files=used.files)
        messages.append({"role": "tool", "tool_call_id": _id_of(call, number), "content": used.text})
    return messages, bench
