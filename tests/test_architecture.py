"""The rules of the house: imports go down only, through interfaces, and a third-party library has its importers."""

import ast
import importlib
import sys
from pathlib import Path

import harness

HOUSE = Path(harness.__file__).parent

LEVELS = (
    ("errors", "types"),
    ("files", "host", "languages", "read", "record", "report", "stats"),
    ("sandbox", "schema", "summarize"),
    ("bundle", "compare", "virtual_tools"),
    ("score",),
    ("tasks",),
    ("demo", "servers"),
    ("calibration", "config", "lifecycle"),
    ("run",),
    ("verify",),
    ("cli",),
    ("__main__",),
)
"""From the ground up: a package imports only from levels below its own, and there is no exemption."""
IMPORTERS = {
    "aiohttp": {"calibration"},
    "docker": {"sandbox"},
    "httpcore": {"record"},
    "httpx": {"calibration", "servers"},
    "jinja2": {"report"},
    "jsonschema_rs": {"schema"},
    "msgspec": {"files"},
    "numpy": {"stats"},
    "openai": {"calibration"},
    "psutil": {"host"},
    "re2": {"virtual_tools"},
    "rich": {"cli"},
    "scipy": {"stats"},
    "tabulate": {"report"},
    "tomlkit": {"tasks"},
}
"""Which packages import a third-party library: one each, but for httpx, which calibration times as a rival client."""


def _modules() -> dict[str, list[Path]]:
    out: dict[str, list[Path]] = {}
    for path in sorted(HOUSE.rglob("*.py")):
        parts = path.relative_to(HOUSE).with_suffix("").parts
        if parts[:2] == ("sandbox", "drivers") or parts[0] in ("__init__", "_data"):
            continue
        out.setdefault(parts[0], []).append(path)
    return out


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.ImportFrom):
            raise AssertionError(f"{path}: relative import: name the module in full")
    return found


House = dict[str, list[tuple[str, set[str]]]]
"""Module -> its files, each with the full names that it imports."""


def _house() -> House:
    return {
        name: [(str(path.relative_to(HOUSE)), _imports(path)) for path in paths] for name, paths in _modules().items()
    }


def _own(imports: set[str]) -> set[str]:
    return {name.split(".")[1] for name in imports if name.startswith("harness.") and name != "harness.__version__"}


def _one_way(name: str, file: str, other: str) -> str | None:
    level_of = {module: at for at, level in enumerate(LEVELS) for module in level}
    if other not in level_of:
        return f"{file} imports harness.{other}, which has no place"
    if level_of[other] > level_of[name]:
        return f"{file} imports upwards: {other}"
    if level_of[other] == level_of[name]:
        return f"{file} imports its neighbor {other}"
    return None


def faults_of_direction(house: House) -> list[str]:
    """Every import that does not go down."""
    found = [
        _one_way(name, file, other)
        for name, files in house.items()
        for file, imports in files
        for other in sorted(_own(imports) - {name})
    ]
    return [fault for fault in found if fault is not None]


def faults_of_packages(house: House) -> list[str]:
    """Every third-party package that a module imports which is not its one importer."""
    return [
        f"{file} imports {package}"
        for name, files in house.items()
        for file, imports in files
        for package in sorted({full.split(".")[0] for full in imports})
        if package not in sys.stdlib_module_names
        and package not in ("harness", "__future__")
        and name not in IMPORTERS.get(package, set())
    ]


def faults_of_interfaces(house: House) -> list[str]:
    """Every import that reaches past a package's `__init__`, which is its interface."""
    return [
        f"{file} imports past an interface: {full}"
        for name, files in house.items()
        for file, imports in files
        for full in sorted(imports)
        if full.startswith("harness.") and full.split(".")[1] != name and _is_past_interface(full)
    ]


def _is_past_interface(full: str) -> bool:
    package, *inner = full.split(".")[1:]
    if not inner or not (HOUSE / package).is_dir():
        return False
    exported = importlib.import_module(f"harness.{package}").__all__
    return len(inner) > 1 or (inner[0] not in exported and (HOUSE / package / f"{inner[0]}.py").is_file())


def test_nobody_imports_past_the_interface_of_a_package() -> None:
    assert faults_of_interfaces(_house()) == []


def test_an_import_past_an_interface_is_a_fault() -> None:
    house: House = {"score": [("score/compare.py", {"harness.tasks.load.vary", "harness.tasks", "harness.tasks.vary"})]}
    assert faults_of_interfaces(house) == ["score/compare.py imports past an interface: harness.tasks.load.vary"]


def test_every_module_has_its_place_in_a_level() -> None:
    placed = {name for level in LEVELS for name in level}
    assert set(_modules()) - placed == set()


def test_imports_go_down_only_and_no_stage_imports_another() -> None:
    assert faults_of_direction(_house()) == []


def test_one_third_party_package_has_one_importer() -> None:
    assert faults_of_packages(_house()) == []


def test_an_import_upwards_sideways_or_from_nowhere_is_a_fault() -> None:
    house: House = {
        "files": [("files.py", {"harness.run.pipeline"})],
        "read": [("read/sse.py", {"harness.record"})],
        "cli": [("cli.py", {"harness.nowhere", "harness.read"})],
    }
    assert faults_of_direction(house) == [
        "files/kit.py imports upwards: run",
        "read/sse.py imports its neighbor record",
        "cli.py imports harness.nowhere, which has no place",
    ]


def test_a_second_importer_of_a_package_is_a_fault() -> None:
    house: House = {"servers": [("servers/http.py", {"httpx"})], "demo": [("demo/server.py", {"httpx", "json"})]}
    assert faults_of_packages(house) == ["demo/server.py imports httpx"]
