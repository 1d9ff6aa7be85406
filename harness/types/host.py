"""Facts of the machine and of the kit itself while it measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HostFacts:
    """This machine without its name: nothing here identifies a person or a device."""

    system: str
    system_version: str | None
    architecture: str
    chip: str | None
    cpu_cores: int | None
    gpu_cores: int | None
    memory_bytes: int | None
    power_source: str | None
    low_power_mode: bool | None
    thermal: str | None
    swap_used_bytes: int | None
    load_1m: float | None
    python: str
    wired_bytes: int | None = None
    gpu_wired_limit_bytes: int | None = None
    gpu_memory_bytes: int | None = None
    gpu_busy_percent: int | None = None
    gpu_users: int | None = None
    power_mode: str | None = None


@dataclass(frozen=True, slots=True)
class SelfTest:
    """This machine's own delays just before a run, measured on streams of a server that logs the truth.

    `floor_s` is by how much a bare socket tells TTFT late (median), `ttft_error_s` the kit; `lag_p99_s` is the 99th
    percentile of how late the kit stamps a token; `others_busy` the share of all processor time that other processes
    took meanwhile.
    """

    streams: int
    floor_s: float
    ttft_error_s: float
    lag_p99_s: float
    decode_error_percent: float
    others_busy: float | None


@dataclass(frozen=True, slots=True)
class KitUse:
    """What the kit itself took while it recorded: processor time over `wall_s`, and its largest memory ever.

    `others_busy` is the share of all processor time that neither the kit took nor nobody: the model server is in it.
    """

    cpu_s: float
    wall_s: float
    turns: int
    memory_bytes: int
    others_busy: float | None = None


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Memory around a model's trials, in bytes; `how` says what the first three measured.

    `wired` is what the machine cannot page out, `gpu` what its graphics driver or card has in use; `gpu_busy_percent`
    how busy that was before the model was loaded.
    """

    how: str | None = None
    before_bytes: int | None = None
    loaded_bytes: int | None = None
    after_bytes: int | None = None
    wired_before_bytes: int | None = None
    wired_loaded_bytes: int | None = None
    wired_after_bytes: int | None = None
    gpu_before_bytes: int | None = None
    gpu_loaded_bytes: int | None = None
    gpu_after_bytes: int | None = None
    gpu_busy_percent: int | None = None
