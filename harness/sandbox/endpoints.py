"""Where a container engine may answer: DOCKER_HOST, else the docker context in use, else the usual local sockets.

`candidate_endpoints` lists them in that order, which is the order of the `docker` command.

Contexts are read here and not by docker-py's ContextAPI, which hides what is wrong with them. In docker-py 7.2.0 a
broken config.json counts as the context "default" and an endpoint without a host as the local socket; TLS files are
ignored unless all three are there; without a config.json no context is found at all. Each of these would run answers on
an engine that the user did not choose.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import EngineError, RunError
from harness.files import read_json
from harness.types import Json

if TYPE_CHECKING:
    from docker.tls import TLSConfig

_HOME_SOCKETS = (".docker/run/docker.sock", ".orbstack/run/docker.sock", ".colima/default/docker.sock")
_RUNTIME_SOCKETS = ("docker.sock", "podman/podman.sock")
_CHOOSE_CONTEXT = "choose another context with `docker context use NAME`"


@dataclass(frozen=True, slots=True)
class EngineEndpoint:
    """An address of an engine. `chosen_by` is the setting that names it, None for one of the usual sockets.

    `tls_folder` holds the client's cert.pem and key.pem, and ca.pem if the engine's certificate has its own CA.
    """

    url: str
    chosen_by: str | None = None
    tls_folder: str | None = None

    @property
    def socket_path(self) -> Path | None:
        """The path of a local socket; None for an engine that is reached over TCP."""
        return Path(self.url.removeprefix("unix://")) if self.url.startswith("unix://") else None

    @property
    def tls(self) -> TLSConfig | None:
        """What the client shows and whom it trusts; None if the endpoint has no TLS files."""
        from docker.tls import TLSConfig

        if self.tls_folder is None:
            return None
        folder = Path(self.tls_folder)
        pair = (str(folder / "cert.pem"), str(folder / "key.pem"))
        authority = folder / "ca.pem"
        return TLSConfig(client_cert=pair, ca_cert=str(authority) if authority.is_file() else None, verify=True)

    @property
    def fix(self) -> str:
        """What the user does when nothing answers there."""
        other = _CHOOSE_CONTEXT if self.chosen_by != "DOCKER_HOST" else "unset DOCKER_HOST"
        return f"start this engine, or {other}"


def candidate_endpoints(env: Mapping[str, str], home: Path) -> tuple[EngineEndpoint, ...]:
    """Where to look for an engine, in order. Raises EngineError for a setting that cannot be followed."""
    if env.get("DOCKER_HOST"):
        return (_supported(EngineEndpoint(env["DOCKER_HOST"], "DOCKER_HOST")),)
    folder = Path(env.get("DOCKER_CONFIG") or home / ".docker")
    context = _context_in_use(env, folder)
    if context is not None:
        return (_supported(_context_endpoint(context, folder)),)
    return tuple(EngineEndpoint(f"unix://{path}") for path in _usual_sockets(env, home))


def _usual_sockets(env: Mapping[str, str], home: Path) -> list[Path]:
    sockets = [Path("/var/run/docker.sock"), *(home / name for name in _HOME_SOCKETS)]
    if env.get("XDG_RUNTIME_DIR"):
        sockets += [Path(env["XDG_RUNTIME_DIR"]) / name for name in _RUNTIME_SOCKETS]
    return sockets


def _context_in_use(env: Mapping[str, str], folder: Path) -> str | None:
    """The name of the docker context in use; None for "default", which is the usual sockets."""
    config = folder / "config.json"
    fix = f"correct {config} (it must be a JSON object), or set DOCKER_HOST to the engine's address"
    name: Json = env.get("DOCKER_CONTEXT") or (_read(config, fix).get("currentContext") if config.is_file() else None)
    if name is not None and not isinstance(name, str):
        raise EngineError(f"{config}: currentContext is no name", fix=fix)
    return name if name and name != "default" else None


def _context_endpoint(name: str, folder: Path) -> EngineEndpoint:
    identifier = hashlib.sha256(name.encode()).hexdigest()
    meta = folder / "contexts" / "meta" / identifier / "meta.json"
    if not meta.is_file():
        raise EngineError(f"docker context {name!r} is in use but {meta} is missing", fix=_CHOOSE_CONTEXT)
    host = _member(_member(_read(meta, _CHOOSE_CONTEXT).get("Endpoints"), "docker"), "Host")
    if not isinstance(host, str) or not host:
        raise EngineError(f"docker context {name!r} names no host", fix=_CHOOSE_CONTEXT)
    tls = folder / "contexts" / "tls" / identifier / "docker"
    return EngineEndpoint(host, f"docker context {name!r}", str(tls) if tls.is_dir() else None)


def _member(document: Json, key: str) -> Json:
    return document.get(key) if isinstance(document, dict) else None


def _read(path: Path, fix: str) -> dict[str, Json]:
    """A JSON object of docker's own. Raises EngineError: what is wrong with it is wrong with the engine's settings."""
    try:
        document = read_json(path)
    except RunError as error:
        raise EngineError(error.message, fix=fix) from error
    if not isinstance(document, dict):
        raise EngineError(f"{path}: not a JSON object", fix=fix)
    return document


def _supported(endpoint: EngineEndpoint) -> EngineEndpoint:
    if endpoint.url.startswith("ssh://"):
        raise EngineError(
            f"{endpoint.chosen_by} names {endpoint.url}: engines behind ssh are not supported",
            fix="forward the engine's socket with `ssh -N -L /tmp/docker.sock:/var/run/docker.sock HOST` and set "
            "DOCKER_HOST=unix:///tmp/docker.sock",
        )
    return endpoint
