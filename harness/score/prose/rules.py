"""The rules that a text can be checked by: pure functions of the text, their parameters and the text's source.

RULES, at the end of this file, maps a rule's name to its function and parameters. Phrases are compared literally; a
pattern in a phrase has no meaning but for * at the end of a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from harness.score.prose.canonical import canonical, find_phrases, has_phrase, phrase_pattern
from harness.score.prose.facts import Fact, clauses_around, column_heading, statements
from harness.score.prose.numerals import ungrounded_numerals
from harness.score.prose.segments import (
    Span,
    names,
    normalize_title,
    paragraphs,
    sections,
    sentences,
    to_ascii_marks,
    words,
)
from harness.types import Json

_MAX_SHOWN_SPANS = 5
_MAX_SHOWN_CHARS = 60
_MAX_CLAUSE_CHARS = 300
_MAX_AVOIDED = 20
"""Of the phrases that one case avoids; a text that has more of them is not kept, whatever stands around each."""
_REPEATED_WORDS = 4


@dataclass(frozen=True, slots=True)
class RuleResult:
    """Whether a text keeps a rule, and what was observed: a count, or spans as {"at", "text"}."""

    passed: bool
    observed: Json


@dataclass(frozen=True, slots=True)
class RuleInput:
    """A text to check, the rule's parameters, and the source that the text may draw on."""

    text: str
    params: Mapping[str, Json]
    source: str

    def strings(self, key: str) -> list[str]:
        """A list of strings among the parameters."""
        return [str(value) for value in self.params.get(key, ())]


def display_spans(spans: Sequence[Span]) -> Json:
    """The first spans, shortened."""
    return [{"at": span.start, "text": span.text[:_MAX_SHOWN_CHARS]} for span in spans[:_MAX_SHOWN_SPANS]]


def find_spans(pattern: str, text: str, flags: int = 0) -> list[Span]:
    """Every match of a pattern."""
    return [Span(match.start(), match.end(), match[0]) for match in re.finditer(pattern, text, flags | re.MULTILINE)]


def _no_match(pattern: str) -> Callable[[RuleInput], RuleResult]:
    """The rule that a pattern matches nowhere."""

    def rule(given: RuleInput) -> RuleResult:
        found = find_spans(pattern, to_ascii_marks(given.text))
        return RuleResult(not found, display_spans(found))

    return rule


def _no_phrases(given: RuleInput) -> RuleResult:
    text = to_ascii_marks(given.text)
    patterns = map(phrase_pattern, given.strings("phrases"))
    found = [span for pattern in patterns for span in find_spans(pattern, text, re.IGNORECASE)]
    return RuleResult(not found, display_spans(sorted(found, key=lambda span: span.start)))


def _no_new_numbers(given: RuleInput) -> RuleResult:
    found = ungrounded_numerals(given.text, given.source, given.strings("allowed"))
    shown = [{"at": numeral.start, "text": numeral.text} for numeral in found[:_MAX_SHOWN_SPANS]]
    return RuleResult(not found, shown)


def new_names(given: RuleInput) -> list[Span]:
    """The names of a text whose words are not in the source."""
    known = _known_words(given.source).union(*map(_known_words, given.strings("allowed")))
    return [span for span in names(given.text) if not set(_name_words(span.text)) <= known]


@lru_cache(maxsize=64)
def _known_words(source: str) -> frozenset[str]:
    """The words of a source. Cached, since one long source is the same for every check and every trial."""
    return frozenset(_name_words(source))


def _name_words(text: str) -> list[str]:
    """The words of a text as names are compared: without genitives, split at hyphens."""
    normalized = re.sub(r"'s\b", "", to_ascii_marks(text)).casefold()
    return [part for word in words(normalized) for part in re.split(r"[-/&.']", word) if part]


def _no_new_names(given: RuleInput) -> RuleResult:
    found = new_names(given)
    return RuleResult(not found, display_spans(found))


def _count_within(count: Callable[[str], int]) -> Callable[[RuleInput], RuleResult]:
    """The rule that a count lies between `min` and `max`."""

    def rule(given: RuleInput) -> RuleResult:
        observed = count(given.text)
        low, high = given.params.get("min", 0), given.params.get("max", observed)
        return RuleResult(low <= observed <= high, observed)

    return rule


def _sentence_words(given: RuleInput) -> RuleResult:
    found = [span for span in sentences(given.text) if len(words(span.text)) > given.params["max"]]
    return RuleResult(not found, display_spans(found))


@lru_cache(maxsize=64)
def section_text(text: str, title: str) -> str:
    """The text below a heading; empty where there is none. Cached, since many checks look at one section."""
    return "\n".join(body for name, body in sections(text, [title]) if name == normalize_title(title))


def _body(given: RuleInput) -> str:
    """The text of the rule's section, or all of it."""
    section = given.params.get("section")
    return given.text if section is None else section_text(given.text, str(section))


def _says(given: RuleInput) -> RuleResult:
    found = find_phrases(given.strings("any"), canonical(_body(given)))
    return RuleResult(bool(found), display_spans(found[:1]))


def _states(given: RuleInput) -> RuleResult:
    found = statements(_body(given), Fact(*map(given.strings, ("value", "subject", "rivals", "unless"))))
    return RuleResult(bool(found), display_spans(found[:1]))


def _avoids(given: RuleInput) -> RuleResult:
    """One of `unless` excuses a phrase in its own clause, in the two beside it in a sentence, and atop its column.

    Only what is shown is looked for: a model that repeats itself writes one phrase thousands of times.
    """
    text = canonical(given.text)
    found = find_phrases(given.strings("any"), text)
    unexcused = (span for span in found[:_MAX_AVOIDED] if not _is_excused(text, span, given))
    shown = list(islice(unexcused, _MAX_SHOWN_SPANS)) or found[_MAX_AVOIDED:]
    return RuleResult(not shown, display_spans(shown))


def _is_excused(text: str, span: Span, given: RuleInput) -> bool:
    start = max(0, span.start - _MAX_CLAUSE_CHARS)
    around = text[start : span.end + _MAX_CLAUSE_CHARS]
    clauses = clauses_around(around, span.start - start, span.end - start)
    return has_phrase(given.strings("unless"), f"{clauses}\n{column_heading(text, span.start)}")


def _once(given: RuleInput) -> RuleResult:
    """However often a fact is spoken of, its value is told once."""
    found = find_phrases(given.strings("any"), canonical(_body(given)))
    places = {span.start for span in found}
    return RuleResult(len(places) <= 1, display_spans(found))


def _repetition(given: RuleInput) -> RuleResult:
    """The share of the words, in percent, that repeat four words in a row of the text before them."""
    found = [word.casefold() for word in words(given.text)]
    seen: set[tuple[str, ...]] = set()
    repeated: set[int] = set()
    for start in range(len(found) - _REPEATED_WORDS + 1):
        run = tuple(found[start : start + _REPEATED_WORDS])
        if run in seen:
            repeated.update(range(start, start + _REPEATED_WORDS))
        seen.add(run)
    observed = round(100 * len(repeated) / len(found)) if found else 0
    return RuleResult(observed <= given.params["max"], observed)


def _distinct_words(given: RuleInput) -> RuleResult:
    """The share of the words, in percent, that are unlike all others."""
    found = [word.casefold() for word in words(given.text)]
    observed = round(100 * len(set(found)) / len(found)) if found else 0
    return RuleResult(observed >= given.params["min"], observed)


def _sections(given: RuleInput) -> RuleResult:
    titles = given.strings("titles")
    found = [(title, body) for title, body in sections(given.text, titles) if title]
    are_expected = [title for title, _ in found] == [normalize_title(title) for title in titles]
    return RuleResult(are_expected and all(words(body) for _, body in found), [title for title, _ in found][:12])


def _starts(given: RuleInput) -> RuleResult:
    text = canonical(given.text).lstrip()
    passed = any(text.startswith(canonical(start)) for start in given.strings("any"))
    return RuleResult(passed, given.text.lstrip()[:_MAX_SHOWN_CHARS])


def _ends(given: RuleInput) -> RuleResult:
    text = canonical(given.text).rstrip()
    passed = any(text.endswith(canonical(end)) for end in given.strings("any"))
    return RuleResult(passed, given.text.rstrip()[-_MAX_SHOWN_CHARS:])


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its function, its parameters by type (`lists` are of strings), and which of them are required."""

    check: Callable[[RuleInput], RuleResult]
    lists: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    strings: tuple[str, ...] = ()
    required: tuple[str, ...] = ()


_LIMITS = ("min", "max")
_EM_DASH = "\u2014|(?<=\\s)(?:\u2013|--)(?=\\s)"
_EMOJI = "[\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u2600-\u27bf\u2b50\u2b55\u231a\u231b\u23e9-\u23fa]"
_BEFORE_ROMAN_ONE = (
    "Act", "Annex", "Appendix", "Article", "Book", "Chapter", "Class", "Level", "Part", "Phase", "Section", "Stage",
    "Step", "Table", "Tier", "Title", "Type", "Volume", "War",
)  # fmt: skip
# Before the letter: "Phase I", "A.I.", "R/I", and a heading's number. Behind it: "I/O", "I-95", "I.e.", "I to III", and
# what a phase or a type without a capital is of.
_PRONOUN_I = (
    "".join(rf"(?<!\b{word} )" for word in _BEFORE_ROMAN_ONE)
    + r"(?<![A-Z]\.)(?<![A-Z0-9]/)(?!(?:^|(?<=# ))I[.)][ \t])\bI\b(?!/[A-Z0-9]|-\w|\.\w)"
    + r"(?!(?:,? (?:and|or|to|through) |[-–,] ?)I{2,3}\b)(?! (?:errors?|trials?|study|studies)\b)"
)
_FIRST_PERSON = rf"{_PRONOUN_I}|\b(?:[Mm]e|[Mm]y|[Mm]ine|[Mm]yself|[Ww]e|us|Us|[Oo]urs?|[Oo]urselves)\b(?!-\w)"

RULES: Mapping[str, Rule] = {
    "no_em_dash": Rule(_no_match(_EM_DASH)),
    "no_dash": Rule(_no_match(rf"{_EM_DASH}|(?<=\S[ \t])-(?=\s)")),
    "no_phrases": Rule(_no_phrases, lists=("phrases",), required=("phrases",)),
    "no_emoji": Rule(_no_match(_EMOJI)),
    "no_hashtags": Rule(_no_match(r"(?<![\w&/#])#[^\W\d_]\w*")),
    "no_lists": Rule(_no_match(r"^[ \t]*(?:[-*+•]|\d+[.)])[ \t]+\S.*$")),
    "no_headings": Rule(_no_match(r"^[ ]{0,3}#{1,6}[ \t].*$|^.+\n(?:={2,}|-{2,})[ \t]*$")),
    "no_first_person": Rule(_no_match(_FIRST_PERSON)),
    "no_exclamation": Rule(_no_match("!")),
    "no_links": Rule(_no_match(r"https?://\S+|\bwww\.\S+|\[[^\[\]\n]{1,200}\]\([^()\n]{1,500}\)")),
    "no_questions": Rule(_no_match(r"\?")),
    "no_new_numbers": Rule(_no_new_numbers, lists=("allowed",)),
    "no_new_names": Rule(_no_new_names, lists=("allowed",)),
    "words": Rule(_count_within(lambda text: len(words(text))), numbers=_LIMITS),
    "sentences": Rule(_count_within(lambda text: len(sentences(text))), numbers=_LIMITS),
    "paragraphs": Rule(_count_within(lambda text: len(paragraphs(text))), numbers=_LIMITS),
    "characters": Rule(_count_within(lambda text: len(text.strip())), numbers=_LIMITS),
    "sentence_words": Rule(_sentence_words, numbers=("max",), required=("max",)),
    "repetition": Rule(_repetition, numbers=("max",), required=("max",)),
    "distinct_words": Rule(_distinct_words, numbers=("min",), required=("min",)),
    "says": Rule(_says, lists=("any",), strings=("section",), required=("any",)),
    "states": Rule(
        _states,
        lists=("value", "subject", "rivals", "unless"),
        strings=("section",),
        required=("value", "subject"),
    ),
    "once": Rule(_once, lists=("any",), strings=("section",), required=("any",)),
    "avoids": Rule(_avoids, lists=("any", "unless"), required=("any",)),
    "sections": Rule(_sections, lists=("titles",), required=("titles",)),
    "starts": Rule(_starts, lists=("any",), required=("any",)),
    "ends": Rule(_ends, lists=("any",), required=("any",)),
}
