"""The four calls of a container, to the real engine: over its socket, over TCP and TLS, refused, and broken off."""

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
from harness.sandbox.engine import EngineEndpoint, connect, engine_errors
from harness.sandbox.engine_http import EngineHttp, EngineResponseError
from harness.types import Job, Json, Limits
from tests.relay import Relay

JOB = Job("python", "calls", "a.py", {"a.py": "def f(): return 1"}, (("a", {"call": "f"}),), Limits())


@pytest.fixture(scope="module")
def engine() -> Engine:
    return ensure_engine(print)


@pytest.fixture(scope="module")
def box() -> Iterator[DockerSandbox]:
    with open_sandbox("wire-test", print, ["python"]) as sandbox:
        yield sandbox


def runs(engine: Engine, box: DockerSandbox) -> bool:
    """Whether a container is made, started, heard and removed there."""
    run_bare_container(engine, box.container_kind(JOB), ["true"], box.pool.labels)
    found: list[Json] = engine.api.containers(
        all=True, filters={"label": f"{OWNER_LABEL}={box.pool.labels[OWNER_LABEL]}"}
    )
    return found == []


def test_an_engine_is_reached_over_its_socket_and_over_tcp(engine: Engine, box: DockerSandbox) -> None:
    assert runs(engine, box)
    with Relay(engine.url) as relay:
        far = connect(EngineEndpoint(relay.url, "DOCKER_HOST"), {"DOCKER_HOST": relay.url})
        assert runs(far, box)
        far.close()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=engine"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*words, *files, "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    (folder / "ca.pem").write_bytes((folder / "cert.pem").read_bytes())
    return folder


def test_over_tls_both_sides_prove_who_they_are(
    engine: Engine, box: DockerSandbox, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A company's bundle in the environment is for the rest of the world, not for this engine.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/the/companys/bundle.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates / "ca.pem"))
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with Relay(engine.url, context=context) as relay:
        env = {"DOCKER_HOST": relay.url, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(certificates)}
        far = connect(EngineEndpoint(relay.url, "DOCKER_HOST"), env)
        assert runs(far, box)
        far.close()
        far.api.cert = None
        stranger = EngineHttp(relay.url, far.api)
        with pytest.raises(OSError):
            stranger.remove("nobody")
        far.api.cert, far.api.verify = (str(certificates / "cert.pem"), str(certificates / "key.pem")), True
        with pytest.raises(ssl.SSLError):
            EngineHttp(relay.url, far.api).remove("nobody")


def test_what_the_engine_refuses_is_told_in_its_own_words(engine: Engine) -> None:
    with pytest.raises(EngineResponseError, match="No such container") as refused:
        engine.http.start("nobody-has-this-name")
    assert refused.value.status == 404
    with pytest.raises(EngineResponseError, match="No such container"):
        engine.http.attach("nobody-has-this-name", stdin=True)
    with pytest.raises(EngineError, match=r"making one: .*[Nn]o such image.*docker info"), engine_errors("making one"):
        engine.http.create({"Image": "nobody-has-this-image"})


@contextlib.contextmanager
def saying(*answers: bytes) -> Iterator[EngineHttp]:
    """A wire to something that is no engine: it answers one call a connection, and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            for answer in answers:
                client, _ = door.accept()
                with client:
                    client.recv(65536)
                    client.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        url = f"http://127.0.0.1:{door.getsockname()[1]}"
        http = EngineHttp(url, SimpleNamespace(api_version="1.41", base_url=url, verify=True, cert=None, timeout=60))
        yield http
        http.close()


def test_a_connection_that_was_closed_since_its_last_call_is_not_used_again() -> None:
    said = json.dumps({"Id": "x"}).encode()
    answer = b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said)
    with saying(answer, answer) as http:
        assert [http.create({}), http.create({})] == ["x", "x"]


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-server\r\n\r\n"])
def test_an_answer_that_is_none_is_a_fault_of_the_connection(answer: bytes) -> None:
    with saying(answer, answer) as http:
        with pytest.raises(ConnectionError):
            http.create({})
        with pytest.raises(ConnectionError):
            http.attach("x", stdin=True)


def test_what_makes_no_container_is_no_engine() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"
    with saying(answer) as http, pytest.raises(ConnectionError, match="no engine"):
        http.create({})


def test_an_answer_that_is_cut_is_not_taken_for_one() -> None:
    with saying(b"HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{") as http, pytest.raises(ConnectionError):
        http.create({})


def test_an_engine_that_cannot_be_reached_directly_is_told_with_the_way_there() -> None:
    with pytest.raises(EngineError, match="ssh -N -L"):
        connect(EngineEndpoint("ssh://box", "DOCKER_HOST"), {"DOCKER_HOST": "ssh://box"})
