"""Who says so: for each fact of a result whether the kit measured it, the server reported it or the user declared it.

A fact that is null is `unknown`. Facts that a careful reader would look for and the result lacks are named too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields

from harness.types import HostFacts, ModelInfo, Result, Source

MODEL_FIELDS: Mapping[str, Source] = {
    "server": "declared",
    "server_version": "server_reported",
    "model": "declared",
    "thinking": "declared",
    "sampling": "declared",
    "context_tokens": "declared",
    "served_context_tokens": "server_reported",
    "own_context_tokens": "server_reported",
    "context_setting": "server_reported",
    "memory": "measured",
    "load_s": "measured",
    "swap_growth_bytes": "measured",
}
NOT_FACTS = {"label", "facts", "simulated", "stop_reason", "skipped", "live", "kit_use"}
"""Fields of a model that are the run's own record and not facts of the model."""
DECLARED_FACTS = (
    "active_parameters_b",
    "bits",
    "file_bytes",
    "file_sha256",
    "parameters_b",
    "quantisation",
)
TRIAL_FIELDS: Mapping[str, Source] = {
    "trials.content": "measured",
    "trials.timings": "measured",
    "trials.usage": "server_reported",
    "trials.finish_reason": "server_reported",
}


def _known(value: object, source: Source) -> Source:
    return "unknown" if value is None else source


def _of_model(model: ModelInfo) -> Iterator[tuple[str, Source]]:
    place = f"models.{model.label}"
    for name, source in MODEL_FIELDS.items():
        value = getattr(model, name)
        if name == "memory":
            value = value.loaded_bytes
        yield f"{place}.{name}", _known(value, source)
    for name in sorted({*DECLARED_FACTS, *model.facts} - {"note"}):
        yield f"{place}.facts.{name}", _known(model.facts.get(name), "declared")


def _of_trials(result: Result) -> Iterator[tuple[str, Source]]:
    turns = [turn for trial in result.trials for turn in trial.turns]
    for place, source in TRIAL_FIELDS.items():
        name = place.rpartition(".")[2]
        yield place, source if any(getattr(turn, name) is not None for turn in turns) else "unknown"


def sources(result: Result) -> dict[str, Source]:
    """Place in the result -> who says so. Places of models have the label in them: `models.steady.server_version`."""
    found: dict[str, Source] = {
        f"host.{field.name}": _known(getattr(result.host, field.name), "measured") for field in fields(HostFacts)
    }
    found["kit"] = _known(result.kit.commit, "measured")
    found["sandbox"] = _known(result.sandbox, "measured")
    for model in result.models:
        found.update(_of_model(model))
    found.update(_of_trials(result))
    return dict(sorted(found.items()))
