"""What the files of a repository are: tests, source, or neither.

`layout_of` applies the rules of an ecosystem to the paths of a repository, `ecosystem_of` tells which ecosystem it is
of. A folder called testing may be a package's code or its tests, so the paths of all files are needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from harness.repository_tasks.ecosystems import JAVASCRIPT, PYTHON, Ecosystem

_TEST_FOLDERS = frozenset(("test", "tests", "testing", "__tests__", "spec"))
_OTHER_FOLDERS = frozenset(("doc", "docs", "website", "benchmarks", "examples", "node_modules", "venv"))
"""Folders that tests hardly ever read: they are left out of a task, and a change in them is no change of source."""
_UNREAD = (".md", ".rst", ".pyi", ".d.ts", "/py.typed", ".po", ".pot")
"""Endings of files that no running program reads: documentation, types, and translations that a build compiles."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The roles of a repository's files; `test_folders` are the paths of the folders whose files belong to tests."""

    ecosystem: Ecosystem
    test_folders: frozenset[PurePosixPath]

    def is_test(self, path: str) -> bool:
        """Whether a file is a test or belongs to tests."""
        in_folder = not self.test_folders.isdisjoint(PurePosixPath(path).parents)
        return in_folder or self.ecosystem.test_file.fullmatch(path) is not None

    def is_source(self, path: str) -> bool:
        """Whether a file is code that a change of behavior is made in."""
        parts = PurePosixPath(path)
        others = _OTHER_FOLDERS | self.ecosystem.other_folders
        is_other = self.ecosystem.other_files.fullmatch(path) is not None or bool(others & set(parts.parts[:-1]))
        is_code = parts.suffix in self.ecosystem.extensions
        return is_code and not self.is_test(path) and not is_other and not _is_hidden(path)

    def holds_tests(self, path: str) -> bool:
        """Whether a file has tests that a runner is given: code among the tests, without what only serves them."""
        parts = PurePosixPath(path)
        is_python = self.ecosystem is PYTHON
        serves = parts.name in ("conftest.py", "__init__.py") or (is_python and "test" not in parts.name)
        return self.is_test(path) and parts.suffix in self.ecosystem.extensions and not serves

    def beside_source(self, paths: Iterable[str]) -> frozenset[str]:
        """The files in folders with source that are neither source nor tests: data, templates, code of other languages.

        Folders are those at the repository's top. `paths` are all files of the repository.
        """
        known = [path for path in paths if "/" in path and is_kept(path) and not self.is_test(path)]
        source = set(filter(self.is_source, known))
        tops = {_top(path) for path in source}
        return frozenset(
            path for path in known if path not in source and _top(path) in tops and not path.endswith(_UNREAD)
        )


def layout_of(ecosystem: Ecosystem, paths: Iterable[str]) -> Layout:
    """The layout of a repository with these files."""
    tests = set[PurePosixPath]()
    for path in paths:
        is_test_file = ecosystem.test_file.fullmatch(path) is not None
        # The innermost alone: pkg/testing/tests/test_a.py says nothing of pkg/testing.
        for number, folder in enumerate(each for each in PurePosixPath(path).parents if each.name in _TEST_FOLDERS):
            if (is_test_file and number == 0) or ecosystem.test_folders.fullmatch(str(folder)):
                tests.add(folder)
    return Layout(ecosystem, frozenset(tests))


def ecosystem_of(paths: Iterable[str]) -> Ecosystem:
    """The ecosystem of a repository with these files: the one that has more of its source."""
    known = tuple(paths)
    scripts, modules = (sum(map(layout_of(each, known).is_source, known)) for each in (JAVASCRIPT, PYTHON))
    return JAVASCRIPT if "package.json" in known and scripts > modules else PYTHON


def is_kept(path: str) -> bool:
    """Whether a file of the repository is part of a task."""
    return not _is_hidden(path) and _top(path) not in _OTHER_FOLDERS


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in PurePosixPath(path).parts)


def _top(path: str) -> str:
    return path.partition("/")[0]
