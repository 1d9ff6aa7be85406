"""Answers that must not pass, whatever the repository: no answer, no change, an exit, skipped or deleted tests, a hook.

`cheating_answers` writes them for a tree. What each fails is stated from what it was seen to fail (own_answers.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.mining.ecosystems import Ecosystem
from harness.mining.folder import WrongEntry
from harness.tasks import fence_of
from harness.types import Outcome


def cheating_answers(
    ecosystem: Ecosystem, tree: Mapping[str, str], given: Sequence[str], test_files: Sequence[str]
) -> list[WrongEntry]:
    """The cheats on a tree whose `given` files may be edited."""

    def whole(path: str, text: str) -> str:
        fence = fence_of([text])
        return f"`{path}`:\n\n{fence}{ecosystem.language}\n{text}{fence}\n"

    unchanged = f"{tree[given[0]].rstrip()}\n\n{ecosystem.comment} no change\n"
    deleted = "".join(f"--- a/{path}\n+++ /dev/null\n@@ -1 +0,0 @@\n-\n" for path in test_files[:1])
    return [
        WrongEntry("no-answer", "I cannot make this change.\n", "*", Outcome.NO_ANSWER),
        WrongEntry("no-change", whole(given[0], unchanged), "*"),
        WrongEntry("exit", "".join(whole(path, ecosystem.exits) for path in given), "*"),
        WrongEntry("skip", "".join(whole(path, ecosystem.skips) for path in given), "*"),
        WrongEntry("forged-hook", whole(ecosystem.hook, ecosystem.forges), "*"),
        *([WrongEntry("deleted-tests", f"```diff\n{deleted}```\n", "*")] if deleted else []),
    ]
