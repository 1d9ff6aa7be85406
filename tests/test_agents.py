"""The agents' files, and the frames between a container and the host."""

import gzip
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from harness.agents import AgentJob, load_agents, read_agent
from harness.agents.catalog import fill
from harness.agents.forwarder import DATA, ENDED, MAX_FRAME_BYTES, OPEN, FrameReader, others, pack_frame
from harness.agents.gate import MAX_REQUEST_BYTES, MAX_REQUEST_VALUES, Gate
from harness.agents.packages import complete_npm_lock, fetch_package, override_requirements
from harness.agents.run_agent import LIST_CUT, final_tree, recording_proxy
from harness.agents.tunnel import Tunnel
from harness.errors import ConfigError, RunError
from harness.proxy import RequestHead, ResponseRecord, read_exchanges
from harness.proxy.bodies import SizedBody
from harness.proxy.secrets import Reads
from harness.reference import serving
from harness.trees import pack_tree
from harness.types import AgentEnd, AgentLimits, ExchangeEnd

HANG_S = 15.0
"""Nothing here takes a second: what has not returned by then never does."""
TURN = RequestHead("POST", "/v1/chat/completions", (), b"", SizedBody(0), persistent=False, upgrade=None)


def test_seven_agents_ship_and_each_names_its_version_and_digest() -> None:
    agents = load_agents()
    expected = ["aider", "claude-code", "codex", "mini-swe-agent", "opencode", "pi", "qwen-code"]
    assert sorted(agents) == expected
    packages = {name: agent.package for name, agent in agents.items() if agent.package is not None}
    assert all(agent.version for agent in agents.values())
    assert [name for name, package in packages.items() if package.unpack != bool(package.digests)] == []
    assert len(packages) == len(expected)


@pytest.mark.parametrize("name", [name for name, agent in load_agents().items() if agent.lock])
def test_a_lock_pins_the_package_and_all_that_it_needs_by_version_and_digest(name: str) -> None:
    agent = load_agents()[name]
    assert agent.package is not None
    if agent.package.registry == "npm":
        entries = {path: entry for path, entry in json.loads(agent.lock)["packages"].items() if path}
        assert all(entry["version"] and entry["integrity"].startswith("sha512-") for entry in entries.values())
        assert entries[f"node_modules/{agent.package.name}"]["version"] == agent.version
        assert "resolved" not in agent.lock
        assert complete_npm_lock(agent.lock) == agent.lock
    else:
        entries = dict(line.split("==") for line in agent.lock.replace("\\\n", "").splitlines())
        assert all(re.fullmatch(r"[\w.+!]+( +--hash=sha256:[0-9a-f]{64})+", text) for text in entries.values())
        pinned = {name: text.split()[0] for name, text in entries.items()}
        assert pinned.items() >= {**agent.package.overrides, agent.package.name: agent.version}.items()


def test_an_override_stands_in_the_place_of_the_version_that_a_package_requires() -> None:
    required = ["numpy==1.26.4", "numpydoc==1", "a.b[c]>=1; python_version < '3'", "numpy==1.26.4; extra == 'dev'"]
    expected = ["numpydoc==1", "a.b[c]>=1; python_version < '3'", "numpy==2.2.6", "new==3"]
    assert override_requirements(required, {"numpy": "2.2.6", "new": "3"}) == expected


def test_an_optional_package_that_npm_could_not_pin_is_left_out_of_the_lock() -> None:
    entry = {"version": "1.0", "optionalDependencies": {"there": "^1", "unpublished": "^1"}}
    packages = {"node_modules/a": entry, "node_modules/a/node_modules/there": {"version": "1.2"}}
    completed = json.loads(complete_npm_lock(json.dumps({"packages": packages})))["packages"]
    assert completed == {**packages, "node_modules/a": {**entry, "optionalDependencies": {"there": "^1"}}}


def test_an_agent_whose_package_nothing_pins_is_not_installed(tmp_path: Path) -> None:
    unpinned = replace(load_agents()["pi"], lock="")
    assert unpinned.package is not None
    with pytest.raises(ConfigError, match="the agent pi has no lock"):
        fetch_package(unpinned, unpinned.package, "x86_64", tmp_path)


@pytest.mark.parametrize("name", ["missing", "a-file"])
def test_a_folder_of_own_agents_that_cannot_be_read_is_an_error_that_names_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a-file").touch()
    monkeypatch.setenv("LANEBENCH_AGENTS", str(tmp_path / name))
    load_agents.cache_clear()
    try:
        with pytest.raises(ConfigError, match=rf"^LANEBENCH_AGENTS: {tmp_path / name}: cannot be read"):
            load_agents()
        (tmp_path / "missing").mkdir()
        if name == "missing":
            assert "pi" in load_agents()
    finally:
        load_agents.cache_clear()


def test_a_file_with_an_unknown_field_or_a_wrong_digest_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text('title = "X"\napi = "chat"\ncommand = ["x"]\nbudget = 3\n')
    with pytest.raises(ConfigError, match=r"x\.toml.*4.*budget|budget"):
        read_agent(path)


def test_placeholders_are_replaced_once() -> None:
    assert fill("{prompt} {model} {other}", {"prompt": "{model}", "model": "m"}) == "{model} m {other}"


@pytest.mark.parametrize("size", [1, 5, 64])
def test_frames_are_read_however_they_are_cut_and_noise_is_none(size: int) -> None:
    stream, reader = pack_frame(DATA, 7, b"abc") + pack_frame(DATA, 8), FrameReader()
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert [frame for piece in pieces for frame in reader.feed(piece)] == [(DATA, 7, b"abc"), (DATA, 8, b"")]
    with pytest.raises(ValueError, match="not a frame"):
        list(FrameReader().feed(b"\xff" * 20))


def test_a_list_of_left_out_files_that_is_cut_anywhere_gives_its_whole_entries_and_leaves_the_rest_unknown() -> None:
    files = {"a.txt": "a"}
    lines = [json.dumps([f"{number}\u6f22", "file too large"]).encode() + b"\n" for number in range(3)]
    listing = b"".join(lines) + b"\n"
    for size in range(len(listing) + 1):
        tree = final_tree(pack_tree(files), listing[:size])
        whole = size == len(listing)
        expected = {f"{number}\u6f22": "file too large" for number in range(listing[:size].count(b"]\n"))}
        assert tree.files == files
        assert {entry.path: entry.reason for entry in tree.left_out} == expected | ({} if whole else {"/": LIST_CUT})
    assert final_tree(pack_tree(files), b'7\n["x"]\n{}\n[1, 2]\n"\xff\n\n').left_out == ()


def test_a_process_whose_name_the_kernel_cut_inside_a_character_is_found(tmp_path: Path) -> None:
    script = tmp_path / "x\u8fd0\u884c\u6d4b\u8bd5\u4efb.sh"
    script.write_text("#!/bin/sh\necho started\nread line\n")
    script.chmod(0o755)
    with subprocess.Popen([script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        name = Path(f"/proc/{process.pid}/comm").read_bytes().strip()
        assert name != name.decode("utf-8", "ignore").encode()
        assert process.pid in others()
        process.communicate(b"\n")


@pytest.mark.parametrize(
    ("body", "admitted"),
    [
        ('{"model": "m", "messages": [{"model": "other"}]}', True),
        ('{"model": "other"}', False),
        ('{"model": "m", "model": "other"}', False),
        ('{"model": "other", "model": "m"}', False),
        ('{"model": "m", "Model": "other"}', False),
        ('{"MODEL": "m"}', False),
        ('[["model", "m"]]', False),
        ("[" * 100_000, False),
        ("no JSON", False),
    ],
)
def test_a_request_passes_only_if_every_parser_reads_the_trials_model_in_it(body: str, admitted: bool) -> None:
    gate = Gate("chat", "m", "/v1", AgentLimits(), lambda end: None)
    assert (gate.admit(TURN, body.encode()) is None, gate.turns, gate.refused) == (admitted, admitted, not admitted)


def with_field(value: str) -> bytes:
    return f'{{"model": "m", "x": {value}}}'.encode()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (with_field("[" + ",".join(["0"] * (MAX_REQUEST_VALUES + 1)) + "]"), "values"),
        (with_field('"' + "a" * MAX_REQUEST_BYTES + '"'), "bytes"),
        (with_field('"\\ud800' + "\u00e9" * (MAX_REQUEST_BYTES // 5) + '"'), "escaped"),
        (with_field("[" * 63 + "1" + "]" * 63), "nested"),
        (with_field("[" * 900 + "]" * 900), "nested"),
        (with_field("1e400"), "infinite"),
        (with_field("-1e400"), "infinite"),
        (with_field("NaN"), "NaN"),
        (with_field("9007199254740993"), "integer"),
        (with_field("9" * 5000), "integer"),
        (with_field('{"a": 1, "a": 2}'), "duplicate"),
        (b'{"model": "m", "x": "\xff"}', "utf-8"),
    ],
)
def test_a_request_that_no_recording_could_hold_is_refused_with_the_reason(body: bytes, reason: str) -> None:
    gate = Gate("chat", "m", "/v1", AgentLimits(), lambda end: None)
    told = gate.admit(TURN, body) or ""
    assert told.startswith("not a request that can be recorded: ")
    assert reason in told
    assert (gate.turns, gate.refused, gate.targets) == (0, 1, [f"POST /v1/chat/completions: {told}"[:200]])


@pytest.mark.parametrize("body", [b'{"model": "m"}', gzip.compress(b'{"model": "m"}', mtime=0)])
def test_a_request_that_is_or_claims_to_be_compressed_is_refused(body: bytes) -> None:
    gate = Gate("chat", "m", "/v1", AgentLimits(), lambda end: None)
    told = gate.admit(replace(TURN, headers=((b"content-Encoding", b" GZIP "),)), body)
    assert (told, gate.turns) == ("not a request that can be recorded: a compressed body", 0)
    assert gate.admit(replace(TURN, headers=((b"Content-Encoding", b"identity"),)), b'{"model": "m"}') is None


EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"tok "}}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":%d}}\n\n'


@pytest.mark.parametrize(
    ("last", "end_reason", "tokens", "ends"),
    [
        (USAGE % 500, "complete", 500, ["tokens"]),
        (USAGE % 99, "complete", 99, []),
        (USAGE % 0, "complete", 100, ["tokens"]),
        (b"data: [DONE]\n\n", "complete", 100, ["tokens"]),
        (b"", "client_closed", 100, ["tokens"]),
    ],
)
def test_tokens_count_against_their_limit_also_where_the_server_did_not_state_them(
    last: bytes, end_reason: ExchangeEnd, tokens: int, ends: list[AgentEnd]
) -> None:
    stops: list[AgentEnd] = []
    gate = Gate("chat", "m", "/v1", AgentLimits(tokens=100), stops.append)
    pieces = [EVENT] * 100 + [last]
    reads = Reads(list(range(1, len(pieces) + 1)), pieces)
    gate.count(ResponseRecord("/v1/chat/completions", 200, 0, reads, end_reason, None))
    gate.count(ResponseRecord("/v1/models", 200, 0, Reads([1], [EVENT]), "complete", None))
    assert (gate.generated_tokens, stops) == (tokens, ends)


class StuckContainer:
    """A container that sends these frames and reads nothing, as a forwarder that waits for the host to read."""

    def __init__(self, *output: bytes) -> None:
        self.output = list(output)
        self.host, self.peer = socket.socketpair()
        self.lock, self.is_closed = threading.Lock(), threading.Event()

    def write(self, data: bytes) -> None:
        with self.lock, suppress(OSError):
            self.host.sendall(data)

    def read(self) -> tuple[int, bytes] | None:
        if self.output:
            return 1, self.output.pop(0)
        self.is_closed.wait()
        return None

    def cpu_s(self) -> float:
        return 0.0

    def close(self) -> None:
        self.is_closed.set()
        self.host.shutdown(socket.SHUT_RDWR)


def stuck_tunnel(stack: ExitStack, *first: bytes) -> tuple[Tunnel, StuckContainer]:
    """A tunnel whose agent has sent more than any buffer holds to a proxy that does not read, and reads no answer."""
    data = pack_frame(DATA, 1, bytes(MAX_FRAME_BYTES))
    container = StuckContainer(pack_frame(OPEN, 1), *first, *[data] * 100)
    proxy, connected = socket.socketpair()
    for each in (proxy, connected, container.host, container.peer):
        stack.callback(each.close)
    proxy.settimeout(HANG_S)
    threading.Thread(target=suppressed(proxy.sendall), args=(bytes(8_000_000),), daemon=True).start()
    return Tunnel(container, lambda: connected, grace_s=0.2), container


def suppressed(action: Callable[[bytes], None]) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        with suppress(OSError):
            action(data)

    return run


def ends(action: Callable[..., object], *args: object) -> bool:
    """Whether a call returns; one that hangs does so in a thread that does not outlive the tests."""
    thread = threading.Thread(target=action, args=args, daemon=True)
    thread.start()
    thread.join(HANG_S)
    return not thread.is_alive()


def test_an_agent_that_fills_every_buffer_is_ended_by_the_clock() -> None:
    with ExitStack() as stack:
        tunnel, container = stuck_tunnel(stack)
        assert ends(tunnel.run, {}, b"", 0.2)
        assert (tunnel.end, container.is_closed.is_set(), tunnel.is_whole) == ("clock", True, False)


def test_a_limit_that_the_proxy_reaches_does_not_stop_its_loop_while_every_buffer_is_full() -> None:
    with ExitStack() as stack:
        tunnel, container = stuck_tunnel(stack)
        run = threading.Thread(target=tunnel.run, args=({}, b"", 600.0), daemon=True)
        run.start()
        while not container.lock.locked():
            time.sleep(0.01)
        assert ends(tunnel.stop, "turns")
        run.join(HANG_S)
        assert (run.is_alive(), tunnel.end) == (False, "turns")


def test_what_an_agent_leaves_in_the_buffers_at_its_end_does_not_hold_up_the_run() -> None:
    with ExitStack() as stack:
        tunnel, container = stuck_tunnel(stack, pack_frame(ENDED, 0, b"{}"))
        assert ends(tunnel.run, {}, b"", 600.0)
        assert (tunnel.end, tunnel.bytes_of(ENDED), container.is_closed.is_set()) == (None, b"{}", True)


def test_the_agents_proxy_has_no_address_that_another_process_could_ask(tmp_path: Path) -> None:
    def listening() -> set[str]:
        # An address is what another process could connect to, also the path of a Unix socket.
        found = psutil.Process().net_connections(kind="all")
        return {str(each.laddr) for each in found if each.laddr and not each.raddr}

    model, limits = "plain?ttft_ms=1&tps=4000&tokens=20", AgentLimits()
    body = json.dumps({"model": model, "stream": True, "messages": [{"role": "user", "content": "hi"}]})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    with serving() as server:
        base_url = f"http://127.0.0.1:{server.port}/v1"
        job = AgentJob(load_agents()["pi"], "do", {}, base_url, model, tmp_path / "exchanges", limits)
        gate, before = Gate("chat", model, job.prefix, limits, lambda end: None), listening()
        with recording_proxy(job, gate) as connect, connect() as client:
            assert listening() <= before
            client.sendall((head + body).encode())
            answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
    assert [exchange.end_reason for exchange in read_exchanges(job.exchanges)] == ["complete"]
    assert (gate.turns, gate.generated_tokens) == (1, 20)


def job_in(folder: Path) -> AgentJob:
    return AgentJob(load_agents()["pi"], "do", {}, "http://127.0.0.1:9/v1", "m", folder, AgentLimits())


def proxy_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "lanebench-agent-proxy"]


INTERRUPTED = """
import os, signal, sys, threading
from pathlib import Path
from harness.agents import AgentJob, load_agents
from harness.agents.gate import Gate
from harness.agents.run_agent import recording_proxy
from harness.types import AgentLimits

def interrupt():
    # Ctrl-C as soon as the proxy begins to start, which takes it a tenth of a second.
    while "lanebench-agent-proxy" not in [thread.name for thread in threading.enumerate()]:
        pass
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt, daemon=True).start()
job = AgentJob(load_agents()["pi"], "do", {}, "http://127.0.0.1:9/v1", "m", Path(sys.argv[1]), AgentLimits())
gate = Gate("chat", "m", job.prefix, job.limits, lambda end: None)
try:
    with recording_proxy(job, gate):
        threading.Event().wait()
except KeyboardInterrupt:
    print("stopped", [thread.name for thread in threading.enumerate() if thread.name == "lanebench-agent-proxy"])
"""


def test_ctrl_c_while_the_agents_proxy_starts_ends_the_process(tmp_path: Path) -> None:
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path / "exchanges")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "stopped []\n", "")


def test_a_proxy_that_cannot_start_says_why_at_once(tmp_path: Path) -> None:
    job = job_in(tmp_path / "nul\0")
    gate = Gate("chat", "m", job.prefix, job.limits, lambda end: None)
    with pytest.raises(RunError, match=r"recording proxy failed: .*null byte") as caught, recording_proxy(job, gate):
        raise AssertionError("it started")
    assert isinstance(caught.value.__cause__, ValueError)
    assert proxy_threads() == []


def test_what_ends_a_run_is_not_hidden_by_the_end_of_its_proxy(tmp_path: Path) -> None:
    job = job_in(tmp_path / "exchanges")
    gate = Gate("chat", "m", job.prefix, job.limits, lambda end: None)
    with pytest.raises(KeyboardInterrupt), recording_proxy(job, gate) as connect:
        raise KeyboardInterrupt
    assert proxy_threads() == []
    with pytest.raises(ConnectionRefusedError):
        connect()
