"""The page on which a person judges one pair of answers: `render_ballot_page` gives its HTML.

It is escaped as the report is. Answers are shown as text, whatever they contain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from harness.report.html_templates import html_environment
from harness.types import Vote

TEMPLATE = "ballot_page.html.j2"


class VoteButton(NamedTuple):
    """A vote, the key that casts it, and its label."""

    vote: Vote
    key: str
    text: str


VOTE_BUTTONS = (
    VoteButton("left", "a", "A is better"),
    VoteButton("right", "b", "B is better"),
    VoteButton("tie", "t", "Tie"),
    VoteButton("both_bad", "n", "Neither is usable"),
    VoteButton("cannot_judge", "c", "Can't judge"),
)


@dataclass(frozen=True, slots=True)
class BallotPage:
    """What the page shows: how far the judge is, and a pair; no pair where all are judged.

    `guesses` are the contestants to choose from where the judge is asked for the author of A.
    """

    heading: str
    note: str
    done: int
    total: int
    pair: str = ""
    prompt: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    guesses: tuple[str, ...] = ()
    buttons: tuple[VoteButton, ...] = VOTE_BUTTONS


def render_ballot_page(page: BallotPage, nonce: str) -> str:
    """The page; `nonce` is that of its content security policy."""
    return html_environment().get_template(TEMPLATE).render(page=page, nonce=nonce)
