"""Kind `agent`: an agent worked in the task's files; the tree that it left is cleaned and run against the cases.

The reading holds the final tree as a patch against files/ (harness/trees/patch.py), and as its finish reason how the
agent ended (harness/read/work.py). Files that may not change are put back; what an interpreter, a test runner or a
package manager would load by itself is removed (harness/trees/clean.py). Then host/ is laid over the tree, and the
cases run as those of kind `edits` do, in a container in which no agent ever was.

settings      of kind `calls`: equality, entry; and
    editable    patterns of the paths that may change or be new, `*` also for "/" (required): ["shop/*", "README.md"]
    driver      "calls" (default), "program" or "repository" (with the settings of that kind): how the cases are run
    cannot      the task cannot be done: the reason codes of which CANNOT.txt must name one in its first line, before a
                sentence
cases.json    as of the driver; or a case about the files' text, which runs nothing
    give        {"find": regular expression, "in": patterns of paths}
    expect      {"min": n}, {"max": n} or both: how often it occurs in the files of the final tree, without host/
checks        one for each case; with `cannot`: `declined`, `reason`, `explained` (there is a further line), and
              `unchanged`: no file was changed
outcome       passed: all checks, however the agent ended. Else declined (by CANNOT.txt or in words), the limit that
              ended it, crashed (the agent), no_edit (nothing that may change was changed), failed (a wrong edit)
metrics       ended, files_changed, put_back (files that must not change), removed and left_out ([path, reason]), cannot
              (the reason that CANNOT.txt gives), code_ended (how failed cases ended without returning), groups
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from harness.errors import Problem
from harness.languages import shadows
from harness.score.compare import display
from harness.score.drivers import DRIVER_SETTINGS, case_schema_of, driven_checks, run_files
from harness.score.execute import Execution, group_metrics
from harness.score.kinds.cannot_do import DECLINED, REASON
from harness.score.repository.execution import missing_test_files
from harness.score.scorer_kind import ScorerKind
from harness.score.validation import (
    EQUALITY,
    INTEGER,
    STRING,
    STRINGS,
    case_location,
    case_schema,
    language_problems,
    no_cases_problem,
    no_such_file,
    object_schema,
    settings_location,
)
from harness.score.verdict import Judgment, no_answer
from harness.trees import CleanTree, ExcludedPath, FinalTree, PatchError, apply_patch, clean_tree, matches
from harness.types import Case, Check, Json, Outcome, Reading, Sandbox, Task, Variant

CANNOT_FILE = "CANNOT.txt"
"""In this file an agent says that the task cannot be done: every agent can write a file, whatever it prints."""
EXPLAINED, UNCHANGED = "explained", "unchanged"
SETTINGS: dict[str, Json] = {
    "equality": EQUALITY,
    "entry": STRING,
    "editable": STRINGS,
    **DRIVER_SETTINGS,
    "cannot": {**STRINGS, "minItems": 1},
}
_FIND = case_schema(
    object_schema({"find": STRING, "in": STRINGS}, ["find", "in"]),
    object_schema({"min": INTEGER, "max": INTEGER}, minProperties=1),
)
_MAX_LISTED = 20
_MAX_REASON_CHARS = 100


def check_names(variant: Variant) -> tuple[str, ...]:
    """The ids of the cases; those of a decline where the task cannot be done."""
    if "cannot" in variant.task.settings:
        return (DECLINED, REASON, EXPLAINED, UNCHANGED)
    return _check_order(variant)


def _check_order(variant: Variant) -> tuple[str, ...]:
    """What the driver adds for the cases that run, then the ids of all cases in their order."""
    ids = tuple(case.id for case in variant.cases)
    running = [case for case in variant.cases if not _is_about_text(case)]
    return (*(name for name in driven_checks(variant, running) if name not in ids), *ids)


def score_agent(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """Score the final tree. Raises EngineError."""
    reading = readings[-1]
    try:
        tree = apply_patch(variant.files, f"{text}\n" if (text := reading.content.removesuffix("\n")) else "")
    except PatchError as error:
        return no_answer(check_names(variant), str(error))
    clean = _clean(variant, tree)
    cannot = _cannot_reason(tree)
    metrics = _metrics(clean, tree, reading.finish_reason, cannot)
    if "cannot" in variant.task.settings and cannot is not None:
        return Judgment(_decline_checks(variant, clean, tree, cannot), "declined", metrics=metrics)
    if cannot is not None:
        failed = no_answer(check_names(variant), f"declined: {cannot}").checks
        return Judgment(failed, "declined", declined=True, metrics=metrics)
    gave_up = reading.finish_reason == "gave_up"
    if not clean.changed:
        nothing = no_answer(check_names(variant), "nothing that may change was changed")
        missing_outcome = Outcome.DECLINED if gave_up else Outcome.NO_EDIT
        return replace(nothing, missing_outcome=missing_outcome, metrics=metrics)
    if "cannot" in variant.task.settings:
        return Judgment(no_answer(check_names(variant), "no decline").checks, "tree", metrics=metrics)
    return replace(_judge_cases(variant, clean, sandbox, metrics), declined=gave_up)


def _clean(variant: Variant, tree: FinalTree) -> CleanTree:
    editable = [str(pattern) for pattern in variant.task.settings["editable"]]
    fixed = [*variant.host_files, *(path for path in variant.files if not matches(path, editable))]
    entry = str(variant.task.settings.get("entry", ""))
    is_trap = partial(shadows, variant.task.language, protected=fixed, entry=entry)
    return clean_tree(variant.files, tree.files, editable, is_trap)


def _cannot_reason(tree: FinalTree) -> str | None:
    """The first line of CANNOT.txt; None where the agent wrote no such file."""
    text = tree.files.get(CANNOT_FILE)
    return None if text is None else (text.strip().split("\n")[0].strip().lower())[:_MAX_REASON_CHARS]


def _decline_checks(variant: Variant, clean: CleanTree, tree: FinalTree, cannot: str) -> tuple[Check, ...]:
    reasons = [str(code).lower() for code in variant.task.settings["cannot"]]
    return (
        Check(DECLINED, True),
        Check(REASON, cannot.strip("`'\". ") in reasons, reasons, cannot),
        Check(EXPLAINED, "\n" in tree.files[CANNOT_FILE].strip()),
        Check(UNCHANGED, not clean.changed, [], list(clean.changed[:_MAX_LISTED])),
    )


def _metrics(clean: CleanTree, tree: FinalTree, ended: str | None, cannot: str | None) -> dict[str, Json]:
    return {
        "ended": ended,
        "files_changed": list(clean.changed),
        "put_back": list(clean.put_back[:_MAX_LISTED]),
        "removed": _listed(entry for entry in clean.removed if entry.path != CANNOT_FILE),
        "left_out": _listed(tree.left_out),
        "cannot": cannot,
    }


def _listed(entries: Iterable[ExcludedPath]) -> list[Json]:
    return [[entry.path, entry.reason] for entry in entries][:_MAX_LISTED]


def _judge_cases(variant: Variant, clean: CleanTree, sandbox: Sandbox, metrics: dict[str, Json]) -> Judgment:
    """Count what the cases about text find, and run the others on the tree with host/ laid over it."""
    counted = {case.id: _count_check(case, clean) for case in variant.cases if _is_about_text(case)}
    running = replace(variant, cases=tuple(case for case in variant.cases if case.id not in counted))
    execution = run_files(running, clean.files, sandbox) if running.cases else Execution((), frozenset())
    by_name = counted | {check.name: check for check in execution.checks}
    checks = tuple(by_name[name] for name in _check_order(variant))
    metrics |= {"code_ended": sorted(execution.abnormal_ends), **group_metrics(checks)}
    # How the code of a wrong edit ended is a metric: as an outcome it would be taken for how the agent ended.
    return Judgment(checks, "tree", metrics=metrics)


def _is_about_text(case: Case) -> bool:
    return "find" in case.give


def _count_check(case: Case, clean: CleanTree) -> Check:
    pattern = re.compile(str(case.give["find"]), re.MULTILINE)
    found = {
        path: count
        for path, text in sorted(clean.files.items())
        if matches(path, case.give["in"]) and (count := len(pattern.findall(text)))
    }
    total = sum(found.values())
    passed = case.expect.get("min", 0) <= total <= case.expect.get("max", total)
    return Check(case.id, passed, dict(case.expect), display(found))


def case_schema_for(task: Task, case: Case) -> Json:
    """The schema of a case: about the files' text, or of the driver."""
    return _FIND if _is_about_text(case) else case_schema_of(task, case)


def problems(task: Task, cases: Sequence[Case]) -> Iterator[Problem]:
    """The problems of a task without files, with files that nobody may change, or without what runs its cases."""
    if not task.files:
        yield Problem(f"{task.name}/files: the folder is empty", "add the files that the agent works on")
    for pattern in task.settings["editable"]:
        if not any(matches(path, [pattern]) for path in task.files):
            message = f"no file matches {pattern!r}"
            yield settings_location(task, "editable").problem(message, "name files of files/")
    if "cannot" in task.settings:
        if cases:
            yield Problem(f"{task.name}/cases.json: a task that cannot be done runs no cases", "remove the file")
        return
    if not cases:
        yield no_cases_problem(task)
    entry = task.settings.get("entry")
    if isinstance(entry, str) and entry not in {*task.files, *task.host_files}:
        yield no_such_file(settings_location(task, "entry"), task, entry)
    yield from missing_test_files(task, cases)
    if not all(map(_is_about_text, cases)):
        yield from language_problems(task)
    for case in filter(_is_about_text, cases):
        try:
            re.compile(str(case.give["find"]), re.MULTILINE)
        except re.error as error:
            yield case_location(task, case).at("give", "find").problem(f"invalid regular expression: {error}")


KIND = ScorerKind(
    check_names,
    score_agent,
    settings=lambda task: SETTINGS,
    case=case_schema_for,
    problems=problems,
    required=("editable",),
    needs_cases=False,
    for_agents=True,
)
