"""Reads the edits of an answer: search blocks, unified diffs and whole files, as models write them.

`find_edits` is the entry point; harness/score/edits/apply.py applies what it returns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.score.edits.paths import files_named_in, normalize_path, path_in, path_in_info
from harness.score.edits.whole_files import lines_of, whole_files
from harness.score.extraction.fences import Block, fenced_blocks
from harness.score.extraction.template_tokens import clean
from harness.trees import HUNK_RANGES

EditFormat = Literal["blocks", "diff", "whole"]
# Possessive where two repetitions could share a run of characters: the time stays linear, whatever a model repeats.
_SEARCH = re.compile(r"^(?P<indent>[ \t]*+)<{5,9}\s*+(?:SEARCH|ORIGINAL|OLD)\b:?\s*+(?P<path>\S++)?\s*+$")
_DIVIDER = re.compile(r"^\s{0,3}={5,9}\s*$")
_REPLACE = re.compile(r"^\s{0,3}>{5,9}\s*+(?:\w.*)?$")
_FENCE = re.compile(r"^\s*+(?:`{3,}+|~{3,}+)(?P<info>[^`]*+)$")
_HUNK = re.compile(rf"^@@++(?: {HUNK_RANGES} @@+| ?@@+|.*)")
_BARE_DIFF = re.compile(r"^--- .*\n\+\+\+ .*\n@@", re.MULTILINE)
_DIFF_START = re.compile(r"^(?:@@|--- .*\n\+\+\+ )", re.MULTILINE)
_CHANGED_LINE = re.compile(r"[+-](?! \S|--\s*$)")
_MAX_MARK_INDENT = 3
_MAX_LINES_TO_PATH = 6


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit of the file `path`: the lines `old` become `new`. `old` None: a whole file; `new` None: a deletion.

    `near_line` (from 1) is where a diff places the lines. `error` says why the edit cannot be read or is not accepted.
    """

    format: EditFormat
    path: str | None
    new: tuple[str, ...] | None
    old: tuple[str, ...] | None = None
    near_line: int | None = None
    error: str | None = None


# --- search blocks ----------------------------------------------------------------------------------------------------


def _search_blocks(lines: Sequence[str], known: Mapping[str, str]) -> Iterator[Edit]:
    index, path, given, is_fenced = 0, None, lines_of(known), False
    has_unindented = any(_indent_of(mark) == "" for mark in filter(None, map(_SEARCH.match, lines)))
    while index < len(lines):
        begin = _SEARCH.match(lines[index])
        if begin is None:
            is_fenced ^= _FENCE.match(lines[index]) is not None
            index += 1
            continue
        indent = _indent_of(begin)
        middle = _next_match(lines, index + 1, _DIVIDER, indent)
        end = _next_match(lines, middle + 1, _REPLACE, indent) if middle is not None else None
        old = _without_indent(lines[index + 1 : middle], indent)
        # In an answer that has its edits elsewhere, what is indented as code shows the format.
        is_example = has_unindented and not is_fenced and indent != "" and not _holders(old, given)
        if not is_example:
            above = lines[max(0, index - _MAX_LINES_TO_PATH) : index]
            path = _path_of_mark(begin) or _path_before(above, old, given) or path
        if middle is None or end is None:
            yield Edit("blocks", path, None, error="a search block is not closed")
            return
        if not is_example:
            yield Edit("blocks", path, _without_indent(lines[middle + 1 : end], indent), old)
        index = end + 1


def _path_of_mark(mark: re.Match[str]) -> str | None:
    return normalize_path(mark["path"]) if mark["path"] else None


def _indent_of(mark: re.Match[str]) -> str:
    """The indent of a mark that all lines of its block have; up to three spaces "", as a mark has them alone."""
    return mark["indent"] if len(mark["indent"]) > _MAX_MARK_INDENT else ""


def _next_match(lines: Sequence[str], start: int, pattern: re.Pattern[str], indent: str) -> int | None:
    indexes = range(start, len(lines))
    return next((index for index in indexes if pattern.match(lines[index].removeprefix(indent))), None)


def _without_indent(lines: Sequence[str], indent: str) -> tuple[str, ...]:
    return tuple(line.removeprefix(indent) for line in lines)


def _path_before(above: Sequence[str], old: Sequence[str], given: Mapping[str, frozenset[str]]) -> str | None:
    """The path above a search block: above its fence, or in the fence's info string.

    Also that of a given file which the line above names, and the path above that line, if the file has the old lines.
    """
    holders = _holders(old, given)
    is_after_sentence = False
    for line in filter(str.strip, reversed(above)):
        fence = _FENCE.match(line)
        path = path_in_info(fence["info"]) if fence else path_in(line)
        if path and (not is_after_sentence or path in holders):
            return path
        if fence:
            continue
        if is_after_sentence or _REPLACE.match(line.strip()):
            return None
        named = files_named_in(line, holders, anywhere=True)
        if len(named) == 1:
            return named[0]
        is_after_sentence = True
    return None


def _holders(old: Sequence[str], given: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The given files that have the first of the old lines that is not blank."""
    first = next((line.strip() for line in old if line.strip()), None)
    return frozenset(path for path, held in given.items() if first in held)


# --- unified diffs ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _FileHeader:
    """The two paths above a file's hunks; None stands for /dev/null."""

    old_path: str | None
    new_path: str | None


def _header_path(line: str) -> str | None:
    path = line[4:].split("\t")[0].strip()
    if path == "/dev/null":
        return None
    return normalize_path(re.sub(r"^[ab]/", "", path.strip("\"'")))


def _is_file_header(lines: Sequence[str], index: int) -> bool:
    return lines[index].startswith("--- ") and index + 1 < len(lines) and lines[index + 1].startswith("+++ ")


def _ends_hunk(lines: Sequence[str], index: int) -> bool:
    return _is_file_header(lines, index) or lines[index].startswith(("@@", "diff --git", "index ", "```", "~~~"))


def _has_mark(line: str) -> bool:
    """Whether a line can be of a hunk: models leave out the mark of an empty line."""
    return not line or line[0] in " +-\\"


def _read_diff(lines: Sequence[str], *, among_sentences: bool = False) -> Iterator[Edit]:
    """The edits of one diff: one for each hunk, a deletion for each file whose new path is /dev/null.

    Without a fence a sentence may follow, which ends the hunk if no changed line is below it.
    """
    header: _FileHeader | None = None
    index = 0
    while index < len(lines):
        if _is_file_header(lines, index):
            header = _FileHeader(_header_path(lines[index]), _header_path(lines[index + 1]))
            if header.new_path is None:
                yield Edit("diff", header.old_path, None)
            index += 2
        elif (hunk := _HUNK.match(lines[index])) is not None:
            end = next((at for at in range(index + 1, len(lines)) if _ends_hunk(lines, at)), len(lines))
            body = lines[index + 1 : end]
            yield from _hunk_edits(header, hunk["old"], _without_sentences(body) if among_sentences else body)
            index = end
        else:
            index += 1


def _without_sentences(body: Sequence[str]) -> Sequence[str]:
    """The lines of a hunk above the first without a mark.

    All of them where it goes on below: a line there is changed, and is neither an item of a list nor a rule.
    """
    end = next((index for index, line in enumerate(body) if not _has_mark(line)), len(body))
    return body if any(map(_CHANGED_LINE.match, body[end:])) else body[:end]


def _hunk_edits(header: _FileHeader | None, line: str | None, body: Sequence[str]) -> Iterator[Edit]:
    """A hunk's edit. The hunk of a deleted file has none; that of a new file is a whole file."""
    old_path, path = (header.old_path, header.new_path) if header else (None, None)
    if path is None and old_path is not None:
        return
    edit = _read_hunk(path, int(line) if line else None, body)
    is_new_file = path is not None and old_path is None and not edit.error
    yield Edit("diff", path, edit.new) if is_new_file else edit


def _read_hunk(path: str | None, line: int | None, body: Sequence[str]) -> Edit:
    kept = [text for text in body if not text.startswith("\\")]
    while kept and not kept[-1]:
        kept.pop()
    unmarked = next((text for text in kept if not _has_mark(text)), None)
    if unmarked is not None:
        return Edit("diff", path, None, error=f"a hunk has a line without a mark: {unmarked[:60]!r}")
    old = tuple(text[1:] for text in kept if not text.startswith("+"))
    new = tuple(text[1:] for text in kept if not text.startswith("-"))
    return Edit("diff", path, new, old, line)


def _is_diff(block: Block) -> bool:
    starts_hunk = _DIFF_START.search(block.text) is not None
    return starts_hunk and (block.label in ("diff", "patch", "udiff", "") or block.text.startswith(("---", "@@")))


# --- all formats ------------------------------------------------------------------------------------------------------


def _whole_file(block: Block, path: str) -> Edit:
    return Edit("whole", path, tuple(block.text.removesuffix("\n").split("\n")))


def find_edits(answer: str, known: Mapping[str, str]) -> list[Edit]:
    """Every edit of an answer in order; `known` are the task's files. An edit that is repeated counts once.

    Models end with "the whole answer is:" and all of it again, whose old lines would no longer be there.
    """
    text = clean(answer)
    lines = text.split("\n")
    blocks = fenced_blocks(text)
    edits = list(_search_blocks(lines, known))
    diffs = [block for block in blocks if _is_diff(block)]
    for block in diffs:
        edits += _read_diff(block.text.split("\n"))
    if not edits and not diffs and _BARE_DIFF.search(text):
        edits += _read_diff(lines, among_sentences=True)
    beside = [line for edit in edits for line in edit.new or ()] if edits else None
    files = [block for block in blocks if not _is_diff(block) and not (edits and _has_search_block(block))]
    edits += [_whole_file(block, path) for block, path in whole_files(files, known, beside)]
    return list(dict.fromkeys(edits))


def _has_search_block(block: Block) -> bool:
    return any(_SEARCH.match(line) for line in block.text.split("\n"))
