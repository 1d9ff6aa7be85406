"""Reads the edits of an answer: search blocks, unified diffs and whole files, as models write them.

`find_edits` is the entry point; harness/score/edits/apply.py applies what it returns.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.score.extraction.fences import Block, fenced_blocks
from harness.score.extraction.program_parts import without_quotes
from harness.score.extraction.template_tokens import clean
from harness.trees import HUNK_RANGES

EditFormat = Literal["blocks", "diff", "whole"]
# Possessive where two repetitions could share a run of characters: the time stays linear, whatever a model repeats.
_SEARCH = re.compile(r"^\s{0,3}<{5,9}\s*+(?:SEARCH|ORIGINAL|OLD)\b:?\s*+(?P<path>\S++)?\s*+$")
_DIVIDER = re.compile(r"^\s{0,3}={5,9}\s*$")
_REPLACE = re.compile(r"^\s{0,3}>{5,9}\s*(?:REPLACE|UPDATED|NEW)?\b.*$")
_FENCE = re.compile(r"^\s*+(?:`{3,}+|~{3,}+)(?P<info>[^`]*+)$")
_HUNK = re.compile(rf"^@@++(?: {HUNK_RANGES} @@+| ?@@+|.*)")
_BARE_DIFF = re.compile(r"^--- .*\n\+\+\+ .*\n@@", re.MULTILINE)
_DIFF_START = re.compile(r"^(?:@@|--- .*\n\+\+\+ )", re.MULTILINE)
_PATH = re.compile(r"(?:\./)?[\w@+-][\w@+./-]*\.[A-Za-z]\w{0,7}|Makefile|Dockerfile")
_DECORATION = " \t*#`'\":_<>()[]"
_LEAD_IN = re.compile(r"^(?:new\s+)?(?:file(?:name)?|path|in|update|edit|create)\s*:?\s+", re.IGNORECASE)
_COMMENT_MARKS = ("#", "//", "--", "/*", "<!--")
_MAX_LINES_TO_PATH = 4


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


def path_in(text: str) -> str | None:
    """The path that a line consists of, apart from decoration; None for a line that says more."""
    bare = _LEAD_IN.sub("", text.strip().strip(_DECORATION)).strip(_DECORATION)
    return normalize_path(bare) if _PATH.fullmatch(bare) else None


def normalize_path(path: str) -> str:
    """A path in the form that the task's files have."""
    return posixpath.normpath(path.strip().strip("\"'`")).lstrip("/")


def _path_in_info(info: str) -> str | None:
    for word in re.split(r"[\s:=,]+", info):
        path = path_in(word)
        if path and ("." in word):
            return path
    return None


def _path_before(lines: Sequence[str], start: int) -> str | None:
    """The path above a search block: above its fence, or in the fence's info string."""
    for line in reversed(lines[max(0, start - _MAX_LINES_TO_PATH) : start]):
        fence = _FENCE.match(line)
        path = _path_in_info(fence["info"]) if fence else path_in(line)
        if path:
            return path
        if not fence and line.strip():
            return None
    return None


def _search_blocks(lines: Sequence[str]) -> Iterator[Edit]:
    index, path = 0, None
    while index < len(lines):
        begin = _SEARCH.match(lines[index])
        if begin is None:
            index += 1
            continue
        path = (normalize_path(begin["path"]) if begin["path"] else None) or _path_before(lines, index) or path
        middle = _next_match(lines, index + 1, _DIVIDER)
        end = _next_match(lines, middle + 1, _REPLACE) if middle is not None else None
        if middle is None or end is None:
            yield Edit("blocks", path, None, error="a search block is not closed")
            return
        yield Edit("blocks", path, tuple(lines[middle + 1 : end]), tuple(lines[index + 1 : middle]))
        index = end + 1


def _next_match(lines: Sequence[str], start: int, pattern: re.Pattern[str]) -> int | None:
    return next((index for index in range(start, len(lines)) if pattern.match(lines[index])), None)


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


def _read_diff(lines: Sequence[str]) -> Iterator[Edit]:
    """The edits of one diff: one for each hunk, a deletion for each file whose new path is /dev/null."""
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
            yield from _hunk_edits(header, hunk["old"], lines[index + 1 : end])
            index = end
        else:
            index += 1


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
    unmarked = next((text for text in kept if text and text[0] not in " +-"), None)
    if unmarked is not None:
        return Edit("diff", path, None, error=f"a hunk has a line without a mark: {unmarked[:60]!r}")
    old = tuple(text[1:] for text in kept if not text.startswith("+"))
    new = tuple(text[1:] for text in kept if not text.startswith("-"))
    return Edit("diff", path, new, old, line)


def _is_diff(block: Block) -> bool:
    starts_hunk = _DIFF_START.search(block.text) is not None
    return starts_hunk and (block.label in ("diff", "patch", "udiff", "") or block.text.startswith(("---", "@@")))


# --- whole files ------------------------------------------------------------------------------------------------------


def path_of_block(block: Block, known: Iterable[str]) -> str | None:
    """The path of a fenced block: in its info string, on the line before, or in a comment on its first line."""
    path = _path_in_info(block.info) or path_in(block.before)
    if path:
        return path
    mentioned = [name for name in known if f"`{name}`" in block.before]
    if len(mentioned) == 1:
        return mentioned[0]
    return path_in(_comment_in(block.text.partition("\n")[0]))


def _comment_in(line: str) -> str:
    """What a line that is a comment says; "" for any other line."""
    bare = line.strip()
    mark = next((mark for mark in _COMMENT_MARKS if bare.startswith(mark)), None)
    return "" if mark is None else bare.removeprefix(mark).removesuffix("*/").removesuffix("-->").strip()


def _whole_file(block: Block, path: str | None) -> Edit:
    return Edit("whole", path, tuple(block.text.removesuffix("\n").split("\n")))


def _has_search_block(block: Block) -> bool:
    return any(_SEARCH.match(line) for line in block.text.split("\n"))


def find_edits(answer: str, known: Mapping[str, str]) -> list[Edit]:
    """Every edit of an answer in order; `known` are the task's files.

    Where there are search blocks or diffs, a fenced block is a whole file only under the name of a new one: other
    blocks only explain the edits. Of several blocks for one file those that quote the given one are none.
    """
    text = clean(answer)
    lines = text.split("\n")
    blocks = fenced_blocks(text)
    edits = list(_search_blocks(lines))
    diffs = [block for block in blocks if _is_diff(block)]
    for block in diffs:
        edits += _read_diff(block.text.split("\n"))
    if not edits and not diffs and _BARE_DIFF.search(text):
        edits += _read_diff(lines)
    files = [(block, path_of_block(block, known)) for block in blocks if not _is_diff(block)]
    if edits:
        files = [(block, path) for block, path in files if path not in known and not _has_search_block(block)]
    named = [(block, path) for block, path in files if path is not None]
    return edits + [_whole_file(block, path) for block, path in _without_quoted_files(named, known)]


def _without_quoted_files(files: Sequence[tuple[Block, str]], known: Mapping[str, str]) -> list[tuple[Block, str]]:
    """The blocks with their paths without those that quote the given file, where another block has the same path."""
    by_path: dict[str, list[Block]] = {}
    for block, path in files:
        by_path.setdefault(path, []).append(block)
    kept = {
        id(block)
        for path, blocks in by_path.items()
        for block in (without_quotes(blocks, [known[path]]) if path in known else blocks)
    }
    return [(block, path) for block, path in files if id(block) in kept]
