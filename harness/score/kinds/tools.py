"""Kind `tools`: the calls of a tool loop are replayed on virtual files, which then run against the cases.

Each reading is one reply. The tools are those of harness/virtual_tools; the files begin as the task's.

settings      of kind `calls`: equality, entry (default: the first of files/ by name); and
    driver            "calls" (default), "program" or "repository" (with the settings of that kind)
    tools             offered tools; default ["read_file", "grep", "edit_file"]
    max_turns         the loop asks for at most so many replies; default 10
    first_call        a check `first-call`: the first reply calls this tool, with valid arguments
    first_call_finds  with first_call: the result of this call must contain this string
    max_final_chars   a check `final-reply`: the last reply calls no tool and has 1 to so many characters
    max_invalid_calls for the check `calls-valid`; default 0
    max_wasted_calls  a check `calls-useful`; wasted is a repetition since which nothing has changed, a file that does
                      not exist, an edit that does not apply
    protected         files that edit_file refuses to touch; so it does new files that the language would import in
                      place of one (harness/languages/imports.py)
    editable          patterns of the only paths that edit_file may change or create; `*` also for "/"
cases.json    as of the driver; they run on the files as the last call left them, with host/ laid over them: what the
              model cannot see. Without cases only the calls count
checks        `first-call` where set, `calls-valid`, `calls-useful` and `final-reply` where set, `applied` (an edit
              changed a file; only where there are cases), and one for each case
metrics       calls, invalid_calls, wasted_calls, turns, narrated_first, edits_applied, edits_refused,
              files_changed, groups
An answer without a single call is no answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.errors import Problem
from harness.score.drivers import DRIVER_SETTINGS, case_schema_of, driven_checks, driven_problems, run_files
from harness.score.execute import group_metrics
from harness.score.kinds.edits import APPLIED
from harness.score.scorer_kind import ScorerKind
from harness.score.validation import EQUALITY, INTEGER, STRING, STRINGS, language_problems
from harness.score.verdict import Judgment, no_answer
from harness.types import Case, Check, Json, Reading, Sandbox, Task, ToolCall, Variant
from harness.virtual_tools import TOOL_NAMES, ToolResult, Workspace, max_turns, run_call, workspace_of

FIRST_CALL, VALID, USEFUL, FINAL = "first-call", "calls-valid", "calls-useful", "final-reply"
_MAX_NOTE_CHARS = 200


def settings(task: Task) -> dict[str, Json]:
    """The schemas of the settings; the first call can only be one of the offered tools."""
    offered = task.settings.get("tools", TOOL_NAMES)
    return {
        "equality": EQUALITY,
        "entry": STRING,
        **DRIVER_SETTINGS,
        "tools": {"type": "array", "items": {"enum": list(TOOL_NAMES)}},
        "max_turns": INTEGER,
        "first_call": {"enum": list(offered)} if isinstance(offered, list | tuple) else STRING,
        "first_call_finds": STRING,
        "max_final_chars": INTEGER,
        "max_invalid_calls": INTEGER,
        "max_wasted_calls": INTEGER,
        "protected": STRINGS,
        "editable": STRINGS,
    }


def check_names(variant: Variant) -> tuple[str, ...]:
    """The checks of the calls, as far as they are set, that of the edits, and the ids of the cases."""
    chosen = variant.task.settings
    first = (FIRST_CALL,) if "first_call" in chosen else ()
    useful = (USEFUL,) if "max_wasted_calls" in chosen else ()
    final = (FINAL,) if "max_final_chars" in chosen else ()
    applied = (APPLIED,) if variant.cases else ()
    return (*first, VALID, *useful, *final, *applied, *driven_checks(variant, variant.cases))


@dataclass(slots=True)
class _Replay:
    """The calls of a trial, replayed: the files after them, and the result of each."""

    workspace: Workspace
    results: list[tuple[ToolCall, ToolResult]] = field(default_factory=list)
    repetitions: int = 0
    _since_last_edit: set[tuple[str, str]] = field(default_factory=set)

    def call(self, call: ToolCall) -> None:
        result = run_call(self.workspace, call)
        key = (call.name, call.arguments)
        self.repetitions += key in self._since_last_edit and not (result.wasted_reason or result.invalid_reason)
        self._since_last_edit = set() if result.edited_path else self._since_last_edit | {key}
        self.workspace = replace(self.workspace, files=result.files)
        self.results.append((call, result))

    @property
    def invalid(self) -> list[str]:
        return [result.invalid_reason for _, result in self.results if result.invalid_reason]

    @property
    def wasted(self) -> list[str]:
        return [result.wasted_reason for _, result in self.results if result.wasted_reason] + [
            "a repeat"
        ] * self.repetitions

    @property
    def failed_edits(self) -> list[str]:
        """What the tool answered to each edit that did not apply."""
        edits = (result for call, result in self.results if call.name == "edit_file")
        return [result.text[:100] for result in edits if not result.edited_path]


def _metrics(variant: Variant, readings: Sequence[Reading], replay: _Replay) -> dict[str, Json]:
    changed = [path for path, text in replay.workspace.files.items() if variant.files.get(path) != text]
    return {
        "calls": len(replay.results),
        "invalid_calls": len(replay.invalid),
        "wasted_calls": len(replay.wasted),
        "turns": len(readings),
        "narrated_first": bool(readings[0].content.strip()),
        "edits_applied": sum(result.edited_path is not None for _, result in replay.results),
        "edits_refused": sum(result.refused_path is not None for _, result in replay.results),
        "files_changed": sorted(changed),
    }


def _first_call_check(reading: Reading, name: str, finds: str, replay: _Replay) -> Check:
    if not reading.tool_calls:
        return Check(FIRST_CALL, False, name, reading.content[:80], "the first reply calls nothing")
    call, result = replay.results[0]
    note = result.invalid_reason or (None if finds in result.text else f"the result does not contain {finds!r}")
    return Check(FIRST_CALL, call.name == name and note is None, name, call.name, note)


def _final_check(reading: Reading, limit: int) -> Check:
    """The check that the last reply calls no tool and is neither empty nor long."""
    length = len(reading.content.strip())
    note = "the last reply calls a tool" if reading.tool_calls else None
    return Check(FINAL, note is None and 1 <= length <= limit, f"1 to {limit} characters", length, note)


def _limit_check(name: str, reasons: Sequence[str], limit: int, kind: str) -> Check:
    """The check that no more than `limit` calls are invalid or wasted."""
    note = "; ".join(reasons)[:_MAX_NOTE_CHARS] or None
    return Check(name, len(reasons) <= limit, f"{limit} {kind}", len(reasons), note)


def _call_checks(variant: Variant, readings: Sequence[Reading], replay: _Replay) -> list[Check]:
    chosen, checks = variant.task.settings, []
    if "first_call" in chosen:
        checks.append(
            _first_call_check(readings[0], str(chosen["first_call"]), str(chosen.get("first_call_finds", "")), replay)
        )
    checks.append(_limit_check(VALID, replay.invalid, int(chosen.get("max_invalid_calls", 0)), "invalid"))
    if "max_wasted_calls" in chosen:
        checks.append(_limit_check(USEFUL, replay.wasted, int(chosen["max_wasted_calls"]), "wasted"))
    if "max_final_chars" in chosen:
        checks.append(_final_check(readings[-1], int(chosen["max_final_chars"])))
    return checks


def score_tools(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """Score the calls of all turns, and the files that they leave. Raises EngineError.

    Calls and turns are counted here, from the recorded replies: nothing that an answer's code does can change them.
    """
    readings = readings[: max_turns(variant)]
    replay = _Replay(workspace_of(variant))
    for reading in readings:
        for call in reading.tool_calls:
            replay.call(call)
    if not replay.results:
        return no_answer(check_names(variant), "no tool was called")
    metrics = _metrics(variant, readings, replay)
    checks = _call_checks(variant, readings, replay)
    if not variant.cases:
        return Judgment(tuple(checks), "tool-calls", metrics=metrics)
    changed = bool(metrics["files_changed"])
    note = None if changed else "; ".join(replay.failed_edits)[:_MAX_NOTE_CHARS] or "no edit was made"
    checks.append(Check(APPLIED, changed, None, metrics["files_changed"], note))
    execution = run_files(variant, _restore_protected(variant, replay.workspace.files), sandbox)
    metrics |= group_metrics(execution.checks)
    return Judgment((*checks, *execution.checks), "tool-calls", execution.abnormal_ends, metrics=metrics)


def _restore_protected(variant: Variant, files: Mapping[str, str]) -> dict[str, str]:
    """The files as the calls left them, protected ones as they were, whatever the tools let through."""
    start = workspace_of(variant)
    kept = {path: text for path, text in files.items() if not start.refuses(path)}
    return {**kept, **{path: text for path, text in variant.files.items() if start.refuses(path)}}


def problems(task: Task, cases: Sequence[Case]) -> Iterator[Problem]:
    """The problems of a task with cases that has no language or no files to run them on."""
    if cases:
        yield from language_problems(task)
        yield from driven_problems(task, cases)


KIND = ScorerKind(
    check_names,
    score_tools,
    settings=settings,
    case=case_schema_of,
    problems=problems,
    needs_cases=False,
    tool_loop=True,
)
