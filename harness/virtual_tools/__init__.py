"""The virtual tools of a tool loop: a model calls read_file, grep or edit_file, the kit answers from a task's files.

`workspace_of` gives the files at the start of a trial, `run_call` answers one call, `tool_messages` a reply's calls.
"""

from harness.virtual_tools.calls import (
    assistant_tool_calls,
    call_problem,
    max_turns,
    run_call,
    tool_definitions,
    tool_messages,
    workspace_of,
)
from harness.virtual_tools.workspace import TOOL_NAMES, ToolResult, Workspace

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
