"""What the files of a repository are, in Python and in JavaScript: tests, source, or neither.

`ecosystem_of` tells which one a repository is of. An `Ecosystem` has the rules for paths, and the texts of answers that
cheat in its language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

_TEST_FOLDERS = frozenset(("test", "tests", "testing", "__tests__", "spec"))
_OTHER_FOLDERS = frozenset(("doc", "docs", "website", "benchmarks", "examples", "node_modules", "venv"))
"""Folders that tests hardly ever read: they are left out of a task, and a change in them is no change of source."""
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

    `test_name` matches a file that is a test wherever it stands; `other_files` and `other_folders` build or check.
    `exits`, `skips`, `forges` and `silences` are the texts of answers that must fail: one that ends the process, one
    that skips the tests, one that replaces `hook`, a file that the runner loads by itself, and lines that take away
    what the tests assert with.
    """

    language: str
    extensions: tuple[str, ...]
    test_name: re.Pattern[str]
    other_files: re.Pattern[str]
    other_folders: frozenset[str]
    comment: str
    exits: str
    skips: str
    hook: str
    forges: str
    silences: str

    def is_test(self, path: str) -> bool:
        """Whether a file is a test or belongs to tests."""
        parts = PurePosixPath(path)
        return bool(_TEST_FOLDERS & set(parts.parts[:-1])) or self.test_name.fullmatch(parts.name) is not None

    def is_source(self, path: str) -> bool:
        """Whether a file is code that a change of behavior is made in."""
        parts = PurePosixPath(path)
        others = _OTHER_FOLDERS | self.other_folders
        is_other = self.other_files.fullmatch(parts.name) is not None or bool(others & set(parts.parts[:-1]))
        return parts.suffix in self.extensions and not self.is_test(path) and not is_other and not _is_hidden(path)

    def holds_tests(self, path: str) -> bool:
        """Whether a file has tests that a runner is given: code among the tests, without what only serves them."""
        parts = PurePosixPath(path)
        serves = parts.name in ("conftest.py", "__init__.py") or (self is PYTHON and "test" not in parts.name)
        return self.is_test(path) and parts.suffix in self.extensions and not serves


def is_kept(path: str) -> bool:
    """Whether a file of the repository is part of a task."""
    return not _is_hidden(path) and PurePosixPath(path).parts[0] not in _OTHER_FOLDERS


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in PurePosixPath(path).parts)


PYTHON = Ecosystem(
    language="python",
    extensions=(".py",),
    test_name=re.compile(r"(?:test_.*|.*_tests?|tests?|conftest)\.py"),
    other_files=re.compile(r"(?:setup|noxfile|conf|tasks|fabfile)\.py"),
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
    test_name=re.compile(r"(?:tests?|spec|.*[._-](?:test|spec)|test[._-].*)\.[mc]?js"),
    other_files=re.compile(r"(?:.*\.(?:config|conf|min)|(?:grunt|gulp|jake)file|rollup.*|webpack.*)\.[mc]?js", re.I),
    other_folders=frozenset(("dist", "build", "bench", "benchmark", "example", "scripts", "coverage")),
    comment="//",
    exits="process.exit(0)\n",
    skips="globalThis.it = globalThis.test = globalThis.describe = () => {}\n",
    hook="package.json",
    forges=_FORGED_PACKAGE,
    silences=_SILENT_ASSERT,
)


def ecosystem_of(paths: Iterable[str]) -> Ecosystem:
    """The ecosystem of a repository with these files: the one that has more of its source."""
    known = tuple(paths)
    scripts, modules = (sum(map(each.is_source, known)) for each in (JAVASCRIPT, PYTHON))
    return JAVASCRIPT if "package.json" in known and scripts > modules else PYTHON
