"""Publishes a run: `publish(request)` writes result, recordings, scores, log and a manifest of their digests as a zip.

A run is published only if nothing speaks against it (refusals.py) and `verify`, which the caller passes in, finds it
sound. A published bundle is never overwritten.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.bundle.reader import SourceReader, UnreadableError
from harness.bundle.refusals import detect_private_strings, find_refusals
from harness.bundle.signing import identify_signer, sign
from harness.bundle.source import LOG, MANIFEST, PLAN, RECORDINGS, RESULT, SCORES, SIGNATURE, ReadLimits, open_source
from harness.bundle.withhold import find_unwithholdable, withhold_answers
from harness.errors import CheckError, DiskError, Problem, RunError
from harness.files import build, lock_folder, read_json, read_lines, sha256_of, sha256_of_file, to_json, write_atomic
from harness.schema import Location, as_document, validate
from harness.types import FileDigest, Manifest, Recording, Result, RunPlan, Supersedes, Verdict

CONTENT = (RESULT, RECORDINGS, SCORES, LOG)
MAX_PROBLEMS = 20
MIN_REASON_CHARS = 10
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The modification time of every member: the same files give the same zip, byte for byte."""


@dataclass(frozen=True, slots=True)
class PublishRequest:
    """What to publish and how.

    `verify` checks the run folder first; `key` signs the manifest; `supersedes` is the bundle that this one corrects,
    for the `reason` given. `digests_only` leaves out the recordings, and the answers to private tasks in the result.
    `accept_equal` takes a bundle that is there already, if it has the same files and the same signer.
    """

    run_folder: Path
    output_folder: Path
    verify: Callable[[Path], Verdict]
    key: Path | None = None
    supersedes: Path | None = None
    reason: str | None = None
    digests_only: bool = False
    accept_equal: bool = False


def publish(request: PublishRequest) -> Path:
    """Write the bundle of a run and return its path.

    Raises CheckError with every reason not to publish, RunError for an unusable run or bundle, or one that another
    process writes, DiskError.
    """
    run = request.run_folder
    missing = [name for name in CONTENT if not (run / name).is_file()]
    if missing:
        raise RunError(f"{run}: {', '.join(missing)} missing: only a finished run can be published")
    # Between the digests and the zip nothing may be added: such a bundle would contradict its manifest.
    with lock_folder(run):
        return _publish_locked(request)


def _publish_locked(request: PublishRequest) -> Path:
    run = request.run_folder
    result = _load_publishable(run, digests_only=request.digests_only)
    _require_verified(run, request.verify(run))
    files = {name: run / name for name in CONTENT}
    withheld: dict[str, FileDigest] = {}
    with tempfile.TemporaryDirectory(prefix="lanebench-") as folder:
        if request.digests_only:
            files = {RESULT: Path(folder) / RESULT}
            write_atomic(files[RESULT], to_json(as_document("result", result), indent=1) + "\n")
            withheld = {name: _digest(run / name) for name in CONTENT if name != RESULT}
        digests = {name: _digest(path) for name, path in files.items()}
        manifest = Manifest(result.run.id, digests, _supersedes(request), withheld)
        files[MANIFEST] = Path(folder) / MANIFEST
        write_atomic(files[MANIFEST], to_json(as_document("manifest", manifest), indent=1) + "\n")
        if request.key is not None:
            files[SIGNATURE] = sign(files[MANIFEST], request.key)
        bundle = _target(request, result.run.id, files)
        if not bundle.exists():
            _write_zip(bundle, files)
    return bundle


def manifest_digest(bundle: Path) -> str:
    """The digest of a bundle's manifest, which identifies the bundle. Raises RunError when it is not a bundle."""
    return sha256_of(_read_member(bundle, MANIFEST) or b"")


def signer_of(bundle: Path) -> str | None:
    """The fingerprint of the key that signed a bundle; None if it is unsigned. Raises RunError."""
    signature = _read_member(bundle, SIGNATURE)
    if signature is None:
        return None
    signer = identify_signer(_read_member(bundle, MANIFEST) or b"", signature)
    if signer is None:
        raise RunError(f"{bundle}: its signature is invalid", fix="use an unmodified copy")
    return signer.fingerprint


def _read_member(bundle: Path, name: str) -> bytes | None:
    """A file of a published bundle; None if it has none of this name. Raises RunError when it is not a bundle."""
    source, findings = open_source(bundle, ReadLimits())
    if source is None or findings or MANIFEST not in source.sizes:
        reason = findings[0].message if findings else f"it has no {MANIFEST}"
        raise RunError(f"{bundle}: not a published bundle: {reason}")
    reader = SourceReader(str(bundle), source, ReadLimits())
    try:
        return reader.read_bytes(name) if reader.has(name) else None
    except UnreadableError as error:
        raise RunError(f"{bundle}: not a published bundle: {error.finding.message}") from error


def _load_publishable(run: Path, *, digests_only: bool) -> Result:
    """The result of a run as it is published. Raises CheckError with every reason not to publish it."""
    document = read_json(run / RESULT)
    problems = validate("result", document, Location(str(run / RESULT)))
    if problems:
        raise CheckError(*problems[:MAX_PROBLEMS])
    result = build(Result, document)
    plan = build(RunPlan, read_json(run / PLAN)) if (run / PLAN).is_file() else None
    log = (run / LOG).read_text(encoding="utf-8", errors="replace")
    if digests_only:
        unfit = list(find_unwithholdable(result))
        published = withhold_answers(result)
        document, recordings, log = as_document("result", published), None, ""
    else:
        unfit, published, recordings = [], result, _recordings(run)
    refusals = [*unfit, *find_refusals(published, document, recordings, detect_private_strings(plan), log)]
    if refusals:
        raise CheckError(*(Problem(f"{run}: not published: {refusal.message}", refusal.fix) for refusal in refusals))
    return published


def _recordings(run: Path) -> Iterator[tuple[int, Recording]]:
    for number, document in read_lines(run / RECORDINGS):
        yield number, build(Recording, document)


def _require_verified(run: Path, verdict: Verdict) -> None:
    """Raises CheckError with the findings of a verdict that others would get, too."""
    if verdict.exit_code == 0:
        return
    findings = [
        f"{finding.location}: {finding.message} [{finding.check}]"
        for report in verdict.levels
        for finding in report.findings
        if finding.severity in ("error", "inconclusive")
    ]
    unverified = [f"{report.level}: {report.detail}" for report in verdict.levels if report.state == "unverified"]
    raise CheckError(*(f"{run}: not published: {text}" for text in (findings or unverified)[:MAX_PROBLEMS]))


def _digest(path: Path) -> FileDigest:
    return FileDigest(sha256_of_file(path), path.stat().st_size)


def _supersedes(request: PublishRequest) -> Supersedes | None:
    if request.supersedes is None:
        return None
    if not request.reason or len(request.reason) < MIN_REASON_CHARS:
        message = f"a correction needs a reason of at least {MIN_REASON_CHARS} characters"
        raise RunError(message, fix="say in a sentence what was wrong with the superseded bundle")
    return Supersedes(manifest_digest(request.supersedes), request.reason, signer_of(request.supersedes))


def _target(request: PublishRequest, run_id: str, files: Mapping[str, Path]) -> Path:
    """The path of the bundle: RUN.zip, for corrections RUN.2.zip and so on; it exists only if it may be taken as it is.

    Raises RunError if it is published already.
    """
    number = 1
    path = request.output_folder / f"{run_id}.zip"
    while path.exists() and not (request.accept_equal and _is_equal(path, files)):
        if request.supersedes is None:
            fix = "publish a correction that supersedes it and names the reason"
            raise RunError(f"{path}: is published already and cannot be changed", fix=fix)
        number += 1
        path = request.output_folder / f"{run_id}.{number}.zip"
    return path


def _is_equal(bundle: Path, files: Mapping[str, Path]) -> bool:
    """Whether a bundle has the manifest of these files, signed by the same key or by none. Raises RunError."""
    manifest, signature = files[MANIFEST].read_bytes(), files.get(SIGNATURE)
    signer = None if signature is None else identify_signer(manifest, signature.read_bytes())
    return _read_member(bundle, MANIFEST) == manifest and signer_of(bundle) == (signer and signer.fingerprint)


def _write_zip(path: Path, files: Mapping[str, Path]) -> None:
    """Write the archive under a temporary name first: an interruption leaves nothing that looks like a bundle."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, file in files.items():
                _add_member(archive, name, file)
        temporary.rename(path)
    except OSError as error:
        raise DiskError(
            f"{path}: cannot be written: {error.strerror}", fix="make room or choose another folder"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _add_member(archive: zipfile.ZipFile, name: str, file: Path) -> None:
    info = zipfile.ZipInfo(name, ZIP_TIME)
    info.external_attr = 0o100644 << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    # zipfile decides by this size whether a member needs ZIP64 headers.
    info.file_size = file.stat().st_size
    with file.open("rb") as source, archive.open(info, "w") as member:
        while piece := source.read(1024 * 1024):
            member.write(piece)
