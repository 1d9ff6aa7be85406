"""The whole way with the package swebench: tasks, a run, predictions, and verdicts from containers of our own image."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.agents.image import base_image
from harness.cli import main
from harness.errors import UncheckedError
from harness.sandbox import Engine, ensure_engine, image_problem
from harness.swebench import GradeEnd, Grader, PredictionSet, read_instances, write_predictions
from harness.types import Json
from tests.official import RIGHT, WRONG, diff, make_repository, make_row, write_rows

OTHER = WRONG.replace("a - b", "a * b")
PATCHES = {
    "right": diff({"calc.py": WRONG}, {"calc.py": RIGHT}),
    "wrong": diff({"calc.py": WRONG}, {"calc.py": OTHER}),
    "unfit": diff({"calc.py": RIGHT}, {"calc.py": OTHER}),
    "empty": "",
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = ensure_engine(print)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def place(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the repository, and its image on the engine."""
    folder = tmp_path_factory.mktemp("swebench")
    commit = make_repository(folder / "example" / "calc")
    (folder / "commit").write_text(commit)
    image = make_row(commit)["image"]
    (folder / "Dockerfile").write_text(f"FROM {base_image(engine, print)}\nCOPY example/calc /testbed\nENTRYPOINT []\n")
    subprocess.run(["docker", "build", "-q", "-t", image, "."], cwd=folder, check=True, capture_output=True)
    yield folder
    subprocess.run(["docker", "rmi", "-f", image], check=True, capture_output=True)


def rows_of(place: Path, *ids: str) -> list[Json]:
    commit = (place / "commit").read_text()
    path = write_rows(place / "rows.jsonl", [make_row(commit, instance_id=each) for each in ids])
    return [instance.row for instance in read_instances(path, ()).instances]


def test_predictions_are_graded_as_they_are(engine: Engine, place: Path, tmp_path: Path) -> None:
    predictions = PredictionSet("m:1", 0, "test-grades", tmp_path / "predictions.jsonl", {**PATCHES})
    write_predictions(predictions)
    grades = Grader(engine, None, print).grade(rows_of(place, *PATCHES), predictions)
    assert {grade.instance_id: grade.end for grade in grades} == {
        "right": GradeEnd.RESOLVED,
        "wrong": GradeEnd.UNRESOLVED,
        "unfit": GradeEnd.UNFIT_PATCH,
        "empty": GradeEnd.NO_PATCH,
    }


def test_what_cannot_be_graded_here_is_known_before_a_model_is_asked(
    engine: Engine, place: Path, tmp_path: Path
) -> None:
    good, gone, bare, broken = rows_of(place, "good", "gone", "bare", "broken")
    gone["image"] = "lanebench-test/nowhere:latest"
    del bare["eval_script"]
    broken["patch"] = PATCHES["wrong"]
    unfit = {each.id: each.reason for each in Grader(engine, None, print).check([good, gone, bare, broken], tmp_path)}
    assert set(unfit) == {"gone", "bare", "broken"}
    assert "the image lanebench-test/nowhere:latest is not here and cannot be pulled" in unfit["gone"]
    assert unfit["bare"] == "its row has no eval_script, by which swebench 5 grades"
    assert unfit["broken"] == "its official solution does not pass on this machine: not resolved"


def test_an_image_for_another_processor_is_named(engine: Engine, tmp_path: Path) -> None:
    name, other = "lanebench-test/other-processor:latest", "arm64" if engine.architecture == "x86_64" else "amd64"
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    words = ["docker", "build", "-q", f"--platform=linux/{other}", "-t", name, "."]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    try:
        problem = image_problem(engine, name, print)
    finally:
        subprocess.run(["docker", "rmi", "-f", name], check=True, capture_output=True)
    assert problem is not None
    assert problem.endswith(f"this engine runs {engine.architecture} and cannot emulate it")


def test_building_without_the_builder_is_refused(
    engine: Engine, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(UncheckedError, match="docker buildx"):
        Grader(engine, str(place), print).check(rows_of(place, "x"), tmp_path)


def test_a_run_is_recorded_predicted_resumed_and_graded(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows_of(place, "example__calc-1")
    words = ["--dataset", str(place / "rows.jsonl"), "--repositories", str(place), "--simulated", "--trials", "1"]
    assert main(["swebench", *words, "--predict-only"]) == 0
    (run,) = Path("results").iterdir()
    (line,) = (run / "swebench" / "demo-steady.trial-1.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "instance_id": "example__calc-1",
        "model_name_or_path": "demo-steady",
        "model_patch": PATCHES["right"],
    }
    assert (run / "recordings.jsonl").stat().st_size
    capsys.readouterr()
    assert main(["swebench", "--resume", str(run)]) == 0
    assert "demo-steady, trial 1: 1 of 1 instances resolved\n  example__calc-1: resolved" in capsys.readouterr().out


def test_a_data_set_of_a_million_rows_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with path.open("w") as file:
        for _ in range(10):
            file.write('{"instance_id": "other", "patch": ""}\n' * 100_000)
        file.write(json.dumps(make_row("0" * 40)) + "\n")
    program = (
        "import resource, sys\nfrom pathlib import Path\nfrom harness.swebench import read_instances\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "found = read_instances(Path(sys.argv[1]), ['example__calc-1'])\n"
        "print(len(found.instances), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    count, grown_kb = map(int, done.stdout.split())
    assert count == 1
    assert grown_kb < 20_000
