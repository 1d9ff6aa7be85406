"""Untimed requests: status and JSON of any reply, one clear error without one, and nothing from the environment."""

import gzip
import socket
import threading
from contextlib import suppress

import pytest

from harness.errors import ConfigError, ServerError
from harness.servers import RequestTimeouts, fetch
from tests.scripted_server import answer, serve_scripted

OK = b"HTTP/1.1 200 OK\r\n"


def test_a_body_is_sent_as_json_with_the_api_key_in_one_header() -> None:
    with serve_scripted([answer(b"{}")]) as server:
        fetch("POST", f"{server.base_url}/load", "sk-secret", {"model": "é"})
    assert server.bodies == [{"model": "é"}]
    assert "Authorization: Bearer sk-secret" in server.heads[0]
    assert "Content-Type: application/json" in server.heads[0]


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_reply_that_is_not_json_has_no_document(body: bytes) -> None:
    with serve_scripted([answer(body, 200)]) as server:
        reply = fetch("GET", f"{server.base_url}/models")
    assert (reply.status, reply.document) == (200, None)
    assert len(reply.text) <= 2000


def test_an_http_1_0_reply_without_a_length_ends_with_its_connection() -> None:
    with serve_scripted([b'HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n{"a": 1}']) as server:
        assert fetch("GET", f"{server.base_url}/models").document == {"a": 1}


def test_a_compressed_reply_is_decompressed() -> None:
    data = gzip.compress(b'{"a": 1}')
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: " + str(len(data)).encode() + b"\r\n\r\n"
    with serve_scripted([head + data]) as server:
        assert fetch("GET", f"{server.base_url}/models").document == {"a": 1}


@pytest.mark.parametrize(
    "reply",
    [
        OK + b"Connection: close\r\nContent-Length: 100\r\n\r\n{",
        OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        b"no HTTP; Connection: close\r\n\r\n",
    ],
)
def test_a_reply_that_breaks_off_or_is_malformed_is_one_clear_error(reply: bytes) -> None:
    with serve_scripted([reply]) as server, pytest.raises(ServerError, match="/models: no answer: ") as caught:
        fetch("GET", f"{server.base_url}/models")
    assert "\n" not in caught.value.message
    assert caught.value.fix == "start the server, or correct base_url"


def test_a_reply_that_is_too_long_is_not_read_whole() -> None:
    body = gzip.compress(b" " * (9 * 2**20))
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n"
    with serve_scripted([head + body]) as server, pytest.raises(ServerError, match="has more than 8 MiB"):
        fetch("GET", f"{server.base_url}/models")


@pytest.mark.parametrize(
    ("start", "again"),
    [
        (OK + b"Content-Type: text/event-stream\r\n\r\n", b": ping\n\n"),
        (b"HTTP/1.0 200 OK\r\n\r\n", b" "),
        (OK + b"X-Slow: ", b"a"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["body", "body without a length", "header", "100 Continue"],
)
def test_a_reply_that_does_not_end_is_left_when_its_time_is_over(start: bytes, again: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ended, url = threading.Event(), f"http://127.0.0.1:{listening.getsockname()[1]}/models"
        # Those of earlier tests may end meanwhile.
        threads = set(threading.enumerate())

        def drip() -> None:
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                connection.recv(65536)
                connection.sendall(start)
                # So often in all: a query that went on for as long as the server would end here, with no error.
                for _ in range(500):
                    if ended.wait(0.02):
                        break
                    connection.sendall(again)

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            with pytest.raises(ServerError, match="did not end in time") as caught:
                fetch("GET", url, timeouts=RequestTimeouts(0.2, 0.3))
        finally:
            ended.set()
            thread.join()
    assert caught.value.fix == "restart the server, or correct base_url"
    assert set(threading.enumerate()) <= threads


def test_a_redirect_is_not_followed() -> None:
    moved = b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"
    with serve_scripted([moved]) as server:
        assert fetch("GET", f"{server.base_url}/models").status == 307


def test_a_proxy_from_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    with serve_scripted([answer(b'{"a": 1}')]) as server:
        assert fetch("GET", f"{server.base_url}/models").document == {"a": 1}


def test_a_server_that_stays_silent_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(ServerError, match="no answer: timed out"):
        fetch("GET", f"http://127.0.0.1:{listener.getsockname()[1]}/v1", timeouts=RequestTimeouts(request_s=0.1))


def test_cookies_of_one_server_are_not_sent_to_another() -> None:
    setting = OK + b"Set-Cookie: session=1; Path=/\r\nContent-Length: 2\r\n\r\n{}"
    with serve_scripted([setting]) as first, serve_scripted([answer(b"{}")]) as second:
        fetch("GET", f"{first.base_url}/models")
        fetch("GET", f"{second.base_url}/models")
    assert not any(line.lower().startswith("cookie") for line in second.heads[0].splitlines())


@pytest.mark.parametrize(
    "url",
    ["ftp://127.0.0.1/v1", "http://", "words", "http://a..b:1/v1", "http://192.168.1.300:1/v1", "http://xn--zz:1/v1"],
)
def test_an_invalid_url_is_a_problem_of_the_config(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        fetch("GET", url)
    assert "base_url" in caught.value.fix
