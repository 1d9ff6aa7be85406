"""Finds whether a text states a fact: its value and its subject in one clause, neither negated nor swapped.

`statements` is the entry point. It knows words and their order, not meaning: it tells "tokens live for 25 minutes" from
"tokens do not live for 25 minutes" and from "25 minutes" beside another subject, and a lie that is told in other words
escapes it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, takewhile

from harness.score.prose.canonical import canonical, find_phrases
from harness.score.prose.segments import Span, sentences

_BOUNDARY = re.compile(
    r"[,;()|\n]|\s(?:and|while|whereas|but|which|because|whilst|where|-{1,2}|\u2013|\u2014)\s|\u2014"
)
_CLAUSE_END = re.compile(rf"{_BOUNDARY.pattern}|:(?=\s)")
_SENTENCE_END = re.compile(r"[.!?][*_]*(?=\s)|\n\s*\n|\n(?=\s*(?:[-*+|#]|\d+[.)]))")
_VALUES_ONLY = re.compile(r"(?:[\W\d]|\b(?:and|or|to|until|min|sec|hour|day|week|month|line|euro)\b)*")
_PRESENT = re.compile(r"\b(?:is|are|has|have|takes?|lasts?|lives?|must|may|can|now|today)\b")
_MAX_NEGATION_GAP = 5
_MAX_NEAR_SENTENCES = 3
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_NEGATION = re.compile(
    r"\b(?:no longer|rather than|instead of|used to|formerly|previously|not|never|cannot|no|nobody|none|neither|nor|"
    r"hardly|without|(?:do|does|did|is|are|was|were|ca|wo)nt)\b|n't\b"
)
# "No more than 380 lines" states 380, "I did not know that it took 47 minutes" and "47 minutes is not long" state 47.
_HARMLESS = re.compile(
    r"\b(?:fewer|less|more|later|longer|exceed\w*|over|above|beyond|under|below|larger|greater|higher|lower|shorter|"
    r"stop\w* \w+ing|fail\w* to|forget|regret\w*|long|much|lot|bad|nothing|little|short|forever|"
    r"only|just|until|within|after|before|than|past|sooner|earlier|smaller|know|knew|believe|notice\w*|expect\w*|see|realize)\b"
)
_DENIED_AFTER = re.compile(
    r"\W*(?:\w+\W+){0,3}?(?:is|are|was|were|do|does|did|has|have|will|can|must|may)(?:n't|\W+(?:not|never|no longer))\b"
)
# What is denied of more than a limit states it: "changes of more than 380 lines are not accepted".
_ABOVE = r"\b(?:(?:more|larger|longer|greater|bigger|higher|later) than|over|above|beyond|exceeding)\b"
_LIMIT_BEFORE = re.compile(rf"(?:\bafter|{_ABOVE})\W*$")
_COMPARISON = re.compile(_ABOVE)
_NO_AS_ANSWER = re.compile(r"\W*no\b")
_UNTRUE = re.compile(r"\b(?:not true|untrue|not the case|false|incorrect|a myth|a lie|wrong that|denie[sd])\b")
_MAX_AFTER_CHARS = 80
_MAX_SIDE_CHARS = 300
_MAX_OCCURRENCES = 20


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact as phrases: any `value` must be stated of any `subject`.

    `rivals` are subjects of other facts, whose value this one could be taken for; a clause with one of `unless` says
    something else.
    """

    value: Sequence[str]
    subject: Sequence[str]
    rivals: Sequence[str] = ()
    unless: Sequence[str] = ()


def clause_at(text: str, start: int, end: int) -> tuple[int, int]:
    """The bounds of the clause around a part of a sentence; a conjunction inside the part does not end it."""
    bounds = list(_BOUNDARY.finditer(text))
    left = max((bound.end() for bound in bounds if bound.end() <= start), default=0)
    right = min((bound.start() for bound in bounds if bound.start() >= end), default=len(text))
    return left, right


def clauses_around(text: str, start: int, end: int) -> str:
    """The clause around a part of a text, with the two beside it where it has no verb of its own.

    In "the old values, 4 percent and 20 minutes, are void" the clauses beside the 4 percent say what holds of them; in
    "it was so, it is 30 minutes" they do not. What stands before a list of values holds of each: "formerly 12 and 18".
    """
    before = list(_SENTENCE_END.finditer(text, 0, start))
    after = _SENTENCE_END.search(text, end)
    first, last = before[-1].end() if before else 0, after.start() if after else len(text)
    bounds = list(_CLAUSE_END.finditer(text, first, last))
    left = [first, *(bound.end() for bound in bounds if bound.end() <= start)]
    right = [bound.start() for bound in bounds if bound.start() >= end]
    own = slice(left[-1], right[0] if right else last)
    if _PRESENT.search(text[own]):
        return text[own]
    before_own = max(0, len(left) - 2)
    while before_own > 0 and _VALUES_ONLY.fullmatch(text[left[before_own] : left[before_own + 1]]):
        before_own -= 1
    return text[left[before_own] : right[1] if len(right) > 1 else last]


def column_heading(text: str, at: int) -> str:
    """The heading of the table column that a position of a text is in; empty outside of a table's rows."""
    start = text.rfind("\n", 0, at) + 1
    if not text.startswith("|", start):
        return ""
    above = takewhile(lambda line: line.startswith("|"), reversed(text[:start].split("\n")[:-1]))
    *_, heading = "", *above
    return next(islice(heading.split("|"), text.count("|", start, at), None), "")


def is_negated(before: str, after: str) -> bool:
    """Whether what lies between the two parts of a clause is denied by them."""
    gap = _gap_behind_negation(before)
    if gap is not None and not _HARMLESS.search(gap):
        return True
    denied = None if _LIMIT_BEFORE.search(before) else _DENIED_AFTER.match(after[:_MAX_AFTER_CHARS])
    return denied is not None and not _HARMLESS.search(after[denied.end() : _MAX_AFTER_CHARS])


def _gap_behind_negation(before: str) -> str | None:
    """What stands between the last negation of a text and its end; None where that is far, or there is none."""
    negations = list(_NEGATION.finditer(before))
    gap = before[negations[-1].end() :] if negations else ""
    return gap if negations and len(_WORD.findall(gap)) <= _MAX_NEGATION_GAP else None


def _says_otherwise(clause: str, fact: Fact) -> bool:
    """Whether a clause has one of `unless`; "no token lives more than 25 minutes" has no "more than"."""
    return any(
        _COMPARISON.fullmatch(span.text) is None or _gap_behind_negation(clause[: span.start]) is None
        for span in find_phrases(fact.unless, clause)
    )


def statements(text: str, fact: Fact) -> list[Span]:
    """The places where a text states a fact, as spans of the canonical text."""
    plain = canonical(text)
    values = find_phrases(fact.value, plain)[:_MAX_OCCURRENCES]
    spans = _canonical_sentences(plain) if values else ()
    starts = [span.start for span in spans]
    return [value for value in values if _is_stated(spans, max(0, bisect_right(starts, value.start) - 1), value, fact)]


@lru_cache(maxsize=16)
def _canonical_sentences(plain: str) -> tuple[Span, ...]:
    return tuple(sentences(plain))


def _is_stated(spans: Sequence[Span], index: int, value: Span, fact: Fact) -> bool:
    sentence, value = _window(spans[index], value)
    left, right = clause_at(sentence, value.start, value.end)
    clause = sentence[left:right]
    if _says_otherwise(clause, fact) or _UNTRUE.search(sentence) or _is_denied_next(spans, index):
        return False
    if is_negated(sentence[left : value.start], sentence[value.end : right]):
        return False
    in_sentence = _subject_in_sentence(sentence, value, (left, right), fact)
    return _subject_nearby(spans, index, fact) if in_sentence is None else in_sentence


def _is_denied_next(spans: Sequence[Span], index: int) -> bool:
    """Whether a sentence asks what the next one denies, as in "25 minutes? No"."""
    is_question = spans[index].text.rstrip().endswith("?")
    return is_question and any(_NO_AS_ANSWER.match(span.text) for span in spans[index + 1 : index + 2])


def _window(span: Span, value: Span) -> tuple[str, Span]:
    """The sentence around a value, cut where it is longer than any sentence, and the value's place in it."""
    start = max(0, value.start - span.start - _MAX_SIDE_CHARS)
    end = value.end - span.start + _MAX_SIDE_CHARS
    offset = span.start + start
    return span.text[start:end], Span(value.start - offset, value.end - offset, value.text)


def _subject_in_sentence(sentence: str, value: Span, bounds: tuple[int, int], fact: Fact) -> bool | None:
    """Whether the subject nearest to a value, in its clause or else before it, is the fact's; None without one."""
    mentions = _mentions(sentence, value, fact)
    in_clause = [mention for mention in mentions if bounds[0] <= mention.span.start and mention.span.end <= bounds[1]]
    if in_clause:
        return min(in_clause, key=lambda mention: mention.distance_to(value)).is_own
    before = [mention for mention in mentions if mention.span.end <= value.start]
    return (before[-1] if before else mentions[0]).is_own if mentions else None


def _subject_nearby(spans: Sequence[Span], index: int, fact: Fact) -> bool:
    """Whether the sentences around one without a subject are about the fact's.

    It continues the one before it ("It takes 35 minutes."), or announces the next.
    """
    earlier = reversed(spans[max(0, index - _MAX_NEAR_SENTENCES) : index])
    for span in (*earlier, *spans[index + 1 : index + 2]):
        nearby = _mentions(span.text[: 2 * _MAX_SIDE_CHARS], None, fact)
        if nearby:
            return any(mention.is_own for mention in nearby)
    return False


@dataclass(frozen=True, slots=True)
class _Mention:
    span: Span
    is_own: bool

    def distance_to(self, value: Span) -> int:
        """How many characters lie between the mention and the value."""
        return max(self.span.start - value.end, value.start - self.span.end)


def _mentions(sentence: str, value: Span | None, fact: Fact) -> list[_Mention]:
    """The subjects in a sentence, the fact's own and those of its rivals, in order and without the value itself."""
    found = [_Mention(span, is_own=True) for span in find_phrases(fact.subject, sentence)]
    found += [_Mention(span, is_own=False) for span in find_phrases(fact.rivals, sentence)]
    outside = [one for one in found if value is None or one.span.end <= value.start or one.span.start >= value.end]
    return sorted(outside, key=lambda mention: mention.span.start)
