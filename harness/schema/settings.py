"""Fills the run options into the schemas of bench.toml and run.json, from their one declaration in `types`.

`fill_settings` replaces `$defs.settings`, which in the files of schemas/ only says that an object stands there.
"""

from __future__ import annotations

from harness.types import Json, run_options


def fill_settings(schema: Json, *, require_all: bool) -> None:
    """Put every run option into `$defs.settings`, where the schema has it; with `require_all`, none may be left out."""
    settings = schema.get("$defs", {}).get("settings")
    if settings is None:
        return
    options = run_options()
    settings["additionalProperties"] = False
    settings["properties"] = {option.name: dict(option.schema) for option in options}
    if require_all:
        settings["required"] = [option.name for option in options]
