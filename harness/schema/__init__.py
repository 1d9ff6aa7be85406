"""Validation against JSON Schemas: the files in schemas/ by name, or a schema given inline.

`validate` and `parse_toml` check a document by its schema's name, `problems_of` a value by an inline schema.
`read_toml` only parses. Each problem names the file, the line (in TOML), the JSON path, what is wrong and how to fix
it. Checks that a schema cannot express word their problems with `Location.problem`.
"""

from harness.schema.location import JsonPath, Location
from harness.schema.messages import nearest, shorten, suggestion
from harness.schema.toml import TomlDocument, parse_toml, read_toml
from harness.schema.validation import (
    as_document,
    format_version,
    has_safe_numbers,
    load_schema,
    problems_of,
    schema_problems,
    validate,
)

__all__ = [
    "JsonPath",
    "Location",
    "TomlDocument",
    "as_document",
    "format_version",
    "has_safe_numbers",
    "load_schema",
    "nearest",
    "parse_toml",
    "problems_of",
    "read_toml",
    "schema_problems",
    "shorten",
    "suggestion",
    "validate",
]
