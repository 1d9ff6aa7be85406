"""TOML files as the kit reads them: parsed, validated against a schema in schemas/, problems with their lines.

`parse_toml` is the entry point; `read_toml` parses alone.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from harness.errors import Problem
from harness.files import MAX_JSON_DEPTH, is_deeper_than
from harness.schema.location import Location
from harness.schema.validation import validate
from harness.types import Json


@dataclass(frozen=True, slots=True)
class TomlDocument:
    """A TOML file after validation: `values` fit the schema if there are no `problems`."""

    values: Json
    location: Location
    problems: tuple[Problem, ...]


def read_toml(text: str) -> Json:
    """The values of a TOML text. Raises ValueError, also for one that Python's parser does not read to its end."""
    try:
        values = tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as error:
        # What Python says names a setting of its own, which no user of the kit can reach.
        raise ValueError("an integer has too many digits") from error
    # What names the line of a key parses its statement again, from further up the stack.
    if is_deeper_than(values, MAX_JSON_DEPTH):
        raise ValueError(f"nested more than {MAX_JSON_DEPTH} levels deep")
    return values


def parse_toml(schema_name: str, text: str, file: str) -> TomlDocument:
    """Parse a TOML text and validate it against schemas/<schema_name>.v1.schema.json; `file` is named in problems."""
    try:
        values = read_toml(text)
    except ValueError as error:
        return TomlDocument({}, Location(file), (Problem(f"{file}: invalid TOML: {error}"),))
    location = Location(file, toml=text)
    return TomlDocument(values, location, tuple(validate(schema_name, values, location)))
