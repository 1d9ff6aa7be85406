"""Kind `edits`: the answer's edits are applied to the task's files, which then run against the cases.

An answer may hold, also mixed:
    blocks    a path on its own line, then `<<<<<<< SEARCH`, old lines, `=======`, new lines, `>>>>>>> REPLACE`; fences
              around them are ignored; the path is optional where there is one file, or for the file of the block
              before, and may be in a sentence if that file has the old lines; an empty old side makes a new file
    diff      a unified diff; its line numbers only choose between places that match equally well
    whole     a fenced block that is a whole file, its path in the info string, on the line before the fence, or in a
              comment on its first line; the path is optional where there is one file. No file is a block in another
              language than the path's, one that shows a file's use or a part of it, and beside other edits an example
              that only a comment names (harness/score/edits/whole_files.py)
An edit that is repeated counts once. Old lines must occur exactly once in the file (rule `exact`); where they do not,
lines that differ in trailing whitespace or by one common indent match (rule `whitespace`). If one edit does not apply,
none is applied.

settings      of kind `calls`: equality, entry (default: the first of files/ by name), names; and
    driver      "calls" (default), "program" or "repository" (with the settings of that kind): how the cases are run
    formats     the accepted formats; default ["blocks", "diff", "whole"]
    protected   files that no edit may touch (tests, a probe that imports several modules): such edits do not apply, nor
                does a new file that the language would import in place of one (harness/languages/imports.py)
    min_changed_files  a check `files-changed`: at least so many files must have changed
    All of files/ enter the container, also those that the model was not shown.
cases.json    as of the driver, or about the text of a Python file, for what must not change
              (harness/score/edits/untouched.py): {"outside": [names of functions], "in": path}, {"unchanged": true}.
              `group/name` as id: metrics.groups counts each group apart ("still/ascii", "new/umlaut")
checks        `applied`, `files-changed` where min_changed_files is set, and one for each case
metrics       applied, edit_format, edit_rule, edits, edits_applied, files_changed, groups
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from harness.errors import Problem
from harness.languages import shadows
from harness.score.drivers import DRIVER_SETTINGS, case_schema_of, driven_checks, driven_problems, run_files
from harness.score.edits.apply import WHITESPACE, EditResult, apply_edits
from harness.score.edits.formats import Edit, find_edits
from harness.score.edits.untouched import UNTOUCHED_CASE, is_about_text, untouched_check
from harness.score.execute import Execution, entry_among, find_code, group_metrics
from harness.score.scorer_kind import ScorerKind
from harness.score.validation import EQUALITY, INTEGER, STRING, STRINGS, case_location, missing_files, no_such_file
from harness.score.verdict import Judgment, no_answer
from harness.types import Case, Check, Json, Reading, Sandbox, Task, Variant

APPLIED, FILES_CHANGED = "applied", "files-changed"
FORMATS = ("blocks", "diff", "whole")
SETTINGS: dict[str, Json] = {
    "equality": EQUALITY,
    "entry": STRING,
    "names": STRINGS,
    **DRIVER_SETTINGS,
    "formats": {"type": "array", "items": {"enum": list(FORMATS)}},
    "protected": STRINGS,
    "min_changed_files": INTEGER,
}
_MAX_NOTE_CHARS = 200


def check_names(variant: Variant) -> tuple[str, ...]:
    """The check of the edits, that of the number of files where it is set, and the ids of the cases."""
    counted = (FILES_CHANGED,) if "min_changed_files" in variant.task.settings else ()
    running, about_text = _by_need(variant)
    return (APPLIED, *counted, *driven_checks(variant, running), *(case.id for case in about_text))


def _by_need(variant: Variant) -> tuple[list[Case], list[Case]]:
    """The cases that run the files, and those about their text."""
    cases = variant.cases
    return [case for case in cases if not is_about_text(case)], [case for case in cases if is_about_text(case)]


def protected_files(variant: Variant) -> tuple[str, ...]:
    """The files that no edit may touch."""
    return tuple(str(name) for name in variant.task.settings.get("protected", ()))


def edits_of(answer: str, variant: Variant) -> list[Edit]:
    """The edits of an answer, each with its path. A lone block of code replaces the only file that may be edited."""
    editable = [name for name in variant.files if name not in protected_files(variant)]
    only_file = editable[0] if len(editable) == 1 else None
    edits = find_edits(answer, variant.files)
    if not edits and only_file is not None:
        found = find_code(answer, variant)
        edits = [] if found is None else [Edit("whole", only_file, tuple(found.code.removesuffix("\n").split("\n")))]
    return [replace(edit, path=edit.path or only_file) for edit in edits]


def _refuse_other_formats(edits: Sequence[Edit], variant: Variant) -> list[Edit]:
    """Edits in a format that the task does not accept get an error."""
    formats = variant.task.settings.get("formats", FORMATS)
    why = f"this task accepts edits as {', '.join(formats)}"
    return [edit if edit.format in formats else replace(edit, error=f"{edit.format}: {why}") for edit in edits]


def apply_answer(answer: str, variant: Variant) -> tuple[list[Edit], EditResult]:
    """The edits of an answer, and the task's files after them."""
    edits = _refuse_other_formats(edits_of(answer, variant), variant)
    return edits, apply_edits(edits, variant.files, (*protected_files(variant), *_shadowing_paths(edits, variant)))


def _shadowing_paths(edits: Sequence[Edit], variant: Variant) -> list[str]:
    """The new files of the edits that would be imported in place of protected ones."""
    protected, entry = protected_files(variant), entry_among(variant, variant.files)
    new = [edit.path for edit in edits if edit.path is not None and edit.path not in variant.files]
    return [path for path in new if shadows(variant.task.language, path, protected, entry)]


def edit_metrics(edits: Sequence[Edit], result: EditResult) -> dict[str, Json]:
    """The facts of an answer's edits."""
    formats = sorted({edit.format for edit in edits})
    return {
        "applied": not result.errors,
        "edit_format": formats[0] if len(formats) == 1 else "mixed",
        "edit_rule": WHITESPACE if WHITESPACE in result.rules else "exact" if result.rules else None,
        "edits": len(edits),
        "edits_applied": result.matched,
        "files_changed": list(result.changed),
    }


def edit_checks(variant: Variant, result: EditResult) -> list[Check]:
    """The checks of an answer's edits."""
    note = "; ".join(result.errors)[:_MAX_NOTE_CHARS] or (None if result.changed else "nothing was changed")
    checks = [Check(APPLIED, not result.errors and bool(result.changed), None, None, note)]
    minimum = variant.task.settings.get("min_changed_files")
    if minimum is not None:
        changed = list(result.changed)
        checks.append(Check(FILES_CHANGED, len(changed) >= minimum, f"{minimum} or more", changed))
    return checks


def score_edits(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """Score the last turn's edits. Raises EngineError."""
    answered = apply_answer(readings[-1].content, variant)
    return judge_edits(variant, check_names(variant), answered, lambda files: _check_files(variant, files, sandbox))


def _check_files(variant: Variant, files: Mapping[str, str], sandbox: Sandbox) -> Execution:
    """What the cases find that run the edited files, then what those about their text find. Raises EngineError."""
    running, about_text = _by_need(variant)
    run = replace(variant, cases=tuple(running))
    execution = run_files(run, files, sandbox) if running else Execution((), frozenset())
    text_checks = (untouched_check(case, variant.files, files) for case in about_text)
    return replace(execution, checks=(*execution.checks, *text_checks))


def judge_edits(
    variant: Variant,
    names: Sequence[str],
    answered: tuple[Sequence[Edit], EditResult],
    run: Callable[[Mapping[str, str]], Execution],
) -> Judgment:
    """The judgment of edits: `run` runs the files after them, if all apply. `names` are those of all checks."""
    edits, result = answered
    if not edits:
        return no_answer(names, "no edit was found in the answer")
    metrics = edit_metrics(edits, result)
    rule = f"{metrics['edit_format']}-{metrics['edit_rule'] or 'unfit'}"
    checks = edit_checks(variant, result)
    if result.errors:
        checks += [Check(name, False, None, None, "the edits do not apply") for name in names[len(checks) :]]
        return Judgment(tuple(checks), rule, metrics=metrics)
    execution = run(result.files)
    metrics |= group_metrics(execution.checks)
    return Judgment((*checks, *execution.checks), rule, execution.abnormal_ends, metrics=metrics)


def case_schema_for(task: Task, case: Case) -> Json:
    """The schema of a case: about a file's text, or of the driver."""
    return UNTOUCHED_CASE if is_about_text(case) else case_schema_of(task, case)


def problems(task: Task, cases: Sequence[Case]) -> Iterator[Problem]:
    """The problems of files that the settings or the cases name or need."""
    yield from missing_files(task, "protected")
    yield from driven_problems(task, cases)
    for case in filter(is_about_text, cases):
        if (path := str(case.give["in"])) not in task.files:
            yield no_such_file(case_location(task, case).at("give", "in"), task, path)


KIND = ScorerKind(
    check_names,
    score_edits,
    settings=lambda task: SETTINGS,
    case=case_schema_for,
    problems=problems,
    runs_code=True,
)
