"""How a source archive is fetched from its registry, by the client that the user has configured: pip's index, npm.

REGISTRIES, at the end of this file, has a function for each. pip itself would run a source package's build to learn its
metadata, so only its configuration is asked for: which index it uses. The archive is found there by its file's name.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path

from harness.embedded import package_client
from harness.errors import DownloadError
from harness.sandbox import run_npm

MAX_BYTES = 64 << 20
TIMEOUT_S = 60.0
_INDEX_OPTION = re.compile(r"--index-url.*?\(default (\S+?)\)", re.DOTALL)
_WIDE = {"COLUMNS": "4000"}
"""pip breaks the lines of its help at this width, and with them the address of its index."""


class _Links(HTMLParser):
    """The links of a page of the index, by the text that they stand under: the file's name."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._href = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember where the next text leads."""
        self._href = dict(attrs).get("href") or "" if tag == "a" else ""

    def handle_data(self, data: str) -> None:
        """Take the text of a link."""
        if self._href and data.strip():
            self.found[data.strip()] = self._href


def fetch_from_pypi(package: str, version: str, file: str) -> bytes:
    """The source archive from the index that pip uses. Raises DownloadError."""
    del version
    page = urllib.parse.urljoin(f"{_index_address().rstrip('/')}/", f"{re.sub('[-_.]+', '-', package).lower()}/")
    links = _Links()
    links.feed(_get(page, file).decode("utf-8", "replace"))
    if file not in links.found:
        raise DownloadError(f"{file} cannot be downloaded: the package index that pip uses does not list it")
    return _get(urllib.parse.urljoin(page, links.found[file]), file)


def _index_address() -> str:
    """The address of pip's index, as pip states it in the help of its option."""
    command = (*package_client(), "download", "--help")
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **_WIDE})
    found = _INDEX_OPTION.search(done.stdout)
    if found is None or urllib.parse.urlsplit(found[1]).scheme not in ("http", "https"):
        raise DownloadError("pip does not say which package index it uses", fix="pip config debug")
    return found[1]


def _get(address: str, file: str) -> bytes:
    """What an address of the index gives. Raises DownloadError, which does not show the address."""
    if urllib.parse.urlsplit(address).scheme not in ("http", "https"):
        raise DownloadError(f"{file} cannot be downloaded: the package index gives an address of another kind")
    request = urllib.request.Request(address, headers={"Accept": "text/html"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            data: bytes = response.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise DownloadError(f"{file} cannot be downloaded: {reason}") from error
    if len(data) > MAX_BYTES:
        raise DownloadError(f"{file} cannot be downloaded: it is over {MAX_BYTES >> 20} MiB")
    return data


def fetch_from_npm(package: str, version: str, file: str) -> bytes:
    """The package's archive as this machine's npm fetches it, whose scripts do not run. Raises DownloadError."""
    with tempfile.TemporaryDirectory(prefix="lanebench-") as folder:
        run_npm(["pack", "--ignore-scripts", "--loglevel=error", f"{package}@{version}"], Path(folder))
        path = Path(folder) / file
        if not path.is_file():
            raise DownloadError(f"{file} cannot be downloaded: npm gave no such file")
        return path.read_bytes()


Fetcher = Callable[[str, str, str], bytes]
REGISTRIES: Mapping[str, Fetcher] = {"pypi": fetch_from_pypi, "npm": fetch_from_npm}
