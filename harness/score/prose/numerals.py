"""Finds the numbers of a text by value: 1,200 and 1200 and 1.2k are the same number, and so are 3 and three,
47 and forty-seven.

The markers of numbered lists, digits inside words (GPT4, v2), "one" and spelled ordinals are not numbers here; a source
that says "one" grounds the number 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
_TENS = ("thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_TEN = 10
_SPELLED = dict(zip(_SMALL, range(21), strict=True)) | dict(zip(_TENS, range(30, 100, 10), strict=True))
_SPELLED_TENS = ("twenty", *_TENS)
_SCALES = {
    "k": 3, "thousand": 3, "m": 6, "mn": 6, "million": 6, "b": 9, "bn": 9, "billion": 9, "hundred": 2,
}  # fmt: skip
_AMBIGUOUS_SCALE = "m"
"""5 m may be five million, five metres or five minutes."""
_SCALE = "|".join(sorted(_SCALES, key=len, reverse=True))
_SPELLED_SCALES = ("hundred", "thousand", "million", "billion")
_SPELLED_WORD = "|".join(sorted((*_SPELLED, *_SPELLED_SCALES), key=len, reverse=True))
_MAX_SPELLED_WORDS = 12
_SPELLED_RUN = re.compile(
    rf"\b(?:{'|'.join(sorted(_SPELLED, key=len, reverse=True))})\b"
    rf"(?:[\s-](?:and\s)?(?:{_SPELLED_WORD})\b){{0,{_MAX_SPELLED_WORDS}}}",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    rf"(?<![\w.,])(?P<digits>\d{{1,3}}(?:[,\u202f\u00a0']\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)*)"
    rf"(?:\s?(?P<scale>{_SCALE})\b)?(?:st|nd|rd|th|s|ms|x|%)?",
    re.IGNORECASE,
)
_ONE = re.compile(r"\bone\b", re.IGNORECASE)
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
    value = Decimal(bare)
    if scale is None:
        return frozenset({value.normalize()})
    scaled = (value * 10 ** _SCALES[scale.lower()]).normalize()
    return frozenset({scaled, value.normalize()} if scale.lower() == _AMBIGUOUS_SCALE else {scaled})


def numerals(text: str) -> list[Numeral]:
    """Every number of a text, in order."""
    list_markers = {index for item in _ITEM.finditer(text) for index in range(item.start(), item.end())}
    found = [
        Numeral(match.start(), match[0].strip(), _values(match["digits"], match["scale"]))
        for match in _NUMBER.finditer(text)
        if match.start() not in list_markers
    ]
    found += [numeral for numeral in spelled_numerals(text) if numeral.text.lower() != "one"]
    return sorted(found, key=lambda numeral: numeral.start)


def spelled_numerals(text: str) -> list[Numeral]:
    """Every number that is written in words, "one" among them: forty-seven, two hundred and thirty."""
    return [numeral for run in _SPELLED_RUN.finditer(text) for numeral in _read_run(run)]


def _read_run(run: re.Match[str]) -> Iterator[Numeral]:
    """The numbers in a run of number words: "two, three" are two numbers, "twenty three" is one."""
    words = list(re.finditer(r"[a-z]+", run[0], re.IGNORECASE))
    group: list[re.Match[str]] = []
    for word in words:
        if word[0].lower() == "and":
            continue
        if group and not _continues([part[0].lower() for part in group], word[0].lower(), run[0]):
            yield _spelled(run, group)
            group = []
        group.append(word)
    if group:
        yield _spelled(run, group)


def _continues(before: Sequence[str], word: str, run: str) -> bool:
    """Whether a number word belongs to the number of the words before it."""
    last = before[-1]
    if word in _SPELLED_SCALES:
        return last not in _SPELLED_SCALES or _SCALES[word] > _SCALES[last]
    if last in _SPELLED_SCALES:
        return True
    return last in _SPELLED_TENS and 0 < _SPELLED[word] < _TEN and f"{last} and" not in run.lower()


def _spelled(run: re.Match[str], group: Sequence[re.Match[str]]) -> Numeral:
    total, current = 0, 0
    for word in (part[0].lower() for part in group):
        if word not in _SPELLED_SCALES:
            current += _SPELLED[word]
        elif word == "hundred":
            current = max(current, 1) * 100
        else:
            total, current = total + max(current, 1) * 10 ** _SCALES[word], 0
    start, end = group[0].start(), group[-1].end()
    return Numeral(run.start() + start, run[0][start:end], frozenset({Decimal(total + current).normalize()}))


@lru_cache(maxsize=8)
def _known_values(source: str) -> frozenset[Decimal | str]:
    """The numbers of a source. Cached, since one long source is the same for every check and every trial."""
    ones = {Decimal(1)} if _ONE.search(source) else set()
    return frozenset({value for numeral in numerals(source) for value in numeral.values} | ones)


def ungrounded_numerals(text: str, source: str, allowed: Iterable[str] = ()) -> list[Numeral]:
    """The numbers of a text that are neither in the source nor allowed."""
    known = _known_values(source).union(*map(_known_values, allowed))
    return [numeral for numeral in numerals(text) if not numeral.values & known]
