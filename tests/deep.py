"""Searches that take long: a sample of each runs with every test, the whole of it under the mark `deep`.

`sampled` and `part_and_whole` give the parameters of both to one test, so that the assertions are the same.
`nox -s tests_deep` runs what is marked; tests/conftest.py leaves it out unless `-m` names the mark.
"""

from collections.abc import Iterable
from typing import Any

import pytest

DEEP = "deep"
deep = pytest.mark.deep


def sampled(values: Iterable[Any], count: int) -> list[Any]:
    """Every value as a parameter; all but `count` of them, evenly spaced, are deep."""
    listed = list(values)
    kept = {at * len(listed) // count for at in range(count)}
    return [value if at in kept else pytest.param(value, marks=deep) for at, value in enumerate(listed)]


def part_and_whole(part: Any, whole: Any) -> list[Any]:
    """A part of a search as a parameter, and the whole of it, which is deep."""
    return [pytest.param(part, id="part"), pytest.param(whole, id="whole", marks=deep)]
