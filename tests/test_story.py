"""The 96 GB Mac: ds4 as a launchd daemon, oMLX, LM Studio and Ollama, room for one model at a time, one command."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.embedded import free_port
from harness.types import Json
from tests.studio import GB, Studio, make_studio

pytestmark = pytest.mark.engine


ROOT = Path(__file__).parent.parent
TASKS = ("speed-small", "code-bugfix")

MODELS = """
[run]
tasks = ["speed-small", "code-bugfix"]
trials = 1
warmups = 0
idle_s = 0.0
thinking_tokens = 100

[[models]]
label = "ds4"
server = "ds4"
base_url = "http://127.0.0.1:{ds4}/v1"
model = "deepseek-v4-flash"
[models.lifecycle]
method = "launchd"
service = "com.example.ds4"
plist = "/Library/LaunchAgents/com.example.ds4.plist"
memory_bytes = 81_000_000_000

[[models]]
label = "glm"
server = "omlx"
base_url = "http://127.0.0.1:{omlx}/v1"
model = "glm-80b"
key_env = "STUDIO_KEY"
[models.lifecycle]
method = "api"

[[models]]
label = "coder-next"
server = "lm-studio"
base_url = "http://127.0.0.1:{lm-studio}/v1"
model = "qwen3-coder-next"
context_tokens = 65536
[models.lifecycle]
method = "api"
start = ["lms", "server", "start"]
stop = ["lms", "server", "stop"]

[[models]]
label = "gpt-oss"
server = "ollama"
base_url = "http://127.0.0.1:{ollama}/v1"
model = "gpt-oss:120b"
[models.lifecycle]
method = "api"

[[models]]
label = "too-large"
server = "ollama"
base_url = "http://127.0.0.1:{ollama}/v1"
model = "giant"
[models.lifecycle]
method = "api"
memory_bytes = 120_000_000_000
"""


def answers(url: str, body: Json = None) -> Json:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=5) as reply:
        return json.load(reply)


def eventually(look: str, holds: object, wait_s: float = 20.0) -> None:
    assert callable(holds)
    until = time.monotonic() + wait_s
    while True:
        try:
            if holds():
                return
        except OSError:
            pass
        assert time.monotonic() < until, look
        time.sleep(0.05)


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    """As its user left it: the ds4 daemon and oMLX each with a loaded model, Ollama with none; no LM Studio."""
    made = make_studio(tmp_path / "studio", {name: free_port() for name in ("ds4", "omlx", "lm-studio", "ollama")})
    (tmp_path / "bench.toml").write_text(MODELS.format(**made.ports))
    try:
        for name in ("ds4", "omlx", "ollama"):
            made.begin(name)
        for name in ("ds4", "omlx", "ollama"):
            url = f"http://127.0.0.1:{made.ports[name]}/v1/models"
            eventually(f"{name} listens", lambda url=url: answers(url))
        answers(f"http://127.0.0.1:{made.ports['omlx']}/v1/models/helper-4b/load", {})
        (made.here / "log").unlink()
        yield made
    finally:
        made.close()


def is_as_it_was(studio: Studio) -> None:
    eventually(
        f"memory as before, not {studio.memory.loaded()}",
        lambda: studio.memory.loaded() == {"deepseek-v4-flash": 81 * GB, "helper-4b": 3 * GB},
    )
    assert {name for name in studio.ports if studio.runs(name)} == {"ds4", "omlx", "ollama"}
    assert not (studio.here / "lifecycle.json").exists()


def words(studio: Studio, *more: str) -> list[str]:
    folder = studio.here.parent
    return [sys.executable, "-m", "harness", *more, "--results", str(folder / "results")]


def bench(studio: Studio, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words(studio, "bench", *more),
        env=studio.env(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def config(studio: Studio) -> str:
    return str(studio.here.parent / "bench.toml")


def run_folders(studio: Studio) -> list[Path]:
    return sorted((studio.here.parent / "results").iterdir())


def ended_by(studio: Studio, number: int, holds: str = "glm-80b") -> tuple[int, str]:
    """Start a run and send it a signal once its model is in memory; returns its exit code and its output."""
    out = studio.here / "kit.out"
    with out.open("wb") as output:
        process = subprocess.Popen(
            words(studio, "bench", "--config", config(studio), "--trials", "5", "--task", "speed-small"),
            env=studio.env(),
            cwd=ROOT,
            stdout=output,
            stderr=output,
            # The shell of the test may ignore SIGINT, which is inherited.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
    try:
        begun = studio.log.count(f"load {holds} beside 0 GB")
        eventually(f"{holds} is loaded", lambda: studio.log.count(f"load {holds} beside 0 GB") > begun, 60.0)
        eventually(f"{holds} is in memory", lambda: set(studio.memory.loaded()) == {holds})
        assert (studio.here / "lifecycle.json").exists()
        process.send_signal(number)
        return process.wait(60), out.read_text()
    finally:
        process.kill()
        process.wait()


def test_a_dry_run_prints_every_step_and_changes_nothing(studio: Studio) -> None:
    done = bench(studio, "--config", config(studio), "--dry-run")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    steps = "\n".join(lines)
    gui = f"gui/{os.getuid()}"
    assert lines[0] == (
        f"stop launchd com.example.ds4: stop launchd com.example.ds4: launchctl bootout {gui}/com.example.ds4"
    )
    assert lines[1].startswith("stop helper-4b loaded in oMLX: unload helper-4b: POST http://127.0.0.1:")
    assert f"launchctl bootstrap {gui} /Library/LaunchAgents/com.example.ds4.plist" in steps
    assert "start the lm-studio server of coder-next: lms server start" in steps
    assert '/api/v1/models/load {"context_length":65536,"model":"qwen3-coder-next"}' in steps
    assert "stop the lm-studio server of coder-next: lms server stop" in steps
    assert '/api/generate {"keep_alive":-1,"model":"gpt-oss:120b"}' in steps
    assert "model too-large\n  refused: model 'too-large' does not fit: 111.8 GiB" in steps
    assert lines[-2].startswith("restore helper-4b loaded in oMLX")
    assert lines[-1].startswith("restore launchd com.example.ds4")
    assert "key-that-nobody-may-write" not in done.stdout + done.stderr
    assert studio.log == []
    is_as_it_was(studio)


def test_one_command_hosts_every_model_and_leaves_the_machine_as_it_found_it(studio: Studio) -> None:
    done = bench(studio, "--config", config(studio), "--full")
    # The model that does not fit is reported at the end; all others were recorded.
    assert done.returncode == 5, done.stderr
    assert "model 'too-large' does not fit" in done.stderr
    is_as_it_was(studio)
    assert not [line for line in studio.log if "NO ROOM" in line or line.endswith("no state")], studio.log
    assert [line for line in studio.log if line.startswith("load")] == [
        "load deepseek-v4-flash beside 0 GB",
        "load glm-80b beside 0 GB",
        "load qwen3-coder-next beside 0 GB",
        "load gpt-oss:120b beside 0 GB",
        "load helper-4b beside 0 GB",
        "load deepseek-v4-flash beside 3 GB",
    ]
    assert "giant" not in "\n".join(studio.log)
    (folder,) = run_folders(studio)
    result = json.loads((folder / "result.json").read_text())
    host = result["host"]
    assert (host["system"], host["chip"], host["gpu_cores"]) == ("macOS", "Apple M3 Ultra", 60)
    assert (host["power_mode"], host["gpu_utilization_percent"]) == ("automatic", 3)
    assert (host["power_source"], host["low_power_mode"], host["thermal_state"]) == (
        "AC Power",
        False,
        "no warning recorded",
    )
    models = {model["label"]: model for model in result["models"]}
    sizes = {"ds4": 81, "glm": 60, "coder-next": 50, "gpt-oss": 65}
    for label, size in sizes.items():
        model, memory = models[label], models[label]["memory"]
        assert model["stop_reason"] is None, model["stop_reason"]
        assert model["load_s"] > 0.4
        assert memory["gpu_utilization_percent"] == 3
        for kind in ("wired", "gpu"):
            before, loaded, after = (memory[f"{kind}_{when}_bytes"] for when in ("before", "loaded", "after"))
            assert abs(loaded - before - size * GB) < GB, (label, kind)
            assert abs(after - before) < GB, (label, kind)
    served = {label: models[label]["served_context_tokens"] for label in sizes}
    assert served == {"ds4": 100_000, "glm": 32768, "coder-next": 65536, "gpt-oss": 32768}
    supported = {label: models[label]["model_context_tokens"] for label in sizes}
    assert supported == {"ds4": None, "glm": None, "coder-next": 262_144, "gpt-oss": 131_072}
    recorded = {(trial["model"], trial["task"]) for trial in result["trials"]}
    assert recorded == {(label, task) for label in sizes for task in TASKS}
    report = " ".join(done.stdout.split())
    assert "gpt-oss wired 11.2 GiB 71.7 GiB 11.2 GiB" in report
    assert "32768 tokens of context (num_ctx in the Modelfile, or OLLAMA_CONTEXT_LENGTH), the model supports" in report
    assert "stopped for the run and restored: helper-4b loaded in oMLX, launchd com.example.ds4" in report
    written = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for secret in (b"key-that-nobody-may-write", b"SERIAL-OF-A-DISPLAY", str(Path.home()).encode() + b"/"):
        assert secret not in written


def test_a_kill_is_undone_by_the_next_start_and_ctrl_c_at_once(studio: Studio) -> None:
    assert ended_by(studio, signal.SIGKILL)[0] == -signal.SIGKILL
    assert studio.memory.loaded() == {"glm-80b": 60 * GB}
    at = len(studio.log)
    code, output = ended_by(studio, signal.SIGINT)
    assert code == 130
    is_as_it_was(studio)
    assert not [line for line in studio.log if "NO ROOM" in line], studio.log
    first = [line for line in studio.log[at:] if line.startswith(("load", "unload", "boot"))]
    assert first[:3] == ["unload glm-80b", "load helper-4b beside 0 GB", "bootstrap ds4 state kept"]
    assert "an earlier run was killed" in output
    assert "restoring the servers that it stopped" in output
    assert output.count("restored launchd com.example.ds4") == 2
    assert "bench --resume" in output
    for folder in run_folders(studio):
        changes = [json.loads(line) for line in (folder / "stopped_services.jsonl").read_text().splitlines()]
        assert {(change["service"], change["restored"]) for change in changes} == {
            ("helper-4b loaded in oMLX", True),
            ("launchd com.example.ds4", True),
        }
