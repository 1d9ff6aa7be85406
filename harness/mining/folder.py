"""Writes a mined commit as a task folder: prompt, files, cases, the commit's own change and answers that must fail.

`write_task` is the entry point. Names, titles and checks of a mined task hold digests and numbers only, since they are
what a result publishes of a task.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.mining.candidates import CommitStates
from harness.mining.environment import TestEnvironment
from harness.repository_tasks import (
    LANGUAGE_NAMES,
    MAX_SINGLE_TESTS,
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
from harness.tasks import escape_braces, toml_value

SUITE = "mined"
ORIGIN = "commits of a repository"
"""How a report names such tasks, in place of the repository's name."""
MAX_MESSAGE_CHARS = 4000


@dataclass(frozen=True, slots=True)
class MinedTask:
    """What a task folder is written from: a commit, what its tests prove, and the environment that they ran in."""

    states: CommitStates
    proof: Proof
    environment: TestEnvironment

    @property
    def name(self) -> str:
        """The task's name."""
        return f"mined-{self.states.commit.sha[:10]}"


def write_task(task: MinedTask, folder: Path, wrong: Sequence[WrongEntry]) -> None:
    """Write the folder. Raises DiskError."""
    states = task.states
    texts = {
        "system.md": SYSTEM,
        "prompt.md": _prompt(task),
        "solution/answer.md": diff_answer(states.before, states.after),
        "cases.json": json.dumps(cases_of_proof(task.proof), indent=1, ensure_ascii=False) + "\n",
        **{f"files/{path}": text for path, text in states.before.items()},
    }
    write_with_answers(folder, texts, manifest_text(task), wrong)


def manifest_text(task: MinedTask) -> str:
    """The text of task.toml, without the wrong answers."""
    environment = task.environment
    budget = max(MIN_BUDGET_TOKENS, len(diff_answer(task.states.before, task.states.after)))
    lines = [
        f"title = {toml_value(f'Commit {task.states.commit.sha[:10]} of a repository')}",
        f"suites = {toml_value([SUITE])}",
        'tags = ["code"]',
        f"language = {toml_value(environment.ecosystem.language)}",
        f"budget_tokens = {budget}",
        f"\n[source]\nset = {toml_value(ORIGIN)}\nid = {toml_value(task.states.commit.sha)}",
        *limits_lines(),
        '\n[scorer]\nkind = "repository"',
        f"given = {toml_value(task.states.given)}",
        f"runner = {toml_value(environment.runner)}",
        f"packages = {toml_value(environment.packages)}",
        f"paths = {toml_value(environment.paths)}",
        *([f"preload = {toml_value(environment.preload)}"] if environment.preload else []),
        *([f"distribution = {toml_value(environment.distribution)}"] if environment.distribution else []),
    ]
    return "\n".join(lines) + "\n"


# --- the prompt -------------------------------------------------------------------------------------------------------


def _prompt(task: MinedTask) -> str:
    states, language = task.states, task.environment.ecosystem.language
    shown = task.proof.fixed[:MAX_SINGLE_TESTS]
    more = len(task.proof.fixed) - len(shown)
    tests = "".join(f"- {test}\n" for test in shown) + (f"- and {more} more\n" if more else "")
    return (
        f"Make a change in a repository in {LANGUAGE_NAMES[language]}. This is its description:\n\n"
        f"{quoted(states.commit.message[:MAX_MESSAGE_CHARS])}\n\n"
        "These tests of the repository fail now and must pass after the change. The tests that pass now must go on "
        f"passing.\n\n{escape_braces(tests)}\n{files_and_format(states.before, states.given, language)}"
    )
