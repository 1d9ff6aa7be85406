"""The four calls of a container, to the real engine over its socket, TCP and TLS, and to servers that are no engine."""

import contextlib
import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.errors import EngineError
from harness.sandbox import DockerSandbox, Engine, ensure_engine, open_sandbox
from harness.sandbox.baseline import run_bare_container
from harness.sandbox.cleanup import OWNER_LABEL
from harness.sandbox.endpoints import EngineEndpoint
from harness.sandbox.engine import connect, engine_errors
from harness.sandbox.engine_http import EngineHttp, EngineResponseError
from harness.types import Job, Json, Limits
from tests.relay import Relay

pytestmark = pytest.mark.engine


JOB = Job("python", "calls", "a.py", {"a.py": "def f(): return 1"}, (("a", {"call": "f"}),), Limits())


@pytest.fixture(scope="module")
def engine() -> Engine:
    return ensure_engine(print)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[DockerSandbox]:
    with open_sandbox("wire-test", print, ["python"]) as sandbox:
        yield sandbox


def runs(engine: Engine, sandbox: DockerSandbox) -> bool:
    """Whether a container is created, started, read from and removed there."""
    run_bare_container(engine, sandbox.container_kind(JOB), ["true"], sandbox.pool.labels)
    found: list[Json] = engine.api.containers(
        all=True, filters={"label": f"{OWNER_LABEL}={sandbox.pool.labels[OWNER_LABEL]}"}
    )
    return found == []


def test_an_engine_is_reached_over_its_socket_and_over_tcp(engine: Engine, sandbox: DockerSandbox) -> None:
    assert runs(engine, sandbox)
    with Relay(engine.url) as relay:
        relayed = connect(EngineEndpoint(relay.url, "DOCKER_HOST"), {"DOCKER_HOST": relay.url})
        assert runs(relayed, sandbox)
        relayed.close()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=engine"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*words, *files, "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    (folder / "ca.pem").write_bytes((folder / "cert.pem").read_bytes())
    return folder


def test_over_tls_both_sides_are_authenticated(
    engine: Engine, sandbox: DockerSandbox, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A company's CA bundle in the environment says nothing about this engine's certificate.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/the/companys/bundle.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates / "ca.pem"))
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with Relay(engine.url, context=context) as relay:
        env = {"DOCKER_HOST": relay.url, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(certificates)}
        relayed = connect(EngineEndpoint(relay.url, "DOCKER_HOST"), env)
        assert runs(relayed, sandbox)
        relayed.close()
        relayed.api.cert = None
        unauthenticated = EngineHttp(relay.url, relayed.api)
        with pytest.raises(OSError):
            unauthenticated.remove("nobody")
        relayed.api.cert, relayed.api.verify = (str(certificates / "cert.pem"), str(certificates / "key.pem")), True
        with pytest.raises(ssl.SSLError):
            EngineHttp(relay.url, relayed.api).remove("nobody")


def test_a_refused_call_has_the_engines_own_explanation(engine: Engine) -> None:
    with pytest.raises(EngineResponseError, match="No such container") as refused:
        engine.http.start("nobody-has-this-name")
    assert refused.value.status == 404
    with pytest.raises(EngineResponseError, match="No such container"):
        engine.http.attach("nobody-has-this-name", stdin=True)
    with pytest.raises(EngineError, match=r"making one: .*[Nn]o such image") as raised, engine_errors("making one"):
        engine.http.create({"Image": "nobody-has-this-image"})
    assert "docker info" in raised.value.problems[0].fix


@contextlib.contextmanager
def server_answering(*answers: bytes, closed: threading.Event | None = None) -> Iterator[EngineHttp]:
    """A client of a server that is no engine: it answers one call per connection, then closes it and sets `closed`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)
                if closed is not None:
                    closed.set()

        threading.Thread(target=serve, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        client = EngineHttp(url, SimpleNamespace(api_version="1.41", base_url=url, verify=True, cert=None, timeout=60))
        yield client
        client.close()


def test_a_connection_that_was_closed_since_its_last_call_is_not_used_again() -> None:
    body = json.dumps({"Id": "x"}).encode()
    answer = b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    closed = threading.Event()
    with server_answering(answer, answer, closed=closed) as client:
        assert client.create({}) == "x"
        # The server closes after it has answered: on a busy machine, later than the client has read the answer.
        closed.wait(timeout=30)
        assert client.create({}) == "x"


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-server\r\n\r\n"])
def test_an_answer_that_is_not_http_is_a_connection_error(answer: bytes) -> None:
    with server_answering(answer, answer) as client:
        with pytest.raises(ConnectionError):
            client.create({})
        with pytest.raises(ConnectionError):
            client.attach("x", stdin=True)


def test_a_server_that_creates_no_container_is_no_engine() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"
    with server_answering(answer) as client, pytest.raises(ConnectionError, match="no engine"):
        client.create({})


def test_an_answer_that_is_cut_short_is_a_connection_error() -> None:
    with (
        server_answering(b"HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{") as client,
        pytest.raises(ConnectionError),
    ):
        client.create({})
