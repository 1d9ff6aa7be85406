"""The scorer's image: built from Dockerfile.scorer on first use, and again only when one of its inputs changes.

`ensure_image` builds what is missing; `image_name` tells the name, which carries the digest of the inputs:
Dockerfile.scorer, the drivers and the stage. This machine's certificates, package mirror and wheels go into the build
so that it works behind a proxy, but are no inputs, and do not reach the stages that run.
"""

from __future__ import annotations

import importlib.util
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

from harness.errors import EngineError
from harness.files import find_data, sha256_of
from harness.sandbox.base_image import BASE, SUITE, debian_mirror, ensure_base
from harness.sandbox.engine import Engine, engine_errors
from harness.sandbox.locks import hold_lock
from harness.sandbox.runtimes import runtime_of
from harness.types import Json, Log

REPOSITORY = "lanebench-scorer"
DRIVERS = Path(__file__).parent / "drivers"

_CERTIFICATE_SETTINGS = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE")
_NPM_ARCHITECTURES = {"x86_64": "x64", "aarch64": "arm64"}
_REGISTRY_SETTINGS = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "NPM_CONFIG_REGISTRY")
_PROXY_SETTINGS = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_MTIME = 1_700_000_000
"""A fixed time for every file of the build's context, so that the builder's cache holds."""
_TAIL_LINES = 12


def extract_stages(dockerfile: str, stage: str) -> str:
    """The text of one stage and of those that it is made from: the classic builder builds whatever precedes it."""
    head, *parts = re.split(r"^(?=FROM )", dockerfile, flags=re.MULTILINE)
    stages = {part.split()[3]: part for part in parts}
    if stage not in stages:
        raise EngineError(f"Dockerfile.scorer has no stage {stage!r}", fix=f"put `FROM ... AS {stage}` back")
    needed, unvisited = set(), [stage]
    while unvisited:
        name = unvisited.pop()
        if name in stages and name not in needed:
            needed.add(name)
            unvisited += re.findall(r"(?m)^(?:FROM |COPY --from=)(\S+)", stages[name])
    return head + "".join(part for name, part in stages.items() if name in needed)


def image_inputs(stage: str) -> dict[str, bytes]:
    """The contents of the image's inputs, by their path in the build's context."""
    drivers = {f"drivers/{path.name}": path.read_bytes() for path in sorted(DRIVERS.iterdir()) if path.is_file()}
    dockerfile = extract_stages(find_data("Dockerfile.scorer").read_text(encoding="utf-8"), stage)
    return {"Dockerfile.scorer": dockerfile.encode(), **drivers}


def inputs_digest(inputs: Mapping[str, bytes], stage: str) -> str:
    """Twelve hex digits that change exactly when an input or the stage does."""
    parts = [f"{name} {sha256_of(data)}" for name, data in sorted(inputs.items())]
    return sha256_of("\n".join([stage, *parts]))[:12]


def host_certificates(env: Mapping[str, str]) -> bytes:
    """The certificates that this machine's tools are told to trust; empty if no setting names any."""
    for name in _CERTIFICATE_SETTINGS:
        path = Path(env.get(name, ""))
        if path.is_file():
            return path.read_bytes()
    return b""


def node_wheel(dockerfile: str) -> str | None:
    """The requirement of Node's wheel, which is pinned in Dockerfile.scorer alone; None for a stage without Node."""
    found = re.search(r"^ARG NODE=(\S+)$", dockerfile, re.MULTILINE)
    return found.group(1) if found else None


def fetch_wheel(wheel: str | None, architecture: str) -> dict[str, bytes]:
    """Node's wheel as this machine's own pip fetches it, with its index and certificates; empty if that fails.

    A failure is no error here: the build then asks pip inside the image.
    """
    if wheel is None or importlib.util.find_spec("pip") is None:
        return {}
    platforms = [f"manylinux_2_28_{architecture}", f"manylinux2014_{architecture}"]
    with tempfile.TemporaryDirectory(prefix="lanebench-") as folder:
        words = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "-d", folder]
        words += [word for platform in platforms for word in ("--platform", platform)]
        done = subprocess.run([*words, wheel], capture_output=True, check=False)
        found = sorted(Path(folder).glob("*.whl"))
        return {f"wheels/{found[0].name}": found[0].read_bytes()} if done.returncode == 0 and found else {}


def npm_packages(dockerfile: str, architecture: str) -> list[str]:
    """The npm packages of a stage, pinned in Dockerfile.scorer alone, for a processor; empty for one without."""
    found = re.search(r'^ARG NPM="(.+)"$', dockerfile, re.MULTILINE)
    cpu = _NPM_ARCHITECTURES.get(architecture, architecture)
    return found.group(1).replace("CPU", cpu).split() if found else []


def fetch_npm_packages(packages: list[str]) -> dict[str, bytes]:
    """The archives of these packages as this machine's own npm fetches them; empty where it cannot fetch all.

    A failure is no error here: the build then asks an npm inside the image.
    """
    npm = shutil.which("npm")
    if npm is None or not packages:
        return {}
    with tempfile.TemporaryDirectory(prefix="lanebench-") as folder:
        words = [npm, "pack", "--silent", "--pack-destination", folder, *packages]
        done = subprocess.run(words, capture_output=True, check=False)
        found = sorted(Path(folder).glob("*.tgz"))
        complete = done.returncode == 0 and len(found) == len(packages)
        return {f"npm/{path.name}": path.read_bytes() for path in found} if complete else {}


def apt_script(mirror: str | None) -> bytes:
    """A script for the build that points apt at this machine's Debian mirror, unless the base image uses it already."""
    if mirror is None:
        return b"exit 0\n"
    source = shlex.quote(f"deb {mirror} {SUITE} main")
    lines = (
        f"grep -qrF {shlex.quote(mirror)} /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null && exit 0",
        "rm -f /etc/apt/sources.list.d/debian.sources",
        f"echo {source} > /etc/apt/sources.list",
    )
    return "".join(f"{line}\n" for line in lines).encode()


def host_files(mirror: str | None) -> dict[str, bytes]:
    """What a build that fetches packages needs of this machine: its certificates and its Debian mirror."""
    return {"host/ca.pem": host_certificates(os.environ), "host/apt.sh": apt_script(mirror)}


def build_context(inputs: Mapping[str, bytes], host: Mapping[str, bytes]) -> io.BytesIO:
    """The build's context as a tar archive: the same bytes for the same inputs, so that the builder's cache holds."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in ("host", "wheels", "npm", "drivers"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, _MTIME
            tar.addfile(entry)
        for name, data in sorted({**inputs, **host}.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(data), 0o644, _MTIME
            tar.addfile(entry, io.BytesIO(data))
    archive.seek(0)
    return archive


def _build_args(env: Mapping[str, str]) -> dict[str, str]:
    """Settings that mean the same inside the build; a folder of this machine does not."""
    index = {name: env[name] for name in _REGISTRY_SETTINGS if env.get(name) and "file:" not in env[name]}
    return index | {name: env[name] for name in _PROXY_SETTINGS if env.get(name)}


def run_build(engine: Engine, context: IO[bytes], tag: str, stage: str | None = None) -> None:
    """Build an image from a context, whose Dockerfile is Dockerfile.scorer. Raises EngineError."""
    output: list[str] = []
    with engine_errors(f"building the image {tag}"):
        steps = engine.api.build(
            fileobj=context, custom_context=True, dockerfile="Dockerfile.scorer", target=stage, tag=tag, rm=True,
            forcerm=True, decode=True, buildargs=_build_args(os.environ), labels={"lanebench.image": tag},
        )  # fmt: skip
        for step in steps:
            output.append(str(step.get("stream") or step.get("error") or "").rstrip())
            if "error" in step:
                tail = " / ".join(line for line in output[-_TAIL_LINES:] if line)
                raise EngineError(f"the image {tag} cannot be built: {tail}")


def image_name(language: str) -> str:
    """The name of the image that runs a language, for its present inputs. Raises EngineError."""
    stage = runtime_of(language).stage
    return f"{REPOSITORY}:{stage}-{inputs_digest(image_inputs(stage), stage)}"


def has_image(engine: Engine, tag: str) -> bool:
    """Whether the engine has that image. Raises EngineError."""
    from docker.errors import ImageNotFound

    with engine_errors("looking for the scorer's image"):
        try:
            engine.api.inspect_image(tag)
        except ImageNotFound:
            return False
    return True


def image_tags(engine: Engine, repository: str) -> list[str]:
    """The tags of the engine's images of a repository. Raises EngineError."""
    with engine_errors("listing images"):
        names = [name for image in engine.api.images(name=repository) for name in image["RepoTags"] or ()]
    return sorted(name.rpartition(":")[2] for name in names if name.rpartition(":")[0] == repository)


def ensure_image(engine: Engine, language: str, log: Log) -> str:
    """The name of the image that runs a language, built if it is missing. Raises EngineError."""
    tag = image_name(language)
    if has_image(engine, tag):
        return tag
    # Processes that start together would each build it: the second waits for the first and finds the image.
    with hold_lock("image-build"):
        if not has_image(engine, tag):
            _build_image(engine, runtime_of(language).stage, tag, log)
    return tag


def _build_image(engine: Engine, stage: str, tag: str, log: Log) -> None:
    log(f"Building the scorer's image {tag} (once, and again when Dockerfile.scorer or a driver changes).")
    began, inputs, mirror = time.monotonic(), image_inputs(stage), debian_mirror()
    ensure_base(engine, mirror, log)
    dockerfile, architecture = inputs["Dockerfile.scorer"].decode(), engine.architecture
    wheel = fetch_wheel(node_wheel(dockerfile), architecture)
    packages = fetch_npm_packages(npm_packages(dockerfile, architecture))
    host = {**host_files(mirror), **wheel, **packages}
    run_build(engine, build_context(inputs, host), tag, stage)
    log(f"Built {tag} from {BASE} in {time.monotonic() - began:.0f} s.")


def image_digest(engine: Engine, tag: str) -> str:
    """The image's content address."""
    with engine_errors("inspecting the scorer's image"):
        found: Json = engine.api.inspect_image(tag)
    return str(found["Id"])


def missing_images(engine: Engine, languages: Iterable[str]) -> tuple[str, ...]:
    """The images of these languages that the engine does not have. Raises EngineError."""
    return tuple(tag for tag in sorted(set(map(image_name, languages))) if not has_image(engine, tag))


def export_image(engine: Engine, tag: str) -> bytes:
    """An image as an archive, from which another engine has it with the same digest. Raises EngineError."""
    with engine_errors("exporting an image"):
        return b"".join(engine.api.get_image(tag))


def import_image(engine: Engine, archive: bytes) -> None:
    """Load the image of an archive. Raises EngineError."""
    with engine_errors("loading an image"):
        for step in engine.api.load_image(archive):
            if "error" in step:
                raise EngineError(f"an image cannot be loaded: {step['error']}")
