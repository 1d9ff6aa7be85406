"""Whether a server can be asked for a model before a run begins, and the address that was meant where it cannot.

`confirm_model` checks a configured model; `suggest_base_url` finds the base_url that a mistyped one stands for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from harness.apis import APIS
from harness.errors import ConfigError, ServerError, first_of
from harness.schema import suggestion
from harness.servers.query import KEY_REFUSED, ServerHandle, find_refusal, key_fix, query_model_list

MAX_NAMED_MODELS = 5
_API_ROOT = "/v1"


def confirm_model(server: ServerHandle) -> bool:
    """Whether the server lists its model. One that it does not list is asked for one token, which may load it.

    Aliases, names without their tag and any name at a server of one model are answered without being listed, and some
    servers list nothing. Raises ServerError: no answer, or a refusal.
    """
    listed = query_model_list(server)
    if listed is not None and server.model.model in listed:
        return True
    refusal = find_refusal(server)
    if refusal is None:
        return False
    lack = "has no list of models" if listed is None else f"does not list {server.model.model!r}"
    message = f"{server.model.base_url} {lack} and refuses a request for one token: {refusal}"
    raise server.error(message, _refusal_fix(server, listed, refusal))


def _refusal_fix(server: ServerHandle, listed: Sequence[str] | None, refusal: str) -> str:
    if refusal.startswith(tuple(f"HTTP {status}" for status in KEY_REFUSED)):
        return key_fix(server.model)
    if listed is None:
        meant = suggest_base_url(server)
        return f"correct base_url: {meant}" if meant else "correct base_url, which ends in /v1 at most servers"
    if not listed:
        return "load a model at the server"
    return suggestion(server.model.model, listed) or f"correct model: it lists {first_of(listed, MAX_NAMED_MODELS)}"


def suggest_base_url(server: ServerHandle) -> str | None:
    """Another base_url near the given one at which a server lists its models; None if there is none.

    The usual mistakes: the address of the server without its /v1, and the whole address of an endpoint.
    """
    given = server.model.base_url.rstrip("/")
    root = given
    for endpoint in (*(api.path for api in APIS.values()), "/models"):
        root = root.removesuffix(endpoint)
    parts = urlsplit(given)
    urls = dict.fromkeys((root, f"{root}{_API_ROOT}", f"{parts.scheme}://{parts.netloc}{_API_ROOT}"))
    return next((url for url in urls if url != given and _has_list(server, url)), None)


def _has_list(server: ServerHandle, base_url: str) -> bool:
    try:
        return query_model_list(replace(server, model=replace(server.model, base_url=base_url))) is not None
    except (ServerError, ConfigError):
        return False
