"""The images of agents: nothing is fetched when a trial runs, and what was fetched once stays installed.

`install_agent` keeps an agent's package as an image of its own, by the user's command; `installed_image` tells whether
it is there. `ready_image` puts it on top of the scorer's base image with git, and does so again, from this machine
alone, when another version of the kit has another base.
"""

from __future__ import annotations

import io
import re
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from harness.agents.catalog import AgentSpec
from harness.agents.packages import CPUS, fetch_package
from harness.errors import ConfigError, EngineError
from harness.files import sha256_of, to_json
from harness.sandbox import (
    Engine,
    debian_mirror,
    ensure_image,
    has_image,
    hold_lock,
    host_files,
    image_name,
    image_tags,
    run_build,
)
from harness.types import Log

REPOSITORY = "lanebench-agent"
_MTIME = 1_700_000_000
_BASE = """FROM {base}
COPY host/ /tmp/host/
RUN sh /tmp/host/apt.sh && apt-get update -qq \\
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends git procps \\
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /tmp/host && mkdir -m 1777 /home/agent
"""
_PACKAGE = "FROM scratch\nCOPY agent/ /opt/agent/\n"
_AGENT = "FROM {base}\nCOPY --from={package} /opt/agent /opt/agent\n"
_COMPILE = "RUN python3 -m compileall -q /opt/agent || true\n"
"""Nothing can be written there when an agent runs: without this every run would compile all of its modules."""


def base_image(engine: Engine, log: Log) -> str:
    """The image that all agents share, built if it is missing: for an agent without a package it is the image."""
    dockerfile = _BASE.replace("{base}", image_name("python"))
    tag = f"{REPOSITORY}:base-{sha256_of(dockerfile)[:12]}"
    if not has_image(engine, tag):
        ensure_image(engine, "python", log)
        _build(engine, _Recipe(tag, dockerfile, host_files(debian_mirror())), log)
    return tag


def package_tag(engine: Engine, agent: AgentSpec) -> str:
    """The name of the image with an agent's package alone, which changes with what the package consists of."""
    package = agent.package
    inputs = [package and [package.registry, package.name, package.version, *sorted(package.digests.values())]]
    digest = sha256_of(to_json([*inputs, agent.lock, CPUS.get(engine.architecture)]))
    return f"{REPOSITORY}:{agent.name}-{agent.version}-{digest[:12]}"


def installed_image(engine: Engine, agent: AgentSpec) -> str | None:
    """The image with the package of an agent that is installed; None if it is not. Raises EngineError."""
    tag = package_tag(engine, agent)
    return tag if has_image(engine, tag) else None


def ready_image(engine: Engine, agent: AgentSpec, log: Log) -> str:
    """The image that runs an agent. Raises ConfigError for one with a package that is not installed."""
    if agent.package is None:
        return base_image(engine, log)
    package = installed_image(engine, agent)
    if package is None:
        others = _other_versions(engine, agent)
        hint = f"; installed is {', '.join(others)}" if others else ""
        raise ConfigError(f"the agent {agent.name} {agent.version} is not installed{hint}")
    dockerfile = _AGENT.replace("{base}", base_image(engine, log)).replace("{package}", package)
    dockerfile += _COMPILE if agent.package.registry == "pypi" else ""
    tag = f"{REPOSITORY}:run-{agent.name}-{agent.version}-{sha256_of(dockerfile)[:12]}"
    if not has_image(engine, tag):
        _build(engine, _Recipe(tag, dockerfile), log)
    return tag


def _other_versions(engine: Engine, agent: AgentSpec) -> list[str]:
    """The other versions of an agent that are installed."""
    name = re.compile(rf"{re.escape(agent.name)}-(\d.*)-[0-9a-f]{{12}}")
    found = {match[1] for tag in image_tags(engine, REPOSITORY) if (match := name.fullmatch(tag))}
    return sorted(found - {agent.version})


def install_agent(engine: Engine, agent: AgentSpec, log: Log) -> str:
    """Fetch an agent's package and make its images. Raises ConfigError, DownloadError, EngineError."""
    if agent.package is not None and installed_image(engine, agent) is None:
        with tempfile.TemporaryDirectory(prefix="lanebench-agent-") as folder:
            log(f"Fetching {agent.title} {agent.version}; its license: {agent.package.license}.")
            files = fetch_package(agent, agent.package, engine.architecture, Path(folder))
            keep_package(engine, agent, files, log)
    return ready_image(engine, agent, log)


def keep_package(engine: Engine, agent: AgentSpec, files: Path, log: Log) -> None:
    """Make the image with an agent's package from the folder of its files. Raises EngineError."""
    _build(engine, _Recipe(package_tag(engine, agent), _PACKAGE, agent=files), log)


@dataclass(frozen=True, slots=True)
class _Recipe:
    """What an image is built from: a Dockerfile, files of its context, and the folder of an agent's package."""

    tag: str
    dockerfile: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    agent: Path | None = None


def _build(engine: Engine, recipe: _Recipe, log: Log) -> None:
    """Build an image unless another process has built it meanwhile."""
    with hold_lock("agent-image-build"):
        if has_image(engine, recipe.tag):
            return
        log(f"Building {recipe.tag}.")
        with _context(recipe) as context:
            run_build(engine, context, recipe.tag)
    if not has_image(engine, recipe.tag):
        raise EngineError(f"the engine did not keep the image {recipe.tag}")


def _context(recipe: _Recipe) -> IO[bytes]:
    """The build's context as a tar archive in a temporary file."""
    archive = tempfile.TemporaryFile()  # noqa: SIM115
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, data in sorted({"Dockerfile.scorer": recipe.dockerfile.encode(), **recipe.files}.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(data), 0o644, _MTIME
            tar.addfile(entry, io.BytesIO(data))
        if recipe.agent is not None:
            tar.add(recipe.agent, "agent", filter=_plain)
    archive.seek(0)
    return archive


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """An entry that belongs to root and that everybody may read."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = _MTIME
    entry.mode |= 0o755 if entry.isdir() or entry.mode & 0o100 else 0o444
    return entry
