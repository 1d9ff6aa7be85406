"""Looks for the fix where it must not be: in the commit's message, and in other files of the tree before it.

A copy of a module that was fixed first, a build folder, a patch file: `leak_in` finds lines that the change adds in a
file that the change does not touch. Short lines say nothing and are not looked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

MIN_LINE_CHARS = 24
MIN_SHARE = 0.5
_MIN_LINES = 2


def added_lines(before: Mapping[str, str], after: Mapping[str, str]) -> frozenset[str]:
    """The lines, stripped and long enough to be recognized, that only the files after the change have."""
    changed = [path for path, text in after.items() if before.get(path) != text]
    old = {line.strip() for path in changed for line in before.get(path, "").splitlines()}
    new = {line.strip() for path in changed for line in after[path].splitlines()}
    return frozenset(line for line in new - old if len(line) >= MIN_LINE_CHARS and not line.startswith("#"))


def message_leaks(message: str, before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """Whether a message contains a line of the fix."""
    return any(line in message for line in added_lines(before, after))


def leak_in(before: Mapping[str, str], after: Mapping[str, str], test_files: Sequence[str]) -> str | None:
    """A file of the tree that has half of the fix's lines and at least two; tests quote the code that they test."""
    lines = added_lines(before, after)
    for path, text in before.items():
        if path not in test_files and after.get(path) == text:
            found = lines & {line.strip().lstrip("+ ") for line in text.splitlines()}
            if len(found) >= _MIN_LINES and len(found) >= MIN_SHARE * len(lines):
                return path
    return None
