"""Build chat requests in the dialect of a server kind, and check a model's settings against what the kind accepts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from harness.errors import Problem
from harness.servers.kinds import ServerKind
from harness.types import IGNORED_BY_SERVER, SERVER_DEFAULT_USED, Json, Model, ProbeFinding, Task

RESERVED_FIELDS = ("model", "messages", "stream", "tools")
"""The fields of a request that are the run's own: `extra` may set any other."""


def build_request_body(
    model: Model, kind: ServerKind, messages: Sequence[Mapping[str, Json]], max_tokens: int, *, disable_cache: bool
) -> Mapping[str, Json]:
    """Build the body of a chat request.

    `disable_cache` applies if the kind has a field that disables the prefix cache.
    """
    return {
        "model": model.model,
        "messages": list(messages),
        "stream": True,
        "stream_options": {"include_usage": True},
        kind.max_tokens_field: max_tokens,
        **(kind.cache.disable or {} if disable_cache else {}),
        **build_request_fields(kind, model),
    }


def build_request_fields(kind: ServerKind, model: Model) -> dict[str, Json]:
    """Merge the sampling settings, the thinking switch and the model's extra fields; a later one overrides."""
    sampling = {name: value for name, value in asdict(model.sampling).items() if value is not None}
    return _merge(_merge(sampling, _thinking_switch(kind, model) or {}), model.extra)


def _thinking_switch(kind: ServerKind, model: Model) -> Mapping[str, Json] | None:
    """The fields that switch thinking as the model's settings want it; None if the kind has no switch."""
    return {"on": kind.thinking.on, "off": kind.thinking.off, "default": {}}[model.thinking]


def _merge(below: Mapping[str, Json], above: Mapping[str, Json]) -> dict[str, Json]:
    out = dict(below)
    for key, value in above.items():
        old = out.get(key)
        out[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return out


def find_request_problems(kind: ServerKind, model: Model) -> tuple[tuple[str, Problem], ...]:
    """Return the settings that cannot be sent to a server of this kind: the key in the model's table, the problem."""
    problems = []
    if _thinking_switch(kind, model) is None and not model.extra:
        message = f"no field is known that turns thinking {model.thinking} on a {kind.name} server"
        fix = 'set thinking = "default", or put the fields that this server reads into extra'
        problems.append(("thinking", Problem(message, fix)))
    for name in RESERVED_FIELDS:
        if name in model.extra:
            problem = Problem(
                "this field of a request is set by the run, so that extra cannot override it", "remove it"
            )
            problems.append((f"extra.{name}", problem))
    for name in build_request_fields(kind, model):
        if name in kind.rejected_fields:
            table = "extra" if name in model.extra else "sampling"
            problems.append((f"{table}.{name}", Problem(f"{kind.title} rejects requests with this field", "remove it")))
    return tuple(problems)


def find_unapplied_settings(kind: ServerKind, model: Model) -> tuple[ProbeFinding, ...]:
    """Return the fields that are left to surprising defaults of the server, and those that it is known to ignore.

    Greedy decoding (temperature 0) uses no sampling field, so nothing is left to the server then.
    """
    sent = build_request_fields(kind, model)
    greedy = sent.get("temperature") == 0
    left = [name for name in kind.unusual_defaults if name not in sent and name != kind.max_tokens_field and not greedy]
    ignored = [name for name in sent if name in kind.ignored_fields]
    found = ((SERVER_DEFAULT_USED, left), (IGNORED_BY_SERVER, ignored))
    return tuple(ProbeFinding(name, observed=fields) for name, fields in found if fields)


def with_trial_seed(model: Model, trial: int) -> Model:
    """Return the model with a seed of the trial's own if it has a seed: one seed would repeat one answer each trial."""
    if model.sampling.seed is None:
        return model
    return replace(model, sampling=replace(model.sampling, seed=model.sampling.seed + trial))


def compute_max_tokens(task: Task, thinking_tokens: int) -> int:
    """Return the task's token budget, plus `thinking_tokens` unless the task only measures speed."""
    return task.budget_tokens + (thinking_tokens if task.scored else 0)
