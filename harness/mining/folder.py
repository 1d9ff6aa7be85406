"""Writes a mined commit as a task folder: prompt, files, cases, the commit's own change and answers that must fail.

`write_task` is the entry point; `write_with_answers`, `files_and_format` and `diff_answer` serve other tasks about a
repository's files. Names, titles and checks of a mined task hold digests and numbers only, since they are what a result
publishes of a task. Double braces, which mark placeholders in a task, come from its only variant.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.mining.candidates import CommitStates
from harness.mining.environment import LIMITS, TestEnvironment
from harness.mining.proof import Proof
from harness.score import TEST_PASSED
from harness.tasks import edit_form, escape_braces, fence_of, toml_value, write_folder
from harness.types import Json, Limits, Outcome

SUITE = "mined"
ORIGIN = "commits of a repository"
"""How a report names such tasks, in place of the repository's name."""
MAX_SINGLE_TESTS = 20
MAX_MESSAGE_CHARS = 4000
MIN_BUDGET_TOKENS = 4096
_ALLOWED = """\
You may edit these
files only, and add modules beside them with a block whose old side is empty."""
LANGUAGE_NAMES = {"python": "Python", "javascript": "JavaScript"}
SYSTEM = "You change existing code with as few lines as the change needs.\n"


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


@dataclass(frozen=True, slots=True)
class WrongEntry:
    """An answer that must fail: its text, the checks that it fails ("*" for all), and how it ends.

    `ending` is that of its file: an agent's is a patch.
    """

    name: str
    text: str
    fails: tuple[str, ...] | str
    outcome: Outcome = Outcome.FAILED
    ending: str = ".md"

    @property
    def file(self) -> str:
        """Its file in the folder wrong/."""
        return f"{self.name}{self.ending}"


def cases_of_proof(proof: Proof) -> list[Json]:
    """A case for each fixed test, or for each file of them if they are many; and one for each file of the others."""
    single = len(proof.fixed) <= MAX_SINGLE_TESTS
    fixed = [[test] for test in proof.fixed] if single else _by_file(proof.fixed)
    groups = [(f"fixed/{number}", tests) for number, tests in enumerate(fixed, 1)]
    groups += [(f"still/{number}", tests) for number, tests in enumerate(_by_file(proof.still), 1)]
    return [{"id": name, "give": {"tests": tests}, "expect": {"outcome": TEST_PASSED}} for name, tests in groups]


def _by_file(tests: Sequence[str]) -> list[list[str]]:
    files: dict[str, list[str]] = {}
    for test in tests:
        files.setdefault(test.partition("::")[0], []).append(test)
    return list(files.values())


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


def write_with_answers(folder: Path, texts: Mapping[str, str], manifest: str, wrong: Sequence[WrongEntry]) -> None:
    """Write a task's texts, task.toml and these wrong answers. Raises DiskError."""
    for entry in wrong:
        manifest += f"\n[[wrong]]\nfile = {toml_value(entry.file)}\nfails = {toml_value(entry.fails)}\n"
        manifest += f"outcome = {toml_value(entry.outcome.value)}\n"
    write_folder(folder, {**texts, **{f"wrong/{entry.file}": entry.text for entry in wrong}}, manifest)


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


def limits_lines() -> list[str]:
    """The limits of a repository's tests, as lines of task.toml."""
    return ["\n[limits]", *(f"{name} = {getattr(LIMITS, name)}" for name in Limits.__dataclass_fields__)]


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


def quoted(text: str) -> str:
    """A text as a quotation."""
    return escape_braces("\n".join(f"> {line}".rstrip() for line in text.splitlines()))


def files_and_format(tree: Mapping[str, str], given: Sequence[str], language: str) -> str:
    """The end of a prompt: the files that may be edited, and the form of the answer."""
    fence = fence_of([tree[path] for path in given])
    files = "\n\n".join(
        f"`{escape_braces(path)}`:\n\n{fence}{language}\n{{{{include:files/{path}}}}}\n{fence}" for path in given
    )
    return f"The files that matter, as they are now:\n\n{files}\n\n{edit_form(escape_braces(given[0]), _ALLOWED)}"


# --- the answers ------------------------------------------------------------------------------------------------------


def diff_answer(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """The answer that makes one tree of another, as a unified diff."""
    changed = [path for path, text in after.items() if before.get(path) != text]
    diff = "".join(line for path in changed for line in _diff(path, before, after))
    fence = fence_of([diff])
    return f"{fence}diff\n{diff}{fence}\n"


def _diff(path: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    old, new = before.get(path), after[path]
    lines = difflib.unified_diff(
        (old or "").splitlines(keepends=True),
        new.splitlines(keepends=True),
        "/dev/null" if old is None else f"a/{path}",
        f"b/{path}",
    )
    return (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
