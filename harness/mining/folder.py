"""Writes a mined commit as a task folder: prompt, files, cases, the commit's own change and answers that must fail.

`write_task` is the entry point, `manifest_text` writes task.toml. Names, titles and checks hold digests and numbers
only, since they are what a result publishes of a task. Double braces, which mark placeholders in a task, come from its
only variant.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.files import to_json, write_atomic
from harness.mining.candidates import CommitStates
from harness.mining.proof import PASSED, Proof
from harness.types import Json, Limits, Outcome

SUITE = "mined"
ORIGIN = "commits of a repository"
"""How a report names such tasks, in place of the repository's name."""
LIMITS = Limits(
    load_timeout_s=20, case_timeout_s=60, memory_bytes=1 << 30, pids=128, output_bytes=4 << 20, disk_bytes=64 << 20
)
MAX_SINGLE_TESTS = 20
MAX_MESSAGE_CHARS = 4000
MIN_BUDGET_TOKENS = 4096
_BRACES = "{{variant.OPEN}}"
SYSTEM = "You change existing code with as few lines as the change needs.\n"


@dataclass(frozen=True, slots=True)
class MinedTask:
    """What a task folder is written from: a commit, what its tests prove, and the environment that they ran in."""

    states: CommitStates
    proof: Proof
    packages: tuple[str, ...]
    paths: tuple[str, ...]
    distribution: str

    @property
    def name(self) -> str:
        """The task's name."""
        return f"mined-{self.states.commit.sha[:10]}"


@dataclass(frozen=True, slots=True)
class WrongEntry:
    """An answer that must fail: its text, the checks that it fails ("*" for all), and how it ends."""

    name: str
    text: str
    fails: tuple[str, ...] | str
    outcome: Outcome = Outcome.FAILED


def cases_of_proof(proof: Proof) -> list[Json]:
    """A case for each fixed test, or for each file of them if they are many; and one for each file of the others."""
    single = len(proof.fixed) <= MAX_SINGLE_TESTS
    fixed = [[test] for test in proof.fixed] if single else _by_file(proof.fixed)
    groups = [(f"fixed/{number}", tests) for number, tests in enumerate(fixed, 1)]
    groups += [(f"still/{number}", tests) for number, tests in enumerate(_by_file(proof.still), 1)]
    return [{"id": name, "give": {"tests": tests}, "expect": {"outcome": PASSED}} for name, tests in groups]


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
        "solution/answer.md": solution(states),
        "cases.json": json.dumps(cases_of_proof(task.proof), indent=1, ensure_ascii=False) + "\n",
        **{f"files/{path}": text for path, text in states.before.items()},
        **{f"wrong/{entry.name}.md": entry.text for entry in wrong},
    }
    escaped = {place: text if place == "prompt.md" else _escape(text) for place, text in texts.items()}
    uses_braces = any(_BRACES in text for text in escaped.values())
    escaped["task.toml"] = manifest_text(task, wrong, uses_braces=uses_braces)
    for place, text in escaped.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text)


def _escape(text: str) -> str:
    return text.replace("{{", _BRACES)


def manifest_text(task: MinedTask, wrong: Sequence[WrongEntry], *, uses_braces: bool) -> str:
    """The text of task.toml."""
    budget = max(MIN_BUDGET_TOKENS, len(solution(task.states)))
    lines = [
        f"title = {_toml(f'Commit {task.states.commit.sha[:10]} of a repository')}",
        f"suites = {_toml([SUITE])}",
        'tags = ["code"]',
        'language = "python"',
        f"budget_tokens = {budget}",
        f"\n[source]\nset = {_toml(ORIGIN)}\nid = {_toml(task.states.commit.sha)}",
        "\n[limits]",
        *(f"{name} = {getattr(LIMITS, name)}" for name in Limits.__dataclass_fields__),
        '\n[scorer]\nkind = "repository"',
        f"given = {_toml(task.states.given)}",
        f"packages = {_toml(task.packages)}",
        f"paths = {_toml(task.paths)}",
        *([f"distribution = {_toml(task.distribution)}"] if task.distribution else []),
    ]
    for entry in wrong:
        lines += [f"\n[[wrong]]\nfile = {_toml(f'{entry.name}.md')}", f"fails = {_toml(entry.fails)}"]
        lines += [f"outcome = {_toml(entry.outcome.value)}"]
    if uses_braces:
        lines.append('\n[[variants]]\nOPEN = "{{"')
    return "\n".join(lines) + "\n"


def _toml(value: Json) -> str:
    """A string or a list of strings: what JSON writes of them is TOML, too."""
    return to_json(list(value) if isinstance(value, tuple) else value)


# --- the prompt -------------------------------------------------------------------------------------------------------


def fence_of(texts: Sequence[str]) -> str:
    """A fence that is longer than any in these texts."""
    longest = max((len(found) for text in texts for found in re.findall(r"`{3,}", text)), default=2)
    return "`" * max(3, longest + 1)


def _prompt(task: MinedTask) -> str:
    states = task.states
    fence = fence_of([states.before[path] for path in states.given])
    shown = task.proof.fixed[:MAX_SINGLE_TESTS]
    more = len(task.proof.fixed) - len(shown)
    files = "\n\n".join(
        f"`{_escape(path)}`:\n\n{fence}python\n{{{{include:files/{path}}}}}\n{fence}" for path in states.given
    )
    quoted = "\n".join(f"> {line}".rstrip() for line in states.commit.message[:MAX_MESSAGE_CHARS].splitlines())
    tests = "".join(f"- {test}\n" for test in shown) + (f"- and {more} more\n" if more else "")
    return (
        f"Make a change in a Python repository. This is its description:\n\n{_escape(quoted)}\n\n"
        "These tests of the repository fail now and must pass after the change. The tests that pass now must go on "
        f"passing.\n\n{_escape(tests)}\n"
        f"The files that matter, as they are now:\n\n{files}\n\n{_FORMAT.replace('PATH', _escape(states.given[0]))}"
    )


_FORMAT = """\
Answer with search and replace blocks in exactly this form, one after the other, without repeating the files. The old
lines are copied from a file as they are, and each set of old lines must stand in the file only once. You may edit these
files only, and add modules beside them with a block whose old side is empty.

PATH
<<<<<<< SEARCH
old lines
=======
new lines
>>>>>>> REPLACE
"""


# --- the answers ------------------------------------------------------------------------------------------------------


def solution(states: CommitStates) -> str:
    """The commit's change of the source as a unified diff."""
    changed = [path for path, text in states.after.items() if states.before.get(path) != text]
    diff = "".join(line for path in changed for line in _diff(path, states.before, states.after))
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


def _whole(path: str, text: str) -> str:
    fence = fence_of([text])
    return f"`{path}`:\n\n{fence}python\n{text}{fence}\n"


def wrong_answers(task: MinedTask) -> list[WrongEntry]:
    """Answers that must fail: nothing, no change, an exit, a skip, a forged conftest.py, deleted tests."""
    states, ids = task.states, [str(case["id"]) for case in cases_of_proof(task.proof)]
    fixed = tuple(name for name in ids if name.startswith("fixed/"))
    ran = ("canary", *ids)
    first, test_file = states.given[0], states.test_files[0]
    everywhere = states.given
    exit_text = "".join(_whole(path, "import os\n\nos._exit(0)\n") for path in everywhere)
    skip = "import pytest\n\npytest.skip('skipped', allow_module_level=True)\n"
    return [
        WrongEntry("no-answer", "I cannot make this change.\n", "*", Outcome.NO_ANSWER),
        WrongEntry("no-change", _whole(first, f"{states.before[first].rstrip()}\n\n# no change\n"), fixed),
        WrongEntry("exit", exit_text, ran),
        WrongEntry("skip", "".join(_whole(path, skip) for path in everywhere), tuple(ids)),
        WrongEntry("forged-conftest", _whole("conftest.py", _FORGED), "*"),
        WrongEntry("deleted-tests", f"```diff\n--- a/{test_file}\n+++ /dev/null\n@@ -1 +0,0 @@\n-\n```\n", "*"),
    ]


_FORGED = """\
import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    outcome.get_result().outcome = "passed"
"""
