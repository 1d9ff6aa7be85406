"""What the scripted model does: `ScriptedModel` reads files, writes them and ends, through an agent's own tool.

The agent's file declares one way to act, a `ScriptedAction`: a tool that runs a shell command, or a text that the agent
takes as an edit.
"""

from __future__ import annotations

import json
import shlex
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from harness.agents.catalog import ScriptedAction, fill
from harness.agents.scripted.replies import ScriptedReply
from harness.types import Json

DONE = "Done."


@dataclass(slots=True)
class ScriptedModel:
    """The replies to the requests of a session, in their order. Requests without tools, as for a title, take no step.

    `work` has the files that are written for a task, each is read before, by a phrase that is in the task's requests.
    `missing_tools` are the tools of requests that offered others than the declared one; `acted` counts the replies that
    act.
    """

    action: ScriptedAction
    work: Mapping[str, Mapping[str, str]]
    acted: Counter[str] = field(default_factory=Counter)
    missing_tools: tuple[str, ...] = ()
    _number: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reply(self, request: Mapping[str, Json]) -> ScriptedReply:
        """The reply to a request."""
        text = json.dumps(request, ensure_ascii=False)
        task = next((phrase for phrase in self.work if json.dumps(phrase, ensure_ascii=False)[1:-1] in text), None)
        with self._lock:
            self._number += 1
            step = None if task is None else self._step(task, tool_names(request))
            prompt_chars = len(text)
            if step is None:
                return ScriptedReply(self._number, prompt_chars, DONE)
            if not self.action.tool:
                return ScriptedReply(self._number, prompt_chars, step)
            arguments = fill_json(self.action.arguments, {"command": step})
            return ScriptedReply(self._number, prompt_chars, "", self.action.tool, arguments)

    def steps(self, task: str) -> list[str]:
        """The commands for a task, or the text with all edits: twice, since aider asks again for files new to it."""
        files = self.work[task]
        if not self.action.tool:
            edits = (fill(self.action.edit, {"path": path, "content": text}) for path, text in files.items())
            return ["".join(edits)] * 2
        commands = [command for path, text in files.items() for command in (_read(path), _write(path, text))]
        return [*commands, *([self.action.finish] if self.action.finish else [])]

    def _step(self, task: str, tools: Sequence[str]) -> str | None:
        """The next step of a task, if this request can take it."""
        if self.action.tool and self.action.tool not in tools:
            self.missing_tools = self.missing_tools or tuple(tools)
            return None
        steps = self.steps(task)
        if self.acted[task] >= len(steps):
            return None
        self.acted[task] += 1
        return steps[self.acted[task] - 1]


def tool_names(request: Mapping[str, Json]) -> list[str]:
    """The names of the tools that a request offers, over any API."""
    tools = [tool for tool in request.get("tools") or () if isinstance(tool, dict)]
    return [str((tool.get("function") or tool).get("name") or tool.get("type")) for tool in tools]


def fill_json(template: Json, values: Mapping[str, str]) -> Json:
    """A JSON value with the placeholders in its strings replaced."""
    if isinstance(template, str):
        return fill(template, values)
    if isinstance(template, Mapping):
        return {name: fill_json(value, values) for name, value in template.items()}
    return [fill_json(value, values) for value in template] if isinstance(template, list | tuple) else template


def _read(path: str) -> str:
    return f"cat {shlex.quote(path)}"


def _write(path: str, text: str) -> str:
    folder = shlex.quote(str(PurePosixPath(path).parent))
    return f"mkdir -p {folder} && printf %s {shlex.quote(text)} > {shlex.quote(path)}"
