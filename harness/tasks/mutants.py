"""Mutants of a solution: the same answer with one small mistake, to measure how many mistakes a task's checks catch.

`mutants_of` makes them from the code of an answer: its code blocks, the new lines of its edits, what its tool calls
write, and the lines that a patch adds. A mutant replaces one operator, comparison, logical word or number, or removes
one statement, in the way of mutation testing tools (R. A. DeMillo et al., "Hints on test data selection", 1978). The
rules work on single lines of text and are the same for all languages, so some mutants do not compile; those fail like
any other.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.files import from_json, to_json

MAX_MUTANTS = 40
"""Per task: a container each, so that a task takes some ten seconds."""

_REPLACEMENTS: Mapping[str, Sequence[str]] = {
    "<=": ("<", ">="),
    ">=": (">", "<="),
    "==": ("!=",),
    "===": ("!==",),
    "!=": ("==",),
    "!==": ("===",),
    "<": ("<=", ">"),
    ">": (">=", "<"),
    "+": ("-",),
    "-": ("+",),
    "*": ("+",),
    "//": ("*",),
    "%": ("*",),
    "+=": ("-=",),
    "-=": ("+=",),
    "&&": ("||",),
    "||": ("&&",),
    "and": ("or",),
    "or": ("and",),
    "AND": ("OR",),
    "OR": ("AND",),
    "True": ("False",),
    "False": ("True",),
    "true": ("false",),
    "false": ("true",),
    "min": ("max",),
    "max": ("min",),
}
# Operators must stand alone, between spaces, so that arrows, generics, options of commands and comments stay.
_TOKEN = re.compile(
    r"(?<=\s)(?:===|!==|<=|>=|==|!=|\+=|-=|&&|\|\||//|[<>+\-*%])(?=\s)|\b(?:and|or|AND|OR|True|False|true|false|min|max)\b"
)
_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")
_STATEMENT = re.compile(
    r"^\s+(?!(?:else|elif|except|finally|case|default|def|function|func|fn|class|end|fi|done|esac)\b)\w"
)
# A fence may be indented, as in a list, and need not be closed (score/extraction/fences.py).
_BLOCK = re.compile(r"^([ \t]*)([`~]{3,})[^\n]*\n(.*?)(?:^\1\2|\Z)", re.DOTALL | re.MULTILINE)
_EDIT = re.compile(r"^={7}\n(.*?)^>{7}", re.DOTALL | re.MULTILINE)
_CALLS = re.compile(r"(?:\A|\n)```tool_calls[ \t]*\n(.*?)\n```[ \t]*\s*\Z", re.DOTALL)
_PATCH = "diff --git "
_NEW_PATH = re.compile(r'\+\+\+ "?b/(.*?)"?\t?$')
_PROSE = (".md", ".txt")
_COMMENT = re.compile(r"^\s*(?:#|//|--|/\*|\*)")
_TRIPLE_QUOTES = re.compile(r"\"{3}|'{3}")
_DOCSTRING = re.compile(r"\s*[rRuU]?(?:\"{3}|'{3})")
_MAX_DIGITS = 18
_MAX_NAME_DIGITS = 20


@dataclass(frozen=True, slots=True)
class Mutant:
    """An answer with one mistake, one text per reply; `name` tells the place in the code and what was changed there."""

    name: str
    replies: tuple[str, ...]


def mutants_of(replies: Sequence[str], seed: str) -> list[Mutant]:
    """At most MAX_MUTANTS mutants of an answer, the same for the same seed; none if it has no code."""
    found = [
        Mutant(f"reply {at + 1}, {name}" if len(replies) > 1 else name, (*replies[:at], mutated, *replies[at + 1 :]))
        for at, reply in enumerate(replies)
        for name, mutated in _reply_mutants(reply)
        if mutated != reply
    ]
    unique = list({mutant.replies: mutant for mutant in found}.values())
    if len(unique) <= MAX_MUTANTS:
        return unique
    return sorted(random.Random(seed).sample(unique, MAX_MUTANTS), key=unique.index)


def _reply_mutants(reply: str) -> Iterator[tuple[str, str]]:
    """The mutants of one reply, each with its name."""
    if block := _CALLS.search(reply):
        yield from _call_mutants(reply, block)
        return
    if reply.startswith(_PATCH):
        yield from _patch_mutants(reply)
        return
    spans = [match.span(1) for match in _EDIT.finditer(reply)] or [match.span(3) for match in _BLOCK.finditer(reply)]
    # Other tests may be as good: what judges tests are broken modules.
    spans = [(start, end) for start, end in spans if "def test_" not in reply[start:end]]
    for number, (start, end) in enumerate(spans, 1):
        for name, code in _code_mutants(reply[start:end]):
            yield f"block {number}, {name}" if len(spans) > 1 else name, reply[:start] + code + reply[end:]


def _call_mutants(reply: str, block: re.Match[str]) -> Iterator[tuple[str, str]]:
    """Mutants of what the tool calls of a reply write into files."""
    calls = from_json(block[1])
    for number, call in enumerate(calls, 1):
        new = call["arguments"].get("new") if isinstance(call["arguments"], dict) else None
        for name, code in _code_mutants(new) if isinstance(new, str) else ():
            mutated = {**call, "arguments": {**call["arguments"], "new": code}}
            text = to_json([*calls[: number - 1], mutated, *calls[number:]])
            yield f"call {number}, {name}", reply[: block.start(1)] + text + reply[block.end(1) :]


def _patch_mutants(patch: str) -> Iterator[tuple[str, str]]:
    """Mutants of the lines that a patch adds to files of code. It keeps its hunks, since no line comes or goes."""
    lines, path, added, is_header = patch.split("\n"), "", 0, True
    # In a docstring are lines of the new file only.
    skipped = _docstring_lines([line[1:] if line.startswith((" ", "+")) else "" for line in lines])
    for at, line in enumerate(lines):
        if line.startswith(_PATCH):
            path, added, is_header = "", 0, True
        elif line.startswith("@@ "):
            is_header = False
        elif is_header and (new_path := _NEW_PATH.match(line)):
            path = new_path[1]
        if is_header or not line.startswith("+"):
            continue
        added += 1
        if path.endswith(_PROSE) or at in skipped or _COMMENT.match(line[1:]):
            continue
        for change, mutated in _line_mutants(f"{line[1:]}\n"):
            changed = "+" + mutated.removesuffix("\n")
            yield f"{path}, new line {added}: {change}", "\n".join((*lines[:at], changed, *lines[at + 1 :]))


def _code_mutants(code: str) -> Iterator[tuple[str, str]]:
    lines = code.splitlines(keepends=True)
    skipped = _docstring_lines(lines)
    for at, line in enumerate(lines):
        if at in skipped or _COMMENT.match(line):
            continue
        for change, mutated in _line_mutants(line):
            yield f"line {at + 1}: {change}", "".join((*lines[:at], mutated, *lines[at + 1 :]))


def _docstring_lines(lines: Sequence[str]) -> set[int]:
    """The lines of strings in triple quotes that begin a line: no code reads what they say."""
    found, mark, is_docstring = set(), "", False
    for at, line in enumerate(lines):
        if not mark:
            is_docstring = _DOCSTRING.match(line) is not None
        if is_docstring:
            found.add(at)
        for quotes in _TRIPLE_QUOTES.findall(line):
            mark = "" if quotes == mark else mark or quotes
    return found


def _line_mutants(line: str) -> Iterator[tuple[str, str]]:
    for token in _TOKEN.finditer(line):
        for new in _REPLACEMENTS[token[0]]:
            yield f"{token[0]} became {new}", line[: token.start()] + new + line[token.end() :]
    for number in _NUMBER.finditer(line):
        new = _next_number(number[0])
        name = f"{_short(number[0])} became {_short(new)}"
        yield name, line[: number.start()] + new + line[number.end() :]
    if _STATEMENT.match(line) and line.rstrip().endswith((";", ")", "]", "'", '"')) and "(" not in line[:1]:
        yield f"removed {line.strip()[:40]!r}", line[: len(line) - len(line.lstrip())] + _no_operation(line)


def _next_number(digits: str) -> str:
    """The number after this one; of a very long one only the last digits are counted up, and it keeps its length."""
    head, tail = digits[:-_MAX_DIGITS], digits[-_MAX_DIGITS:]
    after = str(int(tail) + 1)
    return head + after[-_MAX_DIGITS:].zfill(_MAX_DIGITS) if head else after


def _short(digits: str) -> str:
    return digits if len(digits) <= _MAX_NAME_DIGITS else f"{digits[:_MAX_NAME_DIGITS]}..."


def _no_operation(line: str) -> str:
    return ";\n" if line.rstrip().endswith(";") else "0\n"
