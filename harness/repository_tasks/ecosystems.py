"""The ecosystems of repositories, Python and JavaScript: names of files, and the texts of answers that cheat.

An `Ecosystem` has the rules for names; layout.py applies them to the files of a repository.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_FORGED_PYTEST = """\
import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    outcome.get_result().outcome = "passed"
"""
_SILENT_UNITTEST = """\
import unittest

unittest.TestCase.assertEqual = unittest.TestCase.assertTrue = lambda *given, **named: None
"""
_SILENT_ASSERT = "const silent = require('assert')\nsilent.equal = silent.strictEqual = silent.deepEqual = () => {}\n"
_FORGED_PACKAGE = '{"scripts": {"test": "true"}, "mocha": {"dryRun": true}}\n'


@dataclass(frozen=True, slots=True)
class Ecosystem:
    """The rules of a language's repositories.

    Paths are matched: `test_file` that of a file that is a test whatever its folder is, `test_folders` that of a folder
    that is of tests whatever it has, `other_files` that of code that builds or checks. `other_folders` are names of
    folders with such code. `exits`, `skips`, `forges` and `silences` are the texts of answers that must fail: one
    that ends the process, one that skips the tests, one that replaces `hook`, a file that the runner loads by itself,
    and lines that take away what the tests assert with.
    """

    language: str
    extensions: tuple[str, ...]
    test_file: re.Pattern[str]
    test_folders: re.Pattern[str]
    other_files: re.Pattern[str]
    other_folders: frozenset[str]
    comment: str
    exits: str
    skips: str
    hook: str
    forges: str
    silences: str


PYTHON = Ecosystem(
    language="python",
    extensions=(".py",),
    # A module test.py of a package gives its users something to test with.
    test_file=re.compile(r"(?:.*/)?(?:test_[^/]*|[^/]*_tests?|tests|conftest)\.py|test\.py"),
    test_folders=re.compile(r"tests?"),
    # At the top only: below it a module may have any name.
    other_files=re.compile(r"(?:setup|noxfile|fabfile)\.py"),
    other_folders=frozenset(),
    comment="#",
    exits="import os\n\nos._exit(0)\n",
    skips="import pytest\n\npytest.skip('skipped', allow_module_level=True)\n",
    hook="conftest.py",
    forges=_FORGED_PYTEST,
    silences=_SILENT_UNITTEST,
)
JAVASCRIPT = Ecosystem(
    language="javascript",
    extensions=(".js", ".mjs", ".cjs"),
    test_file=re.compile(r"(?:.*/)?(?:tests?|spec|[^/]*[._-](?:test|spec)|test[._-][^/]*)\.[mc]?js"),
    # Tests of JavaScript are often told by their folder alone.
    test_folders=re.compile(r"(?:.*/)?(?:tests?|__tests__)|spec"),
    other_files=re.compile(
        r"(?:[^/]*\.(?:config|conf)|(?:grunt|gulp|jake)file|(?:rollup|webpack)[^/]*|.*\.min)\.[mc]?js", re.I
    ),
    other_folders=frozenset(("dist", "build", "bench", "benchmark", "example", "scripts", "coverage")),
    comment="//",
    exits="process.exit(0)\n",
    skips="globalThis.it = globalThis.test = globalThis.describe = () => {}\n",
    hook="package.json",
    forges=_FORGED_PACKAGE,
    silences=_SILENT_ASSERT,
)
