"""Build requests over a model's API in the dialect of its server kind, and check its settings against both."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from harness.apis import DEFAULT_API, Api, get_api
from harness.errors import Problem
from harness.servers.kinds import ServerKind
from harness.servers.load import load_kinds
from harness.types import IGNORED_BY_SERVER, SERVER_DEFAULT_USED, Json, Model, ProbeFinding, Task

API_THINKING_FIELDS = frozenset({"enable_thinking", "reasoning", "thinking"})
"""The switches of Responses and Messages themselves, and the one that hosted services read."""


def build_request_body(
    model: Model, kind: ServerKind, messages: Sequence[Mapping[str, Json]], max_tokens: int, *, disable_cache: bool
) -> Mapping[str, Json]:
    """Build the body of a request over the model's API; the messages are in the form of chat.

    `disable_cache` applies if the kind has a field that disables the prefix cache.
    """
    api = get_api(model.api)
    return {
        "model": model.model,
        **api.write_conversation(messages),
        "stream": True,
        **api.fixed_fields,
        max_tokens_field(kind, model): max_tokens,
        **(kind.api_facts(model.api).disable_cache or {} if disable_cache else {}),
        **build_request_fields(kind, model),
    }


def max_tokens_field(kind: ServerKind, model: Model) -> str:
    """The field that limits the output tokens: the API's, or for chat the kind's."""
    return get_api(model.api).max_tokens_field or kind.max_tokens_field


def build_request_fields(kind: ServerKind, model: Model) -> dict[str, Json]:
    """Merge the sampling settings, the thinking switch and the model's extra fields; a later one overrides."""
    return _merge(_merge(_sampling_fields(model), _thinking_switch(kind, model) or {}), model.extra)


def _sampling_fields(model: Model) -> dict[str, Json]:
    return {name: value for name, value in asdict(model.sampling).items() if value is not None}


def _thinking_switch(kind: ServerKind, model: Model) -> Mapping[str, Json] | None:
    """The fields that switch thinking as the model's settings want it; None if the kind has no switch."""
    facts = kind.api_facts(model.api)
    return {"on": facts.thinking_on, "off": facts.thinking_off, "default": {}}[model.thinking]


@functools.cache
def _thinking_fields() -> frozenset[str]:
    """The request fields by which any kind, or an API itself, switches thinking."""
    facts = [kind.api_facts(api) for kind in load_kinds().values() for api in (DEFAULT_API, *kind.apis)]
    switches = [switch for each in facts for switch in (each.thinking_on, each.thinking_off) if switch is not None]
    return frozenset(field for switch in switches for field in switch) | API_THINKING_FIELDS


def _merge(below: Mapping[str, Json], above: Mapping[str, Json]) -> dict[str, Json]:
    out = dict(below)
    for key, value in above.items():
        old = out.get(key)
        out[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return out


def find_request_problems(kind: ServerKind, model: Model) -> tuple[tuple[str, Problem], ...]:
    """Return the settings that cannot be sent to a server of this kind: the key in the model's table, the problem."""
    api, facts = get_api(model.api), kind.api_facts(model.api)
    if not kind.speaks(model.api):
        known = ", ".join([DEFAULT_API, *kind.apis])
        problem = Problem(f"{kind.title} is not known to have the {api.title} API", f"use one that it has: {known}")
        return (("api", problem),)
    problems = []
    if _thinking_switch(kind, model) is None and _thinking_fields().isdisjoint(model.extra):
        message = f"no field is known that turns thinking {model.thinking} on a {kind.name} server{_over(api)}"
        fix = 'set thinking = "default", or put the fields that this server reads into extra'
        problems.append(("thinking", Problem(message, fix)))
    for name in api.reserved_fields:
        if name in model.extra:
            problem = Problem("this field of a request is the run's own, so that extra cannot set it", "remove it")
            problems.append((f"extra.{name}", problem))
    for name in build_request_fields(kind, model):
        if name in facts.rejected_fields:
            table = "extra" if name in model.extra else "sampling"
            problems.append((f"{table}.{name}", Problem(f"{kind.title} rejects requests with this field", "remove it")))
    problems += [
        (f"sampling.{name}", Problem(f"the {api.title} API has no field {name!r}", "remove it, or use chat"))
        for name in _sampling_fields(model)
        if api.sampling_fields is not None and name not in (*api.sampling_fields, *facts.extra_fields)
    ]
    return tuple(problems)


def _over(api: Api) -> str:
    return "" if api.name == DEFAULT_API else f" over the {api.title} API"


def find_unapplied_settings(kind: ServerKind, model: Model) -> tuple[ProbeFinding, ...]:
    """Return the fields that are left to surprising defaults of the server, and those that it is known to ignore.

    Greedy decoding (temperature 0) uses no sampling field, so nothing is left to the server then.
    """
    sent = build_request_fields(kind, model)
    greedy = sent.get("temperature") == 0
    left = [
        name
        for name in kind.unusual_defaults
        if name not in sent and name != max_tokens_field(kind, model) and not greedy
    ]
    ignored = [name for name in sent if name in kind.api_facts(model.api).ignored_fields]
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
