"""A local web page on which a person judges the pairs: a server on the loopback interface, for one judge.

`serve_page` serves until every pair is judged. The address carries a random token, so that no other user or web page
of the machine can vote; nothing is requested from anywhere else, and each vote is on the disk before the next pair is
shown.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qs

from harness.judge.folder import JudgingFolder
from harness.report import VOTE_BUTTONS, BallotPage, render_ballot_page
from harness.types import Vote

MAX_BODY_BYTES = 4096
POLL_S = 0.05
_VOTES: dict[str, Vote] = {button.vote: button.vote for button in VOTE_BUTTONS}


def serve_page(folder: JudgingFolder, judge: str, on_ready: Callable[[str], None], done_note: str = "") -> None:
    """Serve the pairs that are left until all are judged; `on_ready` is given the address.

    `done_note` is shown at the end. Raises RunError if another process casts votes, or the judging is revealed.
    """
    with folder.session():
        server = _Server(folder, judge, done_note)
        thread = threading.Thread(target=server.serve_forever, args=(POLL_S,), daemon=True)
        thread.start()
        try:
            on_ready(server.url)
            # In pieces, so that Ctrl-C is noticed.
            while not server.finished.wait(0.2) and server.failure is None:
                pass
        finally:
            server.shutdown()
            server.server_close()
    if server.failure is not None:
        raise server.failure


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder: JudgingFolder, judge: str, done_note: str) -> None:
        self.folder, self.judge, self.done_note = folder, judge, done_note
        self.token = secrets.token_urlsafe(24)
        self.finished = threading.Event()
        self.failure: Exception | None = None
        self.voting = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        # HTTPServer.server_bind resolves the host's full name, which can take seconds.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    @property
    def origin(self) -> str:
        """The scheme, host and port of the page."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"{self.origin}/{self.token}/"

    def cast(self, form: dict[str, list[str]]) -> None:
        """Cast the vote of a form, if it is on the pair that is shown: a second click must not vote on the next one."""
        vote, guess = _VOTES.get(form.get("vote", [""])[0]), form.get("guess", [""])[0]
        with self.voting:
            pending = self.folder.pending(self.judge)
            if vote is None or not pending or form.get("pair") != [pending[0].id]:
                return
            labels = {contestant.label for contestant in self.folder.sheet.contestants}
            known = guess if pending[0].asks_guess and guess in labels else None
            try:
                self.folder.cast(self.judge, pending[0], vote, known)
            except Exception as error:
                self.failure = error
                raise

    def page(self) -> BallotPage:
        """What is shown now."""
        sheet, pending = self.folder.sheet, self.folder.pending(self.judge)
        done = len(sheet.pairs) - len(pending)
        if not pending:
            return BallotPage("All pairs are judged", self.done_note, done, len(sheet.pairs))
        pair, texts = pending[0], self.folder.texts
        return BallotPage(
            f"Which answer is better? Pair {done + 1} of {len(sheet.pairs)}",
            "Every vote is saved at once and cannot be taken back. You may stop at any time and go on later.",
            done,
            len(sheet.pairs),
            pair.id,
            prompt=_rows(texts[pair.prompt_sha256]),
            left=_rows(texts[pair.left_sha256]),
            right=_rows(texts[pair.right_sha256]),
            guesses=tuple(contestant.label for contestant in sheet.contestants) if pair.asks_guess else (),
        )


def _rows(text: str) -> tuple[str, ...]:
    return tuple(text.expandtabs().split("\n"))


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "lanebench"
    sys_version = ""

    def log_message(self, format: str, *args: Any) -> None:
        """Suppress the access log: the address has the token."""

    def do_GET(self) -> None:
        """Send the page."""
        if not self._is_allowed(f"/{self.server.token}/"):
            self._send(404, "Not found.\n", "text/plain")
            return
        nonce, page = secrets.token_urlsafe(16), self.server.page()
        self._send(200, render_ballot_page(page, nonce), "text/html", nonce)
        if not page.pair:
            self.server.finished.set()

    def do_POST(self) -> None:
        """Take a vote and show the next pair."""
        length = self.headers.get("Content-Length", "")
        is_small = length.isdecimal() and int(length) <= MAX_BODY_BYTES
        if not is_small or not self._is_allowed(f"/{self.server.token}/vote"):
            self.close_connection = True
            self._send(403, "Refused.\n", "text/plain")
            return
        self.server.cast(parse_qs(self.rfile.read(int(length)).decode("utf-8", "replace")))
        self.send_response(303)
        self.send_header("Location", "./")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _is_allowed(self, path: str) -> bool:
        """Whether a request has the token, and is of this page: other sites can make a browser send requests here."""
        origin = self.headers.get("Origin")
        is_own = self.headers.get("Host") == self.server.origin.removeprefix("http://")
        has_token = secrets.compare_digest(self.path.encode(), path.encode())
        return is_own and has_token and origin in (None, self.server.origin)

    def _send(self, status: int, text: str, kind: str, nonce: str = "") -> None:
        data = text.encode("utf-8", "replace")
        policy = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src data:; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        self.send_response(status)
        for name, value in (
            ("Content-Type", f"{kind}; charset=utf-8"),
            ("Content-Length", str(len(data))),
            ("Content-Security-Policy", policy),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "same-origin"),
            ("X-Content-Type-Options", "nosniff"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
