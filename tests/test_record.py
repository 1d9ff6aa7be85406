"""Recording one turn: what is kept, what leaves the machine, and that every way to end is told and kept."""

import socket
from dataclasses import replace

import pytest

from harness.errors import ConfigError, ServerError
from harness.files import to_json
from harness.read import read
from harness.record import Client, Timeouts, TurnRequest, record
from harness.record.turn import wrap_clock_ns
from harness.servers import fetch
from harness.types import Json, Recording
from tests.reference import KEY, LONG, ask, reference_server_and_client
from tests.scripted import answer, scripted
from tests.wire import DONE, END, says

ASK = TurnRequest(KEY, 0, 0, "", {"model": "m", "stream": True})
REPLY = says("hello") + END + DONE


def turn(client: Client, base_url: str, body: Json = None, api_key: str | None = None) -> Recording:
    return record(
        client, replace(ASK, url=f"{base_url}/chat/completions", body=body or dict(ASK.body), api_key=api_key)
    )


def body_bytes(recording: Recording) -> bytes:
    return b"".join(chunk.data for chunk in recording.chunks)


def test_the_body_is_kept_byte_by_byte_and_its_times_never_run_backwards() -> None:
    with scripted([answer(REPLY)]) as server, Client(LONG) as client:
        recording = turn(client, server.base_url)
    times = [recording.headers_ns, *(chunk.at_ns for chunk in recording.chunks), recording.ended_ns]
    assert (recording.status, recording.ended, body_bytes(recording)) == (200, "complete", REPLY)
    assert times == sorted(time for time in times if time is not None)
    assert times[0] is not None
    assert times[0] > 0


def test_what_is_sent_asks_for_no_compression_and_says_no_more_than_it_must() -> None:
    with scripted([answer(REPLY)]) as server, Client(LONG) as client:
        turn(client, server.base_url, {"model": "m", "text": "ä漢"})
    names = sorted(line.split(":")[0].lower() for line in server.heads[0].splitlines()[1:])
    assert names == ["accept", "accept-encoding", "content-length", "content-type", "host", "user-agent"]
    assert "Accept-Encoding: identity" in server.heads[0]
    assert server.bodies == [{"model": "m", "text": "ä漢"}]


def test_every_turn_has_a_connection_of_its_own() -> None:
    with scripted([answer(REPLY)] * 3) as server, Client(LONG) as client:
        recordings = [turn(client, server.base_url) for _ in range(3)]
        assert server.connections == 3
    assert [recording.ended for recording in recordings] == ["complete"] * 3


def test_a_server_that_closes_after_an_answer_without_saying_so_loses_no_turn() -> None:
    with scripted([(answer(REPLY), b"")] * 30) as server, Client(LONG) as client:
        ends = {turn(client, server.base_url).ended for _ in range(30)}
    assert ends == {"complete"}


def test_headers_and_body_leave_together_so_that_the_clock_starts_before_both() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, Client(Timeouts(10.0, 0.2, 5.0)) as client:
        recording = turn(client, f"http://127.0.0.1:{listener.getsockname()[1]}", {"text": "x" * 2000})
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(65536).endswith(b'x"}')
    assert recording.ended == "read_timeout"


def test_a_key_goes_into_one_header_and_into_no_recording() -> None:
    with scripted([answer(REPLY)]) as server, Client(LONG) as client:
        recording = turn(client, server.base_url, api_key="sk-very-secret")
    assert "Authorization: Bearer sk-very-secret" in server.heads[0]
    assert "sk-very-secret" not in to_json(recording)


def test_a_key_that_a_refusal_repeats_is_kept_by_nobody_even_across_two_pieces() -> None:
    said = b'{"error": {"message": "Incorrect API key provided: sk-very-secret."}}'
    whole = answer(said, 401)
    cut = whole.index(b"very")
    with scripted([(whole[:cut], whole[cut:]), answer(said, 401)]) as server, Client(LONG) as client:
        recording = turn(client, server.base_url, api_key="sk-very-secret")
        reply = fetch(client, "GET", f"{server.base_url}/models", "sk-very-secret")
    assert b"provided: **************." in body_bytes(recording)
    assert len(body_bytes(recording)) == len(said)
    assert "very" not in to_json(recording) + to_json(reply)


def test_an_answer_that_holds_the_word_that_is_the_key_is_kept_as_it_came() -> None:
    with scripted([answer(REPLY)]) as server, Client(LONG) as client:
        assert body_bytes(turn(client, server.base_url, api_key="hello")) == REPLY


@pytest.mark.parametrize("api_key", ["sk-secret\n", "sk-secret ", "sk-secrét", "sk-\x00secret"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_told(api_key: str) -> None:
    with Client(LONG) as client, pytest.raises(ConfigError) as error:
        turn(client, "http://127.0.0.1:9", api_key=api_key)
    (problem,) = error.value.problems
    assert "key_env" in problem.fix
    assert "secr" not in problem.message + problem.fix


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "http://", "http://[::1", "http://127.0.0.1:99999999", "words"])
def test_an_address_that_is_none_is_a_fault_of_the_config(url: str) -> None:
    with Client(LONG) as client, pytest.raises(ConfigError) as error:
        turn(client, url)
    assert "base_url" in error.value.problems[0].fix


@pytest.mark.parametrize("extra", [float("nan"), float("inf"), {1, 2}])
def test_a_field_that_json_cannot_hold_is_a_fault_of_the_config(extra: Json) -> None:
    with Client(LONG) as client, pytest.raises(ConfigError, match="extra"):
        turn(client, "http://127.0.0.1:9", {"extra": extra})


def test_half_a_character_that_a_model_wrote_can_be_said_back_to_it() -> None:
    with scripted([answer(REPLY)]) as server, Client(LONG) as client:
        recording = turn(client, server.base_url, {"text": "half \ud83d"})
    assert recording.ended == "complete"
    assert server.bodies == [{"text": "half \ud83d"}]


def test_nobody_listening_is_a_failed_connection_and_no_clock_was_started() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with Client(LONG) as client:
        recording = turn(client, f"http://127.0.0.1:{port}")
    assert (recording.ended, recording.sent_ns, recording.status) == ("connect_failed", None, None)
    assert "refused" in str(recording.fault)


def test_a_server_that_hangs_up_on_a_request_is_a_reset() -> None:
    with scripted([b"Connection: close"]) as server, Client(LONG) as client:
        assert turn(client, server.base_url).ended == "reset"


def test_a_reply_with_more_bytes_than_a_turn_may_have_is_cut_off_and_kept() -> None:
    with (
        scripted([answer(REPLY * 40, keep=False)]) as server,
        Client(Timeouts(10.0, 10.0, 10.0), max_turn_bytes=1000) as client,
    ):
        recording = turn(client, server.base_url)
    assert recording.ended == "cut_off"
    assert body_bytes(recording) == (REPLY * 40)[: len(body_bytes(recording))]


def test_after_a_broken_turn_the_next_one_starts_afresh() -> None:
    with reference_server_and_client() as (server, client):
        assert ask(server, client, "hang?tps=1000").ended == "read_timeout"
        assert ask(server, client, "plain?ttft_ms=10&tps=1000").ended == "complete"


def test_a_server_that_dies_is_a_reset_and_a_dead_one_cannot_be_connected_to() -> None:
    with reference_server_and_client() as (server, client):
        died = ask(server, client, "die?ttft_ms=5&tps=1000")
        server.process.wait()
        gone = ask(server, client, "plain")
    assert (died.ended, gone.ended) == ("reset", "connect_failed")
    assert read(died).content.startswith("w0 w1 ")


def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    with scripted([b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n" + REPLY]) as server, Client(LONG) as client:
        recording = turn(client, server.base_url)
    assert (recording.ended, body_bytes(recording)) == ("complete", REPLY)


def test_a_body_shorter_than_announced_is_a_reset_with_its_bytes_kept() -> None:
    with scripted([answer(REPLY, keep=False)[:-5]]) as server, Client(LONG) as client:
        recording = turn(client, server.base_url)
    assert (recording.ended, body_bytes(recording)) == ("reset", REPLY[:-5])


def test_a_redirect_is_not_followed() -> None:
    moved = b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with scripted([moved]) as server, Client(LONG) as client:
        assert turn(client, server.base_url).status == 307


def test_a_question_about_the_server_gives_status_and_json_or_text() -> None:
    with scripted([answer(b'{"a": 1}'), answer(b"<html>", 503)]) as server, Client(LONG) as client:
        first, second = (fetch(client, "GET", f"{server.base_url}/models") for _ in range(2))
    assert (first.status, first.document) == (200, {"a": 1})
    assert (second.status, second.document, second.text) == (503, None, "<html>")


def test_a_question_without_an_answer_names_the_address() -> None:
    with Client(LONG) as client, pytest.raises(ServerError, match=r"127\.0\.0\.1:9/v1/models: no answer"):
        fetch(client, "GET", "http://127.0.0.1:9/v1/models")


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
def test_a_chunked_body_ends_where_it_ends_however_it_was_cut(
    pieces: tuple[bytes, ...],
) -> None:
    with scripted([pieces]) as server, Client(LONG) as client:
        recording = turn(client, server.base_url)
    assert recording.ended == "complete"
    assert body_bytes(recording).endswith(REPLY)


def test_pieces_that_came_apart_have_times_apart_and_pieces_that_came_together_share_one() -> None:
    pieces = (CHUNKED, framed(says("a"), says("b")), framed(says("c")) + b"0\r\n\r\n")
    with scripted([pieces]) as server, Client(LONG) as client:
        recording = turn(client, server.base_url)
    times = [chunk.at_ns for chunk in recording.chunks]
    assert len(times) == 3
    assert times[0] == times[1] < times[2]
    assert recording.ended_ns == times[2]


def test_bytes_that_are_no_chunk_are_a_broken_protocol_with_what_came_before_kept() -> None:
    pieces = (CHUNKED, framed(REPLY), b"zz\r\n\r\n")
    with scripted([pieces]) as server, Client(LONG) as client:
        recording = turn(client, server.base_url)
    assert (recording.ended, body_bytes(recording)) == ("protocol_error", REPLY)


def test_the_clock_of_a_machine_that_is_up_for_long_fits_into_every_file() -> None:
    assert wrap_clock_ns(None) is None
    assert wrap_clock_ns(7) == 7
    half_a_year_ns = 180 * 24 * 3600 * 10**9
    assert 0 <= (wrap_clock_ns(half_a_year_ns) or 0) < 2**52
