"""What the files of a repository are: tests, source, or neither.

`layout_of` applies the rules of an ecosystem to the paths of a repository, `ecosystem_of` tells which ecosystem it is
of. A folder called testing may be a package's code or its tests, so the paths of all files are needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.repository_tasks.ecosystems import JAVASCRIPT, PYTHON, Ecosystem

_TEST_FOLDERS = frozenset(("test", "tests", "testing", "__tests__", "spec"))
_ONLY_TESTS = frozenset(("tests", "__tests__"))
"""Those that no package gives its users, as numpy/testing and django/test are."""
_OTHER_FOLDERS = frozenset(("doc", "docs", "website", "benchmarks", "examples", "node_modules", "venv"))
"""Folders that tests hardly ever read: they are left out of a task, and a change in them is no change of source."""
_UNREAD = (".md", ".rst", ".pyi", ".d.ts", "/py.typed", ".po", ".pot")
"""Endings of files that no running program reads: documentation, types, and translations that a build compiles."""

_NOTICES = re.compile(
    r"(?:authors|change(?:s|log)|contributors|copying|history|licen[cs]e|news|notice|readme)(?:\.txt)?", re.I
)
"""Names of files about a package, which its code does not read either."""
_HIDDEN = re.compile(r"(?:^|/)(?:\.|__pycache__(?:/|$))")


@dataclass(frozen=True, slots=True)
class Layout:
    """The roles of a repository's files.

    `test_folders` are the paths of the folders whose files belong to tests, each with a slash at its end.
    """

    ecosystem: Ecosystem
    test_folders: tuple[str, ...]

    def is_test(self, path: str) -> bool:
        """Whether a file is a test or belongs to tests."""
        return path.startswith(self.test_folders) or self.ecosystem.test_file.fullmatch(path) is not None

    def is_source(self, path: str) -> bool:
        """Whether a file is code that a change of behavior is made in."""
        if not path.endswith(self.ecosystem.extensions) or self.is_test(path) or _is_hidden(path):
            return False
        others = _OTHER_FOLDERS | self.ecosystem.other_folders
        return self.ecosystem.other_files.fullmatch(path) is None and not _is_below(path, others)

    def holds_tests(self, path: str) -> bool:
        """Whether a file has tests that a runner is given: code among the tests, without what only serves them."""
        name = _name(path)
        is_python = self.ecosystem is PYTHON
        serves = name in ("conftest.py", "__init__.py") or (is_python and "test" not in name)
        return path.endswith(self.ecosystem.extensions) and not serves and self.is_test(path)

    def may_be_source(self, path: str) -> bool:
        """Whether a file is code that belongs to tests only because tests stand in a folder above it.

        Such a folder, pkg/testing with a test_a.py, may be a part of the package all the same.
        """
        if not path.endswith(self.ecosystem.extensions) or self.ecosystem.test_file.fullmatch(path) is not None:
            return False
        above = [folder for folder in folders_of(path) if f"{folder}/" in self.test_folders]
        return bool(above) and not any(
            _name(folder) in _ONLY_TESTS or self.ecosystem.test_folders.fullmatch(folder) for folder in above
        )

    def beside_source(self, paths: Iterable[str]) -> frozenset[str]:
        """The files in folders with source that are neither source nor tests: data, templates, code of other languages.

        Folders are those at the repository's top. `paths` are all files of the repository.
        """
        known = [path for path in paths if "/" in path and is_kept(path) and not self.is_test(path)]
        source = set(filter(self.is_source, known))
        tops = {_top(path) for path in source}
        return frozenset(path for path in known if path not in source and _top(path) in tops and not _is_unread(path))


def layout_of(ecosystem: Ecosystem, paths: Iterable[str]) -> Layout:
    """The layout of a repository with these files."""
    tests = set[str]()
    for path in paths:
        is_test_file = ecosystem.test_file.fullmatch(path) is not None
        # The innermost alone: pkg/testing/tests/test_a.py says nothing of pkg/testing.
        for number, folder in enumerate(each for each in folders_of(path) if _name(each) in _TEST_FOLDERS):
            if (is_test_file and number == 0) or ecosystem.test_folders.fullmatch(folder):
                tests.add(f"{folder}/")
    return Layout(ecosystem, tuple(sorted(tests)))


def folders_of(path: str) -> Iterator[str]:
    """The paths of the folders that a file stands in, innermost first, without the repository's own."""
    end = path.rfind("/")
    while end > 0:
        yield path[:end]
        end = path.rfind("/", 0, end)


def ecosystem_of(paths: Iterable[str]) -> Ecosystem:
    """The ecosystem of a repository with these files: the one that has more of its source."""
    known = tuple(paths)
    scripts, modules = (sum(map(layout_of(each, known).is_source, known)) for each in (JAVASCRIPT, PYTHON))
    return JAVASCRIPT if "package.json" in known and scripts > modules else PYTHON


def is_kept(path: str) -> bool:
    """Whether a file of the repository is part of a task."""
    return not _is_hidden(path) and _top(path) not in _OTHER_FOLDERS


def _is_unread(path: str) -> bool:
    return path.endswith(_UNREAD) or _NOTICES.fullmatch(_name(path)) is not None or _is_below(path, _OTHER_FOLDERS)


def _is_below(path: str, names: frozenset[str]) -> bool:
    """Whether a file stands in a folder of one of these names."""
    return not names.isdisjoint(path.split("/")[:-1])


def _is_hidden(path: str) -> bool:
    return _HIDDEN.search(path) is not None


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _top(path: str) -> str:
    return path.partition("/")[0]
