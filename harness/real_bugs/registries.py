"""How a source archive is fetched: a Python package from pip's index over HTTP, a JavaScript package by npm.

REGISTRIES, at the end of this file, has a function for each. pip itself would run a source package's build to learn its
metadata, so only its configuration is asked for: which index it uses, with which name and password. The archive is
found there by its file's name. Proxies and certificates are those of the environment, as urllib reads it; pip's own
options for them, netrc files and keyrings are not read.
"""

from __future__ import annotations

import ast
import base64
import http.client
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
_CONFIGURED = re.compile(r"^(?::env:|download|global)\.index-url=(.+)$", re.MULTILINE)
"""Lines of `pip config list`, which sorts them: the first that has a value is the one that `pip download` uses."""
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
    return fetch_from_index(_index_address(), package, file)


def fetch_from_index(index: str, package: str, file: str) -> bytes:
    """The source archive from an index, whose address may have a user's name and password in it.

    Raises DownloadError, whose message shows no address.
    """
    try:
        address, login = _without_login(index)
        page = urllib.parse.urljoin(f"{address.rstrip('/')}/", f"{re.sub('[-_.]+', '-', package).lower()}/")
        links = _links(_get(page, login, file))
        if file not in links:
            raise DownloadError(f"{file} cannot be downloaded: the package index that pip uses does not list it")
        link = urllib.parse.urljoin(page, links[file])
        return _get(link, login if _origin(link) == _origin(page) else None, file)
    # A server or a proxy that does not speak HTTP is an HTTPException, an address that cannot be read a ValueError.
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise DownloadError(f"{file} cannot be downloaded: {_reason(error)}") from error


def _index_address() -> str:
    """The address of pip's index: from its configuration, else the default that the help of its option states.

    The help alone would not do, since it hides passwords.
    """
    for value in _CONFIGURED.findall(_pip_output("config", "list")):
        if found := str(ast.literal_eval(value)):
            return found
    default = _INDEX_OPTION.search(_pip_output("download", "--help"))
    if default is None:
        raise DownloadError("pip does not say which package index it uses", fix="pip config debug")
    return default[1]


def _pip_output(*words: str) -> str:
    command, env = (*package_client(), *words), {**os.environ, **_WIDE}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env).stdout


def _without_login(address: str) -> tuple[str, str | None]:
    """An address without name and password, and the header's value that sends them; None where it has none."""
    parts = urllib.parse.urlsplit(address)
    login, _, host = parts.netloc.rpartition("@")
    if not login:
        return address, None
    name, _, password = login.partition(":")
    text = f"{urllib.parse.unquote(name)}:{urllib.parse.unquote(password)}"
    return parts._replace(netloc=host).geturl(), f"Basic {base64.b64encode(text.encode()).decode('ascii')}"


def _origin(address: str) -> tuple[str, str]:
    parts = urllib.parse.urlsplit(address)
    return parts.scheme, parts.netloc


def _links(page: bytes) -> dict[str, str]:
    links = _Links()
    try:
        links.feed(page.decode("utf-8", "replace"))
    except AssertionError as error:
        # This is how the standard library's parser ends at marked sections that it does not know.
        raise ValueError("the page cannot be parsed") from error
    return links.found


def _get(address: str, login: str | None, file: str) -> bytes:
    """What an address of the index gives. Raises DownloadError, OSError, ValueError, HTTPException."""
    if urllib.parse.urlsplit(address).scheme not in ("http", "https"):
        raise DownloadError(f"{file} cannot be downloaded: the package index has an address of another kind than HTTP")
    request = urllib.request.Request(address, headers={"Accept": "text/html"})
    if login is not None:
        # Where a redirect leads, nobody knows: the password stays here.
        request.add_unredirected_header("Authorization", login)
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
        data: bytes = response.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise DownloadError(f"{file} cannot be downloaded: it is over {MAX_BYTES >> 20} MiB")
    return data


def _reason(error: Exception) -> str:
    """Why an index gave nothing, in words that hold no address: those of Python's own errors may have the password."""
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        return f"the package index answers with the HTTP status {error.code}"
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, OSError):
        return str(reason)
    return "the package index, or a proxy before it, gives an address or a response that is not valid"


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
