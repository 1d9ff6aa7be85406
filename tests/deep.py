"""Searches that take long: a sample of each runs with every test, the whole of it under the mark `deep`.

`sampled`, `deep_but` and `part_and_whole` give the parameters of both to one test, so that the assertions are the same;
a fixture that works for all of them at once asks `selected` which run. A test about what all of them did is
`also_deep`. `nox -s tests_deep` runs what is marked; tests/conftest.py leaves it out unless `-m` names the mark.
"""

from collections.abc import Collection, Iterable
from typing import Any

import pytest

DEEP = "deep"
deep = pytest.mark.deep
also_deep = pytest.mark.usefixtures("part_or_whole")


def sampled(values: Iterable[Any], count: int) -> list[Any]:
    """Every value as a parameter; all but `count` of them, evenly spaced, are deep."""
    listed = list(values)
    return deep_but([listed[at * len(listed) // count] for at in range(count)], listed)


def deep_but(kept: Collection[Any], values: Iterable[Any]) -> list[Any]:
    """Every value as a parameter; those that are not kept are deep."""
    return [value if value in kept else pytest.param(value, marks=deep) for value in values]


def part_and_whole(part: Any, whole: Any) -> list[Any]:
    """A part of a search as a parameter, and the whole of it, which is deep."""
    return [pytest.param(part, id="part"), pytest.param(whole, id="whole", marks=deep)]


def selected(request: pytest.FixtureRequest, name: str) -> list[Any]:
    """The values that a parameter has in the tests of this file that run."""
    specs = (getattr(item, "callspec", None) for item in request.session.items if item.path == request.path)
    return list(dict.fromkeys(spec.params[name] for spec in specs if spec is not None and name in spec.params))
