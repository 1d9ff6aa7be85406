"""A badge of two parts as a static SVG file, in the form that shields.io made usual: `render_badge`."""

from __future__ import annotations

from typing import Literal

from harness.report.html_templates import html_environment

TEMPLATE = "badge.svg.j2"
CHAR_PX, PADDING_PX = 6.6, 12
"""The mean width of a character of the font, and the room beside a text; `textLength` makes other fonts fit."""
MAX_BADGE_CHARS = 60
BadgeState = Literal["good", "open", "bad"]
COLORS: dict[BadgeState, str] = {"good": "#0a7a5c", "open": "#7a4a00", "bad": "#b5482a"}


def render_badge(label: str, message: str, state: BadgeState) -> str:
    """The badge; long texts are cut."""
    label, message = _cut(label), _cut(message)
    return (
        html_environment()
        .get_template(TEMPLATE)
        .render(label=label, message=message, left=_width(label), right=_width(message), color=COLORS[state])
    )


def _cut(text: str) -> str:
    return text if len(text) <= MAX_BADGE_CHARS else f"{text[: MAX_BADGE_CHARS - 1]}\u2026"


def _width(text: str) -> int:
    return round(CHAR_PX * len(text)) + PADDING_PX
