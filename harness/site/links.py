"""The addresses within a site: `Links` makes them from one page to the others, and to the bundles."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import quote

from harness.files import sha256_of, to_json
from harness.report import Entry
from harness.site.rows import MachineClass, SiteRow
from harness.types import Json

MAX_SLUG_CHARS = 40
DIGEST_DIGITS = 16
_OTHER = re.compile(r"[^a-z0-9]+")
PageKey = tuple[Json, ...]
"""The values that the rows of a page have in common, which no other page has."""


@cache
def slug(text: str, key: PageKey) -> str:
    """A file name: what is readable of a text, and a digest of the page's key, since two keys can have one text."""
    readable = _OTHER.sub("-", text.lower())[:MAX_SLUG_CHARS].strip("-")
    return f"{readable or 'x'}-{sha256_of(to_json(key))[:DIGEST_DIGITS]}"


def page_of(folder: str, text: str, key: PageKey) -> str:
    """The path of a page within the site."""
    return f"{folder}/{slug(text, key)}.html"


@dataclass(frozen=True, slots=True)
class Links:
    """Links of one page.

    `root` is the way to the site's folder, `bundles` has the address of each bundle's file, `machines` what classes of
    machines are called beside each other.
    """

    root: str
    bundles: Mapping[str, str]
    machines: Mapping[MachineClass, str] = field(default_factory=dict)

    def machine(self, machine: MachineClass) -> Entry:
        """To the page of a class of machines."""
        path = page_of("machines", machine.name, tuple(machine))
        return Entry(self.machines.get(machine, machine.name), href=self.root + path)

    def model(self, model: str) -> Entry:
        """To the page of a model."""
        return self._named("models", model)

    def server(self, server: str) -> Entry:
        """To the page of a server."""
        return self._named("servers", server)

    def task(self, task: str) -> Entry:
        """To the page of a task."""
        return self._named("tasks", task)

    def result(self, row: SiteRow) -> Entry:
        """To the page of a result, by its date."""
        return Entry(row.started_at[:10], href=self.root + result_page(row.bundle))

    def bundle(self, row: SiteRow) -> Entry:
        """To the bundle itself."""
        address = self.bundles.get(row.bundle)
        # An address of another host or from the root of this one is the same on every page.
        if address is not None and not address.startswith("/") and "://" not in address:
            address = self.root + address
        return Entry(row.file, href=address)

    def _named(self, folder: str, name: str) -> Entry:
        return Entry(name, href=self.root + page_of(folder, name, (name,)))


def result_page(bundle: str) -> str:
    """The path of a result's page within the site."""
    return f"results/{quote(bundle, safe='')}.html"
