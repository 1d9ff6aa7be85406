"""A run's folder: the files of a run, appended so that a kill at any moment leaves every complete trial.

    run.json                the plan, written once
    log.jsonl               one line when a session begins and one when it ends
    models.jsonl            one line per model: version, context, memory, skipped tasks
    recordings.jsonl        one line per turn
    scores.jsonl            one line per trial
    judgings.jsonl          one line for each blind judging that was revealed
    stopped_services.jsonl  one line for each service that the run stopped and started again
    result.json             the publishable result

Of the trial that a kill interrupts, the turns before the one in flight stay in the file and count for nothing: it is
recorded again. An agent's trial is written as a whole when it ends.

`create_run` makes a folder, `open_run` opens one and notes in its log what a kill left, `RunFolder` appends to it;
`read_run` looks at one without a change. The lines of log, recordings and scores are one chain (chain.py): they are
never removed or replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from harness.bundle import LOG, RECORDINGS, SCORES
from harness.errors import DiskError, LanebenchError, Problem, RunError
from harness.files import (
    append_line,
    build,
    drop_torn_line,
    lock_folder,
    read_json,
    read_lines,
    to_json,
    uninterrupted,
    write_atomic,
)
from harness.host import boot_id, redact_home
from harness.lifecycle import STOPPED_SERVICES_FILE
from harness.record import Moment, read_moment
from harness.run.chain import PREVIOUS, Chain, plan_digest
from harness.run.lines import (
    CHAINED_FILES,
    T,
    TrialReader,
    parse_line,
    read_links,
    read_scores,
    read_trials,
)
from harness.schema import Location, as_document, validate
from harness.summarize import Schedule
from harness.types import (
    STOPPED_BY_OWNER,
    Judging,
    LogEntry,
    LogEvent,
    Look,
    ModelRun,
    Recording,
    RunPlan,
    ScoredTrial,
    Stage,
    StoppedService,
    TrialKey,
    later_options,
)

COMPLETED = "completed"
"""The reason of the log for a session that did all it could."""
CLOCK_STEP_S = 0.25
"""By how much the wall clock may move against the monotonic clock before the log notes it."""
_MAX_PROBLEMS = 20
_MAX_REASON_CHARS = 2000


@dataclass(slots=True)
class RunFolder:
    """An open run. `recorded` and `scored` are the trials that are complete on the disk.

    `chain` is how far the files' chain was followed, `size_bytes` the size of those files then.
    """

    path: Path
    plan: RunPlan
    chain: Chain
    recorded: set[TrialKey] = field(default_factory=set)
    scored: set[TrialKey] = field(default_factory=set)
    size_bytes: int = 0
    clock: Callable[[], Moment] = read_moment
    _logged: Moment | None = None

    @property
    def recordings_path(self) -> Path:
        """One line per turn."""
        return self.path / RECORDINGS

    @property
    def scores_path(self) -> Path:
        """One line per trial."""
        return self.path / SCORES

    @property
    def log_path(self) -> Path:
        """One line when a session begins, and one when it ends."""
        return self.path / LOG

    @property
    def models_path(self) -> Path:
        """One line each time a model was unloaded."""
        return self.path / "models.jsonl"

    @property
    def judgings_path(self) -> Path:
        """One line for each blind judging that was revealed."""
        return self.path / "judgings.jsonl"

    @property
    def stopped_services_path(self) -> Path:
        """One line for each service that was stopped for the run."""
        return self.path / STOPPED_SERVICES_FILE

    @property
    def result_path(self) -> Path:
        """The publishable result."""
        return self.path / "result.json"

    @contextmanager
    def session(self, stage: Stage) -> Iterator[None]:
        """Write recordings or scores until the block ends. Its start and its end, with the reason, go into the log.

        Raises RunError if another process writes or wrote into the folder.
        """
        with lock_folder(self.path):
            if chained_bytes(self.path) != self.size_bytes:
                message = f"{self.path}: the run's files changed since they were read"
                raise RunError(message, fix="run the same command again")
            self._log(self.chain.opening_event(stage), stage)
            reason = COMPLETED
            try:
                yield
            except BaseException as error:
                reason = _stop_reason(error)
                raise
            finally:
                # On a full disk the line is missing, and the session counts as killed.
                with suppress(DiskError):
                    self._log("stop", stage, reason=reason)
                self.size_bytes = chained_bytes(self.path)

    def note_kill(self, torn_bytes: int) -> None:
        """Note the end of a session that a kill prevented from noting it. Raises DiskError."""
        if self.chain.session is not None:
            self._log("kill", self.chain.session.stage, torn_bytes=torn_bytes)

    @uninterrupted()
    def _log(self, event: LogEvent, stage: Stage, **more: Any) -> None:
        now = self.clock()
        at = datetime.fromtimestamp(now.wall_ns / 1e9, UTC).isoformat(timespec="milliseconds")
        entry = LogEntry(event, stage, at, now.monotonic_ns, boot_id(), **more)
        self._append(LOG, "log", entry)
        self.chain.note(entry)
        self._logged = now

    def _log_clock(self) -> None:
        """Note it where the wall clock was set, or drifted, against the monotonic clock since the log's last line."""
        before, now = self._logged, self.clock()
        if before is None or self.chain.session is None:
            return
        moved_ns = (now.wall_ns - now.monotonic_ns) - (before.wall_ns - before.monotonic_ns)
        if abs(moved_ns) > CLOCK_STEP_S * 1e9:
            self._log("clock", self.chain.session.stage)

    def _append(self, file: str, format_name: str, value: Any) -> None:
        document = {**as_document(format_name, value), PREVIOUS: self.chain.head}
        self.chain.head = append_line(self.path / file, document)

    def append_anchor(self, token: str) -> None:
        """Append a time stamp of the last line's digest. Raises DiskError."""
        self._log("anchor", "record", token=token)

    def append_look(self, look: Look) -> None:
        """Append what a look at the scored trials found. Raises DiskError."""
        self._log("look", "score", look=look)

    @property
    def schedule(self) -> Schedule:
        """How many trials of each task the plan has so far."""
        return Schedule(self.plan.settings.trials, self.plan.design, self.chain.looks)

    @property
    def has_ended(self) -> bool:
        """Whether a look has ended the run."""
        return bool(self.chain.looks) and self.chain.looks[-1].stop is not None

    @property
    def record_s(self) -> float:
        """The seconds of recording so far, with the open session."""
        session = self.chain.session
        if session is None or session.stage != "record":
            return self.chain.record_s
        return self.chain.record_s + (self.clock().monotonic_ns - session.monotonic_ns) / 1e9

    @uninterrupted()
    def append_recording(self, recording: Recording) -> None:
        """Append one turn and wait until it is on the disk. Raises DiskError."""
        self._log_clock()
        self._append(RECORDINGS, "recording", recording)
        if recording.last_turn:
            self.recorded.add(recording.key)

    @uninterrupted()
    def append_score(self, scored: ScoredTrial) -> None:
        """Append one trial's score and wait until it is on the disk. Raises DiskError."""
        self._append(SCORES, "scores", scored)
        self.scored.add(scored.key)

    @uninterrupted()
    def append_model_run(self, model_run: ModelRun) -> None:
        """Append what was observed of a model. Raises DiskError."""
        append_line(self.models_path, as_document("models", model_run))

    def read_trials(self) -> Iterator[tuple[Recording, ...]]:
        """The turns of each complete trial, in the order in which they were recorded. Raises RunError."""
        return read_trials(self.recordings_path)

    def read_scores(self) -> dict[TrialKey, ScoredTrial]:
        """Every trial's score. Raises RunError."""
        return read_scores(self.scores_path)

    def read_stopped_services(self) -> tuple[StoppedService, ...]:
        """The services that the run stopped on this machine, and whether they run again. Raises RunError."""
        return tuple(_read_records(self.stopped_services_path, StoppedService))

    def append_judging(self, judging: Judging) -> None:
        """Append a revealed judging of this run's answers. Raises DiskError."""
        append_line(self.judgings_path, judging)

    def read_judgings(self) -> tuple[Judging, ...]:
        """The revealed judgings of this run's answers, each as it was revealed last. Raises RunError."""
        found = _read_records(self.judgings_path, Judging)
        return tuple({judging.sheet.commitment: judging for judging in found}.values())

    def read_model_runs(self) -> dict[str, ModelRun]:
        """What was observed of each model when it was last unloaded. Raises RunError."""
        return {run.label: run for run in _read_records(self.models_path, ModelRun)}


def create_run(results: Path, plan: RunPlan) -> RunFolder:
    """Make the folder of a new run. Raises DiskError."""
    path = results / plan.id
    try:
        path.mkdir(parents=True)
    except FileExistsError as error:
        # The name has the second and a part of the seed.
        message = f"{path}: cannot be created: another run with this seed began in the same second"
        raise DiskError(message, fix="run the same command again") from error
    except OSError as error:
        raise DiskError(f"{path}: cannot be created: {error.strerror}") from error
    write_plan(path, plan)
    return RunFolder(path, plan, Chain(plan_digest(plan)))


def write_plan(path: Path, plan: RunPlan) -> None:
    """Write a run folder's run.json whole or not at all. Raises DiskError."""
    write_atomic(path / "run.json", to_json(as_document("run", plan), indent=1) + "\n")


def open_run(path: Path) -> RunFolder:
    """Open a run folder to continue it, and note in its log what a kill left.

    Raises RunError if it is no run folder, or if its lines are not those that were written.
    """
    folder = _read_plan(path)
    with lock_folder(path):
        try:
            torn_bytes = _drop_torn_lines(folder)
            _follow_chain(folder)
            folder.note_kill(torn_bytes)
            folder.size_bytes = chained_bytes(path)
        except OSError as error:
            message = f"{path}: cannot be written: {error.strerror}"
            raise DiskError(message, fix="make the folder writable") from error
    folder.scored = set(folder.read_scores())
    return folder


def read_run(path: Path) -> RunFolder:
    """A run folder with what is recorded, to look at: nothing is written, and what a kill left is passed over.

    Raises RunError as `open_run` does.
    """
    folder = _read_plan(path)
    _follow_chain(folder)
    return folder


def _read_plan(path: Path) -> RunFolder:
    file = path / "run.json"
    if not file.is_file():
        raise RunError(f"{path}: not a run folder, it has no run.json", fix="name a folder under results/")
    document = read_json(file)
    problems = validate("run", document, Location(str(file)))
    if problems:
        raise RunError(*problems[:_MAX_PROBLEMS])
    plan = build(RunPlan, {**document, "settings": {**later_options(), **document["settings"]}})
    return RunFolder(path, plan, Chain(plan_digest(plan)))


def chained_bytes(path: Path) -> int:
    """The size of a run's chained files together."""
    return sum(file.stat().st_size for name in CHAINED_FILES if (file := path / name).is_file())


def _drop_torn_lines(folder: RunFolder) -> int:
    """Drop the incomplete last lines that a kill left; returns their bytes in the files of the chain."""
    for path in (folder.models_path, folder.judgings_path, folder.stopped_services_path):
        drop_torn_line(path)
    return sum(drop_torn_line(folder.path / name) for name in CHAINED_FILES)


def _follow_chain(folder: RunFolder) -> None:
    """Follow the chain through the files. Raises RunError if a line is not the one that was written."""
    reader = TrialReader()
    problems = list(islice(folder.chain.follow(read_links(folder.path, reader)), _MAX_PROBLEMS))
    if problems:
        fix = "use an unmodified copy, or begin a new run: what was recorded stays"
        raise RunError(*(Problem(f"{place} {problem}", fix) for place, problem in problems))
    folder.recorded = reader.complete


def _stop_reason(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return STOPPED_BY_OWNER
    message = error.message if isinstance(error, LanebenchError) else type(error).__name__
    return redact_home(message)[:_MAX_REASON_CHARS]


def _read_records(path: Path, kind: type[T]) -> Iterator[T]:
    """The lines of a file outside of the chain as dataclasses; none if it does not exist. Raises RunError."""
    if path.exists():
        for number, document in read_lines(path):
            yield parse_line(kind, document, f"{path}, line {number}")
