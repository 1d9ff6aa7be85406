"""The npm packages that a repository's tests need: which ones a lock file names, and their archives unpacked.

`resolve_npm` asks npm once which versions fit together, `unpack_npm` puts each where Node looks for it; `run_npm` calls
npm. Packages are unpacked and never installed, since installing runs scripts. One is PLACE@VERSION, where PLACE is its
path below node_modules: a/node_modules/b is the b that only a sees. An alias is PLACE@npm:NAME@VERSION, as npm has it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from harness.errors import DownloadError
from harness.languages import names_package
from harness.types import Json

NPM_FOLDER = "/node_modules"
"""In the image: Node looks for packages in the folders above a file, and in the root's last."""
LOCK_FILE = "package-lock.json"
_ROOT = "node_modules/"
_ALIAS = "@npm:"
_CLIENTS = 6
_MAX_UNPACKED_BYTES = 512 << 20
_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def resolve_npm(dependencies: Mapping[str, str], lock: str | None) -> tuple[str, ...]:
    """The packages that these dependencies need, in the versions of the lock file where it has them.

    Raises DownloadError with npm's reason.
    """
    if not dependencies:
        return ()
    with tempfile.TemporaryDirectory(prefix="lanebench-") as place:
        folder = Path(place)
        (folder / "package.json").write_text(json.dumps({"private": True, "dependencies": dict(dependencies)}))
        if lock is not None:
            (folder / LOCK_FILE).write_text(lock, encoding="utf-8")
        run_npm(["install", "--package-lock-only", *_OPTIONS], folder)
        found: Json = json.loads((folder / LOCK_FILE).read_text(encoding="utf-8"))
    entries = found.get("packages", {})
    return tuple(sorted(_pin(path, entry) for path, entry in entries.items() if path and _is_for_every_machine(entry)))


def _is_for_every_machine(entry: Json) -> bool:
    return not entry.get("link") and "os" not in entry and "cpu" not in entry


def _pin(path: str, entry: Json) -> str:
    place, version = path.removeprefix(_ROOT), entry.get("version")
    if not isinstance(version, str):
        raise DownloadError(f"npm names no version of the package {place}")
    name = entry.get("name", package_of(place))
    pin = f"{place}@{version}" if name == package_of(place) else f"{place}{_ALIAS}{name}@{version}"
    if not names_package(pin, npm=True):
        raise DownloadError(f"the package {place} is not a registry's: its version is {version[:80]!r}")
    return pin


def package_of(place: str) -> str:
    """The name of the package at a place."""
    return place.rpartition(_ROOT)[2]


def _place_and_package(pin: str) -> tuple[str, str]:
    """Where a package stands, and its NAME@VERSION."""
    place, is_alias, package = pin.partition(_ALIAS)
    if is_alias:
        return place, package
    place, _, version = pin.rpartition("@")
    return place, f"{package_of(place)}@{version}"


def unpack_npm(packages: Sequence[str], folder: Path) -> None:
    """Fetch the archives and unpack each at its place. Raises DownloadError."""
    wanted = [_place_and_package(pin) for pin in packages]
    with tempfile.TemporaryDirectory(prefix="lanebench-") as place:
        archives = _fetch(sorted({package for _, package in wanted}), Path(place))
        for target, package in wanted:
            _unpack(archives[package], folder / target)


def _fetch(packages: Sequence[str], folder: Path) -> dict[str, Path]:
    """The archives of packages; one npm fetches one after the other, so that several share the work."""

    def pack(names: Sequence[str]) -> Json:
        return json.loads(run_npm(["pack", "--json", *_OPTIONS, "--", *names], folder))

    parts = [packages[start::_CLIENTS] for start in range(min(_CLIENTS, len(packages)))]
    with ThreadPoolExecutor(_CLIENTS) as pool:
        listed = [entry for entries in pool.map(pack, parts) for entry in entries]
    return {f"{entry['name']}@{entry['version']}": folder / _file_name(entry) for entry in listed}


def _file_name(entry: Json) -> str:
    return str(entry["filename"]).replace("@", "").replace("/", "-")


def _unpack(archive: Path, target: Path) -> None:
    """Unpack regular files; the archive's first folder, mostly `package`, becomes the target."""
    size = 0
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                parts = PurePosixPath(member.name).parts[1:]
                size += member.size
                if not member.isreg() or not parts:
                    continue
                if ".." in parts or size > _MAX_UNPACKED_BYTES:
                    raise DownloadError(f"{archive.name}: is no package that can be unpacked")
                source, path = tar.extractfile(member), target.joinpath(*parts)
                path.parent.mkdir(parents=True, exist_ok=True)
                if source is not None:
                    with path.open("wb") as file:
                        shutil.copyfileobj(source, file)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DownloadError(f"{archive.name}: cannot be unpacked: {error}") from error


def run_npm(words: Sequence[str], folder: Path) -> str:
    """What this machine's npm prints, in a folder. Raises DownloadError with its reason.

    A lock file may name git repositories; npm is kept from reading them, since only a registry's archives are unpacked.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise DownloadError("there is no npm to fetch packages with", fix="install Node.js with npm")
    done = subprocess.run(
        [npm, *words],
        cwd=folder,
        env={**os.environ, "GIT_ALLOW_PROTOCOL": "none"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise DownloadError(f"the packages cannot be had: {' / '.join(done.stderr.strip().splitlines()[-2:])[:400]}")
    return done.stdout
