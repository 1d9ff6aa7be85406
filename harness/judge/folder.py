"""The folder of a judging: the frozen sheet and texts, the hidden mapping, and the ballots as they are cast.

sheet.json        the pair sheet with the commitment, on the disk before anything is shown
texts.json        the prompts and answers by their digests
mapping.json      salt and origins; only the reveal opens it
ballots.jsonl     one line for each vote, synced before the next pair is shown; each follows the line before
recordings.jsonl  what judging models were asked and what they replied
runs.json         the paths of the runs, for the reveal
judging.json      what was revealed; from then on nothing can be cast
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from harness.errors import DiskError, RunError
from harness.files import (
    append_line,
    build,
    drop_torn_line,
    lock_folder,
    read_json,
    read_lines,
    sha256_of,
    to_json,
    write_atomic,
)
from harness.judge.integrity import ballot_digest, chain_problems, sheet_digest
from harness.judge.pairs import PreparedPairs
from harness.types import Ballot, Json, Judging, ModelReply, PairMapping, PairSheet, Recording, ShownPair, Vote

_FIX = "use an unmodified copy, or prepare a new judging"
_T = TypeVar("_T")


@dataclass(slots=True)
class JudgingFolder:
    """An open judging. `texts` are the prompts and answers by digest, `ballots` those on the disk."""

    path: Path
    sheet: PairSheet
    texts: Mapping[str, str]
    runs: tuple[Path, ...]
    ballots: list[Ballot]

    @property
    def is_revealed(self) -> bool:
        """Whether the mapping was opened."""
        return (self.path / "judging.json").exists()

    @property
    def judges(self) -> tuple[str, ...]:
        """Who has voted so far."""
        return tuple(dict.fromkeys(ballot.judge for ballot in self.ballots))

    def pending(self, judge: str) -> tuple[ShownPair, ...]:
        """The pairs that a judge has not judged, in the order in which they are shown."""
        done = {ballot.pair for ballot in self.ballots if ballot.judge == judge}
        return tuple(pair for pair in self.sheet.pairs if pair.id not in done)

    @contextmanager
    def session(self) -> Iterator[None]:
        """Cast votes until the block ends. Raises RunError if another process does, or the judging is revealed."""
        if self.is_revealed:
            raise RunError(f"{self.path}: is revealed: no further vote can be blind", fix="prepare a new judging")
        with lock_folder(self.path):
            drop_torn_line(self.path / "ballots.jsonl")
            drop_torn_line(self.path / "recordings.jsonl")
            self.ballots = _read_ballots(self.path, self.sheet)
            yield

    def cast(
        self,
        judge: str,
        pair: ShownPair,
        vote: Vote,
        guess: str | None = None,
        replies: tuple[str, Sequence[ModelReply]] | None = None,
    ) -> Ballot:
        """Append a ballot and wait until it is on the disk. `replies` are a model's id and what it said."""
        model, said = replies if replies is not None else (None, ())
        previous = ballot_digest(self.ballots[-1]) if self.ballots else sheet_digest(self.sheet)
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        ballot = Ballot(judge, pair.id, vote, now, previous, guess, model, tuple(said))
        append_line(self.path / "ballots.jsonl", ballot)
        self.ballots.append(ballot)
        return ballot

    def append_recording(self, recording: Recording) -> str:
        """Keep what a judging model was asked and replied; returns the digest of the line."""
        return append_line(self.path / "recordings.jsonl", recording)

    def open_mapping(self) -> PairMapping:
        """The mapping, for the reveal. Raises RunError."""
        return _read(self.path / "mapping.json", PairMapping)

    def write_revealed(self, judging: Judging) -> None:
        """Close the judging. Raises DiskError."""
        write_atomic(self.path / "judging.json", to_json(judging, indent=1) + "\n")


def create_judging(path: Path, prepared: PreparedPairs, runs: Sequence[Path]) -> JudgingFolder:
    """Write a new judging, the sheet with its commitment last. Raises DiskError, RunError if the folder exists."""
    try:
        path.mkdir(parents=True)
    except FileExistsError as error:
        raise RunError(f"{path}: exists already") from error
    except OSError as error:
        raise DiskError(f"{path}: cannot be created: {error.strerror}") from error
    documents = {
        "runs.json": [str(run.resolve()) for run in runs],
        "texts.json": prepared.texts,
        "mapping.json": prepared.mapping,
        "sheet.json": prepared.sheet,
    }
    for name, document in documents.items():
        write_atomic(path / name, to_json(document, indent=1) + "\n")
    return open_judging(path)


def open_judging(path: Path) -> JudgingFolder:
    """Open a judging to go on with it.

    Raises RunError if it is none, a file has another form, the texts are not those whose digests are in the sheet, or
    the ballots are not those that were cast.
    """
    if not (path / "sheet.json").is_file():
        raise RunError(f"{path}: not a judging, it has no sheet.json")
    sheet = _read(path / "sheet.json", PairSheet)
    runs = tuple(map(Path, _read(path / "runs.json", list[str])))
    return JudgingFolder(path, sheet, _read_texts(path / "texts.json", sheet), runs, _read_ballots(path, sheet))


def _read(path: Path, kind: type[_T]) -> _T:
    """What a file holds. Raises RunError that names the file."""
    return _built(kind, read_json(path), str(path))


def _built(kind: type[_T], document: Json, place: str) -> _T:
    """A document as what it should be. Raises RunError that names its place."""
    try:
        return build(kind, document)
    except RunError as error:
        raise RunError(f"{place}: {error}", fix=_FIX) from error


def _read_texts(path: Path, sheet: PairSheet) -> dict[str, str]:
    """The texts by digest. Only their digests are in the sheet, which the ballots and the reveal hold to."""
    texts = _read(path, dict[str, str])
    for pair in sheet.pairs:
        for digest in (pair.prompt_sha256, pair.left_sha256, pair.right_sha256):
            if digest not in texts:
                raise RunError(f"{path}: lacks the text {digest} of {pair.id}", fix=_FIX)
    for digest, text in texts.items():
        if sha256_of(text) != digest:
            raise RunError(f"{path}: the text {digest} has another digest: it was changed", fix=_FIX)
    return texts


def _read_ballots(path: Path, sheet: PairSheet) -> list[Ballot]:
    file = path / "ballots.jsonl"
    lines = read_lines(file) if file.exists() else ()
    ballots = [_built(Ballot, document, f"{file}, line {number}") for number, document in lines]
    for place, problem in chain_problems(sheet, ballots):
        raise RunError(f"{file}: {place} {problem}", fix=_FIX)
    return ballots
