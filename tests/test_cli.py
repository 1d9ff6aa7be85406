"""The command line: every stage as a user runs it, and the errors for bad input."""

import json
import signal
import subprocess
import sys
import time
from argparse import Namespace
from collections import Counter
from pathlib import Path

import pytest

from harness.cli import COMMANDS, main
from harness.cli.bench import record_and_score
from harness.cli.recording import OpenRun
from harness.config import Config
from harness.lifecycle.state import LifecycleState, save_state
from harness.lifecycle.steps import SuspendedService
from harness.run import start_run
from harness.schema import validate
from harness.types import Model, RunSettings
from tests.fake_server import FakeBehavior, serve_fake
from tests.samples import kit_tasks
from tests.test_architecture import IMPORTERS


def lanebench(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments], capture_output=True, text=True, cwd=cwd, check=False, timeout=600
    )


@pytest.fixture(scope="module")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A short run of the demo: one trial of three tasks with code."""
    results = tmp_path_factory.mktemp("results")
    arguments = ["bench", "--trials", "1", "--warmups", "0", "--results", str(results)]
    done = lanebench(*arguments, "--task", "code-bugfix", "--task", "code-bugfix-js", "--task", "code-refactor")
    return next(results.iterdir()), done


@pytest.mark.engine
def test_bench_without_a_configuration_ends_with_tables_and_a_run_folder(
    demo_run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, done = demo_run
    assert done.returncode == 0, done.stderr
    assert "demo-steady" in done.stdout
    assert "SIMULATED" in done.stdout.upper()
    names = {path.name for path in folder.iterdir()}
    assert {"run.json", "recordings.jsonl", "scores.jsonl", "result.json", "report.html"} <= names
    assert validate("result", json.loads((folder / "result.json").read_text())) == []


@pytest.mark.engine
def test_the_result_of_the_demo_verifies_up_to_the_level_rescored(
    demo_run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = demo_run
    done = lanebench("verify", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rescore" in done.stdout


@pytest.mark.engine
def test_report_prints_markdown_that_can_be_pasted(demo_run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, _ = demo_run
    done = lanebench("report", str(folder), "--format", "github")
    assert done.returncode == 0, done.stderr
    assert "\n|" in done.stdout


@pytest.mark.engine
def test_resuming_a_finished_run_records_and_scores_nothing(
    demo_run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = demo_run
    before = (folder / "recordings.jsonl").read_bytes(), (folder / "scores.jsonl").read_bytes()
    done = lanebench("bench", "--resume", str(folder))
    assert done.returncode == 0, done.stderr
    assert ((folder / "recordings.jsonl").read_bytes(), (folder / "scores.jsonl").read_bytes()) == before


def test_a_server_that_fails_after_a_look_stops_its_own_model_and_no_other(tmp_path: Path) -> None:
    canary = kit_tasks()["speed-canary"]
    settings = RunSettings(tasks=(canary.name,), trials=3, warmups=0, idle_s=0.0, until_decided=True)
    # The first chat request of a model counts the tokens of its prompts, the second is its first trial.
    with serve_fake(FakeBehavior()) as server, serve_fake(FakeBehavior(not_found=range(3, 99))) as failing:
        urls = {"a": server.base_url, "b": failing.base_url, "c": server.base_url}
        models = tuple(Model(label, "openai", url, "m") for label, url in urls.items())
        folder = start_run(tmp_path, Config(settings, models), (canary,))
        arguments = Namespace(runtime=None, task_folders=())
        result, reasons = record_and_score(arguments, OpenRun(folder, (canary,), models))
    assert [("model 'b'" in reason.message) for reason in reasons] == [True]
    assert [look.trials for look in result.run.looks] == [1, 2, 3]
    assert Counter(trial.model for trial in result.trials) == {"a": 3, "b": 1, "c": 3}


def test_a_stopped_run_prints_how_to_resume_it_and_then_completes(tmp_path: Path) -> None:
    arguments = ["record", "--trials", "3", "--warmups", "0", "--results", str(tmp_path), "--task", "speed-canary"]
    run = subprocess.Popen([sys.executable, "-m", "harness", *arguments], stderr=subprocess.PIPE, text=True)
    kept = 0
    for _ in range(600):
        kept = sum(path.read_bytes().count(b"\n") for path in tmp_path.glob("*/recordings.jsonl"))
        if kept:
            break
        time.sleep(0.1)
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=60)
    assert kept
    assert run.returncode == 130
    assert f"record --resume {next(tmp_path.iterdir())}" in errors.replace("\n", "")
    folder = next(tmp_path.iterdir())
    first = (folder / "recordings.jsonl").read_bytes()
    done = lanebench("record", "--resume", str(folder))
    assert done.returncode == 0, done.stderr
    whole = (folder / "recordings.jsonl").read_bytes()
    assert whole.startswith(first)
    keys = [json.dumps(json.loads(line)["key"], sort_keys=True) for line in whole.splitlines()]
    assert len(keys) == len(set(keys)) == 12


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["bench", "--config", "no-such.toml"], 3, "no-such.toml: no such file"),
        (["bench", "--task", "no-such-task"], 4, "no-such-task"),
        (["bench", "--suite", "no-such-suite"], 4, "no-such-suite"),
        (["bench", "--resume", "no-such-run"], 7, "not a run folder"),
        (["bench", "--resume", "no-such-run", "--trials", "3"], 3, "--trials"),
        (["bench", "--config", "."], 3, "fix   name the bench.toml in it"),
        (["bench", "--task", "my-task"], 4, "more fix   correct it, or give the folder of your own tasks"),
        (["bench", "--embedded", "foo"], 3, "fix   name one of them, or all"),
        (["report", "no-such-run", "--card", "c.jpg"], 3, "a card is a PNG fix   name a file that ends in .png"),
        (["swebench"], 3, "no instances are given fix   give --dataset FILE or --resume RUN"),
        (["merge", "no-such-run"], 7, "fix   correct the path"),
        (["site", "no-such-folder"], 7, "fix   correct the path"),
        (["check-pr", "a", "b", "--repository", "/"], 7, "fix   name a clone of the results repository"),
        (["score", "no-such-run"], 7, "not a run folder"),
        pytest.param(
            ["bench", "--task", "code-bugfix", "--runtime", "no-such-runtime"],
            6,
            "no-such-runtime",
            marks=pytest.mark.engine,
        ),
        pytest.param(
            ["bench", "--simulated", "--dry-run", "--runtime", "no-such-runtime"],
            6,
            "no-such-runtime",
            marks=pytest.mark.engine,
        ),
    ],
)
def test_a_wrong_argument_ends_with_one_clear_error_and_its_exit_code(
    arguments: list[str], code: int, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["--results", str(tmp_path)] if arguments[0] == "bench" else []
    assert main([*arguments, *place]) == code
    errors = capsys.readouterr().err
    assert expected in errors.replace("\n", " ")
    assert "Traceback" not in errors


def test_an_unreachable_server_stops_its_model_with_a_fix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "bench.toml"
    config.write_text(
        '[run]\ntasks = ["speed-small"]\ntrials = 1\n'
        '[[models]]\nlabel = "gone"\nserver = "openai"\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "m"\n'
    )
    assert main(["record", "--config", str(config), "--results", str(tmp_path / "results")]) == 5
    errors = capsys.readouterr().err.replace("\n", " ")
    assert "'gone'" in errors
    assert "start the server" in errors
    assert "Nothing is recorded. Begin a new run" in errors
    assert "--resume" not in errors


def test_help_imports_no_third_party_library() -> None:
    code = (
        "import sys; from harness.cli import main\ntry: main(['--help'])\nfinally: print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert loaded & set(IMPORTERS) == set()
    assert "harness" in loaded


def test_every_command_has_a_line_of_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert all(command.HELP.endswith(".") for command in COMMANDS)
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    assert all(command.NAME in out for command in COMMANDS)


@pytest.mark.engine
def test_doctor_prints_what_answers_and_what_does_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "bench.toml"
    config.write_text(
        '[[models]]\nlabel = "gone"\nserver = "openai"\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "m"\n'
    )
    assert main(["doctor"]) == 0
    assert "ok  engine" in capsys.readouterr().out
    assert main(["doctor", "--config", str(config)]) == 5
    output = capsys.readouterr().out
    assert any(line.startswith("NO  gone") and "start the server" in line for line in output.splitlines())


@pytest.mark.engine
def test_doctor_names_the_servers_that_a_killed_run_left_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LANEBENCH_STATE", str(tmp_path / "state.json"))
    with subprocess.Popen([sys.executable, "-c", "pass"]) as gone:
        gone.wait()
    save_state(
        LifecycleState(gone.pid, 1.0, str(tmp_path), suspended=(SuspendedService("launchd com.example.ds4", (), ()),))
    )
    assert main(["doctor"]) == 5
    output = capsys.readouterr().out
    assert "NO  servers stopped" in output
    assert "a killed run left launchd com.example.ds4" in output


@pytest.mark.engine
def test_a_users_task_whose_solution_fails_is_refused_before_any_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own"
    assert main(["tasks", "new", "my-bug", "--like", "code-bugfix", "--tasks", str(own)]) == 0
    solution = own / "my-bug" / "solution" / "answer.md"
    solution.write_text(solution.read_text().replace("return ", "return None and ", 1))
    results = tmp_path / "results"
    arguments = ["bench", "--tasks", str(own), "--task", "my-bug", "--results", str(results)]
    assert main(arguments) == 1
    errors = capsys.readouterr().err.replace("\n", " ")
    assert "my-bug/cases.py (variant 0): generator and solution disagree" in errors
    assert not list(results.glob("*/recordings.jsonl"))
