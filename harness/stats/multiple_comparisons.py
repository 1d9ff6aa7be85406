"""Many comparisons at once: adjusted p, and groups in place of ranks."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def holm(ps: Sequence[float]) -> tuple[float, ...]:
    """Each p as it must be read when all of them were looked at, in the same order.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979).
    """
    order = sorted(range(len(ps)), key=ps.__getitem__)
    out = [0.0] * len(ps)
    highest = 0.0
    for rank, at in enumerate(order):
        highest = max(highest, min(1.0, ps[at] * (len(ps) - rank)))
        out[at] = highest
    return tuple(out)


def tie_groups(names: Sequence[str], is_worse: Callable[[str, str], bool]) -> tuple[tuple[str, ...], ...]:
    """Names, best first, cut into groups: a group ends before the first that is worse than the group's first.

    `is_worse(name, anchor)`. Members of a group are tied with its first, not necessarily with each other.
    """
    groups: list[list[str]] = []
    for name in names:
        if groups and not is_worse(name, groups[-1][0]):
            groups[-1].append(name)
        else:
            groups.append([name])
    return tuple(map(tuple, groups))
