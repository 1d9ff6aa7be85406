"""A text's words, sentences, paragraphs, headings and names, counted the same way everywhere (version 1).

A word is a run of letters and digits, with apostrophes, hyphens and dots inside it. A sentence ends with . ! ? or the
end of a paragraph; a stop after a known abbreviation, a single letter or a digit ends none. A paragraph ends at an
empty line. A heading is a line with # before it, in bold alone, or one that is exactly a title that is looked for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+(?:['’.\-/&][^\W_]+)*")
_STOP = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s|$)|\n\s*\n|\n(?=\s*(?:[-*+•#|]|\d+[.)])\s)")
_SHORT = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|approx|Mr|Mrs|Ms|Dr|Prof|St|No|cf|ca|Fig|Inc|Ltd)|\b[A-Za-z])\.$")
_HEADING = re.compile(r"^\s{0,3}(?:(#{1,6})\s+(.*?)\s*#*|\*\*(.+?)\*\*:?|__(.+?)__:?)\s*$")
_NUMBERING = re.compile(r"^(?:\d+[.)]|[IVX]+[.)]|[a-z]\))\s+")
_LONGEST_SHORT = 12
_BEGINS = re.compile(r"[:\"“(\n]")
_CAPITALISED = re.compile(r"[^\W\d_a-zà-öø-ÿ][\w'’-]*|[a-z]+[A-Z]\w*")


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text: where it begins and ends, and itself."""

    start: int
    end: int
    text: str


def plain(text: str) -> str:
    """The text with typographic quotes and blanks as the usual ones; every position stays."""
    return text.translate(str.maketrans("’‘“”\u00a0\u202f\u2011", "''\"\"  -"))


def words(text: str) -> list[str]:
    """The words."""
    return _WORD.findall(text)


def sentences(text: str) -> list[Span]:
    """The sentences that hold a word, each with its place."""
    found, start = [], 0
    for stop in _STOP.finditer(text):
        tail = text[max(start, stop.end() - _LONGEST_SHORT) : stop.end()]
        if stop.group().startswith(".") and _SHORT.search(tail.rstrip("\"'”’)]")):
            continue
        found.append(Span(start, stop.end(), text[start : stop.end()]))
        start = stop.end()
    found.append(Span(start, len(text), text[start:]))
    return [span for span in found if _WORD.search(span.text)]


def paragraphs(text: str) -> list[str]:
    """The paragraphs that hold a word and are no heading."""
    parts = re.split(r"\n\s*\n", text)
    return [part for part in parts if _WORD.search(part) and not _HEADING.fullmatch(part.strip("\n"))]


def title_of(text: str) -> str:
    """A heading's text as titles are compared: without marks, numbering, a colon at its end, and case."""
    return _NUMBERING.sub("", text.strip().strip("*_#").strip()).rstrip(":").strip().casefold()


def sections(text: str, titles: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Each heading with the text below it, up to the next; what stands before the first has the heading ""."""
    known = {title_of(title) for title in titles}
    found: list[tuple[str, list[str]]] = [("", [])]
    for line in text.split("\n"):
        heading = _HEADING.match(line)
        title = title_of(next(part for part in heading.groups()[1:] if part is not None)) if heading else title_of(line)
        if (heading and title) or title in known:
            found.append((title, []))
        else:
            found[-1][1].append(line)
    return [(title, "\n".join(lines)) for title, lines in found if title or "".join(lines).strip()]


def names(text: str) -> list[Span]:
    """The capitalised words that stand neither first in a sentence, item or quote nor in a heading."""
    found = []
    titled = _heading_places(text)
    for sentence in sentences(text):
        last = -1
        for word in _WORD.finditer(sentence.text):
            between = sentence.text[last : word.start()] if last >= 0 else ":"
            last = word.end()
            at = sentence.start + word.start()
            if not _BEGINS.search(between) and _CAPITALISED.fullmatch(word[0]) and at not in titled:
                found.append(Span(at, at + len(word[0]), word[0]))
    return [span for span in found if not re.fullmatch(r"I(?:['’]\w+)?", span.text)]


def _heading_places(text: str) -> set[int]:
    """Every position inside a heading."""
    places: set[int] = set()
    start = 0
    for line in text.split("\n"):
        if _HEADING.match(line):
            places |= set(range(start, start + len(line)))
        start += len(line) + 1
    return places
