"""TOML files as the kit reads them: parsed, validated against a schema in schemas/, problems with their lines."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from harness.errors import Problem
from harness.schema.location import Location
from harness.schema.validation import validate
from harness.types import Json


@dataclass(frozen=True, slots=True)
class TomlDocument:
    """A TOML file after validation: `values` fit the schema if there are no `problems`."""

    values: Json
    location: Location
    problems: tuple[Problem, ...]


def parse_toml(schema_name: str, text: str, file: str) -> TomlDocument:
    """Parse a TOML text and validate it against schemas/<schema_name>.v1.schema.json; `file` is named in problems."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return TomlDocument({}, Location(file), (Problem(f"{file}: invalid TOML: {error}"),))
    location = Location(file, toml=text)
    return TomlDocument(values, location, tuple(validate(schema_name, values, location)))
