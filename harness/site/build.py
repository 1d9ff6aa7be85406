"""Builds a site: `build_site` writes its data, its pages and its feed into a folder."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from harness.collection import Collection, QueryLimits, open_site, write_site_data
from harness.report import Feed, FeedEntry, render_feed, render_site_page
from harness.site.folder import SiteFolder
from harness.site.links import result_page
from harness.site.pages import SiteData, read_site, site_pages

DATA = "site.parquet"
LIMITS = QueryLimits(seconds=24 * 3600.0)
"""Of the kit's own statements, whose rows are read while pages are written."""
FEED_TITLE = "Results of local models, by Lanebench"
EPOCH = "1970-01-01T00:00:00+00:00"
MAX_FEED_ENTRIES = 50
MAX_TITLE_CHARS, MAX_SUMMARY_CHARS = 200, 600


@dataclass(frozen=True, slots=True)
class SiteRequest:
    """What to build and where.

    `bundle_url` is the address of the folder of bundles; without it pages link to the files where they are now. The
    feed needs `url`, the address at which the site will be.
    """

    collection: Collection
    out: Path
    bundle_url: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class SiteReport:
    """What a build did; `notes` name the results that were left out or are dated in the future."""

    results: int
    pages: int
    changed: int
    notes: tuple[str, ...] = ()


def build_site(request: SiteRequest) -> SiteReport:
    """Build the site. Raises ConfigError without DuckDB, RunError for a folder that is no site's, and DiskError."""
    folder = SiteFolder(request.out)
    with tempfile.TemporaryDirectory(prefix="lanebench-") as temporary:
        path = Path(temporary) / DATA
        notes = write_site_data(request.collection, path)
        folder.put(DATA, path.read_bytes())
        with open_site(path, LIMITS) as database:
            data = read_site(database, _addresses(request))
            pages = 0
            for name, page in site_pages(data):
                folder.put(name, render_site_page(page).encode("utf-8", "replace"))
                pages += 1
    folder.put("feed.xml", render_feed(_feed(data, request.url)).encode("utf-8", "replace"))
    folder.finish()
    return SiteReport(len({row.bundle for row in data.models}), pages, folder.changed, notes)


def _addresses(request: SiteRequest) -> Mapping[str, str]:
    """The address of each bundle: with a host, from the root of the site's host, or from the site's folder.

    Below the address of a host there is one bundle of a name: two of the same name, from two folders, have none.
    """
    results, base, out = request.collection.results, request.bundle_url.rstrip("/"), request.out.absolute()
    if not request.bundle_url:
        return {
            each.record.bundle: quote(os.fsencode(os.path.relpath(each.path.absolute(), out).replace(os.sep, "/")))
            for each in results
        }
    names = Counter(each.path.name for each in results)
    return {
        each.record.bundle: f"{base}/{quote(os.fsencode(each.path.name), safe='')}"
        for each in results
        if names[each.path.name] == 1
    }


def _feed(data: SiteData, url: str) -> Feed:
    address = f"{url.rstrip('/')}/" if url else ""
    rows = list({row.bundle: row for row in reversed(data.models)}.values())[::-1][:MAX_FEED_ENTRIES]
    texts: dict[str, list[str]] = {}
    for answer in data.answers:
        texts.setdefault(answer.bundle, []).append(f"{answer.lane}: {answer.text}")
    labels: dict[str, list[str]] = {}
    for row in data.models:
        labels.setdefault(row.bundle, []).append(row.label)
    entries = [
        FeedEntry(
            f"urn:lanebench:{row.bundle}",
            f"{data.machines[row.machine]}: {', '.join(labels[row.bundle])}"[:MAX_TITLE_CHARS],
            row.started_at,
            result_page(row.bundle),
            " ".join(texts.get(row.bundle, ()))[:MAX_SUMMARY_CHARS],
        )
        for row in rows
    ]
    return Feed(address or "urn:lanebench:site", FEED_TITLE, rows[0].started_at if rows else EPOCH, address, entries)
