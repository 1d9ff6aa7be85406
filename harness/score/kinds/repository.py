"""Kind `repository`: the answer's edits are applied to a repository, whose own tests then run by id, or calls to it.

The answer is in one of the edit formats of kind `edits`. It may edit the given files and add files beside them: every
other file is the repository's own (its tests, conftest.py, its configuration), and an edit of one does not apply. The
tests run in a fresh container without network; each must be reported exactly once, and with them runs a canary, tests
that must fail by each usual assertion. The tests and the answer share a process: an answer made to deceive that spares
the canary could have other tests pass. Cases that call run in a container of their own, and what they return is
compared on the host.

settings      given: the files that the prompt shows and the answer may edit; and
    packages    what the environment's image holds besides Python and pytest, each as NAME==VERSION
    paths       the folders of the repository to import from; default ["."]
    distribution  "NAME==VERSION" of the repository, for code that asks for its own version
    runner      "pytest" (default); for JavaScript "node", "mocha" or "tape", and packages then are PLACE@VERSION
    preload     modules that a runner of JavaScript loads before the tests
    entry       the file whose functions the cases call
    equality    of kind `calls`
    files/ is the repository.
cases.json    give.tests: ids of tests; expect.outcome: "passed", of all of them. `fixed/N` fail before the change,
              `still/N` pass before and after it. The ids are in no check, since what checks say is published.
              A case that gives a "call" is one of kind `calls`.
checks        `applied`, `canary` where there are tests, and one for each case
metrics       applied, edit_format, edit_rule, edits, edits_applied, files_changed, groups
"""

from __future__ import annotations

import posixpath
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.errors import Problem
from harness.score.edits.apply import EditResult
from harness.score.edits.formats import Edit
from harness.score.kinds.edits import APPLIED, apply_answer, judge_edits
from harness.score.repository.execution import (
    REPOSITORY_SETTINGS,
    missing_test_files,
    repository_case_schema,
    repository_checks,
    run_repository,
)
from harness.score.repository.runners import PYTEST
from harness.score.scorer_kind import ScorerKind
from harness.score.validation import EQUALITY, STRING, STRINGS, missing_files
from harness.score.verdict import Judgment
from harness.types import Case, Json, Reading, Sandbox, Task, Variant

SETTINGS: dict[str, Json] = {"given": STRINGS, "entry": STRING, "equality": EQUALITY, **REPOSITORY_SETTINGS}
_HOOKS = ("conftest", "sitecustomize", "usercustomize")
"""Modules that Python or pytest load by themselves."""


def check_names(variant: Variant) -> tuple[str, ...]:
    """The check of the edits, the canary where there are tests, and the ids of the cases."""
    return (APPLIED, *repository_checks(variant.cases))


def given_files(variant: Variant) -> dict[str, str]:
    """The files that the answer may edit."""
    return {str(name): variant.files[name] for name in variant.task.settings["given"]}


def apply_to_repository(answer: str, variant: Variant) -> tuple[Sequence[Edit], EditResult]:
    """The edits of an answer, and the repository's files after them; as they were if the answer may not do that."""
    given = given_files(variant)
    edits, result = apply_answer(answer, replace(variant, files=given))
    refused = [f"{path}: {why}" for path in result.files if path not in given and (why := _refusal(path, variant))]
    if refused:
        return edits, replace(result, files=variant.files, errors=(*result.errors, *refused), changed=())
    others = {name: text for name, text in variant.files.items() if name not in given}
    return edits, replace(result, files={**others, **result.files})


def _refusal(path: str, variant: Variant) -> str | None:
    """Why an answer may not add a file; None if it may."""
    if path in variant.files:
        return "may not be edited"
    stem, extension = posixpath.splitext(posixpath.basename(path))
    folder, given = posixpath.dirname(path), variant.task.settings["given"]
    beside = {posixpath.dirname(name) for name in given} - {""}
    extensions = {posixpath.splitext(name)[1] for name in given}
    if stem in _HOOKS or extension not in extensions or folder not in beside:
        return "new files may only be modules beside the given files"
    if folder in _import_folders(variant) and stem in _modules_of_tests(variant):
        return "stands in the way of a module that the tests use"
    return None


def _import_folders(variant: Variant) -> set[str]:
    """The folders to import from: a module there stands in the way of one of the library or of a package."""
    return {posixpath.normpath(str(name)) for name in variant.task.settings.get("paths", ())}


def _modules_of_tests(variant: Variant) -> set[str]:
    packages = [str(name).partition("==")[0] for name in variant.task.settings.get("packages", ())]
    return {*sys.stdlib_module_names, PYTEST, "_pytest", *(name.replace("-", "_") for name in packages)}


def score_repository(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """Score the last turn's edits. Raises EngineError."""
    answered = apply_to_repository(readings[-1].content, variant)
    return judge_edits(variant, check_names(variant), answered, lambda files: run_repository(variant, files, sandbox))


def problems(task: Task, cases: Sequence[Case]) -> Iterator[Problem]:
    """The problems of files that the settings and the cases name."""
    yield from missing_files(task, "given")
    yield from missing_files(task, "entry")
    yield from missing_test_files(task, cases)


KIND = ScorerKind(
    check_names,
    score_repository,
    settings=lambda task: SETTINGS,
    case=repository_case_schema,
    problems=problems,
    required=("given",),
    runs_code=True,
    varies=False,
)
