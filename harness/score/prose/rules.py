"""The rules that a text can be held to: pure checkers of text, parameters and source, each telling what it saw where.

Unknown rules and parameters are faults of the task, never passes. Phrases are compared as they are written, not as
patterns. The table stands at the foot.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.score.prose.numerals import ungrounded
from harness.score.prose.segments import Span, names, paragraphs, plain, sections, sentences, title_of, words
from harness.types import Json

_SHOWN = 5
_EXCERPT = 60


@dataclass(frozen=True, slots=True)
class Ruled:
    """What a rule says of a text: whether it holds, and what was seen: counts, or spans as {"at", "text"}."""

    passed: bool
    seen: Json


@dataclass(frozen=True, slots=True)
class Held:
    """A text that is held to a rule, the rule's parameters, and the text that it may draw on."""

    text: str
    params: Mapping[str, Json]
    source: str

    def texts(self, key: str) -> list[str]:
        """A list of texts among the parameters."""
        return [str(one) for one in self.params.get(key, ())]


def shown(spans: Sequence[Span]) -> Json:
    """The first spans, short."""
    return [{"at": span.start, "text": span.text[:_EXCERPT]} for span in spans[:_SHOWN]]


def spans(pattern: str, text: str, flags: int = 0) -> list[Span]:
    """Every place that a pattern matches."""
    return [Span(found.start(), found.end(), found[0]) for found in re.finditer(pattern, text, flags | re.MULTILINE)]


def phrase_pattern(phrase: str) -> str:
    """A phrase as a pattern: any blanks between its words, whole words only, * at a word's end for any ending."""
    parts = [re.escape(part).replace(r"\*", r"\w*") for part in plain(phrase).split()]
    body = r"\s+".join(parts)
    return rf"(?<!\w){body}(?!\w)" if parts else r"(?!)"


def _without(pattern: str) -> Callable[[Held], Ruled]:
    """The rule that a pattern matches nowhere."""

    def rule(held: Held) -> Ruled:
        found = spans(pattern, plain(held.text))
        return Ruled(not found, shown(found))

    return rule


def _comparable(text: str) -> str:
    return re.sub(r"(?<=\d)[, ](?=\d{3}\b)", "", plain(text)).casefold()


def _found(phrases: Sequence[str], text: str) -> list[Span]:
    ready = _comparable(text)
    return [span for phrase in phrases for span in spans(phrase_pattern(_comparable(phrase)), ready)]


def _no_phrases(held: Held) -> Ruled:
    text = plain(held.text)
    found = [one for phrase in held.texts("phrases") for one in spans(phrase_pattern(phrase), text, re.IGNORECASE)]
    return Ruled(not found, shown(sorted(found, key=lambda span: span.start)))


def _no_new_numbers(held: Held) -> Ruled:
    found = ungrounded(held.text, held.source, held.texts("allowed"))
    return Ruled(not found, [{"at": one.start, "text": one.text} for one in found[:_SHOWN]])


def new_names(held: Held) -> list[Span]:
    """The names of a text whose words the source does not hold."""
    known = {part for place in (held.source, *held.texts("allowed")) for part in _name_parts(place)}
    return [span for span in names(held.text) if not set(_name_parts(span.text)) <= known]


def _name_parts(text: str) -> list[str]:
    """The words of a name, hyphens and genitives undone."""
    ready = re.sub(r"'s\b", "", plain(text)).casefold()
    return [part for word in words(ready) for part in re.split(r"[-/&.']", word) if part]


def _no_new_names(held: Held) -> Ruled:
    found = new_names(held)
    return Ruled(not found, shown(found))


def _counted(count: Callable[[str], int]) -> Callable[[Held], Ruled]:
    """The rule that a count lies between `min` and `max`."""

    def rule(held: Held) -> Ruled:
        seen = count(held.text)
        low, high = held.params.get("min", 0), held.params.get("max", seen)
        return Ruled(low <= seen <= high, seen)

    return rule


def _sentence_words(held: Held) -> Ruled:
    found = [span for span in sentences(held.text) if len(words(span.text)) > held.params["max"]]
    return Ruled(not found, shown(found))


def section_text(text: str, title: str, titles: Sequence[str] = ()) -> str:
    """The text below a heading; empty where there is none."""
    return "\n".join(body for name, body in sections(text, [title, *titles]) if name == title_of(title))


def _says(held: Held) -> Ruled:
    section = held.params.get("section")
    text = held.text if section is None else section_text(held.text, str(section))
    found = _found(held.texts("any"), text)
    return Ruled(bool(found), shown(found[:1]))


def _avoids(held: Held) -> Ruled:
    found = []
    for sentence in sentences(held.text):
        if not _found(held.texts("unless"), sentence.text):
            found += [
                Span(sentence.start, sentence.end, span.text) for span in _found(held.texts("any"), sentence.text)
            ]
    return Ruled(not found, shown(found))


def _sections(held: Held) -> Ruled:
    titles = held.texts("titles")
    seen = [(title, body) for title, body in sections(held.text, titles) if title]
    right = [title for title, _ in seen] == [title_of(title) for title in titles]
    return Ruled(right and all(words(body) for _, body in seen), [title for title, _ in seen][:12])


def _starts(held: Held) -> Ruled:
    text = _comparable(held.text).lstrip()
    return Ruled(any(text.startswith(_comparable(one)) for one in held.texts("any")), held.text.lstrip()[:_EXCERPT])


def _ends(held: Held) -> Ruled:
    text = _comparable(held.text).rstrip()
    return Ruled(any(text.endswith(_comparable(one)) for one in held.texts("any")), held.text.rstrip()[-_EXCERPT:])


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its checker, the lists of texts and the whole numbers that it takes, and which of them it needs."""

    check: Callable[[Held], Ruled]
    lists: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


_BOUNDS = ("min", "max")
_EMOJI = "[\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u2600-\u27bf\u2b50\u2b55\u231a\u231b\u23e9-\u23fa]"
_FIRST_PERSON = r"\bI\b|\b(?:[Mm]e|[Mm]y|[Mm]ine|[Mm]yself|[Ww]e|us|Us|[Oo]urs?|[Oo]urselves)\b"

RULES: Mapping[str, Rule] = {
    "no_em_dash": Rule(_without("\u2014|(?<=\\s)(?:\u2013|--)(?=\\s)")),
    "no_phrases": Rule(_no_phrases, lists=("phrases",), needs=("phrases",)),
    "no_emoji": Rule(_without(_EMOJI)),
    "no_hashtags": Rule(_without(r"(?<![\w&/#])#[^\W\d_]\w*")),
    "no_lists": Rule(_without(r"^[ \t]*(?:[-*+•]|\d+[.)])[ \t]+\S.*$")),
    "no_headings": Rule(_without(r"^[ ]{0,3}#{1,6}[ \t].*$|^.+\n(?:={2,}|-{2,})[ \t]*$")),
    "no_first_person": Rule(_without(_FIRST_PERSON)),
    "no_exclamation": Rule(_without("!")),
    "no_links": Rule(_without(r"https?://\S+|\bwww\.\S+|\[[^\]\n]{1,200}\]\([^)\n]{1,500}\)")),
    "no_questions": Rule(_without(r"\?")),
    "no_new_numbers": Rule(_no_new_numbers, lists=("allowed",)),
    "no_new_names": Rule(_no_new_names, lists=("allowed",)),
    "words": Rule(_counted(lambda text: len(words(text))), numbers=_BOUNDS),
    "sentences": Rule(_counted(lambda text: len(sentences(text))), numbers=_BOUNDS),
    "paragraphs": Rule(_counted(lambda text: len(paragraphs(text))), numbers=_BOUNDS),
    "characters": Rule(_counted(lambda text: len(text.strip())), numbers=_BOUNDS),
    "sentence_words": Rule(_sentence_words, numbers=("max",), needs=("max",)),
    "says": Rule(_says, lists=("any",), texts=("section",), needs=("any",)),
    "avoids": Rule(_avoids, lists=("any", "unless"), needs=("any",)),
    "sections": Rule(_sections, lists=("titles",), needs=("titles",)),
    "starts": Rule(_starts, lists=("any",), needs=("any",)),
    "ends": Rule(_ends, lists=("any",), needs=("any",)),
}
