"""A task whose tests stay outside: to order a list, with test code of our own in the form of the standard sets."""

from dataclasses import replace

from harness.types import Case, Limits, Variant
from tests.samples import task_of

TESTS = """
def check(candidate):
    for items in ([3, 1, 2], [], [5, -1, 5, 0]):
        ordered = candidate(list(items))
        assert ordered == sorted(items)
        assert repr(ordered) == repr(sorted(items))
"""
"""The second assertion tells 1 from True and from 1.0, which `==` does not."""


def outside_variant(tests: str = TESTS, candidate: str = "order", limits: Limits | None = None) -> Variant:
    """The variant of a task with this test code."""
    task = task_of("order", scorer="outside_tests", tests="tests.py", names=[candidate])
    task = replace(task, language="python", limits=limits or Limits())
    case = Case("check", {"call": "check", "candidate": candidate}, {"passes": True})
    return Variant(task, 0, "", ("",), {"tests.py": tests}, (case,), (), ())
