"""The benchmark of clients: errors against known timings, targets that can be missed, and the table."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from harness.calibration.client_timing import (
    ClientErrors,
    ErrorSamples,
    MeasurementPlan,
    StreamSpec,
    find_misread_behaviors,
    measure_clients,
    percentile,
    take_reply,
)
from harness.calibration.clients import (
    CLIENTS,
    ClientTimings,
    StreamTimer,
    _baseline_timings,
    _dechunk,
    bare_socket_client,
    open_clients,
)
from harness.calibration.timing_report import evaluate_targets, timing_table
from harness.errors import ServerError
from harness.reference import LoggedReply, LoggedWrite, ReferenceServer, serving

MS = 1_000_000


@pytest.fixture(scope="module")
def server() -> Iterator[ReferenceServer]:
    with serving() as running:
        yield running


def logged_reply(gap_ms: int = 10, tokens: int = 11) -> LoggedReply:
    times_ns = [(100 + gap_ms * n) * MS for n in range(tokens)]
    writes = tuple(LoggedWrite(at_ns, at_ns + 5, 1, 1, n > 2, at_ns) for n, at_ns in enumerate(times_ns))
    return LoggedReply("plain", 0, writes)


def row(client: str, tps: float, behavior: str = "plain", **errors: list[float]) -> ClientErrors:
    return ClientErrors(StreamSpec(behavior, tps, 40, 3), client, ErrorSamples(**errors))


def test_the_true_timings_of_a_reply_follow_from_its_writes() -> None:
    logged = logged_reply()
    assert (logged.ttft_s, logged.ttfc_s, logged.e2e_s) == (0.1, 0.13, 0.2)
    assert logged.decode_tps == pytest.approx(100)


def test_an_error_is_the_clients_figure_minus_the_true_one() -> None:
    errors = ErrorSamples()
    errors.add(ClientTimings(0.101, 0.132, 0.2, 101.0, 0.0011), logged_reply())
    assert errors.ttft_s == [pytest.approx(0.001)]
    assert errors.ttfc_s == [pytest.approx(0.002)]
    assert errors.e2e_s == [pytest.approx(0)]
    assert errors.decode_percent == [pytest.approx(1.0)]
    assert errors.cpu_s == [pytest.approx(0.0001)]


def test_a_missing_figure_is_infinitely_wrong_and_misses_its_target() -> None:
    errors = ErrorSamples()
    errors.add(ClientTimings(None, None, None, None, 0.0), logged_reply())
    assert errors.ttft_s == errors.decode_percent == [float("inf")]
    assert not evaluate_targets(
        [ClientErrors(StreamSpec("plain", 60.0, 40, 1), "lanebench", errors), row("bare socket", 60.0, ttft_s=[0.0])]
    )[0].met


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (99, 99), (100, 100), (1, 1)])
def test_percentiles_are_observed_values(percent: float, value: int) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], percent) == value


def test_p99_of_few_values_is_the_maximum_and_of_none_is_null() -> None:
    assert percentile([3.0, 1.0, 2.0], 99) == 3.0
    assert percentile([], 99) is None


def test_targets_compare_with_the_bare_socket_and_with_httpx() -> None:
    floor = row("bare socket", 60.0, ttft_s=[0.001] * 3)
    httpx = row("httpx raw", 60.0, cpu_s=[100e-6])
    near = row("lanebench", 60.0, ttft_s=[0.0013] * 3, cpu_s=[90e-6], decode_percent=[-0.05])
    far = row("lanebench", 60.0, ttft_s=[0.0015] * 3, cpu_s=[110e-6], decode_percent=[-0.2])
    assert [target.met for target in evaluate_targets([near, floor, httpx]) if " over " not in target.name] == [
        True
    ] * 4
    assert [target.met for target in evaluate_targets([far, floor, httpx]) if " over " not in target.name] == [
        False
    ] * 4


def test_a_ttft_that_is_far_too_early_misses_its_target() -> None:
    rows = [row("bare socket", 60.0, ttft_s=[0.0002] * 3), row("lanebench", 60.0, ttft_s=[-0.030] * 3)]
    assert [target.missed for target in evaluate_targets(rows) if "above" in target.name] == [True, True]


def test_a_request_that_never_arrived_is_an_error(server: ReferenceServer) -> None:
    with pytest.raises(ServerError, match="0 replies to one request"):
        take_reply(server)


def test_the_ttft_target_uses_the_streams_with_most_rounds() -> None:
    few, many = StreamSpec("plain", 60.0, 40, 3), StreamSpec("plain", 60.0, 16, 100)
    rows = [ClientErrors(stream, "bare socket", ErrorSamples(ttft_s=[0.001] * 3)) for stream in (few, many)]
    rows.append(ClientErrors(few, "lanebench", ErrorSamples(ttft_s=[0.009] * 3)))
    rows.append(ClientErrors(many, "lanebench", ErrorSamples(ttft_s=[0.0012] * 99 + [0.009], decode_percent=[50.0])))
    assert [target.met for target in evaluate_targets(rows) if " over " not in target.name] == [True, True]


@pytest.mark.parametrize("lanebench_s", [0.001, 0.02])
def test_a_p99_is_undecided_if_the_bare_sockets_own_is_disturbed(lanebench_s: float) -> None:
    stream = StreamSpec("plain", 60.0, 16, 100)
    noisy = ClientErrors(stream, "bare socket", ErrorSamples(ttft_s=[0.001] * 98 + [0.005] * 2))
    lanebench = ClientErrors(stream, "lanebench", ErrorSamples(ttft_s=[0.001] * 98 + [lanebench_s] * 2))
    half, tail = evaluate_targets([lanebench, noisy])
    assert (half.met, half.undecided) == (True, None)
    assert (tail.met, tail.missed) == (False, False)
    assert "4.0 ms above its p50" in (tail.undecided or "")


def test_streams_with_several_tokens_per_event_have_another_limit() -> None:
    found = evaluate_targets([row("lanebench", 60.0, "random-tokens-per-event", decode_percent=[0.6])])
    assert [(target.met, target.limit) for target in found] == [(True, 1.0)]
    assert not evaluate_targets([row("lanebench", 60.0, "random-tokens-per-event", decode_percent=[-1.2])])[0].met


def test_the_http_framing_is_removed_from_a_bare_sockets_reads() -> None:
    stamps = [(1, b"HTTP/1.1 200 OK\r\n\r\n3\r\nab"), (2, b"c\r\n2\r\n"), (3, b"de\r\n"), (4, b"0\r\n\r\n")]
    assert _dechunk(stamps) == [(2, b"abc"), (3, b"de")]


def test_a_stream_that_ends_early_is_an_error_of_the_bare_socket() -> None:
    def close_early(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n3\r\nabc")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=close_early, args=(listener,))
        thread.start()
        with (
            bare_socket_client(f"http://127.0.0.1:{listener.getsockname()[1]}/v1") as time_stream,
            pytest.raises(ServerError, match="closed within a stream"),
        ):
            time_stream("plain")
        thread.join()


def test_the_baseline_counts_all_tokens_but_one() -> None:
    events = [(n * 10 * MS, {"choices": [{"delta": {"content": "four tokens"}}]}) for n in range(1, 12)]
    timings = _baseline_timings(0, [*events, (999 * MS, {"choices": [], "usage": {"completion_tokens": 44}})], 0.0)
    assert timings.decode_tps == pytest.approx(430)
    assert (timings.ttft_s, timings.e2e_s) == (0.01, 0.11)


@pytest.mark.parametrize("name", ["lanebench", "bare socket", "httpx raw", "httpx lines"])
def test_every_client_measures_plausible_times(server: ReferenceServer, name: str) -> None:
    assert name in CLIENTS
    stream = StreamSpec("reasoning-content", 500.0, 60, 2, (name,))
    (found,) = measure_clients(server, MeasurementPlan((stream,)), lambda _done, _total: None)
    errors = found.samples
    assert [len(errors.ttft_s), len(errors.ttfc_s), len(errors.e2e_s), len(errors.decode_percent)] == [2, 2, 2, 2]
    assert min(*errors.ttft_s, *errors.ttfc_s, *errors.e2e_s) > 0
    assert max(errors.ttft_s) < float("inf")


def test_the_table_has_a_row_per_client_and_a_dash_for_missing_values() -> None:
    text = timing_table([row("lanebench", 60.0, ttft_s=[0.001], cpu_s=[1e-4]), row("bare socket", 60.0, cpu_s=[1e-4])])
    lines = text.splitlines()
    assert len(lines) == 3
    assert "1.00/1.00" in lines[1]
    assert "-/-" in lines[2]


def test_a_client_whose_package_is_not_installed_is_left_out() -> None:
    @contextmanager
    def missing(_base_url: str) -> Iterator[StreamTimer]:
        raise ImportError("no such package")
        yield

    with ExitStack() as stack:
        known = {**CLIENTS, "missing": missing}
        opened = open_clients(stack, "http://127.0.0.1:9/v1", ["missing", "httpx raw"], known)
        assert list(opened) == ["httpx raw"]


def test_no_behavior_is_misread(server: ReferenceServer) -> None:
    assert find_misread_behaviors(server, ("plain", "as-omlx", "error-then-stop")) == {}


def test_times_out_of_tolerance_are_misread(server: ReferenceServer) -> None:
    wrong = find_misread_behaviors(server, ("keepalive-comments",), tolerance_s=0.0)
    names = ("keepalive-comments", "keepalive-comments over responses", "keepalive-comments over messages")
    assert wrong == {name: ["ttft_s", "ttfc_s", "e2e_s"] for name in names}


def test_the_full_plan_has_three_rates_and_the_short_plan_one_stream() -> None:
    full, short = MeasurementPlan.full(30), MeasurementPlan.short(12)
    assert {stream.tps for stream in full.streams} == {60.0, 500.0, 5000.0}
    assert {stream.behavior for stream in full.streams} >= {"plain", "reasoning-content", "random-tokens-per-event"}
    assert [stream.rounds for stream in short.streams] == [12]
