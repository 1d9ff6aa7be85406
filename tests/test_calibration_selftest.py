"""The short self-test: its figures are of streams that were really timed, and others' share is what is left."""

import pytest

from harness.calibration.selftest import selftest
from harness.cli.selftest import told
from harness.files import plain
from harness.host import Work, largest_memory_bytes, share_of_others, work
from harness.schema import load_schema
from harness.types import SelfTest


def test_every_figure_is_measured() -> None:
    found = selftest(2)
    assert found.streams == 2
    assert min(found.floor_s, found.ttft_error_s, found.lag_p99_s) > 0
    assert found.decode_error_percent >= 0
    assert found.others_busy is None or 0 <= found.others_busy <= 1
    assert set(plain(found)) == set(load_schema("result")["$defs"]["selftest"]["properties"])


@pytest.mark.parametrize(
    ("taken_s", "own_s", "share"), [(12.0, 1.0, 0.05), (12.0, 2.0, 0.0), (12.0, 5.0, 0.0), (50.0, 0.0, 1.0)]
)
def test_what_is_neither_own_nor_idle_is_the_others(taken_s: float, own_s: float, share: float) -> None:
    assert share_of_others(Work(10.0, 100.0, 7.0), Work(taken_s, 120.0, 7.0 + own_s)) == pytest.approx(share)


def test_without_time_between_there_is_no_share() -> None:
    assert share_of_others(Work(1.0, 100.0, 0.0), Work(1.0, 100.0, 0.0)) is None


def test_the_counters_of_this_machine_run_forward() -> None:
    before = work()
    sum(range(10**6))
    after = work()
    assert after.own_s >= before.own_s
    assert after.total_s >= after.taken_s > 0
    assert largest_memory_bytes() > 10**6


def test_the_figures_are_told_in_words_and_units() -> None:
    lines = told(SelfTest(12, 0.0002, 0.0003, 0.0015, 0.02, None)).splitlines()
    assert [line for line in lines if "0.30 ms" in line and "12 streams" in line]
    assert "other processes took unknown of all processor time" in lines
