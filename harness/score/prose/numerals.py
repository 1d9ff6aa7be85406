"""Finds the numbers of a text by value: 1,200 and 1200 and 1.2k are the same number, and so are 3 and three.

The markers of numbered lists, digits inside words (GPT4, v2), "one" and spelled ordinals are not numbers here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
_TENS = ("thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SPELLED = dict(zip(_SMALL, range(21), strict=True)) | dict(zip(_TENS, range(30, 100, 10), strict=True))
_SCALES = {
    "k": 3, "thousand": 3, "m": 6, "mn": 6, "million": 6, "b": 9, "bn": 9, "billion": 9, "hundred": 2,
}  # fmt: skip
_SCALE = "|".join(sorted(_SCALES, key=len, reverse=True))
_NUMBER = re.compile(
    rf"(?<![\w.,])(?P<digits>\d{{1,3}}(?:[,\u202f\u00a0']\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)*)"
    rf"(?:\s?(?P<scale>{_SCALE})\b)?(?:st|nd|rd|th|s|ms|x|%)?"
    rf"|\b(?P<word>{'|'.join(word for word in _SPELLED if word != 'one')})\b(?:[\s-](?P<more>{_SCALE})\b)?",
    re.IGNORECASE,
)
_ITEM = re.compile(r"^[ \t]{0,20}(?:#{1,6}[ \t]{0,9})?\d{1,9}[.)](?=\s)", re.MULTILINE)
_MAX_DIGITS = 60


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number in a text, with every value that it may have; the value of a version such as 1.2.3 is its string."""

    start: int
    text: str
    values: frozenset[Decimal | str]


def _values(digits: str, scale: str | None) -> frozenset[Decimal | str]:
    bare = re.sub(r"[,\u202f\u00a0']", "", digits)
    if bare.count(".") > 1 or len(bare) > _MAX_DIGITS:
        return frozenset({bare})
    value = Decimal(bare).normalize()
    return frozenset({value * 10 ** _SCALES[scale.lower()]} if scale else {value})


def numerals(text: str) -> list[Numeral]:
    """Every number of a text, in order."""
    list_markers = {index for item in _ITEM.finditer(text) for index in range(item.start(), item.end())}
    found = []
    for match in _NUMBER.finditer(text):
        if match.start() in list_markers:
            continue
        if match["word"]:
            value = Decimal(_SPELLED[match["word"].lower()])
            scale = match["more"]
            values: frozenset[Decimal | str] = frozenset({value * 10 ** _SCALES[scale.lower()]} if scale else {value})
        else:
            values = _values(match["digits"], match["scale"])
        found.append(Numeral(match.start(), match[0].strip(), frozenset(_normalize(value) for value in values)))
    return found


def _normalize(value: Decimal | str) -> Decimal | str:
    return value.normalize() if isinstance(value, Decimal) else value


def ungrounded_numerals(text: str, source: str, allowed: Iterable[str] = ()) -> list[Numeral]:
    """The numbers of a text that are neither in the source nor allowed."""
    known = {value for part in (source, *allowed) for numeral in numerals(part) for value in numeral.values}
    return [numeral for numeral in numerals(text) if not numeral.values & known]
