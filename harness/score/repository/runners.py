"""The programs that run a repository's tests: pytest, and for JavaScript Node's own, mocha and tape.

`RUNNERS` maps a runner's name to its record: the language of its repositories, the kit's script that starts it in a
container, and the test that must fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PYTEST = "pytest"
_FAILING_PYTHON = (
    "import unittest\n\n\nclass Canary(unittest.TestCase):\n    def test_must_fail(self):\n        self.fail()\n"
)
_FAILING_NODE = "require('node:test').test('must fail', () => { throw new Error('canary') })\n"
_FAILING_MOCHA = "describe('canary', () => { it('must fail', () => { throw new Error('canary') }) })\n"
_FAILING_TAPE = "require('tape')('must fail', (t) => { t.fail('canary'); t.end() })\n"


@dataclass(frozen=True, slots=True)
class TestRunner:
    """A runner: its script stands beside this module, `canary` is the code of a failing test named `canary_test`."""

    __test__ = False

    language: str
    script: str
    canary: str
    canary_ending: str
    canary_test: str


RUNNERS: Mapping[str, TestRunner] = {
    PYTEST: TestRunner("python", "pytest_script.py", _FAILING_PYTHON, ".py", "Canary::test_must_fail"),
    "node": TestRunner("javascript", "node_script.cjs", _FAILING_NODE, ".test.cjs", "must fail"),
    "mocha": TestRunner("javascript", "node_script.cjs", _FAILING_MOCHA, ".test.cjs", "canary > must fail"),
    "tape": TestRunner("javascript", "node_script.cjs", _FAILING_TAPE, ".test.cjs", "must fail"),
}
