"""A trial of an agent: what is recorded of it, how it is read and scored, and that verify finds what was changed."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from harness.agents import contenders, load_agents
from harness.agents.gate import MAX_REQUEST_BYTES, MAX_REQUEST_VALUES, Gate
from harness.apis import parse_object
from harness.bundle import RECORDINGS, RESULT
from harness.cluster import ThreadScorer
from harness.config import Config, load_config
from harness.files import MAX_JSON_BYTES, append_line, read_lines, to_json
from harness.files.canonical import MAX_JSON_VALUES
from harness.proxy import RequestHead
from harness.proxy.bodies import SizedBody
from harness.read import read, work_reading
from harness.record import Timeouts
from harness.reference import serving
from harness.run import build_result, match_contenders, record_run, score_run, start_run, write_result
from harness.run.agent_trial import MAX_REPLY_BYTES, MAX_REPLY_READS, cut_reply
from harness.run.forecast import nothing_fits
from harness.run.refusals import refusal_of
from harness.sandbox import open_sandbox
from harness.schema import as_document, validate
from harness.score import score
from harness.summarize import summarize, trial_result
from harness.tasks import find_fixtures, load_tasks, vary
from harness.types import (
    AgentEnd,
    AgentLimits,
    AgentWork,
    Chunk,
    Finding,
    Model,
    Outcome,
    Reading,
    Recording,
    Result,
    Score,
    ScoredTrial,
    SkippedTask,
    StreamError,
    Task,
    TrialKey,
    Variant,
    Verdict,
)
from harness.verify import Replication, VerifyOptions, verify
from tests.example import HOST
from tests.scored import returning

PACKAGE = f"""
[package]
registry = "npm"
name = "nowhere"
version = "9.9"
license = "MIT"
digests = {{ any = "sha256:{"0" * 64}" }}
"""
KEY = TrialKey("m+fake", "agent-failing-test", 0)
MODEL = "plain?ttft_ms=1&tps=4000&tokens=20"
CONFIG = """
[run]
trials = 1
idle_s = 0.0
agent_clock_s = 60.0
tasks = ["agent-failing-test"]
[[models]]
label = "m"
server = "openai"
base_url = "http://127.0.0.1:{port}/v1"
model = "{model}"
context_tokens = 32768
agent = "fake"
key_env = "LANEBENCH_TEST_KEY"
"""
API_KEY = "sk-of-the-server-0123456789"
AGENT = """
title = "Fake"
api = "chat"
command = ["python3", "/home/agent/agent.py", "{base_url}", "{model}", "{prompt}"]
[files]
"/home/agent/agent.py" = '''
import json, sys, urllib.request
url, model, prompt = sys.argv[1:]
def ask(model, messages):
    body = {"model": model, "stream": True, "stream_options": {"include_usage": True}, "messages": messages}
    data = json.dumps(body).encode()
    urllib.request.urlopen(urllib.request.Request(url + "/chat/completions", data, {"Content-Type": "a/b"})).read()
messages = [{"role": "user", "content": prompt}]
ask(model, messages)
ask(model, messages * 2)
try: ask("another", messages)
except OSError: pass
open("bills/split.py", "a").write("# edited")
print(open("/proc/self/environ").read())
'''
"""


def work(end: AgentEnd = "exited", exit_code: int | None = 0, patch: str = "") -> AgentWork:
    return AgentWork(end, exit_code, patch, 0.5, 0, 0, (), AgentLimits())


def recording(turn: int, agent_work: AgentWork | None = None) -> Recording:
    """A turn that begins half a second after the one before; the work begins before all of them."""
    sent_ns = 1_000_000_000 + turn * 500_000_000 if agent_work is None else 500_000_000
    return Recording(
        KEY, turn, 0, "2026-11-27T09:00:00.000+00:00", sent_ns, "http://127.0.0.1:9/v1/chat/completions", {}, None, {},
        None, (), "complete", 9_000_000_000, last_turn=agent_work is not None, work=agent_work,
    )  # fmt: skip


@pytest.fixture(scope="module")
def task() -> Task:
    (found,) = load_tasks([find_fixtures()], names=["agent-failing-test"])
    return found


def outcome_of(variant: Variant, *readings: Reading) -> Outcome:
    return score(variant, readings, returning("wrong")).outcome


def test_the_trial_begins_and_ends_with_the_agent_and_its_turns_are_its_requests() -> None:
    turns = [recording(0), recording(1), recording(2, work(patch="left out: a (link)\n"))]
    trial = trial_result(turns, [read(turn) for turn in turns], ScoredTrial(KEY, 0, Score(Outcome.FAILED, 0.0, ())))
    assert (trial.started_ns, trial.ended_ns, len(trial.turns)) == (500_000_000, 9_500_000_000, 2)
    assert trial.work == turns[-1].work


@pytest.mark.parametrize(
    ("end", "exit_code", "read_as"),
    [("exited", 0, "exited"), ("exited", 3, "crashed"), ("clock", None, "clock"), ("gave_up", 1, "gave_up")],
)
def test_the_work_is_read_as_the_tree_and_the_end(end: AgentEnd, exit_code: int | None, read_as: str) -> None:
    reading = read(recording(0, work(end, exit_code, "a patch")))
    assert (reading.content, reading.finish_reason, reading.error) == ("a patch", read_as, None)


def test_a_request_that_failed_counts_only_if_the_agent_ended_after_it_without_a_solution(task: Task) -> None:
    variant = vary(task, 0)
    failed = replace(work_reading("", "exited"), error=StreamError("down", "server", 500))
    overflow = replace(failed, error=StreamError("too long", "context_overflow", 400))
    fine = nothing = work_reading("", "exited")
    solved = work_reading(task.solution[0], "exited")
    assert outcome_of(variant, failed, fine, nothing) is Outcome.NO_EDIT
    assert outcome_of(variant, fine, failed, nothing) is Outcome.SERVER_ERROR
    assert outcome_of(variant, fine, overflow, nothing) is Outcome.CONTEXT_EXCEEDED
    assert outcome_of(variant, failed, work_reading("", "clock")) is Outcome.TIME_LIMIT
    # The sandbox fails every case: the edit is wrong whatever became of the request before it.
    assert outcome_of(variant, fine, replace(fine, finish_reason="length"), solved) is Outcome.FAILED


@pytest.mark.parametrize(
    "value",
    [
        "[" * 61 + "1" + "]" * 61,
        '"\\ud800' + "\u00e9" * 2_000_000 + '"',
        "[" + ",".join(["0"] * (MAX_REQUEST_VALUES - 3)) + "]",
        "[9007199254740991, 1e308, null]",
    ],
)
def test_what_the_gate_admits_is_stored_and_read_again(value: str, tmp_path: Path) -> None:
    body = f'{{"model": "m", "x": {value}}}'
    head = RequestHead("POST", "/v1/chat/completions", (), b"", SizedBody(0), persistent=False, upgrade=None)
    assert Gate("chat", "m", "/v1", AgentLimits(), lambda end: None).admit(head, body.encode()) is None
    turn = replace(recording(0), request=parse_object(body) or {})
    append_line(tmp_path / RECORDINGS, as_document("recording", turn) | {"previous": "0" * 64})
    ((_, line),) = read_lines(tmp_path / RECORDINGS)
    assert line["request"] == turn.request
    assert validate("recording", line) == []


def test_the_longest_reply_and_the_longest_request_fit_into_one_line() -> None:
    chunk = len(to_json(Chunk(2**53, b""))) + 1
    assert MAX_REQUEST_BYTES + -(-MAX_REPLY_BYTES * 4 // 3) + MAX_REPLY_READS * (chunk + 4) < 0.99 * MAX_JSON_BYTES
    assert MAX_REQUEST_VALUES + 3 * MAX_REPLY_READS < 0.99 * MAX_JSON_VALUES


def test_a_reply_that_no_line_could_hold_is_cut_and_says_so() -> None:
    whole = replace(recording(0), chunks=tuple(Chunk(at, b"12345") for at in range(4)))
    assert cut_reply(whole) == cut_reply(whole, 20, 4) == whole
    assert cut_reply(whole, 19, 4).chunks == cut_reply(whole, 20, 3).chunks == whole.chunks[:3]
    cut = cut_reply(whole, 0, 4)
    assert (cut.chunks, cut.end_reason) == ((), "limit_exceeded")
    assert read(cut).error is not None


@pytest.fixture
def own_agents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the user's own agents, with one in it."""
    folder = tmp_path / "agents"
    folder.mkdir()
    (folder / "fake.toml").write_text(AGENT)
    monkeypatch.setenv("LANEBENCH_AGENTS", str(folder))
    monkeypatch.setenv("LANEBENCH_TEST_KEY", API_KEY)
    load_agents.cache_clear()
    yield folder
    load_agents.cache_clear()


def configured(folder: Path, port: int) -> Config:
    path = folder / "bench.toml"
    path.write_text(CONFIG.format(port=port, model=MODEL))
    return load_config(path)


def run_trial(folder: Path, task: Task) -> tuple[Path, Result]:
    """A whole run of one trial, from the configuration to the result."""
    with serving() as server:
        config = configured(folder, server.port)
        models, tasks, _ = match_contenders(contenders(config), (task,))
        run = start_run(folder / "results", replace(config, models=models), tasks)
        assert record_run(run, tasks, models, lambda *step: None) == []
    with open_sandbox(run.plan.id, print, ("python",)) as sandbox:
        score_run(run, tasks, ThreadScorer(sandbox), lambda *step: None)
    result = build_result(run)
    write_result(run, result)
    return run.path, result


def findings_of(verdict: Verdict) -> list[Finding]:
    return [finding for level in verdict.levels for finding in level.findings if finding.severity == "error"]


@pytest.mark.engine
def test_an_agent_is_recorded_scored_and_verified_like_a_model_alone(
    own_agents: Path, tmp_path: Path, task: Task
) -> None:
    path, result = run_trial(tmp_path, task)
    (trial,) = result.trials
    assert (trial.model, trial.outcome, len(trial.turns)) == ("m+fake", Outcome.FAILED, 2)
    assert [turn.usage and turn.usage.completion_tokens for turn in trial.turns] == [20, 20]
    assert trial.work is not None
    assert (trial.work.end, trial.work.exit_code, trial.work.refused_targets) == ("exited", 0, ("model another",))
    assert "+# edited" in trial.work.patch
    assert trial.metrics["files_changed"] == ["bills/split.py"]
    assert (trial.duration_s or 0) > trial.work.cpu_s > 0
    assert summarize(result) == result
    options = VerifyOptions(level="reread", tasks={task.name: task})
    assert verify(path, options).exit_code == 0
    # The server's key is in no file: neither was it in the container, whose environment the agent printed.
    files = [each for each in path.rglob("*") if each.is_file()]
    assert "HOME=/home/agent" in (path / RECORDINGS).read_text()
    assert [each for each in files if API_KEY.encode() in each.read_bytes()] == []
    # What the requests cost follows from the recordings, and so does every other number.
    stated = (path / RESULT).read_text()
    (path / RESULT).write_text(stated.replace('"tool_s": 0', '"tool_s": 9'))
    assert [finding.check for finding in findings_of(verify(path, options))] == ["reread"]
    (path / RESULT).write_text(stated)
    # What was recorded is chained: another tree is another run.
    recordings = path / RECORDINGS
    lines = [json.loads(line) for line in recordings.read_text().splitlines()]
    assert [line["work"] is None for line in lines] == [True, True, False]
    lines[-1]["work"]["patch"] = task.solution[0] + "\n"
    recordings.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert verify(path, options).exit_code == 1
    # A line that is no recording is a finding, although its sessions are computed from the lines, too.
    recordings.write_text("7\n" + recordings.read_text())
    assert "schema-recordings" in {finding.check for finding in findings_of(verify(path, options))}


def test_a_server_without_the_agents_api_and_one_with_too_little_context_are_each_one_line() -> None:
    model = Model("m+codex", "openai", "http://127.0.0.1:9/v1", "m", api="responses", agent="codex")
    assert "no Responses API, which codex speaks" in getattr(refusal_of(404, model), "message", "")
    assert "knows no such model" in getattr(refusal_of(404, replace(model, agent=None)), "message", "")
    assert refusal_of(500, model) is None
    problem = nothing_fits(model, [SkippedTask("t", 13_500, 4096)], "-c")
    assert problem.message == (
        "model 'm+codex': every task needs more context than the server has (4,096 tokens); "
        "of each, 10,000 are what codex sends beside the task"
    )
    assert problem.fix == "serve it with at least 13,500 tokens (-c), or choose shorter tasks"


@pytest.mark.engine
def test_the_trial_of_an_agent_is_run_again_on_ones_own_server(own_agents: Path, tmp_path: Path, task: Task) -> None:
    path, _ = run_trial(tmp_path, task)
    with serving() as server:
        models = {model.label: model for model in contenders(configured(tmp_path, server.port))}
        replication = Replication(1, models, Timeouts(connect_s=1.0, read_s=30.0), HOST)
        options = VerifyOptions(
            "replicated", tasks={task.name: task}, open_sandbox=partial(open_sandbox, "verify", print),
            replication=replication,
        )  # fmt: skip
        report = verify(path, options).levels[5]
        (own_agents / "fake.toml").write_text(AGENT + PACKAGE)
        load_agents.cache_clear()
        without = verify(path, options).levels[5]
    assert report.detail == (
        "m+fake: passed in 0 of 1 trials here, and in 0 of the same trials as published; "
        "1 trials cannot show a difference, 6 can"
    )
    assert (without.state, without.detail) == ("unverified", "the agent fake 9.9 is not installed")
