"""The four simulated models: their speeds, and the behavior of real models that each one imitates."""

from __future__ import annotations

from dataclasses import dataclass

from harness.types import Json, Model

CONTEXT_TOKENS = 65_536
SERVER_KIND = "llama-server"
SERVER_NAME = "lanebench-demo-1"
"""In the header and in each event of every response, so that `verify` knows a simulated answer by itself."""


@dataclass(frozen=True, slots=True)
class SimulatedModel:
    """One simulated model: `reasoning_tokens` before an answer, `early_role` before its prefill is done.

    It fails the tasks in `fails` in every trial whose variant is not a multiple of three. The variant decides, rather
    than chance, so that an interrupted and resumed run has the same result as an uninterrupted one.
    """

    name: str
    behavior: str
    prefill_tps: float
    decode_tps: float
    overhead_s: float = 0.02
    reasoning_tokens: int = 0
    early_role: bool = False
    fails: tuple[str, ...] = ()


SIMULATED_MODELS = (
    SimulatedModel("demo-steady", "answers everything correctly", prefill_tps=28_000.0, decode_tps=300.0),
    SimulatedModel(
        "demo-flaky",
        "fails code-refactor in two trials of three",
        prefill_tps=35_000.0,
        decode_tps=400.0,
        fails=("code-refactor",),
    ),
    SimulatedModel(
        "demo-thinker",
        "reasons before it answers",
        prefill_tps=35_000.0,
        decode_tps=500.0,
        reasoning_tokens=300,
    ),
    SimulatedModel(
        "demo-early",
        "sends a role-only chunk long before its prefill is done",
        prefill_tps=25_000.0,
        decode_tps=350.0,
        early_role=True,
    ),
)


def model_config(model: SimulatedModel, base_url: str) -> Model:
    """The config entry of a simulated model; its facts state the speeds that a correct measurement finds."""
    facts: dict[str, Json] = {
        "behavior": model.behavior,
        "stated_decode_tps": model.decode_tps,
        "stated_overhead_s": model.overhead_s,
        "stated_prefill_tps": model.prefill_tps,
    }
    return Model(
        label=model.name,
        server=SERVER_KIND,
        base_url=base_url,
        model=model.name,
        thinking="on" if model.reasoning_tokens else "off",
        context_tokens=CONTEXT_TOKENS,
        facts=facts,
        simulated=True,
    )
