"""Recording one turn: what is kept, what leaves the machine, and that every way to end is told and kept."""

import socket
import time
from dataclasses import replace

import pytest

from harness.errors import ConfigError, ServerError
from harness.files import to_json
from harness.read import read
from harness.record import Client, Timeouts, TurnRequest, record
from harness.record.turn import wrap_clock_ns
from harness.servers import fetch
from harness.types import Json, Recording
from tests.reference import KEY, LONG_TIMEOUTS, reference_server_and_client, request_turn
from tests.scripted_server import answer, serve_scripted
from tests.wire import DONE, END, text_chunk

ASK = TurnRequest(KEY, 0, 0, "", {"model": "m", "stream": True})
REPLY = text_chunk("hello") + END + DONE


def turn(client: Client, base_url: str, body: Json = None, api_key: str | None = None) -> Recording:
    return record(
        client, replace(ASK, url=f"{base_url}/chat/completions", body=body or dict(ASK.body), api_key=api_key)
    )


def body_bytes(recording: Recording) -> bytes:
    return b"".join(chunk.data for chunk in recording.chunks)


def test_the_body_is_recorded_byte_for_byte_with_increasing_times() -> None:
    with serve_scripted([answer(REPLY)]) as server, Client(LONG_TIMEOUTS) as client:
        recording = turn(client, server.base_url)
    times = [recording.headers_ns, *(chunk.at_ns for chunk in recording.chunks), recording.ended_ns]
    assert (recording.status, recording.end_reason, body_bytes(recording)) == (200, "complete", REPLY)
    assert times == sorted(time for time in times if time is not None)
    assert times[0] is not None
    assert times[0] > 0


def test_a_request_sends_only_the_needed_headers_and_refuses_compression() -> None:
    with serve_scripted([answer(REPLY)]) as server, Client(LONG_TIMEOUTS) as client:
        turn(client, server.base_url, {"model": "m", "text": "ä漢"})
    names = sorted(line.split(":")[0].lower() for line in server.heads[0].splitlines()[1:])
    assert names == ["accept", "accept-encoding", "content-length", "content-type", "host", "user-agent"]
    assert "Accept-Encoding: identity" in server.heads[0]
    assert server.bodies == [{"model": "m", "text": "ä漢"}]


def test_every_turn_uses_a_new_connection() -> None:
    with serve_scripted([answer(REPLY)] * 3) as server, Client(LONG_TIMEOUTS) as client:
        recordings = [turn(client, server.base_url) for _ in range(3)]
        assert server.connections == 3
    assert [recording.end_reason for recording in recordings] == ["complete"] * 3


def test_a_server_that_closes_unannounced_after_an_answer_loses_no_turn() -> None:
    with serve_scripted([(answer(REPLY), b"")] * 30) as server, Client(LONG_TIMEOUTS) as client:
        ends = {turn(client, server.base_url).end_reason for _ in range(30)}
    assert ends == {"complete"}


def test_headers_and_body_leave_in_one_write_after_the_clock_started() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, Client(Timeouts(10.0, 0.2, 5.0)) as client:
        recording = turn(client, f"http://127.0.0.1:{listener.getsockname()[1]}", {"text": "x" * 2000})
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(65536).endswith(b'x"}')
    assert recording.end_reason == "read_timeout"


def test_an_api_key_goes_into_one_header_and_no_recording() -> None:
    with serve_scripted([answer(REPLY)]) as server, Client(LONG_TIMEOUTS) as client:
        recording = turn(client, server.base_url, api_key="sk-very-secret")
    assert "Authorization: Bearer sk-very-secret" in server.heads[0]
    assert "sk-very-secret" not in to_json(recording)


def test_an_api_key_in_an_error_response_is_redacted_even_across_two_reads() -> None:
    said = b'{"error": {"message": "Incorrect API key provided: sk-very-secret."}}'
    whole = answer(said, 401)
    cut = whole.index(b"very")
    with serve_scripted([(whole[:cut], whole[cut:]), answer(said, 401)]) as server, Client(LONG_TIMEOUTS) as client:
        recording = turn(client, server.base_url, api_key="sk-very-secret")
        reply = fetch("GET", f"{server.base_url}/models", "sk-very-secret")
    assert b"provided: **************." in body_bytes(recording)
    assert len(body_bytes(recording)) == len(said)
    assert "very" not in to_json(recording) + to_json(reply)


def test_an_answer_that_contains_the_key_as_a_word_is_recorded_unchanged() -> None:
    with serve_scripted([answer(REPLY)]) as server, Client(LONG_TIMEOUTS) as client:
        assert body_bytes(turn(client, server.base_url, api_key="hello")) == REPLY


@pytest.mark.parametrize("api_key", ["sk-secret\n", "sk-secret ", "sk-secrét", "sk-\x00secret"])
def test_an_invalid_api_key_is_rejected_and_not_shown(api_key: str) -> None:
    with Client(LONG_TIMEOUTS) as client, pytest.raises(ConfigError) as error:
        turn(client, "http://127.0.0.1:9", api_key=api_key)
    (problem,) = error.value.problems
    assert "key_env" in problem.fix
    assert "secr" not in problem.message + problem.fix


@pytest.mark.parametrize(
    "url",
    ["ftp://127.0.0.1", "http://", "http://[::1", "http://127.0.0.1:99999999", "words", "http://a..b:1/v1",
     f"http://{'a' * 64}:1/v1", f"http://{'é' * 20}:1/v1"],
)  # fmt: skip
def test_an_invalid_url_is_a_config_error(url: str) -> None:
    with Client(LONG_TIMEOUTS) as client, pytest.raises(ConfigError) as error:
        turn(client, url)
    assert "base_url" in error.value.problems[0].fix


@pytest.mark.parametrize("extra", [float("nan"), float("inf"), {1, 2}])
def test_a_field_that_json_cannot_hold_is_a_config_error(extra: Json) -> None:
    with Client(LONG_TIMEOUTS) as client, pytest.raises(ConfigError, match="extra"):
        turn(client, "http://127.0.0.1:9", {"extra": extra})


def test_a_lone_surrogate_can_be_sent() -> None:
    with serve_scripted([answer(REPLY)]) as server, Client(LONG_TIMEOUTS) as client:
        recording = turn(client, server.base_url, {"text": "half \ud83d"})
    assert recording.end_reason == "complete"
    assert server.bodies == [{"text": "half \ud83d"}]


def test_a_refused_connection_is_connect_failed_and_has_no_start_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with Client(LONG_TIMEOUTS) as client:
        recording = turn(client, f"http://127.0.0.1:{port}")
    assert (recording.end_reason, recording.sent_ns, recording.status) == ("connect_failed", None, None)
    assert "refused" in str(recording.error)


def test_a_server_that_closes_before_it_answers_is_a_reset() -> None:
    with serve_scripted([b"Connection: close"]) as server, Client(LONG_TIMEOUTS) as client:
        assert turn(client, server.base_url).end_reason == "reset"


def test_a_reply_above_the_byte_limit_is_cut_off_and_kept() -> None:
    with (
        serve_scripted([answer(REPLY * 40, keep_alive=False)]) as server,
        Client(Timeouts(10.0, 10.0, 10.0), max_turn_bytes=1000) as client,
    ):
        recording = turn(client, server.base_url)
    assert recording.end_reason == "limit_exceeded"
    assert body_bytes(recording) == (REPLY * 40)[: len(body_bytes(recording))]


def test_a_server_that_does_not_read_the_prompt_is_cut_off_at_the_turns_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, Client(Timeouts(10.0, 60.0, 0.3)) as client:
        began = time.monotonic()
        recording = turn(client, f"http://127.0.0.1:{listener.getsockname()[1]}", {"text": "a" * 40_000_000})
        assert recording.end_reason == "limit_exceeded"
        assert time.monotonic() - began < 30.0


def test_a_failed_turn_does_not_affect_the_next_one() -> None:
    with reference_server_and_client() as (server, client):
        assert request_turn(server, client, "hang?tps=1000").end_reason == "read_timeout"
        assert request_turn(server, client, "plain?ttft_ms=10&tps=1000").end_reason == "complete"


def test_a_server_that_dies_is_a_reset_and_then_a_failed_connection() -> None:
    with reference_server_and_client() as (server, client):
        died = request_turn(server, client, "die?ttft_ms=5&tps=1000")
        server.process.wait()
        gone = request_turn(server, client, "plain")
    assert (died.end_reason, gone.end_reason) == ("reset", "connect_failed")
    assert read(died).content.startswith("w0 w1 ")


def test_an_answer_without_a_length_ends_when_the_connection_closes() -> None:
    with (
        serve_scripted([b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n" + REPLY]) as server,
        Client(LONG_TIMEOUTS) as client,
    ):
        recording = turn(client, server.base_url)
    assert (recording.end_reason, body_bytes(recording)) == ("complete", REPLY)


def test_a_body_shorter_than_its_content_length_is_a_reset() -> None:
    with serve_scripted([answer(REPLY, keep_alive=False)[:-5]]) as server, Client(LONG_TIMEOUTS) as client:
        recording = turn(client, server.base_url)
    assert (recording.end_reason, body_bytes(recording)) == ("reset", REPLY[:-5])


def test_a_redirect_is_not_followed() -> None:
    moved = b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with serve_scripted([moved]) as server, Client(LONG_TIMEOUTS) as client:
        assert turn(client, server.base_url).status == 307


def test_fetch_returns_the_status_and_json_or_text() -> None:
    with serve_scripted([answer(b'{"a": 1}'), answer(b"<html>", 503)]) as server:
        first, second = (fetch("GET", f"{server.base_url}/models") for _ in range(2))
    assert (first.status, first.document) == (200, {"a": 1})
    assert (second.status, second.document, second.text) == (503, None, "<html>")


def test_fetch_names_the_url_that_did_not_answer() -> None:
    with pytest.raises(ServerError, match=r"127\.0\.0\.1:9/v1/models: no answer"):
        fetch("GET", "http://127.0.0.1:9/v1/models")


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def framed(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


@pytest.mark.parametrize(
    "pieces",
    [
        (CHUNKED, framed(REPLY), b"0\r\n\r\n"),
        (CHUNKED + framed(REPLY) + b"0\r\n\r\n",),
        (CHUNKED + framed(REPLY) + b"0\r\n\r", b"\n"),
        (CHUNKED + framed(REPLY) + b"0\r", b"\n\r", b"\n"),
        (CHUNKED, framed(REPLY) + b"0\r\nTrailer: yes\r\n\r\n"),
        (CHUNKED, framed(b"data: 1\r\n"), framed(b"\r\n"), framed(REPLY), b"0\r\n", b"\r\n"),
        (CHUNKED[:20], CHUNKED[20:], framed(REPLY)[:7], framed(REPLY)[7:] + b"0\r\n\r\n"),
    ],
)
def test_the_end_of_a_chunked_body_is_found_however_it_was_cut(
    pieces: tuple[bytes, ...],
) -> None:
    with serve_scripted([pieces]) as server, Client(LONG_TIMEOUTS) as client:
        start_s = time.monotonic()
        recording = turn(client, server.base_url)
        took_s = time.monotonic() - start_s
    assert recording.end_reason == "complete"
    assert body_bytes(recording).endswith(REPLY)
    assert took_s < LONG_TIMEOUTS.read_s / 2, "the client waited for bytes after the end"


def test_separate_reads_have_separate_times_and_chunks_of_one_read_share_one() -> None:
    pieces = (CHUNKED, framed(text_chunk("a"), text_chunk("b")), framed(text_chunk("c")) + b"0\r\n\r\n")
    with serve_scripted([pieces]) as server, Client(LONG_TIMEOUTS) as client:
        recording = turn(client, server.base_url)
    times = [chunk.at_ns for chunk in recording.chunks]
    assert len(times) == 3
    assert times[0] == times[1] < times[2]
    assert recording.ended_ns == times[2]


def test_invalid_chunk_framing_is_a_protocol_error_and_earlier_bytes_are_kept() -> None:
    pieces = (CHUNKED, framed(REPLY), b"zz\r\n\r\n")
    with serve_scripted([pieces]) as server, Client(LONG_TIMEOUTS) as client:
        recording = turn(client, server.base_url)
    assert (recording.end_reason, body_bytes(recording)) == ("protocol_error", REPLY)


def test_the_clock_of_a_machine_with_a_long_uptime_is_wrapped() -> None:
    assert wrap_clock_ns(None) is None
    assert wrap_clock_ns(7) == 7
    half_a_year_ns = 180 * 24 * 3600 * 10**9
    assert 0 <= (wrap_clock_ns(half_a_year_ns) or 0) < 2**52
