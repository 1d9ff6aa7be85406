"""Clocks that must agree: silent on what real, simulated and reference servers sent, and a finding for each forgery."""

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.bundle import MANIFEST, PublishRequest, publish
from harness.demo import SERVER_NAME, Answers, serve_answers
from harness.demo.answers import all_variants
from harness.files import build, to_json
from harness.read import read
from harness.record import Client, Timeouts
from harness.run import PREVIOUS, TrialSetup, converse, end_time
from harness.servers import ServerHandle, get_server_kind
from harness.tasks import find_fixtures, load_tasks, vary
from harness.types import Chunk, Finding, Json, LogEntry, Recording, TrialKey
from harness.verify import VerifyOptions, verify
from harness.verify.clocks import ClockedTurn, check_clocks, server_timing_problems, turn_clock
from harness.verify.recording_lines import reread_batch
from harness.verify.simulation import simulation_mark
from harness.verify.wall_clock import check_wall_clock
from tests.bundle import SECOND, Bundle, good_bundle, summarized, tasks, write_bundle
from tests.reference import reference_server_and_client, request_turn
from tests.wire import load_reads, unframe

TRACES = Path(__file__).parent / "data" / "traces"
SENT: dict[str, float] = json.loads((TRACES / "sent.json").read_text(encoding="utf-8"))
"""When the request of each captured trace was sent, in seconds since 1970."""
BEHAVIORS = ("plain", "keepalive-chunks", "eight-events-per-write", "random-tokens-per-event", "timings", "buffered")


def _captured(name: str, sent_s: float) -> Recording:
    server, _, scenario = name.partition("--")
    return replace(
        unframe(load_reads(TRACES / f"{name}.jsonl.gz")),
        key=TrialKey(server, scenario, 0),
        sent_at=datetime.fromtimestamp(sent_s, UTC).isoformat(),
        sent_ns=int(sent_s * SECOND),
    )


def _recordings() -> list[Recording]:
    """The turns of the sound bundle, at most once in ten seconds: so far apart are those of real models."""
    found = [build(Recording, line) for line in good_bundle().recordings]
    return [_moved(recording, 10 * at, server=True) for at, recording in enumerate(found)]


def _moved(
    recording: Recording, seconds: float, *, wall: bool = True, monotonic: bool = True, server: bool = False
) -> Recording:
    """The turn at another time on the clocks that are named."""
    sent_at = datetime.fromisoformat(recording.sent_at) + timedelta(seconds=seconds if wall else 0)
    sent_ns = (recording.sent_ns or 0) + (int(seconds * SECOND) if monotonic else 0)
    moved = replace(recording, sent_at=sent_at.isoformat(timespec="milliseconds"), sent_ns=sent_ns)
    if not server:
        return moved
    created = datetime.fromisoformat(recording.sent_at).timestamp()
    old, new = f'"created": {int(created)}'.encode(), f'"created": {int(created + seconds)}'.encode()
    return replace(moved, chunks=tuple(Chunk(chunk.at_ns, chunk.data.replace(old, new)) for chunk in moved.chunks))


def _findings(recordings: Sequence[Recording]) -> list[Finding]:
    own = [
        Finding("server-timings", "", text)
        for recording in recordings
        for text in server_timing_problems(recording, read(recording))
    ]
    turns = [ClockedTurn(turn.key, turn.turn, at, turn_clock(turn)) for at, turn in enumerate(recordings, 1)]
    return own + list(check_clocks(turns, "recordings.jsonl"))


def _problems(recordings: Sequence[Recording]) -> list[tuple[str, str]]:
    return [(finding.check, finding.message) for finding in _findings(recordings) if finding.severity != "info"]


def _notes(recordings: Sequence[Recording]) -> list[str]:
    return [finding.message for finding in _findings(recordings) if finding.severity == "info"]


def test_server_timings_of_400_digits_are_as_if_the_server_gave_none() -> None:
    recording = build(Recording, good_bundle().recordings[0])
    timings = b'data: {"choices":[],"timings":{"prompt_ms":%s,"predicted_ms":1}}\n\n' % (b"9" * 400)
    last = Chunk(recording.chunks[-1].at_ns, timings)
    changed = replace(recording, chunks=(*recording.chunks, last))
    assert list(server_timing_problems(changed, read(changed))) == []


def test_nothing_is_found_in_what_real_servers_sent() -> None:
    recordings = [_captured(name, sent_s) for name, sent_s in sorted(SENT.items(), key=lambda pair: pair[1])]
    assert sum(read(recording).server_timings is not None for recording in recordings) > 15
    assert sum(turn_clock(recording).created_s is not None for recording in recordings) > 40
    assert _problems(recordings) == []


def test_nothing_is_found_in_what_the_simulated_servers_send() -> None:
    (task,) = load_tasks([find_fixtures()], names=["code-bugfix"])
    with serve_answers(Answers(all_variants([task]))) as demo, Client(Timeouts(5.0, 30.0)) as client:
        server = ServerHandle(demo.models[0], get_server_kind("llama-server"))
        setups = [TrialSetup(TrialKey("demo", task.name, at), vary(task, at), f"{at:016x}", 64) for at in range(2)]
        recordings = [turn for setup in setups for turn in converse(client, server, setup)]
    assert all(turn_clock(recording).created_s for recording in recordings)
    assert _problems(recordings) == []
    _assert_marked(recordings[0])


def _assert_marked(recording: Recording) -> None:
    """A simulated answer is known by its header, by its events and by its model's name."""
    reading, fingerprint = read(recording), SERVER_NAME.encode()
    assert "header names the demo server" in str(simulation_mark(recording, reading))
    bare = replace(recording, headers={})
    assert "events name the demo server" in str(simulation_mark(bare, reading))
    chunks = tuple(Chunk(chunk.at_ns, chunk.data.replace(fingerprint, b"fp_1234")) for chunk in recording.chunks)
    stripped = replace(bare, chunks=chunks)
    assert "demo-steady, a simulated model" in str(simulation_mark(stripped, reading))
    assert simulation_mark(stripped, replace(reading, reported_model="coder")) is None


def test_nothing_is_found_in_what_the_reference_server_sends() -> None:
    with reference_server_and_client() as (server, client):
        recordings = [request_turn(server, client, f"{name}?ttft_ms=20") for name in BEHAVIORS]
    assert _problems(recordings) == []


def test_sent_at_is_taken_with_the_monotonic_clock_at_the_socket() -> None:
    with reference_server_and_client() as (server, client):
        turns = [turn_clock(request_turn(server, client, "plain?ttft_ms=20&tokens=2")) for _ in range(4)]
    offsets = [turn.sent_at_s - turn.sent_s for turn in turns if turn.sent_at_s is not None and turn.sent_s is not None]
    assert len(offsets) == 4
    # Milliseconds are stored; a busy machine may pause the program between the two readings once, hardly each time.
    assert sorted(offsets)[2] - sorted(offsets)[1] < 0.02


def test_nothing_is_found_in_a_sound_run_and_the_jitter_is_reported() -> None:
    assert _problems(_recordings()) == []
    (note,) = _notes(_recordings())
    assert "times between reads, which nothing judges: alpha 9.79 ms" in note


@pytest.mark.parametrize(
    ("clocks", "what"),
    [
        ({"wall": True, "monotonic": False, "server": False}, "the wall clock was set while the server's was not"),
        ({"wall": True, "monotonic": False, "server": True}, "the wall clock was set, of machine and server"),
        ({"wall": False, "monotonic": True, "server": False}, "the machine was booted again"),
    ],
)
def test_clock_steps_and_reboots_are_no_problem(clocks: dict[str, bool], what: str) -> None:
    turns = _recordings()
    for at in (3, 6):
        turns[at:] = [_moved(turn, -3600, **clocks) for turn in turns[at:]]
    assert _problems(turns) == [], what


def test_a_server_whose_clock_is_wrong_or_set_once_is_no_problem() -> None:
    turns = _recordings()
    assert _problems([_moved(turn, 7200) for turn in turns]) == []
    late = [*turns[:4], *(_moved(turn, 900) for turn in turns[4:8])]
    assert _problems(late) == []
    assert any("-900 s against this machine's clocks: its clock was set" in note for note in _notes(late))


def test_a_server_that_gives_all_events_the_time_of_its_start_is_no_problem() -> None:
    turns = [replace(turn, chunks=tuple(_restamped(turn))) for turn in _recordings()]
    assert turn_clock(turns[0]).created_s == turn_clock(turns[-1]).created_s is not None
    assert _problems(turns) == []


def _restamped(turn: Recording) -> list[Chunk]:
    clock = turn_clock(turn)
    assert clock.created_s is not None
    old = f'"created": {int(clock.created_s[0])}'.encode()
    return [Chunk(chunk.at_ns, chunk.data.replace(old, b'"created": 1795000000')) for chunk in turn.chunks]


def test_a_trial_that_was_recorded_later_and_put_in_is_found_by_the_servers_clock() -> None:
    turns = _recordings()
    turns[3] = _moved(turns[3], -600)
    found = _problems(turns)
    assert {check for check, _ in found} == {"clocks"}
    assert "alpha's server would have been set 2 times" in found[0][1]


def test_a_stream_that_was_put_together_from_two_is_found() -> None:
    first, second = _recordings()[0], _recordings()[5]
    mixed = replace(first, chunks=(*first.chunks[:-1], replace(second.chunks[-1], at_ns=first.chunks[-1].at_ns)))
    found = dict(_problems([mixed]))
    assert set(found) == {"server-timings", "clocks"}
    assert "turn 0: its events were created over 53 s, it took 0.7 s" in found["clocks"]


def test_a_run_whose_clocks_were_slowed_down_is_found_by_the_servers_clock() -> None:
    turns = [_moved(turn, 60 * at) for at, turn in enumerate(_recordings())]
    assert {check for check, _ in _problems(turns)} == {"clocks"}


def test_an_answer_that_is_faster_than_its_server_says_is_found() -> None:
    turns = _recordings()
    (first,) = [turn for turn in turns[:1] if read(turn).server_timings]
    faster = tuple(Chunk(chunk.at_ns // 2, chunk.data) for chunk in first.chunks)
    found = _problems([replace(first, chunks=faster, ended_ns=(first.ended_ns or 0) // 2), *turns[1:]])
    assert [check for check, _ in found] == ["server-timings", "server-timings"]
    assert "the server says that it worked" in found[0][1]
    assert "the first token arrived after" in found[1][1]


@pytest.mark.parametrize(("wait_ns", "count"), [(0, 1), (2 * SECOND, 0)])
def test_a_whole_reply_that_timed_out_without_a_wait_is_a_warning(wait_ns: int, count: int) -> None:
    line = good_bundle().recordings[1]
    line |= {"end_reason": "read_timeout", "ended_ns": line["ended_ns"] + wait_ns, PREVIOUS: "0" * 64}
    (turn,) = reread_batch([(1, (to_json(line) + "\n").encode())], "recordings.jsonl")
    found = [(each.check, each.severity) for each in turn.findings if "timed out" in each.message]
    assert found == [("chunk-times", "warning")] * count


@pytest.mark.parametrize(("status", "count"), [(200, 1), (502, 0)])
def test_a_reply_without_a_connection_is_found(status: int, count: int) -> None:
    line = good_bundle().recordings[1] | {"end_reason": "connect_failed", "status": status, PREVIOUS: "0" * 64}
    (turn,) = reread_batch([(1, (to_json(line) + "\n").encode())], "recordings.jsonl")
    found = [(each.check, each.severity) for each in turn.findings if "no connection" in each.message]
    assert found == [("recordings", "error")] * count


def test_another_number_of_tokens_than_the_server_timed_is_found() -> None:
    first = _recordings()[0]
    *others, last = first.chunks
    usage = read(first).usage
    assert usage is not None
    tokens = usage.completion_tokens
    more = last.data.replace(f'"completion_tokens": {tokens}'.encode(), b'"completion_tokens": 9999')
    ((check, message),) = _problems([replace(first, chunks=(*others, Chunk(last.at_ns, more)))])
    assert (check, message) == (
        "server-timings",
        f"the server's timings count {tokens} tokens, its usage counts 9999",
    )


def test_the_times_of_another_answer_are_found_in_a_bundle(tmp_path: Path) -> None:
    bundle = good_bundle()
    source, target = bundle.recordings[2], bundle.recordings[3]
    assert len(source["chunks"]) > len(target["chunks"]) or json.dumps(source) != json.dumps(target)
    count = min(len(source["chunks"]), len(target["chunks"]))
    for recording in (source, target):
        recording["chunks"] = [
            {**chunk, "at_ns": timed["at_ns"] + 5_000_000 * (recording is target)}
            for chunk, timed in zip(recording["chunks"][:count], source["chunks"][:count], strict=True)
        ]
    verdict = verify(write_bundle(tmp_path / "bundle", bundle), VerifyOptions("reread", tasks=tasks()))
    messages = [finding.message for finding in verdict.levels[3].findings if finding.check == "repeated-times"]
    assert len(messages) == 1
    assert "one is a copy" in messages[0]


HOUR = timedelta(hours=1)


def _earlier(moment: str, by: timedelta = HOUR) -> str:
    return (datetime.fromisoformat(moment) - by).isoformat(timespec="milliseconds")


def _stepped_bundle(*, logged: bool) -> Bundle:
    """A run during which the wall clock was set back by an hour, on the machine and so for its server; sound otherwise.

    `logged`: as the recorder writes it; if not, the trials only say that they ran at another time.
    """
    bundle = good_bundle()
    half = len(bundle.recordings) // 2
    for at in range(half, len(bundle.recordings)):
        line, trial = bundle.recordings[at], bundle.result["trials"][at]
        line["sent_at"] = trial["started_at"] = _earlier(line["sent_at"])
    bundle.result["run"]["ended_at"] = max(end_time(build(Recording, line)) for line in bundle.recordings)
    if logged:
        first = bundle.recordings[half]
        stop = [{**entry, "at": _earlier(entry["at"])} for entry in bundle.log[1:]]
        clock = {**bundle.log[0], "event": "clock", "at": first["sent_at"], "monotonic_ns": first["sent_ns"]}
        bundle = replace(bundle, log=[bundle.log[0], clock, *stop])
    return summarized(bundle)


def _created_later(line: dict[str, Json], first_chunk: int, seconds: int) -> None:
    """The events from a chunk on were created so much later on the server's clock."""
    for chunk in line["chunks"][first_chunk:]:
        data = base64.b64decode(chunk["data"])
        moved = re.sub(rb'"created": (\d+)', lambda found: b'"created": %d' % (int(found[1]) + seconds), data)
        chunk["data"] = base64.b64encode(moved).decode()


def _sleeping_bundle(*, logged: bool) -> Bundle:
    """A run whose machine slept for a minute within a reply: the monotonic clock stood still, all others went on."""
    bundle, asleep, minute = good_bundle(), 5, timedelta(minutes=1)
    for at, line in enumerate(bundle.recordings[asleep:], asleep):
        _created_later(line, len(line["chunks"]) // 2 if at == asleep else 0, 60)
        if at > asleep:
            line["sent_at"] = bundle.result["trials"][at]["started_at"] = _earlier(line["sent_at"], -minute)
    bundle.result["run"]["ended_at"] = max(end_time(build(Recording, line)) for line in bundle.recordings)
    following = bundle.recordings[asleep + 1]
    clock = {**bundle.log[0], "event": "clock", "at": following["sent_at"], "monotonic_ns": following["sent_ns"]}
    stop = [{**entry, "at": _earlier(entry["at"], -minute)} for entry in bundle.log[1:]]
    return summarized(replace(bundle, log=[bundle.log[0], *([clock] if logged else []), *stop]))


def test_a_machine_that_sleeps_within_a_reply_is_a_fact_of_the_log(tmp_path: Path) -> None:
    states, findings = _levels(write_bundle(tmp_path / "run", _sleeping_bundle(logged=True)))
    assert states == ["reached"] * 4
    assert [each.message[:32] for each in findings if "monotonic" in each.message] == [
        "the wall clock moved by +60.0 s "
    ]


def test_a_reply_over_a_minute_that_no_line_of_the_log_shows_is_found(tmp_path: Path) -> None:
    states, findings = _levels(write_bundle(tmp_path / "run", _sleeping_bundle(logged=False)))
    assert states[3] == "failed"
    assert {each.check for each in findings if each.severity == "error"} == {"clocks"}


def _levels(path: Path) -> tuple[list[str], list[Finding]]:
    verdict = verify(path, VerifyOptions("reread", strict=True, tasks=tasks()))
    findings = [finding for report in verdict.levels for finding in report.findings]
    return [report.state for report in verdict.levels[:4]], findings


def test_a_run_whose_clock_was_set_back_by_an_hour_verifies_and_is_published(tmp_path: Path) -> None:
    run = write_bundle(tmp_path / "run", _stepped_bundle(logged=True))
    (run / MANIFEST).unlink()
    options = VerifyOptions("reread", strict=True, tasks=tasks())
    published = publish(PublishRequest(run, tmp_path / "out", lambda folder: verify(folder, options)))
    states, findings = _levels(published)
    assert states == ["reached"] * 4
    (fact,) = [finding.message for finding in findings if "against the monotonic clock" in finding.message]
    assert fact.startswith("the wall clock moved by -3600.0 s")


def test_trials_of_another_time_are_found_where_no_line_of_the_log_says_so(tmp_path: Path) -> None:
    states, findings = _levels(write_bundle(tmp_path / "run", _stepped_bundle(logged=False)))
    assert states == ["reached", "reached", "reached", "failed"]
    assert {finding.check for finding in findings if finding.severity == "error"} == {"clocks"}
    assert any("are further apart than at any line of the log" in finding.message for finding in findings)


def test_a_reboot_is_a_fact_of_the_log() -> None:
    log = [
        LogEntry("start", "record", "2026-11-23T10:00:00.000+00:00", 9 * SECOND, "boot 1"),
        LogEntry("kill", "record", "2026-11-23T10:09:00.000+00:00", 2 * SECOND, "boot 2", torn_bytes=0),
        LogEntry("resume", "record", "2026-11-23T10:09:01.000+00:00", 3 * SECOND, "boot 2"),
    ]
    (fact,) = check_wall_clock([], log, "recordings", "log")
    assert (fact.check, fact.severity) == ("clocks", "info")
    assert fact.message == "the machine was started again before 2026-11-23T10:09:00.000+00:00"


def test_turns_after_a_reboot_fit_the_log_and_others_do_not() -> None:
    recordings = _recordings()
    later = [_moved(turn, -5000, wall=False) for turn in recordings[6:]]
    turns = [
        ClockedTurn(turn.key, turn.turn, at, turn_clock(turn)) for at, turn in enumerate([*recordings[:6], *later], 1)
    ]

    def entry(event: str, turn: Recording, boot: str) -> LogEntry:
        return LogEntry(event, "record", turn.sent_at, turn.sent_ns or 0, boot)  # type: ignore[arg-type]

    log = [entry("start", recordings[0], "boot 1"), entry("kill", later[0], "boot 2")]
    assert [finding.severity for finding in check_wall_clock(turns, log, "recordings", "log")] == ["info"]
    errors = [finding.message for finding in check_wall_clock(turns, log[:1], "recordings", "log")]
    assert len(errors) == len(later)
    assert all("are further apart than at any line of the log" in message for message in errors)
