"""The prefill regression on synthetic turns with a known rate, and the roofline."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from harness.host import host_facts
from harness.summarize.prefill import Sample, fit_times, prefill
from harness.summarize.roofline import chip_name, max_decode_tps, max_prefill_tps
from harness.types import HostFacts, Prefill

SIZES = (1000, 4000, 8000, 16000, 32000)
DECODE_S = 2.0


def samples(
    ttft_s: Callable[[int], float], *, runs: int = 5, noise: float = 0.0, hidden_s: Callable[[int], float] | None = None
) -> list[Sample]:
    """Turns of every size; `hidden_s` is prefill that comes after the first token."""
    chance = random.Random(7)
    out = []
    for size, tokens in enumerate(SIZES):
        for _ in range(runs):
            first = ttft_s(tokens) * (1 + chance.gauss(0, noise))
            out.append(Sample(size, tokens, first, first + DECODE_S + (hidden_s(tokens) if hidden_s else 0.0)))
    return out


def line(tps: float, overhead_s: float) -> Callable[[int], float]:
    return lambda tokens: overhead_s + tokens / tps


def found(of: Sequence[Sample]) -> Prefill:
    one = prefill("speed-curve", of)
    assert one is not None
    return one


def test_the_rate_and_the_overhead_of_a_straight_line_are_found_apart() -> None:
    one = found(samples(line(2000, 0.08)))
    assert one.tps == pytest.approx(2000)
    assert one.overhead_s == pytest.approx(0.08)
    assert (one.valid_rate, one.nonlinear, one.early_first_token_s) == ("fitted", False, None)
    assert one.marginal_tps == pytest.approx((2000,) * 4)
    assert one.residual_share == pytest.approx(0, abs=1e-9)


def test_the_apparent_rate_is_too_low_by_the_overhead_and_the_fitted_one_is_not() -> None:
    one = found(samples(line(2000, 0.8), noise=0.01, runs=6))
    assert one.tps is not None
    assert one.apparent_tps is not None
    assert one.apparent_tps == pytest.approx(32000 / 16.8, rel=0.02)
    assert one.tps == pytest.approx(2000, rel=0.03)


def test_the_interval_covers_the_true_slope_in_noise() -> None:
    held = 0
    for seed in range(200):
        chance = random.Random(seed)
        turns = [
            Sample(size, tokens, (0.08 + tokens / 2000) * (1 + chance.gauss(0, 0.03)), 30.0)
            for size, tokens in enumerate(SIZES)
            for _ in range(5)
        ]
        one = fit_times([float(t.uncached_tokens) for t in turns], [t.ttft_s for t in turns]).interval(1)
        held += one is not None and one.low <= 1 / 2000 <= one.high
    assert 180 <= held <= 199


def test_a_quadratic_term_is_found_and_no_one_rate_is_valid() -> None:
    one = found(samples(lambda tokens: 0.08 + tokens / 2000 + tokens**2 / 2e8, noise=0.005))
    assert (one.nonlinear, one.valid_rate) == (True, "between_sizes")
    rates = [rate for rate in one.marginal_tps if rate is not None]
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize(("tps", "noise"), [(10**12, 0.01), (10**7, 0.0)], ids=["flat", "growing a little"])
def test_a_first_token_before_the_prefill_is_found_by_the_slope_of_e2e(tps: float, noise: float) -> None:
    one = found(samples(line(tps, 0.02), noise=noise, hidden_s=lambda tokens: tokens / 2000))
    assert (one.valid_rate, one.tps, one.low, one.high) == ("none", None, None, None)
    assert one.early_first_token_s == pytest.approx(31000 / 2000, rel=0.05)
    assert one.apparent_tps is not None
    assert one.apparent_tps > 10**6


def test_a_first_token_that_is_early_at_every_size_shows_as_a_negative_overhead() -> None:
    one = found(samples(line(2000, -0.3), hidden_s=lambda _tokens: 0.3))
    assert one.valid_rate == "fitted"
    assert one.early_first_token_s == pytest.approx(0.3)
    assert one.tps == pytest.approx(2000)


def test_times_that_do_not_grow_have_no_rate() -> None:
    one = found(samples(lambda _tokens: 0.5, noise=0.02))
    assert (one.tps, one.low, one.high, one.valid_rate) == (None, None, None, "none")


@pytest.mark.parametrize("keep", [(), (0, 1, 2), (4,)])
def test_too_few_sizes_have_no_line(keep: tuple[int, ...]) -> None:
    assert prefill("speed-curve", [one for one in samples(line(2000, 0.1)) if one.size in keep]) is None


def test_sizes_that_are_near_each_other_have_no_line() -> None:
    near = [Sample(size, 1000 + 100 * size, 0.5 + size / 100, 2.0) for size in range(5)]
    assert prefill("speed-curve", near) is None


def test_a_slow_run_among_fast_ones_does_not_move_the_line() -> None:
    turns = samples(line(2000, 0.08))
    turns[2] = Sample(0, 1000, turns[2].ttft_s * 3, 9.0)
    assert found(turns).tps == pytest.approx(2000)


def test_chip_names_are_parsed() -> None:
    assert [chip_name(name) for name in ("Apple M4 Max", "Apple M1", "Intel Xeon", None)] == [
        "M4 Max",
        "M1",
        None,
        None,
    ]


def host(chip: str | None, gpu_cores: int | None) -> HostFacts:
    return replace(host_facts(), chip=chip, gpu_cores=gpu_cores)


def test_decode_is_bound_by_bandwidth_and_prefill_by_flops() -> None:
    facts = {"parameters_b": 30.0, "active_parameters_b": 3.0, "bits_per_weight": 4.0}
    assert max_decode_tps(host("Apple M4 Max", 40), facts) == pytest.approx(546e9 / 1.5e9)
    assert max_decode_tps(host("Apple M4 Max", 40), {"parameters_b": 30.0, "bits_per_weight": 4.0}) == pytest.approx(
        36.4
    )
    assert max_prefill_tps(host("Apple M4 Max", 40), facts) == pytest.approx(40 * 1.2e12 / 6e9)


@pytest.mark.parametrize(
    "facts", [{}, {"parameters_b": 30.0}, {"bits_per_weight": 4.0}, {"parameters_b": "many", "bits_per_weight": 4}]
)
def test_unknown_facts_give_no_bound(facts: dict[str, object]) -> None:
    assert max_decode_tps(host("Apple M4 Max", 40), facts) is None
    assert max_decode_tps(host("Apple M99", 40), {"parameters_b": 30.0, "bits_per_weight": 4.0}) is None
    assert max_prefill_tps(host("Apple M5", 10), {"parameters_b": 30.0}) is None
    assert max_decode_tps(host("Apple M5 Max", 40), {"parameters_b": 30.0, "bits_per_weight": 4.0}) == pytest.approx(
        614e9 / 15e9
    )
    assert max_prefill_tps(host("Apple M4", None), {"parameters_b": 30.0}) is None
