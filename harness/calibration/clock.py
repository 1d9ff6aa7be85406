"""The clock of recordings held against the wall clock: `clock_step_s` and `clock_rate_error`.

The reference server stamps with the clock that the kit stamps with. A clock in coarse steps or at a wrong speed is
therefore equally wrong on both sides, and no stream shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from time import perf_counter_ns

from harness.record import CLOCK_WRAP_NS, Moment

_STEPS = 5
MAX_RATE_ERROR = 10.0
"""Errors are told up to here: a clock that stands still has none that a number could tell."""


def clock_step_s(clock_ns: Callable[[], int] = perf_counter_ns) -> float:
    """The smallest of a few steps of a clock, in seconds: a stamp can be early by this much."""
    steps_ns: list[int] = []
    last_ns = clock_ns()
    while len(steps_ns) < _STEPS:
        now_ns = clock_ns()
        if now_ns != last_ns:
            steps_ns.append(now_ns - last_ns)
            last_ns = now_ns
    return min(steps_ns) / 1e9


def clock_rate_error(moments: Sequence[Moment]) -> float:
    """By what share a rate is wrong that is measured with the monotonic clock, if the wall clock is right.

    The smallest error of the intervals between the moments counts: a wall clock that is set disturbs one of them, a
    clock at a wrong speed all.
    """
    return min(map(_rate_error, pairwise(moments)))


def _rate_error(interval: tuple[Moment, Moment]) -> float:
    first, last = interval
    wall_ns = last.wall_ns - first.wall_ns
    monotonic_ns = (last.monotonic_ns - first.monotonic_ns) % CLOCK_WRAP_NS
    return min(abs(wall_ns / monotonic_ns - 1), MAX_RATE_ERROR) if monotonic_ns > 0 else MAX_RATE_ERROR
