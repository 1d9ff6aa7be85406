"""`lanebench compare`: it verifies what it reads, refuses what fails, and exits with 1 for a worse run if asked to."""

import json
import re
from pathlib import Path

import pytest

from harness.cli import main
from harness.files import sha256_of
from harness.report import display_width
from harness.types import Json
from tests.bundle import Bundle, failing, good_bundle, later, summarized, write_bundle, write_result
from tests.hostile import zip_of


def _baseline() -> Bundle:
    return good_bundle(2)


def _other() -> Bundle:
    return later(_baseline(), 1)


def _files(folder: Path, *bundles: Bundle) -> list[str]:
    return [str(write_result(folder / f"{number}.json", bundle)) for number, bundle in enumerate(bundles)]


def test_a_worse_run_fails_only_with_fail_if(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound = good_bundle(8)
    paths = _files(tmp_path, sound, failing(later(sound, 1), "alpha", 8))
    assert main(["compare", "--full", *paths]) == 0
    assert "8 of 8 trials of code-bugfix (95 % interval 68 to 100 %) regressed" in capsys.readouterr().out
    assert main(["compare", *paths, "--fail-if", "worse"]) == 1
    assert main(["compare", *paths, "--fail-if", "worse", "--baseline", paths[1]]) == 0


def test_every_other_run_is_compared_with_the_baseline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    others = [later(_baseline(), days) for days in (1, 2)]
    paths = _files(tmp_path, _baseline(), *others)
    run_id = others[0].result["run"]["id"]
    assert main(["compare", *paths, "--baseline", run_id, "--format", "github"]) == 0
    assert capsys.readouterr().out.count("## Notes") == 2
    assert main(["compare", *paths, "--baseline", "run-9"]) == 7
    assert "is none of the given results" in capsys.readouterr().err


def test_folders_and_zips_are_read_and_json_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_bundle(tmp_path / "bundle", _baseline())
    archive = zip_of(tmp_path / "bundle.zip", {"result.json": json.dumps(_other().result)})
    assert main(["compare", str(folder), str(archive), "--format", "json"]) == 0
    assert [pair["other"] for pair in json.loads(capsys.readouterr().out)["pairs"]] == ["alpha", "beta"]


def test_models_without_a_common_label_need_to_be_paired(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = _other()
    text = json.dumps(other.result).replace('"alpha"', '"gamma"').replace('"beta"', '"delta"')
    renamed = summarized(Bundle(json.loads(text), other.recordings, other.scores, other.log))
    renamed.result["lanes"][0]["override"] = None
    assert main(["compare", *_files(tmp_path, _baseline(), summarized(renamed))]) == 7
    assert "--pair BASELINE=OTHER" in capsys.readouterr().err


def test_one_result_cannot_be_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *_files(tmp_path, _baseline())]) == 7
    assert "a baseline and at least one other result" in capsys.readouterr().err


def test_a_run_is_not_compared_with_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = _files(tmp_path, _baseline(), _baseline())
    assert main(["compare", *paths, "--fail-if", "worse"]) == 7
    assert "are the same run" in capsys.readouterr().err


def test_two_models_of_one_run_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = _files(tmp_path, _baseline(), _baseline())
    assert main(["compare", *paths, "--pair", "alpha=alpha"]) == 7
    assert main(["compare", *paths, "--pair", "alpha=beta"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("The evidence does not decide between beta and alpha; ")
    assert "answers are the same." not in shown
    assert "is not compared: in one run each model's prompts have nonces of their own" in " ".join(shown.split())
    assert "Lane" not in shown
    assert "each model had all its trials in one piece" in " ".join(shown.split())


def test_answers_to_the_same_prompts_are_held_against_each_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = _other()
    changed = next(trial for trial in other.result["trials"] if trial["model"] == "alpha" and not trial["warmup"])
    turn = changed["turns"][0]
    turn["content"] += " "
    turn["content_sha256"] = sha256_of(turn["content"])
    main(["compare", *_files(tmp_path, _baseline(), other)])
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.index("3 of 4 answers are the same.") < shown.index("beta: all 4 answers are the same: it solved")
    assert "beta: the evidence" not in shown
    assert "is not compared" not in shown
    other.result["run"]["seed"] += 1
    main(["compare", *_files(tmp_path, _baseline(), other)])
    assert "answers" not in capsys.readouterr().out


def test_a_refused_result_does_not_keep_the_others_from_being_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = later(good_bundle(2), 2)
    _fifty_fold(forged.result)
    baseline, other, wrong = _files(tmp_path, _baseline(), _other(), forged)
    assert main(["compare", baseline, wrong, other, str(tmp_path / "gone"), "--format", "github"]) == 7
    shown = capsys.readouterr()
    assert shown.out.count("## Notes") == 1
    assert wrong in shown.err
    assert "gone: the file does not exist" in shown.err
    assert main(["compare", wrong, baseline, other]) == 7
    assert capsys.readouterr().out == ""


def _flipped(result: Json) -> None:
    """A failed trial that claims to have passed, its checks as they were."""
    next(trial for trial in result["trials"] if trial["outcome"] == "failed")["outcome"] = "passed"


def _of_nobody(result: Json) -> None:
    result["trials"] += [trial | {"model": "nobody"} for trial in result["trials"]]


def _fifty_fold(result: Json) -> None:
    result["trials"] *= 50


def _faster(result: Json) -> None:
    """Rates that no time of the trial gives."""
    for trial in result["trials"]:
        for turn in trial["turns"]:
            turn["timings"]["decode_tps"] = 1e8


@pytest.mark.parametrize("forge", [_flipped, _of_nobody, _fifty_fold, _faster])
@pytest.mark.parametrize("command", ["compare", "report", "lanes"])
def test_a_forged_result_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, forge: object
) -> None:
    forged = failing(later(good_bundle(2), 1), "alpha", 1)
    assert callable(forge)
    forge(forged.result)
    sound, path = _files(tmp_path, good_bundle(2), forged)
    arguments = [sound, path, "--fail-if", "worse"] if command == "compare" else [path]
    assert main([command, *arguments]) == 7
    shown = capsys.readouterr()
    assert shown.out == ""
    assert path in shown.err
    assert "verify" in shown.err


def test_what_could_not_be_checked_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = _other()
    other.result["tasks"][0]["name"] = "another-task"
    text = json.dumps(other.result).replace('"code-bugfix"', '"another-task"')
    unknown = Bundle(json.loads(text), other.recordings, other.scores, other.log)
    paths = _files(tmp_path, _baseline(), summarized(unknown))
    assert main(["compare", *paths]) == 0
    assert "consistent could not be checked: no task 'another-task' is known locally" in capsys.readouterr().err


def test_any_number_of_runs_fits_one_screen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [
        good_bundle(),
        *(later(good_bundle(), at) for at in range(1, 17)),
        failing(later(good_bundle(), 18), "alpha", 3),
    ]
    paths = [str(write_result(tmp_path / f"{at}.json", run)) for at, run in enumerate(runs)]
    for count in (2, 5, 18):
        assert main(["compare", *paths[:count]]) == 0
        shown = capsys.readouterr().out
        lines = shown.splitlines()
        assert len(lines) <= 30
        assert max(map(display_width, lines)) <= 80
        assert lines[-1].endswith("every table: this command with --full")
    assert lines[0].startswith("Nothing better or worse is shown in 34 of 34 (run and model): 17 alpha, ")
    assert any(re.fullmatch(r"17 alpha +3/3 +0/3 +-100 \? .*", line) for line in lines)
    assert "... and 27 more rows" in lines
