"""Source archives from a package index: what it is sent, and what one that misbehaves leads to."""

import base64
import os
import socketserver
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.errors import DownloadError
from harness.real_bugs.registries import fetch_from_index
from tests.fake_server import running

FILE = "calc-1.0.tar.gz"
PAGE = "/simple/calc-x/"
LOGIN = f"Basic {base64.b64encode(b'user:s3cret/@').decode()}"


@contextmanager
def an_index(pages: Mapping[str, bytes], moved: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str | None]]]:
    """An index with these pages and redirects: its host, and the Authorization that came with each path."""
    seen: dict[str, str | None] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen[self.path] = self.headers["Authorization"]
            self.send_response(302 if self.path in moved else 200 if self.path in pages else 404)
            if self.path in moved:
                self.send_header("Location", moved[self.path])
            self.end_headers()
            self.wfile.write(pages.get(self.path, b""))

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with running(server):
        yield f"127.0.0.1:{server.server_address[1]}", seen


@contextmanager
def a_server_that_writes(reply: bytes) -> Iterator[str]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(reply)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    with running(server):
        yield f"127.0.0.1:{server.server_address[1]}"


def link(href: str) -> bytes:
    return f'<a href="{href}">{FILE}</a>'.encode()


def test_name_and_password_of_the_address_go_to_the_index_alone() -> None:
    with an_index({"/files/calc": b"archive"}, {}) as (other, seen_by_other):
        pages = {PAGE: link("../../a/calc#sha256=1")}
        moved = {"/a/calc": f"http://{other}/files/calc"}
        with an_index(pages, moved) as (host, seen):
            assert fetch_from_index(f"http://user:s3cret%2F%40@{host}/simple/", "Calc_.x", FILE) == b"archive"
        with an_index({PAGE: link(f"http://{other}/files/calc")}, {}) as (host, seen_again):
            assert fetch_from_index(f"http://user:s3cret%2F%40@{host}/simple", "calc-x", FILE) == b"archive"
    assert seen == {PAGE: LOGIN, "/a/calc": LOGIN}
    assert seen_again == {PAGE: LOGIN}
    assert seen_by_other == {"/files/calc": None}


def test_the_index_and_its_password_are_those_of_the_configuration_of_pip() -> None:
    pages = {PAGE: link("/calc"), "/calc": b"archive"}
    call = f"from harness.real_bugs.registries import fetch_from_pypi as f; print(f('calc.x', '1.0', '{FILE}'))"
    with an_index(pages, {}) as (host, seen):
        env = {**os.environ, "PIP_INDEX_URL": f"http://user:s3cret%2F%40@{host}/simple"}
        done = subprocess.run([sys.executable, "-c", call], env=env, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("b'archive'\n", "")
    assert seen == {PAGE: LOGIN, "/calc": LOGIN}


@pytest.mark.parametrize(
    "reply",
    [
        b"\0garbage\r\n\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + link("http://[1"),
        b"HTTP/1.1 200 OK\r\n\r\n" + link("http://user:s3cret@x/y"),
        b"HTTP/1.1 200 OK\r\n\r\n" + link("a b"),
        b"HTTP/1.1 200 OK\r\n\r\n" + link("file:///etc/passwd"),
        b"HTTP/1.1 200 OK\r\n\r\n<![other[",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: gopher://user:s3cret@x/y\r\n\r\n",
        b"HTTP/1.1 404 user:s3cret\r\n\r\n",
    ],
)
def test_an_index_that_misbehaves_is_one_line_without_its_address(reply: bytes) -> None:
    with a_server_that_writes(reply) as host, pytest.raises(DownloadError, match=rf"^{FILE} cannot be") as caught:
        fetch_from_index(f"http://user:s3cret@{host}/simple", "calc-x", FILE)
    assert not [part for part in ("s3cret", host, "\n") if part in str(caught.value)]


@pytest.mark.parametrize("host", ["127.0.0.1:s3cret", "[1", "127.0.0.1:1", "a b", "x" * 70, "", "s3cret..example"])
def test_an_index_whose_address_leads_nowhere_is_one_line_without_it(host: str) -> None:
    with pytest.raises(DownloadError, match=rf"^{FILE} cannot be") as caught:
        fetch_from_index(f"http://user:s3cret@{host}/simple", "calc-x", FILE)
    assert "s3cret" not in str(caught.value)
