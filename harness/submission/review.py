"""Reviews what a pull request adds to a results repository: `review` gives its problems and each bundle's verdict.

Rules of the repository come first: only new bundles, in their folder, under the names of their runs. Then each bundle
is read as any untrusted one: verified, and held to what `publish` refuses. Whose correction a bundle is, and of which
run, is read from a bundle that passed.
"""

from __future__ import annotations

import re
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath

from harness.bundle import (
    LOG,
    MANIFEST,
    RECORDINGS,
    RESULT,
    PrivateStrings,
    ReadLimits,
    SourceReader,
    find_refusals,
    manifest_digest,
    open_source,
    parse_document,
    signer_of,
)
from harness.collection import may_correct
from harness.errors import (
    CheckError,
    DiskError,
    DownloadError,
    EngineError,
    LanebenchError,
    RunError,
    UncheckedError,
)
from harness.files import build
from harness.submission.repository import REGULAR, Repository, TreeChange
from harness.types import Log, Manifest, Recording, Result, Supersedes, Verdict
from harness.verify import VerifyOptions, read_verified

NAME = re.compile(r"(?P<run>\d{8}-\d{6}-[0-9a-f]{4})(?:\.(?P<number>[2-9]|[1-9]\d))?\.zip")
MAX_BUNDLES = 5
MAX_BUNDLE_BYTES = 100 * 1024 * 1024
"""As much as GitHub takes in one file."""
MAX_RECORDINGS = 1_000_000
_CHECKER_ERRORS = (DiskError, DownloadError, EngineError, UncheckedError)
"""What a bundle is not to blame for."""


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """Two revisions of a repository, the folder of its bundles, and how these are verified."""

    repository: Repository
    base: str
    head: str
    verify: VerifyOptions
    folder: str = "results"
    log: Log = lambda line: None


@dataclass(frozen=True, slots=True)
class BundleReview:
    """One new bundle: why it is refused, its verdict, and its result if it passed the checks of reading.

    `unchecked` is what kept this machine from checking it, such as a full disk; it says nothing about the bundle.
    """

    name: str
    problems: tuple[str, ...]
    verdict: Verdict | None = None
    result: Result | None = None
    unchecked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """What a pull request breaks, and its bundles."""

    problems: tuple[str, ...]
    bundles: tuple[BundleReview, ...] = field(default_factory=tuple)

    @property
    def exit_code(self) -> int:
        """0: it can be merged. 1: it is refused. 2: something could not be checked."""
        if self.problems or any(bundle.problems for bundle in self.bundles):
            return 1
        codes = {bundle.verdict.exit_code for bundle in self.bundles if bundle.verdict is not None}
        codes |= {2 for bundle in self.bundles if bundle.unchecked}
        return 1 if 1 in codes else max(codes, default=0)


def review(request: ReviewRequest) -> Review:
    """Review what `head` changes. Raises RunError where git cannot tell."""
    changes = request.repository.changes(request.base, request.head)
    problems = [text for change in changes if (text := _change_problem(change, request)) is not None]
    added = [change for change in changes if change.status == "A"]
    if not added:
        problems.append("adds no bundle")
    if len(added) > MAX_BUNDLES:
        problems.append(f"adds {len(added)} bundles, at most {MAX_BUNDLES} are checked at once")
    if problems:
        return Review(tuple(dict.fromkeys(problems)))
    with tempfile.TemporaryDirectory(prefix="lanebench-") as folder:
        published = _Published(request, Path(folder))
        return Review((), tuple(_review_bundle(change, request, published) for change in added))


def _change_problem(change: TreeChange, request: ReviewRequest) -> str | None:
    """Why a change of one path is refused."""
    path = PurePosixPath(change.path)
    is_there = str(path.parent) == request.folder.rstrip("/")
    if change.status != "A":
        what = {"D": "removes", "M": "edits"}.get(change.status, "replaces")
        kind = "a published bundle, which is never changed" if is_there and path.suffix == ".zip" else "a file"
        return f"{change.path}: {what} {kind}"
    if not is_there or NAME.fullmatch(path.name) is None:
        return f"{change.path}: only new bundles may be added, as {request.folder.rstrip('/')}/RUN.zip"
    if change.mode != REGULAR:
        return f"{change.path}: is no regular file"
    if request.repository.size(change.blob) > MAX_BUNDLE_BYTES:
        return f"{change.path}: is larger than {MAX_BUNDLE_BYTES} bytes"
    return None


@dataclass(frozen=True, slots=True)
class _Published:
    """The bundles that are in the repository already; one is written to the disk when it is asked for."""

    request: ReviewRequest
    folder: Path

    def of_run(self, run: str) -> Iterator[Path]:
        """Every published bundle of a run."""
        for path, blob in self.request.repository.files(self.request.base, self.request.folder).items():
            match = NAME.fullmatch(PurePosixPath(path).name)
            if match is not None and match["run"] == run:
                copy = self.folder / "published" / PurePosixPath(path).name
                copy.parent.mkdir(exist_ok=True)
                self.request.repository.write_blob(blob, copy)
                yield copy


def _review_bundle(change: TreeChange, request: ReviewRequest, published: _Published) -> BundleReview:
    name = PurePosixPath(change.path).name
    path = published.folder / name
    request.log(f"checking {name}")
    try:
        with _unexpected_errors_named(name):
            request.repository.write_blob(change.blob, path)
            return _review_file(name, path, request, published)
    except _CHECKER_ERRORS as error:
        return BundleReview(name, (), unchecked=tuple(dict.fromkeys(problem.message for problem in error.problems)))
    except LanebenchError as error:
        return BundleReview(name, tuple(dict.fromkeys(problem.message for problem in error.problems)))


@contextmanager
def _unexpected_errors_named(name: str) -> Iterator[None]:
    """Raise CheckError for whatever the checks did not think of: each pull request gets an answer, and no pass.

    An error of the operating system, such as a full disk, is UncheckedError.
    """
    try:
        yield
    except LanebenchError:
        raise
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{PurePath(where.filename).name}, line {where.lineno}"
        reason = f": {error.strerror}" if isinstance(error, OSError) else ""
        message = f"{name}: could not be checked: {type(error).__name__} in {place}{reason}"
        raise (UncheckedError if isinstance(error, OSError) else CheckError)(message) from error


def _review_file(name: str, path: Path, request: ReviewRequest, published: _Published) -> BundleReview:
    verdict, result = read_verified(path, request.verify)
    if result is None or verdict.exit_code == 1:
        return BundleReview(name, (), verdict, None)
    try:
        problems = [*_name_problems(name, path, result, published), *_publishing_problems(path, result)]
    except _CHECKER_ERRORS:
        raise
    except LanebenchError as error:
        problems = [problem.message for problem in error.problems]
    return BundleReview(name, tuple(dict.fromkeys(problems)), verdict, result)


def _name_problems(name: str, path: Path, result: Result, published: _Published) -> Iterator[str]:
    """A bundle has its run's name; a later number of the name is a correction of a bundle that is there."""
    match = NAME.fullmatch(name)
    if match is None or match["run"] != result.run.id:
        yield f"{name}: is the bundle of run {result.run.id} and must have its name"
        return
    reader = _reader(path)
    if not reader.has(MANIFEST):
        yield f"{name}: has no {MANIFEST}: only a published bundle can be added"
        return
    supersedes = build(Manifest, reader.read_document(MANIFEST)).supersedes
    if (supersedes is None) != (match["number"] is None):
        yield f"{name}: a correction is named RUN.2.zip, RUN.3.zip and so on, and no other bundle is"
    elif supersedes is not None:
        yield from _correction_problems(name, path, supersedes, list(published.of_run(result.run.id)))


def _correction_problems(name: str, path: Path, supersedes: Supersedes, others: Sequence[Path]) -> Iterator[str]:
    old = next((other for other in others if manifest_digest(other) == supersedes.manifest_sha256), None)
    if old is None:
        yield f"{name}: the bundle that it corrects is not in this repository"
    elif not may_correct(signer_of(old), signer_of(path)):
        yield f"{name}: the bundle that it corrects was signed with another key"


def _publishing_problems(path: Path, result: Result) -> Iterator[str]:
    """What keeps a run from being published keeps its bundle from being added."""
    reader = _reader(path)
    if not reader.has(RECORDINGS):
        yield f"{path.name}: has no {RECORDINGS}: nobody could check its answers here"
        return
    recordings = (
        (number, build(Recording, parse_document(line, f"{RECORDINGS}, line {number}")))
        for number, line in reader.read_lines(RECORDINGS, MAX_RECORDINGS)
    )
    log = reader.read_bytes(LOG).decode("utf-8", "replace")
    document = reader.read_document(RESULT)
    for refusal in find_refusals(result, document, recordings, PrivateStrings("", (), {}), log):
        yield refusal.message


def _reader(path: Path) -> SourceReader:
    source, findings = open_source(path, ReadLimits())
    if source is None:
        raise RunError(f"{path.name}: {findings[0].message}")
    return SourceReader(str(path), source, ReadLimits())
