"""Splits a text into words, sentences, paragraphs, headings and names, the same way for every rule.

A word is a run of letters and digits, with apostrophes, hyphens and dots inside it. A sentence ends with . ! ? or the
end of a paragraph; a period after a known abbreviation or a single letter does not end it. A paragraph ends at an empty
line. A heading is a line with # before it, a line in bold only, or one that equals an expected title.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+(?:['’.\-/&][^\W_]+)*")
# Possessive, and only at the first mark of a run: "......x" would else be tried from each of its dots.
_SENTENCE_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’)\]*_]*+(?=\s|$)|\n\s*\n|\n(?=\s*+(?:[-*+•#|]|\d++[.)])\s)")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|approx|Mr|Mrs|Ms|Dr|Prof|St|No|cf|ca|Fig|Inc|Ltd)|\b[A-Za-z])\.$")
_MAX_HEADING_INDENT, _MAX_HEADING_MARKS = 3, 6
_NUMBERING = re.compile(r"^(?:\d+[.)]|[IVX]+[.)]|[a-z]\))\s+")
_MAX_ABBREVIATION_CHARS = 12
_OPENS_SENTENCE = re.compile(r"[:\"“(\n]")
_CAPITALIZED = re.compile(r"[^\W\d_a-zà-öø-ÿ][\w'’-]*|[a-z]+[A-Z]\w*")


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text, with its positions."""

    start: int
    end: int
    text: str


def to_ascii_marks(text: str) -> str:
    """The text with typographic quotes, spaces and hyphens as ASCII; every position stays the same."""
    return text.translate(str.maketrans("’‘“”\u00a0\u2009\u202f\u2011", "''\"\"   -"))


def words(text: str) -> list[str]:
    """The words of a text."""
    return _WORD.findall(text)


def sentences(text: str) -> list[Span]:
    """The sentences that contain a word, with their positions."""
    found, start = [], 0
    for stop in _SENTENCE_END.finditer(text):
        tail = text[max(start, stop.end() - _MAX_ABBREVIATION_CHARS) : stop.end()]
        if stop.group().startswith(".") and _ABBREVIATION.search(tail.rstrip("\"'”’)]")):
            continue
        found.append(Span(start, stop.end(), text[start : stop.end()]))
        start = stop.end()
    found.append(Span(start, len(text), text[start:]))
    return [span for span in found if _WORD.search(span.text)]


def heading_of(line: str) -> str | None:
    """What a line says that is a heading: with # before it, or all of it in bold; None for any other line."""
    bare = line.strip()
    # Most lines end here, which a long answer has tens of thousands of.
    if not bare.startswith(("#", "**", "__")) or len(line) - len(line.lstrip()) > _MAX_HEADING_INDENT:
        return None
    if bare.startswith("#"):
        title = bare.lstrip("#")
        is_heading = len(bare) - len(title) <= _MAX_HEADING_MARKS and title[:1].isspace()
        return title.strip().rstrip("#").strip() if is_heading else None
    bold = bare.removesuffix(":")
    mark = bold[:2]
    is_bold = mark in ("**", "__") and bold.endswith(mark) and len(bold) > 2 * len(mark)
    return bold.removeprefix(mark).removesuffix(mark) if is_bold else None


def paragraphs(text: str) -> list[str]:
    """The paragraphs that contain a word and are not headings."""
    parts = re.split(r"\n\s*\n", text)
    return [part for part in parts if _WORD.search(part) and not _is_heading(part.strip("\n"))]


def _is_heading(text: str) -> bool:
    return "\n" not in text and heading_of(text) is not None


def normalize_title(text: str) -> str:
    """A heading as titles are compared: without marks, numbering, trailing colon and case."""
    return _NUMBERING.sub("", text.strip().strip("*_#").strip()).rstrip(":").strip().casefold()


def sections(text: str, titles: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Each heading with the text below it, up to the next; the text before the first has the heading ""."""
    known = {normalize_title(title) for title in titles}
    found: list[tuple[str, list[str]]] = [("", [])]
    for line in text.split("\n"):
        heading = heading_of(line)
        if heading is None and not known:
            found[-1][1].append(line)
            continue
        title = normalize_title(line if heading is None else heading)
        if (heading is not None and title) or title in known:
            found.append((title, []))
        else:
            found[-1][1].append(line)
    return [(title, "\n".join(lines)) for title, lines in found if title or "".join(lines).strip()]


def names(text: str) -> list[Span]:
    """The capitalized words that are neither first in a sentence, item or quotation nor part of a heading."""
    found = []
    headings = _heading_positions(text)
    for sentence in sentences(text):
        last = -1
        for word in _WORD.finditer(sentence.text):
            between = sentence.text[last : word.start()] if last >= 0 else ":"
            last = word.end()
            start = sentence.start + word.start()
            if not _OPENS_SENTENCE.search(between) and _CAPITALIZED.fullmatch(word[0]) and start not in headings:
                found.append(Span(start, start + len(word[0]), word[0]))
    return [span for span in found if not re.fullmatch(r"I(?:['’]\w+)?", span.text)]


def _heading_positions(text: str) -> set[int]:
    """Every position inside a heading."""
    positions: set[int] = set()
    start = 0
    for line in text.split("\n"):
        if heading_of(line) is not None:
            positions |= set(range(start, start + len(line)))
        start += len(line) + 1
    return positions
