"""What the command line adds to an error: a fix that names a command or an option, and how a run is continued."""

from pathlib import Path

import pytest

from harness.cli import main
from harness.cli.fixes import resumable, suggest
from harness.errors import DiskError, Problem, RunError
from harness.run import Chain, RunFolder
from harness.types import TrialKey
from tests.example import run_plan

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
