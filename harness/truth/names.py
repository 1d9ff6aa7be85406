"""A model's name to the script that it asks for."""

from __future__ import annotations

from urllib.parse import parse_qsl

from harness.truth.behaviours import BEHAVIOURS
from harness.truth.faults import FAULTS
from harness.truth.scripts import Pace, Script

SCRIPTS = {**BEHAVIOURS, **FAULTS}


def script_of(model: str) -> Script:
    """The script that a model's name asks for. Raises KeyError for an unknown behaviour, ValueError for a bad pace."""
    name, _, query = model.partition("?")
    given = dict(parse_qsl(query))
    pace = Pace(
        ttft_s=float(given.get("ttft_ms", 100)) / 1e3,
        tps=float(given.get("tps", 200)),
        tokens=int(given.get("tokens", 40)),
        seed=int(given.get("seed", 0)),
    )
    return SCRIPTS[name](pace)
