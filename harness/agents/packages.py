"""Agents' packages: `fetch_package` puts one into a folder, `lock_agent` writes down what it consists of.

This machine's npm and pip fetch them, with its registries and certificates, for the container's system and not for this
one; no script of a package runs here. A package that is unpacked has its digest in the agent's file. Any other needs
packages in its turn: its lock pins each of them by version and digest.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.agents.catalog import AgentPackage, AgentSpec, agent_path, fill, get_agent, lock_path
from harness.errors import ConfigError, DownloadError
from harness.files import write_atomic
from harness.types import Json

CPUS = {"x86_64": "x64", "aarch64": "arm64"}
_PYTHON = "3.13"
"""The Python of the base image, for which wheels are fetched."""
_ANY_PYTHON = ("--ignore-requires-python",)
"""A lock decides what is installed, and pip would compare what a wheel requires with the Python that runs pip."""
_TAIL_CHARS = 600
_NPM_FLAGS = (
    "--ignore-scripts",
    "--omit=dev",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
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
        lock = ["--no-deps", *_ANY_PYTHON, "--require-hashes", "-r", str(requirements)]
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
        return complete_npm_lock((folder / _NPM_LOCK).read_text(encoding="utf-8"))
    digests: dict[str, set[str]] = {}
    for architecture in CPUS:
        for entry in _resolve(package, architecture, folder):
            _note_wheel(entry, digests)
    lines = (" \\\n    ".join([name, *(f"--hash=sha256:{digest}" for digest in sorted(known))])
             for name, known in sorted(digests.items()))  # fmt: skip
    return "".join(f"{line}\n" for line in lines)


def complete_npm_lock(text: str) -> str:
    """An npm lock without the optional packages that it does not pin, such as one that was never published.

    npm itself writes such a lock, and then refuses it as incomplete.
    """
    lock = json.loads(text)
    pinned = {path.rpartition("node_modules/")[2] for path in lock["packages"]}
    for entry in lock["packages"].values():
        if "optionalDependencies" in entry:
            optional = entry["optionalDependencies"].items()
            entry["optionalDependencies"] = {name: version for name, version in optional if name in pinned}
    return json.dumps(lock, indent=2, ensure_ascii=False) + "\n"


def _resolve(package: AgentPackage, architecture: str, folder: Path) -> list[Json]:
    """The wheels of a package and of what it requires, as pip reports them."""
    words = [*_pip("install", architecture), "--dry-run", "--ignore-installed", "--target", str(folder)]

    def wheels(*requirements: str) -> list[Json]:
        return list(json.loads(_run([*words, "--report", "-", *requirements]))["install"])

    pinned = f"{package.name}=={package.version}"
    if not package.overrides:
        return wheels(pinned)
    (wheel,) = wheels("--no-deps", *_ANY_PYTHON, pinned)
    required = override_requirements(wheel["metadata"]["requires_dist"], package.overrides)
    return [wheel, *wheels(*_ANY_PYTHON, *required)]


def override_requirements(requirements: Sequence[str], overrides: Mapping[str, str]) -> list[str]:
    """What a wheel requires, without its extras, and the overrides in place of some of it and beside it."""
    required = [text for text in requirements if "extra ==" not in text]
    kept = [text for text in required if re.split(r"[^\w.-]", text, maxsplit=1)[0] not in overrides]
    return [*kept, *(f"{name}=={version}" for name, version in overrides.items())]


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
    _run([_npm(), "pack", "--loglevel=error", "--pack-destination", str(downloads), f"{name}@{version}"])
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
