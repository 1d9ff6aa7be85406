"""The self-test: its figures come from streams that were really timed."""

import subprocess
import sys
from collections.abc import Callable
from itertools import count

import pytest

from harness.calibration import run_self_test
from harness.calibration.clock import MAX_RATE_ERROR, clock_rate_error, clock_step_s
from harness.calibration.self_test import MAX_DECODE_ERROR_PERCENT, decode_error_percent, lag_p99_s, ttft_error_s
from harness.cli.selftest import render
from harness.errors import ServerError
from harness.files import plain
from harness.host import CpuTimes, cpu_times, other_cpu_share, peak_rss_bytes
from harness.record import CLOCK_WRAP_NS, Moment
from harness.schema import load_schema
from harness.types import SelfTest


def test_every_figure_is_measured() -> None:
    found = run_self_test(2)
    assert found.streams == 2
    assert min(found.socket_error_s, found.ttft_error_s, found.lag_p99_s) > 0
    assert found.decode_error_percent >= 0
    assert found.clock_step_s is not None
    assert 0 < found.clock_step_s < 0.001
    assert found.clock_rate_error is not None
    assert found.clock_rate_error < 0.01
    assert found.other_cpu_share is None or 0 <= found.other_cpu_share <= 1
    assert set(plain(found)) == set(load_schema("result")["$defs"]["selftest"]["properties"])


def test_a_machine_too_busy_for_any_decode_rate_has_a_finite_error() -> None:
    missing = float("inf")
    assert decode_error_percent([1.0, missing, missing]) == MAX_DECODE_ERROR_PERCENT
    assert decode_error_percent([1.0, -3.0, missing]) == 3.0


def test_a_self_test_that_reads_no_stream_is_an_error_and_no_lag_of_zero() -> None:
    with pytest.raises(ServerError, match="none of its own streams"):
        lag_p99_s([])
    assert lag_p99_s([0.0, 0.002]) == 0.002
    with pytest.raises(ServerError, match="no first token"):
        ttft_error_s([0.001, float("inf"), float("inf")])
    assert ttft_error_s([0.001, 0.002, float("inf")]) == 0.002


def stepping_clock(step_ns: int) -> Callable[[], int]:
    """A clock that is read every microsecond and moves in steps."""
    readings = count(10**12, 1000)
    return lambda: next(readings) // step_ns * step_ns


@pytest.mark.parametrize(("step_ns", "step_s"), [(16_000_000, 0.016), (1000, 1e-6)])
def test_the_step_of_a_clock_is_measured(step_ns: int, step_s: float) -> None:
    assert clock_step_s(stepping_clock(step_ns)) == step_s


def moments(*read: tuple[float, float]) -> list[Moment]:
    """Moments by the seconds of the wall clock and of the monotonic one, which wraps after the first."""
    start_ns = CLOCK_WRAP_NS - 10**9
    return [Moment(int(wall_s * 1e9), (start_ns + int(clock_s * 1e9)) % CLOCK_WRAP_NS) for wall_s, clock_s in read]


def test_a_clock_at_half_speed_makes_rates_twice_too_high() -> None:
    assert clock_rate_error(moments((0, 0), (4, 2), (6, 3))) == pytest.approx(1.0)
    assert clock_rate_error(moments((0, 0), (4, 0), (6, 0))) == MAX_RATE_ERROR


@pytest.mark.parametrize("step_s", [30.0, -30.0])
def test_a_wall_clock_that_was_set_once_is_not_a_wrong_clock(step_s: float) -> None:
    assert clock_rate_error(moments((100, 0), (104 + step_s, 4), (106 + step_s, 6))) == pytest.approx(0.0, abs=1e-6)
    assert clock_rate_error(moments((100, 0), (104.02, 4), (106.01, 6))) == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("busy_s", "process_s", "share"), [(12.0, 1.0, 0.05), (12.0, 2.0, 0.0), (12.0, 5.0, 0.0), (50.0, 0.0, 1.0)]
)
def test_cpu_time_that_is_neither_idle_nor_of_this_process_counts_as_other(
    busy_s: float, process_s: float, share: float
) -> None:
    before = CpuTimes(10.0, 100.0, 7.0, 0.0)
    assert other_cpu_share(before, CpuTimes(busy_s, 120.0, 7.0 + process_s, 0.0)) == pytest.approx(share)
    started = CpuTimes(busy_s, 120.0, 7.0, process_s)
    assert other_cpu_share(before, started, children_are_own=True) == pytest.approx(share)


def test_the_server_that_the_kit_starts_is_not_the_kit() -> None:
    before = cpu_times()
    program = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-I", "-c", program], check=True)
    after = cpu_times()
    assert after.children_s - before.children_s >= 0.25
    assert after.process_s - before.process_s < 0.15


def test_the_share_over_no_time_is_null() -> None:
    assert other_cpu_share(CpuTimes(1.0, 100.0, 0.0, 0.0), CpuTimes(1.0, 100.0, 0.0, 0.0)) is None


def test_the_cpu_counters_of_this_machine_increase() -> None:
    before = cpu_times()
    sum(range(10**6))
    after = cpu_times()
    assert after.process_s >= before.process_s
    assert after.total_s >= after.busy_s > 0
    assert peak_rss_bytes() > 10**6


def test_the_figures_are_rendered_with_words_and_units() -> None:
    lines = render(SelfTest(12, 0.0002, 0.0003, 0.0015, 0.02, None)).splitlines()
    assert [line for line in lines if "0.30 ms" in line and "12 streams" in line]
    assert "other processes used unknown of all CPU time" in lines
