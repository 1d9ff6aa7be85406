"""Makes tasks of the instances that hold on this machine: the bug and its twin in each form; the others are listed.

`import_bugs` is the entry point and the admission gate: cases and tests in both states five times (proof.py), then the
release's own code as an answer, which must pass, and answers that cheat, which must not, in each form (forms.py). An
instance of which either bug does not hold is left out as a whole, before any model is asked.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from harness.errors import DiskError, DownloadError, TaskError
from harness.files import disk_error, to_json, write_atomic
from harness.real_bugs.archives import Fetch, source_tree
from harness.real_bugs.bug_task import BugTask
from harness.real_bugs.forms import FORMS, BugForm
from harness.real_bugs.instances import BugInstance
from harness.real_bugs.proof import prove_bug, states_of_bug
from harness.real_bugs.task_folder import ORIGIN, write_bug_task
from harness.repository_tasks import RejectionError, keep_if_proved, leak_in, require_replaceable
from harness.score import scoring_threads
from harness.tasks import JobCache
from harness.types import ExcludedInstance, Log, Sandbox

REPORT_FILE = "import.json"
_WORK_FOLDER = ".unproved"
"""In the folder of the tasks: what is not proved yet. Its name hides it from whoever lists tasks."""


@dataclass(frozen=True, slots=True)
class BugReport:
    """What an import did; it stands in the folder as import.json.

    `without_tests` are the instances whose archives have no tests of the package: their cases decide alone.
    """

    tasks: tuple[str, ...]
    excluded: tuple[ExcludedInstance, ...]
    without_tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Gate:
    """Where tasks are written, proved and announced, and how an archive is fetched that the cache lacks."""

    folder: Path
    sandbox: Sandbox
    log: Log
    fetch: Fetch | None


def import_bugs(
    instances: Sequence[BugInstance], folder: Path, sandbox: Sandbox, log: Log, fetch: Fetch | None = None
) -> BugReport:
    """Write the tasks of the instances that hold.

    Raises TaskError for a folder that would be replaced and is from elsewhere, EngineError, DiskError.
    """
    for name in (name for instance in instances for name in _task_names(instance)):
        require_replaceable(folder / name, ORIGIN)
    gate = _Gate(folder, sandbox, log, fetch)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(scoring_threads()) as pool:
            found = list(pool.map(partial(_admit, gate), instances))
        shutil.rmtree(folder / _WORK_FOLDER, ignore_errors=True)
    except OSError as error:
        raise disk_error(folder, error) from error
    excluded = tuple(entry for entry in found if entry is not None)
    names = {entry.id for entry in excluded}
    kept = [each for each in instances if each.name not in names]
    tasks = tuple(name for each in kept for name in _task_names(each))
    report = BugReport(tasks, excluded, tuple(each.name for each in kept if not each.tests))
    write_atomic(folder / REPORT_FILE, to_json(asdict(report), indent=2) + "\n")
    return report


def _admit(gate: _Gate, instance: BugInstance) -> ExcludedInstance | None:
    """Write the tasks of an instance; why it is left out, None if it is not. Raises EngineError, DiskError."""
    for name in _task_names(instance):
        shutil.rmtree(gate.folder / name, ignore_errors=True)
    try:
        tree = source_tree(instance, gate.fetch)
        for name in instance.bugs:
            _prove_one(gate, instance, name, tree)
    except (RejectionError, DownloadError, TaskError) as reason:
        gate.log(f"{instance.name}: left out: {reason}")
        return ExcludedInstance(instance.name, str(reason))
    for name in _task_names(instance):
        try:
            _proved_folder(gate.folder, name).rename(gate.folder / name)
        except OSError as error:
            raise DiskError(f"{gate.folder / name}: cannot be written: {error.strerror or error}") from error
    return None


def _task_names(instance: BugInstance) -> tuple[str, ...]:
    return tuple(form.task_name(bug) for form in FORMS for bug in instance.bugs)


def _proved_folder(folder: Path, name: str) -> Path:
    return folder / _WORK_FOLDER / f"proved-{name}"


def _prove_one(gate: _Gate, instance: BugInstance, name: str, tree: Mapping[str, str]) -> None:
    """Write the tasks of one bug among those that are proved. Raises RejectionError, EngineError, DiskError."""
    bug = instance.bugs[name]
    try:
        states = states_of_bug(instance, bug, tree)
        proof = prove_bug(instance, bug, states, gate.sandbox)
        task = BugTask(name, instance, bug, states, proof)
        if leak := leak_in(task.shown, states.after, ()):
            raise RejectionError(f"{leak} has the lines of the fix")
        # The forms differ in how an answer is read: what it leaves runs once for all of them.
        sandbox = JobCache(gate.sandbox)
        for form in FORMS:
            _write_form(gate.folder, task, form, sandbox)
    except RejectionError as reason:
        raise RejectionError(f"{name}: {reason}") from reason
    fixed, still = len(bug.fails) + len(proof.fixed), len(instance.cases) - len(bug.fails) + len(proof.still)
    tests = "" if instance.tests else "; the archive has no tests"
    gate.log(f"{name}: {fixed} cases and tests to fix, {still} to keep, {proof.seconds:.2f} s a state{tests}")


def _write_form(folder: Path, task: BugTask, form: BugForm, sandbox: Sandbox) -> None:
    """Write a bug's task in one form, if its own answers score as they must."""
    name = form.task_name(task.name)
    draft = folder / _WORK_FOLDER / f"draft-{name}" / name
    write = partial(write_bug_task, task, form)
    try:
        keep_if_proved(write, form.cheats(task), draft, _proved_folder(folder, name), sandbox)
    except RejectionError as reason:
        raise RejectionError(f"{form.suite}, as {name}: {reason}") from reason
