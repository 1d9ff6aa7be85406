"""The options of a run, each declared once, as a field of `RunSettings`.

A field gives the key in bench.toml's `[run]` table and in run.json, the JSON Schema of both, the default, and, where
it has a `flag`, the command-line option of the commands that record. To add an option, add a field.
"""

# No `from __future__ import annotations` here: `run_options` reads the annotations as types.

import secrets
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from harness.types.common import Json

CUSTOM_SUITE = "custom"
"""The suite's name if the tasks of a run were named individually."""

_SCHEMA_TYPES: Mapping[Any, Mapping[str, Json]] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    str: {"type": "string", "minLength": 1},
    tuple[str, ...]: {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1, "uniqueItems": True},
}
_DECLARATION = "option"


@dataclass(frozen=True, slots=True)
class RunOption:
    """One option of a run: its key, its JSON Schema (type, limits, description, default), and its flag if it has one.

    `flag` is None for an option that only bench.toml can set. `absent` is the value of plans that do not state an
    option which came later; None for one that every plan states.
    """

    name: str
    schema: Mapping[str, Json]
    flag: str | None
    metavar: str | None
    absent: Json = None


def _option(
    default: Any,
    description: str,
    *,
    flag: str | None = None,
    metavar: str | None = None,
    absent: Json = None,
    **limits: Json,
) -> Any:
    """Declare a field of RunSettings. A callable `default` is called for each run; `limits` are schema keywords."""
    declared = {"description": description, "flag": flag, "metavar": metavar, "absent": absent, "limits": limits}
    metadata = {_DECLARATION: declared}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def _random_seed() -> int:
    """A seed that no server has seen, so that no prefix cache knows the run's nonces."""
    return secrets.randbelow(2**48)


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How a run is made; each field's meaning is its description."""

    suite: str = _option("v1", "Name of a suite of tasks.", flag="--suite", metavar="NAME")
    tasks: tuple[str, ...] = _option((), "Names of tasks, in place of a suite.", flag="--task", metavar="NAME")
    trials: int = _option(
        10, "Trials of each task by each model.", flag="--trials", metavar="N", minimum=1, maximum=1000
    )
    until_decided: bool = _option(
        False,
        "Look at the results on the way, at most ten times, and end the run when each lane is decided, or would hardly "
        "be decided by the rest; the number of trials is then the most of each task.",
        flag="--until-decided",
    )
    budget: str = _option(
        "",
        "Time for recording: trials are added in blocks of one of each task until it is used, or until all are run.",
        flag="--budget",
        metavar="TIME",
        minLength=0,
        pattern="^([1-9][0-9]{0,5}[smh])?$",
        examples=["10m", "600s"],
    )
    warmups: int = _option(
        1,
        "Warm-up trials per prompt-size class before each pass; recorded, flagged and excluded from every statistic. "
        "Where a session resumes within a pass they are sent again, and not recorded.",
        flag="--warmups",
        metavar="N",
        minimum=0,
        maximum=20,
    )
    passes: int = _option(
        2,
        "Passes over the models, each with a part of every model's trials, and every second one in reverse order, so "
        "that a drift of the machine affects all models alike. Each loads the models anew, with warm-ups. A sequential "
        "run has one for each look, or for each block of its time.",
        flag="--passes",
        metavar="N",
        absent=1,
        minimum=1,
        maximum=1000,
    )
    seed: int = _option(
        _random_seed,
        "Seed for trial order and nonces. Random by default; with a reused seed the server may have the prompts "
        "cached.",
        flag="--seed",
        metavar="N",
        minimum=0,
        maximum=2**53 - 1,
    )
    thinking_tokens: int = _option(
        8192, "Output tokens on top of a task's budget if thinking is on.", minimum=0, maximum=1_000_000
    )
    anchor: str = _option(
        "",
        "Address of an RFC 3161 time-stamp authority that stamps the plan before the first trial and the recordings "
        "after the last.",
        flag="--anchor",
        metavar="URL",
        minLength=0,
        pattern=r"^(https?://[^\s]+)?$",
        examples=["https://tsa.example.org/tsr"],
    )
    beacon: str = _option(
        "",
        "A round of drand's quicknet and its randomness in hex: public randomness for the nonces.",
        flag="--beacon",
        metavar="ROUND:HEX",
        minLength=0,
        pattern="^([1-9][0-9]{0,8}:[0-9a-f]{64})?$",
    )
    agent_clock_s: float = _option(
        900.0, "Seconds after which an agent's trial is ended.", exclusiveMinimum=0, maximum=86_400
    )
    agent_turns: int = _option(
        60, "Requests to the model after which an agent's trial is ended.", minimum=1, maximum=10_000
    )
    agent_tokens: int = _option(
        100_000, "Generated tokens after which an agent's trial is ended.", minimum=1, maximum=100_000_000
    )
    idle_s: float = _option(0.5, "Seconds without a request between two trials, held constant.", minimum=0, maximum=600)
    connect_timeout_s: float = _option(
        5.0,
        "Seconds after which a connection that is not established counts as failed. Those of agents have 5.",
        exclusiveMinimum=0,
        maximum=600,
    )
    read_timeout_s: float = _option(
        2400.0,
        "Seconds without a byte after which a turn counts as hung; of an agent's trial agent_clock_s is the limit.",
        exclusiveMinimum=0,
        maximum=86_400,
    )
    turn_timeout_s: float = _option(
        7200.0,
        "Seconds after which a reply that still streams is cut off; of an agent's trial agent_clock_s is the limit.",
        exclusiveMinimum=0,
        maximum=86_400,
    )

    @property
    def is_sequential(self) -> bool:
        """Whether looks or the time may end the run before all of its trials."""
        return self.until_decided or bool(self.budget)


def later_options() -> dict[str, Json]:
    """The options that came later, with the values of plans that do not state them."""
    return {option.name: option.absent for option in run_options() if option.absent is not None}


def run_options() -> tuple[RunOption, ...]:
    """Every option of a run, in the order of its declaration."""
    options = []
    for setting in fields(RunSettings):
        declared = setting.metadata[_DECLARATION]
        schema = {**_SCHEMA_TYPES[setting.type], **declared["limits"], "description": declared["description"]}
        if setting.default is not MISSING and setting.default != ():
            schema["default"] = setting.default
        options.append(
            RunOption(setting.name, schema, declared["flag"], declared["metavar"], declared["absent"]),
        )
    return tuple(options)
