"""Kind `patch`: the answer's edits of a repository's files become a patch, which others grade; the kit runs nothing.

The answer is in one of the edit formats of kind `edits`. files/ are the files of the repository that the prompt shows;
the answer may edit them and add others. Tests that decide whether the patch is right run elsewhere: a trial passes here
when its edits apply and change something, which no statistic counts.

settings      none
cases.json    none
checks        `applied`
metrics       applied, edit_format, edit_rule, edits, edits_applied, files_changed
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from harness.errors import Problem
from harness.score.edits.apply import EditResult
from harness.score.edits.formats import Edit
from harness.score.kinds.edits import APPLIED, apply_answer, edit_checks, edit_metrics
from harness.score.scorer_kind import ScorerKind
from harness.score.validation import ANY
from harness.score.verdict import Judgment, no_answer
from harness.trees import FinalTree, make_patch, path_problem
from harness.types import Case, Reading, Sandbox, Task, Variant


def check_names(variant: Variant) -> tuple[str, ...]:
    """The one check, `applied`."""
    del variant
    return (APPLIED,)


def _apply(answer: str, variant: Variant) -> tuple[Sequence[Edit], EditResult]:
    """The edits of an answer, and the files after them; files with CRLF line endings keep them."""
    plain = {path: text.replace("\r\n", "\n") for path, text in variant.files.items()}
    edits, result = apply_answer(answer, replace(variant, files=plain))
    refused = [f"{path}: {why}" for path in result.files if path not in plain and (why := _refusal(path))]
    if refused:
        result = replace(result, files=plain, errors=(*result.errors, *refused), changed=())
    return edits, replace(result, files=dict(_with_endings(result.files, variant.files)))


def _refusal(path: str) -> str | None:
    """Why no repository can have a file of this name; None if it can."""
    return "lies in git's own folder" if ".git" in path.lower().split("/") else path_problem(path)


def _with_endings(files: Mapping[str, str], before: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for path, text in files.items():
        has_crlf = "\r\n" in before.get(path, "")
        yield path, text.replace("\r\n", "\n").replace("\n", "\r\n") if has_crlf else text


def answer_patch(variant: Variant, readings: Sequence[Reading]) -> str:
    """The last answer's change as a unified diff in git's form; "" where its edits do not apply or change nothing.

    An answer that a server's error cut off has none.
    """
    if readings[-1].error is not None:
        return ""
    result = _apply(readings[-1].content, variant)[1]
    return make_patch(variant.files, FinalTree(result.files))


def score_patch(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """Score whether the last turn's edits apply; the sandbox is not used."""
    del sandbox
    edits, result = _apply(readings[-1].content, variant)
    if not edits:
        return no_answer(check_names(variant), "no edit was found in the answer")
    metrics = edit_metrics(edits, result)
    rule = f"{metrics['edit_format']}-{metrics['edit_rule'] or 'unfit'}"
    return Judgment(tuple(edit_checks(variant, result)), rule, metrics=metrics)


def problems(task: Task, cases: Sequence[Case]) -> Iterator[Problem]:
    """The problems of a task that has cases, or no files."""
    if cases:
        yield Problem(f"{task.name}/cases.json: the patch is graded elsewhere, by tests of the repository", "remove it")
    if not task.files:
        yield Problem(f"{task.name}/files: there is no file to change", "add the files that the prompt shows")


KIND = ScorerKind(
    check_names,
    score_patch,
    settings=lambda task: {},
    case=lambda task, case: ANY,
    problems=problems,
    needs_cases=False,
    scored=False,
    varies=False,
)
