"""The pages of a site of many results: `render_site_page` gives one page, `render_feed` its Atom feed.

Styles, tables and policy are those of a result's page; every string is escaped as there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.elements import Entry, Section
from harness.report.html_templates import html_environment
from harness.report.page.scripts import asset, policy

PAGE_TEMPLATE, FEED_TEMPLATE = "site_page.html.j2", "feed.xml.j2"
SCRIPTS = ("tables.js", "site.js")


@dataclass(frozen=True, slots=True)
class LaneVerdict:
    """The answer for one lane: what is picked, how sure that is, why, what it rests on, and how far it was verified."""

    lane: str
    pick: str
    state: str
    text: str
    note: str = ""
    level: str = ""


@dataclass(frozen=True, slots=True)
class SiteCard:
    """The answers of one machine or of one result."""

    title: Entry
    verdicts: tuple[LaneVerdict, ...]


@dataclass(frozen=True, slots=True)
class SitePage:
    """One page. `root` is the way to the site's folder ("" or "../"); `dimension` says what the page is one of.

    `bundle_file` is the file that a reader of the page can verify, as the shell takes it. `is_alone`: there is no site
    around it.
    """

    title: str
    root: str
    dimension: str = ""
    facts: tuple[tuple[str, Entry], ...] = ()
    cards_title: str = ""
    cards_lead: str = ""
    cards: tuple[SiteCard, ...] = ()
    sections: tuple[Section, ...] = ()
    bundle_file: str = ""
    is_alone: bool = False


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One result in the feed; `path` is its page within the site, `updated` a moment of RFC 3339."""

    id: str
    title: str
    updated: str
    path: str
    summary: str


@dataclass(frozen=True, slots=True)
class Feed:
    """The newest results; `address` is that of the site with a slash at its end, or "" for relative links."""

    id: str
    title: str
    updated: str
    address: str
    entries: Sequence[FeedEntry]


def render_site_page(page: SitePage) -> str:
    """The page as HTML."""
    scripts, style = [asset(name) for name in SCRIPTS], asset("page.css")
    return (
        html_environment()
        .get_template(PAGE_TEMPLATE)
        .render(page=page, scripts=scripts, style=style, policy=policy(scripts, [style]))
    )


def render_feed(feed: Feed) -> str:
    """The feed as Atom (RFC 4287)."""
    return html_environment().get_template(FEED_TEMPLATE).render(feed=feed)
