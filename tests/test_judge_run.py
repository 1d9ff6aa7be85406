"""A judging of a real run: a model judges through the recorder, and the verdicts enter the result and are verified."""

import os
import shutil
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from harness.cli import main
from harness.errors import ServerError
from harness.files import build, read_json, read_lines
from harness.judge import JudgingFolder, ask_model, create_judging, judging_model, open_judging, prepare_pairs, reveal
from harness.read import read
from harness.record import Timeouts
from harness.run import RunFolder, build_result, open_run, open_servers
from harness.tasks import find_fixtures, load_tasks
from harness.types import Recording, Result
from tests.judged_run import SHORT, finished_run, models_at, serve_models
from tests.samples import model_at

TASKS = {task.name: task for task in load_tasks([find_fixtures()], names=["write-voice"])}


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with serve_models() as url:
        yield url


@pytest.fixture(scope="module")
def run(base_url: str, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return finished_run(tmp_path_factory.mktemp("results"), base_url)


@pytest.fixture
def folder(run: RunFolder, tmp_path: Path) -> JudgingFolder:
    result = build(Result, read_json(run.result_path))
    return create_judging(tmp_path / "judging", prepare_pairs([result], TASKS, 4), [run.path])


def ask(folder: JudgingFolder, base_url: str, model: str) -> None:
    (server,) = open_servers([model_at(base_url, model)], 2.0)
    ask_model(folder, judging_model(server, Timeouts(2.0, 5.0, 10.0)), lambda *_: None, lambda _: None)


def test_a_model_judges_each_pair_in_both_orders_and_everything_is_recorded(
    folder: JudgingFolder, base_url: str
) -> None:
    ask(folder, base_url, "maker/careful-7b")
    judging = reveal(folder)
    assert {ballot.vote for ballot in judging.ballots} == {"left", "right"}
    for ballot in judging.ballots:
        origin = judging.origins[ballot.pair]
        assert (origin.left if ballot.vote == "left" else origin.right).contestant == "long"
    lines = [build(Recording, line) for _, line in read_lines(folder.path / "recordings.jsonl")]
    assert len(lines) == 2 * len(judging.ballots)
    assert [read(line).content for line in lines[:2]] == [reply.content for reply in judging.ballots[0].replies]
    first = lines[0].request["messages"][1]["content"]
    assert "[redacted]" in first
    assert "Qwen" not in first


def test_a_model_that_takes_what_comes_first_is_order_dependent(folder: JudgingFolder, base_url: str) -> None:
    ask(folder, base_url, "maker/first-7b")
    assert {ballot.vote for ballot in folder.ballots} == {"order_dependent"}


def test_what_a_model_judged_is_not_asked_again(folder: JudgingFolder, base_url: str) -> None:
    ask(folder, base_url, "maker/careful-7b")
    ask(open_judging(folder.path), base_url, "maker/careful-7b")
    assert len(open_judging(folder.path).ballots) == len(folder.sheet.pairs)


def test_a_judge_without_a_server_votes_nothing(folder: JudgingFolder) -> None:
    with pytest.raises(ServerError):
        ask(folder, "http://127.0.0.1:9/v1", "maker/careful-7b")
    assert open_judging(folder.path).ballots == []


def write_config(path: Path, base_url: str) -> Path:
    models = [("short", "maker/short-7b"), ("long", "maker/long-7b"), ("careful", "qwen-careful-7b")]
    tables = [
        f'[[models]]\nlabel = "{label}"\nserver = "openai"\nbase_url = "{base_url}"\nmodel = "{model}"\n'
        for label, model in models
    ]
    path.write_text("\n".join(["[run]\nread_timeout_s = 5.0\n", *tables]))
    return path


@pytest.mark.parametrize(("folder_of_user", "named"), [("", "."), ("within", ".."), ("", "within/.."), ("", "../copy")])
def test_the_default_folder_of_a_judging_is_beside_the_run_however_it_is_named(
    run: RunFolder, tmp_path: Path, folder_of_user: str, named: str
) -> None:
    copy = shutil.copytree(run.path, tmp_path / "copy")
    (copy / "within").mkdir()
    with chdir(copy / folder_of_user):
        assert main(["judge", "prepare", named, "--pairs", "2"]) == 0
    assert (tmp_path / "copy-judging" / "sheet.json").is_file()


def test_the_commands_bring_the_verdicts_into_the_result_and_verify_accepts_it(
    run: RunFolder, base_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judging, config = tmp_path / "judging", write_config(tmp_path / "bench.toml", base_url)
    unpacked = shutil.copytree(run.path, tmp_path / "unpacked")
    (unpacked / "run.json").unlink()
    assert main(["judge", "prepare", str(unpacked), "--output", str(judging)]) == 7
    assert main(["judge", "prepare", str(run.path), "--output", str(judging), "--pairs", "5"]) == 0
    assert "5 pairs of 2 models, 1 of them shown twice" in capsys.readouterr().out
    assert main(["judge", "reveal", str(judging)]) == 7
    assert main(["judge", "ask", str(judging), "--config", str(config), "--model", "careful"]) == 0
    assert main(["judge", "reveal", str(judging)]) == 0
    out = capsys.readouterr().out
    assert "Blind judging" in out
    assert "careful" in out
    result = build(Result, read_json(run.result_path))
    assert result.judge_reports[0].model == "qwen-careful-7b"
    assert build_result(open_run(run.path)).judge_reports == result.judge_reports
    assert main(["verify", str(run.path), "--level", "reread"]) == 0
    assert os.path.getsize(run.path / "report.html") > 0
    forged = run.result_path.read_text().replace('"partial": false', '"partial": true', 1)
    run.result_path.write_text(forged)
    assert main(["verify", str(run.path), "--level", "consistent"]) == 1


def test_the_answers_in_a_judging_are_those_of_the_run(run: RunFolder, folder: JudgingFolder) -> None:
    shown = " ".join(folder.texts.values())
    assert SHORT.replace("Qwen2.5-7B", "[redacted]").split("\n")[0] in shown
    assert {model.label for model in models_at("")} == {one.label for one in folder.sheet.contestants}
