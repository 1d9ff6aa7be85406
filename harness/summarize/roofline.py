"""The most that a machine can do: a token takes one pass over the active weights, and so many sums. Numbers only.

Sources: memory bandwidths and GPU cores from Apple's published specifications of each chip; 2 operations a parameter
and token as in J. Kaplan et al., "Scaling laws for neural language models" (2020), section 2.1. Bounds are generous:
a rate above one is wrong or not what it seems (a cache, several tokens a pass), a rate below proves nothing.
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
"""The largest that a chip of this name was sold with."""

OPERATIONS_A_GPU_CORE = 1.2e12
"""Half-precision operations a second of one GPU core, M1 to M4, rounded up."""
CHIPS_OF_THESE_CORES = ("M1", "M2", "M3", "M4")


def chip_name(chip: str | None) -> str | None:
    """`M4 Max` of `Apple M4 Max`; None for anything else."""
    found = re.search(r"\bApple (M\d+(?: (?:Pro|Max|Ultra))?)\b", chip or "")
    return found[1] if found else None


def _active_parameters(facts: Mapping[str, Json]) -> float | None:
    billions = facts.get("active_parameters_b", facts.get("parameters_b"))
    return billions * 1e9 if isinstance(billions, int | float) and billions > 0 else None


def most_decode_tps(host: HostFacts, facts: Mapping[str, Json]) -> float | None:
    """Tokens a second when nothing but reading the active weights takes time; None where something is not known."""
    bandwidth = BANDWIDTH_GB_S.get(chip_name(host.chip) or "")
    parameters, bits = _active_parameters(facts), facts.get("bits")
    if bandwidth is None or parameters is None or not isinstance(bits, int | float) or bits <= 0:
        return None
    return bandwidth * 1e9 / (parameters * bits / 8)


def most_prefill_tps(host: HostFacts, facts: Mapping[str, Json]) -> float | None:
    """Prompt tokens a second when every GPU core does nothing but sums; None where something is not known."""
    name, parameters = chip_name(host.chip) or "", _active_parameters(facts)
    if name.split(" ")[0] not in CHIPS_OF_THESE_CORES or host.gpu_cores is None or parameters is None:
        return None
    return host.gpu_cores * OPERATIONS_A_GPU_CORE / (2 * parameters)
