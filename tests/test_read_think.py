"""Thoughts that stay in the text are moved to reasoning, whatever deltas cut their tags, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.read.think import Parted, part


def parted(text: str, reasoned: bool = False) -> tuple[str, str]:
    """Content and thought."""
    result = part([text], reasoned)
    return result.content, result.thought


def test_a_thought_at_the_very_start_is_moved() -> None:
    assert parted("<think>\nwhy\n</think>\n\nbecause") == ("\n\nbecause", "\nwhy\n")


def test_white_space_before_the_thought_goes_with_its_tag() -> None:
    assert parted("\n <think>why</think>because") == ("because", "why")


def test_a_thought_without_an_end_is_all_thought() -> None:
    assert part(["<think>", "why, and"], reasoned=False) == Parted("", "why, and", None)


def test_an_empty_thought_leaves_the_content_alone() -> None:
    assert parted("<think>\n\n</think>\n\nx") == ("\n\nx", "\n\n")


@pytest.mark.parametrize(
    "text",
    ["Use <think> to open.", "x <think>why</think> y", "no tags", "<thinking>x</thinking>", "", "a < b", "<think"],
)
def test_a_tag_later_in_the_text_is_content(text: str) -> None:
    assert parted(text) == (text, "")


def test_a_second_thought_is_content() -> None:
    assert parted("<think>a</think>b<think>c</think>d") == ("b<think>c</think>d", "a")


def test_a_thought_that_the_template_opened_ends_at_its_closer() -> None:
    assert parted("why\n</think>\n\nbecause") == ("\n\nbecause", "why\n")
    assert parted("why</think>because") == ("because", "why")
    assert parted("</think>because") == ("because", "")


def test_a_closer_that_is_shown_as_code_ends_no_thought() -> None:
    for text in ('re.sub("</think>", "")', "the `</think>` tag", "```\nx</think>y\n```\nz", "say '</think>'"):
        assert parted(text) == (text, "")


def test_a_thought_that_shows_the_closer_as_code_ends_at_the_bare_one() -> None:
    assert parted("strip `</think>` first\n```\na</think>\n```\n</think>ok") == (
        "ok",
        "strip `</think>` first\n```\na</think>\n```\n",
    )


def test_a_closer_is_content_where_the_server_parts_the_thought_itself() -> None:
    assert parted("a</think>b", reasoned=True) == ("a</think>b", "")
    assert parted("<think>a</think>b", reasoned=True) == ("b", "a")


def test_the_first_content_is_the_delta_with_the_first_character_after_the_thought() -> None:
    assert part(["<thi", "nk>why", "</th", "ink>", "", "\n", "x"], reasoned=False).first == 5
    assert part(["<think>why</think>x"], reasoned=False).first == 0
    assert part(["a", "b"], reasoned=False).first == 0
    assert part(["<think>why</think>"], reasoned=False).first is None
    assert part([], reasoned=False).first is None


_TEXTS = st.lists(st.sampled_from(["<think>", "</think>", "```", "`", "\n", "a", " ", "<", "think>"]), max_size=12)


@given(_TEXTS, st.lists(st.integers(1, 5), min_size=1, max_size=6), st.booleans())
def test_where_deltas_cut_the_text_changes_neither_part(pieces: list[str], sizes: list[int], reasoned: bool) -> None:
    text, at = "".join(pieces), 0
    deltas: list[str] = []
    while at < len(text):
        size = sizes[len(deltas) % len(sizes)]
        deltas.append(text[at : at + size])
        at += size
    whole, cut = part([text], reasoned), part(deltas, reasoned)
    assert (whole.content, whole.thought) == (cut.content, cut.thought)
    if cut.first is not None:
        before = sum(map(len, deltas[: cut.first]))
        assert before <= len(text) - len(cut.content) < before + len(deltas[cut.first])


@given(_TEXTS, st.booleans())
def test_nothing_is_lost_but_the_tags_and_the_space_before_them(pieces: list[str], reasoned: bool) -> None:
    text = "".join(pieces)
    result = part([text], reasoned)
    assert text.endswith(result.content)
    removed, thought = text[: len(text) - len(result.content)].lstrip(), result.thought
    assert removed in ("", f"<think>{thought}", f"<think>{thought}</think>") or removed == f"{thought}</think>".lstrip()
