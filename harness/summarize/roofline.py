"""Roofline of a machine for a model: bandwidth bound for decode, FLOP bound for prefill.

A decoded token reads all active weights once; a prompt token costs 2 FLOPs per active parameter. Sources: memory
bandwidths and GPU cores from Apple's published specifications of each chip; 2 FLOPs per parameter and token from
J. Kaplan et al., "Scaling laws for neural language models" (2020), section 2.1. The bounds are generous: a rate above
one is wrong or has another cause (a cache, speculative decoding); a rate below one proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.types import HostFacts, Json

BANDWIDTH_GB_S: Mapping[str, float] = {
    "M1": 68.3,
    "M1 Pro": 200.0,
    "M1 Max": 400.0,
    "M1 Ultra": 800.0,
    "M2": 100.0,
    "M2 Pro": 200.0,
    "M2 Max": 400.0,
    "M2 Ultra": 800.0,
    "M3": 100.0,
    "M3 Pro": 150.0,
    "M3 Max": 400.0,
    "M3 Ultra": 819.0,
    "M4": 120.0,
    "M4 Pro": 273.0,
    "M4 Max": 546.0,
    "M5": 153.6,
    "M5 Pro": 307.0,
    "M5 Max": 614.0,
}
"""Of chips sold under one name with several bandwidths the largest."""

FLOPS_PER_GPU_CORE = 1.2e12
"""Half-precision FLOPs per second of one GPU core, M1 to M4, rounded up."""
FLOPS_KNOWN_FOR = ("M1", "M2", "M3", "M4")
"""Apple put a Neural Accelerator into each GPU core of the M5: FLOPS_PER_GPU_CORE is too low for it."""


def chip_name(chip: str | None) -> str | None:
    """`M4 Max` from `Apple M4 Max`; None for other chips."""
    match = re.search(r"\bApple (M\d+(?: (?:Pro|Max|Ultra))?)\b", chip or "")
    return match[1] if match else None


def _active_parameters(facts: Mapping[str, Json]) -> float | None:
    billions = facts.get("active_parameters_b", facts.get("parameters_b"))
    return billions * 1e9 if isinstance(billions, int | float) and billions > 0 else None


def max_decode_tps(host: HostFacts, facts: Mapping[str, Json]) -> float | None:
    """Tokens per second when reading the active weights is the only cost; None if a fact is unknown."""
    bandwidth = BANDWIDTH_GB_S.get(chip_name(host.chip) or "")
    parameters, bits = _active_parameters(facts), facts.get("bits_per_weight")
    if bandwidth is None or parameters is None or not isinstance(bits, int | float) or bits <= 0:
        return None
    return bandwidth * 1e9 / (parameters * bits / 8)


def max_prefill_tps(host: HostFacts, facts: Mapping[str, Json]) -> float | None:
    """Prompt tokens per second at the peak FLOPs of all GPU cores; None if a fact is unknown."""
    name, parameters = chip_name(host.chip) or "", _active_parameters(facts)
    if name.split(" ")[0] not in FLOPS_KNOWN_FOR or host.gpu_cores is None or parameters is None:
        return None
    return host.gpu_cores * FLOPS_PER_GPU_CORE / (2 * parameters)
