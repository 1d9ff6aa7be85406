"""A server of git repositories over HTTPS on this machine: `git http-backend` behind an HTTP server."""

import os
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from tests.fake_server import running
from tests.time_authority import KEY


def _make_certificate(folder: Path) -> None:
    subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    words = ("req", "-x509", *KEY, "-keyout", "server.key", "-out", "server.pem", *subject, "-days", "9")
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def _call_backend(repositories: Path, handler: BaseHTTPRequestHandler) -> bytes:
    """What the backend answers, by CGI: headers, an empty line, a body."""
    url = urlsplit(handler.path)
    environment = {
        **os.environ,
        "GIT_PROJECT_ROOT": str(repositories),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_PROTOCOL": handler.headers.get("Git-Protocol", ""),
        "PATH_INFO": url.path,
        "QUERY_STRING": url.query,
        "REQUEST_METHOD": handler.command,
        "CONTENT_TYPE": handler.headers.get("Content-Type", ""),
        "HTTP_CONTENT_ENCODING": handler.headers.get("Content-Encoding", ""),
    }
    body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
    environment["CONTENT_LENGTH"] = str(len(body))
    done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, check=True, env=environment)
    return done.stdout


@contextmanager
def serve_repositories(repositories: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """Serve the repositories below a folder; the address and its certificate, which is made in `folder`."""
    _make_certificate(folder)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            head, _, body = _call_backend(repositories, self).partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self.send_response(int(headers.pop("Status", "200").split()[0]))
            # Where the length is not known, TLS would have to tell the end, which http.server does not do.
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with running(server):
        yield f"https://localhost:{server.server_port}", folder / "server.pem"
