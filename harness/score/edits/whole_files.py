"""Finds the whole files of an answer: fenced blocks that are named by a path, and are not there for another reason.

Blocks also show how the files are run, what they print, and what they were before. `whole_files` is the entry point.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from harness.languages import LANGUAGES
from harness.score.edits.paths import files_named_in, path_in, path_in_info, words_before_path
from harness.score.extraction.fences import Block
from harness.score.extraction.program_parts import is_said_to_be_use, without_quotes

_COMMENT_MARKS = ("#", "//", "--", "/*", "<!--")
_TERMINAL_LABELS = frozenset(("console", "terminal", "output"))
# "Changes in a.py:" leads to a part of the file as well as to all of it.
_PLACE = re.compile(r"\w\W+(?:in|to|for)$", re.IGNORECASE)
_COLON = re.compile(r":[*_\s]*$")
_TEST_WORD = re.compile(r"\btests?\b", re.IGNORECASE)


class _Naming(Enum):
    """What names a block's file: a heading, an info string or a comment with a given path; a sentence; a comment."""

    HEADING = "heading"
    SENTENCE = "sentence"
    COMMENT = "comment"


@dataclass(frozen=True, slots=True)
class _NamedBlock:
    block: Block
    path: str
    naming: _Naming


def lines_of(known: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """The lines of each of the task's files that are not blank, without whitespace around them."""
    return {path: _lines_of_text(text) for path, text in known.items()}


def _lines_of_text(text: str) -> frozenset[str]:
    return frozenset(map(str.strip, text.split("\n"))) - {""}


def whole_files(
    blocks: Sequence[Block], known: Mapping[str, str], beside: Sequence[str] | None
) -> list[tuple[Block, str]]:
    """The blocks that are whole files, with their paths, in order; `known` are the task's files.

    `beside` are the new lines of the answer's search blocks and diffs, None without any. Beside those a block is a file
    only under the name of a new one. Of several blocks for one file those that quote the given one are none.
    """
    named = _named_files(blocks, known)
    headed = {each.path for each in named if each.naming is _Naming.HEADING}
    named = [each for each in named if each.naming is not _Naming.SENTENCE or each.path not in headed]
    if beside is not None:
        named = [each for each in named if each.path not in known]
    elif len(known) == 1 and headed.isdisjoint(known):
        named = [each for each in named if not _is_subject(each)]
    named = _without_stray_examples(named, known, beside)
    return _without_quoted_files([(each.block, each.path) for each in named], known)


def _named_files(blocks: Sequence[Block], known: Mapping[str, str]) -> list[_NamedBlock]:
    """The blocks that a path names, without those that show a file's use or a part of it."""
    lines = lines_of(known)
    by_block = [_named(block, known) for block in blocks]
    unnamed = [block.text for block, each in zip(blocks, by_block, strict=True) if each is None]
    longest = _lines_of_text(max(unnamed, key=len, default=""))
    named = [each for each in by_block if each is not None and _is_in_its_language(each)]
    named = [each for each in named if not _shows_use(each, lines)]
    # A path that no file of the task has is no sentence's.
    given = {each.path: (known.get(each.path, ""), lines.get(each.path, frozenset())) for each in named}
    return [each for each in named if not _is_excerpt(each, *given[each.path], longest)]


def _named(block: Block, known: Mapping[str, str]) -> _NamedBlock | None:
    """A block with its path: in its info string, on the line before, or in a comment on its first line."""
    commented = path_in(_comment_in(block.text.partition("\n")[0]))
    path = path_in_info(block.info) or path_in(block.before) or (commented if commented in known else None)
    if path and not (path in known and _PLACE.search(words_before_path(block.before))):
        return _NamedBlock(block, path, _Naming.HEADING)
    mentioned = files_named_in(block.before, known, anywhere=False)
    if len(mentioned) == 1:
        return _NamedBlock(block, mentioned[0], _Naming.SENTENCE)
    return _NamedBlock(block, commented, _Naming.COMMENT) if commented else None


def _comment_in(line: str) -> str:
    """What a line that is a comment says; "" for any other line."""
    bare = line.strip()
    mark = next((mark for mark in _COMMENT_MARKS if bare.startswith(mark)), None)
    return "" if mark is None else bare.removeprefix(mark).removesuffix("*/").removesuffix("-->").strip()


def _is_in_its_language(named: _NamedBlock) -> bool:
    """Whether a block's label and its path can be of one language, as far as both name one.

    JavaScript and TypeScript share labels, so that each counts as the other.
    """
    label, extension = named.block.label, posixpath.splitext(named.path)[1]
    of_path = {word for language in LANGUAGES.values() if extension in language.extensions for word in language.labels}
    of_label = {word for language in LANGUAGES.values() if label in language.labels for word in language.labels}
    if not of_path:
        return True
    return label not in _TERMINAL_LABELS and (not of_label or not of_label.isdisjoint(of_path))


def _shows_use(named: _NamedBlock, lines: Mapping[str, frozenset[str]]) -> bool:
    """Whether a block that no heading names is said to show how a file is used, and has no line of the given file."""
    if named.naming is _Naming.HEADING:
        return False
    block = named.block
    before = block.before.replace(named.path, "")
    nameless = replace(
        block,
        before=_TEST_WORD.sub("", before) if "test" in named.path else before,
        text=block.text.partition("\n")[0].replace(named.path, ""),
    )
    given = lines.get(named.path, frozenset())
    return is_said_to_be_use(nameless) and given.isdisjoint(map(str.strip, block.text.split("\n")))


def _is_excerpt(named: _NamedBlock, given: str, given_lines: frozenset[str], longest: frozenset[str]) -> bool:
    """Whether a block that a sentence names shows a part of the given file: "The fault is in `a.py`:".

    It lacks half of the file's lines, and is a part of it or of the longest block without a name, which may be the new
    file. A name without backticks tells too little: below it, any block that lacks so much is an excerpt.
    """
    if named.naming is not _Naming.SENTENCE:
        return False
    lines = _lines_of_text(named.block.text)
    if not given_lines or 2 * len(given_lines & lines) > len(given_lines):
        return False
    is_plain = f"`{named.path}`" not in named.block.before
    return is_plain or lines <= longest or named.block.text.strip() in given


def _is_subject(named: _NamedBlock) -> bool:
    """Whether what looks like a path in a heading with other words can be what the code is about: "1. Node.js"."""
    return (
        named.naming is _Naming.HEADING
        and "/" not in named.path
        and path_in(named.block.before) == named.path
        and words_before_path(named.block.before) != ""
    )


def _without_stray_examples(
    named: Sequence[_NamedBlock], known: Mapping[str, str], beside: Sequence[str] | None
) -> list[_NamedBlock]:
    """The blocks without new files that only a comment names, if there are other edits and nothing tells that the
    change needs them: no other edit has their name, and they are in no folder of the task's files. That it is the root
    says enough only with a line above that leads to the block.
    """
    others = [each for each in named if each.naming is not _Naming.COMMENT]
    if beside is None and not others:
        return list(named)
    folders = {posixpath.dirname(path) for path in known}
    words = _words([*(beside or ()), *(each.block.text for each in others)])
    return [
        each
        for each in named
        if each.naming is not _Naming.COMMENT
        or ((folder := posixpath.dirname(each.path)) in folders and (folder or _COLON.search(each.block.before)))
        or _words([posixpath.splitext(posixpath.basename(each.path))[0]]) <= words
    ]


def _words(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in re.findall(r"\w+", text)}


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
