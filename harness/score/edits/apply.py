"""Edits put into files: exactly, or with blanks overlooked as a rule of its own; all of them or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.score.edits.formats import Edit

EXACT, WHITESPACE = "exact", "whitespace"
Lines = Sequence[str]


@dataclass(frozen=True, slots=True)
class Applied:
    """The files after the edits, or as they were when one edit did not fit: then `faults` says why.

    `rules` are those that were needed, `done` how many edits fitted, `refused` the protected files that one touched.
    """

    files: Mapping[str, str]
    faults: tuple[str, ...]
    rules: frozenset[str]
    done: int
    changed: tuple[str, ...]
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where old lines stand, the new lines as they go there, and by which rule."""

    at: int
    new: tuple[str, ...]
    rule: str


class _UnfitError(Exception):
    """An edit does not fit; caught in this module."""


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _shift(old: Lines, there: Lines) -> tuple[str, str] | None:
    """What to take off and put on each line's indent so that `old` becomes `there`; None where no one shift does."""
    shifts = set()
    for mine, theirs in zip(old, there, strict=True):
        if mine.strip() != theirs.strip():
            return None
        if mine.strip():
            have, want = _indent(mine), _indent(theirs)
            if want.endswith(have):
                shifts.add(("", want[: len(want) - len(have)]))
            elif have.endswith(want):
                shifts.add((have[: len(have) - len(want)], ""))
            else:
                return None
    return shifts.pop() if len(shifts) == 1 else None


def _shifted(lines: Lines, shift: tuple[str, str]) -> tuple[str, ...]:
    off, on = shift
    return tuple(on + line.removeprefix(off) if line.strip() else line for line in lines)


def _exactly(edit: Edit, there: Lines) -> tuple[str, ...] | None:
    return edit.new if tuple(there) == edit.old else None


def _but_for_blanks(edit: Edit, there: Lines) -> tuple[str, ...] | None:
    shift = _shift(edit.old or (), there)
    return None if shift is None else _shifted(edit.new or (), shift)


_RULES: tuple[tuple[str, Callable[[Edit, Lines], tuple[str, ...] | None]], ...] = (
    (EXACT, _exactly),
    (WHITESPACE, _but_for_blanks),
)


def _places(edit: Edit, lines: Lines) -> list[_Place]:
    """Every place that the old lines fit by the first rule that finds one."""
    size = len(edit.old or ())
    for name, rule in _RULES:
        found = []
        for at in range(len(lines) - size + 1):
            new = rule(edit, lines[at : at + size])
            if new is not None:
                found.append(_Place(at, new, name))
        if found:
            return found
    return []


def _choose(edit: Edit, places: Sequence[_Place]) -> _Place:
    if not places:
        raise _UnfitError(f"{edit.path}: the old lines are not there: {(edit.old or ('',))[0][:60]!r} ...")
    if len(places) > 1 and edit.near_line is None:
        raise _UnfitError(f"{edit.path}: the old lines stand there {len(places)} times, not once")
    near = (edit.near_line or 1) - 1
    return min(places, key=lambda place: abs(place.at - near))


def _insert(edit: Edit, text: str) -> tuple[str, str]:
    """An edit without old lines: a new text, or, in a diff, lines after a stated one."""
    if not text.strip():
        return "\n".join(edit.new or ()) + "\n", EXACT
    if edit.form != "diff" or edit.near_line is None:
        raise _UnfitError(f"{edit.path}: has no old lines, but the file is there")
    lines = text.split("\n")
    at = min(edit.near_line, len(lines) - 1)
    return "\n".join([*lines[:at], *(edit.new or ()), *lines[at:]]), EXACT


def _edited(edit: Edit, text: str) -> tuple[str, str]:
    """A file's text after one edit, and the rule that found its place."""
    if not edit.old or not any(line.strip() for line in edit.old):
        return _insert(edit, text)
    lines = text.split("\n")
    place = _choose(edit, _places(edit, lines))
    return "\n".join([*lines[: place.at], *place.new, *lines[place.at + len(edit.old) :]]), place.rule


def _put(edit: Edit, files: dict[str, str]) -> str:
    """Put one edit into the files; returns its rule. Raises _UnfitError."""
    path = edit.path
    if edit.fault is not None:
        raise _UnfitError(edit.fault)
    if path is None:
        raise _UnfitError("an edit names no file, and there are several")
    if path.startswith(".."):
        raise _UnfitError(f"{path}: lies outside")
    if edit.old is None and edit.new is not None:
        files[path] = "\n".join(edit.new) + "\n"
        return EXACT
    if path not in files and (edit.new is None or any(line.strip() for line in edit.old or ())):
        raise _UnfitError(f"{path}: there is no such file")
    if edit.new is None:
        del files[path]
        return EXACT
    files[path], rule = _edited(edit, files.get(path, ""))
    return rule


def apply_edits(edits: Sequence[Edit], files: Mapping[str, str], protected: Sequence[str] = ()) -> Applied:
    """Put all the edits into the files, in order, or none of them."""
    after, faults, rules = dict(files), [], []
    refused = tuple(dict.fromkeys(edit.path for edit in edits if edit.path in protected and edit.path is not None))
    faults += [f"{path}: must not be changed" for path in refused]
    for edit in edits:
        if edit.path in protected:
            continue
        try:
            rules.append(_put(edit, after))
        except _UnfitError as unfit:
            faults.append(str(unfit))
    if faults:
        return Applied(files, tuple(faults), frozenset(rules), len(rules), (), refused)
    changed = tuple(sorted(path for path in {*files, *after} if files.get(path) != after.get(path)))
    return Applied(after, (), frozenset(rules), len(rules), changed)
