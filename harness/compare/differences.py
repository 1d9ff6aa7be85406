"""Facts that differ between two runs in addition to the models' labels.

Readers need them to attribute a change to its cause. `run_differences` covers what surrounds all models,
`model_differences` one model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.compare.comparability import agent_limits
from harness.compare.models import FactDifference
from harness.types import Json, ModelInfo, Result

UNKNOWN, NONE = "unknown", "none"


def _format(value: Json) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _differing(baseline: Mapping[str, Json], other: Mapping[str, Json]) -> Iterator[FactDifference]:
    for name in (*baseline, *(name for name in other if name not in baseline)):
        if baseline.get(name) != other.get(name):
            yield FactDifference(name, _format(baseline.get(name)), _format(other.get(name)))


def _run_facts(result: Result) -> dict[str, Json]:
    host, sandbox = result.host, result.sandbox
    return {
        "Lanebench version": result.kit.version,
        "Lanebench commit": result.kit.commit,
        "Lanebench with uncommitted changes": result.kit.dirty,
        "seed of the prompts": str(result.run.seed),
        "system": f"{host.system} {host.system_version or ''}".strip(),
        "architecture": host.architecture,
        "chip": host.chip,
        "memory, bytes": host.memory_bytes,
        "power": host.power_source,
        "low power mode": host.low_power_mode,
        "thermal": host.thermal_state,
        "trials per task": result.run.trials,
        "tokens for thinking": result.run.thinking_tokens,
        **agent_limits(result),
        # A sequential run states the most that it may make, and older ones one.
        "passes over the models": result.run.passes if result.run.design is None else "as its design has it",
        "design": "fixed" if result.run.design is None else "sequential: its looks or its time ended it",
        "scorer image": sandbox.image_digest if sandbox else None,
    }


def _model_facts(model: ModelInfo) -> dict[str, Json]:
    sampling = model.sampling
    return {
        "server": model.server,
        "server version": model.server_version,
        "model": model.model,
        "API": model.api,
        "agent": model.agent or NONE,
        "agent version": model.agent_version if model.agent else NONE,
        "thinking": model.thinking,
        "context requested": model.context_tokens,
        "context served": model.served_context_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "sampling seed": sampling.seed,
        **{f"extra {name}": value for name, value in sorted(model.extra.items())},
        **{name: value for name, value in sorted(model.facts.items()) if name != "note"},
    }


def run_differences(baseline: Result, other: Result) -> tuple[FactDifference, ...]:
    """Differing facts of Lanebench, machine, power and scorer."""
    return tuple(_differing(_run_facts(baseline), _run_facts(other)))


def model_differences(baseline: ModelInfo, other: ModelInfo) -> tuple[FactDifference, ...]:
    """Differing facts of one model: server, agent, context, thinking, sampling, and declared ones as quantization."""
    return tuple(_differing(_model_facts(baseline), _model_facts(other)))
