"""Kind `tools`: the calls of a tool loop, replayed on virtual files; then the files are run against the cases.

Each reading is one reply. The tools and what they answer are those of harness/tools; the files start as the task's.

settings      of kind `calls`: equality, entry (default: the first of files/ by name); and
    driver          "calls" (default) or "program"
    tools           offered tools; default ["read_file", "grep", "edit_file"]
    max_turns       how many replies the loop asks for at most; default 10
    first_call      a check `first-call`: the first reply calls this tool, with valid arguments
    invalid_at_most how many calls may be invalid, for the check `calls-valid`; default 0
    wasted_at_most  a check `calls-useful`: how many calls may be wasted (a repeat that nothing had changed since, a
                    file that is not there, an edit that does not apply)
    protected       files that edit_file refuses to touch
cases.json    as of the driver; they run on the files as the last call left them. May be empty: then only calls count
checks        `first-call` where set, `calls-valid`, `calls-useful` where set, `applied` (an edit changed a file;
              only where there are cases), and one a case
facts         calls, invalid_calls, wasted_calls, turns, narrated_first, edits_applied, edits_refused,
              files_changed, groups
An answer without a single call is no answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.score.drivers import demand_driven, run_files
from harness.score.execute import grouped
from harness.score.kinds.edits import APPLIED
from harness.score.settings import Demands
from harness.score.verdict import Judgment, nothing
from harness.types import Case, Check, Json, Reading, Sandbox, Task, ToolCall, Variant
from harness.virtual_tools import TOOL_NAMES, ToolResult, Workspace, run_call, workspace_of

FIRST_CALL, VALID, USEFUL = "first-call", "calls-valid", "calls-useful"
SETTINGS = ("equality", "entry", "driver", "tools", "max_turns", "first_call", "invalid_at_most", "wasted_at_most",
            "protected")  # fmt: skip


def check_names(variant: Variant) -> tuple[str, ...]:
    """The checks' names."""
    settings = variant.task.settings
    first = (FIRST_CALL,) if "first_call" in settings else ()
    useful = (USEFUL,) if "wasted_at_most" in settings else ()
    applied = (APPLIED,) if variant.cases else ()
    return (*first, VALID, *useful, *applied, *(case.id for case in variant.cases))


@dataclass(slots=True)
class _Replay:
    """The calls of a trial played again: every call with what it came to."""

    workspace: Workspace
    made: list[tuple[ToolCall, ToolResult]] = field(default_factory=list)
    repeats: int = 0
    _seen: set[tuple[str, str]] = field(default_factory=set)

    def call(self, call: ToolCall) -> None:
        used = run_call(self.workspace, call)
        key = (call.name, call.arguments)
        self.repeats += key in self._seen and not (used.wasted_reason or used.invalid_reason)
        self._seen = set() if used.edited_path else self._seen | {key}
        self.workspace = replace(self.workspace, files=used.files)
        self.made.append((call, used))

    @property
    def invalid(self) -> list[str]:
        return [used.invalid_reason for _, used in self.made if used.invalid_reason]

    @property
    def wasted(self) -> list[str]:
        return [used.wasted_reason for _, used in self.made if used.wasted_reason] + ["a repeat"] * self.repeats


def _facts(variant: Variant, readings: Sequence[Reading], replay: _Replay) -> dict[str, Json]:
    changed = [path for path, text in replay.workspace.files.items() if variant.files.get(path) != text]
    return {
        "calls": len(replay.made),
        "invalid_calls": len(replay.invalid),
        "wasted_calls": len(replay.wasted),
        "turns": len(readings),
        "narrated_first": bool(readings[0].content.strip()),
        "edits_applied": sum(used.edited_path is not None for _, used in replay.made),
        "edits_refused": sum(used.refused_path is not None for _, used in replay.made),
        "files_changed": sorted(changed),
    }


def _first_call_check(reading: Reading, name: str, replay: _Replay) -> Check:
    if not reading.tool_calls:
        return Check(FIRST_CALL, False, name, reading.content[:80], "the first reply calls nothing")
    call, used = replay.made[0]
    return Check(FIRST_CALL, call.name == name and used.invalid_reason is None, name, call.name, used.invalid_reason)


def _call_checks(variant: Variant, readings: Sequence[Reading], replay: _Replay) -> list[Check]:
    settings, checks = variant.task.settings, []
    if "first_call" in settings:
        checks.append(_first_call_check(readings[0], str(settings["first_call"]), replay))
    most = int(settings.get("invalid_at_most", 0))
    invalid, wasted = replay.invalid, replay.wasted
    checks.append(Check(VALID, len(invalid) <= most, f"{most} invalid", len(invalid), "; ".join(invalid)[:200] or None))
    if "wasted_at_most" in settings:
        most = int(settings["wasted_at_most"])
        note = "; ".join(wasted)[:200] or None
        checks.append(Check(USEFUL, len(wasted) <= most, f"{most} wasted", len(wasted), note))
    return checks


def _edit_faults(replay: _Replay) -> list[str]:
    return [used.text[:100] for call, used in replay.made if call.name == "edit_file" and not used.edited_path]


def score_tools(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """Score the calls of all turns, and the files that they leave. Raises EngineError."""
    replay = _Replay(workspace_of(variant))
    for reading in readings:
        for call in reading.tool_calls:
            replay.call(call)
    if not replay.made:
        return nothing(check_names(variant), "no tool was called")
    facts = _facts(variant, readings, replay)
    checks = _call_checks(variant, readings, replay)
    if not variant.cases:
        return Judgment(tuple(checks), "tool-calls", facts=facts)
    edited = bool(facts["files_changed"])
    note = None if edited else "; ".join(_edit_faults(replay))[:200] or "no edit was made"
    checks.append(Check(APPLIED, edited, None, facts["files_changed"], note))
    ran = run_files(variant, _runnable(variant, replay.workspace.files), sandbox)
    return Judgment((*checks, *ran.checks), "tool-calls", ran.ends, facts={**facts, **grouped(ran.checks)})


def _runnable(variant: Variant, files: Mapping[str, str]) -> dict[str, str]:
    """The files as the calls left them; what may not change is what it was, whatever the tools let through."""
    return {**files, **{name: variant.files[name] for name in workspace_of(variant).protected if name in variant.files}}


def problems(task: Task, cases: Sequence[Case]) -> list[str]:
    """What is wrong with a task of this kind."""
    demands, settings = Demands(task), task.settings
    demands.settings(SETTINGS)
    demands.choice(settings, "equality", ("exact", "equal"))
    for key in ("tools", "protected"):
        demands.texts(settings, key)
    for key in ("max_turns", "invalid_at_most", "wasted_at_most"):
        demands.of_type(settings, key, int)
    offered = tuple(settings.get("tools", TOOL_NAMES))
    for name in offered:
        if name not in TOOL_NAMES:
            demands.fault("tools", f"holds {name!r}; there are {', '.join(TOOL_NAMES)}")
    demands.choice(settings, "first_call", offered)
    if cases:
        demands.language()
        demand_driven(demands, cases)
    return demands.found
