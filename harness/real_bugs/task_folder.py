"""Writes a proved bug as a task folder: the report, cases, the release's own code as the answer, and cheats.

`write_bug_task` is the entry point; what depends on how a model is asked is its form's (forms.py). Nothing of a task is
the kit's: it is made in a folder of the user's, from the archive that the registry gave.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from harness.real_bugs.bug_task import BugTask
from harness.real_bugs.forms import BugForm
from harness.real_bugs.instances import PROBES
from harness.repository_tasks import SYSTEM, WrongEntry, cases_of_proof, limits_lines, write_with_answers
from harness.tasks import toml_value
from harness.types import Json

ORIGIN = "real bugs"


def write_bug_task(task: BugTask, form: BugForm, folder: Path, wrong: Sequence[WrongEntry]) -> None:
    """Write the folder with these wrong answers. Raises DiskError."""
    texts = {
        "system.md": SYSTEM,
        "prompt.md": form.prompt(task),
        "cases.json": json.dumps(_cases(task), indent=1, ensure_ascii=False) + "\n",
        **form.texts(task),
    }
    write_with_answers(folder, texts, _manifest(task, form), wrong)


def _cases(task: BugTask) -> list[Json]:
    """The calls as `fixed/ID` and `still/ID`, then the package's own tests as `fixed/N` and `still/N`."""
    calls = [
        {
            "id": f"{'fixed' if case.id in task.bug.fails else 'still'}/{case.id}",
            "give": {"call": case.call, "args": list(case.args)},
            "expect": {"value": case.value},
        }
        for case in task.instance.cases
    ]
    return [*calls, *cases_of_proof(task.proof)]


def _manifest(task: BugTask, form: BugForm) -> str:
    instance = task.instance
    lines = [
        f"title = {toml_value(f'A bug in {instance.package} {instance.version}{form.title}')}",
        f"suites = {toml_value([form.suite])}",
        f"tags = {toml_value(form.tags)}",
        f"language = {toml_value(instance.language)}",
        f"budget_tokens = {form.budget_tokens(task)}",
        f"\n[source]\nset = {toml_value(ORIGIN)}\nid = {toml_value(form.task_name(task.name))}",
        f"file = {toml_value(instance.file)}\nsha256 = {toml_value(instance.sha256)}",
        f"license = {toml_value(instance.license)}",
        *limits_lines(),
        "\n[scorer]",
        *form.scorer(task),
        f"entry = {toml_value(PROBES[instance.registry])}",
        f"paths = {toml_value(instance.paths)}",
        f"distribution = {toml_value(instance.distribution)}",
        f"runner = {toml_value(instance.runner)}",
        *([f"packages = {toml_value(instance.packages)}"] if instance.packages else []),
    ]
    return "\n".join(lines) + "\n"
