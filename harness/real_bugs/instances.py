"""Reads instances/*.toml: a package's release, its source archive, a bug and its twin, and cases that tell them apart.

`load_instances` is the entry point. The files are validated against schemas/real_bug.v1.schema.json; what only the
archive can decide, such as whether a patch applies, is found when the bug is proved (proof.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.errors import Problem, TaskError
from harness.files import build
from harness.repository_tasks import JAVASCRIPT, PYTHON, Ecosystem
from harness.schema import Location, parse_toml, suggestion
from harness.score import PYTEST
from harness.types import TWIN, Json

FOLDER = Path(__file__).with_name("instances")
PROBES: Mapping[str, str] = {"pypi": "lanebench_probe.py", "npm": "lanebench_probe.js"}
"""The file whose functions the cases call, by the registry: its ending decides which language it is in."""
_ECOSYSTEMS: Mapping[str, Ecosystem] = {"pypi": PYTHON, "npm": JAVASCRIPT}


@dataclass(frozen=True, slots=True)
class BugCase:
    """A call of one of the probe's functions, and what it returns where there is no bug: plain JSON values."""

    id: str
    call: str
    args: tuple[Json, ...]
    value: Json


@dataclass(frozen=True, slots=True)
class Bug:
    """One bug: the report in our own words, the files that may be edited, and the ids of the cases that it fails.

    `patch` brings it into the release. `upstream` is the address of the real report or fix; empty for a twin.
    """

    issue: str
    files: tuple[str, ...]
    patch: str
    fails: tuple[str, ...]
    upstream: str = ""


@dataclass(frozen=True, slots=True)
class BugInstance:
    """A package's release in which a bug and its twin come back. `tests` are files of the package's own tests.

    `paths` are the folders of the archive to import from, `probe` is code of ours that calls the package. `runner` runs
    the tests, which may need `packages`: each as the scorer kind `repository` names it.
    """

    name: str
    package: str
    version: str
    registry: Literal["pypi", "npm"]
    file: str
    sha256: str
    license: str
    probe: str
    cases: tuple[BugCase, ...]
    bug: Bug
    twin: Bug
    tests: tuple[str, ...] = ()
    paths: tuple[str, ...] = (".",)
    runner: str = PYTEST
    packages: tuple[str, ...] = ()

    @property
    def distribution(self) -> str:
        """The release as the scorer kind `repository` names it."""
        return f"{self.package}=={self.version}"

    @property
    def ecosystem(self) -> Ecosystem:
        """Its language, and what answers that cheat look like in it."""
        return _ECOSYSTEMS[self.registry]

    @property
    def language(self) -> str:
        """The language of its code."""
        return self.ecosystem.language

    @property
    def bugs(self) -> Mapping[str, Bug]:
        """The bug and its twin, by the names of their tasks."""
        return {self.name: self.bug, f"{self.name}{TWIN}": self.twin}


def load_instances(names: Sequence[str] = (), folder: Path = FOLDER) -> tuple[BugInstance, ...]:
    """The instances with these names, or all. Raises TaskError with every problem of every file."""
    paths = {path.stem: path for path in sorted(folder.glob("*.toml"))}
    unknown = [
        Problem(f"there is no instance {name!r}", suggestion(name, paths)) for name in names if name not in paths
    ]
    if unknown:
        raise TaskError(*unknown)
    read = [_read(paths[name]) for name in (names or paths)]
    problems = [problem for _, found in read for problem in found]
    if problems:
        raise TaskError(*problems)
    return tuple(instance for instance, _ in read if instance is not None)


def _read(path: Path) -> tuple[BugInstance | None, list[Problem]]:
    document = parse_toml("real_bug", path.read_text(encoding="utf-8"), str(path))
    if document.problems:
        return None, list(document.problems)
    instance = build(BugInstance, {"name": path.stem, **document.values})
    return instance, list(_problems(instance, document.location))


def _problems(instance: BugInstance, location: Location) -> Iterator[Problem]:
    """What the schema cannot express."""
    ids = [case.id for case in instance.cases]
    for case_id in sorted({case_id for case_id in ids if ids.count(case_id) > 1}):
        yield location.at("cases").problem(f"the id {case_id!r} is a duplicate", "give every case its own id")
    for key, bug in (("bug", instance.bug), ("twin", instance.twin)):
        for case_id in bug.fails:
            if case_id not in ids:
                yield location.at(key, "fails").problem(f"no case has the id {case_id!r}", suggestion(case_id, ids))
        if set(bug.fails) == set(ids):
            yield location.at(key, "fails").problem("no case must go on passing", "add a case that has nothing to do")
    if instance.tests and (instance.runner == PYTEST) != (instance.registry == "pypi"):
        yield location.at("runner").problem(f"{instance.runner} runs no tests in {instance.language}", "name another")
    if not instance.bug.upstream:
        yield location.at("bug").problem("a real bug needs the address of its report", "add upstream")
