"""Tool calls: the definitions that a model gets, the validation of its calls, and the messages that answer them.

`run_call` answers one call, `tool_messages` all calls of a reply. The run answers the model with them, and the scorer
replays the recorded calls. An invalid call is an answer, never an exception.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.files import MAX_JSON_DEPTH, from_json
from harness.schema import has_safe_numbers, problems_of
from harness.types import Json, ToolCall, Variant
from harness.virtual_tools.workspace import TOOL_NAMES, ToolResult, Workspace, edit_file, grep, read_file

DEFAULT_MAX_TURNS = 10
_MAX_SENT_DEPTH = 32
"""Of arguments that go back to the model: Messages has them as objects inside a request that is stored inside a line,
and the whole line may be MAX_JSON_DEPTH levels deep."""
_INTEGER = re.compile(r"\s*[0-9]{1,9}\s*", re.ASCII)


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
        read_file,
    ),
    "grep": _Tool(
        "Search files for a regular expression (RE2 syntax); returns path:line:text for each matching line.",
        {
            "pattern": _string("The regular expression.", minLength=1),
            "path": _string("File or folder to search; default: all files."),
        },
        ("pattern",),
        grep,
    ),
    "edit_file": _Tool(
        "Replace a string that occurs exactly once in a file. With an empty `old`, create a new file.",
        {"path": _PATH, "old": _string("The string to replace."), "new": _string("The replacement.")},
        ("path", "old", "new"),
        edit_file,
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
    return from_json(text, max_depth=MAX_JSON_DEPTH) if text.strip() else {}


def _integer_of(value: Json) -> Json:
    """The integer that a string of digits stands for; any other value as it is."""
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else value


def _tolerated(tool: _Tool, arguments: Json) -> Json:
    """The arguments without what does no harm: an unknown or empty optional one, a string of digits for an integer.

    Servers and chat templates make such calls of right ones, and the tools of agents take them.
    """
    if not isinstance(arguments, dict):
        return arguments
    known = {name: value for name, value in arguments.items() if name in tool.properties}
    given = {name: value for name, value in known.items() if value is not None or name in tool.required}
    integers = {name for name in given if tool.properties[name]["type"] == "integer"}
    return {name: _integer_of(value) if name in integers else value for name, value in given.items()}


def _parse_call(call: ToolCall, offered: Sequence[str]) -> tuple[Json, str | None]:
    """The arguments of a call, and why it is invalid: its name, its arguments' JSON, or their schema."""
    if call.name not in offered or call.name not in _TOOLS:
        return None, f"there is no tool {call.name!r}; the tools are: {', '.join(offered)}"
    tool = _TOOLS[call.name]
    try:
        arguments = _tolerated(tool, read_arguments(call.arguments))
    except ValueError as error:
        return None, f"the arguments are not JSON: {error}"
    problems = problems_of(arguments, tool.schema)
    return arguments, "; ".join(f"{problem.message}; {problem.fix}".removesuffix("; ") for problem in problems) or None


def call_problem(call: ToolCall, offered: Sequence[str] = TOOL_NAMES) -> str | None:
    """Why a call is invalid. None for a valid call."""
    return _parse_call(call, offered)[1]


def run_call(workspace: Workspace, call: ToolCall) -> ToolResult:
    """Answer one call; the workspace is unchanged, the files after the call are in the result."""
    arguments, problem = _parse_call(call, workspace.offered)
    if problem is not None:
        return ToolResult(f"error: {problem}", workspace.files, invalid_reason=problem)
    return _TOOLS[call.name].run(workspace, arguments)


def workspace_of(variant: Variant) -> Workspace:
    """The workspace at the start of a trial: the task's files, and its settings `tools`, `protected` and `entry`."""
    settings = variant.task.settings
    return Workspace(
        dict(variant.files),
        tuple(settings.get("tools", TOOL_NAMES)),
        tuple(settings.get("protected", ())),
        variant.task.language,
        str(settings.get("entry", "")),
        tuple(settings["editable"]) if "editable" in settings else None,
    )


def max_turns(variant: Variant) -> int:
    """The maximum number of replies in a tool loop: the setting `max_turns`."""
    return int(variant.task.settings.get("max_turns", DEFAULT_MAX_TURNS))


def _id_of(call: ToolCall, number: int) -> str:
    return call.id or f"call_{number}"


def assistant_tool_calls(calls: Sequence[ToolCall]) -> list[dict[str, Json]]:
    """A reply's calls as the `tool_calls` of its assistant message in the next request.

    Servers parse the arguments again to fill in their chat template, and fail on anything but a JSON object: other
    arguments go back as {}, and so do those that are nested too deeply to be written again, or have a number that two
    readers could understand differently, such as 1e999.
    """
    messages = []
    for number, call in enumerate(calls, 1):
        function = {"name": call.name, "arguments": call.arguments if _is_object(call.arguments) else "{}"}
        messages.append({"id": _id_of(call, number), "type": "function", "function": function})
    return messages


def _is_object(text: str) -> bool:
    try:
        document = from_json(text, max_depth=_MAX_SENT_DEPTH)
    except ValueError:
        return False
    return isinstance(document, dict) and has_safe_numbers(document)


def tool_messages(
    calls: Sequence[ToolCall], workspace: Workspace, max_chars: float = math.inf
) -> tuple[list[dict[str, Json]], Workspace]:
    """The messages with role `tool` that answer a reply's calls in order, and the workspace after them.

    Once their texts have more than `max_chars`, the calls that remain get no answer and change nothing: a short call
    may be answered with a long file, and `verify` needs no more than the recorded request has room for.
    """
    messages: list[dict[str, Json]] = []
    for number, call in enumerate(calls, 1):
        if max_chars < 0:
            break
        result = run_call(workspace, call)
        max_chars -= len(result.text)
        workspace = replace(workspace, files=result.files)
        messages.append({"role": "tool", "tool_call_id": _id_of(call, number), "content": result.text})
    return messages, workspace
