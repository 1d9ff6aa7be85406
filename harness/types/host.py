"""The machine that a run was measured on: its facts, its timing self-test, and the memory and CPU that were used."""

from __future__ import annotations

from dataclasses import dataclass

SHARED_MEMORY_SYSTEMS = ("macOS", "Darwin")
"""Where the GPU's memory is the main memory."""
GIB = 2**30
SOLD_GB = (
    *(1, 2, 3, 4, 6, 8, 10, 11, 12, 16, 18, 20, 24, 32, 36, 40, 48, 64, 80, 96, 128, 192, 256, 384, 512, 768),
    *(1024, 1536, 2048),
)  # fmt: skip
"""Sizes of memory as they are sold."""
MAX_RESERVED_SHARE = 0.07
"""Of the memory, what firmware, kernel, ECC and a GPU without its own may keep before a system counts it."""


def sold_gigabytes(size_bytes: int | None) -> int | None:
    """The size of memory as vendors count it: what a system reports lacks the reserved part, which differs by kernel.

    62.4 GiB and 62.7 GiB are both 64 GB. A size that is not sold, such as that of a virtual machine, is rounded.
    """
    if size_bytes is None:
        return None
    sold = next((size for size in SOLD_GB if size * GIB >= size_bytes), 0)
    return sold if size_bytes >= sold * GIB * (1 - MAX_RESERVED_SHARE) and sold else round(size_bytes / GIB)


@dataclass(frozen=True, slots=True)
class HostFacts:
    """This machine at the start of a run; nothing here identifies a person or a device.

    `thermal_state` is what the system reports about throttling. `wired_bytes` is memory that cannot be paged out, the
    `gpu_` fields are what the GPU driver reports: memory in use and its limit, utilization, processes that use it.
    `load_1m` is the load average of the last minute.
    """

    system: str
    system_version: str | None
    architecture: str
    chip: str | None
    cpu_cores: int | None
    gpu_cores: int | None
    memory_bytes: int | None
    power_source: str | None
    low_power_mode: bool | None
    thermal_state: str | None
    swap_used_bytes: int | None
    load_1m: float | None
    python_version: str
    wired_bytes: int | None = None
    gpu_wired_limit_bytes: int | None = None
    gpu_memory_bytes: int | None = None
    gpu_utilization_percent: int | None = None
    gpu_processes: int | None = None
    power_mode: str | None = None

    @property
    def memory_gb(self) -> int | None:
        """Main memory as vendors count it."""
        return sold_gigabytes(self.memory_bytes)

    @property
    def separate_gpu_gb(self) -> int | None:
        """`separate_gpu_bytes` as vendors count it."""
        return sold_gigabytes(self.separate_gpu_bytes)

    @property
    def separate_gpu_bytes(self) -> int | None:
        """Memory of the GPUs that have their own, 0 where only its use is known; None without such a GPU."""
        known = (self.gpu_wired_limit_bytes, self.gpu_memory_bytes)
        if self.system in SHARED_MEMORY_SYSTEMS or known == (None, None):
            return None
        return self.gpu_wired_limit_bytes or 0


@dataclass(frozen=True, slots=True)
class SelfTest:
    """Timing errors of this machine just before a run, measured on streams of the reference server.

    The three latencies are errors in seconds against the server's own log: the median TTFT error of a bare socket and
    of the kit, and the 99th percentile of the delay with which the kit stamps a token. `other_cpu_share` is the share
    of the CPU time that other processes used meanwhile, 0 to 1.

    The server stamps with the kit's clock. `clock_step_s` is the smallest step of that clock, `clock_rate_error` the
    share by which it runs at another speed than the wall clock; both are None in results that older kits wrote.
    """

    streams: int
    socket_error_s: float
    ttft_error_s: float
    lag_p99_s: float
    decode_error_percent: float
    other_cpu_share: float | None
    clock_step_s: float | None = None
    clock_rate_error: float | None = None


@dataclass(frozen=True, slots=True)
class RecorderOverhead:
    """Resources that the kit used while it recorded a model's `turns`: CPU time within `wall_s`, and peak memory.

    `other_cpu_share` is the share of CPU time used by all other processes, 0 to 1; a local model server is included.
    """

    cpu_s: float
    wall_s: float
    turns: int
    peak_rss_bytes: int
    other_cpu_share: float | None = None


SERVER_PROCESS = "server process"
"""The method of measuring memory that counts one process; every other method counts the whole machine."""


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Memory before a model was loaded, while it was loaded, and after it was unloaded.

    `method` says what the first three fields measure (the server's process or the whole machine). `wired` is memory
    that cannot be paged out, `gpu` what the GPU driver reports. `gpu_utilization_percent` is from before the load.
    """

    method: str | None = None
    before_bytes: int | None = None
    loaded_bytes: int | None = None
    after_bytes: int | None = None
    wired_before_bytes: int | None = None
    wired_loaded_bytes: int | None = None
    wired_after_bytes: int | None = None
    gpu_before_bytes: int | None = None
    gpu_loaded_bytes: int | None = None
    gpu_after_bytes: int | None = None
    gpu_utilization_percent: int | None = None

    @property
    def model_bytes(self) -> int | None:
        """Memory of the loaded model: that of its server's process, or by how much the use of the whole machine grew.

        None where neither is known: the use of the machine alone says nothing about the model, nor does one that did
        not grow, as with a server that had loaded the model before.
        """
        if self.loaded_bytes is None or self.method == SERVER_PROCESS:
            return self.loaded_bytes
        growth_bytes = 0 if self.before_bytes is None else self.loaded_bytes - self.before_bytes
        return growth_bytes if growth_bytes > 0 else None
