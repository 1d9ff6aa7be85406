"""Counts as sentences: never a percentage without its k and n."""

from __future__ import annotations

from harness.stats.proportions import wilson


def k_of_n(k: int, n: int, what: str = "trials") -> str:
    """`in 7 of 10 trials (95 % interval 40 to 89 %)`, Wilson's; without trials it says so."""
    interval = wilson(k, n)
    if interval is None:
        return f"in none of 0 {what}"
    return f"in {k} of {n} {what} (95 % interval {100 * interval.low:.0f} to {100 * interval.high:.0f} %)"
