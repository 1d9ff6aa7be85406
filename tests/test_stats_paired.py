"""Paired differences, corrections for many tests, ratios and drift, checked against scipy."""

import math
import random
from fractions import Fraction
from statistics import NormalDist
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.stats import (
    ContingencyTable,
    Difference,
    blocked_mean_ratio,
    difference_on_tasks_like_these,
    difference_on_these_tasks,
    estimate_drift,
    format_k_of_n,
    geometric_mean_ratio,
    holm,
    mcnemar_p,
    ratio_verdict,
    sign_flip_p,
    tie_groups,
)
from harness.stats.power import mde, tasks_to_decide, trials_to_decide
from harness.stats.ratios import Ratio

TENTHS = st.lists(st.integers(-10, 10).map(lambda tenth: Fraction(tenth, 10)), min_size=2, max_size=9)


@settings(max_examples=40)
@given(TENTHS)
def test_the_sign_flip_p_is_that_of_scipys_exact_permutation_test(
    oracle: ModuleType, differences: list[Fraction]
) -> None:
    steps = [int(10 * one) for one in differences]
    expected = oracle.permutation_test(
        (steps,), sum, permutation_type="samples", vectorized=False, n_resamples=1024, alternative="two-sided"
    )
    assert sign_flip_p(differences) == pytest.approx(min(1.0, float(expected.pvalue)))


def test_the_sign_flip_p_is_exact_where_sampling_would_not_be() -> None:
    assert sign_flip_p([Fraction(1, 10)] * 50) == 2 / 2**50
    assert sign_flip_p([Fraction(1), Fraction(-1)]) == 1.0
    assert sign_flip_p([]) == 1.0


@pytest.mark.parametrize(("more", "less"), [(40, 22), (70, 61), (900, 1100)])
def test_many_equal_steps_are_the_binomial_test(oracle: ModuleType, more: int, less: int) -> None:
    steps = [Fraction(1, 10)] * more + [Fraction(-1, 10)] * less
    assert sign_flip_p(steps) == pytest.approx(oracle.binomtest(more, more + less).pvalue, rel=1e-9)


def test_denominators_that_do_not_fit_the_grid_are_rounded_conservatively() -> None:
    awkward = [Fraction(1, prime) for prime in (3, 7, 11, 13, 17, 19, 23, 29)]
    assert sign_flip_p(awkward) == 2 / 2**8
    assert sign_flip_p([*awkward, -sum(awkward, Fraction(0))]) > 0.9


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemars_p_is_the_binomial_tests(oracle: ModuleType, more: int, less: int) -> None:
    expected = oracle.binomtest(more, more + less).pvalue if more + less else 1.0
    assert mcnemar_p(more, less) == pytest.approx(expected)


@pytest.mark.parametrize(("more", "less", "decided"), [(5, 0, False), (6, 0, True), (8, 1, True), (7, 1, False)])
def test_one_trial_per_task_needs_six_discordant_pairs_in_one_direction(more: int, less: int, decided: bool) -> None:
    assert (mcnemar_p(more, less) < 0.05) is decided


@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), min_size=4, max_size=20))
def test_the_differences_interval_is_students_on_the_tasks(oracle: ModuleType, counts: list[tuple[int, int]]) -> None:
    values = [(a - b) / 10 for a, b in counts]
    seen = difference_on_tasks_like_these([((a, 10), (b, 10)) for a, b in counts])
    assert seen.interval
    if len(set(values)) > 1:
        expected = oracle.ttest_1samp(values, 0.0).confidence_interval()
        assert seen.interval == pytest.approx((max(-1, expected.low), min(1, expected.high)), abs=1e-9)
    assert seen.difference == pytest.approx(math.fsum(values) / len(values))


def test_a_clear_difference_on_many_tasks_is_better_and_its_mirror_is_worse() -> None:
    pairs = [((9, 10), (5, 10)), ((8, 10), (6, 10)), ((10, 10), (4, 10)), ((7, 10), (3, 10))] * 3
    assert difference_on_tasks_like_these(pairs).verdict == "better"
    assert difference_on_tasks_like_these([(b, a) for a, b in pairs]).verdict == "worse"


def test_few_tasks_do_not_decide_and_state_how_many_would() -> None:
    seen = difference_on_tasks_like_these([((9, 10), (7, 10)), ((8, 10), (4, 10)), ((6, 10), (6, 10))])
    assert seen.verdict == "can't tell"
    assert seen.difference == pytest.approx(0.2)
    assert seen.mde
    assert seen.mde > 0.2
    assert seen.tasks_to_decide
    assert 3 < seen.tasks_to_decide < 30


def test_more_trials_do_not_help_where_the_tasks_disagree() -> None:
    seen = difference_on_tasks_like_these([((10, 10), (0, 10)), ((0, 10), (9, 10)), ((10, 10), (0, 10))])
    assert (seen.verdict, seen.trials_to_decide) == ("can't tell", None)
    assert seen.tasks_to_decide


def test_equal_results_still_have_an_interval() -> None:
    seen = difference_on_tasks_like_these([((10, 10), (10, 10))] * 5)
    assert seen.interval
    assert seen.interval.low < -0.02 < 0.02 < seen.interval.high
    assert (seen.verdict, seen.tasks_to_decide, seen.trials_to_decide) == ("can't tell", None, None)


def test_one_task_decides_about_itself_but_not_about_others() -> None:
    assert difference_on_tasks_like_these([((10, 10), (0, 10))]).verdict == "can't tell"
    assert difference_on_these_tasks([ContingencyTable(0, 10, 0, 0)]).verdict == "better"
    assert difference_on_these_tasks([ContingencyTable(0, 5, 0, 5)]).verdict == "can't tell"
    assert difference_on_these_tasks([]).interval is None


def test_a_difference_on_these_tasks_says_how_many_trials_would_decide() -> None:
    seen = difference_on_these_tasks([ContingencyTable(3, 4, 1, 2)])
    assert seen.difference == pytest.approx(0.3)
    assert seen.verdict == "can't tell"
    assert seen.p == pytest.approx(mcnemar_p(4, 1))
    assert seen.trials_to_decide
    assert 10 < seen.trials_to_decide < 100


@pytest.mark.parametrize("level", [0.95, 1 - 0.05 / 6, 0.995])
def test_the_size_that_would_decide_is_for_the_level_of_the_verdict(level: float) -> None:
    """With as many trials the same difference is decided at the level, and not with half as many."""

    def seen(trials: int) -> Difference:
        both, model, baseline = (round(share * trials) for share in (0.5, 0.2, 0.1))
        neither = trials - both - model - baseline
        return difference_on_these_tasks([ContingencyTable(both, model, baseline, neither)] * 8, level)

    needed = seen(10).trials_to_decide
    assert needed
    assert seen(-(-needed // 10) * 10).verdict == "better"
    assert seen(needed // 20 * 10).verdict == "can't tell"
    corrected = difference_on_these_tasks([ContingencyTable(5, 2, 1, 2)] * 8, power_level=level)
    assert (corrected.mde, corrected.trials_to_decide) == (seen(10).mde, needed)


def test_a_difference_that_the_corrections_may_withdraw_says_what_would_decide() -> None:
    pairs = [((10, 10), (passed, 10)) for passed in (6, 6, 7, 7, 8, 9)]
    seen = difference_on_tasks_like_these(pairs, power_level=0.995)
    assert (seen.p, seen.verdict) == (2 / 2**6, "better")
    assert seen.tasks_to_decide
    assert (seen.trials_to_decide or 0) > 10
    alone = difference_on_tasks_like_these(pairs)
    assert (alone.tasks_to_decide, alone.trials_to_decide) == (None, None)


@pytest.mark.parametrize("pairs", [1, 6, 15])
def test_the_minimum_detectable_effect_is_found_with_80_percent_after_holm(pairs: int) -> None:
    level = 1 - 0.05 / pairs
    effect = mde(0.05, None, level)
    assert effect
    assert NormalDist().cdf(effect / 0.05 - NormalDist().inv_cdf(0.5 + level / 2)) == pytest.approx(0.8)


def test_the_number_of_tasks_that_decides_is_the_first_with_a_small_enough_mde() -> None:
    tasks = tasks_to_decide(0.1, 0.3)
    assert tasks
    assert (mde(0.3 / math.sqrt(tasks), tasks - 1) or 1) <= 0.1
    assert (mde(0.3 / math.sqrt(tasks - 1), tasks - 2) or 1) > 0.1
    assert tasks_to_decide(0.0, 0.3) is None
    assert trials_to_decide(0.0, (0.0, 0.1), (5, 10)) is None
    assert mde(5.0, 10) is None


def test_holms_adjustment_is_that_of_the_textbook_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.6, 0.7]) == (1.0, 1.0)
    assert holm([]) == ()


def test_ties_are_groups_against_their_first() -> None:
    rates = {"a": 0.9, "b": 0.8, "c": 0.6, "d": 0.5}
    assert tie_groups(list(rates), lambda name, anchor: rates[anchor] - rates[name] > 0.25) == (("a", "b"), ("c", "d"))
    assert tie_groups([], lambda name, anchor: True) == ()


SPEEDS = st.lists(st.floats(10, 100), min_size=3, max_size=12, unique=True)


@given(SPEEDS, SPEEDS)
def test_the_ratio_of_one_cell_is_welchs_on_logarithms(oracle: ModuleType, a: list[float], b: list[float]) -> None:
    seen = geometric_mean_ratio([(a, b)])
    expected = oracle.ttest_ind(list(map(math.log, a)), list(map(math.log, b)), equal_var=False)
    bounds = expected.confidence_interval()
    assert seen
    assert (seen.low, seen.high) == pytest.approx((math.exp(bounds.low), math.exp(bounds.high)), rel=1e-6)


def test_ratios_of_several_cells_are_put_together_as_geometric_means() -> None:
    seen = geometric_mean_ratio([([20.0, 20.0], [10.0, 10.0]), ([10.0, 10.0], [20.0, 20.0])])
    assert seen == Ratio(1.0, 1.0, 1.0, 2)
    single = geometric_mean_ratio([([20.0], [10.0])])
    assert single
    assert single.ratio == pytest.approx(2.0)
    assert single.low is None
    assert geometric_mean_ratio([([], [1.0])]) is None


@given(SPEEDS, SPEEDS)
def test_in_one_cell_a_block_is_a_value(a: list[float], b: list[float]) -> None:
    plain, blocked = geometric_mean_ratio([(a, b)]), blocked_mean_ratio([(dict(enumerate(a)), dict(enumerate(b)))])
    assert plain
    assert blocked
    assert blocked == pytest.approx(plain, rel=1e-9)


def test_cells_with_a_single_value_on_a_side_count_only_where_there_are_no_others() -> None:
    assert blocked_mean_ratio([({}, {0: 1.0})]) is None
    whole, sparse = ({0: 20.0, 1: 21.0}, {0: 10.0, 1: 10.5}), ({0: 4.0}, {0: 1.0, 1: 1.1})
    for found, alone, single in (
        (blocked_mean_ratio([whole, sparse]), blocked_mean_ratio([whole]), blocked_mean_ratio([sparse, sparse])),
        (
            geometric_mean_ratio([_values(whole), _values(sparse)]),
            geometric_mean_ratio([_values(whole)]),
            geometric_mean_ratio([_values(sparse), _values(sparse)]),
        ),
    ):
        assert found
        assert single
        assert found == alone
        assert found.low is not None
        assert (single.low, single.high, single.cells) == (None, None, 2)


def _values(pair: tuple[dict[int, float], dict[int, float]]) -> tuple[list[float], list[float]]:
    return list(pair[0].values()), list(pair[1].values())


def test_cells_that_share_the_blocks_of_a_drifting_machine_are_no_independent_evidence() -> None:
    """The same model twice, on a machine whose speed changes by 8 % between blocks, and by 2 % between tasks."""
    rng, level = random.Random(5), 0.95
    false_claims = {"independent": 0, "blocked": 0}
    for _ in range(400):
        sides = []
        for _ in range(2):
            moments = [rng.gauss(0, 0.08) for _ in range(10)]
            sides.append([[math.exp(moment + rng.gauss(0, 0.02)) for moment in moments] for _ in range(6)])
        cells = list(zip(*sides, strict=True))
        by_block = [(dict(enumerate(values)), dict(enumerate(baseline))) for values, baseline in cells]
        found = {"independent": geometric_mean_ratio(cells, level), "blocked": blocked_mean_ratio(by_block, level)}
        for name, ratio in found.items():
            assert ratio is not None
            assert ratio.low is not None
            assert ratio.high is not None
            false_claims[name] += not ratio.low <= 1 <= ratio.high
    assert false_claims["independent"] > 0.3 * 400
    assert false_claims["blocked"] < 0.08 * 400


def test_a_block_that_one_cell_lacks_counts_in_the_others() -> None:
    cells = [({0: 10.0, 1: 11.0, 2: 12.0}, {0: 5.0, 1: 5.5, 2: 6.0}), ({0: 20.0, 2: 24.0}, {0: 10.0, 1: 11.0, 2: 12.0})]
    ratio = blocked_mean_ratio(cells)
    assert ratio
    assert ratio.low is not None
    assert ratio.low < ratio.ratio == pytest.approx(2.0, rel=0.01)


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [
        (Ratio(1.20, 1.10, 1.30, 1), "more"),
        (Ratio(0.80, 0.75, 0.90, 1), "less"),
        (Ratio(1.01, 0.98, 1.04, 1), "equivalent"),
        (Ratio(1.03, 1.02, 1.04, 1), "equivalent"),
        (Ratio(1.03, 0.98, 1.08, 1), "can't tell"),
        (Ratio(1.20, 0.90, 1.50, 1), "can't tell"),
        (Ratio(1.20, None, None, 1), "can't tell"),
    ],
)
def test_a_ratio_is_judged_by_the_equivalence_margin(ratio: Ratio, verdict: str) -> None:
    assert ratio_verdict(ratio) == verdict


def test_a_ratio_that_a_few_wild_values_leave_open_has_no_bounds() -> None:
    steady, wild = ([0.3, 0.3001], [0.3, 0.3001]), ([0.3, 3.0], [0.3, 0.3001])
    seen = geometric_mean_ratio([*[steady] * 59, wild], 1 - 0.05 / 60)
    assert seen
    assert (seen.low, seen.high, ratio_verdict(seen)) == (None, None, "can't tell")
    extreme = geometric_mean_ratio([([1e-300, 1e-299], [1e300, 1e299])])
    assert extreme
    assert extreme.ratio == pytest.approx(1e-6)
    assert (extreme.low, extreme.high) == (None, None)


def test_no_drift_is_read_from_groups_that_say_nothing_of_the_whole_run() -> None:
    hours_apart = [[(0, 100.0), (0.5, 101.0), (1, 99.0)], [(36000, 50.0), (36000.5, 51.0), (36001, 48.0)]]
    assert estimate_drift(hours_apart) is None


def test_drift_of_one_group_is_scipys_slope(oracle: ModuleType) -> None:
    points = [(float(at), 40.0 * math.exp(-0.01 * at + 0.02 * (at % 3))) for at in range(12)]
    seen = estimate_drift([points])
    expected = oracle.linregress([x for x, _ in points], [math.log(y) for _, y in points])
    assert seen
    assert seen.change == pytest.approx(math.exp(float(expected.slope) * 11) - 1)
    half = float(oracle.t.ppf(0.975, 10)) * float(expected.stderr)
    assert seen.low == pytest.approx(math.exp((float(expected.slope) - half) * 11) - 1)


def test_drift_is_not_made_by_tasks_of_different_speeds() -> None:
    quick = [(float(at), 100.0) for at in range(0, 10, 2)]
    slow = [(float(at), 10.0) for at in range(1, 11, 2)]
    drift = estimate_drift([quick, slow])
    assert drift
    assert (drift.change, drift.low, drift.high) == pytest.approx((0, 0, 0), abs=1e-12)
    assert estimate_drift([quick[:2]]) is None
    assert estimate_drift([[(1.0, 2.0)] * 9]) is None


def test_a_formatted_rate_has_its_k_n_and_interval() -> None:
    assert format_k_of_n(7, 10) == "in 7 of 10 trials (95 % interval 40 to 89 %)"
    assert format_k_of_n(3, 5) == "in 3 of 5 trials"
    assert format_k_of_n(0, 0) == "in none of 0 trials"
