"""What the command line adds to an error: a fix that names a command or an option, and how a run is continued."""

import shlex
from pathlib import Path

import pytest

from harness.cli import main
from harness.cli.console import command_line
from harness.cli.fixes import resumable, suggest
from harness.cli.options import tasks_arguments
from harness.cli.page import closing_of
from harness.errors import ConfigError, DiskError, LanebenchError, Problem, RunError, ServerError
from harness.files import to_json
from harness.run import Chain, RunFolder
from harness.schema import as_document
from harness.types import Look, TrialKey
from tests.example import example_result, run_plan

KEY = TrialKey("m", "t", 0)


def test_a_fix_is_added_only_to_errors_of_its_kind_that_have_none() -> None:
    problems = (Problem("full"), Problem("gone", fix="mount it"))
    with pytest.raises(DiskError) as caught, suggest("choose another folder", DiskError):
        raise DiskError(*problems)
    assert caught.value.problems == (Problem("full", fix="choose another folder"), Problem("gone", fix="mount it"))
    with pytest.raises(RunError) as other, suggest("choose another folder", DiskError):
        raise RunError("no run")
    assert other.value.fix == ""


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), DiskError("full")])
def test_whatever_stops_a_run_is_noted_with_the_command_that_continues_it(stop: BaseException) -> None:
    folder = RunFolder(Path("results/r"), run_plan(), Chain(""), recorded={KEY})
    with pytest.raises(type(stop)) as caught, resumable(folder, "bench --resume results/r"):
        raise stop
    (note,) = caught.value.__notes__
    assert note.startswith("1 recorded and 0 scored trials are kept. Continue with: ")
    assert note.endswith("bench --resume results/r")


def test_a_command_to_go_on_with_has_the_users_tasks_and_is_quoted_for_a_shell() -> None:
    folder = RunFolder(Path("r own/1"), run_plan(), Chain(""))
    rest = [folder.path, *tasks_arguments([Path("my tasks"), Path("more")])]
    with pytest.raises(DiskError) as caught, resumable(folder, "bench --resume", *rest):
        raise DiskError("full")
    (note,) = caught.value.__notes__
    assert note.endswith(" bench --resume 'r own/1' --tasks 'my tasks' --tasks more")
    check, further = closing_of(example_result(), Path("r own/1"), [Path("my tasks")])
    assert check.endswith(" verify 'r own/1' --tasks 'my tasks'")
    assert further.endswith(" report 'r own/1' --tasks 'my tasks' --full")


def test_a_recorded_run_of_ones_own_tasks_is_scored_by_the_command_that_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    tasks = tmp_path / "my tasks"
    assert main(["tasks", "new", "my-speed", "--like", "speed-canary", "--tasks", str(tasks)]) == 0
    check = next(line for line in capsys.readouterr().err.splitlines() if "check it:" in line)
    assert shlex.split(check)[-5:] == ["tasks", "check", "my-speed", "--tasks", str(tasks)]
    options = ["--task", "my-speed", "--tasks", str(tasks), "--results", str(tmp_path / "r own"), "--trials", "1"]
    assert main(["record", "--simulated", *options]) == 0
    following = next(line for line in capsys.readouterr().err.splitlines() if line.startswith("next: "))
    words = shlex.split(following)
    assert words[-4:] == ["score", str(next((tmp_path / "r own").iterdir())), "--tasks", str(tasks)]
    assert main(["record", "--resume", *words[-3:]]) == 0


@pytest.mark.parametrize(
    ("is_written", "records", "expected"),
    [
        (True, True, "The run has ended"),
        (False, True, "Write its result with: {}"),
        (True, False, "Continue with: {}"),
    ],
)
def test_a_run_that_a_look_has_ended_is_not_continued_but_scored(
    tmp_path: Path, is_written: bool, records: bool, expected: str
) -> None:
    folder = RunFolder(tmp_path, run_plan(), Chain("", looks=[Look(2, (), "decided", 1.0)]))
    if is_written:
        folder.result_path.touch()
    words, command = "bench --resume" if records else "score", command_line("score", tmp_path)
    with pytest.raises(ServerError) as caught, resumable(folder, words, tmp_path, records=records):
        raise ServerError("b is down")
    assert caught.value.__notes__ == [f"0 recorded and 0 scored trials are kept. {expected.format(command)}"]


@pytest.mark.parametrize("stop", [ServerError("no such model"), ConfigError("no key")])
def test_a_run_that_its_server_ended_is_continued_only_with_the_same_settings(stop: LanebenchError) -> None:
    for recorded, expected in (
        (set[TrialKey](), "Nothing is recorded. Begin a new run; results/r can be removed"),
        ({KEY}, "1 recorded and 0 scored trials are kept. If the settings of its models need no change, continue with"),
    ):
        folder = RunFolder(Path("results/r"), run_plan(), Chain(""), recorded=recorded)
        with pytest.raises(type(stop)) as caught, resumable(folder, "bench --resume results/r"):
            raise type(stop)(stop.message)
        (note,) = caught.value.__notes__
        assert note.split(":")[0] == expected


def test_an_error_is_printed_with_its_fix_on_a_line_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--config", str(tmp_path / "bench.toml")]) == 3
    error, fix = capsys.readouterr().err.replace("\n ", " ").splitlines()
    assert error == f"error {tmp_path / 'bench.toml'}: no such file"
    assert fix.startswith("fix   write one with `")
    assert fix.endswith("init`")


def test_no_command_that_only_reads_says_how_to_resume(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("report", "verify", "publish", "lanes"):
        assert main([command, str(tmp_path / "no-such-run")]) != 0
        assert "--resume" not in "".join(capsys.readouterr())


def test_a_run_that_is_not_scored_yet_is_scored_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", "--simulated", "--task", "speed-canary", "--trials", "1", "--results", str(tmp_path)]) == 0
    run = next(tmp_path.iterdir())
    for command in ("report", "verify", "publish", "lanes"):
        capsys.readouterr()
        assert main([command, str(run)]) != 0
        assert f"fix   score it first: {command_line('score', run)}\n" in capsys.readouterr().err


def test_a_path_that_is_no_result_is_told_what_to_give(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, empty, results = tmp_path / "bench.toml", tmp_path / "empty", tmp_path / "results"
    config.write_text("[run]\n")
    empty.mkdir()
    (results / "20261128-1").mkdir(parents=True)
    (results / "20261128-1" / "result.json").write_text("{}")
    which = "name a run folder, its result.json or a bundle (.zip)"
    for path, fix in (
        (tmp_path / "nope", "correct the path"),
        (config, which),
        (empty, which),
        (results, f"name a result in it, such as {results / '20261128-1'}"),
    ):
        assert main(["report", str(path)]) == 7
        assert capsys.readouterr().err.endswith(f"\nfix   {fix}\n")


def test_a_fix_of_several_problems_is_printed_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = tmp_path / "result.json"
    result.write_text(to_json(as_document("result", example_result()) | {"models": 1, "tasks": 1}))
    assert main(["report", str(result)]) == 7
    lines = capsys.readouterr().err.splitlines()
    assert sum(line.startswith("error ") for line in lines) > 1
    assert [line for line in lines if line.startswith("fix ")] == [f"fix   see `{command_line('verify', result)}`"]
