"""A trial of an agent: what is recorded of it, how it is read and scored, and that verify finds what was changed."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.agents import contenders, load_agents
from harness.bundle import RECORDINGS, RESULT
from harness.calibration.reference import serving
from harness.config import load_config
from harness.read import read, work_reading
from harness.run import build_result, match_contenders, record_run, score_run, start_run, write_result
from harness.sandbox import open_sandbox
from harness.score import score
from harness.summarize import summarize, trial_result
from harness.tasks import find_fixtures, load_tasks, vary
from harness.types import (
    AgentEnd,
    AgentLimits,
    AgentWork,
    Finding,
    Outcome,
    Reading,
    Recording,
    Result,
    Score,
    ScoredTrial,
    StreamError,
    Task,
    TrialKey,
    Variant,
    Verdict,
)
from harness.verify import VerifyOptions, verify
from tests.scored import returning

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
"""
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
print("done")
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


@pytest.fixture
def own_agents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the user's own agents, with one in it."""
    folder = tmp_path / "agents"
    folder.mkdir()
    (folder / "fake.toml").write_text(AGENT)
    monkeypatch.setenv("LANEBENCH_AGENTS", str(folder))
    load_agents.cache_clear()
    yield folder
    load_agents.cache_clear()


def run_trial(folder: Path, task: Task) -> tuple[Path, Result]:
    """A whole run of one trial, from the configuration to the result."""
    with serving() as server:
        path = folder / "bench.toml"
        path.write_text(CONFIG.format(port=server.port, model=MODEL))
        config = load_config(path)
        models, tasks, _ = match_contenders(contenders(config), (task,))
        run = start_run(folder / "results", replace(config, models=models), tasks)
        assert record_run(run, tasks, models, lambda *step: None) == []
    with open_sandbox(run.plan.id, print, ("python",)) as sandbox:
        score_run(run, tasks, sandbox, lambda *step: None)
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
