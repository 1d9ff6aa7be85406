"""Reads what a repository says it needs: dependencies, what its tests need, and the versions of its lock file.

`read_requirements` is the entry point. Files are parsed and never executed, setup.py included.
"""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.languages import names_package
from harness.repository_tasks import is_kept

LOCK_FILES = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml")
_TEST_GROUP = re.compile(r"(?:.*[-_])?tests?(?:ing)?(?:[-_].*)?|pytest", re.IGNORECASE)
_DEV_GROUP = re.compile(r"dev(?:el(?:op(?:ment)?)?)?", re.IGNORECASE)
_REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(\[[\w, .-]*\])?\s*(\(?[<>=!~][^;@]*\)?)?\s*(;.*)?")
_VERSION = re.compile(r"[\w.!+-]+")
_TOOLS = frozenset(
    (
        "pytest", "tox", "nox", "flake8", "black", "mypy", "ruff", "pre-commit", "sphinx", "twine", "build", "wheel",
        "coverage", "pytest-cov", "isort", "pylint", "codecov", "coveralls", "bandit", "pyright", "mkdocs",
        "check-manifest", "pytest-xdist", "pytest-randomly", "bump2version",
    )
)  # fmt: skip
"""What measures, formats or ships code, and pytest, which the image has. No test needs them, and some have no wheel."""


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a repository needs, the versions that its lock file pins, and "NAME==VERSION" of itself."""

    packages: tuple[str, ...]
    pins: tuple[str, ...]
    distribution: str


def read_requirements(files: Mapping[str, str | None]) -> Requirements:
    """The requirements of a repository with these files."""
    pyproject = parse_toml(files.get("pyproject.toml"))
    found = [*_pyproject(pyproject), *_setup_cfg(files.get("setup.cfg")), *_setup_py(files.get("setup.py"))]
    found += [*_tox(files.get("tox.ini")), *_text_files(files)]
    chosen = [text for group, text in found if not group or _TEST_GROUP.fullmatch(group)]
    if len(chosen) == sum(not group for group, _ in found):
        chosen += [text for group, text in found if _DEV_GROUP.fullmatch(group)]
    name = _name(pyproject, files.get("setup.cfg"), files.get("setup.py"))
    packages = dict.fromkeys(text for text in map(_clean, chosen) if text and _is_needed(text, name))
    version = table_at(pyproject, "project").get("version")
    version = version if isinstance(version, str) and _VERSION.fullmatch(version) else "0.0.0"
    return Requirements(tuple(packages), tuple(_pins(files)), f"{name}=={version}" if name else "")


def _clean(text: str) -> str:
    """A requirement without comment, or "" for an option, an address or a path."""
    bare = re.sub(r"\s#.*$", "", text).strip()
    found = _REQUIREMENT.fullmatch(bare)
    return bare if found is not None else ""


def _is_needed(text: str, own_name: str) -> bool:
    name = re.split(r"[\[\s<>=!~;(]", text, maxsplit=1)[0].lower().replace("_", "-")
    return name not in _TOOLS and name != own_name.lower().replace("_", "-") and name != "python"


def parse_toml(text: str | None) -> dict[str, Any]:
    """A TOML document; an empty one where a file is missing or broken."""
    try:
        return tomllib.loads(text or "")
    # An integer of thousands of digits is a ValueError of its own.
    except (ValueError, RecursionError):
        return {}


def table_at(document: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """The table below these keys, one in another; an empty one where anything else is."""
    found: Any = document
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _strings(value: Any) -> list[str]:
    """The strings of a list; none of anything else."""
    return [text for text in value if isinstance(text, str)] if isinstance(value, list | tuple) else []


def _tables(value: Any) -> list[Mapping[str, Any]]:
    """The tables of a list; none of anything else."""
    return [table for table in value if isinstance(table, dict)] if isinstance(value, list) else []


def _ini(text: str | None) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text or "")
    except configparser.Error:
        return configparser.ConfigParser()
    return parser


Grouped = tuple[str, str]
"""The group of a requirement ("" for what every user needs) and its text."""


def _of_group(group: str, texts: Iterable[str]) -> Iterator[Grouped]:
    return ((group, text) for text in texts)


def _pyproject(document: Mapping[str, Any]) -> Iterator[Grouped]:
    tool = table_at(document, "tool")
    yield from _of_group("", _strings(table_at(document, "project").get("dependencies")))
    extras, groups = table_at(document, "project", "optional-dependencies"), table_at(document, "dependency-groups")
    for group, texts in (*{**extras, **groups}.items(), *table_at(tool, "pdm", "dev-dependencies").items()):
        yield from _of_group(group, _strings(texts))
    environments = table_at(tool, "hatch", "envs")
    for name in environments:
        environment = table_at(environments, name)
        group = "test" if name in ("default", "hatch-test") else name
        yield from _of_group(group, _strings(environment.get("dependencies")))
        yield from _of_group(group, _strings(environment.get("extra-dependencies")))
    poetry = table_at(tool, "poetry")
    # Poetry writes ranges in a way of its own; its lock file has the versions.
    yield from _of_group("", table_at(poetry, "dependencies"))
    yield from _of_group("dev", table_at(poetry, "dev-dependencies"))
    for group in table_at(poetry, "group"):
        yield from _of_group(group, table_at(poetry, "group", group, "dependencies"))


def _setup_cfg(text: str | None) -> Iterator[Grouped]:
    parser = _ini(text)
    yield from _of_group("", parser.get("options", "install_requires", fallback="").splitlines())
    yield from _of_group("test", parser.get("options", "tests_require", fallback="").splitlines())
    if parser.has_section("options.extras_require"):
        for group, value in parser.items("options.extras_require"):
            yield from _of_group(group, value.splitlines())


def _tox(text: str | None) -> Iterator[Grouped]:
    lines = _ini(text).get("testenv", "deps", fallback="").splitlines()
    yield from _of_group("test", (line for line in lines if ":" not in line))


def _text_files(files: Mapping[str, str | None]) -> Iterator[Grouped]:
    for path, text in files.items():
        found = re.fullmatch(r"(?:requirements/|.*/)?(?:(.*?)[-_.]?requirements[-_.]?(.*?)|(\w+))\.(?:txt|in)", path)
        if found is None or path.count("/") > 1 or "requirements" not in path or not is_kept(path):
            continue
        group = next((part for part in found.groups() if part), "")
        group = "" if group in ("base", "main", "install") else group
        yield from _of_group(group, (text or "").splitlines())


def _setup_call(text: str | None) -> dict[str, Any]:
    """The arguments of the call of `setup` that are literals."""
    try:
        tree = ast.parse(text or "")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    found: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "setup":
            for keyword in node.keywords:
                try:
                    found[keyword.arg or ""] = ast.literal_eval(keyword.value)
                except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
                    continue
    return found


def _setup_py(text: str | None) -> Iterator[Grouped]:
    call = _setup_call(text)
    yield from _of_group("", _strings(call.get("install_requires")))
    yield from _of_group("test", _strings(call.get("tests_require")))
    extras = call.get("extras_require")
    for group, texts in extras.items() if isinstance(extras, dict) else ():
        yield from _of_group(str(group), _strings(texts))


def _name(pyproject: Mapping[str, Any], setup_cfg: str | None, setup_py: str | None) -> str:
    name = table_at(pyproject, "project").get("name") or table_at(pyproject, "tool", "poetry").get("name")
    name = name or _ini(setup_cfg).get("metadata", "name", fallback="") or _setup_call(setup_py).get("name")
    return name if isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9][\w.-]*", name) else ""


def _pins(files: Mapping[str, str | None]) -> Iterator[str]:
    """The versions of the lock file; of a package with several, none holds, nor does what is not NAME==VERSION."""
    versions: dict[str, set[str]] = {}
    for lock in LOCK_FILES:
        document = parse_toml(files.get(lock))
        for entry in (*_tables(document.get("package")), *_tables(document.get("packages"))):
            if isinstance(entry.get("version"), str):
                versions.setdefault(str(entry.get("name")), set()).add(entry["version"])
    pins = (f"{name}=={next(iter(found))}" for name, found in versions.items() if len(found) == 1)
    return (pin for pin in pins if names_package(pin, npm=False))
