"""The self-test: its figures come from streams that were really timed."""

import subprocess
import sys

import pytest

from harness.calibration import run_self_test
from harness.calibration.self_test import MAX_DECODE_ERROR_PERCENT, decode_error_percent
from harness.cli.selftest import render
from harness.files import plain
from harness.host import CpuTimes, cpu_times, other_cpu_share, peak_rss_bytes
from harness.schema import load_schema
from harness.types import SelfTest


def test_every_figure_is_measured() -> None:
    found = run_self_test(2)
    assert found.streams == 2
    assert min(found.socket_error_s, found.ttft_error_s, found.lag_p99_s) > 0
    assert found.decode_error_percent >= 0
    assert found.other_cpu_share is None or 0 <= found.other_cpu_share <= 1
    assert set(plain(found)) == set(load_schema("result")["$defs"]["selftest"]["properties"])


def test_a_machine_too_busy_for_any_decode_rate_has_a_finite_error() -> None:
    missing = float("inf")
    assert decode_error_percent([1.0, missing, missing]) == MAX_DECODE_ERROR_PERCENT
    assert decode_error_percent([1.0, -3.0, missing]) == 3.0


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
