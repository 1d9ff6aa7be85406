"""The addresses within a site: `Links` makes them from one page to the others, and to the bundles."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote

from harness.report import Entry
from harness.site.rows import MachineClass, SiteRow

MAX_SLUG_CHARS = 40
_OTHER = re.compile(r"[^a-z0-9]+")


@cache
def slug(text: str) -> str:
    """A file name for any text: what is readable of it, and a digest that keeps like names apart."""
    readable = _OTHER.sub("-", text.lower())[:MAX_SLUG_CHARS].strip("-")
    return f"{readable or 'x'}-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:8]}"


def page_of(folder: str, text: str) -> str:
    """The path of a page within the site."""
    return f"{folder}/{slug(text)}.html"


@dataclass(frozen=True, slots=True)
class Links:
    """Links of one page. `root` is the way to the site's folder, `bundles` has the address of each bundle's file."""

    root: str
    bundles: Mapping[str, str]

    def machine(self, machine: MachineClass) -> Entry:
        """To the page of a class of machines."""
        return Entry(machine.name, href=self.root + page_of("machines", machine.name))

    def model(self, model: str) -> Entry:
        """To the page of a model."""
        return Entry(model, href=self.root + page_of("models", model))

    def server(self, server: str) -> Entry:
        """To the page of a server."""
        return Entry(server, href=self.root + page_of("servers", server))

    def task(self, task: str) -> Entry:
        """To the page of a task."""
        return Entry(task, href=self.root + page_of("tasks", task))

    def result(self, row: SiteRow) -> Entry:
        """To the page of a result, by its date."""
        return Entry(row.started_at[:10], href=self.root + result_page(row.bundle))

    def bundle(self, row: SiteRow) -> Entry:
        """To the bundle itself."""
        address = self.bundles.get(row.bundle)
        is_remote = address is not None and "://" in address
        return Entry(row.file, href=None if address is None else address if is_remote else self.root + address)


def result_page(bundle: str) -> str:
    """The path of a result's page within the site."""
    return f"results/{quote(bundle, safe='')}.html"
