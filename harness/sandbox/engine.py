"""The container engine: find the one that answers, describe it, and turn its client's errors into EngineError.

`ensure_engine` is the entry point for commands that need one; `find_engine` only looks. An engine that answers is never
changed; if none does, harness/sandbox/install.py decides what may be done.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import EngineError
from harness.sandbox.container_config import EngineCapabilities, engine_capabilities
from harness.sandbox.endpoints import EngineEndpoint, candidate_endpoints
from harness.sandbox.engine_http import EngineHttp, EngineResponseError
from harness.sandbox.install import install_engine, this_machine
from harness.types import Json, LimitKind, Log

CHECK_ENGINE = "check that the container engine works: `docker info`"

_INFO_KEYS: Mapping[LimitKind, str] = {
    "cpu": "CpuCfsQuota",
    "memory": "MemoryLimit",
    "processes": "PidsLimit",
    "swap": "SwapLimit",
}
"""A limit, and the key of the engine's /info that says whether the engine can set it."""
_ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}
_MAX_REASON_CHARS = 400


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that answers: `api` is its docker.APIClient; `architecture` is the kernel's word, x86_64 or aarch64.

    `kernel` is the release of the kernel that its containers run on.
    """

    api: Any
    http: EngineHttp
    url: str
    name: str
    version: str
    runtime: str
    runtimes: tuple[str, ...]
    architecture: str
    rootless: bool
    cgroup_version: str
    cpus: int
    kernel: str
    capabilities: EngineCapabilities
    enforced_limits: tuple[LimitKind, ...]

    def close(self) -> None:
        """Close its connections."""
        self.http.close()
        self.api.close()


@contextmanager
def engine_errors(action: str) -> Iterator[None]:
    """Turn what the clients raise into an EngineError that says what lanebench was doing."""
    try:
        yield
    except client_errors() as error:
        reason = reason_of(error)
        reason = reason if len(reason) <= _MAX_REASON_CHARS else f"{reason[:_MAX_REASON_CHARS]} ..."
        raise EngineError(f"the container engine failed while {action}: {reason}", fix=CHECK_ENGINE) from error


def client_errors() -> tuple[type[Exception], ...]:
    """What the engine's clients raise when the engine is at fault; their HTTP libraries' own errors are OSErrors."""
    from docker.errors import DockerException

    return (DockerException, EngineResponseError, OSError)


def reason_of(error: Exception) -> str:
    """The engine's own explanation if its client passes one on, else the error's text."""
    return str(getattr(error, "explanation", None) or error)


def connect(endpoint: EngineEndpoint, env: Mapping[str, str]) -> Engine:
    """The engine at an endpoint. Raises EngineError when none answers there."""
    if endpoint.socket_path is not None and not endpoint.socket_path.exists():
        raise EngineError(f"{endpoint.url} does not exist", fix=endpoint.fix)
    from harness.sandbox.engine_client import open_client

    with engine_errors(f"connecting to {endpoint.url}"):
        api = open_client(endpoint, env)
        version, info = api.version(), api.info()
    if not _is_engine(version, info):
        api.close()
        message = f"what answers at {endpoint.url} does not describe itself as a container engine"
        raise EngineError(message, fix=endpoint.fix)
    return _describe(endpoint.url, api, version, info)


def _is_engine(version: Json, info: Json) -> bool:
    """Whether the answers to /version and /info have the form of an engine's, as far as `_describe` reads them."""
    if not isinstance(version, dict) or not isinstance(info, dict) or not isinstance(info.get("Architecture"), str):
        return False
    components, options = version.get("Components") or [], info.get("SecurityOptions") or []
    return (
        isinstance(components, list)
        and all(isinstance(part, dict) for part in components)
        and isinstance(options, list)
        and all(isinstance(option, str) for option in options)
        and isinstance(info.get("Runtimes") or {}, dict)
        and isinstance(info.get("NCPU") or 0, int)
    )


def _describe(url: str, api: Any, version: Json, info: Json) -> Engine:
    """The engine as it describes itself in its answers to /version and /info."""
    components = " ".join(str(part.get("Name", "")) for part in version.get("Components") or [])
    name = "podman" if "podman" in components.lower() else "docker"
    architecture = _ARCHITECTURES.get(info["Architecture"], info["Architecture"])
    return Engine(
        api=api,
        http=EngineHttp(url, api),
        url=url,
        name=name,
        version=str(version.get("Version", "unknown")),
        runtime=str(info.get("DefaultRuntime") or "runc"),
        runtimes=tuple(sorted(info.get("Runtimes") or {})),
        architecture=architecture,
        rootless="rootless" in " ".join(info.get("SecurityOptions") or []),
        cgroup_version=str(info.get("CgroupVersion") or "1"),
        cpus=int(info.get("NCPU") or os.cpu_count() or 1),
        kernel=str(info.get("KernelVersion") or ""),
        capabilities=engine_capabilities(name, architecture),
        enforced_limits=tuple(sorted(limit for limit, key in _INFO_KEYS.items() if info.get(key))),
    )


def find_engine(env: Mapping[str, str], home: Path) -> Engine | None:
    """The first engine that answers; None if no setting names one and none of the usual sockets has one.

    Raises EngineError when the engine that a setting names does not answer.
    """
    for endpoint in candidate_endpoints(env, home):
        try:
            return connect(endpoint, env)
        except EngineError as error:
            if endpoint.chosen_by is not None:
                message = f"{endpoint.chosen_by} names an engine that does not answer: {error.message}"
                raise EngineError(message, fix=endpoint.fix) from error
    return None


def ensure_engine(log: Log) -> Engine:
    """The engine that answers, else one that the kit installs or starts, which it announces by `log`.

    Raises EngineError with the command for this machine if the kit may not or cannot do that.
    """
    env, home = os.environ, Path.home()
    engine = find_engine(env, home)
    if engine is None:
        install_engine(this_machine(), log, lambda: find_engine(env, home) is not None)
        engine = find_engine(env, home)
    if engine is None:
        raise EngineError("a container engine was started but stopped answering immediately", fix=CHECK_ENGINE)
    return engine
