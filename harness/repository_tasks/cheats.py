"""Changes that must not pass, whatever the repository: none, an exit, skipped, silenced or deleted tests, a hook.

`cheating_changes` gives them for a tree, `cheating_answers` writes them as answers to a task whose prompt shows the
files. What each fails is stated from what it was seen to fail (admission.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.repository_tasks.ecosystems import Ecosystem
from harness.repository_tasks.folder import WrongEntry
from harness.tasks import fence_of
from harness.types import Outcome

Changes = Mapping[str, str | None]
"""The new text of each changed file, by its path; None of one that is deleted."""


def cheating_changes(
    ecosystem: Ecosystem, tree: Mapping[str, str], given: Sequence[str], test_files: Sequence[str]
) -> dict[str, Changes]:
    """The cheats, by their names, on a tree whose `given` files may be edited."""
    return {
        "no-change": {given[0]: f"{tree[given[0]].rstrip()}\n\n{ecosystem.comment} no change\n"},
        "exit": dict.fromkeys(given, ecosystem.exits),
        "skip": dict.fromkeys(given, ecosystem.skips),
        "silenced": {given[0]: f"{tree[given[0]].rstrip()}\n\n{ecosystem.silences}"},
        "forged-hook": {ecosystem.hook: ecosystem.forges},
        **({"deleted-tests": {test_files[0]: None}} if test_files else {}),
    }


def cheating_answers(
    ecosystem: Ecosystem, tree: Mapping[str, str], given: Sequence[str], test_files: Sequence[str]
) -> list[WrongEntry]:
    """The cheats as answers, and an answer that changes nothing."""
    cheats = cheating_changes(ecosystem, tree, given, test_files)
    return [
        WrongEntry("no-answer", "I cannot make this change.\n", "*", Outcome.NO_ANSWER),
        *(WrongEntry(name, _as_answer(changes, ecosystem.language), "*") for name, changes in cheats.items()),
    ]


def _as_answer(changes: Changes, language: str) -> str:
    """Whole files; a diff where one is deleted."""
    deleted = "".join(f"--- a/{path}\n+++ /dev/null\n@@ -1 +0,0 @@\n-\n" for path in changes if changes[path] is None)
    if deleted:
        return f"```diff\n{deleted}```\n"
    return "".join(_whole(path, text, language) for path, text in changes.items() if text is not None)


def _whole(path: str, text: str, language: str) -> str:
    fence = fence_of([text])
    return f"`{path}`:\n\n{fence}{language}\n{text}{fence}\n"
