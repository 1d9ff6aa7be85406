"""Write a commented bench.toml for the servers that were found: `write_config` returns its text.

`count_left_out` counts the models that no run has room for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.errors import Problem, ServerError
from harness.files import to_json
from harness.record import parse_url
from harness.schema import load_schema
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
    """Return the text of a bench.toml; what one run has no room for is commented out.

    Raises ServerError if no server has a model that generates text.
    """
    labels: set[str] = set()
    text, room = _HEAD, _max_models()
    for server in servers:
        text += _server_text(server, labels, room)
        room -= _count_generators(server)
    if not any(map(_count_generators, servers)):
        raise ServerError(*(map(_missing_models, servers) if servers else ["no server answers"]))
    return text.replace("\n\n\n", "\n\n")


def count_left_out(servers: Sequence[FoundServer]) -> int:
    """How many models that generate text are more than one run can have."""
    return max(0, sum(map(_count_generators, servers)) - _max_models())


def _max_models() -> int:
    return int(load_schema("config")["properties"]["models"]["maxItems"])


def _count_generators(server: FoundServer) -> int:
    return sum(not _is_embedder(model) for model in server.models)


def _missing_models(server: FoundServer) -> Problem:
    problem = server.problem or Problem("lists no model that generates text", "load one")
    # There is no file yet in which a key or a model could be named.
    base_url = server.base_url if server.has_list else "http://HOST:PORT/v1"
    table = f'label, server = "{server.kind.name}", base_url = "{base_url}", model'
    by_hand = f"or write bench.toml by hand: [[models]] with {table}, and key_env if it needs a key"
    return Problem(f"{server.base_url}: {problem.message}", f"{problem.fix}; {by_hand}")


def _server_text(server: FoundServer, labels: set[str], room: int) -> str:
    """A server's models, of which the first `room` that generate text are written as settings."""
    guessed = "" if server.is_identified else " (guessed from its port: correct `server` if it is wrong)"
    title = f"{server.kind.title} {server.version}" if server.version else server.kind.title
    lines = ["\n", _comment(f"{title} at {server.base_url}{guessed}")]
    if server.problem is not None:
        lines.append(_comment(f"{server.problem.message}; {server.problem.fix}"))
    elif not server.models:
        lines.append("# it lists no models: add one by hand")
    for model in server.models:
        text = _model_text(server, model, labels)
        if _is_embedder(model):
            text = _comment_out(text, "this one generates no text")
        elif room <= 0:
            text = _comment_out(text, f"a run takes at most {_max_models()} models")
        else:
            room -= 1
        lines.append(text)
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
    return text + (
        _API if kind.lifecycle.loaded_by == "api" else _PROCESS.format(port=parse_url(server.base_url).origin.port)
    )


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


def _comment_out(text: str, reason: str) -> str:
    lines = [line if not line or line.startswith("#") else f"# {line}" for line in text.splitlines()]
    return f"\n# {reason}:" + "\n".join(lines) + "\n"
