"""What the commands that record share: a dry run shows the run that would follow, and refuses what it would."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli import main
from harness.errors import DiskError, RunError
from harness.files import kit_info
from harness.host import host_facts
from harness.run import RunFolder, task_info
from harness.run.folder import create_run
from harness.tasks import find_fixtures, load_tasks
from harness.types import Json, Lifecycle, Model, TrialKey
from tests.test_run_folder import run_plan
from tests.wire import make_recording

TASK = "speed-canary"


def a_model(label: str) -> Model:
    return Model(label, "openai", "http://127.0.0.1:9/v1", "m", lifecycle=Lifecycle("process", ("serve", label)))


def killed_run(results: Path, recorded: list[TrialKey], **changed: Json) -> RunFolder:
    """A run of two passes over two models that was killed in the middle of a turn."""
    plan = run_plan()
    settings = replace(plan.settings, tasks=(TASK,), trials=4, passes=2, warmups=0)
    tasks = tuple(map(task_info, load_tasks([find_fixtures()], names=[TASK])))
    origin = {"kit": kit_info(), "host": host_facts(), **changed}
    models = (a_model("a"), a_model("b"))
    folder = create_run(results, replace(plan, settings=settings, models=models, tasks=tasks, **origin))
    with folder.session("record"):
        for key in recorded:
            folder.append_recording(replace(make_recording([]), key=key, last_turn=True))
    log = folder.log_path.read_bytes().splitlines(keepends=True)
    folder.log_path.write_bytes(b"".join(log[:-1]))
    with folder.recordings_path.open("ab") as file:
        file.write(b'{"key": ')
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_dry_run_of_the_rest_of_a_run_names_what_is_left_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = [TrialKey("a", TASK, number) for number in range(4)] + [TrialKey("b", TASK, 0)]
    folder = killed_run(tmp_path, done)
    before = contents(folder.path)
    assert main(["record", "--dry-run", "--resume", str(folder.path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith(("pass", "model"))] == [
        "pass 1 of 2",
        "model b",
        "pass 2 of 2",
        "model b",
    ]
    assert contents(folder.path) == before


def test_the_passes_that_are_left_have_the_order_of_the_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = killed_run(tmp_path, [TrialKey(label, TASK, number) for label in "ab" for number in range(2)])
    assert main(["record", "--dry-run", "--resume", str(folder.path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("model")] == ["model b", "model a"]


def test_a_dry_run_of_a_finished_run_starts_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = killed_run(tmp_path, [TrialKey(label, TASK, number) for label in "ab" for number in range(4)])
    assert main(["record", "--dry-run", "--resume", str(folder.path)]) == 0
    assert capsys.readouterr().out == "Every trial so far is recorded: nothing is started or stopped.\n"


@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]])
@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"kit": replace(kit_info(), commit="b" * 40)}, f"commit {'b' * 40} (here {kit_info().commit})"),
        ({"host": replace(host_facts(), chip="Apple M9")}, "chip Apple M9 (here "),
    ],
)
def test_a_run_of_another_kit_or_machine_is_not_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, Json], expected: str, dry_run: list[str]
) -> None:
    folder = killed_run(tmp_path, [TrialKey("a", TASK, 0)], **changed)
    assert main(["record", *dry_run, "--resume", str(folder.path)]) == RunError.exit_code
    assert expected in " ".join(capsys.readouterr().err.split())


MODEL = '[[models]]\nlabel = "a"\nserver = "openai"\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "m"\n'
AGENT_TASK = "agent-cannot"


def test_a_dry_run_names_a_models_contenders_in_the_passes_of_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "bench.toml"
    config.write_text(f'{MODEL}agent = "pi"\n[run]\ntasks = ["{TASK}", "{AGENT_TASK}"]\n')
    assert main(["record", "--dry-run", "--config", str(config)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("model")] == ["model a", "model a+pi", "model a+pi", "model a"]
    # None of the tasks is for the model alone: the run leaves it out.
    assert main(["record", "--dry-run", "--config", str(config), "--task", AGENT_TASK]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith(("pass", "model"))] == ["model a+pi"]


@pytest.mark.parametrize(
    ("more", "words", "code", "expected"),
    [
        ("", ("--task", "no-such-task"), 4, "unknown task 'no-such-task'"),
        ("", ("--suite", "no-such-suite"), 4, "unknown suite 'no-such-suite'"),
        ('agent = "no-such-agent"\n', (), 3, "unknown agent 'no-such-agent'"),
        ('[[lanes]]\nname = "mine"\ntasks = ["speed-canari"]\n', (), 3, "lane 'mine': unknown task 'speed-canari'"),
    ],
)
@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]])
def test_a_run_and_its_dry_run_refuse_the_same(
    tmp_path: Path,
    more: str,
    words: tuple[str, ...],
    code: int,
    expected: str,
    dry_run: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = tmp_path / "bench.toml"
    config.write_text(MODEL + more)
    place = ["--results", str(tmp_path / "results"), "--config", str(config)]
    assert main(["record", *place, *words, *dry_run]) == code
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


def test_a_second_run_of_the_same_second_and_seed_is_told_to_repeat(tmp_path: Path) -> None:
    create_run(tmp_path, run_plan())
    with pytest.raises(DiskError, match="began in the same second") as caught:
        create_run(tmp_path, run_plan())
    assert caught.value.fix == "run the same command again"
