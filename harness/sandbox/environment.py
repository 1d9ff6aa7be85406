"""Images with the packages that a repository's tests need: the scorer's image and one layer more.

`resolve_packages` asks the registry once which versions fit together; `ensure_environment` builds the image of such a
list where it is missing. Packages are unpacked from wheels and never built, since building one runs its code; the
container that runs tests has no network.
"""

from __future__ import annotations

import importlib.util
import io
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.errors import DownloadError, EngineError
from harness.files import sha256_of, to_json
from harness.languages import names_package
from harness.sandbox.engine import Engine, engine_errors
from harness.sandbox.image import has_image
from harness.sandbox.locks import hold_lock
from harness.sandbox.npm_packages import NPM_FOLDER, unpack_npm
from harness.types import Log

REPOSITORY = "lanebench-environment"
PACKAGES_FOLDER = "/opt/lanebench-packages"
_PYTHON_VERSION = "3.13"
"""That of the scorer's base image, Debian trixie."""


def environment_name(base: str, packages: Iterable[str]) -> str:
    """The name of the image with these packages; it changes with the base image and with every package."""
    return f"{REPOSITORY}:{sha256_of(to_json([base, *sorted(packages)]))[:12]}"


def ensure_environment(engine: Engine, base: str, packages: Sequence[str], log: Log, *, npm: bool = False) -> str:
    """The name of the image with these packages, built if it is missing. Raises EngineError, DownloadError.

    They are Python's, or with `npm` those of npm_packages.py.
    """
    tag = environment_name(base, packages)
    _require_names(packages, npm=npm)
    if has_image(engine, tag):
        return tag
    with hold_lock("image-build"):
        if not has_image(engine, tag):
            log(f"Building the image {tag} with {len(packages)} packages (once).")
            with tempfile.TemporaryDirectory(prefix="lanebench-") as folder:
                if npm:
                    unpack_npm(packages, Path(folder))
                else:
                    _unpack(["--no-deps", *packages], Path(folder), engine.architecture)
                _build(
                    engine,
                    f"FROM {base}\nCOPY packages/ {NPM_FOLDER if npm else PACKAGES_FOLDER}/\n",
                    tag,
                    Path(folder),
                )
    return tag


def _require_names(packages: Sequence[str], *, npm: bool) -> None:
    for package in packages:
        if not names_package(package, npm=npm):
            raise DownloadError(f"{package[:80]!r} does not name a package and its version")


def resolve_packages(requirements: Sequence[str], pins: Sequence[str], architecture: str) -> tuple[str, ...]:
    """The packages that meet these requirements, each as NAME==VERSION; `pins` hold where one of them is needed.

    Raises DownloadError with the registry's reason, and for a package that has no wheel.
    """
    if not requirements:
        return ()
    _require_names(pins, npm=False)
    with tempfile.TemporaryDirectory(prefix="lanebench-") as place:
        folder, constraints = Path(place) / "packages", Path(place) / "pins.txt"
        constraints.write_text("".join(f"{pin}\n" for pin in pins), encoding="utf-8")
        _unpack([f"--constraint={constraints}", *requirements], folder, architecture)
        return tuple(sorted(_pin_of(path) for path in folder.glob("*.dist-info")))


def _pin_of(path: Path) -> str:
    name, _, version = path.name.removesuffix(".dist-info").rpartition("-")
    return f"{name.replace('_', '-').lower()}=={version}"


def _unpack(words: Sequence[str], folder: Path, architecture: str) -> None:
    if importlib.util.find_spec("pip") is None:
        raise DownloadError("this Python has no pip, which fetches the packages", fix=f"{sys.executable} -m ensurepip")
    platforms = [f"manylinux_2_28_{architecture}", f"manylinux2014_{architecture}", f"manylinux_2_17_{architecture}"]
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-compile", "--only-binary=:all:"]
    command += [f"--python-version={_PYTHON_VERSION}", "--implementation=cp", f"--target={folder}"]
    command += [f"--platform={platform}" for platform in platforms]
    done = subprocess.run([*command, *words], capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        raise DownloadError(f"the packages cannot be had: {' / '.join(lines[-2:])[:400]}")


def _build(engine: Engine, dockerfile: str, tag: str, folder: Path) -> None:
    """Build the image; the packages' own programs are left out, nothing starts them."""
    with tempfile.TemporaryFile() as context, engine_errors("building the image of an environment"):
        with tarfile.open(fileobj=context, mode="w") as tar:
            entry = tarfile.TarInfo("Dockerfile")
            entry.size = len(dockerfile.encode())
            tar.addfile(entry, io.BytesIO(dockerfile.encode()))
            tar.add(folder, "packages", filter=_plain)
        context.seek(0)
        steps = engine.api.build(
            fileobj=context, custom_context=True, tag=tag, rm=True, forcerm=True, decode=True,
            labels={"lanebench.image": tag},
        )  # fmt: skip
        for step in steps:
            if "error" in step:
                raise EngineError(f"the image {tag} cannot be built: {step['error']}")


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode |= 0o755 if entry.isdir() else 0o444
    return entry
