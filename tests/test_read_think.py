"""Thoughts that stay in the text are moved to reasoning, whatever deltas cut their tags, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.read.think import SplitContent, split_thinking


def split_text(text: str, has_reasoning: bool = False) -> tuple[str, str]:
    """Content and thought."""
    result = split_thinking([text], has_reasoning)
    return result.content, result.reasoning


def test_reasoning_at_the_start_is_moved() -> None:
    assert split_text("<think>\nwhy\n</think>\n\nbecause") == ("\n\nbecause", "\nwhy\n")


def test_whitespace_before_the_opening_tag_is_dropped() -> None:
    assert split_text("\n <think>why</think>because") == ("because", "why")


def test_reasoning_without_a_closing_tag_takes_the_whole_text() -> None:
    assert split_thinking(["<think>", "why, and"], has_reasoning=False) == SplitContent("", "why, and", None)


def test_empty_reasoning_leaves_the_content_unchanged() -> None:
    assert split_text("<think>\n\n</think>\n\nx") == ("\n\nx", "\n\n")


@pytest.mark.parametrize(
    "text",
    ["Use <think> to open.", "x <think>why</think> y", "no tags", "<thinking>x</thinking>", "", "a < b", "<think"],
)
def test_a_tag_later_in_the_text_is_content(text: str) -> None:
    assert split_text(text) == (text, "")


def test_a_second_think_tag_is_content() -> None:
    assert split_text("<think>a</think>b<think>c</think>d") == ("b<think>c</think>d", "a")


def test_reasoning_opened_by_the_template_ends_at_the_closing_tag() -> None:
    assert split_text("why\n</think>\n\nbecause") == ("\n\nbecause", "why\n")
    assert split_text("why</think>because") == ("because", "why")
    assert split_text("</think>because") == ("because", "")


def test_a_closing_tag_quoted_as_code_ends_no_reasoning() -> None:
    for text in ('re.sub("</think>", "")', "the `</think>` tag", "```\nx</think>y\n```\nz", "say '</think>'"):
        assert split_text(text) == (text, "")


def test_reasoning_that_quotes_the_closing_tag_ends_at_the_bare_one() -> None:
    assert split_text("strip `</think>` first\n```\na</think>\n```\n</think>ok") == (
        "ok",
        "strip `</think>` first\n```\na</think>\n```\n",
    )


def test_a_closing_tag_is_content_if_the_server_sent_reasoning_itself() -> None:
    assert split_text("a</think>b", has_reasoning=True) == ("a</think>b", "")
    assert split_text("<think>a</think>b", has_reasoning=True) == ("b", "a")


def test_first_delta_holds_the_first_character_after_the_reasoning() -> None:
    assert split_thinking(["<thi", "nk>why", "</th", "ink>", "", "\n", "x"], has_reasoning=False).first_delta == 5
    assert split_thinking(["<think>why</think>x"], has_reasoning=False).first_delta == 0
    assert split_thinking(["a", "b"], has_reasoning=False).first_delta == 0
    assert split_thinking(["<think>why</think>"], has_reasoning=False).first_delta is None
    assert split_thinking([], has_reasoning=False).first_delta is None


_TEXTS = st.lists(st.sampled_from(["<think>", "</think>", "```", "`", "\n", "a", " ", "<", "think>"]), max_size=12)


@given(_TEXTS, st.lists(st.integers(1, 5), min_size=1, max_size=6), st.booleans())
def test_the_result_does_not_depend_on_where_deltas_cut_the_text(
    pieces: list[str], sizes: list[int], has_reasoning: bool
) -> None:
    text, at = "".join(pieces), 0
    deltas: list[str] = []
    while at < len(text):
        size = sizes[len(deltas) % len(sizes)]
        deltas.append(text[at : at + size])
        at += size
    whole, cut = split_thinking([text], has_reasoning), split_thinking(deltas, has_reasoning)
    assert (whole.content, whole.reasoning) == (cut.content, cut.reasoning)
    if cut.first_delta is not None:
        before = sum(map(len, deltas[: cut.first_delta]))
        assert before <= len(text) - len(cut.content) < before + len(deltas[cut.first_delta])


@given(_TEXTS, st.booleans())
def test_nothing_but_the_tags_and_leading_whitespace_is_lost(pieces: list[str], has_reasoning: bool) -> None:
    text = "".join(pieces)
    result = split_thinking([text], has_reasoning)
    assert text.endswith(result.content)
    removed, reasoning = text[: len(text) - len(result.content)].lstrip(), result.reasoning
    assert (
        removed in ("", f"<think>{reasoning}", f"<think>{reasoning}</think>")
        or removed == f"{reasoning}</think>".lstrip()
    )
