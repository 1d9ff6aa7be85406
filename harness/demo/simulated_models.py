"""The four simulated models: how fast each is and what it does that a real one might."""

from __future__ import annotations

from dataclasses import dataclass

from harness.types import Json, Model

CONTEXT_TOKENS = 65_536
SERVER_KIND = "llama-server"


@dataclass(frozen=True, slots=True)
class Voice:
    """A simulated model: `thought_tokens` before an answer, `role_early` before its prefill is done.

    `fails` are the tasks that it gets wrong in every trial whose variant is no multiple of three: the variant
    decides, so that an interrupted run ends like one that was not.
    """

    name: str
    behaviour: str
    prefill_tps: float
    decode_tps: float
    overhead_s: float = 0.02
    thought_tokens: int = 0
    role_early: bool = False
    fails: tuple[str, ...] = ()


VOICES = (
    Voice("demo-steady", "answers everything right", prefill_tps=28_000.0, decode_tps=300.0),
    Voice(
        "demo-flaky",
        "gets code-refactor wrong in two trials of three",
        prefill_tps=35_000.0,
        decode_tps=400.0,
        fails=("code-refactor",),
    ),
    Voice(
        "demo-thinker",
        "thinks before it answers",
        prefill_tps=35_000.0,
        decode_tps=500.0,
        thought_tokens=300,
    ),
    Voice(
        "demo-early",
        "sends a role-only chunk long before its prefill is done",
        prefill_tps=25_000.0,
        decode_tps=350.0,
        role_early=True,
    ),
)


def model_of(voice: Voice, base_url: str) -> Model:
    """A voice as a contender; its facts state the speeds that a right measurement must find."""
    facts: dict[str, Json] = {
        "behaviour": voice.behaviour,
        "stated_decode_tps": voice.decode_tps,
        "stated_overhead_s": voice.overhead_s,
        "stated_prefill_tps": voice.prefill_tps,
    }
    return Model(
        label=voice.name,
        server=SERVER_KIND,
        base_url=base_url,
        model=voice.name,
        thinking="on" if voice.thought_tokens else "off",
        context_tokens=CONTEXT_TOKENS,
        facts=facts,
        simulated=True,
    )
