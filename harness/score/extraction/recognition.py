"""Recognizes code of a language in text, line by line, by the patterns of the language's record (harness/languages).

`is_code`, `has_code`, `code_within` and `script_within` tell code from prose; `defines` finds the definition of an
identifier.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.languages import LANGUAGES, Syntax

PLAIN_LABELS = frozenset(
    ("", "text", "txt", "plaintext", "plain", "code", "script", "source", "answer", "solution", "file")
)
"""Labels of a fence that name no language."""
_SENTENCE = re.compile(r"^(?:[-*+]|\d{1,3}[.)])?[ *]{0,4}[A-Z][a-z']*,? [a-z`].*[.:!?]\**$")
"""A line of prose below a script: a capital, a second word, and the end of a sentence."""


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


def may_be_complete(language: str, code: str) -> bool:
    """False for code that does not parse; True where it does, or where the language is not parsed on the host."""
    parses = LANGUAGES[language].syntax.parses
    return parses is None or parses(code)


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
