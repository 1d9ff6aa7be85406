"""An agent's run through a real container, forwarder and proxy, with agents that are a few lines of Python."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.agents import AgentJob, AgentRun, load_agents, read_agent, ready_image, run_agent
from harness.agents.run_agent import LIST_CUT
from harness.agents.tunnel import MAX_OUTPUT_BYTES
from harness.cli import main
from harness.errors import ConfigError, EngineError
from harness.proxy import read_exchanges
from harness.reference import serving
from harness.sandbox import Engine, ensure_engine, owner_labels
from harness.trees import FinalTree
from harness.types import AgentLimits

pytestmark = pytest.mark.engine
FILES = {"a.txt": "old\n", "bin/run": "#!/bin/sh\n"}
MODEL = "plain?ttft_ms=1&tps=4000&tokens=20"
COMMAND = ["python3", "/home/agent/agent.py", "{base_url}", "{model}", "{prompt}"]
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
        lines = {"title": "Fake", "api": "chat", "command": COMMAND, **fields}
        text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items())
        path.write_text(f'{text}[files]\n"/home/agent/agent.py" = {json.dumps(ASK + code)}\n')
        job = AgentJob(
            read_agent(path), "do {model}", FILES,
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
    assert result.tree == FinalTree({**FILES, "a.txt": "old\ndo {model}", "new": "x"})
    assert (result.stdout, result.stderr, result.transcript) == (b"out\n", b"", b"said")
    assert (result.refused_connections.total, result.left_processes) == (0, 0)
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


def test_an_agent_that_waits_for_an_answer_is_ended_by_the_clock(run: Runner) -> None:
    result = run("while not sys.stdin.read(): time.sleep(1)", AgentLimits(clock_s=0.1))
    assert (result.end, result.exit_code, result.tree) == ("clock", None, FinalTree(FILES))


@pytest.mark.parametrize(
    ("limits", "end", "turns"),
    [
        (AgentLimits(clock_s=30, turns=2), "turns", 2),
        (AgentLimits(clock_s=30, tokens=20), "tokens", 1),
        (AgentLimits(clock_s=30, context_tokens=50), "context", 1),
    ],
)
def test_the_limit_that_was_reached_ends_the_run_and_the_tree_is_taken_as_it_is(
    run: Runner, limits: AgentLimits, end: str, turns: int
) -> None:
    result = run('open("a.txt", "w").write("half")\nwhile True:\n    ask(URL, MODEL)\n    time.sleep(0.1)', limits)
    assert (result.end, result.exit_code, result.tree.files["a.txt"]) == (end, None, "half")
    assert turns <= result.turns <= turns + 5


def test_an_agent_that_does_nothing_crashes_or_gives_up_is_recorded_as_it_ended(run: Runner) -> None:
    nothing, crashed = run("pass"), run("os.abort()")
    gave_up = run('print("I cannot do this")', gave_up=["cannot do"])
    assert (nothing.end, nothing.exit_code, nothing.turns, nothing.tree) == ("exited", 0, 0, FinalTree(FILES))
    assert (crashed.end, crashed.exit_code) == ("exited", -6)
    assert (gave_up.end, gave_up.exit_code) == ("gave_up", 0)


def test_the_end_of_a_long_output_is_kept_and_says_that_the_agent_gave_up(run: Runner) -> None:
    code = 'print("first"); sys.stdout.write(("y" * 99 + "\\n") * 15_000); print("I cannot do this")'
    result = run(code, gave_up=["cannot do"])
    assert (result.end, len(result.stdout)) == ("gave_up", MAX_OUTPUT_BYTES)
    assert result.stdout.endswith(b"y\nI cannot do this\n")


@pytest.mark.parametrize(
    ("code", "command", "expected"),
    [
        ("bytearray(400 * 1024**2)", COMMAND, ("memory", None)),
        ("bytearray(400 * 1024**2)", ["sh", "-c", '"$@"; exit $?', "sh", *COMMAND], ("memory", None)),
        ("subprocess.run([sys.executable, '-c', 'bytearray(400 * 1024**2)'])", COMMAND, ("exited", 0)),
        # Files in memory stay when the agent is killed, so that its container may end before it says so.
        ("open('/proc/self/oom_score_adj', 'w').write('0'); open('/tmp/x', 'wb').write(bytes(400 * 1024**2))", COMMAND,
         ("memory", None)),
    ],
)  # fmt: skip
def test_memory_ended_a_run_only_if_the_agent_itself_was_killed(
    run: Runner, code: str, command: list[str], expected: tuple[str, int | None]
) -> None:
    result = run(code, AgentLimits(clock_s=30.0, memory_bytes=200 * 1024**2), command=command)
    assert (result.end, result.exit_code) == expected


@pytest.mark.parametrize("command", [["/opt/agent/missing", "{prompt}"], ["/work/a.txt"]])
def test_an_agent_that_cannot_be_started_is_no_failure_of_its_model(run: Runner, command: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"the agent fake-\d+ could not be started: .*(No such file|denied)"):
        run("", command=command)


def test_a_container_that_others_remove_or_kill_is_no_failure_of_the_model(run: Runner) -> None:
    for action in ("remove", "kill"):
        ended = threading.Thread(target=end_container, args=(run, action))
        ended.start()
        with pytest.raises(EngineError):
            run("time.sleep(60)", AgentLimits(clock_s=60.0))
        ended.join()


def end_container(run: Runner, action: str) -> None:
    """End the container of a run from outside as soon as it is there."""
    client = run.engine.api
    filters = {"label": [f"{name}={value}" for name, value in run.labels.items()]}
    while not (found := client.containers(filters=filters)):
        time.sleep(0.05)
    if action == "kill":
        client.kill(found[0]["Id"])
    else:
        client.remove_container(found[0]["Id"], force=True)


def test_an_agent_without_a_package_is_listed_as_installed(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "of-my-own.toml").write_text('title = "Own"\napi = "chat"\ncommand = ["true"]\n')
    monkeypatch.setenv("LANEBENCH_AGENTS", str(tmp_path))
    load_agents.cache_clear()
    try:
        assert main(["agents", "list"]) == 0
    finally:
        load_agents.cache_clear()
    (row,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("of-my-own")]
    assert row.split() == ["of-my-own", "chat", "installed"]


def test_a_hostile_agent_forges_no_frame_and_leaves_no_process_link_or_huge_file(run: Runner) -> None:
    result = run("""
frame = bytes([10, 0, 0, 0, 0, 0, 0, 0, 2]) + b"{}" + bytes([14, 0, 0, 0, 0, 0, 0, 0, 0])
sys.stdout.buffer.write(frame); sys.stdout.flush()
for path in ("/proc/1/fd/1", "/proc/1/mem"):
    try: open(path, "wb").write(frame); print("forged")
    except OSError: pass
os.symlink("/etc/passwd", "link"); os.mkfifo("pipe"); os.mkdir("deep"); open("deep/bad\\nname", "w").close()
os.makedirs("a/node_modules/b"); open("a/node_modules/b/c.js", "w").close()
with open("huge", "wb") as file: file.truncate(500 * 1024**2)
subprocess.Popen(["sleep", "600"], start_new_session=True)
""")
    assert (result.end, result.exit_code, result.left_processes) == ("exited", 0, 1)
    assert result.stdout == bytes([10, 0, 0, 0, 0, 0, 0, 0, 2]) + b"{}" + bytes([14, 0, 0, 0, 0, 0, 0, 0, 0])
    assert result.tree.files == FILES
    assert {entry.path: entry.reason for entry in result.tree.left_out} == {
        "link": "link",
        "pipe": "no regular file",
        "deep/bad?name": "unusual name",
        "huge": "file too large",
        "a/node_modules/": "repository, dependencies or cache",
    }


def test_names_that_the_kernel_cuts_and_a_list_that_is_too_long_lose_no_work(run: Runner) -> None:
    result = run("""
os.mkdir("large")
for number in range(1200):
    with open(f"large/{number}" + "\u6f22" * 80, "wb") as file: file.truncate(2 * 1024**2)
script = "/home/agent/x\u8fd0\u884c\u6d4b\u8bd5\u4efb.sh"
open(script, "w").write("#!/bin/sh\\nsleep 600\\n"); os.chmod(script, 0o755)
subprocess.Popen([script], start_new_session=True); time.sleep(0.5)
open("a.txt", "w").write("new")
""")
    assert (result.end, result.exit_code, result.stderr) == ("exited", 0, b"")
    assert result.left_processes >= 1
    assert result.tree.files == {**FILES, "a.txt": "new"}
    assert {entry.reason for entry in result.tree.left_out} == {"file too large", LIST_CUT}


def test_files_that_an_agent_makes_beside_its_work_do_not_displace_the_work(run: Runner) -> None:
    code = 'os.mkdir("a")\nfor number in range(2100): open(f"a/{number}", "w").close()\nopen("a.txt", "w").write("new")'
    tree = run(code).tree
    assert {path: tree.files.get(path) for path in FILES} == {**FILES, "a.txt": "new"}
    assert {entry.reason for entry in tree.left_out} == {"tree too large"}
