"""Recognizes code of a language in text, line by line, by the patterns of the language's record (harness/languages).

`is_code`, `has_code`, `code_within` and `script_within` tell code from prose; `defines` finds the definition of an
identifier; `CompletenessCheck` tells code that was cut.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.languages import LANGUAGES, Syntax

PLAIN_LABELS = frozenset(
    ("", "text", "txt", "plaintext", "plain", "code", "script", "source", "answer", "solution", "file")
)
"""Labels of a fence that name no language."""
_SENTENCE = re.compile(r"^(?:[-*+]|\d{1,3}[.)])?[ *]{0,4}[A-Z][a-z']*,? [a-z`].*[.:!?]\**$")
"""A line of prose below a script: a capital, a second word, and the end of a sentence."""


LABELED_FENCE = re.compile(r"^ {0,3}(?:`{3,}+|~{3,}+)[ \t]*+[A-Za-z]", re.MULTILINE)
"""The first line of a labeled fence. Code holds none, except in strings of several lines."""
MAX_CHECKED_CHARS = 500_000
CHECK_COST_CHARS = 500
"""What one check costs beside its characters."""


def language_of_label(label: str) -> str | None:
    """The language that a fence's label names, the first of several that share it; None where it names no language."""
    return next((name for name, language in LANGUAGES.items() if label in language.labels), None)


def defines(language: str, code: str, name: str) -> bool:
    """Whether the code defines a name; of a dotted name only the first part is looked for."""
    pattern = LANGUAGES[language].syntax.definition.replace("NAME", re.escape(name.split(".")[0]))
    return re.search(pattern, code, re.MULTILINE) is not None


def defines_all(language: str, code: str, names: Sequence[str]) -> bool:
    """Whether the code defines every one of these names."""
    return all(defines(language, code, name) for name in names)


@dataclass(slots=True)
class CompletenessCheck:
    """Whether texts of one answer may be all of some code: False for what does not parse.

    Of a language that is not parsed on the host, False for a text that runs into the next fence. What is checked of one
    answer is bounded, since a parser needs seconds for a megabyte: beyond that every text counts as complete.
    """

    language: str
    _left: int = MAX_CHECKED_CHARS
    _known: dict[str, bool] = field(default_factory=dict)

    def __call__(self, code: str) -> bool:
        """Whether a text may be complete."""
        known = self._known.get(code)
        self._left -= CHECK_COST_CHARS + (len(code) if known is None else 0)
        if self._left < 0:
            return True
        if known is None:
            parses = LANGUAGES[self.language].syntax.parses
            known = self._known[code] = LABELED_FENCE.search(code) is None if parses is None else parses(code)
        return known


def _is_line_of(syntax: Syntax, line: str) -> bool:
    return re.search(syntax.code_line, line) is not None or re.search(syntax.possible_line, line) is not None


def is_code(language: str, text: str) -> bool:
    """Whether a text is code of this language from its first line to its last."""
    syntax = LANGUAGES[language].syntax
    if syntax.is_program is not None and syntax.is_program(text):
        return True
    lines = [line for line in text.splitlines() if line.strip()]
    return has_code(language, text) and all(_is_line_of(syntax, line) for line in lines)


def has_code(language: str, text: str) -> bool:
    """Whether any line is one that only code of this language has."""
    return re.search(LANGUAGES[language].syntax.code_line, text, re.MULTILINE) is not None


def script_within(text: str) -> str | None:
    """A text that begins with #!, without the sentences below it; None for any other text.

    Lines of Bash that no pattern knows would else cut the script short.
    """
    if not text.startswith("#!"):
        return None
    paragraphs = text.rstrip().split("\n\n")
    while len(paragraphs) > 1 and all(_SENTENCE.match(line) for line in paragraphs[-1].strip("\n").split("\n")):
        paragraphs.pop()
    return "\n\n".join(paragraphs).rstrip() + "\n"


def code_within(language: str, text: str) -> str | None:
    """The longest run of lines that may be code and begins with one that must be; None where there is none."""
    syntax = LANGUAGES[language].syntax
    is_certain, is_possible = re.compile(syntax.code_line).search, re.compile(syntax.possible_line).search
    runs: list[list[str]] = [[]]
    for line in text.split("\n"):
        if is_certain(line) or (runs[-1] and (not line.strip() or is_possible(line))):
            runs[-1].append(line)
        elif runs[-1]:
            runs.append([])
    longest = "\n".join(max(runs, key=lambda run: sum(map(len, run)))).strip("\n")
    return longest + "\n" if longest.strip() else None
