"""Mutants of a solution: the same answer with one small mistake, to measure how many mistakes a task's checks catch.

`mutants_of` makes them from the code blocks of an answer. A mutant replaces one operator, comparison, logical word or
number, or removes one statement, in the way of mutation testing tools (R. A. DeMillo et al., "Hints on test data
selection", 1978). The rules work on single lines of text and are the same for all languages, so some mutants do not
compile; those fail like any other.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

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
_BLOCK = re.compile(r"^([`~]{3,})[^\n]*\n(.*?)^\1", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"^\s*(?:#|//|--|/\*|\*)")


@dataclass(frozen=True, slots=True)
class Mutant:
    """An answer with one mistake; `name` tells the line of the block and what was changed."""

    name: str
    answer: str


def mutants_of(answer: str, seed: str) -> list[Mutant]:
    """At most MAX_MUTANTS mutants, the same for the same seed; none if the answer has no code block."""
    found = [mutant for block in _BLOCK.finditer(answer) for mutant in _block_mutants(answer, block)]
    unique = list({mutant.answer: mutant for mutant in found if mutant.answer != answer}.values())
    if len(unique) <= MAX_MUTANTS:
        return unique
    return sorted(random.Random(seed).sample(unique, MAX_MUTANTS), key=unique.index)


def _block_mutants(answer: str, block: re.Match[str]) -> Iterator[Mutant]:
    lines = block[2].splitlines(keepends=True)
    for at, line in enumerate(lines):
        if _COMMENT.match(line):
            continue
        for change, mutated in _line_mutants(line):
            code = "".join((*lines[:at], mutated, *lines[at + 1 :]))
            yield Mutant(f"line {at + 1}: {change}", answer[: block.start(2)] + code + answer[block.end(2) :])


def _line_mutants(line: str) -> Iterator[tuple[str, str]]:
    for token in _TOKEN.finditer(line):
        for new in _REPLACEMENTS[token[0]]:
            yield f"{token[0]} became {new}", line[: token.start()] + new + line[token.end() :]
    for number in _NUMBER.finditer(line):
        new = str(int(number[0]) + 1)
        yield f"{number[0]} became {new}", line[: number.start()] + new + line[number.end() :]
    if _STATEMENT.match(line) and line.rstrip().endswith((";", ")", "]", "'", '"')) and "(" not in line[:1]:
        yield f"removed {line.strip()[:40]!r}", line[: len(line) - len(line.lstrip())] + _no_operation(line)


def _no_operation(line: str) -> str:
    return ";\n" if line.rstrip().endswith(";") else "0\n"
