"""Corrections for multiple comparisons: Holm's adjusted p-values, and groups of ties in place of ranks."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Each p-value adjusted for the number of tests, in the same order.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979).
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    running_max = 0.0
    for rank, index in enumerate(order):
        running_max = max(running_max, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = running_max
    return tuple(adjusted)


def tie_groups(names: Sequence[str], is_worse: Callable[[str, str], bool]) -> tuple[tuple[str, ...], ...]:
    """Split names, best first, into groups: a new group starts at the first name that is worse than its group's first.

    `is_worse(name, first)`. Members of a group are tied with its first, not necessarily with each other.
    """
    groups: list[list[str]] = []
    for name in names:
        if groups and not is_worse(name, groups[-1][0]):
            groups[-1].append(name)
        else:
            groups.append([name])
    return tuple(map(tuple, groups))
