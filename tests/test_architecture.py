"""Imports go down and through interfaces, third-party libraries have their importers, and messages name no command."""

import argparse
import ast
import importlib
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from harness.cli import COMMANDS, build_parser
from tests.modules import HOUSE, kit_modules, nodes

LEVELS = (
    ("errors", "types"),
    ("apis", "files"),
    ("anchors", "host", "languages", "read", "record", "report", "stats"),
    ("sandbox", "schema", "summarize", "trees"),
    ("bundle", "compare", "proxy", "virtual_tools"),
    ("score",),
    ("tasks",),
    ("cluster", "demo", "embedded", "repository_tasks", "servers"),
    ("config", "lifecycle", "mining", "real_bugs", "reference", "session", "sets"),
    ("agents", "calibration"),
    ("run",),
    ("judge", "swebench"),
    ("verify",),
    ("collection",),
    ("site", "submission"),
    ("cli",),
    ("__main__",),
)
"""From the ground up: a package imports only from levels below its own, and there is no exemption."""
IMPORTERS = {
    "aiohttp": {"calibration"},
    "altair": {"report"},
    "cryptography": {"anchors"},
    "dask": {"cluster"},
    "distributed": {"cluster"},
    "docker": {"sandbox"},
    "duckdb": {"collection"},
    "httpcore": {"record"},
    "httptools": {"proxy"},
    "httpx": {"calibration", "servers"},
    "jinja2": {"report"},
    "jsonschema_rs": {"schema"},
    "msgspec": {"files"},
    "numpy": {"stats"},
    "openai": {"calibration"},
    "psutil": {"host"},
    "pytest": {"score"},
    "re2": {"virtual_tools"},
    "rfc3161_client": {"anchors"},
    "rich": {"cli"},
    "scipy": {"stats"},
    "tabulate": {"report"},
    "tomlkit": {"tasks"},
    "vl_convert": {"report"},
    "uvloop": {"proxy"},
    "xllamacpp": {"embedded"},
}
"""Which packages import a third-party library: one each, but for httpx, which calibration times as another client."""
FLAGS_OF_OTHER_PROGRAMS = {"--format", "--runtime"}
"""Options that docker, nvidia-smi and shellcheck have too."""


House = dict[str, list[tuple[str, set[str]]]]
"""Package or top-level module -> its files, each with the full names that it imports."""


def _modules() -> dict[str, list[Path]]:
    """The files of each package; the drivers run inside containers and import nothing of the kit."""
    out: dict[str, list[Path]] = {}
    for path in kit_modules():
        parts = path.relative_to(HOUSE).with_suffix("").parts
        if parts[:2] != ("sandbox", "drivers") and parts[0] != "__init__":
            out.setdefault(parts[0], []).append(path)
    return out


def _imports(path: Path) -> set[str]:
    found = {alias.name for node in nodes(path)[ast.Import] for alias in node.names}
    for node in nodes(path)[ast.ImportFrom]:
        assert node.level == 0, f"{path}: relative import: name the module in full"
        found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


@cache
def _house() -> House:
    return {
        name: [(str(path.relative_to(HOUSE)), _imports(path)) for path in paths] for name, paths in _modules().items()
    }


def _packages_imported(imports: set[str]) -> set[str]:
    return {name.split(".")[1] for name in imports if name.startswith("harness.") and name != "harness.__version__"}


def _direction_problem(package: str, file: str, imported: str) -> str | None:
    level_of = {name: level for level, names in enumerate(LEVELS) for name in names}
    if imported not in level_of:
        return f"{file} imports harness.{imported}, which is on no level"
    if level_of[imported] > level_of[package]:
        return f"{file} imports upwards: {imported}"
    if level_of[imported] == level_of[package]:
        return f"{file} imports its neighbor {imported}"
    return None


def direction_problems(house: House) -> list[str]:
    """Every import that does not go down."""
    found = [
        _direction_problem(package, file, imported)
        for package, files in house.items()
        for file, imports in files
        for imported in sorted(_packages_imported(imports) - {package})
    ]
    return [problem for problem in found if problem is not None]


def library_problems(house: House) -> list[str]:
    """Every import of a third-party library by a package that is not its importer."""
    return [
        f"{file} imports {library}"
        for package, files in house.items()
        for file, imports in files
        for library in sorted({name.split(".")[0] for name in imports})
        if library not in sys.stdlib_module_names
        and library not in ("harness", "__future__")
        and package not in IMPORTERS.get(library, set())
    ]


def interface_problems(house: House) -> list[str]:
    """Every import that reaches past a package's `__init__`, which is its interface."""
    return [
        f"{file} imports past an interface: {name}"
        for package, files in house.items()
        for file, imports in files
        for name in sorted(imports)
        if name.startswith("harness.") and name.split(".")[1] != package and _is_past_interface(name)
    ]


def _is_past_interface(name: str) -> bool:
    package, *inner = name.split(".")[1:]
    if not inner or not (HOUSE / package).is_dir():
        return False
    exported = importlib.import_module(f"harness.{package}").__all__
    return len(inner) > 1 or (inner[0] not in exported and (HOUSE / package / f"{inner[0]}.py").is_file())


def _flags(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Every long option of a parser and its sub-parsers."""
    for action in parser._actions:
        yield from (option for option in action.option_strings if option.startswith("--"))
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield from _flags(sub)


def command_pattern() -> re.Pattern[str]:
    """What only the command line may name in a message: its commands, its options, nox's sessions."""
    names = "|".join(re.escape(command.NAME) for command in COMMANDS)
    flags = "|".join(sorted(map(re.escape, set(_flags(build_parser(COMMANDS))) - FLAGS_OF_OTHER_PROGRAMS)))
    return re.compile(rf"nox -s|\blanebench (?:{names})\b|(?<![\w-])(?:{flags})(?![\w-])")


def _messages(path: Path) -> Iterator[ast.Constant]:
    """Every string constant with a space in it that is no docstring: an option alone is a declaration."""
    docstrings = {id(node.value) for node in nodes(path)[ast.Expr]}
    for node in nodes(path)[ast.Constant]:
        if isinstance(node.value, str) and id(node) not in docstrings and " " in node.value.strip():
            yield node


def test_nobody_imports_past_the_interface_of_a_package() -> None:
    assert interface_problems(_house()) == []


def test_an_import_past_an_interface_is_a_problem() -> None:
    house: House = {"score": [("score/compare.py", {"harness.tasks.load.vary", "harness.tasks", "harness.tasks.vary"})]}
    assert interface_problems(house) == ["score/compare.py imports past an interface: harness.tasks.load.vary"]


def test_every_module_has_its_place_in_a_level() -> None:
    placed = {name for level in LEVELS for name in level}
    assert set(_modules()) - placed == set()


def test_imports_go_down_only_and_no_stage_imports_another() -> None:
    assert direction_problems(_house()) == []


def test_one_third_party_package_has_one_importer() -> None:
    assert library_problems(_house()) == []


def test_an_import_upwards_sideways_or_from_nowhere_is_a_problem() -> None:
    house: House = {
        "files": [("files.py", {"harness.run.pipeline"})],
        "read": [("read/sse.py", {"harness.record"})],
        "cli": [("cli.py", {"harness.nowhere", "harness.read"})],
    }
    assert direction_problems(house) == [
        "files.py imports upwards: run",
        "read/sse.py imports its neighbor record",
        "cli.py imports harness.nowhere, which is on no level",
    ]


def test_a_second_importer_of_a_package_is_a_problem() -> None:
    house: House = {"servers": [("servers/http.py", {"httpx"})], "demo": [("demo/server.py", {"httpx", "json"})]}
    assert library_problems(house) == ["demo/server.py imports httpx"]


def test_no_message_below_the_command_line_names_a_command_or_an_option() -> None:
    pattern = command_pattern()
    found = [
        f"{path.relative_to(HOUSE)}:{node.lineno} names {match[0]}: {node.value!r}"
        for package, paths in _modules().items()
        if package != "cli"
        for path in paths
        for node in _messages(path)
        if (match := pattern.search(str(node.value)))
    ]
    assert found == []


def test_a_message_that_names_a_command_or_an_option_is_found() -> None:
    pattern = command_pattern()
    texts = [
        "then use --resume",
        "build it again with `lanebench doctor`",
        "see nox -s verify",
        "name it with --model:",
    ]
    assert all(map(pattern.search, texts))
    assert not any(map(pattern.search, ["written by lanebench 0.1.0", "docker run --rm", "docker ps --format json"]))
