"""The programs that run a repository's tests: pytest, and for JavaScript Node's own, mocha and tape.

`RUNNERS` maps a runner's name to its record: the language of its repositories, the kit's script that starts it in a
container, and the tests that must fail, the canary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PYTEST = "pytest"
_FAILING_PYTHON = """\
import unittest

import pytest


class Canary(unittest.TestCase):
    def test_fail(self):
        self.fail()

    def test_equal(self):
        self.assertEqual(1, 2)

    def test_true(self):
        self.assertTrue(False)

    def test_raises(self):
        with self.assertRaises(ValueError):
            pass


def test_assert():
    assert [1] == [2]


def test_pytest_raises():
    with pytest.raises(ValueError):
        pass
"""
_FAILING_PYTHON_TESTS = (
    *(f"Canary::test_{name}" for name in ("fail", "equal", "true", "raises")),
    "test_assert",
    "test_pytest_raises",
)
_FAILING_NODE = "require('node:test').test('must fail', () => { throw new Error('canary') })\n"
_FAILING_MOCHA = "describe('canary', () => { it('must fail', () => { throw new Error('canary') }) })\n"
_FAILING_TAPE = "require('tape')('must fail', (t) => { t.fail('canary'); t.end() })\n"


@dataclass(frozen=True, slots=True)
class TestRunner:
    """A runner: its script stands beside this module, `canary` is the code of `canary_tests`, which must fail.

    Each fails by another assertion, so that an answer which takes that assertion away is found. In JavaScript each file
    of tests has a process of its own: there the script itself tries the assertions where the answer was loaded.
    """

    __test__ = False

    language: str
    script: str
    canary: str
    canary_ending: str
    canary_tests: tuple[str, ...]


RUNNERS: Mapping[str, TestRunner] = {
    PYTEST: TestRunner("python", "pytest_script.py", _FAILING_PYTHON, ".py", _FAILING_PYTHON_TESTS),
    "node": TestRunner("javascript", "node_script.cjs", _FAILING_NODE, ".test.cjs", ("must fail",)),
    "mocha": TestRunner("javascript", "node_script.cjs", _FAILING_MOCHA, ".test.cjs", ("canary > must fail",)),
    "tape": TestRunner("javascript", "node_script.cjs", _FAILING_TAPE, ".test.cjs", ("must fail",)),
}
