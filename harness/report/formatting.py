"""Formatting of numbers for reports: three significant digits, unit, interval, and always the n."""

from __future__ import annotations

from collections.abc import Callable
from math import floor, log10

from harness.types import MIN_TRIALS, DistributionSummary, HostFacts, PassRate, SuiteRate

MISSING = "-"
"""Stands for a value that is unknown or was not measured."""


def format_number(value: float) -> str:
    """Three significant digits, more from 1,000 on, no exponent: 0.0421, 4.21, 42.1, 421, 4,210.

    Below 1 without zeros at the end: 0.5.
    """
    rounded = _rounded(value)
    magnitude = abs(rounded)
    if magnitude >= 1 or value == 0:
        decimals = 0 if magnitude >= 100 else 1 if magnitude >= 10 else 2
        return f"{value:,.{decimals}f}"
    return f"{rounded:.{2 - floor(log10(magnitude))}f}".rstrip("0")


def _rounded(value: float) -> float:
    """To three significant digits, which decide about the form: 0.9999 s is a second."""
    return float(f"{value:.3g}")


def format_percent(share: float) -> str:
    """A share of 1 in whole percent; 99.6 % is not rounded to 100 %, nor 0.4 % to 0 %."""
    percent = round(100 * share)
    if percent == 100 and share < 1:
        return ">99%"
    return "<1%" if percent == 0 and share > 0 else f"{percent}%"


def format_seconds(value: float) -> str:
    """Milliseconds below one second, minutes from two minutes on."""
    if _rounded(value) < 1:
        return f"{format_number(value * 1000)} ms"
    return f"{format_number(value)} s" if value < 120 else f"{format_number(value / 60)} min"


def format_bytes(count: int | None) -> str:
    """Bytes in GiB, or in MiB below one, or in KiB below one."""
    if count is None:
        return MISSING
    if count == 0:
        return "0"
    size, unit = next(
        ((count / scale, unit) for scale, unit in ((2**30, "GiB"), (2**20, "MiB")) if _rounded(count / scale) >= 1),
        (count / 2**10, "KiB"),
    )
    return f"{format_number(size)} {unit}"


def format_machine(host: HostFacts) -> str:
    """`Apple M4 Pro, 48.0 GiB`: what tells machines apart at a glance."""
    return f"{host.chip or host.architecture}, {format_bytes(host.memory_bytes)}"


def format_pass_rate(rate: PassRate) -> str:
    """`7/10 70% [40, 89]`: k/n, the share, its 95 % interval in percent; `3 of 3` where few trials carry neither."""
    if rate.is_complete and 0 < rate.n < MIN_TRIALS:
        return f"{rate.passed} of {rate.n}"
    return f"{format_count(rate)}{_format_interval(rate.low, rate.high)}"


def format_count(rate: PassRate) -> str:
    """`7/10 70%`, for counts whose trials do not support an interval; `0 of 6 run` where planned trials are missing."""
    if not rate.is_complete:
        passed = f"{rate.passed} passed, " if rate.n else ""
        return f"{passed}{rate.n} of {rate.planned} run"
    if rate.rate is None:
        return "0 trials"
    return f"{rate.passed}/{rate.n} {format_percent(rate.rate)}"


def format_suite_rate(suite: SuiteRate | None, trials: int) -> str:
    """`84% [70, 95] 12 tasks`; without the interval where few trials do not carry it."""
    if suite is None or suite.rate is None:
        return MISSING
    tasks = f"{suite.n_tasks} task{'' if suite.n_tasks == 1 else 's'}"
    interval = _format_interval(suite.low, suite.high) if trials >= MIN_TRIALS else ""
    return f"{format_percent(suite.rate)}{interval} {tasks}"


def _format_interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" [{round(100 * low)}, {round(100 * high)}]"


def format_spread(spread: DistributionSummary | None, unit: Callable[[float], str] = format_number) -> str:
    """`41.2 [40.8, 41.5] n=9`: the median, its interval if there is one, and the number of trials."""
    if spread is None or spread.n == 0:
        return MISSING
    return format_estimate(spread.median, (spread.low, spread.high), spread.n, unit)


def format_estimate(
    value: float | None,
    bounds: tuple[float | None, float | None],
    n: int | None,
    unit: Callable[[float], str] = format_number,
) -> str:
    """`41.2 [40.8, 41.5] n=9`, from numbers that may be unknown."""
    if value is None:
        return MISSING
    low, high = bounds
    interval = "" if low is None or high is None else f" [{unit(low)}, {unit(high)}]"
    return f"{unit(value)}{interval}{'' if n is None else f' n={n}'}"


def format_seconds_spread(spread: DistributionSummary | None) -> str:
    """`420 ms [401, 433] n=9`: one unit for the median and its interval."""
    if spread is None:
        return MISSING
    return format_seconds_estimate(spread.median, (spread.low, spread.high), spread.n)


def format_seconds_estimate(value: float | None, bounds: tuple[float | None, float | None], n: int | None) -> str:
    """The same, from numbers that may be unknown."""
    if value is None:
        return MISSING
    unit, factor = ("ms", 1000.0) if value < 1 else ("s", 1.0) if value < 120 else ("min", 1 / 60)
    low, high = bounds
    interval = ""
    if low is not None and high is not None:
        interval = f" [{format_number(low * factor)}, {format_number(high * factor)}]"
    return f"{format_number(value * factor)} {unit}{interval}{'' if n is None else f' n={n}'}"


def format_bool(value: bool | None) -> str:
    """yes, no, or unknown."""
    return MISSING if value is None else "yes" if value else "no"


def format_optional(value: object) -> str:
    """A fact as a string."""
    return MISSING if value is None else str(value)
