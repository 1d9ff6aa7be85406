"""Intervals of one cell and of one suite, checked against scipy and published tables."""

import math
from statistics import fmean, median, variance
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.stats import (
    clopper_pearson,
    difference_on_tasks_like_these,
    quartiles,
    rate_on_tasks_like_these,
    rate_on_these_tasks,
    spread,
    t_interval,
    wilson,
)
from harness.stats.proportions import score_interval
from harness.stats.speeds import median_interval
from harness.stats.suites import t_quantile

COUNTS = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


@given(COUNTS)
def test_wilsons_interval_is_scipys(oracle: ModuleType, count: tuple[int, int]) -> None:
    expected = oracle.binomtest(*count).proportion_ci(method="wilson")
    assert wilson(*count) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(COUNTS)
def test_clopper_and_pearsons_interval_is_scipys(oracle: ModuleType, count: tuple[int, int]) -> None:
    expected = oracle.binomtest(*count).proportion_ci(method="exact")
    assert clopper_pearson(*count) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize(
    ("k", "low", "high", "exact_low", "exact_high"),
    [
        (0, 0, 0.278, 0, 0.308),
        (3, 0.108, 0.603, 0.067, 0.652),
        (9, 0.596, 0.982, 0.555, 0.997),
        (10, 0.722, 1, 0.692, 1),
    ],
)
def test_k_of_ten_has_the_published_bounds(
    k: int, low: float, high: float, exact_low: float, exact_high: float
) -> None:
    assert wilson(k, 10) == pytest.approx((low, high), abs=5e-4)
    assert clopper_pearson(k, 10) == pytest.approx((exact_low, exact_high), abs=6e-4)


def test_no_trial_has_no_interval() -> None:
    assert wilson(0, 0) is None
    assert clopper_pearson(0, 0) is None


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30))
def test_students_interval_is_scipys(oracle: ModuleType, values: list[float]) -> None:
    if variance(values) < 1e-9:
        return
    expected = oracle.ttest_1samp(values, 0.0).confidence_interval()
    assert t_interval(values) == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-9)


def test_students_interval_needs_two_values() -> None:
    assert t_interval([1.0]) is None


def test_ten_tasks_of_ten_trials_are_not_a_hundred_independent_ones() -> None:
    counts = [(10, 10)] * 5 + [(2, 10)] * 5
    pooled = wilson(60, 100)
    rate, interval = rate_on_tasks_like_these(counts)
    assert rate == 0.6
    assert pooled
    assert interval
    assert interval.high - interval.low > 2 * (pooled.high - pooled.low)


def test_tasks_that_all_pass_leave_room_for_other_tasks_that_do_not() -> None:
    rate, interval = rate_on_tasks_like_these([(10, 10)] * 5)
    single = wilson(5, 5)
    assert (rate, interval and interval.high) == (1.0, 1.0)
    assert interval
    assert single
    assert interval.low < single.low


def test_one_task_has_no_interval_for_other_tasks() -> None:
    assert rate_on_tasks_like_these([(7, 10)]) == (0.7, None)


def test_weights_move_the_rate_and_its_interval_towards_the_heavier_task() -> None:
    counts = [(10, 10), (0, 10)]
    assert rate_on_these_tasks(counts, weights=[3.0, 1.0])[0] == pytest.approx(0.75)
    assert rate_on_these_tasks(counts, weights=[1.0, 0.0]) == rate_on_these_tasks(counts[:1])


def test_the_interval_on_these_tasks_is_narrower_than_on_tasks_like_these() -> None:
    counts = [(10, 10), (9, 10), (2, 10), (5, 10), (0, 10)]
    rate, like = rate_on_tasks_like_these(counts)
    same, these = rate_on_these_tasks(counts)
    assert rate == same == pytest.approx(0.52)
    assert like
    assert these
    assert like.low < these.low < 0.52 < these.high < like.high


def test_a_task_without_trials_is_left_out_and_none_at_all_has_no_rate() -> None:
    assert rate_on_these_tasks([(0, 0)]) == (None, None)
    assert rate_on_tasks_like_these([]) == (None, None)
    assert rate_on_tasks_like_these([(5, 5), (0, 0), (0, 5)])[0] == 0.5


@given(VALUES)
def test_minimum_and_maximum_of_a_spread_enclose_its_median_and_interval(values: list[float]) -> None:
    seen = spread(values)
    assert seen
    assert (seen.n, seen.minimum, seen.maximum) == (len(values), min(values), max(values))
    assert seen.median == median(values)
    assert seen.mean == fmean(values)
    assert (seen.variance is None) == (len(values) == 1)
    assert (seen.low is None) == (len(values) < 6)
    if seen.low is not None and seen.high is not None:
        assert seen.minimum <= seen.low <= seen.median <= seen.high <= seen.maximum


@pytest.mark.parametrize("n", range(6, 60))
def test_the_medians_interval_holds_at_least_95_percent_and_no_rank_more_would(oracle: ModuleType, n: int) -> None:
    interval = median_interval(list(range(n)))
    assert interval
    low, high = int(interval.low), int(interval.high)
    assert low + high == n - 1
    inside = 1 - 2 * oracle.binom.cdf(low, n, 0.5)
    assert inside >= 0.95 or math.isclose(inside, 0.95)
    assert 1 - 2 * oracle.binom.cdf(low + 1, n, 0.5) < 0.95


def test_six_runs_give_the_smallest_and_the_largest_and_five_give_nothing() -> None:
    assert median_interval([3, 1, 2, 6, 5, 4]) == (1, 6)
    assert median_interval([3, 1, 2, 5, 4]) is None


def test_a_median_of_thousands_has_its_interval_too() -> None:
    interval = median_interval([float(value) for value in range(5000)])
    assert interval is not None
    assert (interval.low, interval.high) == (2430.0, 2569.0)


def test_outliers_are_counted_and_stay() -> None:
    seen = spread([10.0, 10.1, 9.9, 10.2, 9.8, 30.0])
    assert seen
    assert (seen.outliers, seen.maximum, seen.n) == (1, 30.0, 6)


def test_rounding_alone_makes_no_outlier() -> None:
    seen = spread([0.1 + 0.2, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3])
    assert seen
    assert seen.outliers == 0


def test_the_quartiles_are_those_of_the_usual_definition() -> None:
    assert quartiles([1.0, 2.0, 3.0, 4.0, 5.0]) == (2.0, 4.0)
    assert quartiles([1.0]) is None
    assert spread([]) is None


@pytest.mark.parametrize("tasks", range(2, 16))
@pytest.mark.parametrize("count", [(7, 10), (1, 10), (2, 3), (9, 10)])
def test_equal_rates_have_no_variance_whatever_floats_make_of_them(count: tuple[int, int], tasks: int) -> None:
    rate, interval = rate_on_tasks_like_these([count] * tasks)
    assert rate is not None
    assert interval == score_interval(rate, tasks, t_quantile(tasks - 1))
    difference = difference_on_tasks_like_these([(count, (0, count[1]))] * tasks)
    assert difference.interval is not None
    assert difference.interval.high - difference.interval.low > 0.01
