"""Stage 5: a result as text for the terminal, as Markdown for an issue, and as one page. Pure; measures nothing.

All three print the same sections (sections.py): a new section is one function and its line in the tuple there.
"""

from harness.report.github import render_github
from harness.report.page import render_html
from harness.report.text import plain_text, render_text

__all__ = ["plain_text", "render_github", "render_html", "render_text"]
