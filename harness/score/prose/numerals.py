"""Finds the numbers of a text by value: 1,200 and 1200 and 1.2k are the same number, and so are 3 and three,
47 and forty-seven.

The markers of numbered lists, digits inside words (GPT4, v2), "one" and spelled ordinals are not numbers here; a source
that says "one" grounds the number 1, "half" and "a quarter" ground theirs. 5,99 is 5.99, or 5 and 99 where both are
known, since some lists have no spaces.
"""

from __future__ import annotations

import re
import unicodedata
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
_SEPARATOR = r"[,\u2009\u202f\u00a0']"
_GROUPS = rf"[1-9]\d{{0,2}}(?:{_SEPARATOR}\d{{3}})+(?:\.\d+)?(?![.,]?\d|{_SEPARATOR}\d)"
_FRACTION = "[\u00bc-\u00be\u2150-\u215e]"
# The digits are read whole, whatever stands between them: what is left over would pass unseen.
_NUMBER = re.compile(
    rf"(?:(?<!\w)(?<!\d\.)(?P<digits>{_GROUPS}|\d+(?:[.,]\d+)*)(?P<power>e[+-]?\d{{1,2}}\b)?"
    rf"(?:\s?(?P<mixed>{_FRACTION}))?"
    rf"|(?<![\w.])(?P<part>\.\d+)|(?<!\w)(?P<fraction>{_FRACTION}))"
    rf"(?:\s?(?P<scale>{_SCALE})\b)?(?:st|nd|rd|th|s|ms|x|%)?",
    re.IGNORECASE,
)
_GROUPED = re.compile(_GROUPS)
_GROUPED_BY_POINTS = re.compile(r"\d{1,3}(?:\.\d{3})+,\d+")
_PLAIN = re.compile(r"\d*(?:\.\d+)?")
_WORDS_FOR_PARTS = (
    (re.compile(r"\bone\b", re.IGNORECASE), Decimal(1)),
    (re.compile(r"\bhal(?:f|ves)\b", re.IGNORECASE), Decimal("0.5")),
    (re.compile(r"\b(?:a|one) quarter\b", re.IGNORECASE), Decimal("0.25")),
    (re.compile(r"\bthree quarters\b", re.IGNORECASE), Decimal("0.75")),
)
"""What a source may say in words that no text has to."""
_ITEM = re.compile(r"^[ \t]{0,20}(?:#{1,6}[ \t]{0,9})?\d{1,9}[.)](?=\s)", re.MULTILINE)
_MAX_DIGITS = 60


Value = Decimal | str
"""Of a version such as 1.2.3 it is the string."""


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number in a text, with every value that it may have.

    `parts` are the numbers that it is put together from, or that it lists: 5 and 99 of 5,99, 2 and 0.5 of 2\u00bd.
    """

    start: int
    text: str
    values: frozenset[Value]
    parts: frozenset[Value] = frozenset()

    def is_grounded(self, known: frozenset[Value]) -> bool:
        """Whether one of its values is known, or each of its parts."""
        return bool(self.values & known) or (bool(self.parts) and self.parts <= known)


def _value_of(digits: str) -> Value:
    plain = digits
    if _GROUPED.fullmatch(digits):
        plain = re.sub(_SEPARATOR, "", digits)
    elif _GROUPED_BY_POINTS.fullmatch(digits):
        plain = digits.replace(".", "").replace(",", ".")
    elif digits.count(",") == 1 and "." not in digits:
        plain = digits.replace(",", ".")
    is_number = _PLAIN.fullmatch(plain) and len(plain) <= _MAX_DIGITS
    return Decimal(plain).normalize() if is_number else plain


def _fraction_of(mark: str) -> Decimal:
    return Decimal(str(unicodedata.numeric(mark))).normalize()


def _numeral(match: re.Match[str]) -> Numeral:
    start, text, digits = match.start(), match[0].strip(), match["digits"] or match["part"]
    if digits is None:
        return Numeral(start, text, _scaled(_fraction_of(match["fraction"]), match["scale"]))
    value = _value_of(digits)
    if isinstance(value, str):
        return Numeral(start, text, frozenset({value}), _listed(digits))
    if match["power"]:
        value *= Decimal(10) ** int(match["power"][1:])
    if match["mixed"]:
        fraction = _fraction_of(match["mixed"])
        return Numeral(start, text, _scaled(value + fraction, match["scale"]), frozenset({value, fraction}))
    return Numeral(start, text, _scaled(value, match["scale"]), _listed(digits))


def _listed(digits: str) -> frozenset[Value]:
    """The numbers that are listed without spaces; none where the commas separate thousands."""
    is_list = "," in digits and not _GROUPED.fullmatch(digits)
    return frozenset(map(_value_of, digits.split(","))) if is_list else frozenset()


def _scaled(value: Decimal, scale: str | None) -> frozenset[Value]:
    if scale is None:
        return frozenset({value.normalize()})
    scaled = (value * 10 ** _SCALES[scale.lower()]).normalize()
    return frozenset({scaled, value.normalize()} if scale.lower() == _AMBIGUOUS_SCALE else {scaled})


def numerals(text: str) -> list[Numeral]:
    """Every number of a text, in order."""
    list_markers = {index for item in _ITEM.finditer(text) for index in range(item.start(), item.end())}
    found = [_numeral(match) for match in _NUMBER.finditer(text) if match.start() not in list_markers]
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
def _known_values(source: str) -> frozenset[Value]:
    """The numbers of a source. Cached, since one long source is the same for every check and every trial."""
    in_words = {value for word, value in _WORDS_FOR_PARTS if word.search(source)}
    return frozenset({value for found in numerals(source) for value in found.values | found.parts} | in_words)


def ungrounded_numerals(text: str, source: str, allowed: Iterable[str] = ()) -> list[Numeral]:
    """The numbers of a text that are neither in the source nor allowed."""
    known = _known_values(source).union(*map(_known_values, allowed))
    return [numeral for numeral in numerals(text) if not numeral.is_grounded(known)]
