"""Writes instances of SWE-bench as task folders: the issue and the files that matter are asked, a patch is the answer.

`write_tasks` is the entry point. The instance's row stands in host/, which nothing that answers ever sees; `row_of`
gives it back for grading.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from harness.errors import DiskError, TaskError
from harness.files import from_json, to_json
from harness.repository_tasks import require_replaceable
from harness.score import answer_patch
from harness.swebench.instances import Instance, InstanceFile
from harness.swebench.repositories import ExcludedInstanceError, needed_files
from harness.tasks import (
    edit_form,
    escape_braces,
    fence_of,
    load_tasks,
    readings_of,
    require_folder,
    require_scorable,
    task_name_from,
    toml_value,
    vary,
    write_folder,
)
from harness.types import ExcludedInstance, Json, Log, Task

SUITE = "swebench"
ORIGIN = "SWE-bench, oracle files"
"""How a report names such tasks: the prompt shows the files that the official solution changes."""
MIN_BUDGET_TOKENS = 8192
_UNFINISHED = ".unfinished"
_ROW_FILE = "host/instance.json"
_SYSTEM = "You change existing code with as few lines as the change needs.\n"
_ALLOWED = """\
You may edit
these files only, and add files to the repository with a block whose old side is empty."""


def task_name_of(instance_id: str) -> str:
    """The name of an instance's task; names that are too long end in a digest."""
    return task_name_from("swe", instance_id, instance_id)


def write_tasks(
    source: InstanceFile, folder: Path, repositories: Sequence[Path], log: Log
) -> tuple[tuple[str, ...], tuple[ExcludedInstance, ...]]:
    """The names of the tasks of the instances that can be asked, and the others.

    Raises TaskError for a folder that holds other tasks, DownloadError for a repository that cannot be had, DiskError.
    """
    _require_folder(source, folder)
    names, excluded = [], []
    try:
        for instance in source.instances:
            try:
                files = needed_files(instance, repositories, log)
                names.append(_write(source, instance, files, folder))
            except ExcludedInstanceError as reason:
                excluded.append(ExcludedInstance(instance.id, str(reason)))
    finally:
        shutil.rmtree(folder / _UNFINISHED, ignore_errors=True)
    return tuple(names), tuple(excluded)


def row_of(task: Task) -> Json:
    """The row of a task's instance. Raises TaskError for a task of another origin."""
    text = vary(task, 0).host_files.get(_ROW_FILE.removeprefix("host/"))
    if text is None:
        raise TaskError(f"{task.name}: is no instance of SWE-bench")
    return from_json(text)


def _require_folder(source: InstanceFile, folder: Path) -> None:
    require_folder(folder)
    names = [task_name_of(instance.id) for instance in source.instances]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise TaskError(f"{source.name}: two instances would be the task {twice}", fix="name one of them")
    for name in names:
        require_replaceable(folder / name, ORIGIN)


def _write(source: InstanceFile, instance: Instance, files: dict[str, str], folder: Path) -> str:
    """Write the task of an instance whose official solution is an answer. Raises ExcludedInstanceError, DiskError."""
    name = task_name_of(instance.id)
    draft, target = folder / _UNFINISHED / name, folder / name
    shutil.rmtree(draft, ignore_errors=True)
    texts = {
        "system.md": _SYSTEM,
        "prompt.md": _prompt(instance, files),
        "solution/answer.md": _fenced("diff", instance.patch),
        _ROW_FILE: to_json(instance.row) + "\n",
        **{f"files/{path}": text for path, text in files.items()},
    }
    write_folder(draft, texts, _manifest(source, instance))
    try:
        (task,) = load_tasks([draft.parent], names=[name])
        require_scorable([task])
    except TaskError as error:
        reason = error.message.removeprefix(f"{draft}/")
        raise ExcludedInstanceError(f"cannot be written as a task: {reason}") from error
    variant = vary(task, 0)
    if not answer_patch(variant, readings_of(variant.solution)):
        raise ExcludedInstanceError("its patch does not apply to the files of its commit")
    try:
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
    except OSError as error:
        raise DiskError(f"{target}: cannot be written: {error.strerror or error}") from error
    return name


def _manifest(source: InstanceFile, instance: Instance) -> str:
    budget = max(MIN_BUDGET_TOKENS, len(instance.patch))
    return (
        f"title = {toml_value(instance.id)}\n"
        f"suites = {toml_value([SUITE])}\n"
        'tags = ["code", "imported"]\n'
        f"budget_tokens = {budget}\n"
        f"\n[source]\nset = {toml_value(ORIGIN)}\nid = {toml_value(instance.id)}\n"
        f"file = {toml_value(source.name)}\nsha256 = {toml_value(source.sha256)}\n"
        '\n[scorer]\nkind = "patch"\n'
    )


def _fenced(info: str, text: str) -> str:
    fence = fence_of([text])
    return f"{fence}{info}\n{text.removesuffix(chr(10))}\n{fence}\n"


def _prompt(instance: Instance, files: dict[str, str]) -> str:
    fence = fence_of(list(files.values()))
    shown = "\n\n".join(f"`{escape_braces(path)}`:\n\n{fence}\n{{{{include:files/{path}}}}}\n{fence}" for path in files)
    issue = escape_braces(instance.problem_statement.replace("\r\n", "\n").strip())
    return (
        f"Resolve this issue of the repository {instance.repository}.\n\n<issue>\n{issue}\n</issue>\n\n"
        f"The files that a solution changes, as they are now:\n\n{shown}\n\n"
        f"{edit_form(escape_braces(next(iter(files))), _ALLOWED)}"
    )
