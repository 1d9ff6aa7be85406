"""How fast a model reads, from times that grow with the prompt: what stays the same in every request cannot hide there.

Seconds over uncached prompt tokens, one line through the medians of each size, weights 1/T^2 (errors of times are
relative). The slope is the time a token takes, the rest is overhead. Source: measured in this project's own study of
streaming clients: the usual tokens / TTFT is 24 % too low at 512 tokens behind 80 ms of overhead, and says nothing
where the first token does not wait for the prefill.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import median
from typing import Literal

from harness.stats import Interval, spread, t_quantile
from harness.types import Prefill, PrefillPoint

LEAST_SIZES = 4
LEAST_SPAN = 4.0
CURVE_SHARE = 0.02
"""A bend that changes the longest prompt's time by less than this share is no curve."""
EARLY_SHARE = 0.5
"""The first token is early when TTFT grows with the prompt by less than this share of what the whole reply does."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One cold turn: which size it was, its uncached prompt tokens, and seconds to its first and last token."""

    size: int
    uncached_tokens: int
    ttft_s: float
    e2e_s: float


@dataclass(frozen=True, slots=True)
class Line:
    """Coefficients (constant first) with their standard errors, and the degrees of freedom that are left."""

    values: tuple[float, ...]
    errors: tuple[float, ...]
    freedom: int

    def interval(self, at: int) -> Interval | None:
        """Student's 95 % interval of a coefficient; None where no point is left over."""
        if self.freedom < 1:
            return None
        half = t_quantile(self.freedom) * self.errors[at]
        return Interval(self.values[at] - half, self.values[at] + half)

    def at(self, x: float) -> float:
        """The value at x."""
        return sum(value * x**power for power, value in enumerate(self.values))


def _inverse(rows: list[list[float]]) -> list[list[float]]:
    """The inverse of a small matrix by elimination. Raises ZeroDivisionError where it has none."""
    size = len(rows)
    both = [[*row, *(float(at == other) for other in range(size))] for at, row in enumerate(rows)]
    for at in range(size):
        best = max(range(at, size), key=lambda row: abs(both[row][at]))
        both[at], both[best] = both[best], both[at]
        both[at] = [value / both[at][at] for value in both[at]]
        for other in range(size):
            if other != at:
                factor = both[other][at]
                both[other] = [one - factor * two for one, two in zip(both[other], both[at], strict=True)]
    return [row[size:] for row in both]


def weighted_line(xs: Sequence[float], ys: Sequence[float], degree: int = 1) -> Line:
    """The polynomial with the least squares of relative distances, y against x, with standard errors.

    Source: weighted least squares as in N. R. Draper and H. Smith, "Applied regression analysis", chapter 9.
    """
    top = max(xs)
    powers = range(degree + 1)
    scaled = [x / top for x in xs]
    weights = [1 / y**2 for y in ys]
    normal = [[sum(w * x ** (p + q) for w, x in zip(weights, scaled, strict=True)) for q in powers] for p in powers]
    right = [sum(w * y * x**p for w, x, y in zip(weights, scaled, ys, strict=True)) for p in powers]
    inverse = _inverse(normal)
    values = [sum(inverse[p][q] * right[q] for q in powers) for p in powers]
    fitted = [sum(value * x**p for p, value in enumerate(values)) for x in scaled]
    freedom = len(xs) - degree - 1
    why_too_large = sum(w * (y - f) ** 2 for w, y, f in zip(weights, ys, fitted, strict=True))
    scale = why_too_large / freedom if freedom > 0 else 0.0
    errors = [sqrt(max(0.0, scale * inverse[p][p])) / top**p for p in powers]
    return Line(tuple(value / top**p for p, value in enumerate(values)), tuple(errors), freedom)


def _points(samples: Sequence[Sample]) -> list[PrefillPoint]:
    out = []
    for size in sorted({sample.size for sample in samples}):
        of_size = [sample for sample in samples if sample.size == size]
        tokens = median(sample.uncached_tokens for sample in of_size)
        out.append(PrefillPoint(tokens, median(sample.ttft_s for sample in of_size), len(of_size)))
    return sorted(out, key=lambda point: point.uncached_tokens)


def _marginal(points: Sequence[PrefillPoint]) -> tuple[float | None, ...]:
    rates = []
    for small, large in pairwise(points):
        more_s = large.ttft_s - small.ttft_s
        rates.append((large.uncached_tokens - small.uncached_tokens) / more_s if more_s > 0 else None)
    return tuple(rates)


def _whole_slope(samples: Sequence[Sample]) -> float:
    """Seconds a prompt token by the end of the reply: what an early first token cannot hide; depth costs decode too."""
    sizes = sorted({sample.size for sample in samples})
    xs = [median(s.uncached_tokens for s in samples if s.size == size) for size in sizes]
    ys = [median(s.e2e_s for s in samples if s.size == size) for size in sizes]
    return weighted_line(xs, ys).values[1]


def _is_curved(samples: Sequence[Sample]) -> bool | None:
    """Whether the quadratic term of all samples is beyond chance and matters; None where too few are left over."""
    if len(samples) - 3 < 2:
        return None
    xs, ys = [float(s.uncached_tokens) for s in samples], [s.ttft_s for s in samples]
    line = weighted_line(xs, ys, 2)
    bend, top = line.interval(2), max(xs)
    matters = abs(line.values[2]) * top**2 > CURVE_SHARE * max(ys)
    return matters and bend is not None and not bend.low <= 0 <= bend.high


@dataclass(frozen=True, slots=True)
class _Judged:
    trust: Literal["line", "marginal", "neither"]
    early_s: float | None


def _judge(line: Line, points: Sequence[PrefillPoint], whole_slope: float, curved: bool | None) -> _Judged:
    """What to believe. A first token that does not wait shows in a slope that the reply's end does not share, or in an
    overhead below nothing."""
    slope, span = line.interval(1), points[-1].uncached_tokens - points[0].uncached_tokens
    hidden_s = (whole_slope - line.values[1]) * span
    if line.values[1] < EARLY_SHARE * whole_slope and hidden_s > 0:
        return _Judged("neither", hidden_s)
    if slope is None or slope.low <= 0:
        return _Judged("neither", None)
    overhead = line.interval(0)
    if not curved and overhead is not None and overhead.high < 0:
        return _Judged("line", -line.values[0])
    return _Judged("marginal" if curved else "line", None)


def prefill(task: str, samples: Sequence[Sample]) -> Prefill | None:
    """The line through one task's cold turns; None for fewer than 4 sizes or sizes that are too near each other."""
    points = _points(samples)
    if len(points) < LEAST_SIZES or points[0].uncached_tokens <= 0 or min(point.ttft_s for point in points) <= 0:
        return None
    if points[-1].uncached_tokens < LEAST_SPAN * points[0].uncached_tokens:
        return None
    line = weighted_line([p.uncached_tokens for p in points], [p.ttft_s for p in points])
    curved = _is_curved(samples)
    judged = _judge(line, points, _whole_slope(samples), curved)
    slope, overhead = line.interval(1), line.interval(0)
    sizes = sorted({sample.size for sample in samples}, key=lambda size: _tokens_of(samples, size))
    apparent = spread([s.uncached_tokens / s.ttft_s for s in samples if s.size == sizes[-1]])
    rising = slope is not None and slope.low > 0
    return Prefill(
        task=task,
        points=tuple(points),
        tps=1 / line.values[1] if rising else None,
        low=1 / slope.high if slope is not None and rising else None,
        high=1 / slope.low if slope is not None and rising else None,
        overhead_s=line.values[0],
        overhead_low_s=overhead.low if overhead else None,
        overhead_high_s=overhead.high if overhead else None,
        residual_share=max(abs(line.at(p.uncached_tokens) - p.ttft_s) / p.ttft_s for p in points),
        curved=curved,
        marginal_tps=_marginal(points),
        apparent_tps=apparent.median if apparent else None,
        apparent_low=apparent.low if apparent else None,
        apparent_high=apparent.high if apparent else None,
        trust=judged.trust,
        early_s=judged.early_s,
    )


def _tokens_of(samples: Sequence[Sample], size: int) -> float:
    return median(sample.uncached_tokens for sample in samples if sample.size == size)
