"""The container engine: find the one that answers, say what it is, and put words to its faults.

Finds it as Docker's own tools do: DOCKER_HOST, then the context that is in use, then the usual sockets. An engine that
answers is never changed; where none does, harness/sandbox/install.py decides.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.tls import TLSConfig
from docker.utils import kwargs_from_env

from harness.errors import EngineError
from harness.files import read_json
from harness.sandbox.container_config import EngineCapabilities, engine_capabilities
from harness.sandbox.engine_http import EngineHttp
from harness.sandbox.install import install_engine, this_machine
from harness.types import Json, Limited

Say = Callable[[str], None]

CLIENT_ERRORS = (docker.errors.DockerException, OSError)
"""What the engine's client raises when the engine is at fault; its HTTP library's own errors are OSErrors."""

_TIMEOUT_S = 120
_ENFORCED: Mapping[Limited, str] = {
    "cpu": "CpuCfsQuota",
    "memory": "MemoryLimit",
    "processes": "PidsLimit",
    "swap": "SwapLimit",
}
"""A limit, and where the engine tells whether it can set it."""
_LONGEST_WHY = 400


@dataclass(frozen=True, slots=True)
class EngineEndpoint:
    """Where an engine may answer; `named` says who asked for just this one, None when it is only the usual place."""

    url: str
    named: str | None = None
    tls: str | None = None


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that answers: `api` is its docker.APIClient; `architecture` is the kernel's word, x86_64 or aarch64."""

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
    capabilities: EngineCapabilities
    enforces: tuple[Limited, ...]

    def close(self) -> None:
        """Close its connections."""
        self.http.close()
        self.api.close()


@contextmanager
def engine_errors(doing: str) -> Iterator[None]:
    """Turn what the client raises into an EngineError that says what the kit was doing."""
    try:
        yield
    except CLIENT_ERRORS as error:
        why = str(getattr(error, "explanation", None) or error)
        why = why if len(why) <= _LONGEST_WHY else f"{why[:_LONGEST_WHY]} ..."
        raise EngineError(
            f"the container engine failed while {doing}: {why}; see that it runs (`docker info`), then use --resume"
        ) from error


def _context_place(name: str, home: Path) -> EngineEndpoint:
    digest = hashlib.sha256(name.encode()).hexdigest()
    contexts = home / ".docker" / "contexts"
    meta = contexts / "meta" / digest / "meta.json"
    if not meta.is_file():
        raise EngineError(
            f"docker context {name!r} is in use but {meta} is missing: choose another: docker context use"
        )
    endpoint: Json = read_json(meta).get("Endpoints", {}).get("docker", {})
    if not endpoint.get("Host"):
        raise EngineError(f"docker context {name!r} names no host: choose another: docker context use")
    tls = contexts / "tls" / digest / "docker"
    return EngineEndpoint(endpoint["Host"], f"docker context {name!r}", str(tls) if tls.is_dir() else None)


def _context_in_use(env: Mapping[str, str], home: Path) -> str | None:
    config = Path(env.get("DOCKER_CONFIG") or home / ".docker") / "config.json"
    name = env.get("DOCKER_CONTEXT") or (read_json(config).get("currentContext") if config.is_file() else None)
    return name if name and name != "default" else None


def candidate_endpoints(env: Mapping[str, str], home: Path) -> tuple[EngineEndpoint, ...]:
    """Where to look for an engine, in order. Raises EngineError for a context that cannot be followed."""
    if env.get("DOCKER_HOST"):
        return (EngineEndpoint(env["DOCKER_HOST"], "DOCKER_HOST"),)
    name = _context_in_use(env, home)
    if name is not None:
        return (_context_place(name, home),)
    sockets = [Path("/var/run/docker.sock")]
    sockets += [home / tail for tail in (".docker/run/docker.sock", ".orbstack/run/docker.sock")]
    sockets += [home / ".colima/default/docker.sock"]
    if env.get("XDG_RUNTIME_DIR"):
        sockets += [Path(env["XDG_RUNTIME_DIR"]) / tail for tail in ("docker.sock", "podman/podman.sock")]
    return tuple(EngineEndpoint(f"unix://{path}") for path in sockets)


def _tls_of(folder: Path) -> TLSConfig:
    pair = (str(folder / "cert.pem"), str(folder / "key.pem"))
    authority = folder / "ca.pem"
    return TLSConfig(client_cert=pair, ca_cert=str(authority) if authority.is_file() else None, verify=True)


class _Client(docker.APIClient):
    """docker's client, going by its place alone: requests puts REQUESTS_CA_BUNDLE before an engine's certificate."""

    def merge_environment_settings(self, *settings: Any) -> Any:
        self.trust_env = False
        return super().merge_environment_settings(*settings)


def _open(place: EngineEndpoint, env: Mapping[str, str]) -> Any:
    options: dict[str, Json] = {"base_url": place.url}
    if place.named == "DOCKER_HOST":
        options = dict(kwargs_from_env(environment=dict(env)))
    elif place.tls is not None:
        options["tls"] = _tls_of(Path(place.tls))
    return _Client(version="auto", timeout=_TIMEOUT_S, **options)


def _is_there(place: EngineEndpoint) -> bool:
    return not place.url.startswith("unix://") or Path(place.url.removeprefix("unix://")).exists()


def connect(place: EngineEndpoint, env: Mapping[str, str]) -> Engine:
    """The engine at a place. Raises EngineError when it does not answer there."""
    with engine_errors(f"connecting to {place.url}"):
        if place.url.startswith("ssh://"):
            raise ConnectionError(
                "an engine behind ssh is not reached by itself: forward its socket "
                "(ssh -N -L /tmp/docker.sock:/var/run/docker.sock HOST) and set DOCKER_HOST=unix:///tmp/docker.sock"
            )
        if not _is_there(place):
            raise ConnectionError(f"{place.url} does not exist")
        api = _open(place, env)
        version, info, http = api.version(), api.info(), EngineHttp(place.url, api)
    components = " ".join(str(part.get("Name", "")) for part in version.get("Components") or [])
    name = "podman" if "podman" in components.lower() else "docker"
    architecture = {"amd64": "x86_64", "arm64": "aarch64"}.get(info["Architecture"], info["Architecture"])
    options = " ".join(info.get("SecurityOptions") or [])
    return Engine(
        api=api,
        http=http,
        url=place.url,
        name=name,
        version=str(version.get("Version", "unknown")),
        runtime=str(info.get("DefaultRuntime") or "runc"),
        runtimes=tuple(sorted(info.get("Runtimes") or {})),
        architecture=architecture,
        rootless="rootless" in options,
        cgroup_version=str(info.get("CgroupVersion") or "1"),
        cpus=int(info.get("NCPU") or os.cpu_count() or 1),
        capabilities=engine_capabilities(name, architecture),
        enforces=tuple(sorted(word for word, told in _ENFORCED.items() if info.get(told))),
    )


def find_engine(env: Mapping[str, str], home: Path) -> Engine | None:
    """The first engine that answers; None where nobody named one and none of the usual places has one.

    Raises EngineError when the one that was named does not answer.
    """
    for place in candidate_endpoints(env, home):
        try:
            return connect(place, env)
        except EngineError as error:
            if place.named is not None:
                raise EngineError(
                    f"{error.message}; {place.named} names this engine: start it, or unset that"
                ) from error
    return None


def ensure_engine(say: Say) -> Engine:
    """An engine that answers: the one that is there, else one installed as `say` is told.

    Raises EngineError with the command for this machine where the kit may not or cannot install one.
    """
    env, home = os.environ, Path.home()
    engine = find_engine(env, home)
    if engine is None:
        install_engine(this_machine(), say, lambda: find_engine(env, home) is not None)
        engine = find_engine(env, home)
    if engine is None:
        raise EngineError("a container engine was started but stopped answering at once: see `docker info`")
    return engine
