"""Agents' images: the scorer's base image with git and one agent. Nothing is fetched when a trial runs.

`install_agent` makes one, by the user's command; `installed_image` tells whether it is there. Packages are fetched by
this machine's npm and pip, with its registries and certificates, and compared with the digest in the agent's file.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from harness.agents.catalog import AgentPackage, AgentSpec, fill
from harness.errors import ConfigError, DownloadError, EngineError
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
CPUS = {"x86_64": "x64", "aarch64": "arm64"}
_PYTHON = "3.13"
"""The Python of the base image, for which wheels are fetched."""
_MTIME = 1_700_000_000
_TAIL_CHARS = 600
_BASE = """FROM {base}
COPY host/ /tmp/host/
RUN sh /tmp/host/apt.sh && apt-get update -qq \\
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends git procps \\
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /tmp/host && mkdir -m 1777 /home/agent
"""
_AGENT = "FROM {base}\nCOPY agent/ /opt/agent/\n"
_COMPILE = "RUN python3 -m compileall -q /opt/agent || true\n"
"""Nothing can be written there when an agent runs: without this every run would compile all of its modules."""


def base_image(engine: Engine, log: Log) -> str:
    """The image that all agents share, built if it is missing: for an agent without a package it is the image."""
    dockerfile, tag = _base_inputs()
    if has_image(engine, tag):
        return tag
    with hold_lock("agent-image-build"):
        if not has_image(engine, tag):
            ensure_image(engine, "python", log)
            log(f"Building the agents' base image {tag} (once).")
            with _context(dockerfile, host_files(debian_mirror()), None) as context:
                run_build(engine, context, tag)
    return tag


def _base_inputs() -> tuple[str, str]:
    """The Dockerfile of the base image, and the image's name."""
    dockerfile = _BASE.replace("{base}", image_name("python"))
    return dockerfile, f"{REPOSITORY}:base-{sha256_of(dockerfile)[:12]}"


def agent_tag(engine: Engine, agent: AgentSpec) -> str:
    """The name of an agent's image, which changes with its package and what is made of it."""
    inputs = to_json([_agent_dockerfile(agent), _package_inputs(agent.package), CPUS.get(engine.architecture)])
    return f"{REPOSITORY}:{agent.name}-{agent.version}-{sha256_of(inputs)[:12]}"


def _agent_dockerfile(agent: AgentSpec) -> str:
    is_python = agent.package is not None and agent.package.registry == "pypi"
    return _AGENT.replace("{base}", _base_inputs()[1]) + (_COMPILE if is_python else "")


def _package_inputs(package: AgentPackage | None) -> list[str]:
    """What of a package decides what is installed."""
    return [package.registry, package.name, package.version, *sorted(package.digests.values())] if package else []


def installed_image(engine: Engine, agent: AgentSpec) -> str | None:
    """The image of an agent that is installed; None if it is not. Raises EngineError."""
    tag = agent_tag(engine, agent)
    return tag if has_image(engine, tag) else None


def ready_image(engine: Engine, agent: AgentSpec, log: Log) -> str:
    """The image that runs an agent. Raises ConfigError for one with a package that is not installed."""
    if agent.package is None:
        return base_image(engine, log)
    image = installed_image(engine, agent)
    if image is None:
        others = _installed_versions(engine, agent)
        hint = f" for this version of the kit; another one installed {', '.join(others)}" if others else ""
        raise ConfigError(f"the agent {agent.name} {agent.version} is not installed{hint}")
    return image


def _installed_versions(engine: Engine, agent: AgentSpec) -> list[str]:
    """The versions of an agent that have an image, made by this version of the kit or another."""
    name = re.compile(rf"{re.escape(agent.name)}-(\d.*)-[0-9a-f]{{12}}")
    return sorted({found[1] for tag in image_tags(engine, REPOSITORY) if (found := name.fullmatch(tag))})


def install_agent(engine: Engine, agent: AgentSpec, log: Log) -> str:
    """Fetch an agent's package and build its image. Raises ConfigError, DownloadError, EngineError."""
    if agent.unusable:
        raise ConfigError(f"{agent.title} cannot be installed: {agent.unusable}")
    base = base_image(engine, log)
    if agent.package is None:
        return base
    tag = agent_tag(engine, agent)
    with tempfile.TemporaryDirectory(prefix="lanebench-agent-") as folder:
        log(f"Fetching {agent.title} {agent.version}; its license: {agent.package.license}.")
        files = fetch_package(agent.package, engine.architecture, Path(folder))
        log(f"Building {tag}.")
        with hold_lock("agent-image-build"), _context(_agent_dockerfile(agent), {}, files) as context:
            run_build(engine, context, tag)
    if not has_image(engine, tag):
        raise EngineError(f"the engine did not keep the image {tag}")
    return tag


def fetch_package(package: AgentPackage, architecture: str, folder: Path) -> Path:
    """The folder with the package as it is installed, below a temporary folder. Raises DownloadError."""
    cpu, downloads, files = CPUS.get(architecture, architecture), folder / "download", folder / "files"
    downloads.mkdir()
    expected = package.digests.get(cpu) or package.digests.get("any")
    if expected is None:
        raise DownloadError(f"{package.name} {package.version} has no build for {architecture}")
    values = {"cpu": cpu}
    requirement = (fill(package.name, values), fill(package.version, values))
    if package.registry == "npm":
        _run([_tool("npm"), "pack", "--silent", "--pack-destination", str(downloads), "@".join(requirement)])
    else:
        _run([*_pip("download"), "--no-deps", "-d", str(downloads), "==".join(requirement)])
    archive = next(downloads.iterdir(), None)
    if archive is None or digest_of(archive.read_bytes(), expected) != expected:
        found = archive and digest_of(archive.read_bytes(), expected)
        raise DownloadError(f"{requirement[0]} {requirement[1]} has the digest {found}, not {expected}")
    if package.unpack:
        with tarfile.open(archive) as tar:
            tar.extractall(files, filter="data")
        return files / "package"
    _run(install_command(package, archive, files, architecture))
    return files


def install_command(package: AgentPackage, archive: Path, files: Path, architecture: str) -> list[str]:
    """The command that installs an archive with what it needs, for the container and not for this machine.

    No script of a package runs on this machine.
    """
    if package.registry == "npm":
        target = ["--os=linux", f"--cpu={CPUS.get(architecture, architecture)}", "--libc=glibc"]
        flags = ["--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--no-save", "--silent"]
        return [_tool("npm"), "install", "--prefix", str(files), *target, *flags, str(archive)]
    platforms = [f"manylinux_2_28_{architecture}", f"manylinux2014_{architecture}", f"manylinux_2_17_{architecture}"]
    words = [word for platform in platforms for word in ("--platform", platform)]
    return [*_pip("install"), "--no-compile", "--python-version", _PYTHON, *words, "--target", str(files), str(archive)]


def digest_of(data: bytes, like: str) -> str:
    """The digest of an archive in the form of another: npm's integrity or a SHA-256."""
    if like.startswith("sha512-"):
        return f"sha512-{base64.b64encode(hashlib.sha512(data).digest()).decode()}"
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise DownloadError(f"this agent is installed by {name}, which is not on PATH", fix=f"install {name}")
    return path


def _pip(verb: str) -> list[str]:
    return [sys.executable, "-m", "pip", verb, "-q", "--only-binary", ":all:", "--disable-pip-version-check"]


def _run(words: Sequence[str]) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = (done.stderr or done.stdout).strip()[-_TAIL_CHARS:]
        raise DownloadError(f"`{Path(words[0]).name} {words[1]}` failed: {tail}")


def _context(dockerfile: str, files: Mapping[str, bytes], agent: Path | None) -> IO[bytes]:
    """The build's context as a tar archive in a temporary file."""
    archive = tempfile.TemporaryFile()  # noqa: SIM115
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, data in sorted({"Dockerfile.scorer": dockerfile.encode(), **files}.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(data), 0o644, _MTIME
            tar.addfile(entry, io.BytesIO(data))
        if agent is not None:
            tar.add(agent, "agent", filter=_plain)
    archive.seek(0)
    return archive


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """An entry that belongs to root and that everybody may read."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = _MTIME
    entry.mode |= 0o755 if entry.isdir() or entry.mode & 0o100 else 0o444
    return entry
