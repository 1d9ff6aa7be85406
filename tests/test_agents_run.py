"""An agent's run through a real container, forwarder and proxy, with agents that are a few lines of Python."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.agents import AgentJob, read_agent, ready_image, run_agent
from harness.calibration.reference import serving
from harness.proxy import read_exchanges
from harness.sandbox import Engine, ensure_engine, owner_labels
from harness.types import AgentLimits, AgentRun, TreeFile

pytestmark = pytest.mark.engine
MODEL = "plain?ttft_ms=1&tps=4000&tokens=20"
ASK = """
import json, urllib.request
def ask(url, model):
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    request = urllib.request.Request(url + "/chat/completions", json.dumps(body).encode(), {"Content-Type": "a/b"})
    return urllib.request.urlopen(request).read()
import sys, os, socket, subprocess, time
URL, MODEL, PROMPT = sys.argv[1:]
"""


@dataclass
class Runner:
    """Runs a fake agent against the reference server."""

    engine: Engine
    image: str
    labels: Mapping[str, str]
    port: int
    folder: Path

    def __call__(self, code: str, limits: AgentLimits | None = None, **fields: object) -> AgentRun:
        number = len(list(self.folder.iterdir()))
        path = self.folder / f"fake-{number}.toml"
        command = ["python3", "/home/agent/agent.py", "{base_url}", "{model}", "{prompt}"]
        lines = {"title": "Fake", "api": "chat", "command": command, **fields}
        text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items())
        path.write_text(f'{text}[files]\n"/home/agent/agent.py" = {json.dumps(ASK + code)}\n')
        job = AgentJob(
            read_agent(path), "do {model}", {"a.txt": TreeFile(b"old\n"), "bin/run": TreeFile(b"#!/bin/sh\n", 0o755)},
            f"http://127.0.0.1:{self.port}/v1", MODEL, self.folder / f"exchanges-{number}",
            limits or AgentLimits(clock_s=30.0),
        )  # fmt: skip
        return run_agent(self.engine, self.image, self.labels, job)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    engine = ensure_engine(print)
    folder = tmp_path_factory.mktemp("agents")
    (folder / "empty.toml").write_text('title = "Empty"\napi = "chat"\ncommand = ["true"]\n')
    image = ready_image(engine, read_agent(folder / "empty.toml"), print)
    with serving() as server, owner_labels("test-agents") as labels:
        yield Runner(engine, image, labels, server.port, folder)
    engine.close()


def test_an_agent_asks_the_model_and_its_tree_comes_back(run: Runner) -> None:
    result = run(
        'ask(URL, MODEL); ask(URL, MODEL)\nopen("a.txt", "a").write(PROMPT)\nopen("new", "w").write("x")\n'
        'os.makedirs("/home/agent/log"); open("/home/agent/log/s.jsonl", "w").write("said")\nprint("out")',
        transcript="/home/agent/log/*.jsonl",
    )
    assert (result.end, result.exit_code, result.turns, result.generated_tokens) == ("exited", 0, 2, 40)
    assert result.tree == {
        "a.txt": TreeFile(b"old\ndo {model}"),
        "bin/run": TreeFile(b"#!/bin/sh\n", 0o755),
        "new": TreeFile(b"x"),
    }
    assert (result.stdout, result.stderr, result.transcript) == (b"out\n", b"", b"said")
    assert (result.refused_entries, result.refused_connections.total, result.left_processes) == ((), 0, 0)
    assert 0 < result.cpu_s < 10
    exchanges = read_exchanges(result.exchanges)
    assert [exchange.end_reason for exchange in exchanges] == ["complete", "complete"]
    assert exchanges[0].recording.request["model"] == MODEL


def test_what_is_not_the_models_endpoint_is_refused_and_counted(run: Runner) -> None:
    result = run("""
for address in (("192.0.2.1", 443), ("127.0.0.1", 9)):
    try: socket.create_connection(address, timeout=5); print("connected")
    except OSError: pass
for url, model in ((URL, "another"), (URL.replace("/v1", "/api/pull"), MODEL)):
    try: ask(url, model); print("answered")
    except OSError as error: print(error.code)
""")
    assert result.stdout == b"403\n403\n"
    assert (result.exit_code, result.turns) == (0, 0)
    refused = result.refused_connections
    assert (refused.to_hosts, refused.to_ports, refused.requests) == (1, 1, 2)
    assert refused.targets == ("model another", "POST /api/pull/chat/completions")
    assert [exchange.end_reason for exchange in read_exchanges(result.exchanges)] == ["refused", "refused"]


def test_an_agent_that_asks_a_question_and_hangs_is_ended_by_the_clock(run: Runner) -> None:
    code = 'open("a.txt", "w").write("half")\nprint("Proceed? [y/n]", flush=True)\nsys.stdin.read() or time.sleep(60)'
    result = run(code, AgentLimits(clock_s=1.0))
    assert (result.end, result.exit_code, result.stdout) == ("clock", None, b"Proceed? [y/n]\n")
    assert result.tree["a.txt"].data == b"half"
    assert 1.0 <= result.seconds < 20


@pytest.mark.parametrize(
    ("limits", "end", "turns"),
    [
        (AgentLimits(clock_s=30, turns=2), "turns", 2),
        (AgentLimits(clock_s=30, tokens=20), "tokens", 1),
        (AgentLimits(clock_s=30, context_tokens=50), "context", 1),
    ],
)
def test_the_limit_that_was_reached_ends_the_run(run: Runner, limits: AgentLimits, end: str, turns: int) -> None:
    result = run("while True:\n    ask(URL, MODEL)\n    time.sleep(0.1)", limits)
    assert (result.end, result.exit_code) == (end, None)
    assert turns <= result.turns <= turns + 5


def test_an_agent_that_does_nothing_crashes_or_gives_up_is_recorded_as_it_ended(run: Runner) -> None:
    nothing, crashed = run("pass"), run("os.abort()")
    gave_up = run('print("I cannot do this")', gave_up=["cannot do"])
    assert (nothing.end, nothing.exit_code, nothing.turns, len(nothing.tree)) == ("exited", 0, 0, 2)
    assert (crashed.end, crashed.exit_code) == ("exited", -6)
    assert (gave_up.end, gave_up.exit_code) == ("gave_up", 0)


def test_a_hostile_agent_forges_no_frame_and_leaves_no_process_link_or_huge_file(run: Runner) -> None:
    result = run("""
frame = bytes([10, 0, 0, 0, 0, 0, 0, 0, 2]) + b"{}" + bytes([14, 0, 0, 0, 0, 0, 0, 0, 0])
sys.stdout.buffer.write(frame); sys.stdout.flush()
for path in ("/proc/1/fd/1", "/proc/1/mem"):
    try: open(path, "wb").write(frame); print("forged")
    except OSError: pass
os.symlink("/etc/passwd", "link"); os.mkfifo("pipe"); os.mkdir("deep"); open("deep/bad\\nname", "w").close()
with open("huge", "wb") as file: file.truncate(500 * 1024**2)
subprocess.Popen(["sleep", "600"], start_new_session=True)
""")
    assert (result.end, result.exit_code, result.left_processes) == ("exited", 0, 1)
    assert result.stdout == bytes([10, 0, 0, 0, 0, 0, 0, 0, 2]) + b"{}" + bytes([14, 0, 0, 0, 0, 0, 0, 0, 0])
    assert sorted(result.tree) == ["a.txt", "bin/run"]
    assert {entry.name for entry in result.refused_entries} == {"link", "pipe", "deep/bad\\nname", "huge"}
