"""publish(order): a run's result, recordings and scores with a manifest of their bytes, as one zip."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.bundle.refusals import owner_here, refusals
from harness.bundle.signing import sign
from harness.bundle.source import MANIFEST, PLAN, RECORDINGS, RESULT, SCORES, SIGNATURE
from harness.errors import CheckError, DiskError, RunError
from harness.files import build, read_json, read_lines, sha256_of, sha256_of_file, to_json, write_atomic
from harness.schema import Location, as_document, validate
from harness.types import FileDigest, Json, Manifest, Recording, Result, RunPlan, Supersedes, Verdict

CONTENT = (RESULT, RECORDINGS, SCORES)
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every member: the same files make the same zip."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be published, where, how it is verified first, signed with which key, in place of which older bundle
    and why."""

    run: Path
    folder: Path
    verify: Callable[[Path], Verdict]
    key: Path | None = None
    supersedes: Path | None = None
    reason: str | None = None


def _recordings(path: Path) -> Iterator[tuple[int, Recording]]:
    for number, document in read_lines(path):
        yield number, build(Recording, document)


def _plan(run: Path) -> RunPlan | None:
    return build(RunPlan, read_json(run / PLAN)) if (run / PLAN).is_file() else None


def _refuse(order: Order, document: Json) -> Result:
    """The result, when nothing speaks against publishing it. Raises CheckError with every reason."""
    problems = validate("result", document, Location(str(order.run / RESULT)))
    if problems:
        raise CheckError(*problems[:20])
    result = build(Result, document)
    found = refusals(result, document, _recordings(order.run / RECORDINGS), owner_here(_plan(order.run)))
    if found:
        raise CheckError(*(f"{order.run}: not published: {reason}" for reason in found))
    return result


def _check(order: Order) -> None:
    """Publish only what others will find sound. Raises CheckError with what verify found."""
    verdict = order.verify(order.run)
    if verdict.exit_code == 0:
        return
    found = [
        f"{finding.place}: {finding.text} [{finding.check}]"
        for report in verdict.levels
        for finding in report.findings
        if finding.severity in ("fault", "unknown")
    ]
    told = [f"{report.level}: {report.told}" for report in verdict.levels if report.state == "unverified"]
    raise CheckError(*(f"{order.run}: not published: {text}" for text in (found or told)[:20]))


def manifest_digest(bundle: Path) -> str:
    """What names a published bundle: the digest of its manifest. Raises RunError when it is none."""
    try:
        with zipfile.ZipFile(bundle) as archive:
            return sha256_of(archive.read(MANIFEST))
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise RunError(f"{bundle}: not a published bundle: {error}") from error


def _supersedes(order: Order) -> Supersedes | None:
    if order.supersedes is None:
        return None
    if not order.reason or len(order.reason) < 10:
        raise RunError("--supersedes wants --reason: say in a sentence what was wrong with the old bundle")
    return Supersedes(manifest_digest(order.supersedes), order.reason)


def _manifest(order: Order, result: Result) -> Manifest:
    files = {name: FileDigest(sha256_of_file(order.run / name), (order.run / name).stat().st_size) for name in CONTENT}
    return Manifest(result.run.id, files, _supersedes(order))


def _target(order: Order, run: str) -> Path:
    """The bundle's path. Raises RunError rather than touch one that is there."""
    corrected = 1
    path = order.folder / f"{run}.zip"
    while order.supersedes is not None and path.exists():
        corrected += 1
        path = order.folder / f"{run}.{corrected}.zip"
    if path.exists():
        raise RunError(f"{path}: is published already and is never edited: correct it with --supersedes and --reason")
    return path


def _write_zip(path: Path, files: dict[str, Path]) -> None:
    """Write the archive under another name first: a stop half way leaves nothing that looks like a bundle."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, file in files.items():
                info = zipfile.ZipInfo(name, EPOCH)
                info.external_attr = 0o100644 << 16
                info.compress_type = zipfile.ZIP_DEFLATED
                info.file_size = file.stat().st_size
                with file.open("rb") as source, archive.open(info, "w") as member:
                    while piece := source.read(1024 * 1024):
                        member.write(piece)
        temporary.rename(path)
    except OSError as error:
        raise DiskError(f"{path}: cannot be written: {error.strerror}; make room or choose another --output") from error
    finally:
        temporary.unlink(missing_ok=True)


def publish(order: Order) -> Path:
    """Make the bundle of a run. Raises CheckError with every reason not to, RunError, DiskError."""
    missing = [name for name in CONTENT if not (order.run / name).is_file()]
    if missing:
        raise RunError(f"{order.run}: {', '.join(missing)} is not there: only a finished run is published")
    result = _refuse(order, read_json(order.run / RESULT))
    _check(order)
    path = _target(order, result.run.id)
    files = {name: order.run / name for name in CONTENT}
    write_atomic(order.run / MANIFEST, to_json(as_document("manifest", _manifest(order, result)), indent=1) + "\n")
    files[MANIFEST] = order.run / MANIFEST
    try:
        if order.key is not None:
            files[SIGNATURE] = sign(order.run / MANIFEST, order.key)
        _write_zip(path, files)
    finally:
        (order.run / MANIFEST).unlink(missing_ok=True)
        (order.run / SIGNATURE).unlink(missing_ok=True)
    return path
