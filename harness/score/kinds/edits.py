"""Kind `edits`: the task's files are edited as the answer says, then run against the cases.

An answer may hold, also mixed:
    blocks    a path on a line of its own, then `<<<<<<< SEARCH`, old lines, `=======`, new lines, `>>>>>>> REPLACE`;
              fences around them are ignored; the path may be left out where there is one file, or for the file of the
              block before; an empty old side makes a new file
    diff      a unified diff; its line numbers only choose between places that fit equally
    whole     a fenced block that is a whole file, its path in the info line, on the line before the fence, or in a
              comment on its first line; the path may be left out where there is one file
Old lines must stand in the file exactly once (rule `exact`); where they do not, lines that differ in blanks at their
ends or by one common indent are taken (rule `whitespace`). One edit that does not fit: nothing is applied.

settings      of kind `calls`: equality, entry (default: the first of files/ by name), names; and
    driver      "calls" (default) or "program": how the cases are run
    formats     the accepted formats; default ["blocks", "diff", "whole"]
    protected   files that no edit may touch (tests, a probe that imports several modules): such an edit is not applied
    least_files how many files must have changed: a check `files-changed`
    All of files/ enter the container, those that the model was not shown too.
cases.json    as of the driver. `group/name` as id: facts.groups counts each group apart ("still/ascii", "new/umlaut")
checks        `applied`, `files-changed` where least_files is set, and one a case
facts         applied, edit_format, edit_rule, edits, edits_applied, files_changed, groups
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.score.drivers import demand_driven, run_files
from harness.score.edits.apply import WHITESPACE, Applied, apply_edits
from harness.score.edits.formats import Edit, edits_of
from harness.score.execute import find_code, grouped
from harness.score.settings import Demands
from harness.score.verdict import Judgment, nothing
from harness.types import Case, Check, Json, Reading, Sandbox, Task, Variant

APPLIED, FILES_CHANGED = "applied", "files-changed"
FORMS = ("blocks", "diff", "whole")
SETTINGS = ("equality", "entry", "names", "driver", "formats", "protected", "least_files")


def check_names(variant: Variant) -> tuple[str, ...]:
    """The checks' names."""
    counted = (FILES_CHANGED,) if "least_files" in variant.task.settings else ()
    return (APPLIED, *counted, *(case.id for case in variant.cases))


def protected_of(variant: Variant) -> tuple[str, ...]:
    """The files that no edit may touch."""
    return tuple(str(name) for name in variant.task.settings.get("protected", ()))


def find_edits(answer: str, variant: Variant) -> list[Edit]:
    """The edits of an answer, each with its path; a lone block of code is the one file that may be edited."""
    open_to_edits = [name for name in variant.files if name not in protected_of(variant)]
    only = open_to_edits[0] if len(open_to_edits) == 1 else None
    edits = edits_of(answer, list(variant.files))
    if not edits and only is not None:
        found = find_code(answer, variant)
        edits = [] if found is None else [Edit("whole", only, tuple(found.code.removesuffix("\n").split("\n")))]
    return [replace(edit, path=edit.path or only) for edit in edits]


def _refuse_others(edits: Sequence[Edit], variant: Variant) -> list[Edit]:
    """Edits in a form that the task does not take are none."""
    forms = variant.task.settings.get("formats", FORMS)
    why = f"this task takes edits as {', '.join(forms)}"
    return [edit if edit.form in forms else replace(edit, fault=f"{edit.form}: {why}") for edit in edits]


def edit_answer(answer: str, variant: Variant) -> tuple[list[Edit], Applied]:
    """The edits of an answer, and the task's files after them."""
    edits = _refuse_others(find_edits(answer, variant), variant)
    return edits, apply_edits(edits, variant.files, protected_of(variant))


def facts_of(edits: Sequence[Edit], applied: Applied) -> dict[str, Json]:
    """What is told of the edits apart from the verdict."""
    forms = sorted({edit.form for edit in edits})
    return {
        "applied": not applied.faults,
        "edit_format": forms[0] if len(forms) == 1 else "mixed",
        "edit_rule": WHITESPACE if WHITESPACE in applied.rules else "exact" if applied.rules else None,
        "edits": len(edits),
        "edits_applied": applied.done,
        "files_changed": list(applied.changed),
    }


def _checks(variant: Variant, applied: Applied) -> list[Check]:
    said = "; ".join(applied.faults)[:200]
    checks = [Check(APPLIED, not applied.faults and bool(applied.changed), None, None, said or _idle(applied))]
    least = variant.task.settings.get("least_files")
    if least is not None:
        checks.append(Check(FILES_CHANGED, len(applied.changed) >= least, f"{least} or more", list(applied.changed)))
    return checks


def _idle(applied: Applied) -> str | None:
    return None if applied.changed else "nothing was changed"


def score_edits(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """Score the last turn's edits. Raises EngineError."""
    edits, applied = edit_answer(readings[-1].content, variant)
    if not edits:
        return nothing(check_names(variant), "no edit was found in the answer")
    facts = facts_of(edits, applied)
    rule = f"{facts['edit_format']}-{facts['edit_rule'] or 'unfit'}"
    checks = _checks(variant, applied)
    if applied.faults:
        checks += [Check(case.id, False, None, None, "the edits do not apply") for case in variant.cases]
        return Judgment(tuple(checks), rule, facts=facts)
    ran = run_files(variant, applied.files, sandbox)
    return Judgment((*checks, *ran.checks), rule, ran.ends, facts={**facts, **grouped(ran.checks)})


def problems(task: Task, cases: Sequence[Case]) -> list[str]:
    """What is wrong with a task of this kind."""
    demands = Demands(task)
    demands.code(SETTINGS)
    demands.some(cases)
    demand_edits(demands)
    demand_driven(demands, cases)
    return demands.found


def demand_edits(demands: Demands) -> None:
    """Note what is wrong with the settings of edits."""
    settings = demands.task.settings
    demands.texts(settings, "formats")
    for form in settings.get("formats", ()):
        if form not in FORMS:
            demands.fault("formats", f"holds {form!r}; there are {', '.join(FORMS)}")
    demands.texts(settings, "protected")
    for name in settings.get("protected", ()):
        if name not in demands.task.files:
            demands.fault("protected", f"files/{name} is not there; write it or take the name out")
    demands.of_type(settings, "least_files", int)
