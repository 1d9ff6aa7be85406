"""Writes a task about a change of a repository's files: its manifest, cases, texts and answers that must fail.

`write_with_answers` is the entry point; the functions beside it give the parts that such tasks share. Double braces,
which mark placeholders in a task, come from its only variant.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import TaskError
from harness.repository_tasks.proof import Proof
from harness.score import TEST_PASSED
from harness.tasks import TASK_FILE, edit_form, escape_braces, fence_of, toml_value, write_folder
from harness.trees import lines_of
from harness.types import Json, Limits, Outcome

LIMITS = Limits(
    load_timeout_s=20, case_timeout_s=60, memory_bytes=1 << 30, pids=128, output_bytes=4 << 20, disk_bytes=64 << 20
)
MAX_SINGLE_TESTS = 20
MIN_BUDGET_TOKENS = 4096
LANGUAGE_NAMES = {"python": "Python", "javascript": "JavaScript"}
SYSTEM = "You change existing code with as few lines as the change needs.\n"
_ONLY_THESE = "You may edit these\nfiles only."
_BESIDE_THEM = """\
You may edit these
files only, and add modules beside those in a folder with a block whose old side is empty."""


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


def write_with_answers(folder: Path, texts: Mapping[str, str], manifest: str, wrong: Sequence[WrongEntry]) -> None:
    """Write a task's texts, task.toml and these wrong answers. Raises DiskError."""
    for entry in wrong:
        manifest += f"\n[[wrong]]\nfile = {toml_value(entry.file)}\nfails = {toml_value(entry.fails)}\n"
        manifest += f"outcome = {toml_value(entry.outcome.value)}\n"
    write_folder(folder, {**texts, **{f"wrong/{entry.file}": entry.text for entry in wrong}}, manifest)


def require_replaceable(folder: Path, origin: str) -> None:
    """Raises TaskError for a folder that is there and holds no task of this origin: it may be the user's own."""
    manifest = folder / TASK_FILE
    text = manifest.read_text(encoding="utf-8", errors="replace") if manifest.is_file() else ""
    if folder.exists() and f"set = {toml_value(origin)}" not in text:
        raise TaskError(f"{folder}: is from elsewhere, and a task would replace it", fix="name another folder")


def limits_lines() -> list[str]:
    """The limits of a repository's tests, as lines of task.toml."""
    return ["\n[limits]", *(f"{name} = {getattr(LIMITS, name)}" for name in Limits.__dataclass_fields__)]


def quoted(text: str) -> str:
    """A text as a quotation."""
    return escape_braces("\n".join(f"> {line}".rstrip() for line in text.splitlines()))


def files_and_format(tree: Mapping[str, str], given: Sequence[str], language: str) -> str:
    """The end of a prompt: the files that may be edited, and the form of the answer."""
    fence = fence_of([tree[path] for path in given])
    files = "\n\n".join(
        f"`{escape_braces(path)}`:\n\n{fence}{language}\n{{{{include:files/{path}}}}}\n{fence}" for path in given
    )
    # The scorer kind `repository` takes no new file beside one at the top, where a runner looks for its own.
    allowed = _BESIDE_THEM if any("/" in path for path in given) else _ONLY_THESE
    return f"The files that matter, as they are now:\n\n{files}\n\n{edit_form(escape_braces(given[0]), allowed)}"


def diff_answer(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """The answer that makes one tree of another, as a unified diff."""
    changed = [path for path, text in after.items() if before.get(path) != text]
    diff = "".join(line for path in changed for line in _diff(path, before, after))
    fence = fence_of([diff])
    return f"{fence}diff\n{diff}{fence}\n"


def _diff(path: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    old, new = before.get(path), after[path]
    lines = difflib.unified_diff(
        lines_of(old or ""),
        lines_of(new),
        "/dev/null" if old is None else f"a/{path}",
        f"b/{path}",
    )
    return (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
