"""The client's own benchmark: figures from streams whose truth is known, aims that can be missed, a telling table."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from harness.calibration import Plan, Row, Shape, aims, measure, misunderstood, timing_table
from harness.calibration.clients import CLIENTS, Take, Taken, _unchunked, _usual, open_clients
from harness.calibration.reference import Heard, ReferenceServer, Written, serving
from harness.calibration.timing import Errors, percentile

MS = 1_000_000


@pytest.fixture(scope="module")
def server() -> Iterator[ReferenceServer]:
    with serving() as one:
        yield one


def heard(gap_ms: int = 10, tokens: int = 11) -> Heard:
    writes = [Written((100 + gap_ms * n) * MS, (100 + gap_ms * n) * MS + 5, 1, 1, n > 2) for n in range(tokens)]
    return Heard("plain", 0, tuple(writes))


def row(client: str, tps: float, behaviour: str = "plain", **errors: list[float]) -> Row:
    return Row(Shape(behaviour, tps, 40, 3), client, Errors(**errors))


def test_the_truth_of_a_stream_is_what_its_writes_say() -> None:
    truth = heard()
    assert (truth.ttft_s, truth.ttfc_s, truth.e2e_s) == (0.1, 0.13, 0.2)
    assert truth.decode_tps == pytest.approx(100)


def test_an_error_is_the_clients_figure_less_the_truth() -> None:
    errors = Errors()
    errors.add(Taken(0.101, 0.132, 0.2, 101.0, 0.0011), heard())
    assert errors.ttft_s == [pytest.approx(0.001)]
    assert errors.ttfc_s == [pytest.approx(0.002)]
    assert errors.e2e_s == [pytest.approx(0)]
    assert errors.decode_percent == [pytest.approx(1.0)]
    assert errors.cpu_s == [pytest.approx(0.0001)]


def test_a_figure_that_a_client_lacks_is_infinitely_wrong_and_misses_its_aim() -> None:
    errors = Errors()
    errors.add(Taken(None, None, None, None, 0.0), heard())
    assert errors.ttft_s == errors.decode_percent == [float("inf")]
    assert not aims([Row(Shape("plain", 60.0, 40, 1), "lanebench", errors), row("bare socket", 60.0, ttft_s=[0.0])])[
        0
    ].met


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (99, 99), (100, 100), (1, 1)])
def test_percentiles_are_values_that_were_seen(percent: float, value: int) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], percent) == value


def test_the_99th_of_few_values_is_the_largest_and_of_none_there_is_none() -> None:
    assert percentile([3.0, 1.0, 2.0], 99) == 3.0
    assert percentile([], 99) is None


def test_aims_compare_with_the_floor_and_with_plain_httpx() -> None:
    floor = row("bare socket", 60.0, ttft_s=[0.001] * 3)
    usual = row("httpx raw", 60.0, cpu_s=[100e-6])
    near = row("lanebench", 60.0, ttft_s=[0.0013] * 3, cpu_s=[90e-6], decode_percent=[-0.05])
    far = row("lanebench", 60.0, ttft_s=[0.0015] * 3, cpu_s=[110e-6], decode_percent=[-0.2])
    assert [aim.met for aim in aims([near, floor, usual])] == [True] * 4
    assert [aim.met for aim in aims([far, floor, usual])] == [False] * 4


def test_the_wait_is_judged_by_the_streams_that_were_asked_for_most_often() -> None:
    few, many = Shape("plain", 60.0, 40, 3), Shape("plain", 60.0, 16, 100)
    rows = [Row(shape, "bare socket", Errors(ttft_s=[0.001] * 3)) for shape in (few, many)]
    rows.append(Row(few, "lanebench", Errors(ttft_s=[0.009] * 3)))
    rows.append(Row(many, "lanebench", Errors(ttft_s=[0.0012] * 99 + [0.009], decode_percent=[50.0])))
    assert [aim.met for aim in aims(rows)] == [True, True]


@pytest.mark.parametrize("own_s", [0.001, 0.02])
def test_a_p99_beside_a_floor_that_others_disturb_decides_nothing(own_s: float) -> None:
    shape = Shape("plain", 60.0, 16, 100)
    noisy = Row(shape, "bare socket", Errors(ttft_s=[0.001] * 98 + [0.005] * 2))
    own = Row(shape, "lanebench", Errors(ttft_s=[0.001] * 98 + [own_s] * 2))
    half, tail = aims([own, noisy])
    assert (half.met, half.open) == (True, None)
    assert (tail.met, tail.missed) == (False, False)
    assert "4.0 ms above its p50" in (tail.open or "")


def test_streams_of_several_tokens_an_event_have_an_aim_of_their_own() -> None:
    found = aims([row("lanebench", 60.0, "random-tokens-an-event", decode_percent=[0.6])])
    assert [(aim.met, aim.most) for aim in found] == [(True, 1.0)]
    assert not aims([row("lanebench", 60.0, "random-tokens-an-event", decode_percent=[-1.2])])[0].met


def test_the_framing_is_taken_off_a_bare_sockets_bytes() -> None:
    stamps = [(1, b"HTTP/1.1 200 OK\r\n\r\n3\r\nab"), (2, b"c\r\n2\r\n"), (3, b"de\r\n"), (4, b"0\r\n\r\n")]
    assert _unchunked(stamps) == [(2, b"abc"), (3, b"de")]


def test_the_usual_way_counts_all_tokens_but_one() -> None:
    events = [(n * 10 * MS, {"choices": [{"delta": {"content": "four tokens"}}]}) for n in range(1, 12)]
    taken = _usual(0, [*events, (999 * MS, {"choices": [], "usage": {"completion_tokens": 44}})], 0.0)
    assert taken.decode_tps == pytest.approx(430)
    assert (taken.ttft_s, taken.e2e_s) == (0.01, 0.11)


@pytest.mark.parametrize("name", ["lanebench", "bare socket", "httpx raw", "httpx lines"])
def test_every_client_times_a_stream_between_its_start_and_its_end(server: ReferenceServer, name: str) -> None:
    assert name in CLIENTS
    shape = Shape("reasoning-content", 500.0, 60, 2, (name,))
    (found,) = measure(server, Plan((shape,)), lambda _done, _total: None)
    errors = found.errors
    assert [len(errors.ttft_s), len(errors.ttfc_s), len(errors.e2e_s), len(errors.decode_percent)] == [2, 2, 2, 2]
    assert min(*errors.ttft_s, *errors.ttfc_s, *errors.e2e_s) > 0
    assert max(errors.ttft_s) < float("inf")


def test_the_table_has_a_line_for_every_client_and_a_dash_where_nothing_was_measured() -> None:
    text = timing_table([row("lanebench", 60.0, ttft_s=[0.001], cpu_s=[1e-4]), row("bare socket", 60.0, cpu_s=[1e-4])])
    lines = text.splitlines()
    assert len(lines) == 3
    assert "1.00/1.00" in lines[1]
    assert "-/-" in lines[2]


def test_a_client_whose_package_is_missing_is_left_out() -> None:
    @contextmanager
    def missing(_base_url: str) -> Iterator[Take]:
        raise ImportError("no such package")
        yield

    with ExitStack() as stack:
        known = {**CLIENTS, "missing": missing}
        opened = open_clients(stack, "http://127.0.0.1:9/v1", ["missing", "httpx raw"], known)
        assert list(opened) == ["httpx raw"]


def test_no_behaviour_of_a_server_is_misread(server: ReferenceServer) -> None:
    assert misunderstood(server, ("plain", "as-omlx", "error-then-stop")) == {}


def test_a_time_that_is_taken_of_something_else_is_misread(server: ReferenceServer) -> None:
    wrong = misunderstood(server, ("keepalive-comments",), within_s=0.0)
    assert wrong == {"keepalive-comments": ["ttft", "ttfc", "e2e"]}


def test_the_plans_ask_for_three_rates_or_for_a_short_look() -> None:
    whole, short = Plan.whole(30), Plan.short(12)
    assert {shape.tps for shape in whole.shapes} == {60.0, 500.0, 5000.0}
    assert {shape.behaviour for shape in whole.shapes} >= {"plain", "reasoning-content", "random-tokens-an-event"}
    assert [shape.rounds for shape in short.shapes] == [12]
