"""What differs between two runs besides what is compared: readers must not take one cause for another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.compare.models import Unlike
from harness.types import Json, ModelInfo, Result

UNKNOWN = "unknown"


def _told(value: Json) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _differing(left: Mapping[str, Json], right: Mapping[str, Json]) -> Iterator[Unlike]:
    for name in (*left, *(name for name in right if name not in left)):
        if left.get(name) != right.get(name):
            yield Unlike(name, _told(left.get(name)), _told(right.get(name)))


def _of_run(result: Result) -> dict[str, Json]:
    host, sandbox = result.host, result.sandbox
    return {
        "kit version": result.kit.version,
        "kit commit": result.kit.commit,
        "system": f"{host.system} {host.system_version or ''}".strip(),
        "architecture": host.architecture,
        "chip": host.chip,
        "memory, bytes": host.memory_bytes,
        "power": host.power_source,
        "low power mode": host.low_power_mode,
        "thermal": host.thermal_state,
        "trials a task": result.run.trials,
        "scorer image": sandbox.image_digest if sandbox else None,
    }


def _of_model(model: ModelInfo) -> dict[str, Json]:
    sampling = model.sampling
    return {
        "server": model.server,
        "server version": model.server_version,
        "model": model.model,
        "thinking": model.thinking,
        "context asked for": model.context_tokens,
        "context served": model.served_context_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "sampling seed": sampling.seed,
        **{name: value for name, value in sorted(model.facts.items()) if name != "note"},
    }


def unlike_runs(baseline: Result, other: Result) -> tuple[Unlike, ...]:
    """What differs around all models: kit, machine, power, scorer."""
    return tuple(_differing(_of_run(baseline), _of_run(other)))


def unlike_models(baseline: ModelInfo, other: ModelInfo) -> tuple[Unlike, ...]:
    """What differs of one model: server version, quantisation, context, thinking, sampling, whatever is declared."""
    return tuple(_differing(_of_model(baseline), _of_model(other)))
