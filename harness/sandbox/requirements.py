"""What an engine must offer before answers run on it, and which seccomp profile applies there.

`check_runtime` and `check_limits` raise EngineError; `applied_seccomp_profile` only tells.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal

from harness.errors import EngineError
from harness.sandbox.engine import Engine

UNLIMITED = "LANEBENCH_UNLIMITED"
"""The environment variable that accepts an engine which cannot limit memory or processes."""

_GUEST_KERNEL_RUNTIMES = ("runsc", "kata")


def check_runtime(engine: Engine, runtime: str | None) -> None:
    """Raises EngineError if the engine does not have that runtime."""
    if runtime is not None and engine.runtimes and runtime not in engine.runtimes:
        available = ", ".join(engine.runtimes)
        raise EngineError(
            f"runtime {runtime!r} is not one of this engine's ({available})",
            fix="install that runtime, or use the engine's default",
        )


def check_limits(engine: Engine, env: Mapping[str, str] = os.environ) -> None:
    """Raises EngineError if the engine cannot limit memory or processes, unless the user accepts that.

    A rootless engine on cgroup v1 cannot: an answer could take all that its user may take.
    """
    missing = [limit for limit in ("memory", "processes") if limit not in engine.enforced_limits]
    if missing and not env.get(UNLIMITED):
        rootless = "rootless, " if engine.rootless else ""
        raise EngineError(
            f"{engine.name} {engine.version} at {engine.url} cannot limit a container's {' and '.join(missing)} "
            f"({rootless}cgroup v{engine.cgroup_version})",
            fix=f"delegate these controllers to the engine (cgroup v2), use another engine, or accept it with "
            f"{UNLIMITED}=1",
        )


def applied_seccomp_profile(engine: Engine, runtime: str) -> Literal["lanebench", "engine"] | None:
    """Which seccomp profile applies: the kit's, the engine's default, or unknown.

    Unknown under a runtime that has a kernel of its own: gVisor accepts a profile and lets every call through.
    """
    if any(name in runtime for name in _GUEST_KERNEL_RUNTIMES):
        return None
    return "engine" if engine.capabilities.seccomp_profile is None else "lanebench"
