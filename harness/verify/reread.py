"""The level `reread`: the recorded streams give the trials of the result again, and scores.jsonl its verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from harness.bundle import LOG, RECORDINGS, SCORES
from harness.files import plain
from harness.run import Link, Turn, is_redrawn
from harness.types import Finding, LogEntry, ScoredTrial, TrialKey, TrialResult
from harness.verify.anchors import check_anchors
from harness.verify.clocks import ClockedTurn, check_clocks
from harness.verify.evidence import Evidence, describe, key_of, max_lines, with_score
from harness.verify.json_diff import MAX_DIFFERENCES, differences
from harness.verify.looks import check_interim_looks
from harness.verify.recording_lines import RereadTurn, reread_lines
from harness.verify.requests import find_request_problems, find_reserved_fields, find_unknown_servers
from harness.verify.run_log import check_chain, count_resumes, read_lines_of, read_log
from harness.verify.served_models import check_served_models
from harness.verify.simulation import check_marks
from harness.verify.trials import check_turns_taken
from harness.verify.turn_sequence import TurnSequence, sequence_of
from harness.verify.wall_clock import add_steps, check_wall_clock

FIELDS_OF_SCORES = ("variant", "outcome", "fraction", "extraction_rule", "checks", "metrics")
"""The fields of a trial that come from scores.jsonl; the others come from the recordings."""


@dataclass(slots=True)
class _RecordedTrials:
    """The complete trials of recordings.jsonl in their order, and the findings of its lines."""

    turns: dict[TrialKey, tuple[RereadTurn, ...]] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


@dataclass(slots=True)
class _Scores:
    """The valid lines of scores.jsonl by trial, and the findings of its lines."""

    scored: dict[TrialKey, ScoredTrial] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    lines: list[ScoredTrial] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def check_reread(evidence: Evidence) -> Iterator[Finding]:
    """Read every recording again and compare. Raises UnreadableError when a file cannot be read."""
    recorded = _group_recordings(evidence)
    yield from recorded.findings
    scores = _read_scores(evidence)
    yield from scores.findings
    log_findings: list[Finding] = []
    log = list(read_log(evidence, log_findings))
    yield from log_findings
    yield from check_chain(evidence, (log, recorded.links, scores.links))
    yield from check_turns_taken(evidence, count_resumes(log))
    yield from _check_same_trials(evidence, list(recorded.turns), RECORDINGS, "recordings")
    yield from _check_same_trials(evidence, list(scores.scored), SCORES, "scores")
    yield from _check_order(evidence, list(recorded.turns))
    yield from _check_end(evidence, recorded.turns)
    yield from _check_sandbox(evidence, scores.scored)
    yield from _check_case_seeds(evidence, scores.scored)
    yield from check_anchors(evidence, log)
    scored = dict(zip((link.sha256 for link in scores.links), scores.lines, strict=True))
    yield from check_interim_looks(evidence, (*log, *recorded.links, *scores.links), scored)
    yield from _check_recorded(evidence, recorded.turns, [link.content for link in log])
    for at, server in find_unknown_servers(evidence):
        message = f"no server kind {server!r} is known locally, so its requests cannot be checked"
        yield Finding("requests", evidence.location(f"$.models[{at}].server"), message, "inconclusive")
    for at, name in find_reserved_fields(evidence):
        message = f"overrides {name!r}, which is the run's own"
        yield Finding("requests", evidence.location(f"$.models[{at}].extra"), message)
    for at, trial in enumerate(evidence.result.trials):
        # A trial that the result repeats, which the check `trials` reports, is compared once.
        turns = recorded.turns.pop(key_of(trial), None)
        if turns is not None:
            yield from _check_trial(evidence, at, turns, scores.scored.get(key_of(trial)))


def _check_recorded(
    evidence: Evidence, trials: Mapping[TrialKey, Sequence[RereadTurn]], log: Sequence[object]
) -> Iterator[Finding]:
    """Checks of the turns against each other, the log and the demo's marks."""
    location, entries = evidence.reader.location(RECORDINGS), [entry for entry in log if isinstance(entry, LogEntry)]
    turns = add_steps(_clocked_turns(trials), entries)
    yield from check_clocks(turns, location)
    yield from check_wall_clock(turns, entries, location, evidence.reader.location(LOG))
    yield from check_marks(evidence, _marks(trials), location)
    servers = ((key, turn.server) for key, of_trial in trials.items() for turn in of_trial if turn.server is not None)
    yield from check_served_models(evidence, servers, location)


def _clocked_turns(trials: Mapping[TrialKey, Sequence[RereadTurn]]) -> list[ClockedTurn]:
    return [
        ClockedTurn(key, turn.turn, turn.line, turn.clock)
        for key, turns in trials.items()
        for turn in turns
        if turn.clock is not None
    ]


def _marks(trials: Mapping[TrialKey, Sequence[RereadTurn]]) -> Iterator[tuple[TrialKey, int, str]]:
    """The turns that bear the demo's mark; one of each trial is enough."""
    for key, turns in trials.items():
        marked = [turn for turn in turns if turn.simulation_mark is not None]
        yield from ((key, turn.line, str(turn.simulation_mark)) for turn in marked[:1])


def _group_recordings(evidence: Evidence) -> _RecordedTrials:
    """Group the lines into trials: the turns of a trial from 0, one trial after the other.

    A trial that begins before the one before it ended leaves that one out: whether it may is for the chain's check.
    """
    out, turns = _RecordedTrials(), list[RereadTurn]()
    reader, location = evidence.reader, evidence.reader.location(RECORDINGS)
    key: TrialKey | None = None
    sequence: TurnSequence | None = None
    for turn in reread_lines(
        reader.read_lines(RECORDINGS, max_lines(evidence)), location, reader.source.sizes[RECORDINGS]
    ):
        out.findings += turn.findings
        if turn.trial is None:
            continue
        previous, key = key, key_of(turn.trial)
        place = f"{location}, line {turn.line}"
        out.links.append(Link(place, turn.previous, turn.sha256, Turn(key, turn.turn, turn.last_turn)))
        if turn.turn == 0:
            turns, sequence = [], sequence_of(evidence, key)
        if key in out.turns or (turns and key != previous) or turn.turn != len(turns):
            message = f"duplicate or out-of-order turn {turn.turn} of {describe(key)}"
            out.findings.append(Finding("recordings", place, message))
            turns = []
            continue
        turns.append(turn)
        for problem, severity in sequence.add(turn) if sequence is not None else ():
            out.findings.append(Finding("turns", place, f"turn {turn.turn} of {describe(key)} {problem}", severity))
        if turn.last_turn:
            out.turns[key] = tuple(turns)
            turns = []
    return out


def _read_scores(evidence: Evidence) -> _Scores:
    out = _Scores()
    lines = read_lines_of(
        evidence, SCORES, ScoredTrial, out.findings, lambda place, problem: Finding("schema-scores", place, problem)
    )
    for link, scored in lines:
        earlier = out.scored.get(scored.key)
        if earlier is not None and not is_redrawn(earlier, scored):
            out.findings.append(Finding("scores", link.place, f"{describe(scored.key)} is scored twice"))
        out.links.append(link)
        out.lines.append(scored)
        out.scored[scored.key] = scored
    return out


def _check_same_trials(evidence: Evidence, keys: Sequence[TrialKey], file: str, check: str) -> Iterator[Finding]:
    """The file has exactly the trials of the result."""
    location = evidence.reader.location(file)
    stated = [key_of(trial) for trial in evidence.result.trials]
    in_file, in_result = set(keys), set(stated)
    for key in islice((key for key in stated if key not in in_file), MAX_DIFFERENCES):
        yield Finding(check, location, f"lacks {describe(key)} of the result")
    for key in islice((key for key in keys if key not in in_result), MAX_DIFFERENCES):
        yield Finding(check, location, f"has {describe(key)}, which the result lacks")


def _check_order(evidence: Evidence, keys: Sequence[TrialKey]) -> Iterator[Finding]:
    stated = [key_of(trial) for trial in evidence.result.trials]
    if set(keys) == set(stated) and list(keys) != stated:
        message = "has the trials in another order than the result"
        yield Finding("recordings", evidence.reader.location(RECORDINGS), message)


def _check_end(evidence: Evidence, trials: Mapping[TrialKey, Sequence[RereadTurn]]) -> Iterator[Finding]:
    """The run ended with its last turn."""
    run = evidence.result.run
    ended_at = max([run.started_at, *(turn.ended_at for turns in trials.values() for turn in turns)])
    if run.ended_at != ended_at:
        message = f"is {run.ended_at}, the last recorded turn ended at {ended_at}"
        yield Finding("reread", evidence.location("$.run.ended_at"), message)


def _check_sandbox(evidence: Evidence, scores: Mapping[TrialKey, ScoredTrial]) -> Iterator[Finding]:
    location = evidence.location("$.sandbox")
    used = [scored.sandbox for scored in scores.values() if scored.sandbox is not None]
    if (used[-1] if used else None) != evidence.result.sandbox:
        yield Finding("scores", location, "is not the last sandbox of scores.jsonl")
    if len(set(used)) > 1:
        message = f"{len(set(used))} different sandboxes gave the verdicts; the result names the last"
        yield Finding("scores", location, message, "warning")


def _check_case_seeds(evidence: Evidence, scores: Mapping[TrialKey, ScoredTrial]) -> Iterator[Finding]:
    """The hidden cases were drawn with the digest of the recordings, which exists only after the answers."""
    location, seed = evidence.reader.location(SCORES), evidence.result.digests.recordings_sha256
    for key, scored in scores.items():
        if scored.case_seed not in (seed, None):
            message = f"{describe(key)} was scored with hidden cases of another seed than the digest of the recordings"
            yield Finding("scores", location, message)


def _check_trial(
    evidence: Evidence, at: int, turns: Sequence[RereadTurn], scored: ScoredTrial | None
) -> Iterator[Finding]:
    trial, location = evidence.result.trials[at], evidence.reader.location(RECORDINGS)
    name = describe(key_of(trial))
    yield from _compare_trial(evidence, at, _merge_turns(turns), scored)
    if scored is not None and any(turn.variant != scored.variant for turn in turns):
        message = f"{name} was recorded with another variant than it was scored with"
        yield Finding("recordings", f"{location}, line {turns[0].line}", message)
    for line, message in find_request_problems(evidence, trial, turns):
        yield Finding("requests", f"{location}, line {line}", f"{name}: {message}")


def _merge_turns(turns: Sequence[RereadTurn]) -> TrialResult:
    """The trial of these turns, without a verdict; that of an agent begins and ends with its work."""
    parts = [turn.trial for turn in turns if turn.trial is not None]
    results = tuple(result for part in parts for result in part.turns)
    whole = parts[0] if parts[-1].work is None else parts[-1]
    return replace(whole, ended_ns=parts[-1].ended_ns, turns=results)


def _compare_trial(evidence: Evidence, at: int, reread: TrialResult, scored: ScoredTrial | None) -> Iterator[Finding]:
    reread = replace(reread, session=evidence.result.trials[at].session)  # has a check of its own
    if scored is not None:
        reread = with_score(reread, scored.score)
    prefix = f"$.trials[{at}]"
    for path, message in islice(differences(plain(evidence.result.trials[at]), plain(reread), prefix), MAX_DIFFERENCES):
        name = path.removeprefix(f"{prefix}.").split(".")[0].split("[")[0]
        if name not in FIELDS_OF_SCORES:
            yield Finding("reread", evidence.location(path), message)
        elif scored is not None:
            yield Finding("scores", evidence.location(path), message)
