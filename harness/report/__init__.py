"""Stage 5: render a result as text for the terminal, as Markdown for an issue, and as one HTML page.

All three renderers print the sections of sections.py: a new section is one function and its row in SECTIONS there.
tabulate and jinja2 are imported inside the functions that use them, so that importing this package stays fast.
"""

from harness.report.answers import LaneAnswer, lane_answers
from harness.report.badge import MAX_BADGE_CHARS, BadgeState, render_badge
from harness.report.ballot_page import VOTE_BUTTONS, BallotPage, VoteButton, render_ballot_page
from harness.report.brief import answer_changing_warnings, render_brief, render_brief_lanes, warning_texts
from harness.report.compact import (
    MAX_LINES,
    WIDTH,
    closing_lines,
    cut,
    display_width,
    fit,
    fit_whole,
    table_lines,
    wrap_display,
)
from harness.report.elements import Entry, Section, Table, text_row
from harness.report.escaping import plain_lines, plain_text
from harness.report.formatting import (
    MISSING,
    format_bytes,
    format_estimate,
    format_machine,
    format_pass_rate,
    format_percent,
    format_seconds,
    format_seconds_estimate,
)
from harness.report.judging import blind_judging
from harness.report.markdown import markdown_text, render_github, render_markdown_sections
from harness.report.page import STATE_WORDS, FileFormat, card_svg, draw_card, draw_charts, render_html
from harness.report.sections import standing_section
from harness.report.selection import lanes
from harness.report.session_page import PageTable, SessionPage, TimelineBar, TimelineLane, render_session_page
from harness.report.site_page import (
    Feed,
    FeedEntry,
    LaneVerdict,
    SiteCard,
    SitePage,
    render_feed,
    render_site_page,
)
from harness.report.terminal import render_text, render_text_sections

__all__ = [
    "MAX_BADGE_CHARS",
    "MAX_LINES",
    "MISSING",
    "STATE_WORDS",
    "VOTE_BUTTONS",
    "WIDTH",
    "BadgeState",
    "BallotPage",
    "Entry",
    "Feed",
    "FeedEntry",
    "FileFormat",
    "LaneAnswer",
    "LaneVerdict",
    "PageTable",
    "Section",
    "SessionPage",
    "SiteCard",
    "SitePage",
    "Table",
    "TimelineBar",
    "TimelineLane",
    "VoteButton",
    "answer_changing_warnings",
    "blind_judging",
    "card_svg",
    "closing_lines",
    "cut",
    "display_width",
    "draw_card",
    "draw_charts",
    "fit",
    "fit_whole",
    "format_bytes",
    "format_estimate",
    "format_machine",
    "format_pass_rate",
    "format_percent",
    "format_seconds",
    "format_seconds_estimate",
    "lane_answers",
    "lanes",
    "markdown_text",
    "plain_lines",
    "plain_text",
    "render_badge",
    "render_ballot_page",
    "render_brief",
    "render_brief_lanes",
    "render_feed",
    "render_github",
    "render_html",
    "render_markdown_sections",
    "render_session_page",
    "render_site_page",
    "render_text",
    "render_text_sections",
    "standing_section",
    "table_lines",
    "text_row",
    "warning_texts",
    "wrap_display",
]
