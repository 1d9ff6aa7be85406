"""Provenance of each fact of a result: measured by Lanebench, reported by the server, declared by the user, or unknown.

`sources` covers every field of the host and of each model. A fact that is null is `unknown`; facts that readers would
expect and that nobody declared are listed as `unknown` too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields

from harness.types import HostFacts, ModelInfo, Result, Source

MODEL_FIELDS: Mapping[str, Source] = {
    "server": "declared",
    "server_version": "server_reported",
    "model": "declared",
    "api": "declared",
    "thinking": "declared",
    "sampling": "declared",
    "extra": "declared",
    "context_tokens": "declared",
    "served_context_tokens": "server_reported",
    "model_context_tokens": "server_reported",
    "context_setting": "server_reported",
    "memory": "measured",
    "load_s": "measured",
    "thinks": "measured",
    "tokens_per_char": "server_reported",
    "swap_growth_bytes": "measured",
}
NOT_FACTS = {
    "label",
    "facts",
    "simulated",
    "stop_reason",
    "skipped",
    "cut_budgets",
    "probe_findings",
    "recorder_overhead",
    "agent",
    "agent_version",
}
"""Fields that record the run; they state nothing about the model."""
DECLARED_FACTS = (
    "active_parameters_b",
    "bits_per_weight",
    "file_bytes",
    "file_sha256",
    "parameters_b",
    "quantization",
)
TRIAL_FIELDS: Mapping[str, Source] = {
    "trials.content": "measured",
    "trials.timings": "measured",
    "trials.usage": "server_reported",
    "trials.finish_reason": "server_reported",
}


def _source_of(value: object, source: Source) -> Source:
    return "unknown" if value is None else source


def _of_model(model: ModelInfo) -> Iterator[tuple[str, Source]]:
    path = f"models.{model.label}"
    for name, source in MODEL_FIELDS.items():
        value = getattr(model, name)
        if name == "memory":
            value = value.loaded_bytes
        yield f"{path}.{name}", _source_of(value, source)
    for name in sorted({*DECLARED_FACTS, *model.facts} - {"note"}):
        yield f"{path}.facts.{name}", _source_of(model.facts.get(name), "declared")


def _of_trials(result: Result) -> Iterator[tuple[str, Source]]:
    turns = [turn for trial in result.trials for turn in trial.turns]
    for path, source in TRIAL_FIELDS.items():
        name = path.rpartition(".")[2]
        yield path, source if any(getattr(turn, name) is not None for turn in turns) else "unknown"


def sources(result: Result) -> dict[str, Source]:
    """Path in the result -> its source. Paths of models contain the label: `models.steady.server_version`."""
    paths: dict[str, Source] = {
        f"host.{field.name}": _source_of(getattr(result.host, field.name), "measured") for field in fields(HostFacts)
    }
    paths["kit"] = _source_of(result.kit.commit, "measured")
    paths["sandbox"] = _source_of(result.sandbox, "measured")
    for model in result.models:
        paths.update(_of_model(model))
    paths.update(_of_trials(result))
    return dict(sorted(paths.items()))
