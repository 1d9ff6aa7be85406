"""Short questions to a live server in the words of its kind: models, version, context, readiness. Times nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.errors import ServerError
from harness.record import Client
from harness.servers.http import fetch
from harness.servers.kinds import FactLocation, ServerKind
from harness.servers.requests import endpoint_url, fill_body, look_up
from harness.types import Json, Model


@dataclass(frozen=True, slots=True)
class ServerHandle:
    """A server that can be asked: how to reach it, as whom, and what its kind says of it."""

    client: Client
    model: Model
    kind: ServerKind
    secret: str | None = None


def read_fact(asked: ServerHandle, place: FactLocation) -> Json:
    """What stands at a place of a server's answers, None where nothing does. Raises ServerError: no connection."""
    method, body = ("POST", fill_body(place, asked.model)) if place.body else ("GET", None)
    reply = fetch(asked.client, method, endpoint_url(asked.model, place.path), asked.secret, body)
    return look_up(reply.document, place.json_path, asked.model.model) if reply.status == 200 else None


def _first_count(asked: ServerHandle, places: Iterable[FactLocation]) -> int | None:
    for place in places:
        value = read_fact(asked, place)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None


def query_version(asked: ServerHandle) -> str | None:
    """The server's version in its own words."""
    value = read_fact(asked, asked.kind.version) if asked.kind.version is not None else None
    return str(value) if isinstance(value, str | int | float) and value != "" else None


def query_served_context(asked: ServerHandle) -> int | None:
    """The context in tokens that the server gives this model now."""
    return _first_count(asked, asked.kind.context.served_locations)


def query_model_context(asked: ServerHandle) -> int | None:
    """The context in tokens that the model could have."""
    return _first_count(asked, asked.kind.context.model_locations)


def _rows(document: Json) -> list[Json]:
    rows = document.get("data") if isinstance(document, dict) else None
    return rows if isinstance(rows, list) else []


def list_models(asked: ServerHandle) -> tuple[str, ...]:
    """The ids of the models that a server lists. Raises ServerError that says what to do where it does not answer."""
    model = asked.model
    url = f"{model.base_url.rstrip('/')}/models"
    try:
        reply = fetch(asked.client, "GET", url, asked.secret)
    except ServerError as error:
        raise ServerError(
            f"model {model.label!r}: {error}; start the server, or correct base_url in the config"
        ) from error
    if reply.status in (401, 403):
        raise ServerError(
            f"model {model.label!r}: {url} refuses the key (HTTP {reply.status}): name its variable in key_env"
        )
    if reply.status == 503:
        raise ServerError(f"model {model.label!r}: {url} is still loading (HTTP 503): wait until it is ready")
    return tuple(row["id"] for row in _rows(reply.document) if isinstance(row, dict) and isinstance(row.get("id"), str))


def is_ready(asked: ServerHandle) -> bool:
    """Whether the server says that it can answer; False also while nothing listens.

    Raises ServerError where it says that loading the model has failed: waiting would not help.
    """
    facts = asked.kind.readiness
    try:
        reply = fetch(asked.client, "GET", endpoint_url(asked.model, facts.path), asked.secret)
    except ServerError:
        return False
    if reply.status in (401, 403):
        return True
    if reply.status != 200:
        return False
    if facts.failed_json_path is not None and look_up(reply.document, facts.failed_json_path, asked.model.model):
        raise ServerError(
            f"model {asked.model.label!r}: {asked.kind.title} says that loading {asked.model.model} failed: see its log"
        )
    if facts.json_path is None:
        return True
    value = look_up(reply.document, facts.json_path, asked.model.model)
    return value is not None if facts.value is None else bool(value == facts.value)


def request_one_token(asked: ServerHandle) -> str | None:
    """Ask for one token; returns None when it came, else what the server said instead. Raises ServerError."""
    body = {
        "model": asked.model.model,
        "messages": [{"role": "user", "content": "Say yes."}],
        asked.kind.max_tokens_field: 1,
        "stream": False,
    }
    url = f"{asked.model.base_url.rstrip('/')}/chat/completions"
    reply = fetch(asked.client, "POST", url, asked.secret, body)
    if reply.status == 200:
        return None
    said = " ".join(reply.text.split())[:200]
    return f"HTTP {reply.status}: {said}" if said else f"HTTP {reply.status}"
