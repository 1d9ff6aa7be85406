"""Find the servers that answer on this machine and write a bench.toml for them. Asks for lists, nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from harness.errors import ServerError
from harness.files import to_json
from harness.record import Client
from harness.servers.kinds import ServerKind
from harness.servers.load import get_server_kind, load_kinds
from harness.servers.query import ServerHandle, list_models, query_served_context, query_version, read_fact
from harness.types import Model

OTHER = "openai"
LABEL_CHARS = 60


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model that a server lists; None where the server does not say."""

    id: str
    context_tokens: int | None = None
    file_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class FoundServer:
    """A server that answers. `sure` False: it is known by its port only. `fault`: why its models are unknown."""

    kind: ServerKind
    base_url: str
    sure: bool
    version: str | None
    models: tuple[FoundModel, ...]
    fault: str | None = None


def default_urls() -> tuple[str, ...]:
    """The addresses at which the known kinds listen unless they are told otherwise."""
    ports = sorted({kind.default_port for kind in load_kinds().values()})
    return tuple(f"http://127.0.0.1:{port}/v1" for port in ports)


def _asked(client: Client, kind: ServerKind, base_url: str, model: str = "") -> ServerHandle:
    return ServerHandle(client, Model("init", kind.name, base_url, model), kind)


def _shows_sign(client: Client, kind: ServerKind, base_url: str) -> bool:
    asked = _asked(client, kind, base_url)
    return any(read_fact(asked, place) not in (None, "") for place in kind.fingerprints)


def identify_kind(client: Client, base_url: str) -> tuple[ServerKind, bool]:
    """The kind of a server that answers, and whether it showed a sign of it. Raises ServerError."""
    port = urlsplit(base_url).port
    kinds = sorted(load_kinds().values(), key=lambda kind: (kind.default_port != port, kind.name != "llama-swap"))
    for kind in kinds:
        if _shows_sign(client, kind, base_url):
            return kind, True
    unsigned = [kind for kind in kinds if kind.default_port == port and not kind.fingerprints and kind.name != OTHER]
    return (unsigned[0], False) if len(unsigned) == 1 else (get_server_kind(OTHER), False)


def _found_model(asked: ServerHandle) -> FoundModel:
    place = asked.kind.lifecycle.model_size
    size = read_fact(asked, place) if place is not None else None
    # A look at what llama-swap serves would load the model.
    served = query_served_context(asked) if asked.kind.lifecycle.loaded_by != "api" else None
    return FoundModel(asked.model.model, served, size if isinstance(size, int) and size > 0 else None)


def inspect_address(client: Client, base_url: str) -> FoundServer | None:
    """What stands at an address; None where nothing answers."""
    try:
        kind, sure = identify_kind(client, base_url)
    except ServerError:
        return None
    asked = _asked(client, kind, base_url)
    try:
        ids = list_models(asked)
        models = tuple(_found_model(replace(asked, model=replace(asked.model, model=name))) for name in ids)
    except ServerError as error:
        return FoundServer(kind, base_url, sure, None, (), error.message.removeprefix("model 'init': "))
    return FoundServer(kind, base_url, sure, query_version(asked), models)


def find_servers(client: Client, urls: Iterable[str]) -> tuple[FoundServer, ...]:
    """The servers that answer at these addresses."""
    found = (inspect_address(client, url) for url in urls)
    return tuple(one for one in found if one is not None)


# --- the file ---------------------------------------------------------------------------------------------------

HEAD = """# bench.toml, written by `lanebench init`: the servers that answered on this machine, and their models.
# Take out what you do not want to measure, then: nox -s bench -- --config bench.toml
# Every key stands in schemas/config.v1.schema.json; what is wrong is told with its line.

[run]
suite = "quick"  # quick for a first look, v1 for an afternoon, full for everything
trials = 3       # 6 or more give speeds an interval; 10 tell models apart
warmups = 1      # for each size of prompt; left out of every number
# thinking_tokens = 8192  # room for thoughts on top of a task's budget
"""

_MODEL = """
[[models]]
label = {label}  # the name in tables and files
server = {server}
base_url = {base_url}
model = {model}
thinking = "default"  # "on" or "off" to decide it yourself{thinking}
{context}
# key_env = "NAME"  # the environment variable that holds the API key; the key itself is never written
# tunnel = "user@host"  # where the server listens on another machine: base_url's port is forwarded by ssh
{facts}
"""
_API = """[models.lifecycle]  # loads the model for its trials, lets go of it, and loads again what was loaded before
by = "api"
"""
_PROCESS = """# [models.lifecycle]  # one model at a time: without this the server is yours to start and stop
# by = "process"
# start = ["the", "command", "--port", "{port}"]
"""


def _label(name: str, taken: set[str]) -> str:
    """A label that a table can show: the id without its folders, made unique."""
    base = (
        re.sub(r"[^A-Za-z0-9._:+-]+", "-", name.rstrip("/").rsplit("/", 1)[-1]).strip("-._:+")[:LABEL_CHARS] or "model"
    )
    label, number = base, 2
    while label in taken:
        label, number = f"{base[: LABEL_CHARS - 4]}-{number}", number + 1
    taken.add(label)
    return label


def _asked_as(server: FoundServer, model: FoundModel) -> str:
    """The id to ask for: mlx_lm.server lists its own folder, which tells where its owner keeps things."""
    return "default_model" if server.kind.name == "mlx-lm" and model.id.startswith("/") else model.id


def _model_text(server: FoundServer, model: FoundModel, taken: set[str]) -> str:
    kind = server.kind
    default = {"on": ": it thinks by itself", "off": ": it does not think by itself"}.get(kind.thinking.default, "")
    context = f"# context_tokens = {model.context_tokens or 32768}  # what the server was given: {kind.context.setting}"
    facts = '# facts = { parameters_b = 30, quantization = "Q4_K_M" }  # what you declare; none of it is measured'
    if model.file_bytes is not None:
        facts = f"facts = {{ file_bytes = {model.file_bytes} }}  # as the server says"
    text = _MODEL.format(
        label=to_json(_label(model.id, taken)),
        server=to_json(kind.name),
        base_url=to_json(server.base_url),
        model=to_json(_asked_as(server, model)),
        thinking=default,
        context=context,
        facts=facts,
    )
    text += _API if kind.lifecycle.loaded_by == "api" else _PROCESS.format(port=urlsplit(server.base_url).port)
    return _commented(text) if _is_embedder(model) else text


def _server_text(server: FoundServer, taken: set[str]) -> str:
    kind = server.kind
    sure = "" if server.sure else " (a guess by its port: correct `server` where it is wrong)"
    lines = [f"\n\n# {kind.title}{' ' + server.version if server.version else ''} at {server.base_url}{sure}"]
    if server.fault is not None:
        lines.append(f"# {server.fault}")
    elif not server.models:
        lines.append("# it lists no models: add one by hand")
    lines += [_model_text(server, model, taken) for model in server.models]
    return "\n".join(lines)


def _is_embedder(model: FoundModel) -> bool:
    return "embed" in model.id.lower() or "rerank" in model.id.lower()


def _commented(text: str) -> str:
    lines = [line if not line or line.startswith("#") else f"# {line}" for line in text.splitlines()]
    return "\n# this one makes no text:" + "\n".join(lines) + "\n"


def write_config(servers: Sequence[FoundServer]) -> str:
    """The text of a bench.toml. Raises ServerError where no server has a model to ask."""
    taken: set[str] = set()
    text = HEAD + "".join(_server_text(server, taken) for server in servers)
    if not any(not _is_embedder(model) for server in servers for model in server.models):
        faults = [f"{server.base_url}: {server.fault or 'lists no model to ask'}" for server in servers]
        raise ServerError(*(faults or ["no server answers"]))
    return text.replace("\n\n\n", "\n\n")
