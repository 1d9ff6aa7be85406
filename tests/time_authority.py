"""A time-stamp authority of RFC 3161 on this machine: `openssl ts` behind an HTTP server, with a root of its own."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.fake_server import running

CONFIG = """\
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
{chain}
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = yes
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
EXTENSIONS = "extendedKeyUsage = critical,timeStamping\nkeyUsage = critical,digitalSignature\n"
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True)
class TimeAuthority:
    """A running authority: its address, and its root certificate."""

    url: str
    root: Path


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def make_root(folder: Path) -> Path:
    """Make a root certificate; returns its path."""
    _openssl(
        folder, "req", "-x509", *KEY, "-keyout", "root.key", "-out", "root.pem", "-subj", "/CN=a root", "-days", "9"
    )
    return folder / "root.pem"


def _make_authority(folder: Path, *, adds_chain: bool) -> None:
    chain = f"certs = {folder}/root.pem" if adds_chain else ""
    (folder / "extensions").write_text(EXTENSIONS)
    (folder / "tsa.conf").write_text(CONFIG.format(folder=folder, chain=chain))
    (folder / "serial").write_text("01\n")
    _openssl(folder, "req", *KEY, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=an authority")
    signed = ("-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-out", "tsa.pem")
    _openssl(folder, "x509", "-req", *signed, "-days", "9", "-extfile", "extensions")


@contextmanager
def serve_time_authority(folder: Path, *, adds_chain: bool = False) -> Iterator[TimeAuthority]:
    """Run an authority whose keys are in a new folder. `adds_chain`: its stamps have two certificates, not sorted."""
    root = make_root(folder)
    _make_authority(folder, adds_chain=adds_chain)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            (folder / "query").write_bytes(query)
            _openssl(folder, "ts", "-reply", "-config", "tsa.conf", "-queryfile", "query", "-out", "reply")
            reply = (folder / "reply").read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with running(server):
        yield TimeAuthority(f"http://127.0.0.1:{server.server_port}/tsr", root)
