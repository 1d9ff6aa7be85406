"""Untimed queries to a live server, each as its kind documents it: models, version, context, readiness, one token.

A `ServerHandle` is what every query needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus

from harness.apis import get_api
from harness.errors import Problem, ServerError
from harness.servers.api import endpoint_url, fill_body, look_up
from harness.servers.http import DEFAULT_TIMEOUTS, HttpReply, RequestTimeouts, fetch
from harness.servers.kinds import PropertyLocation, ServerKind
from harness.servers.requests import max_tokens_field
from harness.types import Json, Model

MAX_REPLY_CHARS = 200
NO_LIST = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED)
"""How a server answers that has no list of models; a wrong base_url shows by the first request."""
KEY_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
MAX_REPORTED = 2**53
"""What JSON carries exactly, and more than any number of bytes or tokens that a server has."""
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
    # In Python True is a 1, which may be a version.
    is_version = isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""
    return str(value) if is_version else None


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
        value = count_of(read_property(server, location))
        if value is not None:
            return value
    return None


def count_of(value: Json) -> int | None:
    """A reported number of bytes or tokens; None for what cannot be one."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_REPORTED
    return value if is_count else None


def models_url(server: ServerHandle) -> str:
    """Return the URL of a server's list of models."""
    return f"{server.model.base_url.rstrip('/')}/models"


def list_models(server: ServerHandle) -> tuple[str, ...]:
    """List the model ids of a server as `query_model_list` does; none for a server that has no such list."""
    return query_model_list(server) or ()


def query_model_list(server: ServerHandle) -> tuple[str, ...] | None:
    """List the model ids of a server, without those that no request can have; None for a server without such a list.

    Raises ServerError: no answer, or one that is no list, such as for a wrong key or while it is still loading.
    """
    url = models_url(server)
    try:
        reply = server.fetch("GET", url)
    except ServerError as error:
        raise server.error(error.message, error.fix) from error
    if reply.status in NO_LIST:
        return None
    if reply.status != HTTPStatus.OK or not _is_result(reply):
        problem, fix = _listing_problem(reply.status, server.model)
        raise server.error(f"{url} {problem} (HTTP {reply.status})", fix)
    rows = reply.document.get("data")
    ids = [row.get("id") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return tuple(model_id for model_id in ids if isinstance(model_id, str) and _is_requestable(model_id))


def _is_result(reply: HttpReply) -> bool:
    """Whether a reply is JSON without an error: proxies send pages, too."""
    return isinstance(reply.document, dict) and not reply.has_error


def key_fix(model: Model) -> str:
    """What to do about a rejected key."""
    return "name its variable in key_env" if model.key_env is None else f"correct the value of {model.key_env}"


def _listing_problem(status: int, model: Model) -> tuple[str, str]:
    """What is wrong with an answer that lists no models, and the fix."""
    if status in KEY_REFUSED:
        return "rejects the API key", key_fix(model)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return "is still loading", "wait until it is ready"
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return "redirects", "correct base_url: redirects are not followed"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "fails", "look into the log of the server, or of a proxy in front of it"
    return "lists no models", "correct base_url"


def _is_requestable(model_id: str) -> bool:
    """Whether UTF-8 has all characters of an id: a lone surrogate could not be sent."""
    return model_id != "" and not any("\ud800" <= char <= "\udfff" for char in model_id)


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
    if reply.status == HTTPStatus.OK and _is_result(reply):
        return None
    text = " ".join(reply.text.split())[:MAX_REPLY_CHARS]
    return f"HTTP {reply.status}: {text}" if text else f"HTTP {reply.status}"
