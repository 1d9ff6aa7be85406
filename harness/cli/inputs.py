"""Reads the files that a command is given: `read_config` a bench.toml, `load_result` a result.json."""

from __future__ import annotations

from pathlib import Path

from harness.cli.console import command_line
from harness.cli.fixes import suggest
from harness.config import Config, load_config
from harness.errors import ConfigError, RunError
from harness.files import build, read_json
from harness.schema import Location, validate
from harness.types import Result

_MAX_PROBLEMS = 20


def read_config(path: Path) -> Config:
    """Load a bench.toml. Raises ConfigError."""
    with suggest("" if path.exists() else f"write one with `{command_line('init')}`", ConfigError):
        return load_config(path)


def load_result(path: Path) -> Result:
    """The result in a file or folder. Raises RunError with what is wrong with its form."""
    file = path / "result.json" if path.is_dir() else path
    document = read_json(file)
    problems = validate("result", document, Location(str(file)))
    if problems:
        raise RunError(*problems[:_MAX_PROBLEMS])
    return build(Result, document)
