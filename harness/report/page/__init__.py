"""The page `report.html` and its pictures: outline, charts, answers, and the files that a browser runs."""

from harness.report.page.first_view import STATE_WORDS
from harness.report.page.pictures import FileFormat, card_svg, draw_card, draw_charts
from harness.report.page.render import render_html

__all__ = ["STATE_WORDS", "FileFormat", "card_svg", "draw_card", "draw_charts", "render_html"]
