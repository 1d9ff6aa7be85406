"""A model's requests in the words of its server's kind, and where in a server's answers a fact stands. Asks nobody."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from urllib.parse import quote, urlsplit

from harness.servers.kinds import ApiCall, FactLocation, ServerKind
from harness.types import IGNORED_BY_SERVER, LEFT_TO_SERVER, Json, Model, ProbeFinding, Task


def _merged(below: Mapping[str, Json], above: Mapping[str, Json]) -> dict[str, Json]:
    out = dict(below)
    for key, value in above.items():
        old = out.get(key)
        out[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return out


def build_request_fields(kind: ServerKind, model: Model) -> dict[str, Json]:
    """Sampling, the thinking switch and the model's own extra fields, merged in this order; no limit of tokens."""
    sampling = {name: value for name, value in asdict(model.sampling).items() if value is not None}
    switch = {"on": kind.thinking.on, "off": kind.thinking.off, "default": None}[model.thinking]
    return _merged(_merged(sampling, switch or {}), model.extra)


def find_request_problems(kind: ServerKind, model: Model) -> tuple[tuple[str, str], ...]:
    """What in a model's settings its server cannot be asked for: the key in its table, and why with what to do."""
    faults = []
    switch = {"on": kind.thinking.on, "off": kind.thinking.off, "default": {}}[model.thinking]
    if switch is None and not model.extra:
        faults.append(
            (
                "thinking",
                f"no field is known that turns thinking {model.thinking} on a {kind.name} server: say thinking = "
                '"default", or put the fields that this server reads into extra',
            )
        )
    for name in build_request_fields(kind, model):
        if name in kind.rejected_fields:
            place = "extra" if name in model.extra else "sampling"
            faults.append((f"{place}.{name}", f"{kind.title} refuses a request that holds it: leave it out"))
    return tuple(faults)


def find_unapplied_settings(kind: ServerKind, model: Model) -> tuple[ProbeFinding, ...]:
    """What becomes of this model's settings at its server beside what is sent, where anything does.

    Greedy decoding leaves nothing to a sampler.
    """
    sent = build_request_fields(kind, model)
    greedy = sent.get("temperature") == 0
    left = [name for name in kind.must_send if name not in sent and name != kind.max_tokens_field and not greedy]
    ignored = [name for name in sent if name in kind.ignored_fields]
    found = ((LEFT_TO_SERVER, left), (IGNORED_BY_SERVER, ignored))
    return tuple(ProbeFinding(name, live=fields) for name, fields in found if fields)


def _row_of(rows: list[Json], model: str) -> Json:
    named = [
        row
        for row in rows
        if isinstance(row, dict)
        and (model in (row.get(key) for key in ("id", "key", "model", "name")) or model in (row.get("aliases") or ()))
    ]
    if named:
        return named[0]
    return rows[0] if len(rows) == 1 else None


def _under(document: Mapping[str, Json], name: str) -> Json:
    if not name.startswith("~"):
        return document.get(name)
    found = [value for key, value in document.items() if key.endswith(f".{name[1:]}")]
    return found[0] if len(found) == 1 else None


def look_up(document: Json, at: str, model: str) -> Json:
    """The value at a dotted path, None where nothing stands there.

    `rows[]` is the row whose id, key, model, name or alias is `model`, else the only row; `rows[0]` is a row by number;
    `~name` is the only key that ends in `.name`.
    """
    value = document
    for step in at.split("."):
        name, _, index = step.removesuffix("]").partition("[")
        value = _under(value, name) if isinstance(value, dict) else None
        if not step.endswith("]"):
            continue
        if not isinstance(value, list):
            return None
        value = _row_of(value, model) if index == "" else next(iter(value[int(index) :]), None)
    return value


def endpoint_url(model: Model, path: str) -> str:
    """The address of a path from the root of the model's server; `{model}` becomes the quoted model id."""
    parts = urlsplit(model.base_url)
    root = re.sub(r"/v1/?$", "", parts.path).rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{root}{path.replace('{model}', quote(model.model, safe=''))}"


def _filled(value: Json, model: str) -> Json:
    if isinstance(value, dict):
        return {key: _filled(one, model) for key, one in value.items()}
    return value.replace("{model}", model) if isinstance(value, str) else value


def fill_body(call: ApiCall | FactLocation, model: Model) -> dict[str, Json]:
    """The body of a call with the model's id put in."""
    return {key: _filled(value, model.model) for key, value in call.body.items()}


def with_trial_seed(model: Model, trial: int) -> Model:
    """The model with the trial's own seed, where one was given: with the same seed it would be the same trial again."""
    if model.sampling.seed is None:
        return model
    return replace(model, sampling=replace(model.sampling, seed=model.sampling.seed + trial))


def build_request_body(
    model: Model, kind: ServerKind, messages: Sequence[Mapping[str, Json]], max_tokens: int, *, cold: bool
) -> Mapping[str, Json]:
    """The whole body of a request, sampling sent in full; a cold one asks for no cache where there is a switch."""
    return {
        "model": model.model,
        "messages": list(messages),
        "stream": True,
        "stream_options": {"include_usage": True},
        kind.max_tokens_field: max_tokens,
        **(kind.cache.disable or {} if cold else {}),
        **build_request_fields(kind, model),
    }


def compute_max_tokens(model: Model, kind: ServerKind, task: Task, thinking_tokens: int) -> int:
    """The answer's budget, and room for thoughts beside it where the model thinks or may think."""
    may_think = model.thinking == "on" or (model.thinking == "default" and kind.thinking.default != "off")
    return task.budget_tokens + (thinking_tokens if may_think and task.scored else 0)
