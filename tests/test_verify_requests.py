"""What converse sends is what verify expects, for every shape that a trial can have; anything else is told."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness.bundle import ReadLimits, SourceReader, open_source
from harness.demo import serve
from harness.files import build, to_json
from harness.read import read
from harness.record import Client, Timeouts
from harness.run.conversation import TrialSetup, converse
from harness.run.plan import task_info, trial_nonce
from harness.schema import as_document
from harness.servers import ServerHandle, get_server_kind
from harness.summarize import trial_result
from harness.tasks import find_fixtures, load_tasks, vary
from harness.types import Model, Outcome, Recording, Result, Score, ScoredTrial, Task, TrialKey, TrialResult
from harness.verify.evidence import Evidence
from harness.verify.recording_lines import RereadTurn, reread_batch
from harness.verify.requests import find_request_problems
from harness.virtual_tools import tool_definitions
from tests.bundle import SEED, good_bundle
from tests.samples import model_at
from tests.scripted_server import serve_scripted
from tests.test_run_conversation_tools import calling, saying

SHAPES = {
    "one conversation of one turn": "code-bugfix",
    "one conversation of several turns": "chat-cold-warm",
    "turns apart": "chat-cold-control",
    "clients at once": "speed-parallel",
    "a loop of tool calls": "agent-loop",
}


def _task(name: str) -> Task:
    (task,) = load_tasks([find_fixtures()], names=[name])
    return task


def _recorded(task: Task, key: TrialKey) -> tuple[Model, list[Recording]]:
    with serve([task]) as demo:
        model = replace(demo.models[0], thinking="off")
        return model, _asked(model, task, key)


def _asked(model: Model, task: Task, key: TrialKey) -> list[Recording]:
    with Client(Timeouts(connect_s=5.0, read_s=60.0)) as client:
        server = ServerHandle(model, get_server_kind(model.server))
        return list(converse(client, server, TrialSetup(key, vary(task, key.trial), trial_nonce(SEED, key), 512)))


def _recorded_loop(task: Task, key: TrialKey) -> tuple[Model, list[Recording]]:
    """A loop whose model looks for something, wants to read with broken arguments, and then says that it is done."""
    answers = [calling("grep", '{"pattern": "def"}'), calling("read_file", "{broken", None), saying("Done.")]
    with serve_scripted(answers) as server:
        model = replace(model_at(""), label=key.model, base_url=server.base_url)
        return model, _asked(model, task, key)


def _evidence(task: Task, model: Model) -> Evidence:
    result = build(Result, good_bundle().result)
    info = replace(
        result.models[0],
        label=model.label,
        server=model.server,
        model=model.model,
        thinking=model.thinking,
        sampling=model.sampling,
    )
    source, _ = open_source(find_fixtures(), ReadLimits())
    assert source is not None
    changed = replace(result, models=(info,), tasks=(task_info(task),), run=replace(result.run, seed=SEED))
    return Evidence(SourceReader("source", source, ReadLimits()), {}, changed, {task.name: task})


def _rows(recordings: Sequence[Recording]) -> list[RereadTurn]:
    lines = [
        (at, (to_json(as_document("recording", recording)) + "\n").encode())
        for at, recording in enumerate(recordings, 1)
    ]
    rows = reread_batch(lines, "recordings.jsonl")
    assert [row.findings for row in rows] == [()] * len(rows)
    return rows


def _trial(recordings: Sequence[Recording], key: TrialKey) -> TrialResult:
    scored = ScoredTrial(key, recordings[0].variant, Score(Outcome.NO_ANSWER, 0.0, ()))
    return trial_result(list(recordings), [read(one) for one in recordings], scored)


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_what_is_sent_is_what_is_expected_and_one_changed_message_is_told(shape: str) -> None:
    task = _task(SHAPES[shape])
    key = TrialKey("demo-steady", task.name, 1)
    model, recordings = (_recorded_loop if task.scorer == "tools" else _recorded)(task, key)
    evidence, trial = _evidence(task, model), _trial(recordings, key)
    assert len(recordings) > 1 or shape == "one conversation of one turn"
    assert list(find_request_problems(evidence, trial, _rows(recordings))) == []
    last = recordings[-1]
    messages = [*last.request["messages"][:-1], {"role": "user", "content": "Say: 42."}]
    forged = [*recordings[:-1], replace(last, request={**last.request, "messages": messages})]
    (fault,) = find_request_problems(evidence, trial, _rows(forged))
    assert fault[0] == len(recordings)
    assert "the messages are not those of the task" in fault[1]


def test_other_tools_than_the_tasks_are_told() -> None:
    task = _task("agent-loop")
    key = TrialKey("demo-steady", task.name, 0)
    model, recordings = _recorded_loop(task, key)
    first = recordings[0]
    forged = [replace(first, request={**first.request, "tools": tool_definitions(["read_file"])}), *recordings[1:]]
    faults = list(find_request_problems(_evidence(task, model), _trial(recordings, key), _rows(forged)))
    assert [number for number, _ in faults] == [1]
    assert "'tools'" in faults[0][1]
