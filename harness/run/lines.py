"""Reads the lines of a run's files: trials from recordings.jsonl, scores, and each line's link in the run's chain.

`read_trials` and `read_scores` give what the lines say, `read_links` the links of all three files of the chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from harness.bundle import LOG, RECORDINGS, SCORES
from harness.errors import RunError
from harness.files import build, read_digested_lines
from harness.run.chain import PREVIOUS, Link, turn_of
from harness.types import Json, LogEntry, Recording, ScoredTrial, TrialKey

T = TypeVar("T")
CHAINED_FILES = (LOG, RECORDINGS, SCORES)
"""The files whose lines are one chain."""


def describe(key: TrialKey) -> str:
    """A trial's name in messages."""
    return f"{key.model} on {key.task}, {'warm-up' if key.warmup else 'trial'} {key.trial + 1}"


@dataclass(slots=True)
class TrialReader:
    """Puts the turns of a recordings.jsonl together to trials; `complete` are those that have all their turns.

    The turns of an interrupted trial stay in the file and belong to no trial: it is recorded again from its first turn.
    """

    complete: set[TrialKey] = field(default_factory=set)
    _turns: list[Recording] = field(default_factory=list)

    def add(self, place: str, recording: Recording) -> tuple[Recording, ...] | None:
        """Take the next turn; returns the trial that it completes. Raises RunError for a turn out of order."""
        if recording.turn == 0:
            self._turns = []
        expected = self._turns[0].key if self._turns else recording.key
        if recording.key in self.complete or recording.key != expected or recording.turn != len(self._turns):
            raise RunError(
                f"{place}: duplicate or out-of-order turn {recording.turn} of "
                f"{describe(recording.key)}: the file was modified after the run",
                fix="use an unmodified copy",
            )
        self._turns.append(recording)
        if not recording.last_turn:
            return None
        self.complete.add(recording.key)
        turns, self._turns = tuple(self._turns), []
        return turns


def read_trials(path: Path) -> Iterator[tuple[Recording, ...]]:
    """The turns of each complete trial of a recordings.jsonl. Raises RunError if a trial is recorded twice."""
    reader = TrialReader()
    for link, recording in read_chained(path, Recording):
        turns = reader.add(link.place, recording)
        if turns is not None:
            yield turns


def read_scores(path: Path) -> dict[TrialKey, ScoredTrial]:
    """The scores of a scores.jsonl, the last one of each trial.

    A trial is scored again only where its hidden cases were drawn with another seed, because the run was resumed
    since. Raises RunError for any other trial that is scored twice.
    """
    scores: dict[TrialKey, ScoredTrial] = {}
    for link, scored in read_chained(path, ScoredTrial):
        earlier = scores.get(scored.key)
        if earlier is not None and not is_redrawn(earlier, scored):
            message = f"{link.place}: {describe(scored.key)} is scored twice: the file was modified after the run"
            raise RunError(message, fix="use an unmodified copy")
        scores[scored.key] = scored
    return scores


def is_redrawn(earlier: ScoredTrial, later: ScoredTrial) -> bool:
    """Whether a trial was scored again with other hidden cases."""
    return None not in (earlier.case_seed, later.case_seed) and earlier.case_seed != later.case_seed


def read_links(folder: Path, reader: TrialReader) -> tuple[Iterator[Link], ...]:
    """The links of the three files of a run's chain; `reader` takes the turns that are read on the way."""
    return (
        (link_with(link, entry) for link, entry in read_chained(folder / LOG, LogEntry)),
        _recording_links(folder / RECORDINGS, reader),
        (link for link, _ in read_chained(folder / SCORES, ScoredTrial)),
    )


def _recording_links(path: Path, reader: TrialReader) -> Iterator[Link]:
    for link, recording in read_chained(path, Recording):
        reader.add(link.place, recording)
        yield link_with(link, recording)


def link_with(link: Link, content: LogEntry | Recording) -> Link:
    """The link with what its line holds."""
    return replace(link, content=turn_of(content) if isinstance(content, Recording) else content)


def read_chained(path: Path, kind: type[T]) -> Iterator[tuple[Link, T]]:
    """The lines of a file as links and dataclasses; none if the file does not exist. Raises RunError with the line."""
    if not path.exists():
        return
    for number, document, sha256 in read_digested_lines(path):
        place = f"{path}, line {number}"
        value = parse_line(kind, document, place)
        yield Link(place, document.get(PREVIOUS), sha256), value


def parse_line(kind: type[T], document: Json, place: str) -> T:
    """A line's document as a dataclass. Raises RunError with the place of the line."""
    try:
        return build(kind, document)
    except RunError as error:
        raise RunError(f"{place}: {error}") from error
