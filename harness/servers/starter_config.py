"""Write a commented bench.toml for the servers that were found: `write_config` returns its text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.errors import Problem, ServerError
from harness.files import to_json
from harness.record import parse_url
from harness.servers.discovery import FoundModel, FoundServer

MAX_LABEL_CHARS = 60

_HEAD = """# The servers that answered on this machine, and their models. Remove what you do not want to measure.
# schemas/config.v1.schema.json describes every key.

[run]
suite = "quick"  # quick for a first look, v1 for an afternoon, full for everything
trials = 3       # 6 or more give speeds an interval; 10 tell models apart
warmups = 1      # for each size of prompt; excluded from every number
# thinking_tokens = 8192  # added to a task's token budget for models that think
"""

_MODEL = """
[[models]]
label = {label}  # the name in tables and files
server = {server}
base_url = {base_url}
model = {model}
thinking = "default"  # or "on" or "off"{thinking}
# context_tokens = {context_tokens}  # as set at the server: {context_setting}
# key_env = "NAME"  # the environment variable that holds the API key; the key itself is never written
# tunnel = "user@host"  # for a server on another machine: ssh forwards the port of base_url
{facts}
"""
_API = """[models.lifecycle]  # loads the model for its trials and unloads it; then loads again what was loaded before
method = "api"
"""
_PROCESS = """# [models.lifecycle]  # for one model at a time; without this you start and stop the server yourself
# method = "process"
# start = ["the", "command", "--port", "{port}"]
"""


def write_config(servers: Sequence[FoundServer]) -> str:
    """Return the text of a bench.toml. Raises ServerError if no server has a model that generates text."""
    labels: set[str] = set()
    text = _HEAD + "".join(_server_text(server, labels) for server in servers)
    if not any(not _is_embedder(model) for server in servers for model in server.models):
        raise ServerError(*(map(_missing_models, servers) if servers else ["no server answers"]))
    return text.replace("\n\n\n", "\n\n")


def _missing_models(server: FoundServer) -> Problem:
    problem = server.problem or Problem("lists no model that generates text", "load one")
    # There is no file yet in which a key or a model could be named.
    table = f'label, server = "{server.kind.name}", base_url = "{server.base_url}", model'
    by_hand = f"or write bench.toml by hand: [[models]] with {table}, and key_env if it needs a key"
    return Problem(f"{server.base_url}: {problem.message}", f"{problem.fix}; {by_hand}")


def _server_text(server: FoundServer, labels: set[str]) -> str:
    guessed = "" if server.is_identified else " (guessed from its port: correct `server` if it is wrong)"
    title = f"{server.kind.title} {server.version}" if server.version else server.kind.title
    lines = ["\n", _comment(f"{title} at {server.base_url}{guessed}")]
    if server.problem is not None:
        lines.append(_comment(f"{server.problem.message}; {server.problem.fix}"))
    elif not server.models:
        lines.append("# it lists no models: add one by hand")
    lines += [_model_text(server, model, labels) for model in server.models]
    return "\n".join(lines)


def _comment(untrusted: str) -> str:
    """One comment, whatever a server has in its version or its error: a newline would begin a setting of the file."""
    return "# " + " ".join("".join(char if char.isprintable() else " " for char in untrusted).split())


def _model_text(server: FoundServer, model: FoundModel, labels: set[str]) -> str:
    kind = server.kind
    thinks = {"on": ": it thinks by default", "off": ": it does not think by default"}
    facts = '# facts = { parameters_b = 30, quantization = "Q4_K_M" }  # what you declare; none of it is measured'
    if model.file_bytes is not None:
        facts = f"facts = {{ file_bytes = {model.file_bytes} }}  # as reported by the server"
    text = _MODEL.format(
        label=_to_toml(_label(model.id, labels)),
        server=_to_toml(kind.name),
        base_url=_to_toml(server.base_url),
        model=_to_toml(_model_id(server, model)),
        thinking=thinks.get(kind.thinking.default, ""),
        context_tokens=model.context_tokens or 32768,
        context_setting=kind.context.setting,
        facts=facts,
    )
    text += _API if kind.lifecycle.loaded_by == "api" else _PROCESS.format(port=parse_url(server.base_url).origin.port)
    return _comment_out(text) if _is_embedder(model) else text


def _to_toml(text: str) -> str:
    """A basic string of TOML: that of JSON, but TOML has no bare U+007F."""
    return to_json(text).replace("\x7f", "\\u007f")


def _label(model_id: str, labels: set[str]) -> str:
    """A unique label: the id without its folders, in the characters that a label may have."""
    name = model_id.rstrip("/").rsplit("/", 1)[-1]
    base = re.sub(r"[^A-Za-z0-9._:+-]+", "-", name).strip("-._:+")[:MAX_LABEL_CHARS] or "model"
    label, number = base, 2
    while label in labels:
        label, number = f"{base[: MAX_LABEL_CHARS - 4]}-{number}", number + 1
    labels.add(label)
    return label


def _model_id(server: FoundServer, model: FoundModel) -> str:
    """The id to request. mlx_lm.server lists the folder of its model, which would show where its owner keeps things."""
    return "default_model" if server.kind.name == "mlx-lm" and model.id.startswith("/") else model.id


def _is_embedder(model: FoundModel) -> bool:
    return "embed" in model.id.lower() or "rerank" in model.id.lower()


def _comment_out(text: str) -> str:
    lines = [line if not line or line.startswith("#") else f"# {line}" for line in text.splitlines()]
    return "\n# this one generates no text:" + "\n".join(lines) + "\n"
