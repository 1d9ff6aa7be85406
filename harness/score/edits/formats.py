"""An answer to its edits: search blocks, unified diffs and whole files, as models write them. Applies nothing."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.score.extraction.fences import Block, blocks_of
from harness.score.extraction.template_tokens import clean

Form = Literal["blocks", "diff", "whole"]
_SEARCH = re.compile(r"^\s{0,3}<{5,9}\s*(?:SEARCH|ORIGINAL|OLD)\b:?\s*(?P<path>\S+)?\s*$")
_DIVIDER = re.compile(r"^\s{0,3}={5,9}\s*$")
_REPLACE = re.compile(r"^\s{0,3}>{5,9}\s*(?:REPLACE|UPDATED|NEW)?\b.*$")
_FENCE = re.compile(r"^\s*(?:`{3,}|~{3,})(?P<info>[^`]*)$")
_HUNK = re.compile(r"^@@+(?: -(?P<line>\d+)(?:,\d+)? \+\d+(?:,\d+)? @@+| ?@@+|.*)")
_PATH = re.compile(r"[\w@+-][\w@+./-]*\.[A-Za-z]\w{0,7}|Makefile|Dockerfile")
_DECORATION = " \t*#`'\":_<>()[]"
_SAID = re.compile(r"^(?:new\s+)?(?:file(?:name)?|path|in|update|edit|create)\s*:?\s+", re.IGNORECASE)
_COMMENT = re.compile(r"^\s*(?:#|//|--|/\*|<!--)\s*(.*?)\s*(?:\*/|-->)?\s*$")


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit: in `path`, the lines `old` become `new`; without `old` the whole file does, None deletes it.

    `near_line` (from 1) is where a diff says that the lines stand. `fault` says why it is no edit at all.
    """

    form: Form
    path: str | None
    new: tuple[str, ...] | None
    old: tuple[str, ...] | None = None
    near_line: int | None = None
    fault: str | None = None


def path_in(text: str) -> str | None:
    """The path that a line is, whatever stands around it; None for a line that says more."""
    bare = _SAID.sub("", text.strip().strip(_DECORATION)).strip(_DECORATION)
    return normal(bare) if _PATH.fullmatch(bare) else None


def normal(path: str) -> str:
    """A path as the task's files are named."""
    return posixpath.normpath(path.strip().strip("\"'`")).lstrip("/")


def _path_of_info(info: str) -> str | None:
    for word in re.split(r"[\s:=,]+", info):
        found = path_in(word)
        if found and ("." in word):
            return found
    return None


def _path_before(lines: Sequence[str], at: int) -> str | None:
    """The path above a search block: over its fence, or in the fence's own line."""
    for line in reversed(lines[max(0, at - 4) : at]):
        fence = _FENCE.match(line)
        found = _path_of_info(fence["info"]) if fence else path_in(line)
        if found:
            return found
        if not fence and line.strip():
            return None
    return None


def _search_blocks(lines: Sequence[str]) -> Iterator[Edit]:
    at, path = 0, None
    while at < len(lines):
        begin = _SEARCH.match(lines[at])
        if begin is None:
            at += 1
            continue
        path = (normal(begin["path"]) if begin["path"] else None) or _path_before(lines, at) or path
        middle = _index(lines, at + 1, _DIVIDER)
        end = _index(lines, middle + 1, _REPLACE) if middle is not None else None
        if middle is None or end is None:
            yield Edit("blocks", path, None, fault="a search block is not closed")
            return
        yield Edit("blocks", path, tuple(lines[middle + 1 : end]), tuple(lines[at + 1 : middle]))
        at = end + 1


def _index(lines: Sequence[str], start: int, pattern: re.Pattern[str]) -> int | None:
    return next((at for at in range(start, len(lines)) if pattern.match(lines[at])), None)


def _path_of_header(line: str) -> str | None:
    named = line[4:].split("\t")[0].strip()
    if named == "/dev/null":
        return None
    return normal(re.sub(r"^[ab]/", "", named.strip("\"'")))


def _hunk(path: str | None, line: int | None, body: Sequence[str]) -> Edit:
    kept = [text for text in body if not text.startswith("\\")]
    while kept and not kept[-1]:
        kept.pop()
    strange = next((text for text in kept if text and text[0] not in " +-"), None)
    if strange is not None:
        return Edit("diff", path, None, fault=f"a hunk holds a line without a mark: {strange[:60]!r}")
    old = tuple(text[1:] for text in kept if not text.startswith("+"))
    new = tuple(text[1:] for text in kept if not text.startswith("-"))
    return Edit("diff", path, new, old, line)


def _diff(lines: Sequence[str]) -> Iterator[Edit]:
    """The hunks of one diff; a new file is a whole one."""
    old_path: str | None = None
    path: str | None = None
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ "):
            old_path, path = _path_of_header(line), _path_of_header(lines[at + 1])
            if path is None:
                yield Edit("diff", old_path, None)
            at += 2
            continue
        found = _HUNK.match(line)
        if found is None:
            at += 1
            continue
        end = next((n for n in range(at + 1, len(lines)) if _ends_hunk(lines, n)), len(lines))
        if path is not None or old_path is None:
            hunk = _hunk(path, int(found["line"]) if found["line"] else None, lines[at + 1 : end])
            is_new = path is not None and old_path is None and not hunk.fault
            yield Edit("diff", path, hunk.new) if is_new else hunk
        at = end


def _ends_hunk(lines: Sequence[str], at: int) -> bool:
    line = lines[at]
    headed = line.startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ ")
    return headed or line.startswith(("@@", "diff --git", "index ", "```", "~~~"))


def _is_diff(block: Block) -> bool:
    starts = re.search(r"^(?:@@|--- .*\n\+\+\+ )", block.text, re.MULTILINE)
    return starts is not None and (
        block.label in ("diff", "patch", "udiff", "") or block.text.startswith(("---", "@@"))
    )


def path_of_block(block: Block, known: Iterable[str]) -> str | None:
    """The path that a fenced block is given: in its info line, on the line before, or in its first line's comment."""
    found = _path_of_info(block.info) or path_in(block.before)
    if found:
        return found
    named = [name for name in known if f"`{name}`" in block.before]
    if len(named) == 1:
        return named[0]
    comment = _COMMENT.match(block.text.split("\n", 1)[0])
    return path_in(comment[1]) if comment and comment[1] else None


def _whole(block: Block, path: str | None) -> Edit:
    return Edit("whole", path, tuple(block.text.removesuffix("\n").split("\n")))


def edits_of(answer: str, known: Sequence[str]) -> list[Edit]:
    """Every edit of an answer in order; `known` are the names of the task's files.

    Where there are search blocks or diffs, a fenced block is a whole file only under the name of a new one: what else
    stands in fences explains.
    """
    text = clean(answer)
    lines = text.split("\n")
    blocks = blocks_of(text)
    found = list(_search_blocks(lines))
    diffs = [block for block in blocks if _is_diff(block)]
    for block in diffs:
        found += _diff(block.text.split("\n"))
    if not found and not diffs and re.search(r"^--- .*\n\+\+\+ .*\n@@", text, re.MULTILINE):
        found += _diff(lines)
    named = [(block, path_of_block(block, known)) for block in blocks if not _is_diff(block)]
    if found:
        return found + [
            _whole(block, path)
            for block, path in named
            if path is not None and path not in known and not _SEARCH.search(block.text.split("\n", 1)[0])
            and not any(_SEARCH.match(line) for line in block.text.split("\n"))
        ]  # fmt: skip
    return [_whole(block, path) for block, path in named if path is not None]
