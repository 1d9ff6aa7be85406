"""Untimed queries to a live server, each as its kind documents it: models, version, context, readiness, one token.

A `ServerHandle` is what every query needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.apis import get_api
from harness.errors import Problem, ServerError
from harness.servers.api import endpoint_url, fill_body, look_up
from harness.servers.http import DEFAULT_TIMEOUTS, HttpReply, RequestTimeouts, fetch
from harness.servers.kinds import PropertyLocation, ServerKind
from harness.servers.requests import max_tokens_field
from harness.types import Json, Model

MAX_REPLY_CHARS = 200
MaySend = Callable[[], bool]
"""Called before each request whose reply is recorded; limits its time, and says whether it may be sent."""


def always() -> bool:
    """A request may be sent at any time: a `MaySend` without a limit."""
    return True


@dataclass(frozen=True, slots=True)
class ServerHandle:
    """A server that can be queried: for which model, of which kind, with which API key and timeouts."""

    model: Model
    kind: ServerKind
    api_key: str | None = None
    timeouts: RequestTimeouts = DEFAULT_TIMEOUTS

    def get(self, path: str) -> HttpReply:
        """Request a path below the server's root. Raises ServerError: no answer."""
        return self.fetch("GET", endpoint_url(self.model, path))

    def fetch(self, method: str, url: str, body: Json = None) -> HttpReply:
        """Send one request. Raises ServerError: no answer."""
        return fetch(method, url, self.api_key, body, self.timeouts)

    def error(self, message: str, fix: str = "") -> ServerError:
        """An error that names the model, if it has a label."""
        label = self.model.label
        return ServerError(Problem(f"model {label!r}: {message}" if label else message, fix))


def read_property(server: ServerHandle, location: PropertyLocation) -> Json:
    """Read a property of the server; None if it does not report it. Raises ServerError: no answer."""
    method, body = ("POST", fill_body(location, server.model)) if location.body else ("GET", None)
    reply = server.fetch(method, endpoint_url(server.model, location.path), body)
    return _look_up(server, reply.document, location.json_path) if reply.status == 200 else None


def _look_up(server: ServerHandle, document: Json, json_path: str) -> Json:
    return look_up(document, json_path, server.model.model, named_only=server.kind.hosts_many_models)


def query_version(server: ServerHandle) -> str | None:
    """The version that the server reports."""
    value = read_property(server, server.kind.version) if server.kind.version is not None else None
    return str(value) if isinstance(value, str | int | float) and value != "" else None


def query_served_context(server: ServerHandle) -> int | None:
    """The context in tokens that the server allots to the model now; None if it does not report one.

    Some servers report it for loaded models only, and some change it with each load.
    """
    return _first_positive(server, server.kind.context.served_locations)


def query_model_context(server: ServerHandle) -> int | None:
    """The context in tokens that the model supports."""
    return _first_positive(server, server.kind.context.model_locations)


def _first_positive(server: ServerHandle, locations: Iterable[PropertyLocation]) -> int | None:
    for location in locations:
        value = read_property(server, location)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None


def list_models(server: ServerHandle) -> tuple[str, ...]:
    """List the model ids of a server. Raises ServerError: no answer, the key is rejected, or it is still loading."""
    url = f"{server.model.base_url.rstrip('/')}/models"
    try:
        reply = server.fetch("GET", url)
    except ServerError as error:
        raise server.error(error.message, error.fix) from error
    if reply.status in (401, 403):
        raise server.error(f"{url} rejects the API key (HTTP {reply.status})", "name its variable in key_env")
    if reply.status == 503:
        raise server.error(f"{url} is still loading (HTTP 503)", "wait until it is ready")
    rows = reply.document.get("data") if isinstance(reply.document, dict) else None
    ids = [row.get("id") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return tuple(model_id for model_id in ids if isinstance(model_id, str))


def is_ready(server: ServerHandle) -> bool:
    """Whether the server reports that it is ready; False also while nothing listens.

    Raises ServerError if it reports that loading the model failed: waiting would be pointless.
    """
    facts, model = server.kind.readiness, server.model.model
    try:
        reply = server.get(facts.path)
    except ServerError:
        return False
    if reply.status in (401, 403):
        # The server is up and requires a key for this path; the first real request will show whether the key is valid.
        return True
    if reply.status != 200:
        return False
    if facts.failed_json_path is not None and _look_up(server, reply.document, facts.failed_json_path):
        raise server.error(f"{server.kind.title} reports that loading {model} failed", "look into the server's log")
    if facts.json_path is None:
        return True
    value = _look_up(server, reply.document, facts.json_path)
    return value is not None if facts.value is None else bool(value == facts.value)


def find_refusal(server: ServerHandle) -> str | None:
    """Request one token; return the server's refusal, None if the token came. Raises ServerError: no answer."""
    api = get_api(server.model.api)
    body = {
        "model": server.model.model,
        **api.write_conversation([{"role": "user", "content": "Say yes."}]),
        max_tokens_field(server.kind, server.model): 1,
        "stream": False,
    }
    reply = server.fetch("POST", api.url(server.model.base_url), body)
    if reply.status == 200:
        return None
    text = " ".join(reply.text.split())[:MAX_REPLY_CHARS]
    return f"HTTP {reply.status}: {text}" if text else f"HTTP {reply.status}"
