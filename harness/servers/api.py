"""Calls of a server's own API: URL and body with the model id filled in, and values looked up in the response."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from harness.servers.kinds import ApiCall, PropertyLocation
from harness.types import Json, Model

ROW_NAMES = ("id", "key", "model", "name")
"""The fields by which servers name a model in their listings."""


def endpoint_url(model: Model, path: str) -> str:
    """Return the URL of a path below the root of the model's server, which is `base_url` without its `/v1`.

    `{model}` in the path becomes the percent-encoded model id.
    """
    parts = urlsplit(model.base_url)
    root = re.sub(r"/v1/?$", "", parts.path).rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{root}{path.replace('{model}', quote(model.model, safe=''))}"


def fill_body(call: ApiCall | PropertyLocation, model: Model) -> dict[str, Json]:
    """Return the body of a call with the model id in place of `{model}`."""
    return {key: _fill(value, model.model) for key, value in call.body.items()}


def _fill(value: Json, model: str) -> Json:
    if isinstance(value, dict):
        return {key: _fill(inner, model) for key, inner in value.items()}
    return value.replace("{model}", model) if isinstance(value, str) else value


def look_up(document: Json, json_path: str, model: str, *, named_only: bool = False) -> Json:
    """Return the value at a dotted path, None if there is none.

    `rows[]` selects the row whose id, key, model, name or alias is `model`, or the only row; `rows[0]` selects by
    index; `~name` is the only key that ends in `.name`. With `named_only` an only row that names another model is not
    taken: a server of one model may list it under any name, but what one of many models lists may be about another.
    """
    value = document
    for step in json_path.split("."):
        name, _, index = step.removesuffix("]").partition("[")
        value = _member(value, name) if isinstance(value, dict) else None
        if not step.endswith("]"):
            continue
        if not isinstance(value, list):
            return None
        value = _row_of(value, model, named_only) if index == "" else next(iter(value[int(index) :]), None)
    return value


def _member(document: Mapping[str, Json], name: str) -> Json:
    if not name.startswith("~"):
        return document.get(name)
    found = [value for key, value in document.items() if key.endswith(f".{name[1:]}")]
    return found[0] if len(found) == 1 else None


def _row_of(rows: list[Json], model: str, named_only: bool) -> Json:
    named = [row for row in rows if isinstance(row, dict) and _names(row, model)]
    if named:
        return named[0]
    if len(rows) != 1 or (named_only and model and _names_any(rows[0])):
        return None
    return rows[0]


def _names_any(row: Json) -> bool:
    return isinstance(row, dict) and any(key in row for key in ROW_NAMES)


def _names(row: Mapping[str, Json], model: str) -> bool:
    """Whether a row names a model. Ollama lists `name:latest` where `name` was requested."""
    aliases = row.get("aliases")
    names = [row.get(key) for key in ROW_NAMES] + (aliases if isinstance(aliases, list) else [])
    return model in names or f"{model}:latest" in names
