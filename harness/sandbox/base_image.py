"""The image that the scorer's image starts from: there already, pulled, or made from a Debian mirror."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import docker

from harness.errors import EngineError
from harness.sandbox.engine import CLIENT_ERRORS, Engine, Say, engine_errors
from harness.sandbox.install import run_command

SUITE = "trixie"
REPOSITORY, TAG = "debian", f"{SUITE}-slim"
BASE = f"{REPOSITORY}:{TAG}"
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_USUAL_MIRROR = "http://deb.debian.org/debian"
# What Debian's own slim images leave out: nothing here is read by a program.
_LEFT_OUT = ("man", "doc", "info", "locale", "lintian", "linda", "groff")


def mirror_of(targets: str) -> str | None:
    """This machine's Debian mirror out of `apt-get indextargets` lines of `origin<TAB>label<TAB>uri`."""
    for line in targets.splitlines():
        origin, label, uri = [*line.split("\t"), "", ""][:3]
        if origin == "Debian" and label == "Debian" and uri:
            return uri.rstrip("/")
    return None


def host_mirror() -> str | None:
    """The mirror that this machine's apt uses when it is a Debian; None elsewhere."""
    if shutil.which("apt-get") is None:
        return None
    words = ["apt-get", "indextargets", "--format", "$(ORIGIN)\t$(LABEL)\t$(REPO_URI)", "Created-By: Packages"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return mirror_of(done.stdout)


def _is_there(engine: Engine) -> bool:
    with engine_errors(f"looking for {BASE}"):
        try:
            engine.api.inspect_image(BASE)
        except docker.errors.ImageNotFound:
            return False
    return True


def pull_base(api: Any) -> str | None:
    """None when the pull worked, else why it did not."""
    try:
        lines = list(api.pull(REPOSITORY, tag=TAG, stream=True, decode=True))
    except CLIENT_ERRORS as error:
        return str(getattr(error, "explanation", None) or error)
    # Podman tells of a failure in the lines of an answer that went well.
    faults = [str(line["error"]) for line in lines if isinstance(line, dict) and "error" in line]
    return faults[-1] if faults else None


def import_base(api: Any, archive: Path) -> None:
    """Make an archive of a tree the base. What the client raises comes through."""
    with archive.open("rb") as data:
        told = api.import_image_from_data(data, repository=REPOSITORY, tag=TAG)
    # Podman 4 gives what it imports no tag but `latest`.
    api.tag(json.loads(told.splitlines()[-1]).get("status"), REPOSITORY, TAG)


def _maker() -> str:
    """The tool that makes a Debian tree, installed where this machine allows it."""
    for name in ("mmdebstrap", "debootstrap"):
        if shutil.which(name):
            return name
    run_command(["apt-get", "update", "-qq"])
    run_command(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "mmdebstrap", "debian-archive-keyring"])
    return "mmdebstrap"


def _make(maker: str, mirror: str, folder: Path, architecture: str) -> Path:
    """A tar archive of a minimal Debian. Raises EngineError."""
    archive = folder / "base.tar"
    debian = {"x86_64": "amd64", "aarch64": "arm64"}.get(architecture, architecture)
    keyring = [f"--keyring={_KEYRING}"] if _KEYRING.exists() else []
    if maker == "mmdebstrap":
        slim = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _LEFT_OUT]
        words = ["mmdebstrap", "--quiet", "--variant=minbase", f"--architectures={debian}", *keyring, *slim]
        run_command([*words, SUITE, str(archive), f"deb {mirror} {SUITE} main"])
        return archive
    tree = folder / "tree"
    run_command(["debootstrap", "--variant=minbase", f"--arch={debian}", *keyring, SUITE, str(tree), mirror])
    run_command(["tar", "-C", str(tree), "-cf", str(archive), "."])
    return archive


def ensure_base(engine: Engine, say: Say) -> str | None:
    """See that the base is there; returns this machine's own Debian mirror, None where the usual one will do.

    Raises EngineError when no registry answers and this machine cannot make it.
    """
    mirror = host_mirror()
    if not _is_there(engine):
        why = pull_base(engine.api)
        if why is not None:
            _import(engine, mirror or _USUAL_MIRROR, why, say)
    return mirror if mirror != _USUAL_MIRROR else None


def _import(engine: Engine, mirror: str, why: str, say: Say) -> None:
    able = sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get")
    if not able:
        raise EngineError(
            f"{BASE} cannot be pulled ({why}): let the engine reach a registry, or load it yourself (`docker load`)"
        )
    say(f"No registry answers: making {BASE} from the Debian mirror {mirror}.")
    with tempfile.TemporaryDirectory(prefix="lanebench-base-") as folder:
        archive = _make(_maker(), mirror, Path(folder), engine.architecture)
        with engine_errors(f"importing {BASE}"):
            import_base(engine.api, archive)
    if not _is_there(engine):
        raise EngineError(f"{BASE} was made but the engine did not take it: see `docker import`")
