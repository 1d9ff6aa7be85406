"""The image that the scorer's image starts from: already there, pulled, or made from Debian's packages.

`ensure_base` is the entry point; `debian_mirror` reads which mirror this machine uses. No address of a registry or a
mirror is named here: the engine's configuration decides where an image is pulled from, this machine's apt sources where
packages come from, and the default of mmdebstrap or debootstrap if apt names no mirror of Debian.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from harness.errors import EngineError
from harness.sandbox.engine import Engine, client_errors, engine_errors, reason_of
from harness.sandbox.install import run_command
from harness.types import Log

SUITE = "trixie"
REPOSITORY, TAG = "debian", f"{SUITE}-slim"
BASE = f"{REPOSITORY}:{TAG}"
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_EXCLUDED_FOLDERS = ("man", "doc", "info", "locale", "lintian", "linda", "groff")
"""What Debian's own slim images exclude below /usr/share: no program reads it."""
_DEBIAN_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def parse_mirror(targets: str) -> str | None:
    """The Debian mirror in the output of `apt-get indextargets`, lines of `origin<TAB>label<TAB>uri`."""
    for line in targets.splitlines():
        origin, label, uri = [*line.split("\t"), "", ""][:3]
        if origin == "Debian" and label == "Debian" and uri:
            return uri.rstrip("/")
    return None


def debian_mirror() -> str | None:
    """The mirror that this machine's apt uses if it is a Debian; None elsewhere."""
    if shutil.which("apt-get") is None:
        return None
    words = ["apt-get", "indextargets", "--format", "$(ORIGIN)\t$(LABEL)\t$(REPO_URI)", "Created-By: Packages"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return parse_mirror(done.stdout)


def ensure_base(engine: Engine, mirror: str | None, log: Log) -> None:
    """Ensure that the base image exists. Raises EngineError when it can neither be pulled nor made on this machine."""
    if _is_present(engine):
        return
    pull_error = pull_base(engine.api)
    if pull_error is None:
        return
    if not (sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get")):
        fix = "let the engine reach a registry, or load the image yourself with `docker load`"
        raise EngineError(f"{BASE} cannot be pulled: {pull_error}", fix=fix)
    log(f"{BASE} cannot be pulled: making it from Debian's packages{f' at {mirror}' if mirror else ''}.")
    with tempfile.TemporaryDirectory(prefix="lanebench-base-") as folder:
        archive = _make_archive(_bootstrap_tool(), mirror, Path(folder), engine.architecture)
        with engine_errors(f"importing {BASE}"):
            import_base(engine.api, archive)
    if not _is_present(engine):
        raise EngineError(f"the engine did not accept {BASE} that was made here", fix="see `docker import`")


def _is_present(engine: Engine) -> bool:
    from docker.errors import ImageNotFound

    with engine_errors(f"looking for {BASE}"):
        try:
            engine.api.inspect_image(BASE)
        except ImageNotFound:
            return False
    return True


def pull_base(api: Any) -> str | None:
    """Pull the base image; None when that worked, else why it did not."""
    try:
        lines = list(api.pull(REPOSITORY, tag=TAG, stream=True, decode=True))
    except client_errors() as error:
        return reason_of(error)
    # Podman answers a pull that failed with status 200 and an error among the lines.
    errors = [str(line["error"]) for line in lines if isinstance(line, dict) and "error" in line]
    return errors[-1] if errors else None


def import_base(api: Any, archive: Path) -> None:
    """Import an archive of a file tree as the base image. Errors of docker's client pass through."""
    with archive.open("rb") as data:
        output = api.import_image_from_data(data, repository=REPOSITORY, tag=TAG)
    # Podman 4 ignores the tag of an import and uses `latest`.
    api.tag(json.loads(output.splitlines()[-1]).get("status"), REPOSITORY, TAG)


def _bootstrap_tool() -> str:
    """A tool that makes a Debian file tree, installed if none is there. Raises EngineError."""
    for name in ("mmdebstrap", "debootstrap"):
        if shutil.which(name):
            return name
    run_command(["apt-get", "update", "-qq"])
    run_command(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "mmdebstrap", "debian-archive-keyring"])
    return "mmdebstrap"


def _make_archive(tool: str, mirror: str | None, folder: Path, architecture: str) -> Path:
    """A tar archive of a minimal Debian. Raises EngineError."""
    archive, tree = folder / "base.tar", folder / "tree"
    for words in bootstrap_commands(tool, mirror, archive, tree, architecture):
        run_command(words)
    return archive


def bootstrap_commands(
    tool: str, mirror: str | None, archive: Path, tree: Path, architecture: str
) -> tuple[list[str], ...]:
    """The commands that make the archive; without a mirror, the tool uses its own default."""
    debian = _DEBIAN_ARCHITECTURES.get(architecture, architecture)
    keyring = [f"--keyring={_KEYRING}"] if _KEYRING.exists() else []
    if tool == "mmdebstrap":
        excluded = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _EXCLUDED_FOLDERS]
        source = [f"deb {mirror} {SUITE} main"] if mirror else []
        options = ["--quiet", "--variant=minbase", f"--architectures={debian}", *keyring, *excluded]
        return (["mmdebstrap", *options, SUITE, str(archive), *source],)
    options = ["--variant=minbase", f"--arch={debian}", *keyring]
    return (
        ["debootstrap", *options, SUITE, str(tree), *([mirror] if mirror else [])],
        ["tar", "-C", str(tree), "-cf", str(archive), "."],
    )
