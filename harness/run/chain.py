"""The chain of a run: each line of its log, recordings and scores carries the digest of the line written before it.

The three files are one chain that begins with the digest of the plan. A line that is removed, changed, added or moved
breaks it, unless every line that was written afterwards is replaced too. `plan_digest` gives the beginning;
`Chain.follow` goes through the files, keeps the last digest, and reports lines that follow none or that no session of
the log wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Literal, TypeVar

from harness.files import build, plain, sha256_of, to_json
from harness.types import (
    Json,
    LogEntry,
    Look,
    Model,
    ModelInfo,
    Recording,
    Result,
    RunInfo,
    RunPlan,
    RunSettings,
    SelfTest,
    SequentialDesign,
    Stage,
    TrialKey,
    later_options,
)

T = TypeVar("T")
PREVIOUS = "previous"
"""The key of a line's link. Like the format version it belongs to the line and is no field of what the line holds."""
WITHIN_SESSION = ("clock", "anchor", "look")
"""Events that neither begin nor end a session."""
TIME_TOLERANCE_S = 1e-3
BROKEN = "does not follow the line written before it: a line was removed, added or changed afterwards"
OTHER_PLAN = "the chain of lines does not begin with this run's plan: plan or lines were changed, or are of another run"


@dataclass(frozen=True, slots=True)
class Turn:
    """The turn that a line of recordings.jsonl holds."""

    key: TrialKey
    number: int
    last: bool


@dataclass(frozen=True, slots=True)
class Link:
    """One line of the chain: its place for messages, its digest, that of the line before, and what it holds.

    `content` is None for a score.
    """

    place: str
    previous: Json
    sha256: str
    content: LogEntry | Turn | None = None


@dataclass(slots=True)
class Chain:
    """How far the chain was followed: the last digest, the open session, and what the lines showed so far.

    `stages` are those that had a session, `ends` how the last session of each ended, `open_trial` is the trial
    whose last turn is still missing. `resumes` and `kills` count sessions of recording, `interrupted` the trials that
    were interrupted and begun again, or left. `looks` are those of a sequential run, `record_s` is the time of the
    sessions of recording that noted their end, and `awaits_block` says that the run goes on after its last look: the
    next session is part of the plan and no resume.
    """

    head: str
    session: LogEntry | None = None
    stages: set[Stage] = field(default_factory=set)
    ends: dict[Stage, LogEntry] = field(default_factory=dict)
    open_trial: TrialKey | None = None
    resumes: int = 0
    kills: int = 0
    interrupted: int = 0
    looks: list[Look] = field(default_factory=list)
    record_s: float = 0.0
    awaits_block: bool = False

    def follow(self, files: Sequence[Iterable[Link]]) -> Iterator[tuple[str, str]]:
        """Follow the lines of all files in the order in which they were written; yields place and problem.

        Only the next line of each file is held, so the files may be of any size.
        """
        start, iterators = self.head, [iter(file) for file in files]
        waiting = [next(iterator, None) for iterator in iterators]
        while True:
            at = next((at for at, link in enumerate(waiting) if link is not None and link.previous == self.head), None)
            if at is None:
                break
            link = waiting[at]
            assert link is not None
            yield from ((link.place, problem) for problem in self._take(link))
            self.head = link.sha256
            waiting[at] = next(iterators[at], None)
        problem = OTHER_PLAN if self.head == start else BROKEN
        yield from ((link.place, problem) for link in waiting if link is not None)

    def _take(self, link: Link) -> Iterator[str]:
        content = link.content
        if isinstance(content, LogEntry):
            yield from self._entry_problems(content)
            self.note(content)
            return
        stage: Stage = "record" if isinstance(content, Turn) else "score"
        if self.session is None or self.session.stage != stage:
            yield f"was written outside of every session of the stage {stage!r}"
        if isinstance(content, Turn):
            yield from self._take_turn(content)

    def _entry_problems(self, entry: LogEntry) -> Iterator[str]:
        if entry.event not in ("start", "resume"):
            if self.session is None or self.session.stage != entry.stage:
                yield "belongs to a session that had not begun"
            if entry.look is not None and abs(entry.look.elapsed_s - self.record_s) > TIME_TOLERANCE_S:
                yield f"states {entry.look.elapsed_s:.3f} s of recording, the sessions took {self.record_s:.3f} s"
            return
        if self.session is not None:
            yield "begins a session before the one before it ended"
        if entry.event != self.opening_event(entry.stage):
            yield f"is {entry.event!r}, expected {self.opening_event(entry.stage)!r}"

    def note(self, entry: LogEntry) -> None:
        """Take an entry of the log as the last one."""
        if entry.event in ("start", "resume"):
            self.session = entry
            self.stages.add(entry.stage)
            self.resumes += (entry.event, entry.stage) == ("resume", "record") and not self.awaits_block
            self.awaits_block = self.awaits_block and entry.stage != "record"
            self._leave_trial()
        elif entry.look is not None:
            self.looks.append(entry.look)
            self.awaits_block = entry.look.stop is None
        elif entry.event not in WITHIN_SESSION:
            self._add_time(entry)
            self.session = None
            self.kills += (entry.event, entry.stage) == ("kill", "record")
            self.ends[entry.stage] = entry

    def _add_time(self, end: LogEntry) -> None:
        """Add the time of a session of recording. When a killed one ended is unknown, so it adds nothing."""
        start = self.session
        if start is None or end.event != "stop" or end.stage != "record":
            return
        if start.boot_id == end.boot_id:
            self.record_s += max(0, end.monotonic_ns - start.monotonic_ns) / 1e9

    def _take_turn(self, turn: Turn) -> Iterator[str]:
        """A trial begins anew only in another session; within one, a model that stopped leaves its trial."""
        if turn.number == 0 and self.open_trial is not None:
            if self.open_trial.model == turn.key.model:
                yield "begins a trial while another one of the same model is not complete"
            self._leave_trial()
        self.open_trial = None if turn.last else turn.key

    def _leave_trial(self) -> None:
        self.interrupted += self.open_trial is not None
        self.open_trial = None

    def opening_event(self, stage: Stage) -> Literal["start", "resume"]:
        """How the log names the beginning of a session of this stage."""
        return "resume" if stage in self.stages else "start"


def turn_of(recording: Recording) -> Turn:
    """A recording as a link of the chain holds it."""
    return Turn(recording.key, recording.turn, recording.last_turn)


def plan_digest(plan: RunPlan | Result) -> str:
    """The digest of a run's plan, from the plan or from the result, which states the same.

    It covers what a result publishes of the plan. Lanes are left out: they may be changed after the run.
    """
    run = plan.run if isinstance(plan, Result) else plan
    settings = run.settings if isinstance(run, RunPlan) else run
    models = [_without_defaults(_select(_normalize(model), _MODEL_FIELDS)) for model in plan.models]
    document = {
        "kit": _normalize(plan.kit),
        "host": _normalize(plan.host),
        "run": {
            **_select(_normalize(run), _RUN_FIELDS),
            **_settings(_normalize(settings)),
            "selftest": _selftest(_normalize(run).selftest),
            "design": _design(_normalize(run).design),
        },
        "models": models,
        "tasks": [_without_defaults(plain(_normalize(task))) for task in plan.tasks],
    }
    return sha256_of(to_json(document))


def _normalize(value: T) -> T:
    """The value as it is read back from a file: an integer in a field for floats becomes a float."""
    return build(type(value), plain(value))


def _without_defaults(row: Mapping[str, Json]) -> dict[str, Json]:
    """A model without an agent, or a task of the kit that is not for one, as results state them that know neither."""
    return {name: value for name, value in row.items() if value or name not in _LATER_FIELDS}


def _settings(settings: RunInfo | RunSettings) -> dict[str, Json]:
    """The settings of a run; an option that came later is left out where it is as in plans that do not state it."""
    later = later_options().items()
    return {name: value for name, value in _select(settings, _SETTINGS_FIELDS).items() if (name, value) not in later}


def _selftest(selftest: SelfTest | None) -> dict[str, Json] | None:
    """The self-test before a run, without what those of older kits did not measure."""
    if selftest is None:
        return None
    rows = plain(selftest).items()
    return {name: value for name, value in rows if value is not None or name not in _LATER_MEASUREMENTS}


def _design(design: SequentialDesign | None) -> dict[str, Json] | None:
    """The design of a sequential run; the first version of its rule is left out, as plans have it that state none."""
    if design is None:
        return None
    return {name: value for name, value in plain(design).items() if (name, value) != ("rule", 1)}


def _select(value: object, names: set[str]) -> dict[str, Json]:
    return {name: getattr(value, name) for name in names}


def _names(kind: type) -> set[str]:
    return {item.name for item in fields(kind)}


_LATER_FIELDS = {"agent", "agent_version", "for_agents", "origin"}
_LATER_MEASUREMENTS = {"clock_step_s", "clock_rate_error"}
_RUN_FIELDS = _names(RunInfo) & _names(RunPlan)
_SETTINGS_FIELDS = _names(RunInfo) & _names(RunSettings)
_MODEL_FIELDS = _names(ModelInfo) & _names(Model)
"""What a result states of the plan: of the run, of its settings and of each model."""
