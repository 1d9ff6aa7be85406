"""Texts made to hold a scorer up: the time that the scorers of prose take grows with a text's length, no faster."""

import gc
import time
from collections.abc import Mapping

import pytest

from harness.score import score
from harness.tasks import vary
from harness.types import Variant
from tests.deep import part_and_whole
from tests.samples import kit_tasks
from tests.scored import ScriptedSandbox, said

TASKS = kit_tasks()
VARIANTS = {
    name: vary(TASKS[name], 0) for name in ("write-voice", "summarize-long", "code-review", "long-needle-short")
}
PIECES = {
    "bullets": "- ......",
    "numbered lines": "1. x\n",
    "dots": "......",
    "brackets": "[",
    "braces": '{"a":',
    "bracket lines": "[\n",
    "objects": '{"line": 1, "claim": "sql"},\n',
    "parentheses": "(",
    "digits": "1",
    "grouped digits": "1,000",
    "one long word": "a",
    "nested quotes": "\u201c\u2018",
    "quotes after dots": '."',
    "spaces": " ",
    "newlines": "\n",
    "CRLF": "a\r\n",
    "combining marks": "e\u0301",
    "fences": "```json\n{\n",
    "backticks": "`",
    "tokens": "<|im_end|> ",
    "quoted lines": "> > > a\n",
    "headings": "# a\n",
    "heading with spaces": "# a                ",
    "bold": "**",
    "paths": "a/b.py:1 ",
    "line references": "- line 1: sql\n",
    "links": "[a](b",
    "number words": "forty and one hundred ",
    "facts": "not 47 minutes import, ",
    "capitals": "Ab ",
}
each_piece = pytest.mark.parametrize("pieces", part_and_whole(dict(sorted(PIECES.items())[::5]), PIECES))
TAIL = "x!"
MAX_S, NOISE_S, MAX_GROWTH = 1.0, 0.15, 4
BOUNDS = {"write-voice": 20_000, "summarize-long": 20_000, "code-review": 100_000, "long-needle-short": 100_000}
"""Only so many characters are read; below that a text costs most."""


def text_of(piece: str, length: int) -> str:
    return (piece * (length // len(piece) + 1))[: length - len(TAIL)] + TAIL


def cost_s(variant: Variant, text: str) -> float:
    """The CPU time of scoring a text. Other processes do not count, nor does the collection of other tests' garbage."""
    gc.disable()
    start = time.process_time()
    try:
        score(variant, [said(text)], ScriptedSandbox())
        return time.process_time() - start
    finally:
        gc.enable()


@pytest.mark.parametrize("name", sorted(VARIANTS))
@each_piece
def test_a_text_of_1_mb_costs_under_a_second(name: str, pieces: Mapping[str, str]) -> None:
    costs = {piece: cost_s(VARIANTS[name], text_of(text, 1_000_000)) for piece, text in pieces.items()}
    assert {piece: cost for piece, cost in costs.items() if cost >= MAX_S} == {}


@pytest.mark.parametrize("name", sorted(VARIANTS))
@each_piece
def test_twice_the_text_costs_about_twice_the_time(name: str, pieces: Mapping[str, str]) -> None:
    grown = {}
    for piece, text in pieces.items():
        half, whole = (cost_s(VARIANTS[name], text_of(text, BOUNDS[name] // parts)) for parts in (2, 1))
        if whole > MAX_GROWTH * half + NOISE_S:
            grown[piece] = (half, whole)
    assert grown == {}
