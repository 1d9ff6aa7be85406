"""Writes a proved bug as a task folder: the report, the files that may be edited, cases, and the release's own code.

`write_bug_task` is the entry point. Nothing of it is the kit's: it is made in a folder of the user's, from the archive
that the registry gave.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.mining import (
    LANGUAGE_NAMES,
    MIN_BUDGET_TOKENS,
    SYSTEM,
    Proof,
    WrongEntry,
    cases_of_proof,
    diff_answer,
    files_and_format,
    limits_lines,
    quoted,
    write_with_answers,
)
from harness.real_bugs.instances import PROBES, Bug, BugInstance
from harness.real_bugs.proof import BugStates
from harness.tasks import toml_value
from harness.types import Json

SUITE = "real-bugs"
ORIGIN = "real bugs"


@dataclass(frozen=True, slots=True)
class BugTask:
    """What a task folder is written from: a bug of an instance, its two states, and what the package's tests prove."""

    name: str
    instance: BugInstance
    bug: Bug
    states: BugStates
    proof: Proof


def write_bug_task(task: BugTask, folder: Path, wrong: Sequence[WrongEntry]) -> None:
    """Write the folder with these wrong answers. Raises DiskError."""
    states = task.states
    texts = {
        "system.md": SYSTEM,
        "prompt.md": _prompt(task),
        "solution/answer.md": diff_answer(states.before, states.after),
        "cases.json": json.dumps(_cases(task), indent=1, ensure_ascii=False) + "\n",
        **{f"files/{path}": text for path, text in states.before.items()},
    }
    write_with_answers(folder, texts, _manifest(task), wrong)


def _prompt(task: BugTask) -> str:
    instance = task.instance
    return (
        f"Fix a bug in the {LANGUAGE_NAMES[instance.language]} package {instance.package} {instance.version}. This is "
        f"the report:\n\n{quoted(task.bug.issue.strip())}\n\nEverything else must go on working as it does.\n\n"
        f"{files_and_format(task.states.before, task.bug.files, instance.language)}"
    )


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


def _manifest(task: BugTask) -> str:
    instance, states = task.instance, task.states
    lines = [
        f"title = {toml_value(f'A bug in {instance.package} {instance.version}')}",
        f"suites = {toml_value([SUITE])}",
        'tags = ["code"]',
        f"language = {toml_value(instance.language)}",
        f"budget_tokens = {max(MIN_BUDGET_TOKENS, len(diff_answer(states.before, states.after)))}",
        f"\n[source]\nset = {toml_value(ORIGIN)}\nid = {toml_value(task.name)}",
        f"file = {toml_value(instance.file)}\nsha256 = {toml_value(instance.sha256)}",
        f"license = {toml_value(instance.license)}",
        *limits_lines(),
        '\n[scorer]\nkind = "repository"',
        f"given = {toml_value(task.bug.files)}",
        f"paths = {toml_value(instance.paths)}",
        f"entry = {toml_value(PROBES[instance.registry])}",
        f"distribution = {toml_value(instance.distribution)}",
    ]
    return "\n".join(lines) + "\n"
