"""Find the model servers that answer on this machine: which kind each is, its version and the models it lists.

Only GET requests that list something are sent, since other requests would make some servers load a model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from harness.errors import Problem, ServerError
from harness.record import parse_url
from harness.servers.http import PlainHttpError, RequestTimeouts
from harness.servers.kinds import ServerKind
from harness.servers.load import get_server_kind, load_kinds
from harness.servers.model_check import suggest_base_url
from harness.servers.query import (
    ServerHandle,
    count_of,
    models_url,
    query_model_list,
    query_served_context,
    query_version,
    read_property,
)
from harness.types import Model

FALLBACK_KIND = "openai"
DISCOVERY_TIMEOUTS = RequestTimeouts(connect_s=1.0, request_s=5.0)


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model that a server lists; None if the server does not report a value."""

    id: str
    context_tokens: int | None = None
    file_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class FoundServer:
    """A server that answers.

    `is_identified` is False if the kind was guessed from the port; `problem` says why its models are unknown, and
    `has_list` is False if there is no list of them at this URL.
    """

    kind: ServerKind
    base_url: str
    is_identified: bool
    version: str | None
    models: tuple[FoundModel, ...]
    problem: Problem | None = None
    has_list: bool = True


def default_urls() -> tuple[str, ...]:
    """Return the URLs at which the known kinds listen by default."""
    ports = sorted({kind.default_port for kind in load_kinds().values()})
    return tuple(f"http://127.0.0.1:{port}/v1" for port in ports)


def find_servers(urls: Iterable[str]) -> tuple[FoundServer, ...]:
    """Return the servers that answer at these URLs, each once. Raises what `inspect_url` raises."""
    found = (inspect_url(url) for url in urls)
    # Two URLs may stand for one server: with its /v1, and without.
    return tuple({server.base_url.rstrip("/"): server for server in found if server is not None}.values())


def inspect_url(base_url: str) -> FoundServer | None:
    """Inspect the server at a URL, or at the URL near it that was meant; None if nothing answers.

    Raises ConfigError for an invalid URL, PlainHttpError for an https URL of a server that speaks http.
    """
    try:
        kind, is_identified = identify_kind(base_url)
    except PlainHttpError:
        raise
    except ServerError:
        return None
    server = _handle(kind, base_url)
    try:
        ids = query_model_list(server)
        if ids is None:
            meant = suggest_base_url(server)
            return _unlisted(server, is_identified) if meant is None else inspect_url(meant)
        models = tuple(_inspect_model(replace(server, model=replace(server.model, model=model_id))) for model_id in ids)
    except ServerError as error:
        return FoundServer(kind, base_url, is_identified, None, (), error.problems[0])
    return FoundServer(kind, base_url, is_identified, _version(server), models)


def _unlisted(server: ServerHandle, is_identified: bool) -> FoundServer:
    """A server that answers and has no list of models where it was looked for."""
    problem = Problem(f"there is no {models_url(server)}", "correct the address, which ends in /v1 at most servers")
    return FoundServer(server.kind, server.model.base_url, is_identified, _version(server), (), problem, False)


def _version(server: ServerHandle) -> str | None:
    """The version; None also for a server that no longer answers, which must not hide the others."""
    try:
        return query_version(server)
    except ServerError:
        return None


def identify_kind(base_url: str) -> tuple[ServerKind, bool]:
    """Return the kind of a server, and whether a fingerprint proves it. Raises ServerError: no answer;
    ConfigError: an invalid URL.

    The kinds that listen on this port by default are tried first; llama-swap before the others, since it is a proxy in
    front of one of them.
    """
    port = parse_url(base_url).origin.port
    is_known_to_answer = False
    kinds = sorted(load_kinds().values(), key=lambda kind: (kind.default_port != port, kind.name != "llama-swap"))
    for kind in kinds:
        server = _handle(kind, base_url)
        for location in kind.fingerprints:
            try:
                if read_property(server, location) not in (None, ""):
                    return kind, True
            except ServerError:
                # Some servers drop the connection at a path that they do not know.
                if not is_known_to_answer:
                    server.fetch("GET", models_url(server))
            is_known_to_answer = True
    candidates = [kind for kind in kinds if kind.default_port == port and _is_guessable(kind)]
    return (candidates[0], False) if len(candidates) == 1 else (get_server_kind(FALLBACK_KIND), False)


def _is_guessable(kind: ServerKind) -> bool:
    return not kind.fingerprints and kind.name != FALLBACK_KIND


def _handle(kind: ServerKind, base_url: str) -> ServerHandle:
    return ServerHandle(Model("", kind.name, base_url, ""), kind, timeouts=DISCOVERY_TIMEOUTS)


def _inspect_model(server: ServerHandle) -> FoundModel:
    location = server.kind.lifecycle.model_size
    size = count_of(read_property(server, location)) if location is not None else None
    # llama-swap would load the model to report its context.
    served = query_served_context(server) if server.kind.lifecycle.loaded_by != "api" else None
    return FoundModel(server.model.model, served, size)
