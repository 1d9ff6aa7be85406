"""A run's folder: it survives a kill and a full disk, and refuses other formats, other processes and damage."""

import itertools
import json
import signal
import subprocess
import sys
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import DiskError, RunError
from harness.files import lock_folder, plain, read_lines, to_json
from harness.host import boot_id, host_facts
from harness.record import Moment, read_moment
from harness.run.folder import RunFolder, create_run, open_run
from harness.run.lines import read_trials
from harness.schema import as_document
from harness.types import (
    KitInfo,
    Model,
    ModelRun,
    Outcome,
    Recording,
    RunPlan,
    RunSettings,
    Score,
    ScoredTrial,
    TaskInfo,
    TrialKey,
)
from tests.wire import END, make_recording, text_chunk


def run_plan(run_id: str = "run") -> RunPlan:
    return RunPlan(
        id=run_id,
        started_at="2026-11-24T00:00:00.000+00:00",
        kit=KitInfo("0.1.0", None, None),
        host=host_facts(),
        settings=RunSettings(
            suite="v1",
            tasks=("t",),
            seed=7,
            trials=3,
            warmups=1,
            thinking_tokens=100,
            idle_s=0.0,
            connect_timeout_s=1.0,
            read_timeout_s=1.0,
            turn_timeout_s=1.0,
        ),
        models=(Model("m", "openai", "http://127.0.0.1:1/v1", "m"),),
        tasks=(TaskInfo("t", "T", "speed", None, "0" * 64, 1, scored=False),),
        simulated=False,
    )


def turn(trial: int, number: int = 0, last: bool = True, task: str = "t") -> Recording:
    key = TrialKey("m", task, trial)
    return replace(make_recording([(5, text_chunk("x") + END)]), key=key, turn=number, last_turn=last)


def score(trial: int) -> ScoredTrial:
    return ScoredTrial(TrialKey("m", "t", trial), 0, Score(Outcome.PASSED, 1.0, ()))


def folder_with(path: Path, *turns: Recording) -> RunFolder:
    folder = create_run(path, run_plan())
    with folder.session("record"):
        for recording in turns:
            folder.append_recording(recording)
    return folder


def killed(path: Path, *turns: Recording) -> RunFolder:
    """A run that was killed after these turns: its session has no end."""
    folder = folder_with(path, *turns)
    lines = folder.log_path.read_bytes().splitlines(keepends=True)
    folder.log_path.write_bytes(lines[0])
    return folder


def events(folder: RunFolder) -> list[str]:
    return [f"{entry['event']} {entry['stage']}" for _, entry in read_lines(folder.log_path)]


def test_a_run_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, turn(0), turn(1, 0, last=False), turn(1, 1))
    with folder.session("score"):
        folder.append_score(score(0))
    folder.append_model_run(ModelRun("m", "v1"))
    folder.append_model_run(ModelRun("m", "v2"))
    reopened = open_run(folder.path)
    assert reopened.plan == folder.plan
    assert reopened.recorded == folder.recorded == {TrialKey("m", "t", 0), TrialKey("m", "t", 1)}
    assert [len(turns) for turns in reopened.read_trials()] == [1, 2]
    assert next(iter(reopened.read_trials()))[0] == turn(0)
    assert reopened.scored == {TrialKey("m", "t", 0)}
    assert reopened.read_model_runs()["m"].server_version == "v2"


@pytest.mark.parametrize("torn", [b"{", b'{"key":{"model":"m"', b"\x00\x00"])
def test_an_incomplete_last_line_is_dropped_and_stands_in_the_log(tmp_path: Path, torn: bytes) -> None:
    folder = killed(tmp_path, turn(0))
    whole = folder.recordings_path.read_bytes()
    with folder.recordings_path.open("ab") as file:
        file.write(torn)
    assert [turns[0].key.trial for turns in folder.read_trials()] == [0]
    assert open_run(folder.path).recorded == {TrialKey("m", "t", 0)}
    assert folder.recordings_path.read_bytes() == whole
    assert events(folder) == ["start record", "kill record"]
    assert [entry["torn_bytes"] for _, entry in read_lines(folder.log_path)] == [None, len(torn)]


@pytest.mark.parametrize("name", ["models.jsonl", "judgings.jsonl", "stopped_services.jsonl"])
def test_an_incomplete_last_line_of_a_file_outside_of_the_chain_is_dropped(tmp_path: Path, name: str) -> None:
    path = folder_with(tmp_path, turn(0)).path
    whole = b'{"whole":true}\n'
    (path / name).write_bytes(whole + b'{"torn')
    folder = open_run(path)
    assert (path / name).read_bytes() == whole
    # It is outside of the chain: the run's log says nothing of it.
    assert "kill" not in events(folder)


def test_a_kill_at_every_byte_leaves_complete_turns_only(tmp_path: Path) -> None:
    folder = killed(tmp_path, turn(0), turn(1, 0, last=False), turn(1, 1), turn(2))
    whole, log = folder.recordings_path.read_bytes(), folder.log_path.read_bytes()
    lines = whole.splitlines(keepends=True)
    ends = [0, *itertools.accumulate(map(len, lines))]
    for cut in range(0, len(whole) + 1, 41):
        folder.recordings_path.write_bytes(whole[:cut])
        folder.log_path.write_bytes(log)
        turns = max(at for at, end in enumerate(ends) if end <= cut)
        assert len(open_run(folder.path).recorded) == (0, 1, 1, 2, 3)[turns]
        assert folder.recordings_path.read_bytes() == whole[: ends[turns]]


def test_an_interrupted_conversation_stays_and_is_recorded_again_from_its_first_turn(tmp_path: Path) -> None:
    folder = killed(tmp_path, turn(0), turn(1, 0, last=False), turn(1, 1, last=False))
    before = folder.recordings_path.read_bytes()
    reopened = open_run(folder.path)
    assert reopened.recorded == {TrialKey("m", "t", 0)}
    with reopened.session("record"):
        reopened.append_recording(turn(1, 0, last=False))
        reopened.append_recording(turn(1, 1))
    again = open_run(folder.path)
    assert [len(turns) for turns in again.read_trials()] == [1, 2]
    assert folder.recordings_path.read_bytes().startswith(before)
    assert events(folder) == ["start record", "kill record", "resume record", "stop record"]
    assert (again.chain.kills, again.chain.interrupted) == (1, 1)


@pytest.mark.parametrize(
    "turns",
    [
        [turn(0), turn(0)],
        [turn(0, 1)],
    ],
)
def test_a_duplicate_or_out_of_order_trial_is_refused(tmp_path: Path, turns: list[Recording]) -> None:
    folder = folder_with(tmp_path, *turns)
    with pytest.raises(RunError, match="m on t, trial"):
        list(folder.read_trials())


@pytest.mark.parametrize("second", [turn(0, 0), turn(1)])
def test_a_trial_that_another_interrupts_in_the_same_session_is_refused(tmp_path: Path, second: Recording) -> None:
    folder = folder_with(tmp_path, turn(0, 0, last=False), second)
    with pytest.raises(RunError, match="line 2 begins a trial while another one of the same model is not complete"):
        open_run(folder.path)


def test_a_trial_scored_twice_is_refused(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, turn(0))
    with folder.session("score"):
        folder.append_score(score(0))
        folder.append_score(score(0))
    with pytest.raises(RunError, match="line 2: m on t, trial 1 is scored twice"):
        open_run(folder.path)


def test_a_score_with_other_hidden_cases_counts_and_the_earlier_one_stays(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, turn(0))
    with folder.session("score"):
        folder.append_score(replace(score(0), case_seed="a" * 64))
        folder.append_score(replace(score(0), case_seed="b" * 64))
    assert open_run(folder.path).read_scores()[TrialKey("m", "t", 0)].case_seed == "b" * 64
    assert folder.scores_path.read_bytes().count(b"\n") == 2


def test_a_line_that_is_no_recording_is_refused_with_its_place(tmp_path: Path) -> None:
    folder = folder_with(tmp_path)
    folder.recordings_path.write_text("[1]\n")
    with pytest.raises(RunError, match=r"recordings\.jsonl, line 1: not a valid Recording"):
        open_run(folder.path)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no run\.json"):
        open_run(tmp_path)


def test_a_run_of_another_kit_with_the_same_format_is_continued(tmp_path: Path) -> None:
    folder = create_run(tmp_path, replace(run_plan(), kit=KitInfo("0.0.1", None, None)))
    with folder.session("record"):
        folder.append_recording(turn(0))
    reopened = open_run(folder.path)
    assert (reopened.plan.kit.version, reopened.recorded) == ("0.0.1", {TrialKey("m", "t", 0)})


@pytest.mark.parametrize("version", ["2.0", "1.1", "0.9"])
def test_a_run_with_another_format_version_is_refused_with_the_kit_to_use(tmp_path: Path, version: object) -> None:
    folder = folder_with(tmp_path)
    (folder.path / "run.json").write_text(json.dumps(plain(folder.plan) | {"schema_version": version}))
    with pytest.raises(RunError, match="this version of lanebench reads") as raised:
        open_run(folder.path)
    assert raised.value.problems[0].fix == "use the version of lanebench that wrote the file"


def test_a_run_without_a_format_version_is_refused(tmp_path: Path) -> None:
    folder = folder_with(tmp_path)
    (folder.path / "run.json").write_text(json.dumps(plain(folder.plan) | {"schema_version": None}))
    with pytest.raises(RunError, match=r"schema_version: expected"):
        open_run(folder.path)


def test_an_invalid_plan_is_refused_with_its_place(tmp_path: Path) -> None:
    folder = folder_with(tmp_path)
    (folder.path / "run.json").write_text(
        json.dumps(as_document("run", folder.plan) | {"settings": {"trials": "many"}})
    )
    with pytest.raises(RunError, match=r"run\.json.*trials"):
        open_run(folder.path)


def test_an_existing_run_folder_is_not_written_into(tmp_path: Path) -> None:
    create_run(tmp_path, run_plan())
    with pytest.raises(DiskError, match="cannot be created"):
        create_run(tmp_path, run_plan())


def test_a_second_process_cannot_open_a_run_that_is_being_recorded(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, turn(0), turn(1, 0, last=False))
    before = folder.recordings_path.read_bytes()
    with lock_folder(folder.path), pytest.raises(RunError, match="another process records into it"):
        open_run(folder.path)
    assert folder.recordings_path.read_bytes() == before
    assert len(open_run(folder.path).recorded) == 1


def test_a_run_that_another_process_continued_meanwhile_is_not_written_to(tmp_path: Path) -> None:
    folder, other = folder_with(tmp_path, turn(0)), open_run(tmp_path / "run")
    with other.session("record"):
        other.append_recording(turn(1))
    with pytest.raises(RunError, match="changed since they were read"), folder.session("record"):
        raise AssertionError("the session began")
    assert open_run(folder.path).recorded == other.recorded


def _cut_out(path: Path, at: int) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    del lines[at]
    path.write_bytes(b"".join(lines))


@pytest.mark.parametrize(
    ("file", "at"),
    [
        ("recordings.jsonl", 0),
        ("recordings.jsonl", 1),
        ("recordings.jsonl", -1),
        ("scores.jsonl", 0),
        ("scores.jsonl", -1),
        ("log.jsonl", 0),
        ("log.jsonl", 1),
    ],
)
def test_a_line_that_was_cut_out_prevents_that_the_run_is_continued(tmp_path: Path, file: str, at: int) -> None:
    folder = folder_with(tmp_path, turn(0), turn(1), turn(2))
    with folder.session("score"):
        folder.append_score(score(0))
        folder.append_score(score(1))
    _cut_out(folder.path / file, at)
    with pytest.raises(RunError, match=r"a line was removed, added or changed|does not begin with this run's plan"):
        open_run(folder.path)


def test_a_trial_cut_out_of_both_files_is_not_recorded_again(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, turn(0), turn(1), turn(2))
    with folder.session("score"):
        for trial in range(3):
            folder.append_score(score(trial))
    for path in (folder.recordings_path, folder.scores_path):
        _cut_out(path, 1)
    with pytest.raises(RunError, match=r"recordings\.jsonl, line 2 does not follow"):
        open_run(folder.path)


def test_lines_of_a_run_with_another_plan_are_refused(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, turn(0))
    document = as_document("run", folder.plan)
    document["settings"]["seed"] += 1
    (folder.path / "run.json").write_text(to_json(document))
    with pytest.raises(RunError, match="does not begin with this run's plan"):
        open_run(folder.path)


@pytest.mark.parametrize(
    ("stop", "reason"),
    [(KeyboardInterrupt(), "stopped by its owner"), (DiskError("full"), "full"), (None, "completed")],
)
def test_the_log_says_why_a_session_ended(tmp_path: Path, stop: BaseException | None, reason: str) -> None:
    folder = create_run(tmp_path, run_plan())
    with nullcontext() if stop is None else pytest.raises(type(stop)), folder.session("record"):
        if stop is not None:
            raise stop
    (_, start), (_, end) = read_lines(folder.log_path)
    assert (start["event"], end["event"], end["reason"]) == ("start", "stop", reason)
    assert start["monotonic_ns"] <= end["monotonic_ns"]
    assert (start["boot_id"], start["at"] <= end["at"]) == (boot_id(), True)


@pytest.mark.parametrize("at_call", range(6))
def test_ctrl_c_while_a_line_is_written_leaves_a_chain_that_goes_on(tmp_path: Path, at_call: int) -> None:
    folder = create_run(tmp_path, run_plan())
    calls = itertools.count()

    def clock() -> Moment:
        if next(calls) == at_call:
            signal.raise_signal(signal.SIGINT)
        return read_moment()

    folder.clock = clock
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt), folder.session("record"):
            for trial in range(3):
                folder.append_recording(turn(trial))
    finally:
        signal.signal(signal.SIGINT, before)
    # The first call is of the session's start and the last of its end; each turn in between takes one.
    written = min(at_call, 3)
    assert len(open_run(folder.path).recorded) == written
    with open_run(folder.path).session("record"):
        pass


_FILL = """
import resource, signal, sys
from pathlib import Path
from harness.cli.fixes import resumable
from harness.errors import DiskError
from tests.test_run_folder import folder_with, turn
folder = folder_with(Path(sys.argv[1]), turn(0))
resource.setrlimit(resource.RLIMIT_FSIZE, (folder.recordings_path.stat().st_size + 100,) * 2)
try:
    with resumable(folder, "record --resume run"):
        folder.append_recording(turn(1))
except DiskError as error:
    print(error, error.fix, *error.__notes__)
"""


def test_a_full_disk_is_reported_with_a_fix_and_leaves_no_half_line(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _FILL, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "make room" in done.stdout
    assert "--resume" in done.stdout
    path = tmp_path / "run" / "recordings.jsonl"
    assert path.read_bytes().endswith(b"}\n")
    assert [turns[0].key.trial for turns in read_trials(path)] == [0]


def test_a_clock_that_was_set_is_a_line_of_the_log(tmp_path: Path) -> None:
    folder = create_run(tmp_path, run_plan())
    minutes = iter(range(100))
    hours_back = [0]

    def clock() -> Moment:
        passed_ns = next(minutes) * 60 * 10**9
        return Moment(10**18 + passed_ns - hours_back[0] * 3600 * 10**9, 10**12 + passed_ns)

    folder.clock = clock
    with folder.session("record"):
        folder.append_recording(turn(0))
        hours_back[0] = 1
        folder.append_recording(turn(1))
        folder.append_recording(turn(2))
        hours_back[0] = 0
    assert events(folder) == ["start record", "clock record", "stop record"]
    reopened = open_run(folder.path)
    assert len(reopened.recorded) == 3
    with reopened.session("record"):
        pass
    assert events(reopened) == ["start record", "clock record", "stop record", "resume record", "stop record"]
