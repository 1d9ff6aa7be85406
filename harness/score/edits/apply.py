"""Applies edits to files: exactly, or by a rule of its own that overlooks whitespace; all of them or none.

`apply_edits` is the entry point.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.score.edits.formats import Edit

EXACT, WHITESPACE = "exact", "whitespace"
MAX_COMPARED_LINES = 2_000_000
"""Of one answer: its edits times the lines of their files, which grows with the square of its length. 100 edits of a
file of 5,000 lines need half of it."""
SHADOWS = "would be imported in place of a protected file"
Lines = Sequence[str]


@dataclass(frozen=True, slots=True)
class EditResult:
    """The files after the edits; where one edit did not apply, the files as they were, and `errors` says why.

    `rules` are those by which edits matched, `matched` is how many did, `refused` are the protected files that an edit
    wanted to change.
    """

    files: Mapping[str, str]
    errors: tuple[str, ...]
    rules: frozenset[str]
    matched: int
    changed: tuple[str, ...]
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Match:
    """Where old lines are in a file, the new lines as they are put there, and the rule that matched."""

    start: int
    new: tuple[str, ...]
    rule: str


class _UnfitError(Exception):
    """An edit does not apply; caught in this module."""


@dataclass(slots=True)
class _Work:
    """How many lines the edits of an answer have compared so far."""

    compared: int = 0

    def add(self, lines: int) -> None:
        """Count lines before they are compared. Raises _UnfitError where they are too many."""
        self.compared += lines
        if self.compared > MAX_COMPARED_LINES:
            raise _UnfitError(f"the edits are too many: to place them takes more than {MAX_COMPARED_LINES} comparisons")


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _indent_change(old: Lines, actual: Lines) -> tuple[str, str] | None:
    """(removed, added): the one change of every line's indent that turns `old` into `actual`; None if there is none."""
    changes = set()
    for old_line, actual_line in zip(old, actual, strict=True):
        if old_line.strip() != actual_line.strip():
            return None
        if old_line.strip():
            before, after = _indent(old_line), _indent(actual_line)
            if after.endswith(before):
                changes.add(("", after[: len(after) - len(before)]))
            elif before.endswith(after):
                changes.add((before[: len(before) - len(after)], ""))
            else:
                return None
    return changes.pop() if len(changes) == 1 else None


def _reindent(lines: Lines, change: tuple[str, str]) -> tuple[str, ...]:
    removed, added = change
    return tuple(added + line.removeprefix(removed) if line.strip() else line for line in lines)


def _match_exactly(edit: Edit, actual: Lines) -> tuple[str, ...] | None:
    return edit.new if tuple(actual) == edit.old else None


def _match_without_whitespace(edit: Edit, actual: Lines) -> tuple[str, ...] | None:
    change = _indent_change(edit.old or (), actual)
    return None if change is None else _reindent(edit.new or (), change)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule by which old lines match: `key` is what their first line must have in common with that of the place."""

    name: str
    key: Callable[[str], str]
    match: Callable[[Edit, Lines], tuple[str, ...] | None]


_RULES = (_Rule(EXACT, str, _match_exactly), _Rule(WHITESPACE, str.strip, _match_without_whitespace))


def _matches(edit: Edit, lines: Lines, work: _Work) -> list[_Match]:
    """Every place that the old lines match by the first rule that finds one. Raises _UnfitError."""
    old = edit.old or ()
    for rule in _RULES:
        work.add(len(lines))
        first = rule.key(old[0])
        last = max(0, len(lines) - len(old) + 1)
        starts = [start for start, line in enumerate(lines[:last]) if rule.key(line) == first]
        work.add(len(starts) * len(old))
        places = ((start, rule.match(edit, lines[start : start + len(old)])) for start in starts)
        found = [_Match(start, new, rule.name) for start, new in places if new is not None]
        if found:
            return found
    return []


def _choose(edit: Edit, matches: Sequence[_Match]) -> _Match:
    if not matches:
        raise _UnfitError(f"{edit.path}: the old lines are not there: {(edit.old or ('',))[0][:60]!r} ...")
    if len(matches) > 1 and edit.near_line is None:
        raise _UnfitError(f"{edit.path}: the old lines occur {len(matches)} times, not once")
    near = (edit.near_line or 1) - 1
    return min(matches, key=lambda match: abs(match.start - near))


def _insert(edit: Edit, text: str, work: _Work) -> tuple[str, str]:
    """An edit without old lines: the text of a new file, or, in a diff, lines after the line that it states.

    Raises _UnfitError.
    """
    if not text.strip():
        return "\n".join(edit.new or ()) + "\n", EXACT
    if edit.format != "diff" or edit.near_line is None:
        raise _UnfitError(f"{edit.path}: has no old lines, but the file exists")
    lines = text.split("\n")
    work.add(len(lines))
    start = min(edit.near_line, len(lines) - 1)
    return "\n".join([*lines[:start], *(edit.new or ()), *lines[start:]]), EXACT


def _replace(edit: Edit, text: str, work: _Work) -> tuple[str, str]:
    """A file's text after an edit of some of its lines, and the rule that matched. Raises _UnfitError."""
    if not _has_text(edit.old):
        return _insert(edit, text, work)
    lines = text.split("\n")
    match = _choose(edit, _matches(edit, lines, work))
    return "\n".join([*lines[: match.start], *match.new, *lines[match.start + len(edit.old or ()) :]]), match.rule


def _has_text(lines: Lines | None) -> bool:
    return any(line.strip() for line in lines or ())


def _path_of(edit: Edit) -> str:
    """The path of an edit that can be applied. Raises _UnfitError."""
    if edit.error is not None:
        raise _UnfitError(edit.error)
    if edit.path is None:
        raise _UnfitError("an edit names no file, and there are several")
    if edit.path.startswith(".."):
        raise _UnfitError(f"{edit.path}: lies outside the task's files")
    return edit.path


def _apply(edit: Edit, files: dict[str, str], work: _Work) -> str:
    """Apply one edit to the files; returns the rule that matched. Raises _UnfitError."""
    path = _path_of(edit)
    if edit.old is None and edit.new is not None:
        files[path] = "\n".join(edit.new) + "\n"
        return EXACT
    if path not in files and (edit.new is None or _has_text(edit.old)):
        raise _UnfitError(f"{path}: there is no such file")
    if edit.new is None:
        del files[path]
        return EXACT
    files[path], rule = _replace(edit, files.get(path, ""), work)
    return rule


def apply_edits(edits: Sequence[Edit], files: Mapping[str, str], protected: Sequence[str] = ()) -> EditResult:
    """Apply all the edits to the files in order, or none of them.

    A protected path that is no file must not become one: it would be imported in place of a protected file.
    """
    after, errors, rules, work = dict(files), [], [], _Work()
    refused = tuple(dict.fromkeys(edit.path for edit in edits if edit.path in protected and edit.path is not None))
    errors += [f"{path}: {'must not be changed' if path in files else SHADOWS}" for path in refused]
    for edit in edits:
        if edit.path in protected:
            continue
        try:
            rules.append(_apply(edit, after, work))
        except _UnfitError as unfit:
            errors.append(str(unfit))
    if errors:
        return EditResult(files, tuple(errors), frozenset(rules), len(rules), (), refused)
    changed = tuple(sorted(path for path in {*files, *after} if files.get(path) != after.get(path)))
    return EditResult(after, (), frozenset(rules), len(rules), changed)
