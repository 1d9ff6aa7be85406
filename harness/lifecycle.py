"""One model at a time: look whether its server answers, measure memory around its trials, let go of it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from harness.errors import ServerError
from harness.host import memory_in_use, server_memory
from harness.record import Client, fetch
from harness.types import Json, MemoryUse, Model


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a server said of itself before the first trial."""

    version: str | None
    context_tokens: int | None


def _listed(document: Json) -> list[dict[str, Json]]:
    rows = document.get("data") if isinstance(document, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _context_of(rows: list[dict[str, Json]], model: str) -> int | None:
    for row in rows:
        if row.get("id") != model and len(rows) > 1:
            continue
        meta = row.get("meta") if isinstance(row.get("meta"), dict) else {}
        for value in (row.get("max_model_len"), row.get("context_length"), (meta or {}).get("n_ctx")):
            if isinstance(value, int) and value > 0:
                return value
    return None


def make_ready(client: Client, model: Model, secret: str | None) -> Readiness:
    """Make sure that the model's server answers. Raises ServerError with what to do when it does not."""
    url = f"{model.base_url.rstrip('/')}/models"
    try:
        reply = fetch(client, "GET", url, secret)
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
    rows = _listed(reply.document)
    version = reply.document.get("version") if isinstance(reply.document, dict) else None
    return Readiness(version if isinstance(version, str) else None, _context_of(rows, model.model))


def measure(model: Model) -> tuple[str | None, int | None]:
    """Memory of a local server's process, else the whole machine's memory in use; (how, bytes)."""
    parts = urlsplit(model.base_url)
    if parts.hostname not in ("127.0.0.1", "localhost", "::1") or model.simulated:
        return None, None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    own = server_memory(port)
    if own is not None:
        return "server process", own
    used = memory_in_use()
    return ("machine in use", used) if used is not None else (None, None)


def memory_use(before: tuple[str | None, int | None], loaded: tuple[str | None, int | None]) -> MemoryUse:
    """Put two readings together; kept apart when they were not measured the same way."""
    how, loaded_bytes = loaded
    return MemoryUse(how, before[1] if before[0] == how else None, loaded_bytes, None)
