"""Numbers as people read them: three figures, a unit, the interval and always the n."""

from __future__ import annotations

from collections.abc import Callable

from harness.types import Rate, Spread, SuiteRate

NOTHING = "-"
"""Stands where nothing was measured."""


def figure(value: float) -> str:
    """Three figures or more, no exponent: 0.0421, 4.21, 42.1, 421, 4,210."""
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 100:
        return f"{value:.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 1 or value == 0 else f"{value:.3g}"


def percent(share: float) -> str:
    """A share of 1 as whole per cents; 99.6 % is not told as 100, nor 0.4 % as 0."""
    whole = round(100 * share)
    if whole == 100 and share < 1:
        return ">99%"
    return "<1%" if whole == 0 and share > 0 else f"{whole}%"


def seconds(value: float) -> str:
    """Milliseconds under a second, minutes from two on."""
    if value < 1:
        return f"{figure(value * 1000)} ms"
    return f"{figure(value)} s" if value < 120 else f"{figure(value / 60)} min"


def size(count_bytes: int) -> str:
    """Bytes in GiB, or MiB under one."""
    if count_bytes == 0:
        return "0"
    gib = count_bytes / 2**30
    return f"{figure(gib)} GiB" if gib >= 1 else f"{figure(gib * 1024)} MiB"


def tokens(count: float) -> str:
    """A count of tokens."""
    return f"{count:,.0f} tok"


def rate_words(rate: Rate) -> str:
    """`7/10 70% [40, 89]`: how often, the share, its 95 % interval in per cent."""
    if rate.n == 0 or rate.rate is None:
        return "0 trials"
    return f"{rate.passed}/{rate.n} {percent(rate.rate)}{_percents(rate.low, rate.high)}"


def count_words(rate: Rate) -> str:
    """`7/10 70%`, where an interval would claim more than the trials carry."""
    if rate.n == 0 or rate.rate is None:
        return "0 trials"
    return f"{rate.passed}/{rate.n} {percent(rate.rate)}"


def suite_words(suite: SuiteRate | None) -> str:
    """`84% [70, 95] 12 tasks`."""
    if suite is None or suite.rate is None:
        return NOTHING
    counted = f"{suite.n_tasks} task{'' if suite.n_tasks == 1 else 's'}"
    return f"{percent(suite.rate)}{_percents(suite.low, suite.high)} {counted}"


def _percents(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" [{round(100 * low)}, {round(100 * high)}]"


def spread_words(spread: Spread | None, unit: Callable[[float], str] = figure) -> str:
    """`41.2 [40.8, 41.5] n=9`: the median, its interval where there is one, and how many trials."""
    if spread is None or spread.n == 0:
        return NOTHING
    interval = "" if spread.low is None or spread.high is None else f" [{unit(spread.low)}, {unit(spread.high)}]"
    return f"{unit(spread.median)}{interval} n={spread.n}"


def seconds_words(spread: Spread | None) -> str:
    """`420 ms [401, 433] n=9`: one unit for the median and its interval."""
    if spread is None:
        return NOTHING
    median = spread.median
    name, times = ("ms", 1000.0) if median < 1 else ("s", 1.0) if median < 120 else ("min", 1 / 60)
    low, high = spread.low, spread.high
    interval = "" if low is None or high is None else f" [{figure(low * times)}, {figure(high * times)}]"
    return f"{figure(median * times)} {name}{interval} n={spread.n}"


def yes_no(value: bool | None) -> str:
    """A fact that may be unknown."""
    return NOTHING if value is None else "yes" if value else "no"


def known(value: object) -> str:
    """A fact as text; `-` where it is unknown."""
    return NOTHING if value is None else str(value)
