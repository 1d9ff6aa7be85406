"""Kind `needle`: values from known depths of a long text, asked for as one JSON object. No code is run.

The answer is a JSON object, alone or in a fence: {"key": "value", ...}; null says that the text has no such value.

settings (optional)
    min_precision   for the check `precision`; default 1.0
cases.json    `give` is {}; `expect` is one of
    {"key": name, "any": [strings or numbers], "depth": 0.0 to 1.0}  the value, in any of these spellings;
              "superseded": [strings] are outdated values, which are counted apart
    {"key": name, "absent": true}                                    is not in the text: right as null or left out
Values are compared without case, outer whitespace, quotes and thousands separators; numbers by value. A value may have
a few more words than a spelling ("53 euros per working day"), but no other number (nor "53 million"), no alternative,
no negation, no doubt, and behind the number no other unit than another spelling has there ("40 hours" where "40" and
"40 minutes" are right). A list of several values is none of them, and neither is an object.
checks        one for each case, and `precision`: right values / all values given
metrics       recall, precision, recall_by_depth, superseded, invented (keys not asked for, values for absent ones)
An answer that has no JSON object is no answer. One that gives a key twice fails every check: it gives two values.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from harness.errors import Problem
from harness.score.compare import display
from harness.score.extraction.json_answer import DuplicateKeyError, find_object, unique_keys
from harness.score.prose.numerals import ungrounded_numerals
from harness.score.scorer_kind import ScorerKind
from harness.score.validation import NUMBER, STRING, case_schema, object_schema
from harness.score.verdict import Judgment, no_answer
from harness.types import Case, Check, Json, Reading, Sandbox, Task, Variant

PRECISION = "precision"
VALUES = {"type": "array", "minItems": 1}
PRESENT_CASE = case_schema(
    object_schema({}),
    object_schema({"key": STRING, "any": VALUES, "depth": NUMBER, "superseded": {"type": "array"}}, ["key", "any"]),
)
ABSENT_CASE = case_schema(object_schema({}), object_schema({"key": STRING, "absent": {"const": True}}, ["key"]))
_NO_VALUE = ("", "null", "none", "n/a", "unknown", "not found", "not present", "not stated", "not in the text")
_MAX_NUMBER_CHARS = 40
_MAX_MORE_WORDS = 6
_GROUPED = re.compile(r"(?<=\d)[,_ '\u2009\u202f\u00a0](?=\d{3}\b)")
_SMALL_WORDS = frozenset(("a", "an", "the", "at", "on", "in", "of", "per", "for", "each", "every"))
_OTHER_MEANING = re.compile(
    r"(?<![^\W\d_])(?:not|no|never|neither|nor|or|and|but|vs|versus|instead|hardly|barely|former|formerly|previously|"
    r"old|until|before|maybe|perhaps|possibly|probably|unsure|wrong|false|incorrect|squared|"
    r"(?:is|are|was|were|do|does|did|has|have|ca|wo|could|would|should)n['’]?t)(?![^\W\d_])"
)
_REVERSING = frozenset(
    ("than", "except", "excluding", "unlike", "without", "under", "over", "above", "below", "half", "twice", "double")
)
"""Words that change a value which they stand before: "over 53"; "53, over the whole year" is 53."""
_ALTERNATIVES = re.compile(r"[,;/|\n]")
# A hyphen between words, as in port-7419 or 4-5, or with a space behind it, is no sign.
_WORD = re.compile(r"(?:(?<![\w)%])-)?(?:\d+(?:[.:]\d+)*|(?<![\d.])\.\d+)|[^\W\d_]+|%")
_MINUS_SIGN = str.maketrans("\u2212\ufe63\uff0d", "---")
_MINUS_WORD = re.compile(r"\b(?:minus|negative)\s+(?=[\d.])")
_UNITS = {
    word: unit
    for unit, words in {
        "second": "second sec s",
        "minute": "minute min mins",
        "hour": "hour hr hrs h",
        "day": "day d",
        "week": "week wk wks",
        "month": "month mo",
        "year": "year yr yrs",
        "percent": "percent",
        "euro": "euro eur",
        "pound": "pound quid",
        "penny": "pence penny p",
        "cent": "cent ct",
        "dollar": "dollar usd",
        "tonne": "tonne ton t",
        "kilogram": "kilogram kilo kg",
        "metre": "metre meter",
        "foot": "foot feet ft",
        "kilometre": "kilometre kilometer km",
        "centimetre": "centimetre centimeter cm",
    }.items()
    for word in words.split()
}
"""Units by their names and signs, in the singular. "m" is not among them: it may be minutes, metres or months."""
_MAX_WORDS_TO_UNIT = 2
_DECIMALS = 4
_MAX_VALUE_CHARS = 1000
_MAX_SHOWN_CHARS = 60


def check_names(variant: Variant) -> tuple[str, ...]:
    """The ids of the cases, and `precision`."""
    return (*(case.id for case in variant.cases), PRECISION)


def _normalize(value: Json) -> str | Decimal | None:
    """A value as it is compared: a number by value, a string without case and quotes; None for "no value"."""
    if value is None or isinstance(value, bool | dict):
        return None if value is None else repr(value).lower()
    if isinstance(value, list):
        return _normalize(value[0]) if len(value) == 1 else repr(value).lower()
    text = " ".join(str(value)[:_MAX_VALUE_CHARS].split()).strip("\"'`.“”‘’ ").casefold()
    if text in _NO_VALUE:
        return None
    digits = _GROUPED.sub("", text.translate(_MINUS_SIGN))
    if len(digits) <= _MAX_NUMBER_CHARS and re.fullmatch(r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)", digits):
        return _decimal(digits) or text
    return text


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text).normalize()
    except InvalidOperation:
        return None


def _words(value: Json) -> list[str]:
    """The words and numbers of a value, without small words and plurals; the sign of percent is its word."""
    text = _GROUPED.sub("", str(value)[:_MAX_VALUE_CHARS].casefold().translate(_MINUS_SIGN))
    words = ["percent" if word == "%" else word for word in _WORD.findall(_MINUS_WORD.sub("-", text))]
    return [_plain_word(word) for word in words if word not in _SMALL_WORDS]


def _plain_word(word: str) -> str:
    """A word without the ending of a plural, a number with a digit before its point."""
    if not word.isalpha():
        return re.sub(r"^(-?)\.", r"\g<1>0.", word)
    return word.removesuffix("s") if len(word) > 3 else word


def _is_number(word: str) -> bool:
    return not word.isalpha()


def _unit_after(words: Sequence[str], number: Sequence[str]) -> str | None:
    """The unit that stands at most one word behind a number, None without one; `number` is a part of `words`."""
    starts = (at for at in range(len(words)) if words[at : at + len(number)] == number)
    behind = next(starts, len(words)) + len(number)
    return next((_UNITS[word] for word in words[behind : behind + _MAX_WORDS_TO_UNIT] if word in _UNITS), None)


def _has_other_unit(value: Json, spelling: Json, spellings: Sequence[Json]) -> bool:
    """Whether a value has another unit behind the number of a spelling than the spellings that have one there."""
    number = _words(spelling)
    given, right = _unit_after(_words(value), number), {_unit_after(_words(other), number) for other in spellings}
    return given is not None and bool(right - {None}) and given not in right


def _says(value: Json, spelling: Json) -> bool:
    """Whether a value holds a spelling as it is and not many more words, and no other number in digits."""
    given, wanted = _words(value), _words(spelling)
    if not wanted or len(given) > len(wanted) + _MAX_MORE_WORDS:
        return False
    starts = [at for at in range(len(given) - len(wanted) + 1) if given[at : at + len(wanted)] == wanted]
    if all(at > 0 and given[at - 1] in _REVERSING for at in starts):
        return False
    return sum(map(_is_number, given)) == sum(map(_is_number, wanted))


def _is_denied(text: str, known: Set[str]) -> bool:
    """Whether a text has a negation, an alternative or a doubt, apart from the `known` words: "the old brewery"."""
    return any(_plain_word(word[0]) not in known for word in _OTHER_MEANING.finditer(text.casefold()))


def _has_alternative(text: str, known: Set[str], spellings: Sequence[Json], others: Sequence[Json]) -> bool:
    """Whether a text gives something else beside the spellings of a value.

    That is a number that none of them has, in words or with a scale too ("53 million"), or, of values without a number,
    parts without a `known` word behind or before commas, slashes or semicolons: one that is a value of another case
    (`others`), or two that read as values: one word, or words with a capital ("Helsinki, Oslo, Turku"). One such part
    is no alternative but a description ("Marguerite Ostrander, Head of Diving").
    """
    ungrouped = _GROUPED.sub("", text)
    if ungrounded_numerals(ungrouped, "; ".join(_GROUPED.sub("", str(spelling)) for spelling in spellings)):
        return True
    if any(map(_is_number, _words(text))):
        return False
    parts = [part for part in _ALTERNATIVES.split(ungrouped) if _words(part) and known.isdisjoint(_words(part))]
    is_of_another = any(_words(part) == _words(other) for part in parts for other in others)
    return is_of_another or sum(len(_words(part)) == 1 or part != part.lower() for part in parts) > 1


def _is_in_words(value: Json, spellings: Sequence[Json], known: Set[str], others: Sequence[Json]) -> bool:
    """Whether a value is one of the spellings in a few more words; `known` are words that are no alternative."""
    if isinstance(value, list | dict):
        return False
    if not any(_says(value, spelling) and not _has_other_unit(value, spelling, spellings) for spelling in spellings):
        return False
    text = str(value)[:_MAX_VALUE_CHARS]
    return not _is_denied(text, known) and not _has_alternative(text, known, spellings, others)


def _only_entry(value: Json) -> Json:
    """The entry of a list of one, any other value as it is."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _normalize_key(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.strip().casefold()).strip("_")


def _by_key(found: Mapping[str, Json]) -> dict[str, Json]:
    """The values by normalized key. Raises DuplicateKeyError for keys that differ in spelling only."""
    return unique_keys([(_normalize_key(name), value) for name, value in found.items()])


def _key_of(case: Case) -> str:
    return _normalize_key(str(case.expect["key"]))


@dataclass(frozen=True, slots=True)
class _Lookup:
    """What the answer gives for the key of one case, and the right values of the other cases."""

    case: Case
    value: Json
    others: Sequence[Json]

    @property
    def is_absent(self) -> bool:
        """Whether the text does not have the value."""
        return self.case.expect.get("absent") is True

    @property
    def is_superseded(self) -> bool:
        return not self.is_absent and self._is_among("superseded")

    @property
    def is_right(self) -> bool:
        if self.is_absent:
            return self.value is None
        return self._is_among("any") and not self.is_superseded

    def _is_among(self, field: str) -> bool:
        given, spellings = _normalize(self.value), self.case.expect.get(field, ())
        if given is None:
            return False
        # Such words deny nothing and are no alternative: "the old brewery", "Ostrander, diver".
        right = [*spellings, *self.case.expect.get("any", ()), self.case.expect["key"]]
        known = {word for spelling in right for word in _words(spelling)}
        is_spelled = given in map(_normalize, spellings)
        return is_spelled or _is_in_words(_only_entry(self.value), spellings, known, self.others)

    def check(self) -> Check:
        expected = "not in the text" if self.is_absent else display(self.case.expect["any"])
        note = "superseded" if self.is_superseded else None
        return Check(self.case.id, self.is_right, expected, display(self.value), note)


def _values_of_others(case: Case, variant: Variant) -> list[Json]:
    return [value for other in variant.cases if other is not case for value in other.expect.get("any", ())]


def _recall(lookups: Sequence[_Lookup]) -> float | None:
    right = [lookup.is_right for lookup in lookups if "any" in lookup.case.expect]
    return round(sum(right) / len(right), _DECIMALS) if right else None


def _recall_by_depth(lookups: Sequence[_Lookup]) -> dict[str, Json]:
    depths: dict[str, list[bool]] = defaultdict(list)
    for lookup in lookups:
        if "depth" in lookup.case.expect:
            depths[str(lookup.case.expect["depth"])].append(lookup.is_right)
    return {depth: round(sum(right) / len(right), _DECIMALS) for depth, right in sorted(depths.items())}


def _precision(lookups: Sequence[_Lookup], given: Sequence[str]) -> float:
    right = sum(lookup.is_right for lookup in lookups if "any" in lookup.case.expect)
    return round(right / len(given), _DECIMALS) if given else 1.0


def _invented(lookups: Sequence[_Lookup], given: Sequence[str]) -> int:
    """How many values were given for keys that nobody asked for, or that the text does not have."""
    asked = {_key_of(lookup.case) for lookup in lookups}
    return sum(key not in asked for key in given) + sum(not look.is_right for look in lookups if look.is_absent)


def score_needle(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """Score the values of the last turn's object; the sandbox is not used."""
    del sandbox
    try:
        found = find_object(readings[-1].content)
        values = None if found is None else _by_key(found)
    except DuplicateKeyError as error:
        note = f"the key {str(error)[:_MAX_SHOWN_CHARS]!r} is given twice"
        return Judgment(tuple(Check(name, False, None, None, note) for name in check_names(variant)), "object")
    if values is None:
        return no_answer(check_names(variant), "no JSON object was found in the answer")
    given = [key for key, value in values.items() if _normalize(value) is not None]
    lookups = [_Lookup(case, values.get(_key_of(case)), _values_of_others(case, variant)) for case in variant.cases]
    precision = _precision(lookups, given)
    metrics: dict[str, Json] = {
        "recall": _recall(lookups),
        "precision": precision,
        "recall_by_depth": _recall_by_depth(lookups),
        "superseded": sum(lookup.is_superseded for lookup in lookups),
        "invented": _invented(lookups, given),
    }
    minimum = float(variant.task.settings.get("min_precision", 1.0))
    precision_check = Check(PRECISION, precision >= minimum, f"{minimum} or more", precision)
    return Judgment((*(lookup.check() for lookup in lookups), precision_check), "object", metrics=metrics)


def problems(task: Task, cases: Sequence[Case]) -> Iterator[Problem]:
    """The problem of each key that several cases ask for."""
    keys = [_key_of(case) for case in cases]
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        yield Problem(f"{task.name}/cases.json: several cases ask for the key {key!r}", "keep one of them")


KIND = ScorerKind(
    check_names,
    score_needle,
    settings=lambda task: {"min_precision": NUMBER},
    case=lambda task, case: ABSENT_CASE if case.expect.get("absent") is True else PRESENT_CASE,
    problems=problems,
)
