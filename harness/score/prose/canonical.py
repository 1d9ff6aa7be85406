"""Canonical text: numbers in digits, units and percent in one spelling, so that phrases match however they are written.

`canonical` is the entry point: "forty-seven minutes", "47 mins" and "47-minute" all become "47 min". `find_phrases`
and `has_phrase` find phrases in such a text, also where a part of them is emphasized: "**47** min".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from harness.score.prose.numerals import spelled_numerals
from harness.score.prose.segments import Span, to_ascii_marks

_EMPHASIS = r"[*`]{0,3}"
# At the edges of words only: that of snake_case is none.
_UNDERSCORES = re.compile(r"(?<!\w)_++(?=\S)|(?<=[^\s_])_++(?!\w)")
_GROUPED_DIGITS = re.compile(r"(?<=\d)[, ](?=\d{3}\b)")
_PERCENT = re.compile(rf"(?<=\d)({_EMPHASIS})[ \t\n-]{{0,3}}(?:%|percent\b|per cent\b)")
_CURRENCY_FIRST = re.compile(r"(?:€|\beur(?:os?)?\b)[ \t]{0,3}(\d+(?:[.,]\d+)*)")
_UNITS = {
    "min": r"minutes?|mins?|m(?=[ \t]?\d)|m",
    "sec": r"seconds?|secs?|s",
    "hour": r"hours?|hrs?|h",
    "day": r"(?:calendar[ \t])?days?",
    "week": r"weeks?|wks?",
    "month": r"months?",
    "line": r"(?:changed[ \t])?lines?",
    "euro": r"euros?|eur|€",
}
_UNIT = re.compile(
    rf"(?<=\d)(?P<emphasis>{_EMPHASIS})[ \t\n-]{{0,3}}"
    rf"(?:{'|'.join(f'(?P<{name}>{unit})' for name, unit in _UNITS.items())})(?=\W|\d|$)"
)
_ORDINALS = {
    "fourth": "4th", "fifth": "5th", "sixth": "6th", "seventh": "7th", "eighth": "8th", "ninth": "9th", "tenth": "10th",
}  # fmt: skip
_HALF = re.compile(r"(?<![\d.,:])(\d{1,9}) and a half\b")
_PAST = re.compile(
    r"(?<![\d.,:])(half|quarter|a quarter|\d{1,2})(?: min(?:ute)?s?)? past (\d{1,2})(?!\d|[.,:]\d)(?: in the (\w+))?"
)
_TO = re.compile(
    r"(?<![\d.,:])(quarter|a quarter|\d{1,2})(?: min(?:ute)?s?)? to (\d{1,2}) in the (morning|afternoon|evening)"
)
_FRACTIONS = {"half": 30, "quarter": 15, "a quarter": 15}
_LATE = frozenset(("afternoon", "evening"))
_MINUTES, _HOURS, _HALF_DAY = 60, 24, 12
_ORDINAL = re.compile(rf"\b(?:{'|'.join(_ORDINALS)})\b")


@lru_cache(maxsize=64)
def canonical(text: str) -> str:
    """A text in canonical form. Newlines stay; positions do not. Cached, since all checks look at the same text."""
    emphasized = _UNDERSCORES.sub(lambda match: "*" * len(match[0]), to_ascii_marks(text))
    plain = _spoken(_in_digits(emphasized.casefold()))
    plain = _ORDINAL.sub(lambda match: _ORDINALS[match[0]], _GROUPED_DIGITS.sub("", plain))
    plain = _CURRENCY_FIRST.sub(r"\1 euro", _PERCENT.sub(r"%\1", plain))
    return _UNIT.sub(_in_one_spelling, plain)


def _in_one_spelling(unit: re.Match[str]) -> str:
    return f"{unit['emphasis']} {unit.lastgroup}{' ' if _runs_on(unit) else ''}"


def _spoken(text: str) -> str:
    """Halves and times as they are spoken, in digits: "2 and a half" is 2.5, "half past 10" is 10:30.

    "10 to 5" is a range where no part of the day follows.
    """
    text = _HALF.sub(r"\1.5", text)
    text = _PAST.sub(lambda match: _clock(match, 1) or match[0], text)
    return _TO.sub(lambda match: _clock(match, -1) or match[0], text)


def _clock(match: re.Match[str], sign: int) -> str | None:
    """The time of day that a match speaks of, None where it is no time."""
    minutes, hour = _FRACTIONS.get(match[1]) or int(match[1]), int(match[2])
    if not 0 < minutes < _MINUTES or hour > _HOURS:
        return None
    hour += _HALF_DAY if match[3] in _LATE and hour < _HALF_DAY else 0
    at = (hour * _MINUTES + sign * minutes) % (_HOURS * _MINUTES)
    return f"{at // _MINUTES:02}:{at % _MINUTES:02}"


def _runs_on(match: re.Match[str]) -> bool:
    """Whether a digit follows at once, as in 6m30s."""
    return match.string[match.end() : match.end() + 1].isdigit()


def _in_digits(text: str) -> str:
    parts, at = [], 0
    for numeral in spelled_numerals(text):
        value = next(iter(numeral.values))
        parts += [text[at : numeral.start], f"{value:f}"]
        at = numeral.start + len(numeral.text)
    return "".join([*parts, text[at:]])


@lru_cache(maxsize=1024)
def _phrase(phrase: str) -> re.Pattern[str]:
    return re.compile(phrase_pattern(canonical(phrase)))


def phrase_pattern(phrase: str) -> str:
    """A phrase as a pattern: whole words, between them any whitespace and emphasis, * at a word's end for any ending.

    A number is found as a whole: 2.5 is in neither 12.5 nor 2.5.1.
    """
    parts = [re.escape(part).replace(r"\*", r"\w*") for part in to_ascii_marks(phrase).split()]
    body = rf"{_EMPHASIS}\s+{_EMPHASIS}".join(parts)
    return rf"(?<!\w)(?<!\d[.,:]){body}(?!\w|[.,:]\d)" if parts else r"(?!)"


def find_phrases(phrases: Iterable[str], text: str) -> list[Span]:
    """Every occurrence of the phrases in a canonical text, phrase by phrase."""
    matches = (match for phrase in phrases for match in _phrase(phrase).finditer(text))
    return [Span(match.start(), match.end(), match[0]) for match in matches]


def has_phrase(phrases: Iterable[str], text: str) -> bool:
    """Whether any of the phrases occurs in a canonical text."""
    return any(_phrase(phrase).search(text) for phrase in phrases)
