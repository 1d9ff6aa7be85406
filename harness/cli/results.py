"""Loads a result.json for the commands that read one."""

from __future__ import annotations

from pathlib import Path

from harness.errors import RunError
from harness.files import build, read_json
from harness.schema import Location, validate
from harness.types import Result

_MAX_PROBLEMS = 20


def load_result(path: Path) -> Result:
    """The result in a file or folder. Raises RunError with what is wrong with its form."""
    file = path / "result.json" if path.is_dir() else path
    document = read_json(file)
    problems = validate("result", document, Location(str(file)))
    if problems:
        raise RunError(*problems[:_MAX_PROBLEMS])
    return build(Result, document)
