"""Prefill rate of a model by regression: TTFT on uncached prompt tokens over several prompt sizes of one task.

The entry point is `prefill`. It fits one line through the medians of each size, weighted by 1/T^2 because errors of
times are relative. The slope is the time per prompt token, the intercept the fixed overhead per request.

Why not tokens / TTFT, as most benchmarks do: the overhead hides in it. Behind 80 ms of overhead (proxy, tokenizer,
scheduler) the ratio is 24 % too low at 512 tokens of a model that reads 2,000 tokens/s; the slope is unaffected.
The ratio also cannot show that a server sends its first token before the prefill is done. The regression can: the
slope of TTFT is then smaller than the slope of E2E, or the intercept is negative. Source: this project's measurements
of streaming clients, repeated by tests/test_summarize_prefill.py on synthetic turns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Literal

from harness.stats import PolynomialFit, fit_polynomial, spread
from harness.types import Prefill, PrefillPoint

MIN_SIZES = 4
MIN_SIZE_RATIO = 4.0
"""The longest prompt must have at least this many times the tokens of the shortest one."""
MIN_CURVE_SHARE = 0.02
"""A quadratic term that changes the longest prompt's time by less than this share is ignored."""
EARLY_SLOPE_SHARE = 0.5
"""The first token is early when the slope of TTFT is below this share of the slope of E2E."""
MIN_CURVE_DEGREES_OF_FREEDOM = 2


@dataclass(frozen=True, slots=True)
class Sample:
    """One cold turn: index of its prompt size, uncached prompt tokens, seconds to the first and to the last token."""

    size: int
    uncached_tokens: int
    ttft_s: float
    e2e_s: float


@dataclass(frozen=True, slots=True)
class _Diagnosis:
    """Which rate is valid, and how early the first token is."""

    valid_rate: Literal["fitted", "between_sizes", "none"]
    early_first_token_s: float | None = None


def fit_times(tokens: Sequence[float], times_s: Sequence[float], degree: int = 1) -> PolynomialFit:
    """Regress times on tokens with weights 1/T^2, the reciprocal variance of times with a constant relative error."""
    return fit_polynomial(tokens, times_s, [1 / time_s**2 for time_s in times_s], degree)


def prefill(task: str, samples: Sequence[Sample]) -> Prefill | None:
    """Estimate the prefill rate from one task's cold turns; None if its prompt sizes do not support a line."""
    points = _points(samples)
    if not _supports_a_line(points):
        return None
    line = fit_times([point.uncached_tokens for point in points], [point.ttft_s for point in points])
    nonlinear = _is_nonlinear(samples)
    diagnosis = _diagnose(line, points, _e2e_slope(samples), nonlinear)
    tps, low, high = _fitted_rate(line) if diagnosis.valid_rate != "none" else (None, None, None)
    overhead_low_s, overhead_high_s = line.interval(0) or (None, None)
    apparent_tps, apparent_low, apparent_high = _apparent_rate(samples)
    return Prefill(
        task=task,
        points=tuple(points),
        tps=tps,
        low=low,
        high=high,
        overhead_s=line.coefficients[0],
        overhead_low_s=overhead_low_s,
        overhead_high_s=overhead_high_s,
        residual_share=max(abs(line.predict(p.uncached_tokens) - p.ttft_s) / p.ttft_s for p in points),
        nonlinear=nonlinear,
        marginal_tps=_marginal_rates(points),
        apparent_tps=apparent_tps,
        apparent_low=apparent_low,
        apparent_high=apparent_high,
        valid_rate=diagnosis.valid_rate,
        early_first_token_s=diagnosis.early_first_token_s,
    )


def _medians(samples: Sequence[Sample], value: Callable[[Sample], float]) -> dict[int, float]:
    """The median of a value for each prompt size."""
    sizes = sorted({sample.size for sample in samples})
    return {size: median(value(sample) for sample in samples if sample.size == size) for size in sizes}


def _points(samples: Sequence[Sample]) -> list[PrefillPoint]:
    tokens = _medians(samples, lambda sample: sample.uncached_tokens)
    ttft_s = _medians(samples, lambda sample: sample.ttft_s)
    counts = {size: sum(sample.size == size for sample in samples) for size in tokens}
    points = [PrefillPoint(tokens[size], ttft_s[size], counts[size]) for size in tokens]
    return sorted(points, key=lambda point: point.uncached_tokens)


def _supports_a_line(points: Sequence[PrefillPoint]) -> bool:
    """Whether there are enough prompt sizes, far enough apart, all with positive tokens and times."""
    if len(points) < MIN_SIZES or points[0].uncached_tokens <= 0 or min(point.ttft_s for point in points) <= 0:
        return False
    return points[-1].uncached_tokens >= MIN_SIZE_RATIO * points[0].uncached_tokens


Rate = tuple[float | None, float | None, float | None]
"""Tokens per second with its interval."""


def _fitted_rate(line: PolynomialFit) -> Rate:
    """The inverse of the slope; None unless the slope is significantly positive."""
    slope = line.interval(1)
    if slope is None or slope.low <= 0:
        return None, None, None
    return 1 / line.coefficients[1], 1 / slope.high, 1 / slope.low


def _apparent_rate(samples: Sequence[Sample]) -> Rate:
    """Uncached tokens over TTFT at the longest prompt size."""
    tokens = _medians(samples, lambda sample: sample.uncached_tokens)
    longest = max(tokens, key=lambda size: (tokens[size], size))
    rates = spread([sample.uncached_tokens / sample.ttft_s for sample in samples if sample.size == longest])
    return (rates.median, rates.low, rates.high) if rates is not None else (None, None, None)


def _marginal_rates(points: Sequence[PrefillPoint]) -> tuple[float | None, ...]:
    """Rates between neighboring sizes; None if the longer prompt was not slower."""
    rates: list[float | None] = []
    for shorter, longer in pairwise(points):
        more_s = longer.ttft_s - shorter.ttft_s
        rates.append((longer.uncached_tokens - shorter.uncached_tokens) / more_s if more_s > 0 else None)
    return tuple(rates)


def _e2e_slope(samples: Sequence[Sample]) -> float:
    """Seconds of E2E per prompt token: an early first token cannot reduce it. Slower decode at depth is included."""
    tokens = _medians(samples, lambda sample: sample.uncached_tokens)
    e2e_s = _medians(samples, lambda sample: sample.e2e_s)
    return fit_times(list(tokens.values()), list(e2e_s.values())).coefficients[1]


def _is_nonlinear(samples: Sequence[Sample]) -> bool | None:
    """Whether the quadratic term over all samples is significant and large enough; None with too few samples.

    Attention costs grow with the square of the prompt, so long prompts can bend the line of a correct measurement.
    """
    if len(samples) - 3 < MIN_CURVE_DEGREES_OF_FREEDOM:
        return None
    tokens, ttft_s = [float(sample.uncached_tokens) for sample in samples], [sample.ttft_s for sample in samples]
    parabola = fit_times(tokens, ttft_s, degree=2)
    interval = parabola.interval(2)
    is_large = abs(parabola.coefficients[2]) * max(tokens) ** 2 > MIN_CURVE_SHARE * max(ttft_s)
    return is_large and interval is not None and not interval.low <= 0 <= interval.high


def _diagnose(
    line: PolynomialFit, points: Sequence[PrefillPoint], e2e_slope: float, nonlinear: bool | None
) -> _Diagnosis:
    """Decide which rate is valid.

    A first token that does not wait for the prefill shows in one of two ways: TTFT grows with the prompt by much less
    than E2E does, or the fitted overhead is negative.
    """
    slope, overhead = line.interval(1), line.interval(0)
    span_tokens = points[-1].uncached_tokens - points[0].uncached_tokens
    hidden_s = (e2e_slope - line.coefficients[1]) * span_tokens
    if line.coefficients[1] < EARLY_SLOPE_SHARE * e2e_slope and hidden_s > 0:
        return _Diagnosis("none", hidden_s)
    if slope is None or slope.low <= 0:
        return _Diagnosis("none")
    if not nonlinear and overhead is not None and overhead.high < 0:
        return _Diagnosis("fitted", -line.coefficients[0])
    return _Diagnosis("between_sizes" if nonlinear else "fitted")
