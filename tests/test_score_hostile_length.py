"""Texts made to hold a scorer up: the time that a scorer takes grows with a text's length, no faster."""

import gc
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from types import FrameType

import pytest

from harness.score import score
from harness.score.edits.apply import MAX_COMPARED_LINES, apply_edits
from harness.score.edits.formats import find_edits
from harness.score.extraction.extract import extract
from harness.score.extraction.fences import fenced_blocks
from harness.score.extraction.program_parts import MAX_PARTS
from harness.score.extraction.recognition import CHECK_COST_CHARS, MAX_CHECKED_CHARS, defines, has_code
from harness.score.kinds.prose import loosened
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
    """The CPU time of scoring a text."""
    return cpu_s(lambda: score(variant, [said(text)], ScriptedSandbox()))


def cpu_s(work: Callable[[], object]) -> float:
    """The CPU time of some work. Other processes do not count, nor does the collection of other tests' garbage."""
    gc.disable()
    start = time.process_time()
    try:
        work()
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


# --- code and edits ---------------------------------------------------------------------------------------------------


FILES = {"a.py": "x = 1\n", "b.py": "y = 1\n"}
RUNS: dict[str, tuple[Callable[[str], object], str, str, str, int]] = {
    "a comment for a path": (lambda text: find_edits(text, FILES), "```python\n# x", " ", "y z\nfoo\n```\n", 1500),
    "a heading for a path": (lambda text: find_edits(text, FILES), "", "the file = ", "x y\n```\nz\n```\n", 60_000),
    "a bracket in a heading": (lambda text: find_edits(text, FILES), "a.py", " (", "\n```\nz\n```\n", 60_000),
    "a sentence with files": (lambda text: find_edits(text, FILES), "", "`a.py a.py ", "\n```\nz\n```\n", 60_000),
    "an indented search mark": (lambda text: find_edits(text, FILES), "", " ", "<<<<<<< SEARCH\n", 60_000),
    "search blocks": (lambda text: find_edits(text, FILES), "", "<<<<< OLD\n=====\n>>>>>\n", "", 100_000),
    "a search mark": (lambda text: find_edits(text, FILES), "<<<<<<< SEARCH", " ", "a b\n", 30_000),
    "a fence above a search mark": (lambda text: find_edits(text, FILES), "", "~", "`\n<<<<<<< SEARCH\n", 30_000),
    "a fence": (fenced_blocks, "", "~", "`", 30_000),
    "a module of Rust": (lambda text: has_code("rust", text), "mod ", "a", "", 24_000),
    "qualifiers of Rust": (lambda text: has_code("rust", text), "", "const\n", "", 60_000),
    "a declaration of Bash": (lambda text: defines("bash", text, "f"), "declare", " ", "", 20_000),
    "imports of Go": (lambda text: has_code("go", text), "import", " ", "x", 40_000),
    "receivers of Go": (lambda text: defines("go", text, "f"), "", "func (\n", "", 60_000),
}
"""What reads a text; what the text begins with, repeats and ends with; its length. Each took time by the square or the
cube of the length."""
PARTS, MAX_GROWTH_OF_PARTS = 4, 8


@pytest.mark.parametrize("name", RUNS)
def test_four_times_the_run_costs_about_four_times_the_time(name: str) -> None:
    read, begin, piece, end, length = RUNS[name]
    texts = [begin + piece * (size // len(piece)) + end for size in (length // PARTS, length)]
    part, whole = (cpu_s(partial(read, text)) for text in texts)
    assert whole <= MAX_GROWTH_OF_PARTS * part + NOISE_S


def test_the_lines_that_the_edits_of_one_answer_compare_are_bounded() -> None:
    lines = 10_000
    missing = "<<<<<<< SEARCH new.py\nq\n=======\nz {}\n>>>>>>> REPLACE\n"
    made = "<<<<<<< SEARCH new.py\n=======\n" + "a\n" * lines + ">>>>>>> REPLACE\n"
    within, beyond = MAX_COMPARED_LINES // (2 * lines) - 2, MAX_COMPARED_LINES // (2 * lines) + 2
    answers = (made + "".join(map(missing.format, range(edits))) for edits in (within, beyond))
    few, many = (apply_edits(find_edits(answer, {}), {}).errors for answer in answers)
    assert set(few) == {"new.py: the old lines are not there: 'q' ..."}
    assert "takes more than" in many[-1]


# --- what is parsed ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("piece", ["```python\n(\n```\n", "```python\ndef f(): pass\n```\n"])
def test_what_is_parsed_of_an_answer_is_bounded(piece: str) -> None:
    answer = text_of(piece, 200_000)
    parsed = calls_of("_parse", lambda: extract(answer, "python", ("f",)))
    assert 0 < parsed <= MAX_CHECKED_CHARS // CHECK_COST_CHARS + MAX_PARTS + 1


def test_what_is_scanned_for_names_of_an_answer_is_bounded() -> None:
    block = "```python\ndef f(): pass\n" + "a=1\n" * 9000 + "```\n"
    few, many = (calls_of("walk", partial(extract, block * blocks, "python", ("f",))) for blocks in (6, 20))
    assert 0 < few == many


# --- phrases that a summary avoids ------------------------------------------------------------------------------------


def calls_of(name: str, work: Callable[[], object]) -> int:
    """How often a function of this name is called in some work."""
    found = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal found
        found += event == "call" and frame.f_code.co_name == name

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return found


@pytest.mark.parametrize("piece", ["4% ", "4%, ", "no longer 4%, ", "It was 4%. It is 4%. "])
def test_a_phrase_that_is_written_without_end_is_looked_at_a_few_times(piece: str) -> None:
    text = text_of(piece, BOUNDS["summarize-long"])
    readings = 1 + len(list(loosened(text)))
    looked_at = calls_of("clauses_around", lambda: score(VARIANTS["summarize-long"], [said(text)], ScriptedSandbox()))
    assert 0 < looked_at <= 20 * readings
